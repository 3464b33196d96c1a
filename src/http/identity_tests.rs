//! The routes of accounts, sessions, keys and cases.

use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::Method;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::extract::{CSRF_HEADER, SESSION_COOKIE};
use super::test_world::{API, Login, PASSWORD, key, new_company, world};
use crate::base::limits::{BODY_MAX_BYTES, REAUTH_MAX, SESSION_IDLE_MAX, SESSION_MAX};
use crate::base::{Id, Jwk, Span};
use crate::identity::Role;

#[actix_web::test]
async fn a_company_signs_up_and_in_and_out() {
    let w = world();
    let reply = w.call(None, Method::POST, "/companies", &new_company("wanhe")).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    let account = reply.id("account");

    let public = w.call(None, Method::GET, "/session", &Value::Null).await;
    assert_eq!((public.status, &public.body["csrf"]), (200, &Value::Null));
    assert_eq!(public.body["viewer"]["role"], "public");

    let reply = w.call(None, Method::POST, "/session", &json!({ "login": "wanhe", "password": PASSWORD })).await;
    let login = reply.session();
    let me = w.get(&login, "/session").await;
    assert_eq!(me.body, reply.body, "signing in says what asking says");
    assert_eq!((&me.body["viewer"]["account"], me.caching.as_str()), (&json!(account), "no-store"));
    assert_eq!(me.body["viewer"]["organisation"]["name"], "明江万禾建设有限公司");

    let out = w.call(Some(&login), Method::DELETE, "/session", &Value::Null).await;
    assert_eq!((out.status, out.cookie.unwrap().value()), (204, ""));
    let again = w.call(Some(&login), Method::DELETE, "/session", &Value::Null).await;
    assert_eq!(again.status, 204, "twice is no error");
    assert_eq!(w.get(&login, "/me/keys").await.code(), "session_over");
}

#[actix_web::test]
async fn the_cookie_is_for_this_host_and_no_script() {
    let w = world();
    w.seed("bidder", Role::Bidder);
    let reply = w.call(None, Method::POST, "/session", &json!({ "login": "bidder", "password": PASSWORD })).await;
    let cookie = reply.cookie.unwrap();
    assert_eq!(cookie.name(), "__Host-mingjian");
    assert_eq!((cookie.secure(), cookie.http_only()), (Some(true), Some(true)));
    assert_eq!((cookie.same_site(), cookie.path(), cookie.domain()), (Some(SameSite::Strict), Some("/"), None));
    assert_eq!(cookie.max_age().unwrap().whole_microseconds(), i128::from(SESSION_MAX.get()));
    assert!(cookie.value().len() >= 43 && !reply.body.to_string().contains(cookie.value()));
    assert_eq!(reply.caching, "no-store");
}

#[actix_web::test]
async fn nothing_changes_without_the_sessions_own_csrf_token() {
    let w = world();
    w.seed("bidder", Role::Bidder);
    let (login, other) = (w.sign_in("bidder").await, w.sign_in("bidder").await);
    for (method, path, body) in [
        (Method::DELETE, "/session", Value::Null),
        (Method::POST, "/session/proof", json!({ "password": PASSWORD })),
        (Method::POST, "/session/password", json!({ "current": PASSWORD, "new": "eight loud herons" })),
        (Method::POST, "/session/totp", Value::Null),
        (Method::PUT, "/session/totp", json!({ "code": "123456" })),
        (Method::DELETE, "/session/all", Value::Null),
        (Method::POST, "/me/keys", json!({ "key": key(1) })),
    ] {
        for csrf in ["", "x", &other.csrf] {
            let forged = Login { csrf: csrf.to_owned(), ..login.clone() };
            let reply = w.call(Some(&forged), method.clone(), path, &body).await;
            assert_eq!((reply.status, reply.code()), (403, "csrf_mismatch"), "{method} {path}");
        }
    }
    assert_eq!(w.get(&login, "/session/all").await.body["items"].as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn a_proof_changes_cookie_and_token_and_ends_the_old_session() {
    let w = world();
    w.seed("bidder", Role::Bidder);
    let before = w.sign_in("bidder").await;
    w.after(REAUTH_MAX);
    assert_eq!(w.get(&before, "/session").await.body["viewer"]["proved_recently"], false);
    let wrong = w.post(&before, "/session/proof", json!({ "password": "nine tall herons" })).await;
    assert_eq!((wrong.status, wrong.code()), (401, "bad_credentials"));
    let after = w.prove(&before).await;
    assert!(after.token != before.token && after.csrf != before.csrf);
    assert_eq!(w.get(&after, "/session").await.body["viewer"]["proved_recently"], true);
    assert_eq!(w.get(&before, "/session/all").await.code(), "session_over");

    let changed = w.post(&after, "/session/password", json!({ "current": PASSWORD, "new": "short" })).await;
    assert_eq!((changed.status, changed.code()), (422, "weak_password"));
    let changed = w.post(&after, "/session/password", json!({ "current": PASSWORD, "new": "eight loud herons" })).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(w.get(&after, "/session/all").await.code(), "session_over");
    assert_eq!(w.get(&changed.session(), "/session/all").await.status, 200);
}

#[actix_web::test]
async fn a_session_that_is_over_becomes_the_public_and_its_cookie_goes() {
    let w = world();
    w.seed("bidder", Role::Bidder);
    let login = w.sign_in("bidder").await;
    w.after(SESSION_IDLE_MAX);
    let elsewhere = w.get(&login, "/session/all").await;
    assert_eq!((elsewhere.status, elsewhere.code()), (401, "session_over"));
    let reply = w.get(&login, "/session").await;
    assert_eq!((reply.status, &reply.body["viewer"]["role"]), (200, &json!("public")));
    let gone = reply.cookie.unwrap();
    assert_eq!((gone.value(), gone.path(), gone.secure()), ("", Some("/"), Some(true)));
    assert!(gone.max_age().unwrap().is_zero());
}

#[actix_web::test]
async fn signing_in_anew_ends_the_session_whose_cookie_it_overwrites() {
    let w = world();
    w.seed("bidder", Role::Bidder);
    let first = w.sign_in("bidder").await;
    let credentials = json!({ "login": "bidder", "password": PASSWORD });
    let second = w.post(&first, "/session", credentials).await.session();
    assert_eq!(w.get(&first, "/session/all").await.code(), "session_over");
    let sessions = w.get(&second, "/session/all").await.body;
    assert_eq!(sessions["items"].as_array().unwrap().len(), 1);

    let id = sessions["items"][0]["id"].as_str().unwrap();
    assert_eq!(sessions["items"][0]["current"], true);
    let ended = w.call(Some(&second), Method::DELETE, &format!("/session/all/{id}"), &Value::Null).await;
    assert_eq!((ended.status, ended.cookie.unwrap().value()), (204, ""));
    assert_eq!(w.get(&second, "/session/all").await.code(), "session_over");
}

#[actix_web::test]
async fn what_cannot_be_read_is_a_problem_with_a_stable_code() {
    let w = world();
    w.seed("bidder", Role::Bidder);
    w.seed("admin", Role::SystemAdmin);
    let (bidder, admin) = (w.sign_in("bidder").await, w.sign_in("admin").await);
    let as_json = "application/json";
    let long = format!(r#"{{"login":"{}"}}"#, "x".repeat(BODY_MAX_BYTES));
    let company = |field: &str, value: &str| {
        let mut body = new_company("other");
        body[field] = value.into();
        body.to_string()
    };
    for (login, path, kind, body, status, code) in [
        (None, "/session", "text/plain", "{}".to_owned(), 415, "unsupported_media"),
        (None, "/session", "", "{}".to_owned(), 415, "unsupported_media"),
        (None, "/session", as_json, String::new(), 400, "malformed"),
        (None, "/session", as_json, "{".to_owned(), 400, "malformed"),
        (None, "/session", as_json, "[]".to_owned(), 400, "malformed"),
        (None, "/session", as_json, r#"{"login":"bidder"}"#.to_owned(), 400, "malformed"),
        (None, "/session", as_json, r#"{"login":"b","password":"p","admin":true}"#.to_owned(), 400, "malformed"),
        (None, "/session", as_json, "\u{0}\u{1}\u{fffd}".to_owned(), 400, "malformed"),
        (None, "/session", as_json, long, 413, "too_large"),
        (None, "/session", as_json, r#"{"login":"nobody","password":"p"}"#.to_owned(), 401, "bad_credentials"),
        (None, "/companies", as_json, company("login", "a b"), 422, "invalid_field"),
        (None, "/companies", as_json, company("name", " "), 422, "invalid_field"),
        (None, "/companies", as_json, company("company", "a\nb"), 422, "invalid_field"),
        (None, "/companies", as_json, company("credit_code", "91999999MA00000000"), 422, "invalid_field"),
        (None, "/companies", as_json, company("password", "short"), 422, "weak_password"),
        (None, "/companies", as_json, company("login", "bidder"), 409, "account_exists"),
        (
            None,
            "/activation",
            as_json,
            r#"{"login":"x","code":"y","password":"eight loud herons"}"#.to_owned(),
            401,
            "bad_credentials",
        ),
        (Some(&bidder), "/me/keys", as_json, r#"{"key":"x"}"#.to_owned(), 400, "malformed"),
        (Some(&bidder), "/me/keys", as_json, json!({ "key": Jwk([0; 32]) }).to_string(), 422, "key_weak"),
        (Some(&admin), "/organisations", as_json, r#"{"kind":"club","name":"x"}"#.to_owned(), 422, "invalid_field"),
        (Some(&admin), "/organisations", as_json, r#"{"kind":"company","name":"x"}"#.to_owned(), 422, "invalid_field"),
        (
            Some(&admin),
            "/accounts",
            as_json,
            json!({ "login": "new", "name": "x", "organisation": Id::from_u128(1) }).to_string(),
            422,
            "invalid_field",
        ),
        (Some(&admin), "/accounts/x/disable", as_json, String::new(), 404, "not_found"),
    ] {
        let mut request = TestRequest::post().uri(&format!("{API}{path}")).set_payload(body.clone());
        if !kind.is_empty() {
            request = request.insert_header((CONTENT_TYPE, kind));
        }
        if let Some(Login { token, csrf }) = login {
            request = request.cookie(Cookie::new(SESSION_COOKIE, token)).insert_header((CSRF_HEADER, csrf.as_str()));
        }
        let reply = w.send(request).await;
        let body: String = body.chars().take(80).collect();
        assert_eq!((reply.status, reply.code()), (status, code), "{path} {body} {}", reply.body);
        assert_eq!(reply.content_type, "application/problem+json", "{path} {body}");
        if code == "invalid_field" {
            let detail = reply.body["detail"].as_str().unwrap();
            assert!(detail.contains(": "), "the field is named: {detail}");
        }
    }
    for query in ["limit=0", "limit=201", "limit=x", "after=%25", "offset=3"] {
        let reply = w.get(&admin, &format!("/accounts?{query}")).await;
        assert_eq!((reply.status, reply.code()), (422, "invalid_field"), "{query}");
    }
}

#[actix_web::test]
async fn every_route_asks_the_table_of_rights() {
    use Role::{AuditAdmin, Bidder, Reviewer, SecurityAdmin, SystemAdmin};
    let w = world();
    let other = w.seed("other", Role::Operator);
    let administrators = &[SystemAdmin, SecurityAdmin, AuditAdmin][..];
    // An account that was granted no role yet is nobody in particular, too.
    let holders: Vec<Role> = Role::ALL.into_iter().filter(|role| *role != Role::Public).collect();
    let one = |tail: &str| format!("/accounts/{other}{tail}");
    let nothing = Id::from_u128(1);
    let routes = [
        (Method::GET, "/session/all".to_owned(), Value::Null, &holders[..]),
        (Method::GET, "/me/keys".to_owned(), Value::Null, &holders),
        (Method::POST, "/me/keys".to_owned(), json!({ "key": key(1) }), &[Bidder]),
        (Method::POST, "/session/totp".to_owned(), Value::Null, &holders),
        (Method::GET, "/accounts".to_owned(), Value::Null, administrators),
        (Method::GET, one(""), Value::Null, administrators),
        (Method::POST, "/accounts".to_owned(), json!({ "login": "newcomer", "name": "周某" }), &[SystemAdmin]),
        (Method::POST, "/organisations".to_owned(), json!({ "kind": "authority", "name": "某局" }), &[SystemAdmin]),
        (Method::POST, one("/disable"), Value::Null, &[SystemAdmin]),
        (Method::POST, one("/enable"), Value::Null, &[SystemAdmin]),
        (Method::POST, one("/reset"), Value::Null, &[SecurityAdmin]),
        (Method::PUT, one("/role"), json!({ "role": "operator" }), &[SecurityAdmin]),
        (Method::GET, one("/sessions"), Value::Null, &[SecurityAdmin]),
        (Method::DELETE, one("/sessions"), Value::Null, &[SecurityAdmin]),
        (Method::DELETE, one(&format!("/sessions/{nothing}")), Value::Null, &[SecurityAdmin]),
        (Method::GET, "/security-events".to_owned(), Value::Null, &[AuditAdmin]),
        (Method::GET, "/cases".to_owned(), Value::Null, &[Reviewer]),
        (Method::POST, "/cases".to_owned(), json!({ "lot": nothing, "reason": "来信反映" }), &[Reviewer]),
        (Method::POST, format!("/cases/{nothing}/close"), Value::Null, &[Reviewer]),
    ];
    for role in Role::ALL {
        w.seed(role.name(), role);
        let login = w.sign_in(role.name()).await;
        for (method, path, body, allowed) in &routes {
            let reply = w.call(Some(&login), method.clone(), path, body).await;
            let context = format!("{role} {method} {path}: {} {}", reply.status, reply.body);
            if allowed.contains(&role) {
                assert!(![401, 403].contains(&reply.status) && reply.status < 500, "{context}");
            } else {
                assert_eq!((reply.status, reply.code()), (403, "forbidden"), "{context}");
            }
        }
    }
    for (method, path, body, _) in &routes {
        let reply = w.call(None, method.clone(), path, body).await;
        assert_eq!((reply.status, reply.code()), (401, "not_signed_in"), "{method} {path}");
    }
}

#[actix_web::test]
async fn sensitive_actions_ask_for_a_recent_proof() {
    let w = world();
    let other = w.seed("other", Role::Operator);
    for (role, method, path, body) in [
        (Role::SystemAdmin, Method::POST, "/accounts".to_owned(), json!({ "login": "newcomer", "name": "周某" })),
        (Role::SystemAdmin, Method::POST, format!("/accounts/{other}/disable"), Value::Null),
        (Role::SecurityAdmin, Method::POST, format!("/accounts/{other}/reset"), Value::Null),
        (Role::SecurityAdmin, Method::PUT, format!("/accounts/{other}/role"), json!({ "role": "operator" })),
        (Role::Operator, Method::POST, "/session/totp".to_owned(), Value::Null),
        (Role::Operator, Method::DELETE, "/session/all".to_owned(), Value::Null),
    ] {
        let name = format!("{role}.{}", path.len());
        w.seed(&name, role);
        let login = w.sign_in(&name).await;
        w.after(REAUTH_MAX);
        let reply = w.call(Some(&login), method.clone(), &path, &body).await;
        assert_eq!((reply.status, reply.code()), (403, "reauth_required"), "{method} {path}");
        let proved = w.prove(&login).await;
        let reply = w.call(Some(&proved), method.clone(), &path, &body).await;
        assert!(reply.status < 300, "{method} {path}: {}", reply.body);
    }
}

#[actix_web::test]
async fn a_key_and_its_replacement_stand_in_the_ledger() {
    let w = world();
    let account = w.seed("bidder", Role::Bidder);
    let login = w.sign_in("bidder").await;
    w.after(REAUTH_MAX);

    let first = w.post(&login, "/me/keys", json!({ "key": key(1) })).await;
    assert_eq!((first.status, &first.body["replaces"]), (201, &Value::Null), "{}", first.body);
    let entry = w.payload(first.body["seq"].as_u64().unwrap());
    assert_eq!(entry["kind"], "key.registered");
    assert_eq!(entry["subject"], format!("account/{account}"));
    assert_eq!(entry["actor"], format!("company/{account}"));
    assert_eq!(entry["data"]["key"], json!(key(1)));

    let again = w.post(&login, "/me/keys", json!({ "key": key(1) })).await;
    assert_eq!((again.status, &again.body), (200, &first.body), "the same answer and no second entry");

    let stale = w.post(&login, "/me/keys", json!({ "key": key(2) })).await;
    assert_eq!((stale.status, stale.code()), (403, "reauth_required"));
    w.after(Span::secs(1));
    let login = w.prove(&login).await;
    let second = w.post(&login, "/me/keys", json!({ "key": key(2) })).await;
    assert_eq!((second.status, &second.body["replaces"]), (201, &first.body["id"]), "{}", second.body);
    let entry = w.payload(second.body["seq"].as_u64().unwrap());
    assert_eq!(entry["kind"], "key.replaced");
    assert_eq!(entry["data"]["thumbprint"], key(2).thumbprint().to_string());
    assert_eq!(entry["data"]["replaces"], key(1).thumbprint().to_string());

    let back = w.post(&login, "/me/keys", json!({ "key": key(1) })).await;
    assert_eq!((back.status, back.code()), (409, "key_taken"));
    let listed = w.get(&login, "/me/keys").await.body;
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert_eq!(listed["items"][0]["valid_until"], listed["items"][1]["valid_from"]);
    assert_eq!(w.desk.sequencer.read(|committed| committed.size), second.body["seq"].as_u64().unwrap() + 1);
}

/// The ledger failed between the key and its entry: the next request writes what is missing, in order.
#[actix_web::test]
async fn entries_that_a_failure_left_out_are_made_up_for() {
    let w = world();
    w.seed("bidder", Role::Bidder);
    let login = w.sign_in("bidder").await;
    let viewer = w.desk.identity.viewer_of(&login.token, w.desk.now()).unwrap();
    w.desk.identity.register_identity_key(&viewer, key(1).0, w.desk.now()).unwrap();
    w.after(Span::secs(1));
    let before = w.desk.sequencer.read(|committed| committed.size);
    let reply = w.post(&login, "/me/keys", json!({ "key": key(2) })).await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    let kinds: Vec<Value> = (before..before + 2).map(|seq| w.payload(seq)["kind"].take()).collect();
    assert_eq!(kinds, ["key.registered", "key.replaced"]);
    assert_eq!(reply.body["seq"], before + 1);
}

#[actix_web::test]
async fn nothing_is_registered_while_the_ledger_takes_nothing() {
    let w = world();
    w.seed("bidder", Role::Bidder);
    let login = w.sign_in("bidder").await;
    w.desk.sequencer.shutdown();
    let reply = w.post(&login, "/me/keys", json!({ "key": key(1) })).await;
    assert_eq!((reply.status, reply.code()), (503, "shutting_down"));
    assert_eq!(w.get(&login, "/me/keys").await.body["items"], json!([]));
}

#[actix_web::test]
async fn sign_ups_of_one_network_are_throttled() {
    let w = world();
    for login in ["one", "two", "three"] {
        assert_eq!(w.call(None, Method::POST, "/companies", &new_company(login)).await.status, 201, "{login}");
    }
    let refused = w.call(None, Method::POST, "/companies", &new_company("four")).await;
    assert_eq!((refused.status, refused.code()), (429, "rate_limited"));
    w.after(Span::minutes(1));
    assert_eq!(w.call(None, Method::POST, "/companies", &new_company("four")).await.status, 201);
}

#[actix_web::test]
async fn an_account_is_made_granted_activated_disabled_and_reset() {
    let w = world();
    w.seed("system", Role::SystemAdmin);
    w.seed("security", Role::SecurityAdmin);
    w.seed("audit", Role::AuditAdmin);
    let (system, security) = (w.sign_in("system").await, w.sign_in("security").await);

    let organisation =
        w.post(&system, "/organisations", json!({ "kind": "authority", "name": "明江市监管局" })).await.id("id");
    let new = json!({ "login": "watcher", "name": "周某", "organisation": organisation });
    let made = w.post(&system, "/accounts", new).await;
    let (id, code) = (made.id("id"), made.body["code"].as_str().unwrap().to_owned());

    let wrong =
        w.call(Some(&security), Method::PUT, &format!("/accounts/{id}/role"), &json!({ "role": "owner" })).await;
    assert_eq!((wrong.status, wrong.code()), (422, "invalid_field"));
    let role = json!({ "role": "supervisor" });
    assert_eq!(w.call(Some(&security), Method::PUT, &format!("/accounts/{id}/role"), &role).await.status, 204);

    let activation = json!({ "login": "watcher", "code": code, "password": PASSWORD });
    assert_eq!(w.call(None, Method::POST, "/activation", &activation).await.status, 204);
    assert_eq!(w.call(None, Method::POST, "/activation", &activation).await.code(), "bad_credentials", "once");
    let watcher = w.sign_in("watcher").await;
    assert_eq!(w.get(&watcher, "/session").await.body["viewer"]["role"], "supervisor");
    assert_eq!(w.get(&watcher, &format!("/accounts/{id}")).await.body["activated"], true, "one's own account");

    assert_eq!(w.post(&system, &format!("/accounts/{id}/disable"), Value::Null).await.status, 204);
    assert_eq!(w.get(&watcher, "/session/all").await.code(), "session_over");
    assert_eq!(w.post(&system, &format!("/accounts/{id}/enable"), Value::Null).await.status, 204);
    let watcher = w.sign_in("watcher").await;
    let reset = w.post(&security, &format!("/accounts/{id}/reset"), Value::Null).await;
    assert!(reset.body["code"].as_str().unwrap().len() >= 43);
    assert_eq!(w.get(&watcher, "/session/all").await.code(), "session_over");

    let me = w.get(&system, "/session").await;
    let own = me.body["viewer"]["account"].as_str().unwrap();
    let suicide = w.post(&system, &format!("/accounts/{own}/disable"), Value::Null).await;
    assert_eq!((suicide.status, suicide.code()), (403, "forbidden"));

    let auditor = w.sign_in("audit").await;
    let events = w.get(&auditor, "/security-events?limit=3").await.body;
    let kinds: Vec<_> = events["items"].as_array().unwrap().iter().map(|event| &event["kind"]).collect();
    assert_eq!(kinds, ["signed_in", "account_reset", "signed_in"]);
    let next = events["next"].as_str().unwrap();
    let older = w.get(&auditor, &format!("/security-events?limit=1&after={next}")).await.body;
    assert_eq!(older["items"][0]["kind"], "account_enabled");
}

#[actix_web::test]
async fn lists_go_on_by_cursor_and_end() {
    let w = world();
    for n in 0..4 {
        w.after(Span::secs(1));
        w.seed(&format!("account{n}"), Role::Operator);
    }
    w.after(Span::secs(1));
    w.seed("admin", Role::SystemAdmin);
    let admin = w.sign_in("admin").await;
    let (mut logins, mut path) = (Vec::new(), "/accounts?limit=2".to_owned());
    loop {
        let page = w.get(&admin, &path).await.body;
        logins.extend(page["items"].as_array().unwrap().iter().map(|row| row["login"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/accounts?limit=2&after={next}");
    }
    assert_eq!(logins, ["account0", "account1", "account2", "account3", "admin"]);
    assert_eq!(w.get(&admin, "/accounts?limit=200").await.body["next"], Value::Null);
}

#[actix_web::test]
async fn a_company_is_known_to_its_own_people_and_to_administrators() {
    let w = world();
    for (login, role) in [("mine", Role::Bidder), ("rival", Role::Bidder), ("watch", Role::Supervisor)] {
        w.seed(login, role);
    }
    w.seed("admin", Role::AuditAdmin);
    let mine = w.sign_in("mine").await;
    let of = |me: &Value| me["viewer"]["organisation"]["id"].as_str().unwrap().to_owned();
    let company = of(&w.get(&mine, "/session").await.body);
    let authority = of(&w.get(&w.sign_in("watch").await, "/session").await.body);
    for (login, status) in [("mine", 200), ("rival", 404), ("watch", 404), ("admin", 200)] {
        let login = w.sign_in(login).await;
        assert_eq!(w.get(&login, &format!("/organisations/{company}")).await.status, status);
    }
    for (id, status) in [(company, 404), (authority, 200), (Id::from_u128(1).to_string(), 404)] {
        let reply = w.call(None, Method::GET, &format!("/organisations/{id}"), &Value::Null).await;
        assert_eq!(reply.status, status, "{id}");
    }
}

//! Every documented route times every role: 401, 403 or neither, as the one table of rights says.

use mingjian::base::{Code, Hash, Id, Span};
use mingjian::identity::Role;
use mingjian::identity::rights::{Action as Right, Scope, scope};
use mingjian::ledger::Signer as _;
use serde_json::{Value, json};

use crate::hall::{Hall, identity_key};
use crate::world::World;

const ROLES: [(Option<&str>, Role); 10] = [
    (None, Role::Public),
    (Some("bidder1"), Role::Bidder),
    (Some("owner"), Role::Owner),
    (Some("operator"), Role::Operator),
    (Some("expert"), Role::Expert),
    (Some("supervisor"), Role::Supervisor),
    (Some("reviewer"), Role::Reviewer),
    (Some("system_admin"), Role::SystemAdmin),
    (Some("security_admin"), Role::SecurityAdmin),
    (Some("audit_admin"), Role::AuditAdmin),
];

/// Whom a route lets pass.
#[derive(Clone, Copy, Debug)]
enum Door {
    /// Everybody, the public included.
    Open,
    /// Whoever is signed in.
    SignedIn,
    /// As the table says of this right, on an object that is the asker's own where the scope is `Own`.
    Table(Right),
    /// Nobody who signs in: recorders prove themselves in another way.
    Recorders,
}
use Door::{Open, Recorders, SignedIn, Table};

struct Things<'w> {
    world: &'w World,
    hall: &'w Hall<'w>,
    question: Id,
    order: Id,
    objection: Id,
}

/// Method, path as documented, whom it lets pass, and a body that gets as far as the question who is asking.
fn routes(t: &Things<'_>) -> Vec<(&'static str, &'static str, Door, Option<Value>)> {
    let now = t.world.now();
    let due = now.plus(Span::hours(1));
    let reason = || Some(json!({ "reason": "核查" }));
    let settle = || Some(json!({ "reference": "NONE", "reason": "核查" }));
    let empty = || Some(json!({}));
    let victim = Some(json!({ "login": "made", "name": "王五" }));
    let statement = || Some(json!({ "statement": "a.b.c" }));
    let credentials = json!({ "login": "nobody", "password": "x" });
    vec![
        // The public's
        ("GET", "/healthz", Open, None),
        ("GET", "/readyz", Open, None),
        ("GET", "/metrics", Open, None),
        ("GET", "/ledger/{name}/checkpoint", Open, None),
        ("GET", "/ledger/{name}/tile/{path}", Open, None),
        ("GET", "/ledger/{name}/payload/{seq}", Open, None),
        ("GET", "/ledger/{name}/proof/consistency", Open, None),
        ("GET", "/ledger/{name}/rotations", Open, None),
        ("GET", "/ledger/{name}/proof/{seq}", Open, None),
        ("GET", "/api/v1/ledgers", Open, None),
        ("GET", "/api/v1/statistics", Open, None),
        ("GET", "/api/v1/time", Open, None),
        ("GET", "/api/v1/lots", Open, None),
        ("GET", "/api/v1/lots/{lot}", Open, None),
        ("GET", "/api/v1/projects/{project}", Open, None),
        ("GET", "/api/v1/questions", Open, None),
        ("GET", "/api/v1/live", Open, None),
        ("GET", "/api/v1/stream", Open, None),
        ("GET", "/api/v1/entries", Open, None),
        ("GET", "/api/v1/organisations/{organisation}", Open, None),
        // A bid is signed; a session is not asked for
        ("POST", "/api/v1/lots/{lot}/bids", Open, statement()),
        ("POST", "/api/v1/lots/{lot}/confirmations", Open, statement()),
        // Session and account
        ("GET", "/api/v1/session", Open, None),
        ("POST", "/api/v1/session", Open, Some(credentials)),
        ("DELETE", "/api/v1/session", Open, None),
        (
            "POST",
            "/api/v1/companies",
            Open,
            Some(json!({
            "login": "x", "password": "x", "name": "x", "company": "x", "credit_code": "x" })),
        ),
        ("POST", "/api/v1/activation", Open, Some(json!({ "login": "nobody", "code": "x", "password": "x" }))),
        ("POST", "/api/v1/session/proof", SignedIn, Some(json!({ "password": "x" }))),
        ("POST", "/api/v1/session/password", SignedIn, Some(json!({ "current": "x", "new": "x" }))),
        ("POST", "/api/v1/session/totp", Table(Right::AccountSecure), None),
        ("PUT", "/api/v1/session/totp", Table(Right::AccountSecure), Some(json!({ "code": "000000" }))),
        ("GET", "/api/v1/session/all", Table(Right::AccountSelf), None),
        ("DELETE", "/api/v1/session/all/{session}", Table(Right::AccountSecure), None),
        ("DELETE", "/api/v1/session/all", Table(Right::AccountSecure), None),
        ("POST", "/api/v1/live-tickets", SignedIn, None),
        ("GET", "/api/v1/me/lots", SignedIn, None),
        ("GET", "/api/v1/lots/{lot}/mine", SignedIn, None),
        ("GET", "/api/v1/me/keys", Table(Right::AccountSelf), None),
        (
            "POST",
            "/api/v1/me/keys",
            Table(Right::KeyReplace),
            Some(json!({ "key": identity_key("bidder1").public().jwk() })),
        ),
        (
            "POST",
            "/api/v1/lots/{lot}/sign-ups",
            Table(Right::SignUp),
            Some(t.hall.binding("bidder1", &identity_key("k"))),
        ),
        // A lot's life
        ("POST", "/api/v1/projects", Table(Right::ProjectCreate), Some(t.hall.registration())),
        ("POST", "/api/v1/projects/{project}/lots", Table(Right::NoticePublish), Some(t.hall.notice())),
        (
            "POST",
            "/api/v1/lots/{lot}/deposits/confirm",
            Table(Right::DepositConfirm),
            Some(json!({ "reference": "NONE", "amount": "1" })),
        ),
        ("POST", "/api/v1/lots/{lot}/deposits/return", Table(Right::DepositReturn), settle()),
        ("POST", "/api/v1/lots/{lot}/deposits/forfeit", Table(Right::DepositForfeit), settle()),
        ("POST", "/api/v1/lots/{lot}/suspend", Table(Right::LotSuspend), reason()),
        ("POST", "/api/v1/lots/{lot}/resume", Table(Right::LotResume), reason()),
        ("POST", "/api/v1/lots/{lot}/fail", Table(Right::LotFail), reason()),
        (
            "POST",
            "/api/v1/lots/{lot}/reserve",
            Table(Right::ReserveDisclose),
            Some(json!({ "amount": "1", "nonce": Hash::ZERO })),
        ),
        ("POST", "/api/v1/lots/{lot}/publicity", Table(Right::PublicityStart), Some(json!({ "until": due }))),
        ("POST", "/api/v1/lots/{lot}/award", Table(Right::Award), empty()),
        ("POST", "/api/v1/lots/{lot}/contract", Table(Right::ContractRecord), Some(json!({ "sha256": Hash::ZERO }))),
        ("POST", "/api/v1/lots/{lot}/archive", Table(Right::Archive), empty()),
        // Feedback and review
        (
            "POST",
            "/api/v1/lots/{lot}/questions",
            Table(Right::QuestionRaise),
            Some(json!({ "id": t.world.id(), "text": "?", "due": due })),
        ),
        ("POST", "/api/v1/lots/{lot}/notes", Table(Right::NoteAttach), Some(json!({ "entry": 1, "text": "?" }))),
        ("POST", "/api/v1/questions/{question}/answer", Table(Right::QuestionAnswer), Some(json!({ "text": "!" }))),
        ("POST", "/api/v1/pauses/{order}/lift", Table(Right::OrderLift), reason()),
        (
            "POST",
            "/api/v1/lots/{lot}/pauses",
            Table(Right::OrderPause),
            Some(json!({ "id": t.world.id(), "reason": "?", "due": due })),
        ),
        ("GET", "/api/v1/legal-bounds", Open, None),
        ("GET", "/api/v1/owners", Open, None),
        ("GET", "/api/v1/objections", Open, None),
        (
            "POST",
            "/api/v1/lots/{lot}/objections",
            Table(Right::ObjectionFile),
            Some(json!({ "id": t.world.id(), "ground": "rules", "text": "?" })),
        ),
        (
            "POST",
            "/api/v1/objections/{objection}/answer",
            Table(Right::ObjectionAnswer),
            Some(json!({ "text": "!", "upheld": false })),
        ),
        ("POST", "/api/v1/objections/{objection}/complaint", Table(Right::ComplaintFile), Some(json!({ "text": "?" }))),
        (
            "POST",
            "/api/v1/objections/{objection}/complaint/admission",
            Table(Right::ComplaintDecide),
            Some(json!({ "admitted": false, "reason": "?" })),
        ),
        (
            "POST",
            "/api/v1/objections/{objection}/complaint/decision",
            Table(Right::ComplaintDecide),
            Some(json!({ "upheld": false, "text": "?" })),
        ),
        ("POST", "/api/v1/lots/{lot}/withdrawal", Table(Right::SignUp), empty()),
        // Rooms and cameras, while the reviewer has no case yet
        ("GET", "/api/v1/rooms", Table(Right::CamerasRead), None),
        ("POST", "/api/v1/rooms", Table(Right::CameraManage), Some(json!({ "name": "一室", "place": "二层" }))),
        (
            "POST",
            "/api/v1/rooms/{room}/cameras",
            Table(Right::CameraManage),
            Some(json!({ "name": "x", "address": "rtsp://10.0.0.7/live", "retention": "days_7" })),
        ),
        ("POST", "/api/v1/cameras/{camera}/retire", Table(Right::CameraManage), None),
        (
            "POST",
            "/api/v1/rooms/{room}/bookings",
            Table(Right::RoomBook),
            Some(json!({ "lot": t.hall.lot, "starts_at": now, "ends_at": due })),
        ),
        ("POST", "/api/v1/bookings/{booking}/cancel", Table(Right::RoomBook), None),
        ("GET", "/api/v1/alarms", Table(Right::CamerasRead), None),
        ("GET", "/api/v1/holds", Table(Right::CamerasRead), None),
        (
            "POST",
            "/api/v1/cameras/{camera}/holds",
            Table(Right::HoldPlace),
            Some(json!({ "from": now, "to": due, "reason": "诉讼保全" })),
        ),
        ("POST", "/api/v1/holds/{hold}/lift", Table(Right::HoldLift), reason()),
        ("POST", "/api/v1/recorder/look", Recorders, Some(json!({ "holder": t.world.id(), "reports": [] }))),
        ("GET", "/api/v1/recorder/cameras/{camera}/login", Recorders, None),
        ("GET", "/api/v1/recorder/runs/{run}", Recorders, None),
        (
            "POST",
            "/api/v1/recorder/entries",
            Recorders,
            Some(json!({ "kind": "evidence.segments_recorded", "subject": "recorder/main", "data": {} })),
        ),
        ("GET", "/api/v1/lots/{lot}/clips", Table(Right::EvidenceView), None),
        (
            "POST",
            "/api/v1/lots/{lot}/clips",
            Table(Right::EvidenceView),
            Some(json!({ "about": 1, "camera": t.world.id(), "from": now, "to": due, "reason": "核查" })),
        ),
        ("POST", "/api/v1/clips/{clip}/export", Table(Right::EvidenceView), reason()),
        (
            "POST",
            "/api/v1/viewings",
            Table(Right::EvidenceLive),
            Some(json!({ "camera": t.world.id(), "reason": "核查" })),
        ),
        ("GET", "/api/v1/viewings/{viewing}", Table(Right::EvidenceView), None),
        ("GET", "/api/v1/viewings/{viewing}/playlist.m3u8", Table(Right::EvidenceView), None),
        ("GET", "/api/v1/viewings/{viewing}/elsewhere.mp4", Table(Right::EvidenceView), None),
        ("GET", "/api/v1/viewings/{viewing}/{run}/{file}", Table(Right::EvidenceView), None),
        // Before a case is opened
        ("GET", "/api/v1/lots/{lot}/case-file", Table(Right::CaseExport), None),
        ("POST", "/api/v1/lots/{lot}/case-file", Table(Right::CaseExport), reason()),
        ("GET", "/api/v1/cases", Table(Right::CaseOpen), None),
        ("POST", "/api/v1/cases", Table(Right::CaseOpen), Some(json!({ "lot": t.hall.lot, "reason": "举报" }))),
        ("POST", "/api/v1/cases/{case}/close", Table(Right::CaseClose), None),
        // Administration
        ("GET", "/api/v1/accounts", Table(Right::AccountsRead), None),
        ("POST", "/api/v1/accounts", Table(Right::AccountsCreate), victim),
        ("GET", "/api/v1/accounts/{account}", Table(Right::AccountsRead), None),
        ("PUT", "/api/v1/accounts/{account}/role", Table(Right::RolesGrant), Some(json!({ "role": "public" }))),
        ("POST", "/api/v1/accounts/{account}/disable", Table(Right::AccountsDisable), None),
        ("POST", "/api/v1/accounts/{account}/enable", Table(Right::AccountsDisable), None),
        ("POST", "/api/v1/accounts/{account}/reset", Table(Right::AccountsReset), None),
        ("GET", "/api/v1/accounts/{account}/keys", Table(Right::AccountsRead), None),
        ("GET", "/api/v1/settings", Table(Right::SettingsRead), None),
        ("PUT", "/api/v1/settings", Table(Right::SettingsWrite), Some(crate::settings::defaults())),
        ("GET", "/api/v1/accounts/{account}/sessions", Table(Right::SessionsRevoke), None),
        ("DELETE", "/api/v1/accounts/{account}/sessions", Table(Right::SessionsRevoke), None),
        ("DELETE", "/api/v1/accounts/{account}/sessions/{session}", Table(Right::SessionsRevoke), None),
        (
            "POST",
            "/api/v1/organisations",
            Table(Right::AccountsCreate),
            Some(json!({ "kind": "authority", "name": "明江市审计局" })),
        ),
        ("GET", "/api/v1/security-events", Table(Right::AuditRead), None),
        // Last, since it ends the lot
        ("POST", "/api/v1/lots/{lot}/terminate", Table(Right::LotTerminate), reason()),
    ]
}

fn allowed(door: Door, role: Role) -> bool {
    // Nothing here is the asker's under a case; what is its own, is: the lot is the owner's, the participation bidder1's.
    let by = |right| matches!(scope(role, right), Scope::All | Scope::Own);
    match door {
        Open => true,
        SignedIn => role != Role::Public,
        Table(right) => by(right),
        Recorders => false,
    }
}

#[test]
fn each_role_gets_what_the_table_gives_it_and_nothing_else() {
    let world = World::start();
    let hall = Hall::signed_up(&world, 1);
    let (question, order, objection) = (world.id(), world.id(), world.id());
    let due = world.now().plus(Span::days(1));
    let supervisor = world.person("supervisor");
    supervisor.post(&hall.path("/questions"), json!({ "id": question, "text": "?", "due": due })).ok();
    supervisor.post(&hall.path("/pauses"), json!({ "id": order, "reason": "?", "due": due })).ok();
    let objecting = json!({ "id": objection, "ground": "rules", "text": "?" });
    world.person("bidder1").post(&hall.path("/objections"), objecting).ok();
    let things = Things { world: &world, hall: &hall, question, order, objection };

    let table = routes(&things);
    let mut named: Vec<(String, String)> = table.iter().map(|(m, p, ..)| ((*m).into(), (*p).into())).collect();
    let mut documented = crate::openapi::documented();
    named.sort();
    documented.sort();
    assert_eq!(named, documented, "every documented route has its row here");

    let mut wrong = Vec::new();
    for (method, path, door, body) in &table {
        for (login, role) in ROLES {
            let person = login.map_or_else(|| world.public(), |login| world.person(login));
            let answer = person.send(method, &filled(&things, path), body.as_ref());
            let problem = answer.header("content-type") == "application/problem+json";
            let code = problem.then(|| answer.code());
            let expected = match (allowed(*door, role), role) {
                (true, _) => None,
                (false, Role::Public) => Some(Code::NotSignedIn),
                (false, _) if matches!(door, Recorders) => Some(Code::NotSignedIn),
                (false, _) => Some(Code::Forbidden),
            };
            let refused = code.filter(|code| {
                matches!(code, Code::NotSignedIn | Code::Forbidden | Code::SessionOver | Code::CsrfMismatch)
            });
            if refused != expected || answer.status >= 500 {
                wrong.push(format!("{method} {path} by {role}: {} {code:?}, expected {expected:?}", answer.status));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn filled(things: &Things<'_>, path: &str) -> String {
    let lot = things.hall.lot.to_string();
    let fill = [
        ("{name}", "main".to_owned()),
        ("{path}", "entries/000.p/1".to_owned()),
        ("{seq}", "0".to_owned()),
        ("{lot}", lot),
        ("{project}", things.hall.project.to_string()),
        ("{question}", things.question.to_string()),
        ("{order}", things.order.to_string()),
        ("{objection}", things.objection.to_string()),
        ("{account}", things.world.accounts["newcomer"].to_string()),
        ("{organisation}", things.world.organisations[crate::world::OWNER_NAME].to_string()),
        ("{session}", things.world.id().to_string()),
        ("{case}", things.world.id().to_string()),
        ("{room}", things.world.id().to_string()),
        ("{camera}", things.world.id().to_string()),
        ("{booking}", things.world.id().to_string()),
        ("{clip}", things.world.id().to_string()),
        ("{viewing}", things.world.id().to_string()),
        ("{hold}", things.world.id().to_string()),
        ("{run}", things.world.id().to_string()),
    ];
    fill.iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value))
}

#[test]
fn rights_hold_for_the_object() {
    let world = World::start();
    let hall = Hall::ranked(&world, 2);
    let until = world.now().plus(Span::days(8));
    world.person("operator").post(&hall.path("/publicity"), json!({ "until": until })).ok();
    world.go_to(until);
    // Another owner's lot, and a project in another owner's name.
    let stranger = world.person("other_owner");
    assert_eq!(stranger.post(&hall.path("/award"), json!({})).code(), Code::Forbidden);
    assert_eq!(stranger.post(&hall.path("/contract"), json!({ "sha256": Hash::ZERO })).code(), Code::Forbidden);
    let other = Hall { world: &world, project: world.id(), lot: world.id(), opens: world.now(), bidders: Vec::new() };
    assert_eq!(stranger.post("/api/v1/projects", other.registration()).code(), Code::Forbidden);
    // Another bidder's participation is not found, rather than forbidden: nobody learns that there is one.
    assert_eq!(world.person("bidder3").get(&hall.path("/mine")).code(), Code::NotFound);
    world.person("bidder1").get(&hall.path("/mine")).ok();
    // Another account, and another account's sessions.
    let of_other = world.accounts["bidder2"];
    for path in [format!("/api/v1/accounts/{of_other}"), format!("/api/v1/accounts/{of_other}/sessions")] {
        assert_eq!(world.person("bidder1").get(&path).code(), Code::Forbidden, "{path}");
    }
    let own = world.accounts["bidder1"];
    world.person("bidder1").get(&format!("/api/v1/accounts/{own}")).ok();
    // Nobody administers their own account.
    let admin = world.accounts["security_admin"];
    let grant = world.person("security_admin").send(
        "PUT",
        &format!("/api/v1/accounts/{admin}/role"),
        Some(&json!({ "role": "operator" })),
    );
    assert_eq!(grant.code(), Code::Forbidden);
    // The binding of another company's identity key vouches for nothing.
    let hall = Hall::noticed(&world);
    world.pass(Span::hours(2));
    let borrowed = hall.binding("bidder2", &identity_key("a fresh lot key"));
    assert_eq!(world.person("bidder1").post(&hall.path("/sign-ups"), borrowed).code(), Code::KeyUnknown);
}

#[test]
fn what_is_sensitive_asks_for_a_recent_proof() {
    let world = World::start();
    let hall = Hall::signed_up(&world, 1);
    let session = world.person("operator").session().unwrap();
    world.pass(Span::minutes(11));
    let post = |path: &str| {
        let headers = [
            ("Cookie", &*session.cookie),
            ("X-CSRF-Token", &*session.csrf),
            ("Idempotency-Key", "k"),
            ("Content-Type", "application/json"),
        ];
        crate::client::send(world.address, "POST", &hall.path(path), &headers, Some(br#"{"reason":"x"}"#))
    };
    assert_eq!(post("/terminate").code(), Code::ReauthRequired);
    post("/suspend").ok();
    world.pass(Span::minutes(31));
    assert_eq!(post("/resume").code(), Code::SessionOver);
}

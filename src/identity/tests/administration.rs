//! Three administrators, of whom none can do anything alone, and the accounts that they look after.

use super::*;

#[test]
fn three_administrators_make_one_account_and_none_knows_its_password() {
    let mut w = world();
    for (login, role) in [("sys", Role::SystemAdmin), ("sec", Role::SecurityAdmin), ("aud", Role::AuditAdmin)] {
        w.seed(login, role);
    }
    let [sys, sec, aud] = ["sys", "sec", "aud"].map(|login| w.sign_in(login).viewer);
    let authority =
        w.identity.create_organisation(&sys, OrganisationKind::Authority, "明江市监督局", None, w.now).unwrap();
    let new = NewAccount { login: "watch.one", name: "周某", organisation: Some(authority) };
    for other in [&sec, &aud] {
        assert_eq!(w.identity.create_account(other, new, w.now).unwrap_err(), Code::Forbidden);
    }
    let (id, code) = w.identity.create_account(&sys, new, w.now).unwrap();
    assert_eq!(w.try_sign_in("watch.one", "", &home()).unwrap_err(), Code::BadCredentials);
    assert_eq!(w.identity.activate("watch.one", "guess", PASSWORD, &home(), w.now), Err(Code::BadCredentials));
    assert_eq!(w.identity.activate("watch.one", &code, "short", &home(), w.now), Err(Code::WeakPassword));
    assert_eq!(w.identity.activate("watch.one", &code, PASSWORD, &home(), w.now), Ok(id));
    assert_eq!(w.identity.activate("watch.one", &code, PASSWORD, &home(), w.now), Err(Code::BadCredentials), "once");
    let roleless = w.sign_in("watch.one");
    assert_eq!(roleless.viewer.role, Role::Public);

    assert_eq!(w.identity.grant_role(&sys, id, Role::Supervisor, w.now), Err(Code::Forbidden));
    assert_eq!(w.identity.grant_role(&sec, id, Role::Bidder, w.now), Err(Code::InvalidField), "not a company");
    let own = sec.account.unwrap();
    assert_eq!(w.identity.grant_role(&sec, own, Role::AuditAdmin, w.now), Err(Code::Forbidden), "not oneself");
    w.identity.grant_role(&sec, id, Role::Supervisor, w.now).unwrap();
    assert_eq!(w.viewer(&roleless), Err(Code::SessionOver), "a new role starts with a new session");
    let supervisor = w.sign_in("watch.one");
    assert_eq!(supervisor.viewer.role, Role::Supervisor);

    let code = w.identity.reset_account(&sec, id, w.now).unwrap();
    assert_eq!(w.viewer(&supervisor), Err(Code::SessionOver));
    w.after(ACTIVATION_MAX);
    let late = w.identity.activate("watch.one", &code, PASSWORD, &home(), w.now);
    assert_eq!(late, Err(Code::BadCredentials));
    assert_eq!(w.identity.security_events(&sys, None, 10).unwrap_err(), Code::Forbidden);
    let events = w.events();
    for kind in ["account_created", "activation_failed", "account_activated", "role_granted", "account_reset"] {
        assert!(events.iter().any(|event| event == kind), "{kind} is missing in {events:?}");
    }
}

#[test]
fn accounts_come_in_pages_without_secrets() {
    let mut w = world();
    for login in ["one", "two-", "three"] {
        w.after(Span::secs(1));
        w.bidder(login);
    }
    w.after(Span::secs(1));
    w.seed("sys", Role::SystemAdmin);
    let sys = w.sign_in("sys").viewer;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = w.identity.accounts(&sys, after, 2).unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        seen.extend(page.into_iter().map(|account| account.login));
    }
    assert_eq!(seen, ["one", "two-", "three", "sys"]);
    let bidder = w.sign_in("one").viewer;
    assert_eq!(w.identity.accounts(&bidder, None, 2).unwrap_err(), Code::Forbidden);
    let (own, other) = (bidder.account.unwrap(), sys.account.unwrap());
    assert_eq!(w.identity.account(&bidder, own).unwrap().login, "one");
    assert_eq!(w.identity.account(&bidder, other).unwrap_err(), Code::Forbidden);
}

//! The same key with the same request gets the same answer; with another one it is refused.

use mingjian::base::Code;
use serde_json::json;

use crate::hall::{DEPOSIT, Hall};
use crate::world::World;

#[test]
fn a_command_is_done_once() {
    let world = World::start();
    let hall = Hall::signed_up(&world, 2);
    let operator = world.person("operator");
    let payment = |index: usize| json!({ "reference": hall.bidders[index].reference, "amount": DEPOSIT.to_string() });
    let path = hall.path("/deposits/confirm");
    let first = operator.post_with_key(&path, "once", payment(0)).ok();
    assert_eq!(first["replayed"], false);
    let size = world.size();

    world.pass(mingjian::base::Span::hours(1));
    let again = operator.post_with_key(&path, "once", payment(0)).ok();
    assert_eq!(again["replayed"], true);
    for field in ["seq", "count", "time"] {
        assert_eq!(again[field], first[field]);
    }
    // Another body, or the same body to another address.
    assert_eq!(operator.post_with_key(&path, "once", payment(1)).code(), Code::KeyReused);
    assert_eq!(operator.post_with_key(&hall.path("/deposits/return"), "once", payment(0)).code(), Code::Malformed);
    assert_eq!(
        operator.post_with_key(&hall.path("/suspend"), "once", json!({ "reason": "核查" })).code(),
        Code::KeyReused
    );
    assert_eq!(world.size(), size, "nothing of that is in the ledger");

    // Keys are each account's own.
    world
        .person("supervisor")
        .post_with_key(
            &hall.path("/questions"),
            "once",
            json!({
                "id": world.id(), "text": "为何？", "due": world.now().plus(mingjian::base::Span::days(1)),
            }),
        )
        .ok();
}

#[test]
fn a_refusal_binds_no_key() {
    let world = World::start();
    let hall = Hall::signed_up(&world, 2);
    let operator = world.person("operator");
    let resume = json!({ "reason": "核查完毕" });
    assert_eq!(operator.post_with_key(&hall.path("/resume"), "r", resume.clone()).code(), Code::HoldUnknown);
    operator.post(&hall.path("/suspend"), json!({ "reason": "核查" })).ok();
    operator.post_with_key(&hall.path("/resume"), "r", resume).ok();
}

#[test]
fn every_command_asks_for_a_key() {
    let world = World::start();
    let hall = Hall::signed_up(&world, 1);
    let session = world.person("operator").session().unwrap();
    let headers =
        [("Cookie", &*session.cookie), ("X-CSRF-Token", &*session.csrf), ("Content-Type", "application/json")];
    let post = |extra: &[(&str, &str)]| {
        let headers: Vec<_> = headers.iter().chain(extra).copied().collect();
        let body = br#"{"reason":"x"}"#;
        crate::client::send(world.address, "POST", &hall.path("/suspend"), &headers, Some(body))
    };
    assert_eq!(post(&[]).code(), Code::KeyMissing);
    assert_eq!(post(&[("Idempotency-Key", "")]).code(), Code::KeyMissing);
    assert_eq!(post(&[("Idempotency-Key", &"k".repeat(65))]).code(), Code::InvalidField);
    post(&[("Idempotency-Key", &"k".repeat(64))]).ok();
}

#[test]
fn a_session_alone_changes_nothing_without_its_csrf_token() {
    let world = World::start();
    let hall = Hall::signed_up(&world, 1);
    let (mine, others) = (world.person("operator").session().unwrap(), world.person("supervisor").session().unwrap());
    let post = |csrf: &str| {
        let headers = [
            ("Cookie", &*mine.cookie),
            ("X-CSRF-Token", csrf),
            ("Idempotency-Key", "k"),
            ("Content-Type", "application/json"),
        ];
        crate::client::send(world.address, "POST", &hall.path("/suspend"), &headers, Some(br#"{"reason":"x"}"#))
    };
    for wrong in ["", "x", others.csrf.as_str()] {
        assert_eq!(post(wrong).code(), Code::CsrfMismatch);
    }
    post(&mine.csrf).ok();
}

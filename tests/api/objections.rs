//! Companies object and complain without a name; owner, centre and supervisor answer in time or are late in the open.

use mingjian::base::{Code, Id, Span};
use serde_json::{Value, json};

use crate::client::Person;
use crate::hall::Hall;
use crate::world::World;

fn objection(id: Id, ground: &str, open: bool) -> Value {
    json!({ "id": id, "ground": ground, "text": "第三条要求无依据。", "open": open })
}

fn listed(who: &Person<'_>, lot: Id) -> Vec<Value> {
    who.get(&format!("/api/v1/objections?lot={lot}")).ok()["items"].as_array().unwrap().clone()
}

#[test]
fn an_objection_stops_the_lot_names_nobody_and_is_answered() {
    let world = World::start();
    let hall = Hall::signed_up(&world, 2);
    let (bidder, other, operator) = (world.person("bidder1"), world.person("bidder2"), world.person("operator"));
    let (id, path) = (world.id(), hall.path("/objections"));
    assert_eq!(bidder.post(&path, objection(id, "result", true)).code(), Code::WrongPhase);
    let filed = bidder.post(&path, objection(id, "rules", true)).ok();
    assert_eq!(filed["count"], 3, "what was filed, what everyone is told, and the standstill");
    assert_eq!(bidder.post(&path, objection(world.id(), "rules", true)).code(), Code::ObjectionPending);
    assert_eq!(hall.view()["suspended"]["holds"], json!([{ "by": "objection", "id": id }]));

    // Who objected is the objector's alone; what is objected is everybody's.
    let seq = filed["seq"].as_u64().unwrap();
    let read = |who: &Person<'_>, seq: u64| who.get(&format!("/ledger/main/payload/{seq}")).status;
    let everyone = [&bidder, &other, &operator, &world.person("owner"), &world.person("supervisor"), &world.public()];
    assert_eq!(everyone.map(|who| read(who, seq)), [200, 403, 403, 403, 403, 403]);
    assert_eq!(everyone.map(|who| read(who, seq + 1)), [200; 6]);
    assert_eq!(world.payload(seq + 1).actor, "system");
    assert_eq!(listed(&bidder, hall.lot)[0]["own"], true);
    assert_eq!(listed(&other, hall.lot)[0]["own"], false);

    let answer = |who: &Person<'_>, upheld: bool| {
        who.post(&format!("/api/v1/objections/{id}/answer"), json!({ "text": "依据见附件。", "upheld": upheld }))
    };
    assert_eq!(answer(&other, false).code(), Code::Forbidden);
    assert_eq!(answer(&operator, false).ok()["count"], 2);
    assert_eq!(answer(&operator, false).code(), Code::ObjectionAnswered);
    assert_eq!(hall.view()["suspended"], Value::Null);
}

#[test]
fn what_is_not_open_is_between_the_objector_the_owner_and_the_offices() {
    let world = World::start();
    let hall = Hall::signed_up(&world, 2);
    let (bidder, other, owner) = (world.person("bidder1"), world.person("bidder2"), world.person("owner"));
    let id = world.id();
    let filed = bidder.post(&hall.path("/objections"), objection(id, "rules", false)).ok();
    let seq = filed["seq"].as_u64().unwrap();
    let read = |who: &Person<'_>, seq: u64| who.get(&format!("/ledger/main/payload/{seq}")).status;
    let (operator, supervisor, public) = (world.person("operator"), world.person("supervisor"), world.public());
    let everyone = [&bidder, &owner, &operator, &supervisor, &other, &public];
    assert_eq!(everyone.map(|who| read(who, seq + 1)), [200, 200, 200, 200, 403, 403]);
    assert_eq!(everyone.map(|who| listed(who, hall.lot).len()), [1, 1, 1, 1, 0, 0]);
    // That the lot stands still is everybody's.
    assert_eq!(everyone.map(|who| read(who, seq + 2)), [200; 6]);

    // The owner must answer (条例 art. 22), and whoever objected reads the answer; both still can when it is settled.
    let reply = json!({ "text": "依据见附件。", "upheld": false });
    let answered = owner.post(&format!("/api/v1/objections/{id}/answer"), reply).ok()["seq"].as_u64().unwrap();
    assert_eq!(everyone.map(|who| read(who, answered)), [200, 200, 200, 200, 403, 403]);
    assert_eq!(everyone.map(|who| listed(who, hall.lot).len()), [1, 1, 1, 1, 0, 0]);
    // The words that were filed name the account: they stay the objector's.
    assert_eq!([&owner, &operator, &supervisor].map(|who| read(who, seq)), [403; 3]);
}

#[test]
fn a_complaint_goes_to_the_supervisor_whose_decision_is_proved_anew() {
    let world = World::start();
    let hall = Hall::signed_up(&world, 2);
    let (bidder, other, supervisor) = (world.person("bidder1"), world.person("bidder2"), world.person("supervisor"));
    let id = world.id();
    bidder.post(&hall.path("/objections"), objection(id, "rules", true)).ok();
    let path = format!("/api/v1/objections/{id}/complaint");
    let complaint = json!({ "text": "答复未回应。", "open": true });
    assert_eq!(bidder.post(&path, complaint.clone()).code(), Code::ComplaintTooEarly);
    world.pass(Span::days(6));
    assert_eq!(world.of_kind("objection.overdue").len(), 1);
    assert_eq!(other.post(&path, complaint.clone()).code(), Code::ObjectionUnknown);
    let filed = bidder.post(&path, complaint).ok();
    assert_eq!(filed["count"], 2);
    let admission = json!({ "admitted": true, "reason": "属实，受理。", "suspend": true });
    assert_eq!(world.person("operator").post(&format!("{path}/admission"), admission.clone()).code(), Code::Forbidden);
    supervisor.post(&format!("{path}/admission"), admission).ok();
    let holds = json!([{ "by": "objection", "id": id }, { "by": "complaint", "id": id }]);
    assert_eq!(hall.view()["suspended"]["holds"], holds);
    let decision = json!({ "upheld": true, "text": "责令改正。" });
    supervisor.post(&format!("{path}/decision"), decision.clone()).ok();
    assert_eq!(supervisor.post(&format!("{path}/decision"), decision).code(), Code::ComplaintState);
    // Upheld: the centre's own suspension stands until it is mended.
    let holds = hall.view()["suspended"]["holds"].clone();
    assert_eq!(holds, json!([{ "by": "office" }, { "by": "objection", "id": id }]));
    assert!(listed(&supervisor, hall.lot)[0]["complaint"]["decided"].as_bool().unwrap());
}

#[test]
fn a_bidder_withdraws_before_the_opening_and_nobody_else_learns_of_it() {
    let world = World::start();
    let hall = Hall::admitted(&world, 3);
    let bidder = world.person("bidder3");
    let gone = bidder.post(&hall.path("/withdrawal"), json!({})).ok();
    assert_eq!(bidder.post(&hall.path("/withdrawal"), json!({})).code(), Code::NotSignedUp);
    assert_eq!(bidder.get(&hall.path("/mine")).ok()["withdrawn"], true);
    let seq = gone["seq"].as_u64().unwrap();
    let status = |seq: u64| world.person("operator").get(&format!("/ledger/main/payload/{seq}")).status;
    assert_eq!([status(seq), status(seq + 1)], [403, 403]);
    world.go_to(hall.opens);
    assert_eq!(hall.view()["numbers"].as_array().unwrap().len(), 2);
    assert_eq!(hall.bid(2, 0).code(), Code::NumberUnknown);
    assert_eq!([status(seq), status(seq + 1)], [403, 200]);
}

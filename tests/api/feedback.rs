//! Supervisors ask and order, the centre answers, and the clock keeps both honest.

use mingjian::base::{Code, Id, Micros, Span};
use serde_json::{Value, json};

use crate::hall::Hall;
use crate::world::World;

fn question(world: &World, id: Id, open: bool) -> Value {
    json!({ "id": id, "text": "第三个报价为何被拒？", "due": world.now().plus(Span::hours(1)), "open": open, "entry": 1 })
}

fn pause(world: &World, id: Id, open: bool) -> Value {
    json!({ "id": id, "reason": "涉嫌串通", "due": world.now().plus(Span::hours(1)), "open": open })
}

#[test]
fn a_question_is_answered_in_time_or_is_overdue_by_itself() {
    let world = World::start();
    let hall = Hall::signed_up(&world, 2);
    let (supervisor, operator) = (world.person("supervisor"), world.person("operator"));
    let (in_time, late) = (world.id(), world.id());
    supervisor.post(&hall.path("/questions"), question(&world, in_time, true)).ok();
    supervisor.post(&hall.path("/questions"), question(&world, late, false)).ok();
    assert_eq!(supervisor.post(&hall.path("/questions"), question(&world, late, false)).code(), Code::QuestionExists);
    let past = json!({ "id": world.id(), "text": "?", "due": world.now() });
    assert_eq!(supervisor.post(&hall.path("/questions"), past).code(), Code::DueInPast);
    let empty = json!({ "id": world.id(), "text": " ", "due": world.now().plus(Span::hours(1)) });
    assert_eq!(supervisor.post(&hall.path("/questions"), empty).code(), Code::ReasonMissing);

    let answer = |id: Id| operator.post(&format!("/api/v1/questions/{id}/answer"), json!({ "text": "低于起始价。" }));
    answer(in_time).ok();
    assert_eq!(answer(in_time).code(), Code::QuestionAnswered);
    assert_eq!(answer(world.id()).code(), Code::QuestionUnknown);
    assert!(world.of_kind("feedback.overdue").is_empty());
    world.pass(Span::hours(1));
    let overdue = world.of_kind("feedback.overdue");
    assert_eq!(overdue.len(), 1);
    assert_eq!(world.payload(overdue[0]).data["question"], json!(late));
    answer(late).ok();
    let answers: Vec<Value> =
        world.of_kind("feedback.answered").iter().map(|seq| world.payload(*seq).data["late"].clone()).collect();
    assert_eq!(answers, [json!(false), json!(true)]);

    // Both sides see both; the public sees what was asked in the open.
    let listed = |who: &crate::client::Person<'_>| {
        let list = who.get(&format!("/api/v1/questions?lot={}", hall.lot)).ok();
        list["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&operator).len(), 2);
    assert_eq!(listed(&supervisor).len(), 2);
    assert_eq!(listed(&world.public()), [json!(in_time)]);
    assert_eq!(listed(&world.person("bidder1")), [json!(in_time)]);
    let kinds = ["feedback.question_raised", "feedback.answered"];
    for seqs in kinds.map(|kind| world.of_kind(kind)) {
        let read = |who: &crate::client::Person<'_>, seq: u64| who.get(&format!("/ledger/main/payload/{seq}")).status;
        assert_eq!(seqs.iter().map(|seq| read(&world.public(), *seq)).collect::<Vec<_>>(), [200, 403]);
        assert_eq!(seqs.iter().map(|seq| read(&operator, *seq)).collect::<Vec<_>>(), [200, 200]);
    }
}

#[test]
fn an_order_stops_the_lot_at_once_and_only_its_author_lifts_it() {
    let world = World::start();
    let hall = Hall::open(&world, 2);
    let (supervisor, operator) = (world.person("supervisor"), world.person("operator"));
    hall.bid(0, 0).ok();
    let until: Micros = hall.view()["auction"]["until"].as_str().unwrap().parse().unwrap();
    world.pass(Span::minutes(4));
    let order = world.id();
    let recorded = supervisor.post(&hall.path("/pauses"), pause(&world, order, false)).ok();
    assert_eq!(recorded["count"], 2, "the order and the standstill are one step");
    let view = hall.view();
    assert_eq!(view["suspended"]["holds"], json!([{ "by": "order", "id": order }]));
    assert_eq!(view["suspended"]["since"], world.now().to_string());
    assert_eq!(view["next_at"], Value::Null);

    let refused = hall.bid(1, 1);
    assert_eq!(refused.code(), Code::Suspended);
    assert!(refused.problem()["seq"].is_u64(), "recorded, as every bid of a registered bidder");
    let reason = || json!({ "reason": "核查完毕" });
    let lift = format!("/api/v1/pauses/{order}/lift");
    assert_eq!(operator.post(&hall.path("/resume"), reason()).code(), Code::HoldNotYours);
    assert_eq!(operator.post(&lift, reason()).code(), Code::Forbidden);
    assert_eq!(world.person("owner").post(&lift, reason()).code(), Code::Forbidden);

    // A second hold, the centre's own: the clock runs only when both are gone.
    operator.post(&hall.path("/suspend"), reason()).ok();
    assert_eq!(operator.post(&hall.path("/suspend"), reason()).code(), Code::AlreadySuspended);
    world.pass(Span::hours(30));
    assert_eq!(hall.view()["phase"], "running", "no deadline passes over a lot that stands still");
    operator.post(&format!("/api/v1/questions/{order}/answer"), json!({ "text": "已核查。" })).ok();
    supervisor.post(&lift, reason()).ok();
    assert_eq!(supervisor.post(&lift, reason()).code(), Code::HoldUnknown);
    assert_eq!(hall.bid(1, 1).code(), Code::Suspended);
    operator.post(&hall.path("/resume"), reason()).ok();

    let credited: Micros = hall.view()["auction"]["until"].as_str().unwrap().parse().unwrap();
    assert_eq!(credited, until.plus(Span::hours(30)), "equal time credit");
    assert_eq!(hall.view()["suspended"], Value::Null);
    hall.bid(1, 1).ok();
    // Why the supervisor stopped it is not for the public: this order was not an open one.
    let text = crate::whole_life::public_text(&world, &hall);
    assert!(text.contains("监督部门决定") && !text.contains("涉嫌串通"));
}

#[test]
fn a_reviewer_asks_where_there_is_a_case_and_nowhere_else() {
    let world = World::start();
    let hall = Hall::signed_up(&world, 1);
    let reviewer = world.person("reviewer");
    let ask = || reviewer.post(&hall.path("/questions"), question(&world, world.id(), false));
    assert_eq!(ask().code(), Code::Forbidden);
    assert_eq!(reviewer.post("/api/v1/cases", json!({ "lot": world.id(), "reason": "举报" })).code(), Code::LotUnknown);
    let case = reviewer.post("/api/v1/cases", json!({ "lot": hall.lot, "reason": "举报" })).ok();
    assert_eq!(reviewer.post("/api/v1/cases", json!({ "lot": hall.lot, "reason": "举报" })).code(), Code::CaseExists);
    ask().ok();
    let close = format!("/api/v1/cases/{}/close", case["id"].as_str().unwrap());
    assert_ne!(world.person("other_reviewer").send("POST", &close, None).status, 204, "a case is its reviewer's own");
    assert_eq!(reviewer.send("POST", &close, None).status, 204);
    assert_eq!(ask().code(), Code::Forbidden);
}

#[test]
fn a_note_is_attached_to_an_entry_of_the_lot_and_to_no_other() {
    let world = World::start();
    let hall = Hall::open(&world, 2);
    let supervisor = world.person("supervisor");
    let seq = hall.bid(0, 0).ok()["seq"].as_u64().unwrap();
    let note = |who: &crate::client::Person<'_>, entry: u64, text: &str, open: bool| {
        who.post(&hall.path("/notes"), json!({ "entry": entry, "text": text, "open": open }))
    };
    note(&supervisor, seq, "报价时间与监控画面一致。", true).ok();
    note(&supervisor, seq, "仅供内部核查。", false).ok();
    let noted = world.of_kind("feedback.note_attached");
    assert_eq!(noted.iter().map(|n| world.payload(*n).data["entry"].clone()).collect::<Vec<_>>(), [seq, seq]);
    let read = |who: &crate::client::Person<'_>| {
        noted.iter().map(|n| who.get(&format!("/ledger/main/payload/{n}")).status).collect::<Vec<_>>()
    };
    assert_eq!(read(&world.public()), [200, 403]);
    assert_eq!(read(&world.person("operator")), [200, 200]);
    assert_eq!(note(&supervisor, seq, " ", true).code(), Code::ReasonMissing);
    // Beyond the end, about no lot, and hidden: all three are told apart by nobody.
    let hidden = world.of_kind("lot.signed_up")[0];
    assert_eq!(note(&supervisor, 1_000_000, "?", true).code(), Code::NotFound);
    assert_eq!(note(&supervisor, 0, "?", true).code(), Code::NotFound);
    assert_eq!(note(&supervisor, hidden, "?", true).code(), Code::NotYetReadable);
    assert_eq!(note(&world.person("reviewer"), seq, "?", true).code(), Code::Forbidden);
    assert_eq!(note(&world.person("operator"), seq, "?", true).code(), Code::Forbidden);
}

#[test]
fn questions_come_in_pages_newest_first() {
    let world = World::start();
    let hall = Hall::signed_up(&world, 1);
    let supervisor = world.person("supervisor");
    let mut asked: Vec<Id> = (0..5)
        .map(|_| {
            world.pass(Span::secs(1));
            let id = world.id();
            supervisor.post(&hall.path("/questions"), question(&world, id, true)).ok();
            id
        })
        .collect();
    asked.reverse();
    let mut seen = Vec::new();
    let mut at = String::new();
    loop {
        let page = world.public().get(&format!("/api/v1/questions?limit=2&pending=true{at}")).ok();
        let items = page["items"].as_array().unwrap();
        assert!((1..=2).contains(&items.len()));
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().parse::<Id>().unwrap()));
        match page["next"].as_str() {
            Some(next) => at = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, asked);
    assert_eq!(world.public().get("/api/v1/questions?limit=201").code(), Code::InvalidField);
    assert_eq!(world.public().get("/api/v1/objections?limit=201").code(), Code::InvalidField);
    assert_eq!(world.public().get("/api/v1/objections?after=x").code(), Code::InvalidField);
}

//! 招标投标法 art. 22: before the opening nobody learns who takes part, nor how many; after it numbers are public, and
//! the winner's name only with the award.

use mingjian::base::Code;
use serde_json::{Value, json};

use crate::hall::{FREE, Hall, WINDOW};
use crate::world::{BIDDERS, World};

const EVERYBODY: [&str; 11] = [
    "newcomer",
    "operator",
    "owner",
    "other_owner",
    "expert",
    "supervisor",
    "reviewer",
    "system_admin",
    "security_admin",
    "audit_admin",
    BIDDERS[3],
];

fn status(world: &World, who: Option<&'static str>, seq: u64) -> u16 {
    let person = who.map_or_else(|| world.public(), |login| world.person(login));
    person.get(&format!("/ledger/main/payload/{seq}")).status
}

/// All pages of a scope.
fn pages(world: &World, who: Option<&'static str>, scope: &str) -> Vec<Value> {
    let person = who.map_or_else(|| world.public(), |login| world.person(login));
    let (mut after, mut entries) = (String::new(), Vec::new());
    loop {
        let page = person.get(&format!("/api/v1/entries?scope={scope}&limit=7{after}")).ok();
        entries.extend(page["entries"].as_array().unwrap().clone());
        if page["next"].is_null() || page["next"].as_u64() >= page["head"].as_u64() {
            return entries;
        }
        after = format!("&after={}", page["next"]);
    }
}

#[test]
fn before_the_opening_a_bidder_sees_itself_and_nobody_sees_a_bidder() {
    let world = World::start();
    let hall = Hall::admitted(&world, 2);
    hall.bid(0, 0).problem();
    let secret = ["lot.signed_up", "deposit.confirmed", "lot.number_dealt", "auction.bid_refused", "key.registered"];
    for kind in secret {
        let seqs = world.of_kind(kind);
        assert!(!seqs.is_empty(), "{kind}");
        for seq in &seqs {
            assert_eq!(status(&world, None, *seq), 403, "{kind} by the public");
            for login in EVERYBODY {
                // Which company registered a key says nothing about lots; supervision may read it.
                let supervision = kind == "key.registered" && ["supervisor", "reviewer"].contains(&login);
                assert_eq!(status(&world, Some(login), *seq), if supervision { 200 } else { 403 }, "{kind} by {login}");
            }
        }
    }
    let of = |kind: &str| world.of_kind(kind);
    for (index, login) in [(0, BIDDERS[0]), (1, BIDDERS[1])] {
        assert_eq!(status(&world, Some(login), of("lot.signed_up")[index]), 200);
        assert_eq!(status(&world, Some(login), of("deposit.confirmed")[index]), 200);
        assert_eq!(status(&world, Some(login), of("lot.signed_up")[1 - index]), 403);
        assert_eq!(status(&world, Some(login), of("deposit.confirmed")[1 - index]), 403);
    }
    let view = hall.view();
    assert_eq!((&view["numbers"], &view["auction"]), (&Value::Null, &Value::Null));
}

/// Two lots that differ only in how many signed up look the same to whoever took part in neither.
#[test]
fn not_even_how_many_there_are() {
    let world = World::start();
    let empty = Hall::noticed(&world);
    let crowded = Hall::admitted(&world, 3);
    for who in [None].into_iter().chain(EVERYBODY.map(Some)) {
        let kinds = |hall: &Hall<'_>| {
            let entries = pages(&world, who, &format!("lot/{}", hall.lot));
            let kind = |entry: &Value| match entry["payload"].as_str() {
                Some(payload) => serde_json::from_str::<Value>(payload).unwrap()["kind"].clone(),
                None => entry["withheld"].clone(),
            };
            entries.iter().map(kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds(&crowded), kinds(&empty), "pages of {who:?}");
        let person = who.map_or_else(|| world.public(), |login| world.person(login));
        let view = |hall: &Hall<'_>| {
            let mut view = person.get(&hall.path("")).ok();
            for own in ["id", "project", "noticed_at", "timetable", "next_at", "rules"] {
                view.as_object_mut().unwrap().remove(own);
            }
            view
        };
        assert_eq!(view(&crowded), view(&empty), "view of {who:?}");
        assert_eq!(person.get(&crowded.path("/mine")).status, person.get(&empty.path("/mine")).status);
    }
    // The whole ledger shows every leaf, but not what it is about.
    let entries = pages(&world, None, "ledger");
    assert_eq!(entries.len() as u64, world.size());
    for entry in entries.iter().filter(|entry| entry["payload"].is_null()) {
        let mut fields: Vec<&str> = entry.as_object().unwrap().keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["hash", "leaf", "payload", "prev", "seq", "withheld"]);
        assert!(!entry.to_string().contains(&crowded.lot.to_string()));
    }
}

#[test]
fn after_the_opening_numbers_are_public_and_names_are_not() {
    let world = World::start();
    let hall = Hall::admitted(&world, 2);
    hall.bid(0, 0).problem();
    world.go_to(hall.opens);
    for kind in ["lot.number_dealt", "auction.bid_refused"] {
        for seq in world.of_kind(kind) {
            assert_eq!(status(&world, None, seq), 200, "{kind}");
        }
    }
    let mut numbers: Vec<u32> = hall.bidders.iter().map(|bidder| bidder.number).collect();
    numbers.sort_unstable();
    let view = hall.view();
    let shown: Vec<u64> = view["numbers"].as_array().unwrap().iter().map(|n| n["number"].as_u64().unwrap()).collect();
    assert_eq!(shown, numbers.into_iter().map(u64::from).collect::<Vec<_>>());
    for seq in [world.of_kind("lot.signed_up"), world.of_kind("deposit.confirmed")].concat() {
        assert_eq!(status(&world, None, seq), 403);
        assert_eq!(status(&world, Some("operator"), seq), 403);
        assert_eq!(status(&world, Some("supervisor"), seq), 403);
    }
}

#[test]
fn a_case_opens_who_it_was_once_the_auction_is_over() {
    let world = World::start();
    let hall = Hall::open(&world, 2);
    let signed_up = world.of_kind("lot.signed_up");
    let reviewer = world.person("reviewer");
    let case = reviewer.post("/api/v1/cases", json!({ "lot": hall.lot, "reason": "群众举报" })).ok();
    let read = |login| status(&world, Some(login), signed_up[0]);
    assert_eq!(read("reviewer"), 403, "not while it runs");
    hall.bid(0, 0).ok();
    world.pass(FREE);
    world.pass(WINDOW);
    assert_eq!(hall.view()["phase"], "ranked");
    assert_eq!((read("reviewer"), read("other_reviewer"), read("supervisor")), (200, 403, 403));
    let text = reviewer.get(&format!("/ledger/main/payload/{}", signed_up[0]));
    assert!(text.text().contains("明江甲置业有限公司"));
    assert_eq!(text.header("cache-control"), "private, no-store");
    reviewer.send("POST", &format!("/api/v1/cases/{}/close", case["id"].as_str().unwrap()), None).ok();
    assert_eq!(read("reviewer"), 403);
}

#[test]
fn companies_are_nobody_elses_to_look_up() {
    let world = World::start();
    let company = world.organisations["明江甲置业有限公司"];
    let path = format!("/api/v1/organisations/{company}");
    for login in ["operator", "owner", "supervisor", "reviewer", BIDDERS[1]] {
        assert_eq!(world.person(login).get(&path).code(), Code::NotFound, "{login}");
    }
    assert_eq!(world.public().get(&path).code(), Code::NotFound);
    for login in [BIDDERS[0], "system_admin", "security_admin", "audit_admin"] {
        assert_eq!(world.person(login).get(&path).ok()["name"], "明江甲置业有限公司", "{login}");
    }
}

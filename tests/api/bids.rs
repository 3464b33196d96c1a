//! Bad bids: what nobody stands behind leaves no trace, what a registered bidder signed is recorded with its rule, and
//! every answer is a problem with a stable code.

use mingjian::base::limits::BODY_MAX_BYTES;
use mingjian::base::{Code, Fen, Hash, Id};
use mingjian::ledger::statement::{self, BidStatement, ConfirmStatement};
use mingjian::ledger::{Origin, SeedSigner};
use serde_json::json;

use crate::client::{Answer, send};
use crate::hall::{FREE, Hall, START, WINDOW};
use crate::world::{ORIGIN, World};

/// What it is, headers, body, and the answer's code.
type Sent<'a> = (&'a str, Vec<(&'a str, &'a str)>, Vec<u8>, Code);

const JSON: (&str, &str) = ("Content-Type", "application/json");

fn raw(hall: &Hall<'_>, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    send(hall.world.address, "POST", &hall.path("/bids"), headers, Some(body))
}

#[test]
fn what_is_no_bid_leaves_no_trace() {
    let world = World::start();
    let other_lot = Hall::admitted(&world, 2);
    let opened = world.now();
    let mut hall = Hall::noticed(&world);
    world.pass(mingjian::base::Span::hours(2));
    for login in ["bidder1", "bidder2"] {
        hall.sign_up(login);
    }
    hall.confirm_deposits();
    world.go_to(hall.opens);
    assert!(opened < hall.opens);

    let good = hall.claims(0, 0);
    let signed = |change: &dyn Fn(&mut BidStatement)| {
        let mut claims = good.clone();
        change(&mut claims);
        hall.signed(0, &claims)
    };
    let text = signed(&|_| ());
    let (head, signature) = text.rsplit_once('.').unwrap();
    let flipped = if signature.starts_with('A') { 'B' } else { 'A' };
    let confirmation = ConfirmStatement {
        issued_at: good.issued_at,
        ledger: good.ledger.clone(),
        lot: good.lot,
        nonce: good.nonce,
        number: good.number,
    };
    let unused = (1..=999).find(|number| hall.bidders.iter().all(|bidder| bidder.number != *number)).unwrap();
    let stranger = SeedSigner::new(&[9; 32]);
    let cases: Vec<(&str, String, Code)> = vec![
        ("empty", String::new(), Code::StatementMalformed),
        ("not three parts", "a.b".into(), Code::StatementMalformed),
        ("not base64url", "!!.!!.!!".into(), Code::StatementMalformed),
        ("cut off", text[..text.len() - 3].into(), Code::StatementMalformed),
        ("too long", "a".repeat(3_000), Code::StatementMalformed),
        ("another type", statement::sign(&confirmation, &hall.bidders[0].key).unwrap(), Code::StatementMalformed),
        ("flipped signature", format!("{head}.{flipped}{}", &signature[1..]), Code::SignatureInvalid),
        ("wrong key", statement::sign(&good, &stranger).unwrap(), Code::KeyUnknown),
        ("the key of another bidder", hall.signed(1, &good), Code::KeyUnknown),
        ("the number of another bidder", signed(&|c| c.number = hall.bidders[1].number), Code::KeyUnknown),
        ("a number of nobody", signed(&|c| c.number = unused), Code::NumberUnknown),
        ("for another lot", signed(&|c| c.lot = other_lot.lot), Code::StatementMismatch),
        ("for no lot", signed(&|c| c.lot = Id::from_u128(1)), Code::StatementMismatch),
        (
            "for another ledger",
            signed(&|c| c.ledger = Origin::new("other.example/trade").unwrap()),
            Code::StatementMismatch,
        ),
        ("a root that never was", signed(&|c| c.seen.root = Hash::of(b"x")), Code::SeenUnknown),
        ("a size that is not yet", signed(&|c| c.seen.size += 1_000), Code::SeenUnknown),
    ];
    for (what, statement, code) in cases {
        let before = world.size();
        assert_eq!(hall.place(&statement).code(), code, "{what}");
        assert_eq!(world.size(), before, "{what}");
    }

    let body = |text: &str| serde_json::to_vec(&json!({ "statement": text })).unwrap();
    let sent: Vec<Sent<'_>> = vec![
        ("not JSON", vec![JSON], b"statement".to_vec(), Code::Malformed),
        ("not an object", vec![JSON], b"[1]".to_vec(), Code::Malformed),
        ("an unknown member", vec![JSON], br#"{"statement":"x","x":1}"#.to_vec(), Code::Malformed),
        ("twice the member", vec![JSON], br#"{"statement":"x","statement":"y"}"#.to_vec(), Code::Malformed),
        ("not UTF-8", vec![JSON], b"{\"statement\":\"\xff\"}".to_vec(), Code::Malformed),
        ("no type", vec![], body(&text), Code::UnsupportedMedia),
        ("a form", vec![("Content-Type", "application/x-www-form-urlencoded")], body(&text), Code::UnsupportedMedia),
        ("plain text", vec![("Content-Type", "text/plain")], body(&text), Code::UnsupportedMedia),
        ("oversized", vec![JSON], body(&"a".repeat(BODY_MAX_BYTES)), Code::TooLarge),
    ];
    for (what, headers, body, code) in sent {
        let before = world.size();
        assert_eq!(raw(&hall, &headers, &body).code(), code, "{what}");
        assert_eq!(world.size(), before, "{what}");
    }
    let statement = json!({ "statement": text });
    let nowhere = world.public().post("/api/v1/lots/01JD9Z5T8Q3W6V2K4M7N0P1R2S/bids", statement.clone());
    assert_eq!(nowhere.code(), Code::StatementMismatch);
    assert_eq!(world.public().post("/api/v1/lots/no-id/bids", statement).code(), Code::NotFound);
    assert_eq!(world.public().send("DELETE", &hall.path("/bids"), None).code(), Code::NotFound);

    let accepted = raw(&hall, &[("Content-Type", "Application/JSON; charset=utf-8")], &body(&text));
    assert_eq!(accepted.status, 201, "after all that the good one still counts");
}

#[test]
fn what_breaks_a_rule_is_recorded_with_it() {
    let world = World::start();
    let mut hall = Hall::admitted(&world, 2);
    let recorded = |hall: &Hall<'_>, index: usize, amount: i64, rule: Code| {
        let mut claims = hall.claims(index, 0);
        claims.amount = Fen::new(amount).unwrap();
        let text = hall.signed(index, &claims);
        let before = world.size();
        let answer = hall.place(&text);
        assert_eq!(answer.code(), rule, "{amount}");
        let problem = answer.problem();
        assert_eq!(problem["seq"].as_u64(), Some(before));
        assert_eq!(problem["time"], world.now().to_string());
        assert_eq!(world.size(), before + 1);
        let entry = world.payload(before);
        assert_eq!((entry.kind.as_str(), entry.subject), ("auction.bid_refused", format!("lot/{}", hall.lot)));
        assert_eq!(entry.actor, format!("bidder/{}", hall.bidders[index].number));
        assert_eq!(entry.data, json!({ "amount": amount.to_string(), "rule": rule.name(), "statement": text }));
    };
    recorded(&hall, 0, START, Code::NotOpen);
    world.go_to(hall.opens);
    recorded(&hall, 0, START - 1, Code::BelowStart);
    recorded(&hall, 0, START + 1, Code::OffStep);
    hall.bid(0, 1).ok();
    recorded(&hall, 0, START + 200_000, Code::AlreadyLeading);
    recorded(&hall, 1, START + 100_000, Code::NotBetter);
    recorded(&hall, 1, START + 150_000, Code::StepNotMet);
    recorded(&hall, 1, START + 250_001, Code::OffStep);
    recorded(&hall, 1, START + 100_000 * 1_002, Code::StepTooLarge);
    world.pass(FREE);
    world.pass(WINDOW);
    recorded(&hall, 1, START + 200_000, Code::Closed);
    hall.bidders.clear();
}

#[test]
fn the_last_microsecond_counts_and_the_next_is_late() {
    let world = World::start();
    let hall = Hall::open(&world, 2);
    hall.bid(0, 0).ok();
    world.pass(FREE);
    let until = |hall: &Hall<'_>| hall.view()["auction"]["until"].as_str().unwrap().parse().unwrap();
    let closes: mingjian::base::Micros = until(&hall);
    // No tick: the bid itself finds the time as it is.
    world.clock.set(closes.minus(mingjian::base::Span::micros(1)));
    assert_eq!(hall.bid(1, 1).status, 201);
    let closes = until(&hall);
    assert_eq!(closes, world.now().plus(WINDOW), "the countdown starts again from the bid");
    world.clock.set(closes);
    assert_eq!(hall.bid(0, 2).code(), Code::Closed);
    assert_eq!(hall.view()["phase"], "ranked");
}

#[test]
fn sent_again_it_is_the_same_bid() {
    let world = World::start();
    let hall = Hall::open(&world, 2);
    let claims = hall.claims(0, 0);
    let text = hall.signed(0, &claims);
    let first = hall.place(&text).ok();
    let size = world.size();
    world.pass(mingjian::base::Span::secs(5));
    let again = hall.place(&text);
    assert_eq!((again.status, again.ok()["replayed"].as_bool()), (200, Some(true)));
    for field in ["seq", "time", "receipt"] {
        assert_eq!(again.ok()[field], first[field]);
    }
    let other = BidStatement { amount: Fen::new(START + 100_000).unwrap(), ..claims };
    assert_eq!(hall.place(&hall.signed(0, &other)).code(), Code::NonceReplayed);

    // A refusal is answered again as well, even when the bid would be good by now.
    let early = hall.signed(0, &hall.claims(0, 1));
    let refused = hall.place(&early).problem();
    assert_eq!(refused["code"], "already_leading");
    hall.bid(1, 1).ok();
    let again = hall.place(&early).problem();
    assert_eq!((&again["code"], &again["seq"], &again["time"]), (&refused["code"], &refused["seq"], &refused["time"]));

    // A nonce belongs to its bidder: the same one of another number is another bid.
    let borrowed = BidStatement { nonce: claims_nonce(&hall, &text), ..hall.claims(1, 3) };
    assert_eq!(hall.place(&hall.signed(1, &borrowed)).code(), Code::AlreadyLeading);
    assert_eq!(world.size(), size + 3);
}

fn claims_nonce(_: &Hall<'_>, text: &str) -> mingjian::ledger::Nonce {
    statement::decode::<BidStatement>(text).unwrap().unverified().nonce
}

/// 招标投标法 art. 22: nobody can find out by trying which numbers are dealt before the opening.
#[test]
fn before_the_opening_no_answer_tells_a_dealt_number_from_another() {
    let world = World::start();
    let hall = Hall::admitted(&world, 2);
    let stranger = SeedSigner::new(&[9; 32]);
    let dealt: Vec<u32> = hall.bidders.iter().map(|bidder| bidder.number).collect();
    let unused = (1..=999).find(|number| !dealt.contains(number)).unwrap();
    let probe = |number| {
        let claims = BidStatement { number, nonce: world.nonce(), ..hall.claims(0, 0) };
        let bid = hall.place(&statement::sign(&claims, &stranger).unwrap()).problem();
        let BidStatement { issued_at, lot, nonce, .. } = claims;
        let confirm = ConfirmStatement { issued_at, ledger: Origin::new(ORIGIN).unwrap(), lot, nonce, number };
        let text = statement::sign(&confirm, &stranger).unwrap();
        let confirm = world.public().post(&hall.path("/confirmations"), json!({ "statement": text })).problem();
        (bid, confirm)
    };
    assert_eq!(probe(dealt[0]), probe(unused));
    world.go_to(hall.opens);
    assert_eq!(probe(dealt[0]).0["code"], "key_unknown");
    assert_eq!(probe(unused).0["code"], "number_unknown");
}

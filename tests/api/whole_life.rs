//! A project from its registration to its archive, through HTTP alone.

use std::process::Command;

use mingjian::base::{Code, Hash, Micros, Span};
use mingjian::ledger::tile::decode_bundle;
use mingjian::ledger::{Proof, Signer as _, leaf_hash};
use serde_json::{Value, json};

use crate::client::Person;
use crate::hall::{FREE, Hall, START, STEP, WINDOW, identity_key};
use crate::world::{PASSWORD, World};

/// Everything that nobody in particular can read of a lot: its view, its pages, the payloads of the whole ledger.
pub fn public_text(world: &World, hall: &Hall<'_>) -> String {
    let public = world.public();
    let mut text = hall.view().to_string();
    text.push_str(public.get(&format!("/api/v1/entries?scope=lot/{}", hall.lot)).text());
    text.push_str(public.get("/api/v1/lots").text());
    for seq in 0..world.size() {
        let payload = public.get(&format!("/ledger/main/payload/{seq}"));
        if payload.status == 200 {
            text.push_str(payload.text());
        }
    }
    text
}

fn receipt_holds(world: &World, seq: u64, receipt: &str) {
    let bundle = world.public().get(&format!("/ledger/main/tile/entries/000.p/{}", world.size()));
    let leaf = decode_bundle(&bundle.body).unwrap()[usize::try_from(seq).unwrap()].to_vec();
    let proof = Proof::parse(world.public().get(receipt).text()).unwrap();
    assert_eq!(proof.index, seq);
    let checkpoint = proof.verify(&leaf, &world.policy()).unwrap();
    assert!(checkpoint.size > seq);
    let other = world.leaf(seq - 1);
    assert_ne!(leaf_hash(&other), leaf_hash(&leaf));
    assert!(proof.verify(&other, &world.policy()).is_err(), "a receipt proves its own leaf and no other");
}

#[test]
fn from_registration_to_archive() {
    let world = World::start();
    let (owner, operator) = (world.person("owner"), world.person("operator"));
    let mut hall = Hall::noticed(&world);
    assert_eq!(hall.view()["phase"], "noticed");
    let early = hall.binding("bidder1", &identity_key("a fresh key"));
    world.person("bidder1").post("/api/v1/me/keys", json!({ "key": identity_key("bidder1").public().jwk() })).ok();
    assert_eq!(world.person("bidder1").post(&hall.path("/sign-ups"), early).code(), Code::SignUpNotOpen);

    world.pass(Span::hours(2));
    assert_eq!(hall.view()["phase"], "sign_up");
    for login in ["bidder1", "bidder2", "bidder3"] {
        hall.sign_up(login);
    }
    hall.confirm_deposits();
    let numbers: std::collections::BTreeSet<u32> = hall.bidders.iter().map(|bidder| bidder.number).collect();
    assert_eq!(numbers.len(), 3);

    world.go_to(hall.opens);
    let view = hall.view();
    assert_eq!((&view["phase"], &view["auction"]["stage"]), (&json!("running"), &json!("free")));
    assert_eq!(view["numbers"].as_array().unwrap().len(), 3);

    // Accepted, with a receipt that a stranger can check.
    let accepted = hall.bid(0, 0);
    assert_eq!(accepted.status, 201);
    let accepted = accepted.ok();
    let seq = accepted["seq"].as_u64().unwrap();
    assert_eq!(
        (accepted["time"].as_str().unwrap(), &accepted["replayed"]),
        (world.now().to_string().as_str(), &json!(false))
    );
    receipt_holds(&world, seq, accepted["receipt"].as_str().unwrap());
    // Refused, with the rule, and recorded all the same.
    let mut half = hall.claims(1, 0);
    half.amount = mingjian::base::Fen::new(START + STEP / 2).unwrap();
    let refused = hall.place(&hall.signed(1, &half));
    assert_eq!(refused.code(), Code::StepNotMet);
    let recorded = world.payload(refused.problem()["seq"].as_u64().unwrap());
    assert_eq!((recorded.kind.as_str(), &recorded.data["rule"]), ("auction.bid_refused", &json!("step_not_met")));
    hall.bid(1, 2).ok();

    world.pass(FREE);
    assert_eq!(hall.view()["auction"]["stage"], "timed");
    world.pass(WINDOW);
    let view = hall.view();
    assert_eq!(view["phase"], "ranked");
    assert_eq!(
        view["ranking"][0],
        json!({ "number": hall.bidders[1].number, "amount": (START + 2 * STEP).to_string(), "rung": 0 })
    );
    assert_eq!(hall.bid(2, 3).code(), Code::Closed);

    award_and_contract(&world, &hall, &owner, &operator);
    assert_eq!(hall.view()["phase"], "archived");
    assert_eq!(owner.post(&hall.path("/award"), json!({})).code(), Code::WrongPhase);
    figures_add_up(&world);
    stranger_verifies(&world);
}

/// `mingjian verify URL`, as anybody may run it against this server: every check, the replay of the public payloads too.
fn stranger_verifies(world: &World) {
    let url = format!("http://{}/ledger/main", world.address);
    let output = Command::new(env!("CARGO_BIN_EXE_mingjian")).args(["verify", "--json", &url]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

fn award_and_contract(world: &World, hall: &Hall<'_>, owner: &Person<'_>, operator: &Person<'_>) {
    let until = world.now().plus(Span::days(8));
    // What the office is told beforehand is what the rules keep to, and lists say until when it lasts.
    let least: Micros = hall.view()["publicity_least"]["until"].as_str().unwrap().parse().unwrap();
    let soon = least.minus(Span::micros(1));
    assert_eq!(operator.post(&hall.path("/publicity"), json!({ "until": soon })).code(), Code::PublicityTooShort);
    operator.post(&hall.path("/publicity"), json!({ "until": until })).ok();
    assert_eq!(hall.view()["publicity_least"], Value::Null);
    figures_now(world);
    assert_eq!(world.public().get("/api/v1/lots").ok()["items"][0]["publicity_until"], json!(until));
    assert_eq!(owner.post(&hall.path("/award"), json!({})).code(), Code::PublicityNotOver);
    for company in ["明江甲", "明江乙", "明江丙"] {
        assert!(!public_text(world, hall).contains(company), "{company} is known before the award");
    }
    world.go_to(until);
    assert_eq!(operator.post(&hall.path("/award"), json!({})).code(), Code::Forbidden, "the owner awards, nobody else");
    owner.post(&hall.path("/award"), json!({})).ok();
    let text = public_text(world, hall);
    assert!(text.contains("明江乙置业有限公司"), "the winner is public with the award");
    assert!(!text.contains("明江甲") && !text.contains("明江丙"), "those who lost are not");
    assert_eq!(hall.view()["award"]["company"], "明江乙置业有限公司");

    let settle = |index: usize| json!({ "reference": hall.bidders[index].reference, "reason": "未成交退还" });
    operator.post(&hall.path("/deposits/return"), settle(0)).ok();
    assert_eq!(operator.post(&hall.path("/deposits/return"), settle(0)).code(), Code::DepositState);
    assert_eq!(
        operator.post(&hall.path("/deposits/return"), settle(1)).code(),
        Code::WrongPhase,
        "it secures the contract"
    );
    operator.post(&hall.path("/deposits/forfeit"), settle(2)).ok();
    owner.post(&hall.path("/contract"), json!({ "sha256": Hash::of(b"contract") })).ok();
    operator.post(&hall.path("/deposits/return"), settle(1)).ok();
    operator.post(&hall.path("/archive"), json!({})).ok();
}

/// The query tables follow the ledger; they say themselves how far they are.
fn figures_now(world: &World) -> Value {
    let figures = || world.public().get("/api/v1/statistics").ok();
    let started = std::time::Instant::now();
    while figures()["size"].as_u64() != Some(world.size()) {
        assert!(started.elapsed().as_secs() < 10, "the query tables do not follow");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    figures()
}

fn figures_add_up(world: &World) {
    let figures = figures_now(world);
    assert_eq!((&figures["projects"], &figures["awarded"]), (&json!(1), &json!((START + 2 * STEP).to_string())));
    assert_eq!(figures["months"][0]["projects"], json!(1), "a project counts in the month of its first award");
    let elsewhere = world.public().get("/api/v1/lots?phase=archived&place=%E5%88%AB%E5%A4%84").ok();
    assert_eq!(elsewhere["items"], json!([]), "no lot lies there");
    let lots = world.public().get("/api/v1/lots?phase=archived&category=C&q=%E6%BB%A8%E6%B1%9F%E8%B7%AF").ok();
    let lots = lots["items"].as_array().unwrap();
    assert_eq!(lots.len(), 1);
    assert_eq!((&lots[0]["phase"], &lots[0]["bids"], &lots[0]["refused"]), (&json!("archived"), &json!(2), &json!(2)));
}

#[test]
fn a_company_signs_itself_up_and_sees_only_its_own() {
    let world = World::start();
    let code = mingjian::identity::CreditCode::with_check("91330299000000099").unwrap();
    let company = json!({
        "login": "fresh", "password": PASSWORD, "name": "李四", "company": "明江戊置业有限公司", "credit_code": code.as_str(),
    });
    let public = world.public();
    let made = public.post("/api/v1/companies", company.clone());
    assert_eq!(made.status, 201);
    assert_eq!(public.post("/api/v1/companies", company).code(), Code::AccountExists);
    let hall = Hall::admitted(&world, 2);
    let mine = |login| world.person(login).get(&hall.path("/mine"));
    assert_ne!(mine("bidder1").ok()["number"], mine("bidder2").ok()["number"]);
    assert_eq!(mine("bidder3").code(), Code::NotFound, "nobody learns who takes part");
    let own: Value = world.person("bidder1").get("/api/v1/me/lots").ok();
    assert_eq!(own["items"].as_array().unwrap().len(), 1);
    assert_eq!(own["items"][0]["mine"]["deposit"], "held");
}

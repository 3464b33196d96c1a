//! The web interface has an implementation of this format of its own (`web/src/verify`), which shares no code with this one.
//! Both say of the same good and bad inputs whether they hold, and both are held against the same page of answers:
//! `tests/vectors/agreement.json`. `web/tests/verify/agreement.test.ts` is the other half.

use mingjian::base::{Hash, Jwk};
use mingjian::ledger::statement::{self, BidStatement};
use mingjian::ledger::{Leaf, Payload, Proof, PublicKey, SignedCheckpoint, VerifierKey, jcs, tree};
use serde_json::{Value, json};

use crate::vectors::*;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/agreement.json");
/// One bit of each byte, its case, and a byte that is no ASCII.
const MASKS: [u8; 3] = [0x01, 0x20, 0x80];

/// What both are asked about, each with an input that holds.
fn subjects() -> Vec<(&'static str, String)> {
    let lines = |name: &str| {
        hashes(&format!("/consistency/{name}")).iter().fold(String::new(), |all, hash| all + &hash.to_base64() + "\n")
    };
    vec![
        ("leaf", String::from_utf8(leaf(3).to_vec()).unwrap()),
        ("payload", String::from_utf8(payload(3).to_vec()).unwrap()),
        ("key", text("/keys/witness/verifier_key").to_owned()),
        ("checkpoint", text("/checkpoint").to_owned()),
        ("receipt", text("/receipt_of_3").to_owned()),
        ("consistency", lines("3-5")),
        ("statement", statement(3)),
    ]
}

fn lot_key() -> PublicKey {
    let jwk: Jwk = serde_json::from_value(VECTORS.pointer("/keys/lot/jwk").unwrap().clone()).unwrap();
    PublicKey::from_jwk(&jwk).unwrap()
}

/// Whether this implementation takes `input` for what `kind` says.
fn holds(kind: &str, input: &[u8]) -> bool {
    let Ok(text_of) = std::str::from_utf8(input) else { return false };
    match kind {
        "jcs" => jcs::parse_canonical(input).is_ok(),
        "leaf" => Leaf::parse(input).is_ok_and(|leaf| leaf.ledger == origin()),
        "payload" => Payload::parse(input).is_ok(),
        "key" => text_of.parse::<VerifierKey>().is_ok(),
        "checkpoint" => SignedCheckpoint::parse(text_of).is_ok_and(|signed| signed.verify(&policy()).is_ok()),
        "receipt" => Proof::parse(text_of).is_ok_and(|proof| proof.verify(leaf(3), &policy()).is_ok()),
        "consistency" => {
            let path: Result<Vec<Hash>, _> = text_of.lines().map(str::parse).collect();
            let root = |size: u32| text(&format!("/roots/{size}")).parse().unwrap();
            path.is_ok_and(|path| tree::verify_consistency(3, root(3), 5, root(5), &path).is_ok())
        }
        "statement" => {
            statement::decode::<BidStatement>(text_of).is_ok_and(|decoded| decoded.verify(&lot_key()).is_ok())
        }
        other => panic!("{other}"),
    }
}

/// Texts that are or are not JSON in the ledger's form, and leaves and payloads that only nearly are.
fn texts() -> Vec<(&'static str, String)> {
    let (good_leaf, good_payload) = (subjects()[0].1.clone(), subjects()[1].1.clone());
    let mut texts: Vec<(&str, String)> = [
        "{}",
        "[]",
        "null",
        "true",
        "\"\"",
        "0",
        "-1",
        "9007199254740991",
        "-9007199254740991",
        "{\"a\":{\"b\":[1,null,\"ü\"]}}",
        "\"\\u0000\\b\\t\\n\\f\\r\\\"\\\\€\"",
        "{\"\":1,\"€\":2}",
        "{\"a\":1,\"b\":2}",
        "\"\u{7f}\"",
        "\"\u{2028}\"",
        "\"\u{10ffff}\"",
        // Not in the one form
        "",
        " ",
        "{ }",
        "[1, 2]",
        "{\"b\":1,\"a\":2}",
        "{\"a\":1,\"a\":1}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1.0}",
        "1.5",
        "1e2",
        "1E2",
        "-0",
        "01",
        "+1",
        "9007199254740992",
        "-9007199254740992",
        "9007199254740993",
        "1e400",
        "\"\\u0041\"",
        "\"\\/\"",
        "\"\\ud800\"",
        "\"\\u00FC\"",
        "\"\\u001F\"",
        "\"\\u001f\"",
        "\"\t\"",
        "{\"a\":1}\n",
        "\u{feff}{}",
        "{\"a\":1,}",
        "[1,]",
        "nul",
        "NaN",
        "Infinity",
        "'a'",
        "{a:1}",
        "{\"\u{e000}\":1,\"\u{1f600}\":2}",
        "{\"\u{1f600}\":1,\"\u{e000}\":2}",
        "{\"__proto__\":1}",
        "{\"constructor\":1,\"__proto__\":2}",
        "{\"10\":1,\"9\":2}",
        "{\"9\":1,\"10\":2}",
        "//",
        "{}{}",
    ]
    .into_iter()
    .map(|text| ("jcs", text.to_owned()))
    .collect();
    for depth in [15, 16, 17, 100, 10_000] {
        texts.push(("jcs", "[".repeat(depth) + &"]".repeat(depth)));
        texts.push(("jcs", "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth)));
    }
    let leaf = |from: &str, to: &str| good_leaf.replacen(from, to, 1);
    for bad in [
        leaf("\"v\":1", "\"v\":2"),
        leaf("\"v\":1", "\"v\":\"1\""),
        leaf("\"seq\":3", "\"seq\":-3"),
        leaf("\"seq\":3", "\"seq\":\"3\""),
        leaf("\"seq\":3", "\"seq\":9007199254740991"),
        leaf("\"seq\":3", "\"seq\":9007199254740992"),
        leaf("\"seq\":3,", "\"seq\":3,\"seq\":3,"),
        leaf("\"seq\":3,", ""),
        leaf("{", "{\"a\":1,"),
        leaf("Z\"", "+00:00\""),
        leaf("-23T", "-32T"),
        leaf("2026-11", "2026-02"),
        leaf("2026-11-23", "2026-02-29"),
        leaf("2026-11-23", "2024-02-29"),
        leaf(":04:05", ":04:60"),
        leaf("T04", "T24"),
        leaf("=\"", "\""),
        good_leaf.clone() + " ",
    ] {
        texts.push(("leaf", bad));
    }
    let payload = |from: &str, to: &str| good_payload.replacen(from, to, 1);
    for bad in [
        payload("\"salt\":\"", "\"salt\":\"A"),
        payload("\"kind\"", "\"kinds\""),
        payload("\"data\":{", "\"data\":[],\"date\":{"),
        payload("{", "{\"Actor\":1,"),
        payload("\"actor\":\"", "\"actor\":\"\u{0}"),
        payload("\"actor\":\"", &format!("\"actor\":\"{}", "x".repeat(59_000))),
        payload("\"actor\":\"", &format!("\"actor\":\"{}", "x".repeat(60_001))),
    ] {
        texts.push(("payload", bad));
    }
    texts
}

/// A digit a byte: which of the [`MASKS`] leave the input holding.
fn flips(kind: &str, good: &str) -> String {
    let digit = |at: usize| {
        let holds = |mask: u8| {
            let mut bytes = good.as_bytes().to_vec();
            bytes[at] ^= mask;
            holds(kind, &bytes)
        };
        MASKS.iter().enumerate().fold(0, |digit, (bit, mask)| digit | (u32::from(holds(*mask)) << bit))
    };
    (0..good.len()).map(|at| char::from_digit(digit(at), 8).unwrap()).collect()
}

fn cuts(kind: &str, good: &str) -> String {
    (0..=good.len()).map(|length| if holds(kind, &good.as_bytes()[..length]) { '1' } else { '0' }).collect()
}

/// `UPDATE_DOCS=1 cargo test` writes the page anew: then look whether the other half agrees.
#[test]
fn both_implementations_say_the_same_of_good_and_bad_inputs() {
    let subjects: Vec<Value> = subjects()
        .into_iter()
        .map(|(kind, good)| {
            assert!(holds(kind, good.as_bytes()), "{kind}");
            json!({ "kind": kind, "flips": flips(kind, &good), "cuts": cuts(kind, &good), "good": good })
        })
        .collect();
    let texts: Vec<Value> =
        texts().into_iter().map(|(kind, text)| json!([kind, text, holds(kind, text.as_bytes())])).collect();
    let page = json!({ "masks": MASKS, "subjects": subjects, "texts": texts });
    let page = serde_json::to_string(&page).unwrap() + "\n";
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let kept = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        kept == page,
        "tests/vectors/agreement.json is out of date: run UPDATE_DOCS=1 cargo test --test ledger agreement"
    );
}

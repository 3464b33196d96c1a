//! What is written is read back as it was, whatever it is; and statements are read in one spelling only.

use std::num::NonZeroU32;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mingjian::base::{Code, Fen, Hash, Id, Jwk, Micros};
use mingjian::ledger::statement::{self, Claims, ConfirmStatement, KeyBinding, NotANonce, StatementError};
use mingjian::ledger::tile::{TileKind, decode_bundle, encode_bundle};
use mingjian::ledger::{BidStatement, Leaf, Nonce, Origin, Payload, PublicKey, Seen, Signer, TilePath, jcs, payload};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::vectors::{origin, signer};

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-jcs::INTEGER_MAX..=jcs::INTEGER_MAX).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,4}", inner, 0..4).prop_map(Value::from_iter),
        ]
    })
}

fn micros() -> impl Strategy<Value = Micros> {
    (-62_167_219_200_000_000i64..=253_402_300_799_999_999).prop_map(|micros| Micros::new(micros).unwrap())
}

fn bid() -> impl Strategy<Value = BidStatement> {
    let fields = (0..=100_000_000_000_000_000i64, micros(), any::<u128>(), any::<[u8; 10]>(), any::<u32>());
    (fields, prop::option::of(1u32..), any::<[u8; 32]>(), 0..1u64 << 53).prop_map(
        |((amount, issued_at, lot, random, number), rung, root, size)| BidStatement {
            amount: Fen::new(amount).unwrap(),
            issued_at,
            ledger: origin(),
            lot: Id::from_u128(lot),
            nonce: Nonce::new(issued_at, random),
            number,
            rung: rung.and_then(NonZeroU32::new),
            seen: Seen { root: Hash(root), size },
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn json(value in json_value()) {
        let bytes = jcs::canonical(&value).unwrap();
        prop_assert_eq!(jcs::parse_canonical(&bytes).unwrap(), value.clone());
        prop_assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), value);
    }

    #[test]
    fn payloads(actor in ".{0,9}", kind in ".{0,9}", subject in ".{0,9}", salt: [u8; 16], data in json_value()) {
        let data = json!({ "x": data });
        let bytes = payload::encode(&actor, &kind, &data, &salt, &subject).unwrap();
        prop_assert_eq!(Payload::parse(&bytes).unwrap(), Payload { actor, kind, subject, salt, data });
    }

    #[test]
    fn leaves(payload: [u8; 32], prev: [u8; 32], seq in 0..1u64 << 53, time in micros()) {
        let leaf = Leaf { ledger: origin(), payload: Hash(payload), prev: Hash(prev), seq, time };
        let bytes = leaf.to_bytes();
        prop_assert!(jcs::parse_canonical(&bytes).is_ok());
        prop_assert_eq!(Leaf::parse(&bytes), Ok(leaf));
    }

    #[test]
    fn whatever_reads_as_a_leaf_is_one(at in 0usize..205, byte: u8) {
        let leaf = Leaf { ledger: origin(), payload: Hash::of(b"a"), prev: Hash::of(b"b"), seq: 1_020, time: Micros::new(0).unwrap() };
        let mut bytes = leaf.to_bytes();
        bytes[at] = byte;
        if let Ok(read) = Leaf::parse(&bytes) {
            prop_assert_eq!(read.to_bytes(), bytes);
        }
    }

    #[test]
    fn bundles(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..=256), cut in 1usize..40) {
        let bytes = encode_bundle(&entries).unwrap();
        prop_assert_eq!(decode_bundle(&bytes).unwrap(), entries.clone());
        let shorter = &bytes[..bytes.len().saturating_sub(cut)];
        prop_assert_ne!(decode_bundle(shorter), decode_bundle(&bytes));
    }

    #[test]
    fn tile_paths(level in 0u8..=63, entries: bool, index: u64, width in 1u16..=256) {
        let kind = if entries { TileKind::Entries } else { TileKind::Hashes(level) };
        let path = TilePath { kind, index, width };
        prop_assert_eq!(path.to_string().parse(), Ok(path));
    }

    #[test]
    fn nonces(at in micros(), random: [u8; 10]) {
        let nonce = Nonce::new(at, random);
        prop_assert_eq!(nonce.to_string().parse(), Ok(nonce));
        prop_assert_eq!(Nonce::from_bytes(*nonce.as_bytes()), Ok(nonce));
    }

    #[test]
    fn statements(bid in bid()) {
        let key = signer("lot");
        let jws = statement::sign(&bid, &key).unwrap();
        prop_assert!(jws.len() < 1_024);
        prop_assert_eq!(statement::decode::<BidStatement>(&jws).unwrap().verify(&key.public()), Ok(bid));
    }
}

#[test]
fn tile_paths_have_one_spelling() {
    let path = |text: &str| text.parse::<TilePath>();
    assert_eq!(
        path("tile/3/x001/x234/067.p/9"),
        Ok(TilePath { kind: TileKind::Hashes(3), index: 1_234_067, width: 9 })
    );
    assert_eq!(path("tile/entries/000"), Ok(TilePath { kind: TileKind::Entries, index: 0, width: 256 }));
    for bad in [
        "/tile/0/000",
        "tile/0/0",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001/x002",
        "tile/0/0001",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/data/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert!(path(bad).is_err(), "{bad} must be refused");
    }
    assert!(!path("tile/0/001").unwrap().exists_in(511));
    assert!(path("tile/0/001").unwrap().exists_in(512));
    assert!(!path("tile/1/000.p/1").unwrap().exists_in(255));
    assert!(!path("tile/63/000.p/1").unwrap().exists_in(u64::MAX));
    assert!(encode_bundle::<&[u8]>(&[]).is_none() && decode_bundle(&[]).is_none());
    assert!(encode_bundle(&[vec![0; 65_536]]).is_none() && encode_bundle(&[b""; 257]).is_none());
}

#[test]
fn nonces_have_one_spelling() {
    let good = "01a2075a-e5d6-7c41-9b0e-6f2d83a14c73";
    assert_eq!(good.parse::<Nonce>().unwrap().to_string(), good);
    for bad in [
        "01A2075a-e5d6-7c41-9b0e-6f2d83a14c73",
        "01a2075ae5d67c419b0e6f2d83a14c73",
        "01a2075a-e5d6-4c41-9b0e-6f2d83a14c73",
        "01a2075a-e5d6-7c41-cb0e-6f2d83a14c73",
        "01a2075ae-5d6-7c41-9b0e-6f2d83a14c73",
        "{01a2075a-e5d6-7c41-9b0e-6f2d83a14c73}",
        "01a2075a-e5d6-7c41-9b0e-6f2d83a14c7",
        "01a2075a-e5d6-7c41-9b0e-6f2d83a14c7g",
        "",
    ] {
        assert_eq!(bad.parse::<Nonce>(), Err(NotANonce), "{bad}");
    }
}

fn at(text: &str) -> Micros {
    text.parse().unwrap()
}

/// A statement of type `typ` over any claims, whether they make sense or not.
fn forge(header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = signer("lot").sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn a_statement_has_one_spelling_even_when_well_signed() {
    let key = signer("lot").public();
    let kid = key.jwk().thumbprint();
    let header = format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"mj-bid+jws"}}"#);
    let claims = r#"{"amount":"100","issued_at":"2026-11-23T04:05:06.000000Z","ledger":"a.example","lot":"01JD9Z5T8Q3W6V2K4M7N0P1R2S","nonce":"01a2075a-e5d6-7c41-9b0e-6f2d83a14c73","number":3,"rung":1,"seen":{"root":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","size":4}}"#;
    let read = |jws: &str| statement::decode::<BidStatement>(jws).and_then(|decoded| decoded.verify(&key));
    let good = forge(&header, claims);
    assert_eq!(read(&good).unwrap().rung, NonZeroU32::new(1));

    for (from, to) in [
        (r#""rung":1"#, r#""rung":0"#),
        (r#""rung":1"#, r#""rung":null"#),
        (r#""rung":1"#, r#""rung":1,"rung":1"#),
        (r#""rung":1"#, r#""rung": 1"#),
        (r#""rung":1"#, r#""rung":1.0"#),
        (r#""rung":1"#, r#""rung":1,"s":0"#),
        (r#""number":3"#, r#""number":"3""#),
        (r#""number":3"#, r#""number":4294967296"#),
        (r#""amount":"100""#, r#""amount":"0100""#),
        (r#""amount":"100""#, r#""amount":100"#),
        (r#""amount":"100""#, r#""amount":"\u0031\u0030\u0030""#),
        (r#""size":4"#, r#""size":4,"x":1"#),
        (r#""size":4"#, r#""size":9007199254740992"#),
        (r#""ledger":"a.example""#, r#""ledger":"a.example/""#),
    ] {
        let bad = claims.replacen(from, to, 1);
        assert_ne!(bad, claims);
        assert_eq!(read(&forge(&header, &bad)), Err(StatementError::Malformed("claims")), "{bad}");
    }
    for (from, to) in [
        ("EdDSA", "none"),
        ("EdDSA", "HS256"),
        (r#""typ":"mj-bid+jws""#, r#""typ":"mj-confirm+jws""#),
        (r#""typ":"mj-bid+jws""#, r#""typ":"mj-bid+jws","x":1"#),
        (r#""typ":"mj-bid+jws""#, r#""typ": "mj-bid+jws""#),
        (r#"{"alg""#, r#"{"crit":["b64"],"alg""#),
        (r#""kid":"J"#, r#""kid":""#),
    ] {
        let bad = header.replacen(from, to, 1);
        assert_ne!(bad, header);
        assert_eq!(read(&forge(&bad, claims)), Err(StatementError::Malformed("header")), "{bad}");
    }
    for bad in [
        String::new(),
        "..".to_owned(),
        format!("{good}="),
        format!("{good}."),
        good.replace('.', ".."),
        format!("{}.", good.rsplit_once('.').unwrap().0),
        "a".repeat(mingjian::base::limits::STATEMENT_MAX_BYTES + 1),
    ] {
        assert_eq!(read(&bad).unwrap_err().code(), Code::StatementMalformed, "{bad}");
    }
}

#[test]
fn the_other_statements_round_trip_and_are_bound_to_their_lot() {
    let (lot, ledger) = (Id::from_u128(7), origin());
    let issued_at = at("2026-11-23T04:05:06.000000Z");
    let nonce = Nonce::new(issued_at, [9; 10]);
    let confirm = ConfirmStatement { issued_at, ledger: ledger.clone(), lot, nonce, number: 3 };
    let jws = statement::sign(&confirm, &signer("lot")).unwrap();
    let read = statement::decode::<ConfirmStatement>(&jws).unwrap().verify(&signer("lot").public()).unwrap();
    assert_eq!(read, confirm);
    assert!(statement::decode::<BidStatement>(&jws).is_err());

    let binding = KeyBinding { issued_at, key: signer("lot").public().jwk(), ledger: ledger.clone(), lot };
    let jws = statement::sign(&binding, &signer("witness")).unwrap();
    let read = statement::decode::<KeyBinding>(&jws).unwrap().verify(&signer("witness").public()).unwrap();
    assert_eq!(read, binding);
    assert_eq!(read.made_for(&ledger, lot), Ok(()));
    assert_eq!(read.made_for(&ledger, Id::from_u128(8)), Err(StatementError::Mismatch));
    assert_eq!(read.made_for(&Origin::new("other.example").unwrap(), lot), Err(StatementError::Mismatch));

    // Another key: refused by its thumbprint. The right thumbprint and another signature: refused by the signature.
    let decoded = statement::decode::<KeyBinding>(&jws).unwrap();
    assert_eq!(decoded.verify(&signer("lot").public()).unwrap_err().code(), Code::KeyUnknown);
    let other = statement::sign(&KeyBinding { lot: Id::from_u128(8), ..binding }, &signer("witness")).unwrap();
    let grafted = format!("{}.{}", jws.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1);
    let decoded = statement::decode::<KeyBinding>(&grafted).unwrap();
    assert_eq!(decoded.verify(&signer("witness").public()).unwrap_err().code(), Code::SignatureInvalid);
}

#[test]
fn a_weak_key_is_read_and_then_refused() {
    let weak: Jwk = serde_json::from_value(json!({"crv": "Ed25519", "kty": "OKP", "x": "A".repeat(43)})).unwrap();
    assert_eq!(StatementError::from(PublicKey::from_jwk(&weak).unwrap_err()).code(), Code::KeyWeak);
    for bad in [
        json!({"crv": "Ed25519", "kty": "OKP", "x": "A".repeat(42)}),
        json!({"crv": "X25519", "kty": "OKP", "x": "A".repeat(43)}),
        json!({"crv": "Ed25519", "kty": "OKP", "x": "A".repeat(43), "d": "A".repeat(43)}),
        json!({"crv": "Ed25519", "kty": "OKP", "x": "A".repeat(43), "alg": "EdDSA"}),
    ] {
        assert!(serde_json::from_value::<Jwk>(bad.clone()).is_err(), "{bad}");
    }
}

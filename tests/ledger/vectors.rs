//! `tests/vectors/ledger.json`, byte for byte.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mingjian::base::{Hash, Jwk};
use mingjian::ledger::signature::{SeedSigner, Signer};
use mingjian::ledger::statement::{self, BidStatement, StatementError};
use mingjian::ledger::{
    Chain, Checkpoint, Frontier, Origin, Payload, Proof, PublicKey, TileBuilder, VerifierKey, cosignature, payload,
    tile, tree,
};
use mingjian::ledger::{Policy, SignedCheckpoint};
use serde_json::Value;

pub static VECTORS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../vectors/ledger.json")).unwrap());

pub fn text(pointer: &str) -> &'static str {
    VECTORS.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in the vectors"))
}

fn bytes(pointer: &str) -> Vec<u8> {
    STANDARD.decode(text(pointer)).unwrap()
}

pub fn hashes(pointer: &str) -> Vec<Hash> {
    let list = VECTORS.pointer(pointer).and_then(Value::as_array).unwrap();
    list.iter().map(|hash| hash.as_str().unwrap().parse().unwrap()).collect()
}

pub fn origin() -> Origin {
    Origin::new("ledger.mingjiang.example/trade").unwrap()
}

pub fn signer(name: &str) -> SeedSigner {
    SeedSigner::new(&Hash::of(text(&format!("/keys/{name}/seed_of")).as_bytes()).0)
}

pub fn key(name: &str) -> VerifierKey {
    text(&format!("/keys/{name}/verifier_key")).parse().unwrap()
}

/// The log and its one witness, both required: under it no byte of a receipt is free to change.
pub fn policy() -> Policy {
    Policy::named(key("log"), vec![key("witness")], "all").unwrap()
}

pub fn leaf(seq: usize) -> &'static [u8] {
    text(&format!("/entries/{seq}/leaf")).as_bytes()
}

pub fn payload(seq: usize) -> &'static [u8] {
    text(&format!("/entries/{seq}/payload")).as_bytes()
}

pub fn leaf_hashes() -> Vec<Hash> {
    (0..5).map(|seq| text(&format!("/entries/{seq}/leaf_hash")).parse().unwrap()).collect()
}

pub fn statement(seq: usize) -> String {
    let payload = Payload::parse(payload(seq)).unwrap();
    payload.data["statement"].as_str().unwrap().to_owned()
}

#[test]
fn payloads_and_leaves() {
    let (mut reader, mut writer) = (Chain::new(origin()), Chain::new(origin()));
    for (seq, expected) in leaf_hashes().into_iter().enumerate() {
        let parsed = Payload::parse(payload(seq)).unwrap();
        let encoded =
            payload::encode(&parsed.actor, &parsed.kind, &parsed.data, &parsed.salt, &parsed.subject).unwrap();
        assert_eq!(encoded, payload(seq));

        let (leaf_read, hash) = reader.check(leaf(seq)).unwrap();
        assert_eq!(hash, expected);
        let link = writer.append(Hash::of(&encoded), leaf_read.time);
        assert_eq!((link.bytes.as_slice(), link.hash), (leaf(seq), expected));
    }
}

#[test]
fn roots_tiles_and_bundles() {
    let mut frontier = Frontier::new();
    let mut tiles = TileBuilder::new();
    assert_eq!(frontier.root().to_base64(), text("/roots/0"));
    for (at, hash) in leaf_hashes().into_iter().enumerate() {
        frontier.append(hash);
        assert!(tiles.append(hash).is_empty());
        assert_eq!(frontier.root().to_base64(), text(&format!("/roots/{}", at + 1)));
        assert_eq!(tiles.frontier(), frontier);
    }
    let (index, partial) = tiles.partial(0).unwrap();
    assert_eq!((index, tile::tile_bytes(partial.hashes())), (0, bytes("/tile_0_partial_5")));
    let leaves: Vec<_> = (0..5).map(leaf).collect();
    assert_eq!(tile::encode_bundle(&leaves).unwrap(), bytes("/entries_bundle_partial_5"));
    assert_eq!(tile::decode_bundle(&bytes("/entries_bundle_partial_5")).unwrap(), leaves);
}

#[test]
fn proofs() {
    let root = |size: u64| text(&format!("/roots/{size}")).parse::<Hash>().unwrap();
    for (index, hash) in (0u64..).zip(leaf_hashes()) {
        let path = hashes(&format!("/inclusion/{index}"));
        assert_eq!(tree::verify_inclusion(hash, index, 5, &path, root(5)), Ok(()));
    }
    for old in 1..5 {
        let path = hashes(&format!("/consistency/{old}-5"));
        assert_eq!(tree::verify_consistency(old, root(old), 5, root(5), &path), Ok(()));
    }
}

#[test]
fn keys_checkpoint_and_cosignature() {
    for name in ["log", "witness"] {
        assert_eq!(key(name).to_string(), text(&format!("/keys/{name}/verifier_key")));
        assert_eq!(key(name).public(), signer(name).public());
    }
    let head = Checkpoint { origin: origin(), size: 5, root: text("/roots/5").parse().unwrap() };
    let mut signed = head.sign(&signer("log")).unwrap();
    let seconds = VECTORS["cosigned_at"].as_u64().unwrap();
    let line = cosignature::cosign(signed.note().text(), key("witness").name(), seconds, &signer("witness")).unwrap();
    signed.add(line).unwrap();
    assert_eq!(signed.to_string(), text("/checkpoint"));

    let read = SignedCheckpoint::parse(text("/checkpoint")).unwrap();
    assert_eq!(read.to_string(), text("/checkpoint"));
    assert_eq!(read.verify(&policy()), Ok(&head));
    assert_eq!(cosignature::verify(read.note(), &key("witness")), Ok(seconds));
}

#[test]
fn receipt() {
    let receipt = Proof::parse(text("/receipt_of_3")).unwrap();
    assert_eq!(receipt.to_string(), text("/receipt_of_3"));
    assert_eq!(receipt.verify(leaf(3), &policy()).unwrap().size, 5);
    assert!(receipt.verify(leaf(2), &policy()).is_err());
}

#[test]
fn statements() {
    let lot = signer("lot");
    let jwk: Jwk = serde_json::from_value(VECTORS["keys"]["lot"]["jwk"].clone()).unwrap();
    assert_eq!(jwk, lot.public().jwk());
    assert_eq!(jwk.thumbprint().to_string(), text("/keys/lot/thumbprint"));
    for seq in [3, 4] {
        let jws = statement(seq);
        let decoded = statement::decode::<BidStatement>(&jws).unwrap();
        assert_eq!(decoded.kid(), jwk.thumbprint());
        let claims = decoded.verify(&PublicKey::from_jwk(&jwk).unwrap()).unwrap();
        assert_eq!((claims.number, claims.rung, claims.seen.size), (3, None, seq as u64));
        assert_eq!(statement::sign(&claims, &lot).unwrap(), jws);

        let other = statement::decode::<BidStatement>(&jws).unwrap().verify(&signer("log").public());
        assert_eq!(other, Err(StatementError::KeyUnknown));
    }
}

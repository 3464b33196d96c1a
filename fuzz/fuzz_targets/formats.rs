//! Every parser of the ledger format. The first byte chooses one, the rest is its input. None may panic, and whatever one
//! takes must come out again as the same bytes where the format has one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mingjian::ledger::jcs;
use mingjian::ledger::statement::{self, BidStatement, ConfirmStatement, KeyBinding};
use mingjian::ledger::tile::decode_bundle;
use mingjian::ledger::{
    AddCheckpoint, Leaf, Note, Origin, Payload, PolicyText, Proof, SignedCheckpoint, TilePath, VerifierKey,
};

fuzz_target!(|data: &[u8]| {
    let Some((which, input)) = data.split_first() else { return };
    let text = || std::str::from_utf8(input).ok();
    match which % 12 {
        0 => {
            if let Ok(value) = jcs::parse_canonical(input) {
                assert_eq!(jcs::canonical(&value).unwrap(), input);
            }
        }
        1 => {
            if let Ok(leaf) = Leaf::parse(input) {
                assert_eq!(leaf.to_bytes(), input);
            }
        }
        2 => drop(Payload::parse(input)),
        3 => {
            if let Some(Ok(note)) = text().map(Note::parse) {
                assert_eq!(note.to_string().as_bytes(), input);
            }
        }
        4 => {
            if let Some(Ok(signed)) = text().map(SignedCheckpoint::parse) {
                assert_eq!(signed.to_string().as_bytes(), input);
            }
        }
        5 => {
            if let Some(Ok(proof)) = text().map(Proof::parse) {
                assert_eq!(proof.to_string().as_bytes(), input);
            }
        }
        6 => {
            if let Some(Ok(key)) = text().map(str::parse::<VerifierKey>) {
                assert_eq!(key.to_string().as_bytes(), input);
            }
        }
        7 => {
            if let Some(Ok(policy)) = text().map(str::parse::<PolicyText>) {
                assert_eq!(policy.to_string().as_bytes(), input);
            }
        }
        8 => {
            if let Some(Ok(path)) = text().map(str::parse::<TilePath>) {
                assert_eq!(path.to_string().as_bytes(), input);
            }
        }
        9 => {
            let Some(text) = text() else { return };
            let _ = statement::decode::<BidStatement>(text);
            let _ = statement::decode::<ConfirmStatement>(text);
            let _ = statement::decode::<KeyBinding>(text);
        }
        10 => {
            if let Some(request) = AddCheckpoint::parse(input) {
                assert_eq!(request.to_string().as_bytes(), input);
            }
        }
        _ => {
            let _ = decode_bundle(input);
            let _ = text().map(Origin::new);
        }
    }
});

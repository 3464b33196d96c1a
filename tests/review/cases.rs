//! A lot's case in one file: everything holds, or the file that does not is named.

use std::io::Cursor;

use crate::book::*;
use crate::bundles::repacked_as;
use mingjian::review::bundle::About;
use mingjian::review::case::{CaseReader, CaseReport, Contents, verify, write};
use mingjian::review::{InSequence, Options, Trust};
use zip::CompressionMethod;

fn contents() -> Contents {
    let about = About { reader: "public".into(), verifier_key: verifier_key().to_string() };
    Contents { lot: id(LOT), about, verifier: Some(b"<!doctype html>".to_vec()), media: vec![b"a clip".to_vec()] }
}

fn case() -> Vec<u8> {
    let book = full_auction();
    let mut shown = book.shown_to_public();
    shown.earlier = (1..book.leaves.len()).step_by(10).map(|size| note_of(&book.leaves[..size])).collect();
    write(Cursor::new(Vec::new()), &mut shown, &contents(), &InSequence).unwrap().2.into_inner()
}

fn report(bytes: &[u8]) -> Result<CaseReport, String> {
    let mut reader = CaseReader::open(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let trust = Trust { policy: Some(policy()), earlier: Vec::new() };
    verify(&mut reader, &trust, Options::default(), &InSequence, |_, _| {}).map_err(|error| error.to_string())
}

fn method(name: &str) -> CompressionMethod {
    match name {
        "ledger.zip" => CompressionMethod::Stored,
        name if name.starts_with("media/") => CompressionMethod::Stored,
        _ => CompressionMethod::Deflated,
    }
}

fn changed(name: &str, change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    repacked_as(&case(), method, |files| {
        let found = files.iter_mut().find(|(n, _)| n.starts_with(name)).unwrap_or_else(|| panic!("{name}"));
        change(&mut found.1);
    })
}

#[test]
fn a_case_holds_with_everything_beside_its_ledger() {
    let bytes = case();
    assert!(CaseReader::is_case(Cursor::new(bytes.as_slice())));
    let mut reader = CaseReader::open(Cursor::new(bytes.as_slice())).unwrap();
    let manifest = reader.manifest().clone();
    let found = report(&bytes).unwrap();
    assert_eq!(found.faults, []);
    assert!(found.ledger.holds(), "{:?}", found.ledger.first_failure);
    let bids = found.ledger.outcome.bids_accepted + found.ledger.outcome.bids_refused;
    assert_eq!(found.receipts, bids, "one for each bid");
    assert!(found.receipts > 3 && found.consistency > 2);
    assert_eq!(found.files, manifest.files.len() as u64);
    assert_eq!(manifest.missing, found.ledger.missing_payloads);
    assert!(manifest.entries > bids);
    let clip = manifest.files.keys().find(|name| name.starts_with("media/")).unwrap();
    assert_eq!(reader.file(clip).unwrap(), b"a clip");
    assert_eq!(case(), bytes, "the same source gives the same bytes");
}

#[test]
fn a_changed_file_is_named() {
    let flip = |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1;
    for name in ["README.md", "receipts/", "consistency/", "findings.json", "verify.html", "media/"] {
        let found = report(&changed(name, flip)).unwrap();
        assert_eq!(found.exit_code(), 1, "{name}");
        assert!(found.faults[0].0.starts_with(name), "{:?}", found.faults);
    }
    let refused = report(&changed("ledger.zip", flip)).unwrap_err();
    assert!(refused.contains("ledger.zip"), "{refused}");
    assert!(report(&changed("case.json", flip)).unwrap_err().contains("case.json"));
}

/// An adversary who can write a manifest that fits the changed file.
#[test]
fn a_forged_receipt_and_a_spliced_ledger_are_found_whatever_the_manifest_says() {
    let forge = |name: &str, change: &dyn Fn(&str) -> String| {
        repacked_as(&case(), method, |files| {
            let at = files.iter().position(|(n, _)| n.starts_with(name) && n.strip_suffix(".json").is_some()).unwrap();
            let forged = change(std::str::from_utf8(&files[at].1).unwrap()).into_bytes();
            let manifest = files.iter().position(|(n, _)| n == "case.json").unwrap();
            let text = String::from_utf8(files[manifest].1.clone()).unwrap();
            let hash = |bytes: &[u8]| mingjian::base::Hash::of(bytes).to_base64();
            files[manifest].1 = text.replace(&hash(&files[at].1), &hash(&forged)).into_bytes();
            files[at].1 = forged;
        })
    };
    let found = report(&forge("receipts/", &|text| text.replacen("auction.", "auctiom.", 1))).unwrap();
    assert!(found.faults.iter().any(|(name, _)| name.starts_with("receipts/")), "{:?}", found.faults);
    assert_eq!(found.exit_code(), 1);
    // Findings are the exporter's word and change nothing.
    let found = report(&forge("findings", &|text| text.replace("true", "false"))).unwrap();
    assert_eq!(found.exit_code(), 0);
}

#[test]
fn names_that_the_manifest_does_not_call_for_are_refused() {
    for extra in ["../evil", "receipts/99.json", "/etc/passwd"] {
        let bytes = repacked_as(&case(), method, |files| files.push((extra.to_owned(), b"x".to_vec())));
        assert!(report(&bytes).unwrap_err().contains("case.json"));
    }
    let fewer = repacked_as(&case(), method, |files| files.retain(|(name, _)| name != "README.md"));
    assert!(report(&fewer).is_err());
    // A case whose ledger is compressed once more could unpack to anything.
    let deflated = repacked_as(&case(), |_| CompressionMethod::Deflated, |_| {});
    assert!(report(&deflated).unwrap_err().contains("ledger.zip"));
}

#[test]
fn a_truncated_case_is_never_accepted() {
    let bytes = case();
    for length in (0..bytes.len()).step_by(97) {
        assert!(report(&bytes[..length]).is_err(), "{length}");
    }
}

/// The case with another `case.json`.
fn with_manifest(change: impl Fn(&str) -> String) -> Vec<u8> {
    changed("case.json", |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = change(&text).into_bytes();
        assert_ne!(*bytes, text.as_bytes());
    })
}

/// A manifest has one spelling: nobody reads a second meaning into it.
#[test]
fn a_manifest_in_any_other_form_is_refused() {
    let deep = format!("{{\"reader\":{}{}", "[".repeat(200_000), "]".repeat(200_000));
    for (what, bad) in [
        ("a name twice", with_manifest(|text| text.replacen('{', "{\"format\":1,", 1))),
        ("spaces", with_manifest(|text| text.replacen(':', ": ", 1))),
        ("an escape", with_manifest(|text| text.replacen("public", "\\u0070ublic", 1))),
        ("a name more", with_manifest(|text| text.replacen('{', "{\"aaa\":1,", 1))),
        ("another format", with_manifest(|text| text.replace("\"format\":1", "\"format\":2"))),
        ("another type", with_manifest(|text| text.replace("mingjian-case", "mingjian-bundle"))),
        ("another size", with_manifest(|text| text.replace("\"size\":", "\"size\":1"))),
        ("another origin", with_manifest(|text| text.replace(ORIGIN, "ledger.other.example/trade"))),
        ("a float", with_manifest(|text| text.replace("\"format\":1", "\"format\":1.0"))),
        ("depth without end", with_manifest(|_| deep.clone())),
        ("no text", with_manifest(|_| "\u{0}".repeat(1_000))),
    ] {
        let refused = report(&bad).unwrap_err();
        assert!(refused.contains("case.json"), "{what}: {refused}");
    }
}

#[test]
fn a_bomb_anywhere_in_a_case_is_refused_before_it_goes_off() {
    for name in ["case.json", "README.md", "receipts/", "consistency/", "findings.json", "verify.html"] {
        let bomb = changed(name, |bytes| *bytes = vec![0; 256 << 20]);
        assert!(bomb.len() < 2 << 20, "{name}: {}", bomb.len());
        match report(&bomb) {
            Err(refused) => assert!(refused.contains("larger than allowed"), "{name}: {refused}"),
            Ok(found) => {
                assert_eq!(found.exit_code(), 1, "{name}");
                assert!(found.faults.iter().any(|(_, why)| why.contains("larger than allowed")), "{:?}", found.faults);
            }
        }
    }
}

/// The adversary owns a log of the same name and signs whatever fits: everything holds, but not under the key that we have
/// from elsewhere; and a receipt of the true ledger does not stand in the false one.
#[test]
fn another_identity_under_the_same_name_convinces_nobody_who_has_the_key() {
    let book = full_auction();
    let mut shown = book.shown_to_public();
    let mut tree = mingjian::ledger::Frontier::new();
    tree.extend(book.leaves.iter().map(|leaf| mingjian::ledger::leaf_hash(leaf)));
    let head = mingjian::ledger::Checkpoint { origin: origin(), size: tree.size(), root: tree.root() };
    shown.note = head.sign(&signer("an impostor")).unwrap().to_string();
    let about = About { reader: "public".into(), verifier_key: verifier_key().to_string() };
    let contents = Contents { lot: id(LOT), about, verifier: None, media: Vec::new() };
    let swapped = write(Cursor::new(Vec::new()), &mut shown, &contents, &InSequence).unwrap().2.into_inner();
    let found = report(&swapped).unwrap();
    assert_eq!(found.exit_code(), 1);
    assert!(!found.ledger.holds() && !found.faults.is_empty());
}

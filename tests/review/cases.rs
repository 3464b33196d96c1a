//! A lot's case in one file: everything holds, or the file that does not is named.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use crate::book::*;
use crate::bundles::{bundle, repacked_as};
use mingjian::base::limits::CASE_MEDIA_MAX_BYTES;
use mingjian::base::{Hash, Span};
use mingjian::ledger::media::{
    Audio, CLIP_REFERENCED, ClipClock, ClipReferenced, ClipStatus, FileName, Interval, Part, SEGMENTS_RECORDED,
    Segment, SegmentsRecorded, Stretch, playlist, run_link, segment_link,
};
use mingjian::ledger::note::SignatureType;
use mingjian::ledger::record::{KEY_ROTATED, KeyRotated, VERIFIER_PUBLISHED, VerifierPublished};
use mingjian::ledger::{Policy, SeedSigner, Signer as _, VerifierKey};
use mingjian::review::bundle::{About, BundleError};
use mingjian::review::case::{CaseReader, CaseReport, Contents, Enclosed, verify, write};
use mingjian::review::{InSequence, Media, Options, Trust};
use zip::CompressionMethod;

/// Files of clips by their names.
#[derive(Default)]
pub struct Footage(pub BTreeMap<FileName, Vec<u8>>);

impl Media for Footage {
    fn read(&self, name: FileName) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.get(&name).cloned())
    }

    fn list(&self) -> Vec<FileName> {
        self.0.keys().copied().collect()
    }
}

const PAGE: &[u8] = b"<!doctype html>";

pub fn contents(media: Option<&Footage>) -> Contents<'_> {
    Contents {
        lot: id(LOT),
        about: About { reader: "reviewer".into(), verifier_key: verifier_key().to_string() },
        verifier: Some(PAGE.to_vec()),
        media: media.map(|media| (media as &dyn Media, CASE_MEDIA_MAX_BYTES)),
        printer: None,
    }
}

/// An auction with a clip beside its first bid, and the digest of the verifier in the ledger.
pub fn filmed() -> (Book, Footage) {
    let mut book = full_auction();
    let run = id(77);
    let files: Vec<Vec<u8>> = (0..3u8).map(|n| vec![n; 64]).collect();
    let mut footage = Footage::default();
    for (number, bytes) in [None, Some(0), Some(1)].into_iter().zip(&files) {
        footage.0.insert(FileName { run, number }, bytes.clone());
    }
    let (camera, init) = (id(78), Hash::of(&files[0]));
    let segments: Vec<Segment> =
        files[1..].iter().map(|bytes| Segment { digest: Hash::of(bytes), level: None, span: Span::secs(2) }).collect();
    let at = when(31, 9, 0, 0);
    let head = segments
        .iter()
        .enumerate()
        .fold(run_link(camera, run, init), |link, (number, segment)| segment_link(link, number as u64, segment));
    let stretch = Stretch {
        camera,
        codecs: "avc1.42c01e".into(),
        first: 0,
        from: at,
        head,
        init,
        run,
        segments: segments.clone(),
        uncertainty: Span::micros(500_000),
    };
    let announced = SegmentsRecorded { gaps: Vec::new(), stretches: vec![stretch] };
    let value = |data: serde_json::Result<serde_json::Value>| data.unwrap();
    let anchor = book.leaves.len() as u64;
    let camera_name = format!("camera/{camera}");
    book.record(
        when(31, 9, 0, 5),
        SEGMENTS_RECORDED,
        "recorder/main",
        &camera_name,
        &value(serde_json::to_value(&announced)),
    );
    let parts = vec![Part { anchors: vec![anchor], first: 0, from: at, init, run, segments }];
    let interval = Interval { from: at, to: at.plus(Span::secs(4)) };
    let clip = ClipReferenced {
        about: book.find("auction.bid_accepted", 0) as u64,
        about_kind: "auction.bid_accepted".into(),
        asked: interval,
        audio: Audio { level: None, present: false },
        camera,
        clip: id(79),
        clock: ClipClock { offset: None, source: "arrival".into(), uncertainty: Span::micros(500_000) },
        codecs: "avc1.42c01e".into(),
        external: None,
        gaps: Vec::new(),
        keep_until: at,
        playlist: Hash::of(playlist(&parts).as_bytes()),
        parts,
        room: id(80),
        served: Some(interval),
        status: ClipStatus::Complete,
    };
    let lot = format!("lot/{}", id(LOT));
    book.record(when(31, 9, 0, 6), CLIP_REFERENCED, "recorder/main", &lot, &value(serde_json::to_value(&clip)));
    let named = VerifierPublished { bytes: PAGE.len() as u64, sha256: Hash::of(PAGE), version: "0.1.0".into() };
    book.record(when(31, 9, 0, 7), VERIFIER_PUBLISHED, "system", "ledger", &value(serde_json::to_value(&named)));
    (book, footage)
}

pub fn case_of(book: &Book, contents: &Contents<'_>) -> Vec<u8> {
    let mut shown = book.shown_to_public();
    shown.earlier = (1..book.leaves.len()).step_by(10).map(|size| note_of(&book.leaves[..size])).collect();
    let (out, scratch) = (Cursor::new(Vec::new()), Cursor::new(Vec::new()));
    write(out, scratch, &mut shown, contents, &InSequence).unwrap().2.into_inner()
}

fn case() -> Vec<u8> {
    let (book, footage) = filmed();
    case_of(&book, &contents(Some(&footage)))
}

fn report(bytes: &[u8]) -> Result<CaseReport, String> {
    let mut reader = CaseReader::open(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let trust = Trust { policy: Some(policy()), ..Trust::default() };
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
    assert_eq!((found.clips, found.media, found.media_absent), (1, 3, 0));
    assert!(matches!(found.verifier, Some(Enclosed::Published { .. })), "{:?}", found.verifier);
    let clip = reader.clips().unwrap().pop().unwrap();
    let names = clip.parts[0].clone().unwrap();
    let played: Vec<Vec<u8>> = names.iter().map(|name| reader.file(name).unwrap()).collect();
    assert_eq!(played, (0..3u8).map(|n| vec![n; 64]).collect::<Vec<_>>());
    assert_eq!(case(), bytes, "the same source gives the same bytes");
}

/// Media are put in on request: without them the references are there, and what they refer to is counted.
#[test]
fn clips_without_their_footage_are_counted() {
    let (book, mut footage) = filmed();
    let found = report(&case_of(&book, &contents(None))).unwrap();
    assert_eq!((found.exit_code(), found.clips, found.media, found.media_absent), (0, 1, 0, 3), "{:?}", found.faults);
    // Gone, and altered: neither is put in.
    let [first, second] = [Some(0), Some(1)].map(|number| FileName { run: id(77), number });
    footage.0.remove(&first);
    footage.0.insert(second, b"another".to_vec());
    let bytes = case_of(&book, &contents(Some(&footage)));
    let found = report(&bytes).unwrap();
    assert_eq!((found.exit_code(), found.media, found.media_absent), (0, 1, 2), "{:?}", found.faults);
    // More than there is room for: no case that looks whole.
    let (_, footage) = filmed();
    let narrow = Contents { media: Some((&footage, 3 * 64 - 1)), ..contents(None) };
    let (out, scratch) = (Cursor::new(Vec::new()), Cursor::new(Vec::new()));
    let refused = write(out, scratch, &mut book.shown_to_public(), &narrow, &InSequence).unwrap_err();
    assert!(matches!(refused, BundleError::TooLarge(_)), "{refused}");
    let clips = CaseReader::open(Cursor::new(bytes.as_slice())).unwrap().clips().unwrap();
    assert_eq!(clips[0].parts, [None], "a part with a hole is not played");
}

/// The page that a case brings along must be the one that the platform answers for.
#[test]
fn another_verifier_than_the_ledger_names_is_found() {
    let (book, _) = filmed();
    let other = Contents { verifier: Some(b"<!doctype html><p>trust me".to_vec()), ..contents(None) };
    let found = report(&case_of(&book, &other)).unwrap();
    assert_eq!((found.exit_code(), found.verifier), (1, Some(Enclosed::Another)));
    assert_eq!(found.faults[0].0, "verify.html");
    // A ledger that names none has nothing to compare with, and the report says so.
    let found = report(&case_of(&full_auction(), &contents(None))).unwrap();
    assert_eq!((found.exit_code(), found.verifier), (0, Some(Enclosed::NotPublished)));
}

/// Whoever trusts the key of either time is led to the other by the entry that both signed, in the case as in the ledger.
#[test]
fn a_case_holds_across_a_change_of_the_log_s_key() {
    let (mut book, footage) = filmed();
    let next = signer("next");
    let rotated = KeyRotated::sign(ORIGIN, &signer("log"), &next).unwrap();
    let before = book.leaves.len();
    book.record(when(31, 9, 1, 0), KEY_ROTATED, "system", "ledger", &serde_json::to_value(&rotated).unwrap());
    book.record(when(31, 9, 2, 0), "test.noted", "system", "test", &serde_json::json!({}));
    let mut shown = book.shown_to_public();
    shown.note = note_by(&next, &book.leaves);
    let earlier = [(&signer("log"), before - 1), (&next, before + 1)];
    shown.earlier = earlier.map(|(signer, size)| note_by(signer, &book.leaves[..size])).to_vec();
    let key = |signer: &SeedSigner| VerifierKey::new(ORIGIN, SignatureType::Ed25519, signer.public()).unwrap();
    let about = About { reader: "reviewer".into(), verifier_key: key(&next).to_string() };
    let contents = Contents { about, ..contents(Some(&footage)) };
    let (out, scratch) = (Cursor::new(Vec::new()), Cursor::new(Vec::new()));
    let (_, made, out) = write(out, scratch, &mut shown, &contents, &InSequence).unwrap();
    assert_eq!((made.first_failure, made.log_keys.len()), (None, 2));
    let bytes = out.into_inner();
    let under = |signer: &SeedSigner| {
        let mut reader = CaseReader::open(Cursor::new(bytes.as_slice())).unwrap();
        let trust = Trust { policy: Some(Policy::log_only(key(signer)).unwrap()), ..Trust::default() };
        verify(&mut reader, &trust, Options::default(), &InSequence, |_, _| {}).unwrap()
    };
    for signer in [&signer("log"), &next] {
        let found = under(signer);
        assert_eq!((found.exit_code(), &found.faults[..]), (0, &[][..]), "{:?}", found.ledger.first_failure);
        assert!(found.receipts > 3 && found.consistency == 2);
    }
    let stranger = under(&signer("stranger"));
    assert_eq!(stranger.exit_code(), 1);
    assert_eq!(stranger.ledger.first_failure.unwrap().rule, "verifier_key");
}

#[test]
fn a_changed_file_is_named() {
    let flip = |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1;
    for name in ["README.md", "receipts/", "consistency/", "clips/", "findings.json", "verify.html", "media/"] {
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
        ("an escape", with_manifest(|text| text.replacen("\"reviewer", "\"\\u0072eviewer", 1))),
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
    let (out, scratch) = (Cursor::new(Vec::new()), Cursor::new(Vec::new()));
    let swapped = write(out, scratch, &mut shown, &contents(None), &InSequence).unwrap().2.into_inner();
    let found = report(&swapped).unwrap();
    assert_eq!(found.exit_code(), 1);
    assert!(!found.ledger.holds() && !found.faults.is_empty());
}

/// Archives that the fuzzer starts from (`fuzz/fuzz_targets/archive.rs`): `UPDATE_SEEDS=1` writes them anew. Here they must be
/// what they are meant to be: whole, so that the fuzzer gets past every door.
#[test]
fn the_seeds_of_the_fuzzer_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/archive");
    if std::env::var_os("UPDATE_SEEDS").is_some() {
        let (book, footage) = filmed();
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, bytes: Vec<u8>| std::fs::write(folder.join(name), bytes).unwrap();
        write("case.zip", case());
        write("case-without-media.zip", case_of(&book, &contents(None)));
        write("bundle.zip", bundle(book.shown_to_public()));
        write("bundle-of-one.zip", bundle(Book::new(when(1, 7, 0, 0)).shown()));
        assert_eq!(footage.0.len(), 3);
    }
    for name in ["case.zip", "case-without-media.zip"] {
        let found = report(&std::fs::read(folder.join(name)).unwrap()).unwrap();
        assert_eq!((found.exit_code(), &found.faults[..]), (0, &[][..]), "{name}");
    }
    for name in ["bundle.zip", "bundle-of-one.zip"] {
        let found = crate::bundles::report(&std::fs::read(folder.join(name)).unwrap()).unwrap();
        assert!(found.holds(), "{name}: {found:?}");
    }
}

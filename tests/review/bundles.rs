//! One file that carries a ledger, and files that pretend to.

use std::io::{Cursor, Read as _, Write as _};

use crate::book::*;
use mingjian::ledger::leaf_hash;
use mingjian::review::bundle::{About, BundleReader, write};
use mingjian::review::{InSequence, Missing, Options, Report, Source as _, Trust, verify};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

pub fn bundle(mut shown: Shown) -> Vec<u8> {
    let about = About { reader: "public".into(), verifier_key: verifier_key().to_string() };
    write(Cursor::new(Vec::new()), &mut shown, about, |_, _| {}).unwrap().1.into_inner()
}

pub fn report(bytes: &[u8]) -> Result<Report, String> {
    let mut reader = BundleReader::open(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let trust = Trust { policy: Some(policy()), ..Trust::default() };
    verify(&mut reader, &trust, Options::default(), &InSequence, |_, _| {}).map_err(|error| error.to_string())
}

fn long_book() -> Book {
    let mut book = full_auction();
    for n in 0..500 {
        book.record(when(31, 9, 0, n), "camera.segment", "camera/1", "camera/1", &serde_json::json!({ "n": n }));
    }
    book
}

#[test]
fn what_was_damaged_where_it_was_stored_is_named_and_not_passed_off_as_hidden() {
    let book = full_auction();
    let hit = book.find("auction.bid_accepted", 1);
    let mut shown = book.shown_to_public();
    let hidden = shown.entries.iter().filter(|entry| entry.payload == Err(Missing::Withheld)).count();
    shown.entries[hit].payload = Err(Missing::Damaged);
    let about = About { reader: "public".into(), verifier_key: verifier_key().to_string() };
    let (manifest, file) = write(Cursor::new(Vec::new()), &mut shown, about, |_, _| {}).unwrap();
    assert_eq!((manifest.missing.withheld, manifest.missing.damaged), (u64::try_from(hidden).unwrap(), 1));
    let found = report(&file.into_inner()).unwrap();
    let named = found.failures.iter().find(|failure| failure.rule == "payload_damaged").unwrap();
    assert_eq!(named.seq, Some(u64::try_from(hit).unwrap()));
    assert!(!found.holds(), "{found:?}");
}

/// The files of a bundle, changed and packed again.
fn repacked(bytes: &[u8], change: impl FnOnce(&mut Vec<(String, Vec<u8>)>)) -> Vec<u8> {
    repacked_as(bytes, |_| CompressionMethod::Deflated, change)
}

/// The same, each file compressed as `method` says.
pub fn repacked_as(
    bytes: &[u8],
    method: impl Fn(&str) -> CompressionMethod,
    change: impl FnOnce(&mut Vec<(String, Vec<u8>)>),
) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut files: Vec<(String, Vec<u8>)> = (0..archive.len())
        .map(|i| {
            let mut file = archive.by_index(i).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            (file.name().to_owned(), bytes)
        })
        .collect();
    change(&mut files);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = SimpleFileOptions::default().compression_method(method(&name));
        zip.start_file(name, options).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn file<'a>(files: &'a mut [(String, Vec<u8>)], name: &str) -> &'a mut Vec<u8> {
    &mut files.iter_mut().find(|(n, _)| n.starts_with(name)).unwrap().1
}

#[test]
fn a_bundle_holds_what_the_source_showed() {
    for book in [Book::new(when(1, 7, 0, 0)), full_auction(), long_book()] {
        let mut shown = book.shown_to_public();
        shown.earlier = (1..book.leaves.len()).step_by(100).map(|size| note_of(&book.leaves[..size])).collect();
        let bytes = bundle(shown.clone());
        assert_eq!(bytes, bundle(shown.clone()), "the same source gives the same bytes");
        let mut reader = BundleReader::open(Cursor::new(&bytes)).unwrap();
        assert_eq!(reader.manifest().size, book.leaves.len() as u64);
        assert_eq!(reader.entries(0, usize::MAX).unwrap(), shown.entries);
        assert_eq!(reader.entries(1, 5).unwrap(), shown.entries.iter().skip(1).take(5).cloned().collect::<Vec<_>>());
        assert_eq!(reader.earlier().unwrap(), shown.earlier);
        let report = report(&bytes).unwrap();
        assert!(report.holds(), "{report:?}");
        assert_eq!(report.missing_payloads, reader.manifest().missing);
    }
}

#[test]
fn no_truncation_and_no_flipped_bit_passes_for_the_ledger() {
    let book = full_auction();
    let bytes = bundle(book.shown());
    let root = report(&bytes).unwrap().root;
    for length in (0..bytes.len()).step_by(97).chain(bytes.len() - 30..bytes.len()) {
        assert!(report(&bytes[..length]).is_err(), "cut to {length}");
    }
    for at in (0..bytes.len()).step_by(23) {
        let mut bad = bytes.clone();
        bad[at] ^= 1 << (at % 8);
        // A bit of a file's date or attributes means nothing; all others are refused or found.
        if let Ok(report) = report(&bad) {
            assert!(!report.holds() || report.root == root && report.entries == book.leaves.len() as u64, "byte {at}");
        }
    }
}

#[test]
fn names_that_do_not_belong_are_refused() {
    let bytes = bundle(full_auction().shown());
    for name in ["../evil", "/etc/passwd", "tile/entries/001", "payload/../../x", "clips/1", "a\\b", "checkpoint "] {
        let bad = repacked(&bytes, |files| files.push((name.into(), b"x".to_vec())));
        assert!(report(&bad).unwrap_err().contains("number of files"), "{name}");
        // In place of a file that belongs.
        let bad = repacked(&bytes, |files| {
            files.iter_mut().find(|(n, _)| n == "README.md").unwrap().0 = name.into();
        });
        assert!(report(&bad).unwrap_err().contains("belongs"), "{name}");
    }
    for missing in ["checkpoint", "README.md", "manifest.json", "payload/"] {
        let bad = repacked(&bytes, |files| files.retain(|(name, _)| !name.starts_with(missing)));
        assert!(report(&bad).is_err(), "without {missing}");
    }
}

#[test]
fn a_name_that_stands_twice_is_refused() {
    let bytes = bundle(full_auction().shown());
    // As long as «checkpoint», so that the name can be changed within the archive.
    let twice = repacked(&bytes, |files| files.push(("checkpoimt".into(), b"x".to_vec())));
    let twice: Vec<u8> =
        String::from_utf8_lossy(b"").bytes().chain(replace(&twice, b"checkpoimt", b"checkpoint")).collect();
    assert!(report(&twice).unwrap_err().contains("twice"));
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for at in 0..=out.len() - from.len() {
        if out[at..].starts_with(from) {
            out[at..at + to.len()].copy_from_slice(to);
        }
    }
    out
}

#[test]
fn a_bomb_is_refused_before_it_goes_off() {
    let bytes = bundle(full_auction().shown());
    for name in ["payload/", "tile/entries/", "checkpoint", "manifest.json"] {
        let bomb = repacked(&bytes, |files| *file(files, name) = vec![0; 64 << 20]);
        assert!(bomb.len() < 1 << 20);
        assert!(report(&bomb).unwrap_err().contains("larger than allowed"), "{name}");
    }
    // One that lies about its size: 64 MiB declared as 1 KiB, wherever the archive says so.
    let bomb = repacked(&bytes, |files| *file(files, "payload/") = vec![0; 64 << 20]);
    let liar = replace(&bomb, &(64u32 << 20).to_le_bytes(), &1024u32.to_le_bytes());
    assert!(report(&liar).is_err());
    // A directory that claims more files than fit.
    let mut crowd = bytes.clone();
    let end = crowd.len() - 22;
    crowd[end + 8..end + 12].copy_from_slice(&[0xfe, 0xff, 0xfe, 0xff]);
    assert!(report(&crowd).is_err());
    // A comment behind the end, and another archive before, behind, and between the directory and its end record.
    assert!(report(&[&bytes[..], b"PK"].concat()).is_err());
    let other = bundle(full_auction().shown_to_public());
    for glued in [[&other[..], &bytes], [&bytes, &other], [&bytes, &bytes], [b"#!", &bytes]] {
        assert!(report(&glued.concat()).is_err());
    }
    let (front, end) = bytes.split_at(bytes.len() - 22);
    assert!(report(&[front, b"hidden", end].concat()).unwrap_err().contains("behind its directory"));
}

#[test]
fn a_manifest_promises_no_more_than_there_is() {
    let bytes = bundle(full_auction().shown());
    for (from, to) in [
        (r#""size":"#, r#""size":9"#),
        (r#""requires":[]"#, r#""requires":["clips"]"#),
        (r#""format":1"#, r#""format":2"#),
        (r#""format":1"#, r#""format": 1"#),
        (r#""checkpoints":[]"#, r#""checkpoints":[2,1]"#),
        (r#""reader""#, r#""other":1,"reader""#),
    ] {
        let bad = repacked(&bytes, |files| {
            let manifest = file(files, "manifest.json");
            let text = String::from_utf8(manifest.clone()).unwrap();
            assert!(text.contains(from));
            *manifest = text.replacen(from, to, 1).into_bytes();
        });
        assert!(report(&bad).is_err(), "{to}");
    }
}

#[test]
fn parts_of_two_ledgers_do_not_make_one() {
    let book = full_auction();
    let contract = book.find("lot.contracted", 0);
    let other = book.with(contract, |at, _| *at = at.plus(mingjian::base::Span::micros(1)));
    assert_ne!(leaf_hash(&book.leaves[contract]), leaf_hash(&other.leaves[contract]));
    let theirs = bundle(other.shown());
    for part in ["tile/entries/", "payload/"] {
        let spliced = repacked(&bundle(book.shown()), |files| {
            let mut archive = ZipArchive::new(Cursor::new(&theirs)).unwrap();
            let name = archive.file_names().map(str::to_owned).find(|name| name.starts_with(part));
            let mut bytes = Vec::new();
            archive.by_name(&name.unwrap()).unwrap().read_to_end(&mut bytes).unwrap();
            *file(files, part) = bytes;
        });
        assert_eq!(report(&spliced).unwrap().exit_code(), 1, "{part}");
    }
}

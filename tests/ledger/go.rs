//! A program that is not ours, in a language that is not ours: Go's `sumdb/note` and `sumdb/tlog`, from the system's package
//! `golang-golang-x-mod-dev`. It takes our checkpoints and proofs, and none with a single bit changed.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mingjian::base::Hash;
use mingjian::ledger::sm2::{Sm2Signer, WithSm2};
use mingjian::ledger::tree::{consistency_proof, inclusion_proof};
use mingjian::ledger::{Checkpoint, Frontier, cosignature, leaf_hash};

use crate::trees::{Journal, entry};
use crate::vectors::{key, origin, signer};

/// Where tiles, levels and powers of two begin and end.
const SIZES: [u64; 11] = [1, 2, 3, 255, 256, 257, 600, 65_535, 65_536, 65_537, 70_000];
/// Up to here every leaf is proved; beyond, those at the edges and one in so many.
const EVERY_LEAF: u64 = 600;
const STRIDE: usize = 211;

fn list(hashes: &[Hash]) -> String {
    if hashes.is_empty() {
        return "-".into();
    }
    hashes.iter().map(Hash::to_string).collect::<Vec<_>>().join(",")
}

/// What the program reads, and how much of what.
fn questions() -> (String, [usize; 3]) {
    let (journal, mut out, mut counts) = (Journal::of(70_000), String::new(), [0; 3]);
    let reader = journal.reader();
    let root = |size| Frontier::read(&reader, size).unwrap().root();
    writeln!(out, "key {}", key("log")).unwrap();
    let log = WithSm2 { log: Box::new(signer("log")), sm2: Sm2Signer::new(&Hash::of(b"sm2").0).unwrap() };
    for size in SIZES {
        let mut note = Checkpoint { origin: origin(), size, root: root(size) }.sign(&log).unwrap();
        // Lines of types that Go's package does not know, a witness's and the log's in SM2, are passed over.
        let text = note.note().text().to_owned();
        note.add(cosignature::cosign(&text, key("witness").name(), 1_795_395_600, &signer("witness")).unwrap())
            .unwrap();
        writeln!(out, "note {}", STANDARD.encode(note.to_string())).unwrap();
        counts[0] += 1;
    }
    let mut inclusion = |out: &mut String, size: u64, index: u64| {
        let proof = list(&inclusion_proof(&reader, index, size).unwrap());
        writeln!(out, "inclusion {size} {index} {} {} {proof}", root(size), leaf_hash(&entry(index))).unwrap();
        counts[1] += 1;
    };
    for size in SIZES {
        let edges = [0, 1, 255, 256, 257, size / 2, size - size.min(2), size - 1];
        let leaves: Vec<u64> = if size <= EVERY_LEAF {
            (0..size).collect()
        } else {
            (0..size).step_by(STRIDE).chain(edges).filter(|index| *index < size).collect()
        };
        for index in leaves {
            inclusion(&mut out, size, index);
        }
    }
    writeln!(out, "every bit").unwrap();
    for size in [3, 257, 70_000] {
        inclusion(&mut out, size, size / 3);
    }
    writeln!(out, "every hash").unwrap();
    let mut pairs: Vec<(u64, u64)> = (1..=40).flat_map(|new| (1..=new).map(move |old| (old, new))).collect();
    pairs.extend(SIZES.iter().flat_map(|new| SIZES.iter().filter(|old| *old <= new).map(|old| (*old, *new))));
    for (old, new) in pairs {
        let proof = list(&consistency_proof(&reader, old, new).unwrap());
        writeln!(out, "consistency {old} {new} {} {} {proof}", root(old), root(new)).unwrap();
        counts[2] += 1;
    }
    (out, counts)
}

#[test]
fn go_takes_our_checkpoints_and_proofs_and_no_changed_bit() {
    let (questions, [notes, inclusions, consistencies]) = questions();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ledger/go/main.go");
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go");
    let mut child = Command::new("go")
        .arg("run")
        .arg(program)
        .env("GO111MODULE", "off")
        .env("GOPATH", "/usr/share/gocode")
        .env("GOCACHE", cache)
        .env("GOFLAGS", "")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("go is missing: ops/ci/install installs it");
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(questions.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    // A program that ended early has said why.
    let written = writer.join().unwrap();
    assert!(output.status.success() && written.is_ok(), "{said}");
    let expected = format!("notes {notes} inclusions {inclusions} consistencies {consistencies} rejected ");
    let rejected: u64 = said.trim_end().strip_prefix(&expected).unwrap_or_else(|| panic!("{said}")).parse().unwrap();
    assert!(rejected > 50_000, "{said}");
}

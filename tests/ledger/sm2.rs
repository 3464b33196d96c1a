//! The SM2 line: OpenSSL takes ours and we take OpenSSL's; whoever does not know it passes over it.

use std::path::Path;
use std::process::Command;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mingjian::base::Hash;
use mingjian::ledger::sm2::{Sm2Key, Sm2Signer, WithSm2};
use mingjian::ledger::{Checkpoint, Note, NoteError, NoteSignature, Policy, SignedCheckpoint, Signer as _};

use crate::vectors::{key, origin, signer};

/// The `SubjectPublicKeyInfo` of a point on the SM2 curve (GM/T 0006: 1.2.156.10197.1.301), before the 65 bytes of the point.
const SPKI: &str = "3059301306072a8648ce3d020106082a811ccf5501822d034200";

fn with_sm2() -> WithSm2 {
    WithSm2 { log: Box::new(signer("log")), sm2: Sm2Signer::new(&Hash::of(b"sm2").0).unwrap() }
}

fn sm2_key() -> Sm2Key {
    with_sm2().sm2.key(&origin()).unwrap()
}

fn note() -> SignedCheckpoint {
    Checkpoint { origin: origin(), size: 3, root: Hash::of(b"root") }.sign(&with_sm2()).unwrap()
}

fn openssl(dir: &Path, arguments: &str) -> (bool, String) {
    let output =
        Command::new("openssl").args(arguments.split(' ')).current_dir(dir).output().expect("openssl is missing");
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn der_integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap();
    let mut digits = bytes[start..].to_vec();
    if digits[0] >= 0x80 {
        digits.insert(0, 0);
    }
    [&[2, u8::try_from(digits.len()).unwrap()][..], &digits].concat()
}

fn der(raw: &[u8]) -> Vec<u8> {
    let both = [der_integer(&raw[..32]), der_integer(&raw[32..])].concat();
    [&[0x30, u8::try_from(both.len()).unwrap()][..], &both].concat()
}

fn raw(der: &[u8]) -> Vec<u8> {
    let (mut rest, mut raw) = (&der[2..], Vec::new());
    for _ in 0..2 {
        let length = usize::from(rest[1]);
        let digits = &rest[2..2 + length];
        let digits = if digits.len() > 32 { &digits[digits.len() - 32..] } else { digits };
        raw.extend(std::iter::repeat_n(0, 32 - digits.len()));
        raw.extend(digits);
        rest = &rest[2 + length..];
    }
    raw
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The 65 bytes of the point, out of the key's own text.
fn point(key: &Sm2Key) -> Vec<u8> {
    let material = STANDARD.decode(key.to_string().rsplit('+').next().unwrap()).unwrap_or_else(|_| {
        // The base64 may hold plus signs itself.
        STANDARD.decode(key.to_string().splitn(3, '+').nth(2).unwrap()).unwrap()
    });
    material[material.len() - 65..].to_vec()
}

#[test]
fn openssl_takes_our_line_and_we_take_openssls() {
    let dir = tempfile::tempdir().unwrap();
    let (note, key) = (note(), sm2_key());
    let line = note.note().signatures().iter().find(|line| line.id == key.id()).unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).unwrap();
    write("text", note.note().text().as_bytes());
    write("public.der", &[hex(SPKI), point(&key)].concat());
    write("ours", &der(&line.bytes));
    let verify = "pkeyutl -verify -rawin -digest sm3 -pubin -inkey public.der -keyform DER -in text -sigfile ours \
                  -pkeyopt distid:1234567812345678";
    let verify = verify.split_whitespace().collect::<Vec<_>>().join(" ");
    let (holds, said) = openssl(dir.path(), &verify);
    assert!(holds, "{said}");
    let mut changed = line.bytes.clone();
    changed[40] ^= 1;
    write("ours", &der(&changed));
    assert!(!openssl(dir.path(), &verify).0, "a changed bit");

    // A key and a signature that OpenSSL made.
    for command in [
        "genpkey -algorithm SM2 -out private.pem",
        "pkey -in private.pem -pubout -outform DER -out theirs.der",
        "pkeyutl -sign -rawin -digest sm3 -inkey private.pem -in text -out theirs -pkeyopt distid:1234567812345678",
    ] {
        let (done, said) = openssl(dir.path(), command);
        assert!(done, "{command}: {said}");
    }
    let public = std::fs::read(dir.path().join("theirs.der")).unwrap();
    let theirs = {
        let point = &public[public.len() - 65..];
        let material = [b"\xffmingjian/sm2-with-sm3/v1".as_slice(), point].concat();
        let id = Hash::of_parts(&[origin().as_bytes(), b"\n", &material]).0;
        let id = u32::from_be_bytes([id[0], id[1], id[2], id[3]]);
        format!("{}+{id:08x}+{}", origin(), STANDARD.encode(material)).parse::<Sm2Key>().unwrap()
    };
    let signature = raw(&std::fs::read(dir.path().join("theirs")).unwrap());
    let line = NoteSignature { name: origin().to_string(), id: theirs.id(), bytes: signature };
    let foreign = Note::new(note.note().text().to_owned(), vec![line]).unwrap();
    assert_eq!(theirs.verify(&foreign), Ok(()));
    assert_eq!(key.verify(&foreign), Err(NoteError::Unsigned));
}

#[test]
fn the_line_stands_beside_the_logs_and_does_not_replace_it() {
    let (note, key) = (note(), sm2_key());
    assert_eq!(note.note().signatures().len(), 2);
    assert!(note.verify(&Policy::log_only(crate::vectors::key("log")).unwrap()).is_ok(), "passed over");
    assert_eq!(key.verify(note.note()), Ok(()));
    assert_eq!(key.to_string().parse::<Sm2Key>().unwrap(), key);
    let alone = note.note().signatures().iter().filter(|line| line.id == key.id()).cloned().collect();
    let alone = Note::new(note.note().text().to_owned(), alone).unwrap();
    assert!(
        SignedCheckpoint::parse(&alone.to_string())
            .unwrap()
            .verify(&Policy::log_only(crate::vectors::key("log")).unwrap())
            .is_err()
    );
    // No bit of the text or of the signature is free.
    for bit in 0..note.note().text().len() * 8 {
        let mut text = note.note().text().as_bytes().to_vec();
        text[bit / 8] ^= 1 << (bit % 8);
        let Ok(text) = String::from_utf8(text) else { continue };
        let Ok(changed) = Note::new(text, note.note().signatures().to_vec()) else { continue };
        assert_eq!(key.verify(&changed), Err(NoteError::BadSignature), "bit {bit}");
    }
    for bit in 0..64 * 8 {
        let mut lines = note.note().signatures().to_vec();
        let line = lines.iter_mut().find(|line| line.id == key.id()).unwrap();
        line.bytes[bit / 8] ^= 1 << (bit % 8);
        let changed = Note::new(note.note().text().to_owned(), lines).unwrap();
        assert_eq!(key.verify(&changed), Err(NoteError::BadSignature), "bit {bit}");
    }
    assert!(Sm2Signer::new(&[0; 32]).is_none() && Sm2Signer::new(&[0xff; 32]).is_none());
    assert!(with_sm2().public() == key_of_log());
}

fn key_of_log() -> mingjian::ledger::PublicKey {
    key("log").public()
}

//! The log's key changes hands: by an entry that both keys have signed, and everybody can follow.

use std::path::Path;
use std::process::Command;

use mingjian::base::Span;
use mingjian::cli::continuity;
use mingjian::cli::open::Running;
use mingjian::desk::{Stored, Threads};
use mingjian::identity::{ServerKeys, SystemEntropy};
use mingjian::ledger::record::{KEY_ROTATED, KeyRotated};
use mingjian::ledger::{Checkpoint, Payload, Policy, Proof, SeedSigner, Signer as _, VerifierKey};
use mingjian::review::receipt::{Verdict, check as check_receipt, check_against};
use mingjian::review::{CheckName, Handover, Options, Receipt, Report, Trust, verify};
use mingjian::sequencer::{LedgerReader as _, LedgerTree};
use mingjian::store::{DataDir, SqliteReader};
use mingjian::witness::Log;

use crate::cosigned::{Platform, shown, text, wait_for, write};
use crate::log::ORIGIN;
use crate::server::TestWitness;

/// `mingjian keys …`: the key that it prints.
fn keys(data: &Path, flag: &str) -> Result<VerifierKey, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_mingjian"))
        .args(["keys", flag, "--origin", ORIGIN, "--data", data.to_str().unwrap()])
        .output()
        .unwrap();
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout).unwrap().lines().last().unwrap().parse().unwrap());
    }
    Err(String::from_utf8(output.stderr).unwrap())
}

fn check(data: &Path, policy: Policy, earlier: Vec<String>) -> Report {
    let reader = SqliteReader::open(&data.join("ledger/main.sqlite")).unwrap();
    let mut source = Stored::whole(&reader);
    let trust = Trust { policy: Some(policy), earlier, ..Trust::default() };
    verify(&mut source, &trust, Options::default(), &Threads, |_, _| ()).unwrap()
}

fn rotations(reader: &SqliteReader) -> usize {
    let kinds = reader.entries(0, usize::MAX).unwrap().into_iter().map(|entry| Payload::parse(&entry.payload.unwrap()));
    kinds.filter(|said| said.as_ref().unwrap().kind == KEY_ROTATED).count()
}

#[test]
fn the_log_is_handed_over_and_everybody_can_follow() {
    let platform = Platform::new();
    let (data, old) = (platform.dir.path().join("data"), platform.log.clone());
    let running = platform.open(None, Span::secs(1));
    let seq = write(&running);
    let kept = shown(&running).to_string();
    platform.close(running);

    assert!(keys(&data, "--rotate").unwrap_err().contains("keys --next"));
    let next = keys(&data, "--next").unwrap();
    assert_eq!(keys(&data, "--next").unwrap(), next, "made once");
    // A crash after the entry and before the key file: called again, it goes on, and writes no second entry.
    let file = data.join("keys/server.json");
    let before = std::fs::read(&file).unwrap();
    assert_eq!(keys(&data, "--rotate").unwrap(), next);
    std::fs::write(&file, before).unwrap();
    assert_eq!(keys(&data, "--rotate").unwrap(), next);
    let reader = SqliteReader::open(&data.join("ledger/main.sqlite")).unwrap();
    assert_eq!(rotations(&reader), 1);
    drop(reader);

    // The platform goes on under the new key; its witness was told beforehand.
    let logs = vec![Log { origin: ORIGIN.into(), keys: vec![old.clone(), next.clone()], url: None }];
    let witness = TestWitness::of("w.example/1", logs);
    let running = platform.open(Some(&text(&[&witness], "all")), Span::secs(1));
    assert_eq!(running.desk.verifier_key, next);
    let last = write(&running);
    let cosigned = Policy::new(next.clone(), vec![witness.key()], 1).unwrap();
    wait_for("cosigned under the new key", || {
        shown(&running).unverified().size > last && shown(&running).verify(&cosigned).is_ok()
    });
    platform.close(running);

    // Whoever trusts the old key is led to the new one, whoever trusts the new one was led here; notes of both times hold.
    for key in [&old, &next] {
        let policy = Policy::new(key.clone(), vec![witness.key()], 1).unwrap();
        let report = check(&data, policy, vec![kept.clone()]);
        assert_eq!(report.first_failure, None, "{report:?}");
        assert!(report.size > last && report.entries == report.size);
    }
    let stranger = VerifierKey::new(ORIGIN, old.kind(), SeedSigner::new(&[3; 32]).public()).unwrap();
    let failure = check(&data, Policy::log_only(stranger).unwrap(), Vec::new()).first_failure.unwrap();
    assert_eq!((failure.check, failure.rule.as_str()), (CheckName::Checkpoint, "verifier_key"));
    // A start that is shown a note of the old key's time takes it for its own.
    let note = platform.dir.path().join("kept");
    std::fs::write(&note, &kept).unwrap();
    let dir = DataDir::open(&data).unwrap();
    let reader = SqliteReader::open(&data.join("ledger/main.sqlite")).unwrap();
    continuity::check(&dir, Some(&reader), ORIGIN, &[note.to_str().unwrap().to_owned()], None).unwrap();
    assert!(seq < last);
}

#[test]
fn the_old_key_signs_nothing_any_more() {
    let platform = Platform::new();
    let data = platform.dir.path().join("data");
    let running = platform.open(None, Span::secs(1));
    write(&running);
    platform.close(running);
    let seed = {
        let dir = DataDir::open(&data).unwrap();
        let keys = ServerKeys::load_or_create(&dir.keys_path(), &SystemEntropy::new());
        *keys.unwrap().log_seed()
    };
    let next = keys(&data, "--next").unwrap();
    assert_eq!(keys(&data, "--rotate").unwrap(), next);
    let running = platform.open(None, Span::secs(1));
    write(&running);
    platform.close(running);

    // The true root of the newest size, signed by whoever still has the old key.
    let reader = SqliteReader::open(&data.join("ledger/main.sqlite")).unwrap();
    let size = reader.size().unwrap();
    let root = LedgerTree { reader: &reader, size }.root().unwrap();
    let origin = mingjian::ledger::Origin::new(ORIGIN).unwrap();
    let forged = Checkpoint { origin, size, root }.sign(&SeedSigner::new(&seed)).unwrap();
    let report = check(&data, Policy::log_only(next).unwrap(), vec![forged.to_string()]);
    let failure = report.first_failure.unwrap();
    assert_eq!((failure.check, failure.rule.as_str()), (CheckName::Earlier, "earlier_signature"));
}

/// A receipt from before and one from after, under either key: by itself with what the server says of the rotation, against
/// the ledger that went on, in the case of the lot's ledger, and not under a stranger's key.
#[test]
fn receipts_hold_across_the_change_of_keys() {
    let platform = Platform::new();
    let (data, old) = (platform.dir.path().join("data"), platform.log.clone());
    let running = platform.open(None, Span::secs(1));
    let first = write(&running);
    let receipt = |running: &Running, seq: u64| {
        let signed = shown(running);
        let path = running.desk.tree.inclusion(seq, signed.unverified().size).unwrap();
        let entry = running.desk.reader.entries(seq, 1).unwrap().remove(0);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let proof = Proof { extra: None, index: seq, path, checkpoint: signed }.to_string();
        Receipt::new(text(&entry.leaf), Some(text(&entry.payload.unwrap())), proof)
    };
    let before = receipt(&running, first);
    assert_eq!(running.desk.tree.handovers(&shown(&running)), Ok(Vec::new()));
    platform.close(running);
    let next = keys(&data, "--next").unwrap();
    assert_eq!(keys(&data, "--rotate").unwrap(), next);
    let running = platform.open(None, Span::secs(1));
    let last = write(&running);
    let after = receipt(&running, last);
    let handovers = running.desk.tree.handovers(&shown(&running)).unwrap();
    assert_eq!(handovers.len(), 1);
    let newest = shown(&running);
    platform.close(running);

    let of = |key: &VerifierKey| Policy::log_only(key.clone()).unwrap();
    let verdict = |kept: &Receipt, key: &VerifierKey| check_receipt(kept, &of(key), None).unwrap().verdict;
    let led = |kept: &Receipt| Receipt { rotations: handovers.clone(), ..kept.clone() };
    let stranger = VerifierKey::new(ORIGIN, old.kind(), SeedSigner::new(&[3; 32]).public()).unwrap();
    for (kept, own, other) in [(&before, &old, &next), (&after, &next, &old)] {
        assert_eq!(verdict(kept, own), Verdict::Included);
        assert_eq!(verdict(kept, other), Verdict::ProvesNothing, "nothing leads from that key to this one");
        assert_eq!((verdict(&led(kept), own), verdict(&led(kept), other)), (Verdict::Included, Verdict::Included));
        assert_eq!(verdict(&led(kept), &stranger), Verdict::ProvesNothing);
        // Against the ledger as it is now, whose own entries say which keys it had.
        let reader = SqliteReader::open(&data.join("ledger/main.sqlite")).unwrap();
        let text = serde_json::to_string(kept).unwrap();
        for key in [&old, &next] {
            let found = check_against(&text, &of(key), &mut Stored::whole(&reader)).unwrap();
            assert_eq!((found.verdict, found.newer_size), (Verdict::Included, Some(newest.unverified().size)));
        }
        assert_eq!(Receipt::parse(&serde_json::to_string(&led(kept)).unwrap()).unwrap(), led(kept));
    }
    // A rotation that is changed anywhere leads nowhere.
    let spoilt = |change: &dyn Fn(&mut Handover)| {
        let mut kept = led(&before);
        change(&mut kept.rotations[0]);
        verdict(&kept, &next)
    };
    assert_eq!(spoilt(&|handover| handover.leaf = before.leaf.clone()), Verdict::ProvesNothing);
    assert_eq!(spoilt(&|handover| handover.payload = before.payload.clone().unwrap()), Verdict::ProvesNothing);
    assert_eq!(spoilt(&|handover| handover.proof = before.proof.clone()), Verdict::ProvesNothing);
    assert_eq!(
        spoilt(&|handover| handover.payload = handover.payload.replacen("new_signature\":\"", "new_signature\":\"A", 1)),
        Verdict::ProvesNothing
    );

    // The report names the keys with the entry that announced each.
    let rotation = Proof::parse(&handovers[0].proof).unwrap().index;
    assert!(first < rotation && rotation < last);
    let listed = check(&data, of(&old), Vec::new()).log_keys;
    assert_eq!(listed.iter().map(|key| key.announced).collect::<Vec<_>>(), [None, Some(rotation)]);
}

#[test]
fn both_keys_must_have_signed() {
    let (old, new, thief) = (SeedSigner::new(&[1; 32]), SeedSigner::new(&[2; 32]), SeedSigner::new(&[3; 32]));
    let good = KeyRotated::sign(ORIGIN, &old, &new).unwrap();
    assert_eq!(good.check(), Ok(()));
    let theirs = KeyRotated::sign(ORIGIN, &thief, &new).unwrap();
    let bad = [
        KeyRotated { old_signature: good.new_signature.clone(), ..good.clone() },
        KeyRotated { new_signature: good.old_signature.clone(), ..good.clone() },
        KeyRotated { old_signature: theirs.old_signature.clone(), ..good.clone() },
        KeyRotated { old_key: theirs.old_key.clone(), ..good.clone() },
        KeyRotated { new_key: good.old_key.clone(), new_signature: good.old_signature.clone(), ..good.clone() },
        KeyRotated { new_key: good.new_key.replace(ORIGIN, "ledger.example/other"), ..good.clone() },
        KeyRotated { old_signature: "AAAA".into(), ..good.clone() },
    ];
    for rotated in bad {
        assert!(rotated.check().is_err(), "{rotated:?}");
    }
    assert!(KeyRotated::sign(ORIGIN, &old, &old).unwrap().check().is_err(), "a key does not follow itself");
}

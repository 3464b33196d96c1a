//! The log's side: a whole platform whose checkpoints are cosigned by real witnesses over HTTP.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mingjian::base::Span;
use mingjian::cli::open::{Running, Setup, open};
use mingjian::desk::{Stored, Threads};
use mingjian::engine::calendar::{CityPeriods, Holidays};
use mingjian::engine::code::CodeFormat;
use mingjian::engine::event::PlatformConfigured;
use mingjian::identity::{ServerKeys, SystemEntropy};
use mingjian::ledger::note::SignatureType;
use mingjian::ledger::{Policy, PolicyText, SignedCheckpoint, Signer as _, VerifierKey};
use mingjian::review::{CheckName, CheckState, Options, Report, Trust, verify};
use mingjian::sequencer::{Record, Submission, SystemClock};
use mingjian::store::{DataDir, SqliteReader};
use mingjian::witness::Log;
use tempfile::TempDir;

use crate::log::ORIGIN;
use crate::server::TestWitness;

const PATIENCE: Duration = Duration::from_secs(20);

pub struct Platform {
    pub dir: TempDir,
    pub log: VerifierKey,
}

impl Platform {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path().join("data")).unwrap();
        let keys = ServerKeys::load_or_create(&data.keys_path(), &SystemEntropy::new()).unwrap();
        let public = keys.log_signer().unwrap().public();
        Self { log: VerifierKey::new(ORIGIN, SignatureType::Ed25519, public).unwrap(), dir }
    }

    pub fn witness(&self, n: u8) -> TestWitness {
        let log = Log { origin: ORIGIN.into(), keys: vec![self.log.clone()], url: None };
        TestWitness::of(&format!("w.example/{n}"), vec![log])
    }

    pub fn open(&self, policy: Option<&str>, wait: Span) -> Running {
        let genesis = PlatformConfigured {
            code_format: CodeFormat::default(),
            holidays: Holidays::default(),
            periods: CityPeriods::default(),
        };
        let cosigners = policy.map(|policy| (policy.parse().unwrap(), wait));
        let setup = Setup { origin: ORIGIN.into(), totp_required: true, genesis, cosigners };
        let data = DataDir::open(self.dir.path().join("data")).unwrap();
        open(data, setup, Arc::new(SystemClock)).unwrap()
    }

    pub fn close(&self, running: Running) {
        running.desk.cosigning.drain();
        running.desk.sequencer.shutdown();
        drop(running);
        // Whoever is last to close it takes the log of writes along.
        let wal = self.dir.path().join("data/ledger/main.sqlite-wal");
        wait_for("storage is closed", || !wal.exists());
        wait_for("the directory is free", || DataDir::open(self.dir.path().join("data")).is_ok());
    }

    pub fn verify(&self, policy: Option<Policy>) -> Report {
        let path = self.dir.path().join("data/ledger/main.sqlite");
        let reader = SqliteReader::open(&path).unwrap();
        let mut source = Stored::whole(&reader);
        let trust = Trust { policy, ..Trust::default() };
        verify(&mut source, &trust, Options::default(), &Threads, |_, _| ()).unwrap()
    }

    pub fn policy(&self, text: &str) -> Policy {
        Policy::of(self.log.clone(), &text.parse().unwrap()).unwrap()
    }
}

pub fn text(witnesses: &[&TestWitness], need: &str) -> String {
    let mut text = String::new();
    for (n, witness) in witnesses.iter().enumerate() {
        writeln!(text, "witness W{n} {} http://{}", witness.key(), witness.address).unwrap();
    }
    let names: Vec<String> = (0..witnesses.len()).map(|n| format!("W{n}")).collect();
    text + &format!("group all-of-them {need} {}\nquorum all-of-them\n", names.join(" "))
}

pub fn write(running: &Running) -> u64 {
    let data = serde_json::json!({});
    let record = Record { kind: "test.noted".into(), subject: "test".into(), actor: "system".into(), data };
    running.desk.sequencer.submit(Submission::record(record)).wait().unwrap().first
}

pub fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn shown(running: &Running) -> SignedCheckpoint {
    SignedCheckpoint::parse(&running.desk.cosigning.shown()).unwrap()
}

fn state(report: &Report, name: CheckName) -> CheckState {
    report.checked.iter().find(|check| check.name == name).unwrap().state
}

#[test]
fn what_is_shown_bears_the_quorum() {
    let platform = Platform::new();
    let (a, b, c) = (platform.witness(1), platform.witness(2), platform.witness(3));
    let policy = text(&[&a, &b, &c], "2");
    let running = platform.open(Some(&policy), Span::hours(1));
    let seq = write(&running);
    let trust = platform.policy(&policy);
    wait_for("three of three", || {
        let note = shown(&running);
        note.unverified().size > seq && note.cosigned(&trust).unwrap().iter().all(Option::is_some)
    });
    assert!(shown(&running).verify(&trust).is_ok());
    let view = running.desk.cosigning.view();
    assert!(view.is_met && view.required == 2 && !view.policy.contains("http"), "{view:?}");
    assert!(view.witnesses.iter().all(|witness| witness.cosigned.is_some_and(|(size, _)| size > seq)));

    // One of three falls silent: two are enough.
    drop(c);
    let seq = write(&running);
    wait_for("two of three", || shown(&running).unverified().size > seq);
    assert!(shown(&running).verify(&trust).is_ok());

    // Two of three: within the wait nothing newer is shown, and a receipt is made under what the log alone has signed.
    drop(b);
    let before = shown(&running).unverified().size;
    let seq = write(&running);
    wait_for("the rounds go on", || {
        running.desk.cosigning.view().witnesses[0].cosigned.is_some_and(|(size, _)| size > seq)
    });
    assert_eq!(shown(&running).unverified().size, before);
    let over = SignedCheckpoint::parse(&running.desk.cosigning.over(seq)).unwrap();
    assert!(over.unverified().size > seq && over.verify(&trust).is_err());
    running.desk.sequencer.shutdown();
    drop(running);

    // An older checkpoint with its quorum does not vouch for the newest entries. By the ledger's own policy that is said;
    // whoever brings a policy of his own finds it not met, and since which entry.
    let report = platform.verify(None);
    assert_eq!(report.first_failure, None, "{report:?}");
    assert_eq!(state(&report, CheckName::Cosignatures), CheckState::NotMade);
    let check = report.checked.iter().find(|check| check.name == CheckName::Cosignatures).unwrap();
    assert!(check.why_not.as_ref().unwrap().en.contains("not cosigned yet"), "{check:?}");
    let failure = platform.verify(Some(trust.clone())).first_failure.unwrap();
    assert_eq!((failure.check, failure.within), (CheckName::Cosignatures, Some((before, seq + 1))), "{failure:?}");
    // Nor is one that wants what nobody has.
    let stranger = platform.witness(9);
    let foreign = Policy::new(platform.log.clone(), vec![stranger.key()], 1).unwrap();
    assert_eq!(platform.verify(Some(foreign)).first_failure.unwrap().check, CheckName::Cosignatures);
}

#[test]
fn a_missing_witness_delays_no_longer_than_the_setting_says() {
    let platform = Platform::new();
    let (a, gone) = (platform.witness(1), platform.witness(2));
    let policy = text(&[&a, &gone], "all");
    drop(gone);
    let running = platform.open(Some(&policy), Span::secs(1));
    let trust = platform.policy(&policy);
    let began = Instant::now();
    let seq = write(&running);
    wait_for("shown without", || shown(&running).unverified().size > seq);
    wait_for("one of two", || shown(&running).cosigned(&trust).unwrap()[0].is_some());
    assert!(began.elapsed() < Duration::from_secs(10));
    let view = running.desk.cosigning.view();
    assert!(!view.is_met && view.witnesses[1].cosigned.is_none());
    wait_for("what is the matter", || running.desk.cosigning.view().witnesses[1].trouble.is_some());
    platform.close(running);
    let report = platform.verify(Some(trust));
    assert_eq!(report.first_failure.unwrap().check, CheckName::Cosignatures);
}

#[test]
fn the_policy_stands_in_the_ledger_once() {
    let platform = Platform::new();
    let (a, b) = (platform.witness(1), platform.witness(2));
    let (both, one) = (text(&[&a, &b], "all"), text(&[&a], "all"));
    let mut sizes = Vec::new();
    for policy in [Some(&both), Some(&both), Some(&one), Some(&both), None, None] {
        let running = platform.open(policy.map(String::as_str), Span::secs(2));
        // The query tables must have read what the next start looks for.
        let size = running.desk.sequencer.read(|committed| committed.size);
        wait_for("the query tables", || running.desk.views_reach().unwrap() >= size);
        sizes.push(size);
        platform.close(running);
        if policy.is_some() {
            assert_eq!(platform.verify(None).first_failure, None);
        }
    }
    let steps: Vec<u64> = sizes.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(steps, [0, 1, 1, 1, 0], "{sizes:?}");
    let policy: PolicyText = both.parse().unwrap();
    assert_eq!(policy.public_text().parse::<PolicyText>().unwrap().quorum, policy.quorum);
}

/// A ledger that was set back to an old copy and goes on from there: its witnesses do not sign, and say why.
#[test]
fn an_old_copy_that_signs_on_gets_no_cosignature() {
    let platform = Platform::new();
    let a = platform.witness(1);
    let policy = text(&[&a], "all");
    let running = platform.open(Some(&policy), Span::secs(1));
    write(&running);
    platform.close(running);
    let (file, copy) = (platform.dir.path().join("data/ledger/main.sqlite"), platform.dir.path().join("copy"));
    std::fs::copy(&file, &copy).unwrap();
    let running = platform.open(Some(&policy), Span::secs(1));
    let seq = write(&running);
    wait_for("the newer history is cosigned", || a.shown().text() == shown(&running).note().text());
    platform.close(running);

    std::fs::copy(&copy, &file).unwrap();
    let running = platform.open(Some(&policy), Span::secs(1));
    assert_eq!(write(&running), seq, "another entry under the same number");
    wait_for("the witness refuses", || running.desk.cosigning.view().witnesses[0].trouble.is_some());
    let trouble = running.desk.cosigning.view().witnesses[0].trouble.clone().unwrap();
    assert!(trouble.contains("more than") || trouble.contains("another history"), "{trouble}");
    // What it shows after the wait bears the log's signature alone.
    wait_for("shown without", || shown(&running).unverified().size > seq);
    assert!(!running.desk.cosigning.view().is_met);
    running.desk.sequencer.shutdown();
}

//! The story of every point at which a commit can fail: nobody who was told «accepted» is lost, nobody is there twice,
//! and the ledger takes nothing more until it is opened again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use diesel::connection::SimpleConnection as _;
use mingjian::base::Code;
use mingjian::ledger::signature::SIGNATURE_BYTES;
use mingjian::ledger::{PublicKey, SeedSigner, Signer, SignerError};
use mingjian::sequencer::{Journal, Sequencer, Status, Submission};
use mingjian::sim::{Fault, FaultyJournal, Hall, HallRules, World};

use crate::support::*;

/// A running auction in which one bid is already acknowledged.
fn auction(world: &World, journal: Box<dyn Journal>) -> (Sequencer, Hall) {
    let sequencer = world.start(journal).unwrap();
    let hall = Hall::open(world, &sequencer, HallRules::default()).unwrap();
    sequencer.submit(bid(world, &hall, 0, 1)).wait().unwrap();
    (sequencer, hall)
}

fn bid(world: &World, hall: &Hall, bidder: usize, steps: i64) -> Submission {
    hall.bid(&hall.bidders[bidder], steps, hall.opens, world.nonce())
}

fn assert_stopped(sequencer: &Sequencer) {
    assert!(matches!(sequencer.status(), Status::Stopped(_)), "{:?}", sequencer.status());
    assert_eq!(sequencer.reserve().unwrap_err(), Code::LedgerStopped);
}

/// After the failure of `failed`: the ledger is opened again, and the submitter, who does not know, asks again.
fn reopen_and_retry(world: &World, disk: &dyn Disk, hall: &Hall, failed: &Submission, persisted: bool) {
    let sequencer = world.start(disk.journal()).unwrap();
    audit(&sequencer, &world.options.origin);
    assert_eq!(statements(&sequencer).len(), if persisted { 2 } else { 1 });
    let outcome = sequencer.submit(failed.clone()).wait().unwrap();
    assert_eq!((outcome.replayed, outcome.rule), (persisted, None));
    let found = statements(&sequencer);
    assert_eq!(found.len(), 2);
    assert!(found.values().all(|times| *times == 1), "{found:?}");
    let leader = sequencer.read(|now| now.state.lots[&hall.lot].auction.as_ref().unwrap().leader.unwrap());
    assert_eq!((leader.number, leader.seq), (hall.bidders[1].number, outcome.first));
    audit(&sequencer, &world.options.origin);
}

#[test]
fn each_named_point() {
    for fault in Fault::ALL {
        for disk in disks() {
            let world = World::new(10);
            let (journal, faults) = FaultyJournal::around(disk.journal());
            let (sequencer, hall) = auction(&world, journal);
            let before = committed(&sequencer);
            faults.fail_next(fault);
            let lost = bid(&world, &hall, 1, 2);
            let refused = sequencer.submit(lost.clone()).wait().unwrap_err();
            assert_eq!(
                refused.code,
                if fault.is_known() { Code::LedgerStopped } else { Code::OutcomeUnknown },
                "{fault:?}"
            );
            assert_stopped(&sequencer);
            assert_eq!(committed(&sequencer), before, "nobody is shown what may not be there");
            drop(sequencer);
            reopen_and_retry(&world, &*disk, &hall, &lost, fault.persists());
        }
    }
}

/// The same story on a disk that really refuses.
#[test]
fn statements_and_commits_that_sqlite_refuses() {
    let refusing_head = "CREATE TRIGGER full BEFORE UPDATE ON head BEGIN SELECT RAISE(ABORT, 'disk full'); END";
    let refusing_entry = "CREATE TRIGGER full BEFORE INSERT ON entry BEGIN SELECT RAISE(ABORT, 'disk full'); END";
    // The violation is found by COMMIT itself.
    let refusing_commit = "CREATE TABLE parent (id INTEGER PRIMARY KEY);
        CREATE TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER full AFTER UPDATE ON head BEGIN INSERT INTO child VALUES (1); END";
    for (sabotage, code) in [
        (refusing_entry, Code::LedgerStopped),
        (refusing_head, Code::LedgerStopped),
        (refusing_commit, Code::OutcomeUnknown),
    ] {
        let disk = OnSqlite::new();
        let world = World::new(11);
        let (sequencer, hall) = auction(&world, disk.journal());
        let mut hand = mingjian::store::connection::open(&disk.path()).unwrap();
        hand.batch_execute(sabotage).unwrap();
        let lost = bid(&world, &hall, 1, 2);
        assert_eq!(sequencer.submit(lost.clone()).wait().unwrap_err().code, code);
        assert_stopped(&sequencer);
        drop(sequencer);
        hand.batch_execute("DROP TRIGGER full").unwrap();
        reopen_and_retry(&world, &disk, &hall, &lost, false);
    }
}

/// A key that can be taken away.
struct LostKey(SeedSigner, Arc<AtomicBool>);

impl Signer for LostKey {
    fn public(&self) -> PublicKey {
        self.0.public()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SignerError> {
        if self.1.load(SeqCst) { Err(SignerError("the device is gone".into())) } else { self.0.sign(message) }
    }
}

#[test]
fn after_the_commit_before_the_answer() {
    for disk in disks() {
        let world = World::new(12);
        let gone = Arc::new(AtomicBool::new(false));
        let signer = Box::new(LostKey(world.signer(), Arc::clone(&gone)));
        let (clock, entropy) = (Arc::new(world.clock.clone()), world.entropy.clone());
        let sequencer =
            Sequencer::start(disk.journal(), signer, clock, entropy, Vec::new(), world.options.clone()).unwrap();
        let hall = Hall::open(&world, &sequencer, HallRules::default()).unwrap();
        sequencer.submit(bid(&world, &hall, 0, 1)).wait().unwrap();
        gone.store(true, SeqCst);
        let unanswered = bid(&world, &hall, 1, 2);
        assert_eq!(sequencer.submit(unanswered.clone()).wait().unwrap_err().code, Code::OutcomeUnknown);
        assert_stopped(&sequencer);
        drop(sequencer);
        reopen_and_retry(&world, &*disk, &hall, &unanswered, true);
    }
}

/// While one batch is being committed the next is decided on top of it; with it, it falls.
#[test]
fn what_was_decided_on_top_falls_too() {
    for fault in Fault::ALL {
        let disk = OnSqlite::new();
        let world = World::new(13);
        let (journal, faults) = FaultyJournal::around(disk.journal());
        let (sequencer, hall) = auction(&world, journal);
        let gate = faults.hold_next();
        faults.fail_next(fault);
        let first = sequencer.submit(bid(&world, &hall, 1, 2));
        gate.began();
        let on_top: Vec<_> =
            (3..8).map(|steps| bid(&world, &hall, usize::try_from(steps).unwrap() % 3, steps)).collect();
        let pending: Vec<_> = on_top.iter().map(|bid| sequencer.submit(bid.clone())).collect();
        gate.open();
        let code = first.wait().unwrap_err().code;
        assert_eq!(code, if fault.is_known() { Code::LedgerStopped } else { Code::OutcomeUnknown });
        for pending in pending {
            assert_eq!(pending.wait().unwrap_err().code, Code::LedgerStopped, "known: never written");
        }
        assert_stopped(&sequencer);
        drop(sequencer);
        let sequencer = world.start(disk.journal()).unwrap();
        assert_eq!(statements(&sequencer).len(), if fault.persists() { 2 } else { 1 });
        for bid in on_top {
            assert!(!sequencer.submit(bid).wait().unwrap().replayed);
        }
        audit(&sequencer, &world.options.origin);
    }
}

#[test]
fn nobody_sees_anything_before_the_commit() {
    for disk in disks() {
        let mut world = World::new(14);
        let ear = Arc::new(Ear::default());
        world.listeners.push(ear.clone());
        let (journal, faults) = FaultyJournal::around(disk.journal());
        let (sequencer, hall) = auction(&world, journal);
        let before = committed(&sequencer);
        // Submitters are answered before listeners hear: wait for the news of what the hall needed.
        let entries = || ear.0.lock().unwrap().iter().map(|batch| batch.entries.len()).sum::<usize>();
        while entries() < usize::try_from(before.size).unwrap() {
            std::thread::yield_now();
        }
        let heard = ear.0.lock().unwrap().len();
        let gate = faults.hold_next();
        let submission = bid(&world, &hall, 1, 2);
        let pending = sequencer.submit(submission);
        gate.began();
        assert_eq!(committed(&sequencer), before);
        assert_eq!(sequencer.reader().size().unwrap(), before.size);
        assert_eq!(ear.0.lock().unwrap().len(), heard);
        gate.open();
        let outcome = pending.wait().unwrap();
        assert_eq!(outcome.first, before.size);
        sequencer.shutdown();
        let after = committed(&sequencer);
        let batches = ear.0.lock().unwrap();
        let last = batches.last().unwrap();
        assert_eq!((last.entries[0].seq, &last.checkpoint), (outcome.first, &after.checkpoint));
        let all: Vec<u64> = batches.iter().flat_map(|batch| batch.entries.iter().map(|entry| entry.seq)).collect();
        assert_eq!(all, (0..after.size).collect::<Vec<_>>(), "each entry once, in order");
    }
}

#[test]
fn of_two_writers_the_second_stops() {
    for disk in disks().into_iter().take(2) {
        let world = World::new(15);
        let (first, hall) = auction(&world, disk.journal());
        let second = world.start(disk.journal()).unwrap();
        first.submit(bid(&world, &hall, 1, 2)).wait().unwrap();
        let refused = second.submit(bid(&world, &hall, 2, 3)).wait().unwrap_err();
        assert_eq!(refused.code, Code::LedgerStopped);
        let Status::Stopped(reason) = second.status() else { panic!("{:?}", second.status()) };
        assert!(reason.contains("another writer"), "{reason}");
        // The first goes on as if nothing had been.
        first.submit(bid(&world, &hall, 2, 3)).wait().unwrap();
        audit(&first, &world.options.origin);
        assert_eq!(statements(&first).len(), 3);
    }
}

/// On PostgreSQL whoever takes the lease fences the other off, even while sizes agree.
#[test]
fn of_two_nodes_the_one_without_the_lease_stops() {
    let disk = OnPostgres::new();
    let world = World::new(15);
    let (first, hall) = auction(&world, disk.journal());
    let second = world.start(disk.journal()).unwrap();
    let refused = first.submit(bid(&world, &hall, 1, 2)).wait().unwrap_err();
    assert_eq!(refused.code, Code::LedgerStopped);
    assert_stopped(&first);
    second.submit(bid(&world, &hall, 1, 2)).wait().unwrap();
    audit(&second, &world.options.origin);
    assert_eq!(statements(&second).len(), 2);
}

#[test]
fn shutting_down_finishes_what_is_in() {
    for disk in disks() {
        let world = World::new(16);
        let (journal, faults) = FaultyJournal::around(disk.journal());
        let (sequencer, hall) = auction(&world, journal);
        let gate = faults.hold_next();
        let first = sequencer.submit(bid(&world, &hall, 1, 2));
        gate.began();
        let slot = sequencer.reserve().unwrap();
        let behind = sequencer.submit(bid(&world, &hall, 0, 4));
        let closing = std::thread::spawn({
            let sequencer = sequencer.clone();
            move || sequencer.shutdown()
        });
        while sequencer.status() == Status::Running {
            std::thread::yield_now();
        }
        assert_eq!(sequencer.reserve().unwrap_err(), Code::ShuttingDown);
        gate.open();
        let reserved = slot.submit(bid(&world, &hall, 2, 3));
        for pending in [first, reserved, behind] {
            assert_eq!(pending.wait().unwrap().rule, None);
        }
        closing.join().unwrap();
        let (size, note, _) = sequencer.reader().checkpoint_from(0).unwrap().unwrap();
        let last = committed(&sequencer);
        let kept = sequencer.reader().checkpoint_from(last.size).unwrap().unwrap();
        assert!(size <= last.size && !note.is_empty());
        assert_eq!((kept.0, kept.1.as_str()), (last.size, &*last.checkpoint));
        let sequencer = world.start(disk.journal()).unwrap();
        assert_eq!(committed(&sequencer), last);
    }
}

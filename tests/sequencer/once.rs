//! The same key with the same body is the same submission, however often it comes.

use mingjian::base::{Code, Hash};
use mingjian::sequencer::{Once, Record, Submission};
use mingjian::sim::{FaultyJournal, Hall, HallRules, World};

use crate::support::*;

fn record(kind: &str) -> Submission {
    Submission::record(Record {
        kind: kind.into(),
        subject: "camera/7".into(),
        actor: "system".into(),
        data: serde_json::json!({"sha256": Hash::ZERO}),
    })
}

fn once(key: u8, body: u8) -> Once {
    Once::new("test", &[key; 16], Hash([body; 32]), Code::KeyReused)
}

#[test]
fn the_same_answer_again_also_after_a_restart() {
    for disk in disks() {
        let mut world = World::new(20);
        // So few that a start must find them in storage.
        (world.options.queue_max, world.options.batch_max) = (2, 1);
        let sequencer = world.start(disk.journal()).unwrap();
        let hall = Hall::open(&world, &sequencer, HallRules::default()).unwrap();
        let accepted = hall.bid(&hall.bidders[0], 5, hall.opens, world.nonce());
        let too_low = hall.bid(&hall.bidders[1], 1, hall.opens, world.nonce());
        let first = sequencer.submit(accepted.clone()).wait().unwrap();
        let second = sequencer.submit(too_low.clone()).wait().unwrap();
        assert_eq!((first.rule, second.rule), (None, Some(Code::NotBetter)));
        // Many other keys later.
        for key in 0..20 {
            sequencer.submit(record("camera.segment").once(once(key, 0))).wait().unwrap();
        }
        let mut size = committed(&sequencer).size;
        for restart in [false, true] {
            let sequencer = if restart {
                sequencer.shutdown();
                world.start(disk.journal()).unwrap()
            } else {
                sequencer.clone()
            };
            for (submission, outcome) in [(&accepted, first), (&too_low, second)] {
                let again = sequencer.submit(submission.clone()).wait().unwrap();
                assert!(again.replayed);
                assert_eq!(mingjian::sequencer::Outcome { replayed: false, ..again }, outcome);
            }
            let mut other = accepted.clone();
            other.once.as_mut().unwrap().body = Hash::ZERO;
            assert_eq!(sequencer.submit(other).wait().unwrap_err().code, Code::NonceReplayed);
            let other = record("camera.segment").once(once(3, 1));
            assert_eq!(sequencer.submit(other).wait().unwrap_err().code, Code::KeyReused);
            assert_eq!(committed(&sequencer).size, size, "no second entry");
            size = committed(&sequencer).size;
        }
    }
}

/// Both are on their way before either is durable.
#[test]
fn twins_in_flight_are_one() {
    for disk in disks() {
        let world = World::new(21);
        let (journal, faults) = FaultyJournal::around(disk.journal());
        let sequencer = world.start(journal).unwrap();
        let gate = faults.hold_next();
        let pending: Vec<_> = (0..5).map(|_| sequencer.submit(record("camera.segment").once(once(1, 1)))).collect();
        gate.began();
        gate.open();
        let outcomes: Vec<_> = pending.into_iter().map(|pending| pending.wait().unwrap()).collect();
        assert!(outcomes.iter().all(|outcome| (outcome.first, outcome.count) == (2, 1)), "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|outcome| !outcome.replayed).count(), 1);
        assert_eq!(committed(&sequencer).size, 3);
    }
}

/// More keys than are looked up at once, some of them twice, all waiting behind one commit; then all of them again, when
/// only storage knows them.
#[test]
fn many_keys_are_looked_up_together_and_none_is_mistaken_for_another() {
    for disk in disks() {
        let mut world = World::new(24);
        world.options.batch_max = 64;
        let (journal, faults) = FaultyJournal::around(disk.journal());
        let sequencer = world.start(journal).unwrap();
        let gate = faults.hold_next();
        let key = |number: u16| {
            let [high, low] = number.to_be_bytes();
            let key = std::array::from_fn(|place| if place == 0 { high } else { low });
            Once::new("test", &key, Hash::of(&number.to_be_bytes()), Code::KeyReused)
        };
        let ask = |keys: &[u16]| -> Vec<_> {
            keys.iter().map(|&number| sequencer.submit(record("camera.segment").once(key(number)))).collect()
        };
        // 0, 1, 2, 1, 3, 4, 3 …: every odd one twice.
        let keys: Vec<u16> = (0..600).flat_map(|number| [number].repeat(1 + usize::from(number % 2))).collect();
        let pending = ask(&keys);
        gate.began();
        gate.open();
        let outcomes: Vec<_> = pending.into_iter().map(|pending| pending.wait().unwrap()).collect();
        for (number, outcome) in keys.iter().zip(&outcomes) {
            assert_eq!((outcome.first, outcome.count), (2 + u64::from(*number), 1));
        }
        assert_eq!(outcomes.iter().filter(|outcome| outcome.replayed).count(), 300);
        sequencer.shutdown();

        let sequencer = world.start(disk.journal()).unwrap();
        let size = committed(&sequencer).size;
        let again: Vec<_> =
            (0..600).map(|number| sequencer.submit(record("camera.segment").once(key(number)))).collect();
        for (number, pending) in (0..600).zip(again) {
            let outcome = pending.wait().unwrap();
            assert_eq!((outcome.first, outcome.replayed), (2 + number, true));
        }
        assert_eq!(committed(&sequencer).size, size, "no second entry");
    }
}

/// Whether it was answered before cannot be known then, so it is neither decided nor lost: sent again, it is taken.
#[test]
fn nothing_is_decided_while_keys_cannot_be_looked_up() {
    let disk = OnPostgres::new();
    let world = World::new(25);
    let sequencer = world.start(disk.journal()).unwrap();
    sequencer.submit(record("camera.segment").once(once(1, 1))).wait().unwrap();
    disk.run("ALTER TABLE outcome RENAME TO outcome_away");
    for key in [1, 2] {
        let refused = sequencer.submit(record("camera.segment").once(once(key, 1))).wait().unwrap_err();
        assert_eq!(refused.code, Code::Internal);
    }
    // What has no key needs no look.
    sequencer.submit(record("camera.segment")).wait().unwrap();
    disk.run("ALTER TABLE outcome_away RENAME TO outcome");
    for (key, replayed) in [(1, true), (2, false)] {
        let outcome = sequencer.submit(record("camera.segment").once(once(key, 1))).wait().unwrap();
        assert_eq!(outcome.replayed, replayed);
    }
}

/// What wrote nothing is not remembered: the rules may answer otherwise the next time.
#[test]
fn a_plain_refusal_is_decided_again() {
    let world = World::new(22);
    let sequencer = world.start(Box::new(mingjian::sim::MemoryJournal::new())).unwrap();
    let hall = Hall::announce(&world, &sequencer, HallRules::default()).unwrap();
    let mut stranger = hall.bidders[0].clone();
    stranger.number = 1_000;
    let bid = hall.bid(&stranger, 1, hall.opens, world.nonce());
    for _ in 0..2 {
        assert_eq!(sequencer.submit(bid.clone()).wait().unwrap_err().code, Code::NumberUnknown);
    }
}

#[test]
fn records_cannot_pass_for_trade() {
    let world = World::new(23);
    let sequencer = world.start(Box::new(mingjian::sim::MemoryJournal::new())).unwrap();
    for kind in ["", "ledger.created", "auction.bid_accepted", "platform.configured"] {
        assert_eq!(sequencer.submit(record(kind)).wait().unwrap_err().code, Code::Malformed, "{kind:?}");
    }
    let too_large = Submission::record(Record {
        kind: "camera.segment".into(),
        subject: "camera/7".into(),
        actor: "system".into(),
        data: serde_json::json!({"text": "x".repeat(60_000)}),
    });
    assert_eq!(sequencer.submit(too_large).wait().unwrap_err().code, Code::TooLarge);
    let outcome = sequencer.submit(record("camera.segment")).wait().unwrap();
    assert_eq!((outcome.first, outcome.count), (2, 1));
    assert_eq!(audit(&sequencer, &world.options.origin)[2].subject, "camera/7");
}

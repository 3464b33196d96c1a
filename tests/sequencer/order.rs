//! The ordered queue: taken in the order of arrival, whatever order the checks finish in.

use mingjian::base::{Code, Span};
use mingjian::sequencer::{Pending, Record, Slot, Submission};
use mingjian::sim::{FaultyJournal, MemoryJournal, World};
use proptest::prelude::*;

use crate::support::*;

fn note(number: usize) -> Submission {
    Submission::record(Record {
        kind: "test.noted".into(),
        subject: "ledger".into(),
        actor: "system".into(),
        data: serde_json::json!({ "number": number }),
    })
}

/// The numbers of the notes in the ledger, in its order.
fn notes(sequencer: &mingjian::sequencer::Sequencer, world: &World) -> Vec<usize> {
    let payloads = audit(sequencer, &world.options.origin);
    let numbers = payloads.iter().filter_map(|payload| payload.data["number"].as_u64());
    numbers.map(|number| usize::try_from(number).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Places are reserved in order, filled or given up in any order, with the clock moving either way in between.
    #[test]
    fn the_order_of_arrival_is_the_order_of_the_ledger(
        order in Just((0..24usize).collect::<Vec<_>>()).prop_shuffle(),
        given_up in prop::collection::vec(prop::bool::weighted(0.2), 24),
        jumps in prop::collection::vec(-1_000i64..2_000, 24),
        batch_max in 1usize..9,
    ) {
        let mut world = World::new(40);
        world.options.batch_max = batch_max;
        let sequencer = world.start(Box::new(MemoryJournal::new())).unwrap();
        let mut slots: Vec<Option<Slot>> = Vec::new();
        for jump in jumps {
            let now = world.clock.advance(Span::micros(2_000));
            world.clock.set(now.minus(Span::micros(u64::try_from(jump + 1_000).unwrap())));
            slots.push(Some(sequencer.reserve().unwrap()));
        }
        let stamps: Vec<_> = slots.iter().flatten().map(Slot::stamp).collect();
        prop_assert!(stamps.is_sorted());
        let mut pending: Vec<(usize, Pending)> = Vec::new();
        for place in order {
            let slot = slots[place].take().unwrap();
            if given_up[place] {
                drop(slot);
            } else {
                pending.push((place, slot.submit(note(place))));
            }
        }
        for (place, pending) in pending {
            prop_assert_eq!(pending.wait().unwrap().at, stamps[place]);
        }
        let expected: Vec<usize> = (0..24).filter(|place| !given_up[*place]).collect();
        prop_assert_eq!(notes(&sequencer, &world), expected);
    }
}

#[test]
fn many_threads_lose_and_double_nothing() {
    for disk in disks() {
        let world = World::new(41);
        let sequencer = world.start(disk.journal()).unwrap();
        let outcomes: Vec<(usize, u64)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|thread| {
                    let sequencer = &sequencer;
                    scope.spawn(move || {
                        let numbers = (0..50).map(|i| thread * 1_000 + i);
                        let told = |number| (number, sequencer.submit(note(number)).wait().unwrap().first);
                        numbers.map(told).collect::<Vec<_>>()
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let found = notes(&sequencer, &world);
        assert_eq!(found.len(), 400);
        for (number, seq) in outcomes {
            assert_eq!(found[usize::try_from(seq).unwrap() - 2], number, "everyone was told the right place");
        }
        // More than a full tile: the right edge is found again.
        let last = committed(&sequencer);
        drop(sequencer);
        let sequencer = world.start(disk.journal()).unwrap();
        assert_eq!(committed(&sequencer), last);
        sequencer.submit(note(1)).wait().unwrap();
        audit(&sequencer, &world.options.origin);
    }
}

#[test]
fn a_check_that_takes_too_long_loses_its_place() {
    let mut world = World::new(42);
    world.options.check_max = Span::micros(20_000);
    let sequencer = world.start(Box::new(MemoryJournal::new())).unwrap();
    let slow = sequencer.reserve().unwrap();
    // Comes through only once the place before it is void.
    sequencer.submit(note(1)).wait().unwrap();
    assert_eq!(slow.submit(note(0)).wait().unwrap_err().code, Code::Busy);
    assert_eq!(notes(&sequencer, &world), [1]);
}

#[test]
fn a_full_queue_says_so_at_once() {
    let mut world = World::new(43);
    world.options.queue_max = 3;
    let sequencer = world.start(Box::new(MemoryJournal::new())).unwrap();
    let slots: Vec<Slot> = (0..3).map(|_| sequencer.reserve().unwrap()).collect();
    assert_eq!(sequencer.reserve().unwrap_err(), Code::Busy);
    drop(slots);
    sequencer.tick().wait().unwrap();
    assert!(sequencer.reserve().is_ok());
}

/// Whatever queues up during a commit goes into the next one together.
#[test]
fn commits_are_shared() {
    let world = World::new(44);
    let (journal, faults) = FaultyJournal::around(Box::new(MemoryJournal::new()));
    let sequencer = world.start(journal).unwrap();
    let gate = faults.hold_next();
    let first = sequencer.submit(note(0));
    gate.began();
    let before = faults.commits();
    let others: Vec<Pending> = (1..=100).map(|number| sequencer.submit(note(number))).collect();
    gate.open();
    first.wait().unwrap();
    for pending in others {
        pending.wait().unwrap();
    }
    assert_eq!(faults.commits(), before + 1);
    assert_eq!(notes(&sequencer, &world), (0..=100).collect::<Vec<_>>());
    assert_eq!(sequencer.metrics().batch.sum(), 103);
}

//! A new ledger, and one that is opened again.

use diesel::connection::SimpleConnection as _;
use mingjian::base::{Micros, Span};
use mingjian::sequencer::{StartError, Status};
use mingjian::sim::{Fault, FaultyJournal, Hall, HallRules, MemoryJournal, World};

use crate::support::*;

#[test]
fn an_empty_journal_becomes_a_ledger() {
    for disk in disks() {
        let world = World::new(1);
        let sequencer = world.start(disk.journal()).unwrap();
        let payloads = audit(&sequencer, &world.options.origin);
        let kinds: Vec<&str> = payloads.iter().map(|payload| payload.kind.as_str()).collect();
        assert_eq!(kinds, ["ledger.created", "platform.configured"]);
        let created = &payloads[0];
        assert_eq!((created.subject.as_str(), created.actor.as_str()), ("ledger", "system"));
        assert_eq!(created.data["origin"], *world.options.origin);
        assert_eq!(created.data["format"], 1);
        assert_eq!(sequencer.status(), Status::Running);
    }
}

/// An auction with bids on it, then a restart: from a snapshot, from snapshot and tail, from the entries alone.
#[test]
fn the_state_after_a_restart_equals_the_state_before() {
    for (snapshot_every, orderly) in [(1_000_000, true), (1_000_000, false), (7, false), (7, true)] {
        for disk in disks() {
            let mut world = World::new(2);
            world.options.snapshot_every = snapshot_every;
            let (journal, faults) = FaultyJournal::around(disk.journal());
            let sequencer = world.start(journal).unwrap();
            let hall = Hall::open(&world, &sequencer, HallRules::default()).unwrap();
            for step in 1..=20 {
                let bidder = &hall.bidders[usize::try_from(step).unwrap() % 3];
                let at = world.clock.advance(Span::secs(1));
                sequencer.submit(hall.bid(bidder, step, at, world.nonce())).wait().unwrap();
            }
            let before = committed(&sequencer);
            if !orderly {
                // The process dies: nothing more reaches the disk.
                faults.fail_next(Fault::BeforeWrite);
                sequencer.submit(hall.bid(&hall.bidders[0], 40, before.time, world.nonce())).wait().unwrap_err();
            }
            drop(sequencer);
            let sequencer = world.start(disk.journal()).unwrap();
            assert_eq!(committed(&sequencer).state, before.state);
            assert_eq!(committed(&sequencer), before);
            audit(&sequencer, &world.options.origin);
            // And it goes on.
            sequencer.submit(hall.bid(&hall.bidders[0], 30, before.time, world.nonce())).wait().unwrap();
            audit(&sequencer, &world.options.origin);
        }
    }
}

#[test]
fn another_ledgers_journal_or_another_key_is_refused() {
    let journal = MemoryJournal::new();
    let world = World::new(3);
    drop(world.start(Box::new(journal.clone())).unwrap());
    let stranger = World::new(4);
    let refused = stranger.start(Box::new(journal.clone())).unwrap_err();
    assert!(refused.to_string().contains("log key"), "{refused}");
    let mut elsewhere = World::new(3);
    elsewhere.options.origin = "ledger.example/other".parse().unwrap();
    let refused = elsewhere.start(Box::new(journal)).unwrap_err();
    assert!(matches!(refused, StartError::Corrupt { .. }) && refused.to_string().contains("origin"), "{refused}");
}

/// Away for longer than tolerated: the running auction stands still meanwhile and gets exactly that time back.
#[test]
fn an_outage_suspends_and_credits() {
    for (away, suspended) in [(Span::secs(10), false), (Span::minutes(30), true), (Span::days(3), true)] {
        for disk in disks() {
            let world = World::new(5);
            let sequencer = world.start(disk.journal()).unwrap();
            let hall = Hall::open(&world, &sequencer, HallRules::default()).unwrap();
            let alive = world.clock.advance(Span::minutes(2));
            let until = |sequencer: &mingjian::sequencer::Sequencer| -> Micros {
                sequencer.read(|committed| committed.state.lots[&hall.lot].auction.as_ref().unwrap().until)
            };
            let deadline = until(&sequencer);
            sequencer.shutdown();
            let size = committed(&sequencer).size;
            world.clock.advance(away);
            let sequencer = world.start(disk.journal()).unwrap();
            audit(&sequencer, &world.options.origin);
            let kinds: Vec<String> = audit(&sequencer, &world.options.origin)
                .split_off(usize::try_from(size).unwrap())
                .into_iter()
                .map(|payload| payload.kind)
                .collect();
            if suspended {
                assert_eq!(kinds, ["platform.outage_began", "lot.suspended", "platform.outage_ended", "lot.resumed"]);
                assert_eq!(until(&sequencer), deadline.plus(away));
                let leaf = sequencer.reader().leaf(size).unwrap().unwrap();
                assert_eq!(mingjian::ledger::Leaf::parse(&leaf).unwrap().time, alive);
            } else {
                assert!(kinds.is_empty());
                assert_eq!(until(&sequencer), deadline);
            }
        }
    }
}

/// What is done by hand to the storage of a ledger with 300 bids, and what the refusal names. `ZEROES` are 32 bytes.
const DAMAGES: &[(&str, &str)] = &[
    ("UPDATE head SET size = size + 1", "number of entries"),
    ("UPDATE head SET root = ZEROES", "root of the tree"),
    ("UPDATE head SET leaf = ZEROES", "last leaf"),
    ("UPDATE head SET time = time + 1", "last leaf's time"),
    ("DELETE FROM entry WHERE seq = (SELECT max(seq) FROM entry)", "number of entries"),
    ("DELETE FROM entry WHERE seq = 100", "chain"),
    ("UPDATE entry SET leaf = (SELECT leaf FROM entry WHERE seq = 299) WHERE seq = 300", "chain"),
    ("UPDATE entry SET payload = (SELECT payload FROM entry WHERE seq = 299) WHERE seq = 300", "payload 300"),
    ("UPDATE tile SET bytes = TILE", "root of the tree"),
    ("DELETE FROM tile", "tile 0 of level 0"),
];

/// A ledger with 300 bids.
fn long_auction(world: &World, disk: &dyn Disk) -> mingjian::sequencer::Committed {
    let sequencer = world.start(disk.journal()).unwrap();
    let hall = Hall::open(world, &sequencer, HallRules::default()).unwrap();
    for step in 1..=300 {
        let bidder = &hall.bidders[usize::try_from(step).unwrap() % 3];
        drop(sequencer.submit(hall.bid(bidder, step, hall.opens, world.nonce())));
    }
    sequencer.shutdown();
    committed(&sequencer)
}

/// Storage that contradicts itself is not built upon; the refusal names what differs.
#[test]
fn a_damaged_ledger_does_not_start() {
    let disk = OnSqlite::new();
    let world = World::new(6);
    let whole_state = long_auction(&world, &disk);
    let mut hand = mingjian::store::connection::open(&disk.path()).unwrap();
    hand.batch_execute("DELETE FROM snapshot; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let whole = std::fs::read(disk.path()).unwrap();
    drop(hand);
    for (damage, named) in DAMAGES {
        let damage = damage.replace("ZEROES", "zeroblob(32)").replace("TILE", "zeroblob(8192)");
        let other = OnSqlite::new();
        std::fs::write(other.path(), &whole).unwrap();
        mingjian::store::connection::open(&other.path()).unwrap().batch_execute(&damage).unwrap();
        let refused = world.start(other.journal()).unwrap_err().to_string();
        assert!(refused.contains(named), "{damage}: {refused}");
    }
    let other = OnSqlite::new();
    std::fs::write(other.path(), &whole).unwrap();
    assert_eq!(committed(&world.start(other.journal()).unwrap()), whole_state);
}

#[test]
fn a_damaged_ledger_does_not_start_from_postgresql_either() {
    let disk = OnPostgres::new();
    let world = World::new(6);
    let whole_state = long_auction(&world, &disk);
    disk.run("DELETE FROM snapshot");
    let whole = disk.into_name();
    for (damage, named) in DAMAGES {
        let zeroes = |count: u32| format!("decode(repeat('00', {count}), 'hex')");
        let damage = damage.replace("ZEROES", &zeroes(32)).replace("TILE", &zeroes(8192));
        let other = OnPostgres::copy_of(&whole);
        other.run(&damage);
        let refused = world.start(other.journal()).unwrap_err().to_string();
        assert!(refused.contains(named), "{damage}: {refused}");
    }
    assert_eq!(committed(&world.start(OnPostgres::copy_of(&whole).journal()).unwrap()), whole_state);
}

/// A snapshot is only a shorter way: damaged or gone, the same state comes out of the entries.
#[test]
fn a_damaged_snapshot_is_passed_over() {
    for damage in ["UPDATE snapshot SET bytes = zeroblob(100)", "UPDATE snapshot SET size = 1", "DELETE FROM snapshot"]
    {
        let disk = OnSqlite::new();
        let world = World::new(7);
        let sequencer = world.start(disk.journal()).unwrap();
        Hall::open(&world, &sequencer, HallRules::default()).unwrap();
        sequencer.shutdown();
        mingjian::store::connection::open(&disk.path()).unwrap().batch_execute(damage).unwrap();
        assert_eq!(committed(&world.start(disk.journal()).unwrap()), committed(&sequencer));
    }
}

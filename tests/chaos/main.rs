//! Storms over real processes: three nodes, PostgreSQL and Redis, bidders and viewers, and between all of them wires that
//! delay, cut and half-close at random bytes, while nodes are killed and paused, Redis is killed and emptied, and
//! PostgreSQL is restarted. Then all is mended, and the ledger is held against what everybody was told and shown.
//!
//! `cargo test --test chaos` makes one small run. `CHAOS_RUNS=200 cargo test --test chaos -- --nocapture` makes as many large
//! ones as one likes; `CHAOS_SEED` names the first one's seed, and repeats it as far as real processes allow.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "../crash/auction.rs"]
#[allow(dead_code)]
mod auction;
mod history;
mod house;
#[path = "../crash/server.rs"]
#[allow(dead_code)]
mod server;
#[path = "../servers/mod.rs"]
mod servers;
#[path = "../nodes/viewer.rs"]
mod viewer;
mod wire;

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mingjian::desk::{Stored, Threads, event_of};
use mingjian::engine::Fact;
use mingjian::ledger::leaf_hash;
use mingjian::review::{Options, Trust, verify};

use history::{History, Judgement};
use house::{House, NODES};
use servers::{Postgres as Database, Redis, signal, wait_for};
use viewer::Viewers;
use wire::Dice;

/// How large a run is.
struct Size {
    bidders: usize,
    viewers: usize,
    troubles: u64,
}

const SMALL: Size = Size { bidders: 12, viewers: 40, troubles: 3 };
/// What is asked of a run that counts.
const LARGE: Size = Size { bidders: 50, viewers: 200, troubles: 4 };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    WriterKilled,
    FollowerKilled,
    /// SIGSTOP past its lease, another takes over, SIGCONT: two that believe to write.
    WriterPaused,
    WriterSentAway,
    RedisKilled,
    RedisFlushed,
    DatabaseFast,
    DatabaseImmediate,
    AllWiresCut,
}

const TROUBLES: [Trouble; 9] = [
    Trouble::WriterKilled,
    Trouble::WriterPaused,
    Trouble::DatabaseImmediate,
    Trouble::RedisFlushed,
    Trouble::FollowerKilled,
    Trouble::RedisKilled,
    Trouble::DatabaseFast,
    Trouble::WriterSentAway,
    Trouble::AllWiresCut,
];

const LONG: Duration = Duration::from_mins(2);

fn make(trouble: Trouble, house: &House, database: &Database, redis: &Redis, dice: &Dice) {
    let writer = || {
        let mut found = None;
        wait_for("a node that writes", LONG, || {
            found = house.writer();
            found.is_some()
        });
        found.unwrap()
    };
    match trouble {
        Trouble::WriterKilled | Trouble::FollowerKilled | Trouble::WriterSentAway => {
            let writer = writer();
            let victim = if trouble == Trouble::FollowerKilled { (writer + 1) % NODES } else { writer };
            if trouble == Trouble::WriterSentAway {
                assert_eq!(house.node(victim).terminate(), Some(0));
            } else {
                house.node(victim).kill();
            }
            if victim == writer {
                wait_for("another writer", LONG, || house.writer().is_some_and(|now| now != victim));
            }
            house.revive(victim);
        }
        Trouble::WriterPaused => {
            let paused = house.node(writer());
            let pid = paused.child.lock().unwrap().id();
            signal(pid, "STOP");
            // Its own figures cannot be asked for now; the others' can.
            std::thread::sleep(Duration::from_millis(3_500 + dice.below(1_500)));
            signal(pid, "CONT");
        }
        Trouble::RedisKilled => {
            redis.kill();
            std::thread::sleep(Duration::from_millis(dice.below(1_500)));
            redis.resume();
        }
        Trouble::RedisFlushed => redis.flush_all(),
        Trouble::DatabaseFast => database.restart("fast"),
        Trouble::DatabaseImmediate => database.restart("immediate"),
        Trouble::AllWiresCut => house.wires().for_each(wire::Wire::cut_all),
    }
}

/// One run; panics when anything does not hold.
fn storm(database: &Database, redis: &Redis, size: &Size, seed: u64) -> Judgement {
    let dice = Dice::new(seed);
    let house = House::build(database, redis, &format!("storm{seed}"), size.bidders, seed);
    let doors: Vec<u16> = house.doors.iter().map(|door| door.port).collect();
    let viewers = Viewers::watch(&doors, size.viewers);
    let (history, steps, over) = (History::default(), AtomicI64::new(0), AtomicBool::new(false));
    let met = std::thread::scope(|scope| {
        for index in 0..size.bidders {
            let (history, house, steps, over) = (&history, &house, &steps, &over);
            let seed = dice.below(u64::MAX);
            scope.spawn(move || history.bid(house, index, steps, over, seed));
        }
        // Whatever fails in here, the bidders end.
        let _end = End(&over);
        wait_for("the first bids", LONG, || history.len() > size.bidders);
        let one_in = [0, 200, 50][dice.index(3)];
        house.wires().for_each(|wire| wire.harm(one_in));
        let mut met = Vec::new();
        for _ in 0..size.troubles {
            let trouble = TROUBLES[dice.index(TROUBLES.len())];
            make(trouble, &house, database, redis, &dice);
            met.push(trouble);
            std::thread::sleep(Duration::from_millis(dice.below(1_500)));
        }
        house.wires().for_each(|wire| wire.harm(0));
        let so_far = history.len();
        wait_for("bids after the storm", LONG, || history.len() > so_far + size.bidders);
        met
    });
    // Nobody bids any more: the auction ends by its own clock, whichever node holds it.
    let closed = || {
        let facts = house.entries().into_iter().rev().take(64).filter_map(|entry| event_of(&entry.payload?));
        facts.into_iter().any(|event| matches!(event.fact, Fact::AuctionClosed(_)))
    };
    wait_for("the close of the auction", LONG, closed);
    // Too late, on every node: refused, and that stands in the ledger as well.
    let late = AtomicBool::new(false);
    let before = history.len();
    std::thread::scope(|scope| {
        scope.spawn(|| history.bid(&house, 0, &steps, &late, seed));
        let _end = End(&late);
        wait_for("late bids", LONG, || history.len() > before + 2);
    });

    let end = house.size();
    wait_for("the viewers", LONG, || viewers.least() >= end);
    let entries = house.entries();
    let judgement = history.judge(&entries);
    let ledger: Vec<(u64, String)> =
        entries.iter().map(|entry| (entry.seq, leaf_hash(&entry.leaf).to_string())).collect();
    for seen in viewers.end() {
        let both = seen.len().min(ledger.len());
        assert!(both as u64 >= end && seen[..both] == ledger[..both], "each viewer: the ledger, once, in order");
    }
    let harm: Vec<_> = house
        .wires()
        .map(|wire| {
            let harm = wire.harmed();
            [&harm.cut, &harm.half_closed, &harm.delayed].map(|count| count.load(Ordering::Relaxed))
        })
        .collect();
    let harm = harm.iter().fold([0; 3], |sum, more| [sum[0] + more[0], sum[1] + more[1], sum[2] + more[2]]);
    // A stranger's whole check: chain, tree, signatures, and the rules replayed; a bid after its deadline would be found here.
    let trust = Trust::default();
    let options = Options { signatures: true, replay: true };
    let report = verify(&mut Stored::whole(&house.into_reader()), &trust, options, &Threads, |_, _| ()).unwrap();
    assert_eq!(report.exit_code(), 0, "{report:?}");
    println!("seed {seed}: {met:?}, cut, half-closed, delayed {harm:?}; {judgement:?}");
    judgement
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: not a number")))
}

#[test]
fn what_was_said_holds_after_every_storm() {
    let runs = setting("CHAOS_RUNS");
    let size = if runs.is_some() { LARGE } else { SMALL };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    let first = setting("CHAOS_SEED").unwrap_or(u64::try_from(now).unwrap());
    let (database, redis) = (Database::start(), Redis::start());
    let (mut total, began) = (Judgement::default(), Instant::now());
    for seed in first..first + runs.unwrap_or(1) {
        println!("CHAOS_SEED={seed}");
        let judgement = storm(&database, &redis, &size, seed);
        total.add(&judgement);
    }
    println!("{} runs in {:.0?}, none lost, none doubled: {total:?}", runs.unwrap_or(1), began.elapsed());
}

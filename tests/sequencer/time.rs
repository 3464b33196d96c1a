//! Stamps, deadlines and timers.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mingjian::base::{Code, Micros, Span};
use mingjian::engine::Phase;
use mingjian::ledger::Leaf;
use mingjian::sequencer::{Clock, CommittedBatch, Listener, Sequencer};
use mingjian::sim::{Hall, HallRules, MemoryJournal, World};

use crate::support::*;

fn leaf_times(sequencer: &Sequencer) -> Vec<Micros> {
    let entries = sequencer.reader().entries(0, usize::MAX).unwrap();
    entries.iter().map(|entry| Leaf::parse(&entry.leaf).unwrap().time).collect()
}

fn phase(sequencer: &Sequencer, hall: &Hall) -> Phase {
    sequencer.read(|now| now.state.lots[&hall.lot].phase)
}

#[test]
fn the_clock_may_jump_back_and_ledger_time_does_not() {
    for disk in disks() {
        let world = World::new(30);
        let sequencer = world.start(disk.journal()).unwrap();
        let hall = Hall::open(&world, &sequencer, HallRules::default()).unwrap();
        let bid =
            |steps: i64| hall.bid(&hall.bidders[usize::try_from(steps).unwrap() % 3], steps, hall.opens, world.nonce());
        let before = world.clock.advance(Span::minutes(3));
        sequencer.submit(bid(1)).wait().unwrap();
        world.clock.set(before.minus(Span::hours(5)));
        assert_eq!(sequencer.reserve().unwrap().stamp(), before);
        assert_eq!(sequencer.submit(bid(2)).wait().unwrap().at, before);
        drop(sequencer);
        let sequencer = world.start(disk.journal()).unwrap();
        assert_eq!(sequencer.submit(bid(3)).wait().unwrap().at, before, "also not across a restart");
        assert!(leaf_times(&sequencer).is_sorted());
        audit(&sequencer, &world.options.origin);
    }
}

#[test]
fn a_timer_fires_with_the_time_of_its_deadline() {
    let world = World::new(31);
    let sequencer = world.start(Box::new(MemoryJournal::new())).unwrap();
    let rules = HallRules::default();
    let hall = Hall::announce(&world, &sequencer, rules).unwrap();
    // Everything is long due when somebody looks at the clock again.
    world.go_to(&sequencer, hall.opens.plus(Span::days(30))).unwrap();
    let payloads = audit(&sequencer, &world.options.origin);
    let times = leaf_times(&sequencer);
    let time_of = |kind: &str| times[payloads.iter().position(|payload| payload.kind == kind).unwrap()];
    let opened = sequencer.read(|now| now.state.lots[&hall.lot].timetable);
    assert_eq!(time_of("lot.sign_up_opened"), opened.sign_up_opens);
    assert_eq!(time_of("lot.sign_up_closed"), opened.sign_up_closes);
    assert_eq!(time_of("auction.opened"), hall.opens);
    assert_eq!(time_of("auction.timed_period_started"), hall.opens.plus(rules.free));
    assert_eq!(time_of("auction.closed"), hall.opens.plus(rules.free).plus(rules.window));
    assert_eq!(phase(&sequencer, &hall), Phase::Failed, "nobody bid");
}

/// The request was here in time; that its check took longer is not the bidder's fault, and the lot waits for it.
#[test]
fn a_bid_in_time_stays_in_time_while_it_is_checked() {
    let world = World::new(32);
    let sequencer = world.start(Box::new(MemoryJournal::new())).unwrap();
    let rules = HallRules::default();
    let hall = Hall::open(&world, &sequencer, rules).unwrap();
    let bid = |place: usize, steps| hall.bid(&hall.bidders[place], steps, hall.opens, world.nonce());
    let deadline = hall.opens.plus(rules.free).plus(rules.window);
    world.go_to(&sequencer, deadline.minus(Span::micros(1))).unwrap();
    let slot = sequencer.reserve().unwrap();
    world.clock.set(deadline);
    let late = sequencer.submit(bid(1, 2));
    let tick = sequencer.tick();
    assert_eq!(phase(&sequencer, &hall), Phase::Running, "not closed over a waiting bid");
    let in_time = slot.submit(bid(0, 1)).wait().unwrap();
    assert_eq!((in_time.rule, in_time.at), (None, deadline.minus(Span::micros(1))));
    // The bid in time moved the deadline, so the other one is in time as well.
    assert_eq!(late.wait().unwrap().rule, None);
    tick.wait().unwrap();
    // Now the same with nothing in between: exactly at the deadline is too late.
    let deadline = sequencer.read(|now| now.state.lots[&hall.lot].auction.as_ref().unwrap().until);
    assert_eq!(deadline, world.clock.now().plus(rules.window));
    world.clock.set(deadline);
    assert_eq!(sequencer.submit(bid(2, 3)).wait().unwrap().rule, Some(Code::Closed));
    assert_eq!(phase(&sequencer, &hall), Phase::Ranked);
    audit(&sequencer, &world.options.origin);
}

/// Stands still until it is let go, then runs with the machine's time.
struct HeldClock(Mutex<(Micros, Option<Instant>)>);

impl Clock for HeldClock {
    fn now(&self) -> Micros {
        let (base, running) = *self.0.lock().unwrap();
        running.map_or(base, |since| base.plus(Span::micros(since.elapsed().as_micros().try_into().unwrap())))
    }
}

struct Closed(Mutex<Sender<Micros>>);

impl Listener for Closed {
    fn committed(&self, batch: &Arc<CommittedBatch>) {
        for entry in batch.entries.iter().filter(|entry| entry.kind == "auction.closed") {
            self.0.lock().unwrap().send(entry.at).unwrap();
        }
    }
}

#[test]
fn an_idle_sequencer_wakes_for_its_timers() {
    let journal = MemoryJournal::new();
    let world = World::new(33);
    let sequencer = world.start(Box::new(journal.clone())).unwrap();
    let rules = HallRules::default();
    let hall = Hall::open(&world, &sequencer, rules).unwrap();
    let deadline = hall.opens.plus(rules.free).plus(rules.window);
    world.go_to(&sequencer, deadline.minus(Span::micros(50_000))).unwrap();
    drop(sequencer);
    let clock = Arc::new(HeldClock(Mutex::new((world.clock.now(), None))));
    let (closed, heard) = channel();
    let sequencer = Sequencer::start(
        Box::new(journal),
        Box::new(world.signer()),
        clock.clone(),
        world.entropy.clone(),
        vec![Arc::new(Closed(Mutex::new(closed)))],
        world.options.clone(),
    )
    .unwrap();
    assert_eq!(phase(&sequencer, &hall), Phase::Running);
    clock.0.lock().unwrap().1 = Some(Instant::now());
    assert_eq!(heard.recv_timeout(Duration::from_secs(20)).unwrap(), deadline);
}

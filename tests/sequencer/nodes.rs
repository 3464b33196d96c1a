//! Two nodes on one ledger in PostgreSQL, each with a sequencer of its own.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use mingjian::base::Code;
use mingjian::ledger::Signer;
use mingjian::sequencer::{Clock as _, Making, Sequencer, SharedLedger as _, Status};
use mingjian::sim::{Hall, HallRules, SeededEntropy, World};

use crate::servers::wait_for;
use crate::support::*;

/// Lease, look, and a busy machine.
const TAKE_OVER_MAX: Duration = Duration::from_secs(10);

struct Node {
    sequencer: Sequencer,
    ear: Arc<Ear>,
}

impl Node {
    fn join(world: &World, disk: &OnPostgres, name: &str) -> Self {
        let ear = Arc::new(Ear::default());
        let signer: Arc<dyn Signer> = Arc::new(world.signer());
        let (clock, entropy) = (Arc::new(world.clock.clone()), Arc::<SeededEntropy>::clone(&world.entropy));
        let listeners = vec![Arc::clone(&ear) as _];
        let making = Making::new(signer, clock, entropy, listeners, world.options.clone());
        let sequencer = Sequencer::join(Box::new(disk.ledger(name)), making).unwrap();
        Self { sequencer, ear }
    }

    fn leads(&self) -> bool {
        self.sequencer.status() == Status::Running
    }

    fn size(&self) -> u64 {
        self.sequencer.read(|committed| committed.size)
    }

    /// Every entry that this node heard of since it joined, in order.
    fn heard(&self) -> Vec<u64> {
        self.ear.0.lock().unwrap().iter().flat_map(|batch| batch.entries.iter().map(|entry| entry.seq)).collect()
    }
}

#[test]
fn the_other_node_follows_takes_over_and_answers_again() {
    let disk = OnPostgres::new();
    let world = World::new(21);
    let one = Node::join(&world, &disk, "one");
    let two = Node::join(&world, &disk, "two");
    assert!(one.leads() && two.sequencer.status() == Status::Following);
    assert_eq!(two.sequencer.leader().unwrap().address, "one:1");
    let hall = Hall::open(&world, &one.sequencer, HallRules::default()).unwrap();
    let bid = hall.bid(&hall.bidders[0], 1, world.clock.advance(mingjian::base::Span::secs(1)), world.nonce());
    let first = one.sequencer.submit(bid.clone()).wait().unwrap();
    two.sequencer.ring();
    wait_for("the follower", TAKE_OVER_MAX, || two.size() == one.size());
    assert_eq!(committed(&two.sequencer), committed(&one.sequencer), "the same state, tree and checkpoint");
    let refused = two.sequencer.submit(bid.clone()).wait().unwrap_err();
    assert_eq!(refused.code, Code::NotLeader, "only one node writes");

    // An orderly end gives the lease back at once.
    one.sequencer.shutdown();
    wait_for("the other node", TAKE_OVER_MAX, || two.leads());
    let again = two.sequencer.submit(bid).wait().unwrap();
    assert!(again.replayed && again.first == first.first, "{again:?}");
    two.sequencer.submit(hall.bid(&hall.bidders[1], 2, world.clock.now(), world.nonce())).wait().unwrap();
    audit(&two.sequencer, &world.options.origin);
    assert_eq!(two.heard(), (2..two.size()).collect::<Vec<_>>(), "each entry once, in order");
}

/// Another node takes the lease while this one believes to have it: what it commits is refused, its submitters are told,
/// and it follows.
#[test]
fn a_node_that_lost_its_lease_commits_nothing_and_follows() {
    let disk = OnPostgres::new();
    let world = World::new(22);
    let one = Node::join(&world, &disk, "one");
    let hall = Hall::open(&world, &one.sequencer, HallRules::default()).unwrap();
    let before = one.size();
    // As if it had been paused past its lease: the server finds that it has run out, and the other node takes it.
    disk.run("UPDATE lease SET until = '-infinity'");
    let thief = disk.ledger("two").take_lease(0).unwrap();
    assert!(thief.ours);
    let refused =
        one.sequencer.submit(hall.bid(&hall.bidders[0], 1, world.clock.now(), world.nonce())).wait().unwrap_err();
    assert_eq!(refused.code, Code::NotLeader);
    assert_eq!(one.sequencer.reader().size().unwrap(), before, "nothing was written");
    wait_for("stepping down", TAKE_OVER_MAX, || one.sequencer.status() == Status::Following);
    // The thief dies; the node takes over again under another epoch.
    wait_for("the lease to run out", TAKE_OVER_MAX, || one.leads());
    assert!(one.sequencer.metrics().epoch.load(Relaxed) > thief.epoch);
    one.sequencer.submit(hall.bid(&hall.bidders[0], 1, world.clock.now(), world.nonce())).wait().unwrap();
    audit(&one.sequencer, &world.options.origin);
    assert_eq!(one.heard(), (0..one.size()).collect::<Vec<_>>());
}

/// The database goes away in the middle of a commit: whoever asked is told that the outcome is unknown, the node reads
/// again what is there and goes on, and asking again tells the outcome.
#[test]
fn an_unknown_outcome_is_looked_up_and_the_node_goes_on() {
    let server = crate::servers::Postgres::start();
    let disk = OnPostgres::on(&server, "unknown");
    let world = World::new(23);
    let one = Node::join(&world, &disk, "one");
    let hall = Hall::open(&world, &one.sequencer, HallRules::default()).unwrap();
    let bid = hall.bid(&hall.bidders[0], 1, world.clock.now(), world.nonce());
    server.stop("immediate");
    let lost = one.sequencer.submit(bid.clone()).wait().unwrap_err();
    assert!(matches!(lost.code, Code::OutcomeUnknown | Code::Internal | Code::NotLeader), "{lost:?}");
    server.resume();
    // The node's own connection is dead as well: it finds out by a commit whose outcome it cannot know.
    let mut told = None;
    wait_for("an answer", Duration::from_secs(30), || {
        told = one.sequencer.submit(bid.clone()).wait().ok();
        told.is_some()
    });
    let told = told.unwrap();
    let again = one.sequencer.submit(bid).wait().unwrap();
    assert!(again.replayed && again.first == told.first);
    audit(&one.sequencer, &world.options.origin);
    assert_eq!(statements(&one.sequencer).len(), 1);
    assert_eq!(one.heard(), (0..one.size()).collect::<Vec<_>>());
}

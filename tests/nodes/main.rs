//! Real nodes on a real PostgreSQL, whose writer is killed, paused or sent away under load. What was acknowledged is
//! there afterwards, once; every viewer saw every entry once, in order, whichever node it was on.
//!
//! `NODES_SEED` repeats a run as far as real processes allow.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "../crash/auction.rs"]
#[allow(dead_code)]
mod auction;
mod centres;
mod deployment;
mod moving;
#[path = "../crash/server.rs"]
#[allow(dead_code)]
mod server;
#[path = "../servers/mod.rs"]
mod servers;
mod viewer;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mingjian::desk::event_of;
use mingjian::engine::Fact;
use mingjian::ledger::SignedCheckpoint;

use deployment::Deployment;
use server::Told;
use servers::{signal, wait_for};
use viewer::Viewers;

const VIEWERS: usize = 24;
/// What the issue asks for.
const TAKE_OVER_MAX: Duration = Duration::from_secs(5);

fn seed() -> u64 {
    let now = || u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap();
    let seed = std::env::var("NODES_SEED").map_or_else(|_| now(), |text| text.parse().unwrap());
    println!("NODES_SEED={seed}");
    seed
}

/// The bidders' side of the story.
#[derive(Default)]
struct Notebook {
    told: Mutex<BTreeMap<String, Told>>,
    /// When each answer came.
    times: Mutex<Vec<Instant>>,
}

/// Bids on all nodes while `trouble` happens, each repeated until it is told what became of it.
fn under_load(deployment: &Deployment, trouble: impl FnOnce()) -> Notebook {
    let notebook = Notebook::default();
    let (steps, over) = (AtomicI64::new(0), AtomicBool::new(false));
    let bidders = deployment.auction.lock().unwrap().bidders();
    let lot = deployment.auction.lock().unwrap().lot();
    std::thread::scope(|scope| {
        for index in 0..bidders {
            let (notebook, steps, over) = (&notebook, &steps, &over);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let step = steps.fetch_add(1, Ordering::Relaxed) + 1;
                    let statement = deployment.auction.lock().unwrap().statement(index, step);
                    let began = Instant::now();
                    for turn in index.. {
                        let node = &deployment.nodes[turn % deployment.nodes.len()];
                        if let Some(told) = node.place(lot, &statement) {
                            notebook.told.lock().unwrap().insert(statement, told);
                            notebook.times.lock().unwrap().push(Instant::now());
                            break;
                        }
                        assert!(began.elapsed() < Duration::from_mins(1), "a bid is never answered");
                        std::thread::sleep(Duration::from_millis(20));
                    }
                }
            });
        }
        // Whatever fails in here, the bidders end.
        let _end = End(&over);
        let answered = || notebook.times.lock().unwrap().len();
        wait_for("the first bids", Duration::from_secs(20), || answered() > 20);
        trouble();
        let (so_far, began) = (answered(), Instant::now());
        wait_for("bids after it", Duration::from_secs(30), || answered() > so_far + 20);
        println!("20 bids more, {:?} after the trouble", began.elapsed());
    });
    notebook
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The longest time without an answer.
fn longest_silence(notebook: &Notebook) -> Duration {
    let mut times = notebook.times.lock().unwrap().clone();
    times.sort_unstable();
    times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap()
}

/// Reads the ledger and believes nothing: one chain, every acknowledged bid once where it was acknowledged, nothing that
/// nobody asked for, and every viewer saw just that.
fn audit(deployment: &Deployment, notebook: &Notebook, viewers: Viewers) {
    let size = deployment.size();
    wait_for("the viewers", Duration::from_secs(20), || viewers.least() >= size);
    let entries = deployment.entries();
    let mut found: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (seq, _, payload) in &entries {
        match event_of(payload).map(|event| event.fact) {
            Some(Fact::BidAccepted(bid)) => found.entry(bid.statement).or_default().push(*seq),
            Some(Fact::BidRefused(bid)) => found.entry(bid.statement).or_default().push(*seq),
            _ => {}
        }
    }
    let told = notebook.told.lock().unwrap();
    for (statement, told) in told.iter() {
        assert_eq!(found.get(statement).map(Vec::as_slice), Some(&[told.seq][..]), "acknowledged, so there, once");
    }
    assert_eq!(found.len(), told.len(), "and nothing else: every bid was repeated until it was answered");
    let ledger: Vec<(u64, String)> = entries.iter().map(|(seq, hash, _)| (*seq, hash.to_string())).collect();
    for seen in viewers.end() {
        assert_eq!(seen, ledger);
    }
    println!("{} bids answered, {} entries", told.len(), ledger.len());
}

fn ports(deployment: &Deployment) -> Vec<u16> {
    deployment.nodes.iter().map(|node| node.port).collect()
}

#[test]
fn the_writer_is_killed_and_another_takes_over_within_five_seconds() {
    let deployment = Deployment::start(3, None, seed());
    let viewers = Viewers::watch(&ports(&deployment), VIEWERS);
    let writer = deployment.writer();
    let notebook = under_load(&deployment, || {
        deployment.nodes[writer].kill();
        assert_ne!(deployment.writer(), writer);
    });
    let silence = longest_silence(&notebook);
    println!("longest silence {silence:?}");
    assert!(silence <= TAKE_OVER_MAX, "{silence:?} without an answer");
    audit(&deployment, &notebook, viewers);
}

/// Two that believe to write: the first is paused past its lease, and goes on with a full queue when another writes.
#[test]
fn a_writer_paused_past_its_lease_writes_nothing_when_it_wakes() {
    let deployment = Deployment::start(2, None, seed());
    let viewers = Viewers::watch(&ports(&deployment), VIEWERS);
    let writer = deployment.writer();
    let notebook = under_load(&deployment, || {
        signal(deployment.nodes[writer].child.lock().unwrap().id(), "STOP");
        let other = 1 - writer;
        wait_for("the other node", Duration::from_secs(20), || deployment.nodes[other].writes());
        signal(deployment.nodes[writer].child.lock().unwrap().id(), "CONT");
        wait_for("the woken node to see that it does not write", Duration::from_secs(10), || {
            !deployment.nodes[writer].writes()
        });
        assert!(deployment.nodes[other].writes());
    });
    audit(&deployment, &notebook, viewers);
}

/// An orderly end of the writer, a node that comes back, a restart of the database as if the power had gone.
#[test]
fn nodes_come_and_go_and_the_database_restarts() {
    let mut deployment = Deployment::start(2, None, seed());
    let viewers = Viewers::watch(&ports(&deployment), VIEWERS);
    let writer = deployment.writer();
    let first = under_load(&deployment, || {
        assert_eq!(deployment.nodes[writer].terminate(), Some(0));
        assert_ne!(deployment.writer(), writer);
    });
    deployment.nodes[writer] = deployment.start_node(writer);
    let viewers_of_both = Viewers::watch(&ports(&deployment), VIEWERS);
    let second = under_load(&deployment, || {
        deployment.database.restart("immediate");
        deployment.writer();
    });
    let notebook = Notebook::default();
    notebook.told.lock().unwrap().extend(first.told.into_inner().unwrap());
    notebook.told.lock().unwrap().extend(second.told.into_inner().unwrap());
    audit(&deployment, &notebook, viewers_of_both);
    drop(viewers.end());
}

/// A standby that lacked the last commits, or a backup brought back with PostgreSQL's own tools: what was acknowledged is not
/// in it, and a node that has signed it does not sign on.
#[test]
fn a_database_that_was_set_back_is_not_signed_on() {
    let mut deployment = Deployment::start(0, None, seed());
    deployment.copy_database("older");
    let node = deployment.start_node(0);
    {
        let auction = deployment.auction.lock().unwrap();
        let statement = auction.statement(0, 1);
        node.place(auction.lot(), &statement).unwrap();
    }
    let size = deployment.size();
    assert_eq!(node.terminate(), Some(0));
    let kept = deployment.data(0).join("newest-checkpoint");
    let note = std::fs::read_to_string(&kept).unwrap();
    assert!(SignedCheckpoint::parse(&note).unwrap().unverified().size >= size, "{note}");

    deployment.use_database("older");
    assert!(deployment.try_start_node(0).is_none(), "a node signs on where entries are missing");
    // It was this that stopped it, and nothing else.
    std::fs::remove_file(&kept).unwrap();
    assert_eq!(deployment.start_node(0).terminate(), Some(0));
    deployment.use_database("platform");
    assert!(deployment.try_start_node(0).is_none(), "the ledger was forked, and the node does not see it");
}

/// The same while nodes run: one that has seen more than is there neither writes nor follows, whoever signs on, and goes on by
/// itself when its ledger is back.
#[test]
fn a_node_that_has_seen_more_refuses_what_others_sign_on() {
    let deployment = Deployment::start(0, None, seed());
    deployment.copy_database("older");
    let node = deployment.start_node(0);
    let place = |node: &server::Server, steps| {
        let auction = deployment.auction.lock().unwrap();
        let statement = auction.statement(0, steps);
        node.place(auction.lot(), &statement)
    };
    for step in 1..4 {
        place(&node, step).unwrap();
    }
    let known = deployment.size();
    let checkpoint = node.get("/ledger/main/checkpoint").body;

    deployment.replace_database("older", "newer");
    assert!(place(&node, 4).is_none(), "it was taken into a ledger that lacks entries");
    node.logged("is not the ledger that this node knows");
    assert_eq!(node.get("/readyz").status, 503);
    let older = deployment.size();
    assert!(older < known, "{older} < {known}");

    // One that has seen nothing signs on, beyond what the other knows.
    let other = deployment.start_node(1);
    while deployment.size() <= known {
        place(&other, 5);
    }
    assert_eq!(node.get("/readyz").status, 503);
    assert_eq!(node.get("/ledger/main/checkpoint").body, checkpoint);
    assert_eq!(other.terminate(), Some(0));

    deployment.replace_database("newer", "fork");
    node.wait_until_it_writes();
    place(&node, 6).unwrap();
    assert!(deployment.size() > known);
    deployment.entries();
}

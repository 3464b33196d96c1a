//! The real binary under load, killed at any moment, many times over. What it acknowledged must be there afterwards,
//! once, with the first answer.
//!
//! `CRASH_ROUNDS` and `CRASH_SEED` (the time) choose how often and how.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::default_trait_access)]

mod auction;
mod audit;
mod backup;
mod disk;
mod home;
mod onlooker;
mod server;
#[path = "../servers/mod.rs"]
mod servers;
mod tamper;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mingjian::sim::SeededEntropy;

use auction::Auction;
use home::Home;
use server::{Server, Told};

/// Statements with their answers, and those whose answer was lost.
#[derive(Default)]
struct Notebook {
    told: BTreeMap<String, Told>,
    lost: Vec<String>,
}

impl Notebook {
    fn write(&mut self, statement: &str, answer: Option<Told>) {
        match answer {
            None => self.lost.push(statement.to_owned()),
            Some(told) => {
                let first = *self.told.entry(statement.to_owned()).or_insert(told);
                assert_eq!(first, told, "a statement got two answers");
            }
        }
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}: not a number")))
}

/// Says how to repeat a run that failed.
struct Repeat(u64, u64);

impl Drop for Repeat {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("repeat with: CRASH_SEED={} CRASH_ROUNDS={} cargo test --test crash killed", self.0, self.1);
        }
    }
}

#[test]
fn killed_at_any_moment_it_forgets_nothing_that_it_said() {
    let dir = tempfile::tempdir().unwrap();
    killed(&Home::embedded(&dir.path().join("data")), 12, Server::kill);
}

/// The same on PostgreSQL, where now the node is killed and now the database, as if its power had gone.
#[test]
fn killed_at_any_moment_on_postgresql() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::on_postgres(&dir.path().join("data"));
    let turn = AtomicI64::new(0);
    // Each round waits for the killed node's lease.
    killed(&home, 4, |server| {
        let database = home.database().unwrap();
        if turn.fetch_add(1, Ordering::Relaxed) % 2 == 0 {
            server.kill();
        } else {
            database.stop("immediate");
            // The node lives and can say nothing; what it had sent off is decided by the database alone.
            server.kill();
            database.resume();
        }
    });
}

/// Bids from all sides on a server that `end` ends at any moment, again and again.
fn killed(home: &Home, rounds: u64, end: impl Fn(&Server)) {
    let seed = setting(
        "CRASH_SEED",
        u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap(),
    );
    let rounds = setting("CRASH_ROUNDS", rounds);
    let _repeat = Repeat(seed, rounds);
    println!("CRASH_SEED={seed} CRASH_ROUNDS={rounds}");
    let entropy = SeededEntropy::new(seed);
    let auction = Auction::prepare_on(&home.data, home.storage("preparing"), seed);
    let notebook = Mutex::new(Notebook::default());
    let steps = AtomicI64::new(0);
    let mut cut_short = 0;

    for _ in 0..rounds {
        let server = home.serve();
        ask_again(&auction, &server, &notebook);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for index in 0..auction.bidders() {
                let (auction, server, notebook, steps, over) = (&auction, &server, &notebook, &steps, &over);
                scope.spawn(move || {
                    while !over.load(Ordering::Relaxed) {
                        let statement = auction.statement(index, steps.fetch_add(1, Ordering::Relaxed) + 1);
                        let answer = server.place(auction.lot(), &statement);
                        notebook.lock().unwrap().write(&statement, answer);
                        if answer.is_none() {
                            return;
                        }
                    }
                });
            }
            let [low, high] = entropy.bytes::<2>();
            std::thread::sleep(Duration::from_micros(20_000 + u64::from(u16::from_be_bytes([low, high])) * 6));
            end(&server);
            over.store(true, Ordering::Relaxed);
        });
        cut_short += usize::from(!notebook.lock().unwrap().lost.is_empty());
    }

    let server = home.serve();
    ask_again(&auction, &server, &notebook);
    let answered = server.get("/readyz");
    assert_eq!(answered.status, 200, "{}", answered.body);
    // Taken before the last stop, it must be contained in what stands there afterwards.
    let earlier = server.get("/ledger/main/checkpoint").body;
    assert_eq!(server.terminate(), Some(0), "a graceful end");

    let notebook = notebook.into_inner().unwrap();
    assert!(cut_short > 0, "no kill hit a request under way");
    assert!(notebook.told.values().any(|told| told.rule.is_none()), "nothing was accepted");
    println!("{} answers, {} kills with requests under way", notebook.told.len(), cut_short);
    audit::of(home, &auction, &notebook.told, &earlier);
}

/// Whoever lost an answer asks with the same statement, and learns what became of it; some who have theirs ask as well.
fn ask_again(auction: &Auction, server: &Server, notebook: &Mutex<Notebook>) {
    let mut notebook = notebook.lock().unwrap();
    let lost = std::mem::take(&mut notebook.lost);
    let known: Vec<String> = notebook.told.keys().rev().step_by(17).take(20).cloned().collect();
    for statement in lost.iter().chain(&known) {
        let answer = server.place(auction.lot(), statement);
        assert!(answer.is_some(), "nobody killed it");
        notebook.write(statement, answer);
    }
}

#[test]
fn a_second_process_on_the_same_directory_refuses_to_start() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let first = Server::start(&data);
    let second = server::command(&data, server::free_port()).output().unwrap();
    assert_eq!(second.status.code(), Some(2));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("in use by another process") && said.contains(data.to_str().unwrap()), "{said}");
    assert_eq!(first.get("/readyz").status, 200, "the first one goes on");
    first.kill();
    // The kernel dropped the dead one's lock with it.
    let third = Server::start(&data);
    assert_eq!(third.terminate(), Some(0));
}

#[test]
fn a_graceful_end_leaves_a_checkpoint_over_everything() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let auction = Auction::prepare(&data, 7);
    let server = Server::start(&data);
    for step in 1..=20 {
        assert!(server.place(auction.lot(), &auction.statement(usize::from(step % 2 == 0), step)).is_some());
    }
    assert_eq!(server.terminate(), Some(0));
    let reader = Home::embedded(&data).reader();
    let size = reader.size().unwrap();
    let kept = reader.checkpoint_from(size).unwrap();
    assert_eq!(kept.map(|(kept, _, _)| kept), Some(size));
    assert!(Path::new(&data).join("ledger/main.sqlite").exists());
}

//! Durable commits a second, of bids on SQLite, against a bare loop that hashes and writes the same bytes and calls
//! fdatasync once for as many entries as there are producers. `cargo bench --bench sequencer [-- producers…]`
#![allow(clippy::expect_used, clippy::indexing_slicing)]

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mingjian::base::{Hash, Span};
use mingjian::ledger::leaf_hash;
use mingjian::ledger::statement::Nonce;
use mingjian::sequencer::{Sequencer, Submission};
use mingjian::sim::{Hall, HallRules, World};
use mingjian::store::SqliteJournal;

/// Bids of one measurement.
const BIDS: usize = 24_000;

fn main() {
    let asked: Vec<usize> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let producers = if asked.is_empty() { vec![1, 16, 64, 256] } else { asked };
    println!("producers   sequencer/s   bare loop/s   share   entries a commit   mean commit");
    for producers in producers {
        measure(producers);
    }
}

fn measure(producers: usize) {
    let dir = tempfile::tempdir().expect("a directory");
    let world = World::new(1);
    let journal = SqliteJournal::open(&dir.path().join("main.sqlite")).expect("a journal");
    let sequencer = world.start(Box::new(journal)).expect("a sequencer");
    let rules = HallRules { bidders: 64, free: Span::days(1), ..HallRules::default() };
    let hall = Hall::open(&world, &sequencer, rules).expect("an auction");
    let bids = if producers == 1 { BIDS / 10 } else { BIDS };
    let work = signed(&world, &hall, producers, bids / producers);
    let before = sequencer.reader().size().expect("a size");
    let (commits, entries) = (sequencer.metrics().batch.count(), sequencer.metrics().batch.sum());

    let took = run(&sequencer, work);

    let commits = sequencer.metrics().batch.count() - commits;
    let entries = sequencer.metrics().batch.sum() - entries;
    let rate = per_second(entries, took);
    let bytes: Vec<Vec<u8>> = sequencer
        .reader()
        .entries(before, usize::MAX)
        .expect("entries")
        .into_iter()
        .map(|entry| [&entry.leaf[..], &entry.payload.unwrap_or_default()].concat())
        .collect();
    let bare = bare_loop(dir.path(), &bytes, producers);
    println!(
        "{producers:>9}   {rate:>11}   {bare:>11}   {share:>4} %   {batch:>16}   {mean:>9} µs",
        share = rate * 100 / bare.max(1),
        batch = entries / commits.max(1),
        mean = took.as_micros() / u128::from(commits.max(1)),
    );
}

/// What each producer will submit, one after the other.
fn signed(world: &World, hall: &Hall, producers: usize, each: usize) -> Vec<Vec<Submission>> {
    let bid = |producer: usize, round: usize| {
        let step = i64::try_from(round * producers + producer + 1).expect("a step");
        // Clients make a nonce when they bid, so nonces begin with times that grow.
        let random = world.entropy.bytes();
        let nonce = Nonce::new(hall.opens.plus(Span::micros(1_000 * u64::try_from(round).expect("a time"))), random);
        hall.bid(&hall.bidders[producer % hall.bidders.len()], step, hall.opens, nonce)
    };
    (0..producers).map(|producer| (0..each).map(|round| bid(producer, round)).collect()).collect()
}

fn run(sequencer: &Sequencer, work: Vec<Vec<Submission>>) -> Duration {
    let start = Arc::new(std::sync::Barrier::new(work.len() + 1));
    let threads: Vec<_> = work
        .into_iter()
        .map(|work| {
            let (sequencer, start) = (sequencer.clone(), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                for submission in work {
                    sequencer.submit(submission).wait().expect("an outcome");
                }
            })
        })
        .collect();
    start.wait();
    let started = Instant::now();
    for thread in threads {
        thread.join().expect("a producer");
    }
    started.elapsed()
}

fn bare_loop(dir: &std::path::Path, entries: &[Vec<u8>], at_once: usize) -> u64 {
    let mut file = File::create(dir.join("bare")).expect("a file");
    let started = Instant::now();
    for batch in entries.chunks(at_once) {
        let mut prev = Hash::ZERO;
        for entry in batch {
            // Payload and leaf are hashed separately.
            let (leaf, payload) = entry.split_at(entry.len().min(300));
            prev = Hash::of_parts(&[&prev.0, &Hash::of(payload).0, &leaf_hash(leaf).0]);
        }
        file.write_all(&batch.concat()).expect("a write");
        file.write_all(&prev.0).expect("a write");
        file.sync_data().expect("fdatasync");
    }
    per_second(u64::try_from(entries.len()).expect("a count"), started.elapsed())
}

fn per_second(count: u64, took: Duration) -> u64 {
    u64::try_from(u128::from(count) * 1_000_000 / took.as_micros().max(1)).unwrap_or(u64::MAX)
}

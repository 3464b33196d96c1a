//! (a) durable commits, (d) verification, (e) restart. Each stands beside a baseline measured in the same run:
//! `cargo bench --bench ledger -- --only a`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::float_arithmetic)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]

#[allow(dead_code)] // each program uses its part of it
mod common;

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use common::{Duel, Figure, Goal, Report, append_to, cores, directory, halls, median, rate};
use mingjian::base::Hash;
use mingjian::cli::open::{LEDGER, Setup, open};
use mingjian::desk::{Stored, Threads};
use mingjian::identity::{ServerKeys, SystemEntropy};
use mingjian::ledger::leaf_hash;
use mingjian::review::{self, Trust, verify};
use mingjian::sequencer::{Journal, LedgerReader, Sequencer, StoredEntry, StoredSnapshot, Submission};
use mingjian::sim::World;
use mingjian::store::platform::views;
use mingjian::store::{DataDir, Platform, SqliteJournal, SqliteReader};
use rayon::prelude::*;

/// Measures the ledger: (a) durable commits, (d) verification, (e) restart.
#[derive(Parser)]
struct Args {
    /// Which of a, d, e
    #[arg(long, value_delimiter = ',', default_value = "a,d,e")]
    only: Vec<char>,
    /// Rounds of (baseline, ours); the medians are printed
    #[arg(long, default_value_t = 5, env = "BENCH_ROUNDS")]
    rounds: usize,
    /// (a) Bids of a round
    #[arg(long, default_value_t = 16_000, env = "BENCH_BIDS")]
    bids: usize,
    /// (a) Concurrent producers
    #[arg(long, value_delimiter = ',', default_value = "1,16,64,256")]
    producers: Vec<usize>,
    /// (d, e) Entries of the ledger
    #[arg(long, default_value_t = 1_000_000, env = "BENCH_ENTRIES")]
    entries: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// What `cargo bench` says
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let args = Args::parse();
    if !args.bench {
        println!("run it with cargo bench");
        return;
    }
    let mut report = Report::default();
    if args.only.contains(&'a') {
        commits(&mut report, &args);
    }
    if args.only.contains(&'d') || args.only.contains(&'e') {
        let directory = directory();
        let mut large = Large::fill(directory.path(), args.entries);
        if args.only.contains(&'d') {
            verification(&mut report, &args, &large);
        }
        if args.only.contains(&'e') {
            restarts(&mut report, &args, &mut large);
        }
    }
    report.print(args.json);
}

/* ---- (a) ------------------------------------------------------------------------------------------------------- */

/// Bids of concurrent producers, each waiting for its answer before it bids again, against a loop that hashes and
/// appends the same bytes in groups as large as the producers allow, with one fdatasync a group.
fn commits(report: &mut Report, args: &Args) {
    eprintln!("(a) sequencer and ledger");
    let directory = directory();
    let world = World::new(1);
    let journal = SqliteJournal::open(&directory.path().join("ledger.sqlite")).unwrap();
    let sequencer = world.start(Box::new(journal)).unwrap();
    let most = args.producers.iter().copied().max().unwrap_or(1);
    let mut duels: Vec<Duel> = halls(&world, &sequencer, most).into_iter().map(Duel::new).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(cores()).build().unwrap();

    for &producers in &args.producers {
        // One producer alone waits for a disk each time, so fewer bids take as long.
        let each = (args.bids / producers).clamp(8, 2_000);
        let mut rounds = Vec::new();
        let (commits, micros) = (&sequencer.metrics().batch, &sequencer.metrics().commit_micros);
        let before = (commits.count(), commits.sum(), micros.sum());
        for _ in 0..args.rounds {
            let bids: Vec<_> = duels[..producers].iter_mut().map(|duel| duel.bids(&world, each)).collect();
            let from = sequencer.read(|committed| committed.size);
            let ours = rate(each * producers, || runtime.block_on(produce(&sequencer, bids)));
            let entries = sequencer.reader().entries(from, each * producers).unwrap();
            rounds.push((bare_loop(directory.path(), &entries, producers), ours));
        }
        let goal = (producers == 64).then_some(Goal::RatioAtLeast(0.4));
        let name = format!("(a) durable bids, {producers} producers");
        report.add(Figure::of_rounds(name, "1/s", &rounds, goal));
        let made = (commits.count() - before.0) as f64;
        let (batch, commit) = ((commits.sum() - before.1) as f64 / made, (micros.sum() - before.2) as f64 / made);
        report.note(format!("(a) {producers} producers: {batch:.1} entries a commit, {commit:.0} µs in the journal"));
    }
    sequencer.shutdown();
}

async fn produce(sequencer: &Sequencer, bids: Vec<Vec<Submission>>) {
    let producer = |bids: Vec<Submission>| {
        let sequencer = sequencer.clone();
        tokio::spawn(async move {
            for bid in bids {
                let outcome = sequencer.submit(bid).await.unwrap();
                assert_eq!((outcome.rule, outcome.count), (None, 1));
            }
        })
    };
    let producers: Vec<_> = bids.into_iter().map(producer).collect();
    for producer in producers {
        producer.await.unwrap();
    }
}

fn bare_loop(directory: &Path, entries: &[StoredEntry], group: usize) -> f64 {
    let path = directory.join("bare");
    let mut file = append_to(&path);
    let rate = rate(entries.len(), || {
        for group in entries.chunks(group) {
            let mut bytes = Vec::new();
            for entry in group {
                let payload = entry.payload.as_ref().unwrap();
                std::hint::black_box((Hash::of(payload), leaf_hash(&entry.leaf)));
                bytes.extend_from_slice(&entry.leaf);
                bytes.extend_from_slice(payload);
            }
            file.write_all(&bytes).unwrap();
            file.sync_data().unwrap();
        }
    });
    std::fs::remove_file(path).unwrap();
    rate
}

/* ---- A large ledger -------------------------------------------------------------------------------------------- */

/// A data directory whose ledger holds many bids.
struct Large {
    path: std::path::PathBuf,
    world: World,
    duels: Vec<Duel>,
    size: u64,
    /// The last one that was taken while bids came in: what a killed server leaves behind.
    snapshot: StoredSnapshot,
}

const LOTS: usize = 200;
/// Bids under way at a time: less than the queue holds.
const AHEAD: usize = 2_048;

impl Large {
    fn fill(path: &Path, entries: u64) -> Self {
        eprintln!("filling a ledger with {entries} entries");
        let world = World::new(2);
        let dir = DataDir::open(path).unwrap();
        let keys = ServerKeys::load_or_create(&dir.keys_path(), &SystemEntropy::new()).unwrap();
        let ledger = dir.ledger_path(LEDGER).unwrap();
        let sequencer = Sequencer::start(
            Box::new(SqliteJournal::open(&ledger).unwrap()),
            Box::new(keys.log_signer().unwrap()),
            Arc::new(world.clock.clone()),
            Arc::clone(&world.entropy) as _,
            Vec::new(),
            world.options.clone(),
        )
        .unwrap();
        let mut duels: Vec<Duel> = halls(&world, &sequencer, LOTS).into_iter().map(Duel::new).collect();
        let mut other_side = SqliteJournal::open(&ledger).unwrap();
        let mut newest = || other_side.load().unwrap().unwrap().snapshot;
        let every = world.options.snapshot_every;
        // On until the next snapshot would be nearly due: a restart then has the most to replay.
        let mut size = 0;
        let snapshot = loop {
            let page: Vec<Vec<Submission>> = duels.par_iter_mut().map(|duel| duel.bids(&world, AHEAD / LOTS)).collect();
            let answers: Vec<_> = page.into_iter().flatten().map(|bid| sequencer.submit(bid)).collect();
            for answer in answers {
                let outcome = answer.wait().unwrap();
                assert_eq!(outcome.rule, None);
                size = size.max(outcome.first + outcome.count);
            }
            if size >= entries {
                let snapshot = newest();
                let behind = size - snapshot.as_ref().map_or(0, |snapshot| snapshot.size);
                if snapshot.is_none() || behind > every * 9 / 10 && behind < every {
                    break snapshot;
                }
            }
        };
        sequencer.shutdown();
        let snapshot = snapshot.unwrap_or_else(|| newest().unwrap());
        Self { path: path.to_owned(), world, duels, size, snapshot }
    }

    fn ledger(&self) -> std::path::PathBuf {
        self.path.join("ledger").join(format!("{LEDGER}.sqlite"))
    }

    /// Waits until the last owner has let go of it.
    fn dir(&self) -> DataDir {
        loop {
            match DataDir::open(&self.path) {
                Ok(dir) => return dir,
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

/* ---- (d) ------------------------------------------------------------------------------------------------------- */

fn verification(report: &mut Report, args: &Args, large: &Large) {
    eprintln!("(d) verification");
    let cases = [
        ("signatures and replay", review::Options { signatures: true, replay: true }, None),
        ("without signatures", review::Options { signatures: false, replay: true }, Some(Goal::RatioAtLeast(0.5))),
        ("without signatures and replay", review::Options { signatures: false, replay: false }, None),
    ];
    let mut rounds = [const { Vec::new() }; 3];
    for _ in 0..args.rounds.min(3) {
        for ((_, options, _), rounds) in cases.iter().zip(&mut rounds) {
            rounds.push((hash_alone(large), verify_once(large, *options)));
        }
    }
    for ((name, _, goal), rounds) in cases.into_iter().zip(&rounds) {
        report.add(Figure::of_rounds(format!("(d) verified entries, {name}"), "1/s", rounds, goal));
    }
}

fn verify_once(large: &Large, options: review::Options) -> f64 {
    let reader = SqliteReader::open(&large.ledger()).unwrap();
    let mut source = Stored::whole(&reader);
    rate(large.size as usize, || {
        let report = verify(&mut source, &Trust::default(), options, &Threads, |_, _| {}).unwrap();
        assert_eq!((report.exit_code(), report.entries), (0, large.size), "{report:?}");
    })
}

/// SHA-256 of the same bytes on all cores; reading them is not counted.
fn hash_alone(large: &Large) -> f64 {
    let reader = SqliteReader::open(&large.ledger()).unwrap();
    let mut took = Duration::ZERO;
    let mut next = 0;
    while next < large.size {
        let entries = reader.entries(next, 65_536).unwrap();
        next += entries.len() as u64;
        let started = Instant::now();
        entries.par_iter().with_min_len(256).for_each(|entry| {
            std::hint::black_box((Hash::of(entry.payload.as_ref().unwrap()), leaf_hash(&entry.leaf)));
        });
        took += started.elapsed();
    }
    large.size as f64 / took.as_secs_f64()
}

/* ---- (e) ------------------------------------------------------------------------------------------------------- */

/// From a data directory to the answer to the first bid: journal, replay, tree, hub, accounts. After a kill the newest
/// snapshot is up to `SNAPSHOT_EVERY` entries old; after a shutdown there is nothing to replay.
fn restarts(report: &mut Report, args: &Args, large: &mut Large) {
    eprintln!("(e) restart");
    let behind = large.size - large.snapshot.size;
    let (mut killed, mut shut_down) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        let snapshot = large.snapshot.clone();
        SqliteJournal::open(&large.ledger()).unwrap().save_snapshot(&snapshot).unwrap();
        killed.push(restart(large));
        shut_down.push(restart(large));
    }
    let goal = Some(Goal::AtMost(2.0));
    report.add(Figure::alone("(e) restart to the first bid, after a kill", "s", median(killed), goal));
    report.add(Figure::alone("(e) restart to the first bid, after a shutdown", "s", median(shut_down), goal));
    report.note(format!("(e) {} entries, {LOTS} lots; after the kill {behind} were to be replayed", large.size));
}

fn restart(large: &mut Large) -> f64 {
    caught_up(large);
    let bid = large.duels[0].next(&large.world, mingjian::sim::Hall::bid);
    let options = &large.world.options;
    let setup = Setup {
        origin: options.origin.to_string(),
        totp_required: false,
        genesis: options.genesis.clone(),
        cosigners: None,
    };
    let dir = large.dir();
    let started = Instant::now();
    let platform = open(dir, setup, Arc::new(large.world.clock.clone())).unwrap();
    let outcome = platform.desk.sequencer.submit(bid).wait().unwrap();
    let took = started.elapsed().as_secs_f64();
    assert_eq!(outcome.rule, None);
    large.size = outcome.first + outcome.count;
    platform.desk.sequencer.shutdown();
    took
}

/// The query tables stand where a server that had been running would have left them.
fn caught_up(large: &Large) {
    let platform = Platform::open(Arc::new(large.dir())).unwrap();
    platform.write(|tx| views::follow(tx, LEDGER, (0, large.size.try_into().unwrap()), &[], &[])).unwrap();
}

//! Many ledgers on one machine, each with its own sequencer and its own journal: what a province's centres cost together.
//! The same bidders are spread over more and more ledgers: `cargo bench --bench many -- --ledgers 1,10,100,500`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::float_arithmetic)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]

#[allow(dead_code)] // each program uses its part of it
mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use clap::Parser;
use common::{Duel, Figure, Report, cores, directory, fdatasyncs, halls, quantile, rate};
use mingjian::ledger::Origin;
use mingjian::sequencer::{Sequencer, Submission};
use mingjian::sim::World;
use mingjian::store::SqliteJournal;

/// Measures many ledgers on one machine.
#[derive(Parser)]
struct Args {
    /// How many ledgers
    #[arg(long, value_delimiter = ',', default_value = "1,10,100")]
    ledgers: Vec<usize>,
    /// Bidders over all ledgers, each waiting for its answer before it bids again; a ledger has one at least
    #[arg(long, default_value_t = 64)]
    bidders: usize,
    /// Bids of a round over all ledgers
    #[arg(long, default_value_t = 8_000, env = "BENCH_BIDS")]
    bids: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// What `cargo bench` says
    #[arg(long, hide = true)]
    bench: bool,
}

struct Centre {
    world: World,
    sequencer: Sequencer,
    duels: Vec<Duel>,
}

impl Centre {
    /// A ledger of its own with `bidders` running auctions.
    fn open(directory: &Path, number: usize, bidders: usize) -> Self {
        let mut world = World::new(number as u64 + 1);
        world.options.origin = Origin::new(&format!("ledger.centre{number}.example/trade")).unwrap();
        let sequencer = start(&world, directory, number);
        let duels = halls(&world, &sequencer, bidders).into_iter().map(Duel::new).collect();
        Self { world, sequencer, duels }
    }
}

fn start(world: &World, directory: &Path, number: usize) -> Sequencer {
    let journal = SqliteJournal::open(&directory.join(format!("{number}.sqlite"))).unwrap();
    world.start(Box::new(journal)).unwrap()
}

fn resident_kib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

fn main() {
    let args = Args::parse();
    if !args.bench {
        println!("run it with cargo bench");
        return;
    }
    let mut report = Report::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(cores()).build().unwrap();
    for &ledgers in &args.ledgers {
        measure(&mut report, &runtime, ledgers, &args);
    }
    report.print(args.json);
}

fn measure(report: &mut Report, runtime: &tokio::runtime::Runtime, ledgers: usize, args: &Args) {
    eprintln!("{ledgers} ledgers");
    let directory = directory();
    let sync = quantile(fdatasyncs(directory.path(), 200), 0.5);
    let bidders = args.bidders.div_ceil(ledgers);
    let before = resident_kib();
    let mut centres: Vec<Centre> = (0..ledgers).map(|number| Centre::open(directory.path(), number, bidders)).collect();
    let each = (resident_kib() - before) / ledgers as f64;

    let active = args.bidders.max(ledgers);
    let bids_each = (args.bids / active).max(8);
    let work: Vec<(Sequencer, Vec<Submission>)> = centres
        .iter_mut()
        .flat_map(|centre| {
            let Centre { world, sequencer, duels } = centre;
            duels.iter_mut().map(|duel| (sequencer.clone(), duel.bids(world, bids_each))).collect::<Vec<_>>()
        })
        .collect();
    let counts = |centres: &[Centre]| -> (u64, u64) {
        let metrics = centres.iter().map(|centre| &centre.sequencer.metrics().batch);
        metrics.fold((0, 0), |(count, sum), batch| (count + batch.count(), sum + batch.sum()))
    };
    let (commits, entries) = counts(&centres);
    let bids = work.len() * bids_each;
    let mut waited = Vec::new();
    let began = Instant::now();
    let per_second = rate(bids, || waited = runtime.block_on(all(work)));
    let seconds = began.elapsed().as_secs_f64();
    let (commits, entries) = (counts(&centres).0 - commits, counts(&centres).1 - entries);
    report.add(Figure::alone(format!("{ledgers} ledgers: durable bids"), "1/s", per_second, None));
    report.add(Figure::alone(format!("{ledgers} ledgers: commits"), "1/s", commits as f64 / seconds, None));
    let millis = |quantile: Duration| quantile.as_secs_f64() * 1_000.0;
    report.add(Figure::alone(format!("{ledgers} ledgers: answer, 99 %"), "ms", millis(quantile(waited, 0.99)), None));
    report.add(Figure::alone(format!("{ledgers} ledgers: memory of each"), "KiB", each, None));

    // Again from what is durable: what a node does that takes the ledgers of a lost one.
    let worlds: Vec<World> = centres
        .into_iter()
        .map(|Centre { world, sequencer, .. }| {
            sequencer.shutdown();
            world
        })
        .collect();
    let began = Instant::now();
    let again: Vec<Sequencer> =
        worlds.iter().enumerate().map(|(number, world)| start(world, directory.path(), number)).collect();
    let took = began.elapsed().as_secs_f64() * 1_000.0 / ledgers as f64;
    report.add(Figure::alone(format!("{ledgers} ledgers: restart of each"), "ms", took, None));
    again.iter().for_each(Sequencer::shutdown);
    let a_commit = entries as f64 / commits as f64;
    report.note(format!(
        "{ledgers} ledgers: {} bidders, {a_commit:.1} entries a commit, median fdatasync {sync:.0?}",
        bidders * ledgers
    ));
}

/// Every bidder bids as soon as its last bid is answered; how long each waited.
async fn all(work: Vec<(Sequencer, Vec<Submission>)>) -> Vec<Duration> {
    let bidder = |(sequencer, bids): (Sequencer, Vec<Submission>)| {
        tokio::spawn(async move {
            let mut waited = Vec::with_capacity(bids.len());
            for bid in bids {
                let began = Instant::now();
                let outcome = sequencer.submit(bid).await.unwrap();
                assert_eq!((outcome.rule, outcome.count), (None, 1));
                waited.push(began.elapsed());
            }
            waited
        })
    };
    let bidders: Vec<_> = work.into_iter().map(bidder).collect();
    let mut waited = Vec::new();
    for bidder in bidders {
        waited.extend(bidder.await.unwrap());
    }
    waited
}

//! (s) Ten times the load that a ledger can take, as in the last minute before a deadline: what is answered meanwhile, how
//! fast the rest is refused, and whether anybody who was let in is left without an answer. On SQLite, and on PostgreSQL:
//! `cargo bench --bench storm`. Bids reach the sequencer without HTTP; how long a refusal takes there is measured as well.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::float_arithmetic)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]

#[allow(dead_code)] // each program uses its part of it
mod common;
#[path = "../tests/servers/mod.rs"]
mod servers;

use std::time::{Duration, Instant};

use clap::Parser;
use common::{Duel, Figure, Goal, Report, directory, halls, quantile, rate};
use futures_util::FutureExt as _;
use mingjian::base::Code;
use mingjian::sequencer::{Journal, Pending, Sequencer, SharedLedger as _, Submission};
use mingjian::sim::World;
use mingjian::store::{Postgres, SqliteJournal};

/// Measures a storm of bids against what the same ledger takes in peace.
#[derive(Parser)]
struct Args {
    /// Rounds of (peace, storm); the medians are printed
    #[arg(long, default_value_t = 3, env = "BENCH_ROUNDS")]
    rounds: usize,
    /// Bids of a round in peace; in a storm ten times as many are offered in the same time
    #[arg(long, default_value_t = 8_000, env = "BENCH_BIDS")]
    bids: usize,
    /// Bidders, each on a lot of its own
    #[arg(long, default_value_t = 64)]
    bidders: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// What `cargo bench` says
    #[arg(long, hide = true)]
    bench: bool,
}

const TIMES: usize = 10;
/// Threads that offer bids in a storm, and how often each does.
const CROWD: usize = 4;
const EVERY: Duration = Duration::from_millis(1);

fn main() {
    let args = Args::parse();
    if !args.bench {
        println!("run it with cargo bench");
        return;
    }
    let mut report = Report::default();
    let directory = directory();
    let sqlite = SqliteJournal::open(&directory.path().join("ledger.sqlite")).unwrap();
    measure(&mut report, "SQLite", Box::new(sqlite), &args);
    let database = servers::Postgres::start();
    let postgres = Postgres::open(&database.database("storm"), None, 12).unwrap();
    let mut ledger = postgres.ledger("main", "bench", "127.0.0.1:1").unwrap();
    let tenure = ledger.take_lease(0).unwrap();
    measure(&mut report, "PostgreSQL", ledger.journal(tenure.epoch).unwrap(), &args);
    report.print(args.json);
}

fn measure(report: &mut Report, name: &str, journal: Box<dyn Journal>, args: &Args) {
    eprintln!("(s) a storm on {name}");
    let world = World::new(9);
    let sequencer = world.start(journal).unwrap();
    let mut duels: Vec<Duel> = halls(&world, &sequencer, args.bidders).into_iter().map(Duel::new).collect();
    let (mut rounds, mut refusals) = (Vec::new(), Vec::new());
    let (mut offered, mut answered) = (0, 0);
    for _ in 0..args.rounds {
        let each = args.bids / args.bidders;
        let peaceful: Vec<Vec<Submission>> = duels.iter_mut().map(|duel| duel.bids(&world, each)).collect();
        let peak = rate(each * args.bidders, || in_peace(&sequencer, peaceful));
        // Shuffled like a crowd: every thread offers bids on every lot.
        let mut crowds: Vec<Vec<Submission>> = (0..CROWD).map(|_| Vec::new()).collect();
        for _ in 0..each * TIMES {
            for (place, duel) in duels.iter_mut().enumerate() {
                crowds[place % CROWD].extend(duel.bids(&world, 1));
            }
        }
        let pace = (peak * TIMES as f64 * EVERY.as_secs_f64() / CROWD as f64).ceil() as usize;
        offered += each * TIMES * args.bidders;
        let began = Instant::now();
        let (mut count, mut let_in, mut sent_away) = (0, Vec::new(), Vec::new());
        std::thread::scope(|scope| {
            let offering: Vec<_> =
                crowds.into_iter().map(|crowd| scope.spawn(|| offer(&sequencer, crowd, pace))).collect();
            for thread in offering {
                let (at_once, pending, times) = thread.join().unwrap();
                count += at_once;
                let_in.extend(pending);
                sent_away.extend(times);
            }
        });
        // Whoever was let in has an answer that stands in the ledger: accepted, or refused by a rule.
        count += let_in.len();
        for pending in let_in {
            assert!(pending.wait().is_ok(), "left without an answer");
        }
        rounds.push((peak, count as f64 / began.elapsed().as_secs_f64()));
        answered += count;
        refusals.extend(sent_away);
    }
    sequencer.shutdown();
    report.add(Figure::of_rounds(
        format!("(s) {name}: answered in a storm, of the peak in peace"),
        "1/s",
        &rounds,
        Some(Goal::RatioAtLeast(0.9)),
    ));
    report.note(format!("(s) {name}: {offered} bids offered, {answered} let in, every one of these answered"));
    if refusals.is_empty() {
        report.note(format!("(s) {name}: nobody was refused: the storm was too small for the queue"));
        return;
    }
    let slowest = quantile(refusals, 0.99).as_secs_f64() * 1e3;
    report.add(Figure::alone(format!("(s) {name}: «busy» within, p99"), "ms", slowest, Some(Goal::AtMost(50.0))));
}

/// Each bidder waits for its answer before it bids again.
fn in_peace(sequencer: &Sequencer, bids: Vec<Vec<Submission>>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(common::cores()).build().unwrap();
    let bidder = |bids: Vec<Submission>| {
        let sequencer = sequencer.clone();
        async move {
            for bid in bids {
                sequencer.submit(bid).await.unwrap();
            }
        }
    };
    let bidders: Vec<_> = bids.into_iter().map(|bids| runtime.spawn(bidder(bids))).collect();
    runtime.block_on(futures_util::future::join_all(bidders)).into_iter().for_each(Result::unwrap);
}

/// Offers `pace` bids a tick without waiting for anything. How many were answered at once, who else was let in, and how long each of the others waited for «busy».
fn offer(sequencer: &Sequencer, bids: Vec<Submission>, pace: usize) -> (usize, Vec<Pending>, Vec<Duration>) {
    let (mut answered, mut let_in, mut sent_away) = (0, Vec::new(), Vec::new());
    let (began, mut ticks) = (Instant::now(), 0);
    let mut bids = bids.into_iter().peekable();
    while bids.peek().is_some() {
        for bid in bids.by_ref().take(pace) {
            let asked = Instant::now();
            let mut pending = sequencer.submit(bid);
            match (&mut pending).now_or_never() {
                Some(Err(refusal)) => {
                    assert_eq!(refusal.code, Code::Busy);
                    sent_away.push(asked.elapsed());
                }
                Some(Ok(_)) => answered += 1,
                None => let_in.push(pending),
            }
        }
        ticks += 1;
        std::thread::sleep((EVERY * ticks).saturating_sub(began.elapsed()));
    }
    (answered, let_in, sent_away)
}

//! As many seeds of the deterministic simulation as one likes, on all cores or some:
//! `cargo bench --bench simulate -- --seeds 100000 [--from 0] [--jobs 2]`.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss, clippy::float_arithmetic)]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use clap::Parser;
use mingjian::sim::trial::{Report, run};

#[derive(Parser)]
struct Args {
    /// How many seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first one.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Threads; each plays seeds of its own.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let (next, began) = (AtomicU64::new(args.from), Instant::now());
    let (total, failures) = (Mutex::new(Report::default()), Mutex::new(0_u64));
    std::thread::scope(|scope| {
        for _ in 0..args.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Relaxed);
                    if seed - args.from >= args.seeds {
                        return;
                    }
                    match run(seed) {
                        Ok(report) => total.lock().unwrap().add(&report),
                        Err(violation) => {
                            println!("{violation}\nplay it again: SIMULATION_SEED={seed} cargo test --test simulation");
                            *failures.lock().unwrap() += 1;
                        }
                    }
                    let done = seed + 1 - args.from;
                    if done.is_multiple_of(5_000) {
                        println!("{done} seeds, {:.0} s", began.elapsed().as_secs_f64());
                    }
                }
            });
        }
    });
    let (from, to, seconds) = (args.from, args.from + args.seeds, began.elapsed().as_secs_f64());
    println!("seeds {from}..{to} in {seconds:.0} s, {:.1} ms each", seconds * 1e3 / args.seeds.max(1) as f64);
    for (what, count) in total.into_inner().unwrap().met() {
        println!("{count:>12} {what}");
    }
    let failures = failures.into_inner().unwrap();
    println!("{failures:>12} violations");
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

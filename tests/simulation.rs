//! A slice of the deterministic simulation: the same seeds each time, and fresh ones. Each failure prints the command that
//! plays it again; docs/simulation.md tells what is simulated, and how to run a hundred thousand seeds.
//!
//! `SIMULATION_SEED` plays one seed; `SIMULATION_SECONDS` (8) is how long fresh seeds are played.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mingjian::sim::trial::{Report, Weakness, run, run_on};

const FIXED: u64 = 100;
/// Each broken promise of the disk is found out by one of so many seeds; docs/simulation.md has the numbers.
const CAUGHT_MAX: u64 = 300;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: not a number")))
}

fn play(seed: u64, total: &mut Report) {
    match run(seed) {
        Ok(report) => total.add(&report),
        Err(violation) => {
            panic!("{violation}\nplay it again: SIMULATION_SEED={seed} cargo test --test simulation")
        }
    }
}

#[test]
fn what_was_said_holds_whatever_fails() {
    let mut total = Report::default();
    if let Some(seed) = setting("SIMULATION_SEED") {
        play(seed, &mut total);
        return println!("{total:#?}");
    }
    (0..FIXED).for_each(|seed| play(seed, &mut total));
    // What no trial ever met, none has tested.
    for (what, count) in total.met() {
        assert!(count > 0, "no trial met: {what}");
    }
    let first = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap();
    let until = Instant::now() + Duration::from_secs(setting("SIMULATION_SECONDS").unwrap_or(8));
    let mut fresh = 0;
    while Instant::now() < until {
        play(first + fresh, &mut total);
        fresh += 1;
    }
    println!("seeds 0..{FIXED} and {first}..{}: {total:#?}", first + fresh);
}

#[test]
fn a_seed_plays_the_same_twice() {
    for seed in 1_000..1_010 {
        assert_eq!(run(seed), run(seed));
    }
}

/// A checker that finds nothing wrong with a bad disk would find nothing wrong with a bad writer.
#[test]
fn a_disk_that_breaks_its_word_is_found_out() {
    for weakness in Weakness::ALL {
        let caught = (0..CAUGHT_MAX).find_map(|seed| run_on(seed, Some(weakness)).err());
        let violation = caught.unwrap_or_else(|| panic!("{weakness:?}: nobody noticed in {CAUGHT_MAX} seeds"));
        println!("{weakness:?}: {violation}");
    }
}

//! What the benchmarks share: rounds that alternate with their baseline, the table, and a hall full of bidders.

pub mod http;

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use mingjian::base::{Micros, Span};
use mingjian::ledger::Nonce;
use mingjian::sequencer::{Clock as _, Sequencer, Submission};
use mingjian::sim::{Bidder, Hall, HallRules, World};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What a figure must reach.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// Of the baseline.
    RatioAtLeast(f64),
    /// Of the baseline.
    RatioAtMost(f64),
    /// In the figure's own unit.
    AtMost(f64),
}

impl Goal {
    fn is_reached(self, figure: &Figure) -> bool {
        match self {
            Self::RatioAtLeast(least) => figure.ratio().is_some_and(|ratio| ratio >= least),
            Self::RatioAtMost(most) => figure.ratio().is_some_and(|ratio| ratio <= most),
            Self::AtMost(most) => figure.value <= most,
        }
    }

    fn text(self) -> String {
        match self {
            Self::RatioAtLeast(least) => format!("≥ {least}"),
            Self::RatioAtMost(most) | Self::AtMost(most) => format!("≤ {most}"),
        }
    }
}

/// One line of the table.
#[derive(Debug)]
pub struct Figure {
    name: String,
    unit: &'static str,
    value: f64,
    /// What the value is divided by, and the median of the rounds' quotients.
    baseline: Option<(f64, f64)>,
    goal: Option<Goal>,
}

impl Figure {
    /// A figure on its own.
    pub fn alone(name: impl Into<String>, unit: &'static str, value: f64, goal: Option<Goal>) -> Self {
        Self { name: name.into(), unit, value, baseline: None, goal }
    }

    /// Medians of rounds of (baseline, ours). The ratio is the median of the rounds' own ratios: what a neighbour on the
    /// machine does for a while falls on both sides of it.
    pub fn of_rounds(name: impl Into<String>, unit: &'static str, rounds: &[(f64, f64)], goal: Option<Goal>) -> Self {
        let of = |pick: fn(&(f64, f64)) -> f64| median(rounds.iter().map(pick).collect());
        let baseline = Some((of(|round| round.0), of(|round| round.1 / round.0)));
        Self { name: name.into(), unit, value: of(|round| round.1), baseline, goal }
    }

    fn ratio(&self) -> Option<f64> {
        self.baseline.map(|(_, ratio)| ratio)
    }
}

/// Figures and remarks of one run.
#[derive(Debug, Default)]
pub struct Report {
    figures: Vec<Figure>,
    notes: Vec<String>,
}

impl Report {
    pub fn add(&mut self, figure: Figure) {
        eprintln!("  {}: {:.0} {}{}", figure.name, figure.value, figure.unit, ratio_text(&figure));
        self.figures.push(figure);
    }

    pub fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        eprintln!("  {note}");
        self.notes.push(note);
    }

    /// To standard output, as a table or for machines.
    pub fn print(&self, as_json: bool) {
        if as_json {
            println!("{}", serde_json::to_string_pretty(&self.to_json()).unwrap());
            return;
        }
        println!("{:<58} {:>11} {:>11} {:>7} {:>7}  goal", "", "ours", "baseline", "ratio", "goal");
        for figure in &self.figures {
            let (baseline, ratio) = match figure.baseline {
                Some((baseline, ratio)) => (number(baseline), format!("{ratio:.2}")),
                None => ("–".into(), "–".into()),
            };
            let (goal, reached) = match figure.goal {
                Some(goal) => (goal.text(), if goal.is_reached(figure) { "reached" } else { "NOT REACHED" }),
                None => ("–".into(), ""),
            };
            let name = format!("{} [{}]", figure.name, figure.unit);
            println!("{name:<58} {:>11} {baseline:>11} {ratio:>7} {goal:>7}  {reached}", number(figure.value));
        }
        for note in &self.notes {
            println!("  {note}");
        }
    }

    fn to_json(&self) -> Value {
        let figure = |figure: &Figure| {
            json!({
                "name": figure.name,
                "unit": figure.unit,
                "ours": figure.value,
                "baseline": figure.baseline.map(|(baseline, _)| baseline),
                "ratio": figure.ratio(),
                "goal": figure.goal.map(Goal::text),
                "reached": figure.goal.map(|goal| goal.is_reached(figure)),
            })
        };
        json!({ "figures": self.figures.iter().map(figure).collect::<Vec<_>>(), "notes": self.notes })
    }
}

fn ratio_text(figure: &Figure) -> String {
    figure.ratio().map(|ratio| format!(", {ratio:.2} of the baseline")).unwrap_or_default()
}

fn number(value: f64) -> String {
    if value < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The value below which `share` of them lie.
pub fn quantile(mut values: Vec<Duration>, share: f64) -> Duration {
    values.sort_unstable();
    values[((values.len() - 1) as f64 * share) as usize]
}

pub fn cores() -> usize {
    std::thread::available_parallelism().unwrap().get()
}

/// How many a second `work` does of `count`.
pub fn rate(count: usize, work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    count as f64 / started.elapsed().as_secs_f64()
}

/// The processor time that this process has used so far, in clock ticks of 10 ms.
pub fn processor_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which may hold anything: the fields from the third on; user and system time are the 14th and 15th.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    fields.iter().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

/// A directory beside the build's own files, hence on a disk rather than in memory; `BENCH_DIR` names another place.
pub fn directory() -> TempDir {
    let root = std::env::var_os("BENCH_DIR").unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    std::fs::create_dir_all(&root).unwrap();
    tempfile::tempdir_in(root).unwrap()
}

pub fn append_to(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

/// How long an fdatasync takes after four appended kilobytes.
pub fn fdatasyncs(directory: &Path, count: usize) -> Vec<Duration> {
    let path = directory.join("fdatasync");
    let mut file = append_to(&path);
    let one = |_| {
        file.write_all(&[7; 4_096]).unwrap();
        let started = Instant::now();
        file.sync_data().unwrap();
        started.elapsed()
    };
    let times = (0..count).map(one).collect();
    std::fs::remove_file(path).unwrap();
    times
}

/// Lots in their free period, each with its bidders; the world's clock then stands still.
pub fn halls(world: &World, sequencer: &Sequencer, count: usize) -> Vec<Hall> {
    let rules = HallRules { bidders: 2, free: Span::days(300), ..HallRules::default() };
    let halls: Vec<Hall> = (0..count).map(|_| Hall::announce(world, sequencer, rules).unwrap()).collect();
    let last = halls.iter().map(|hall| hall.opens).max().unwrap();
    world.go_to(sequencer, last).unwrap();
    halls
}

/// A lot whose two bidders outbid each other, step by step: every bid is a valid one.
pub struct Duel {
    pub hall: Hall,
    steps: i64,
}

impl Duel {
    pub fn new(hall: Hall) -> Self {
        Self { hall, steps: 0 }
    }

    /// The next bid; `sign` makes it from bidder, steps, time and nonce.
    pub fn next<T>(&mut self, world: &World, sign: impl FnOnce(&Hall, &Bidder, i64, Micros, Nonce) -> T) -> T {
        let now = world.clock.now();
        let bidder = &self.hall.bidders[self.steps as usize % 2];
        self.steps += 1;
        // As if a millisecond passed between the bids of a lot: nonces grow, as they do with real clients.
        let nonce = Nonce::new(now.plus(Span::micros(self.steps.unsigned_abs() * 1_000)), world.entropy.bytes());
        sign(&self.hall, bidder, self.steps, now, nonce)
    }

    pub fn bids(&mut self, world: &World, count: usize) -> Vec<Submission> {
        (0..count).map(|_| self.next(world, Hall::bid)).collect()
    }
}

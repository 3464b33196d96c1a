//! `mingjian simulate`: a whole year of trade, through the real engine and the real sequencer, into a fresh data
//! directory.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Outcome;
use super::output::say;
use crate::base::{Entropy, Fen, Micros};
use crate::demo::drive::{SequencerStage, ToldClock};
use crate::demo::seed::{DerivedEntropy, Secrets};
use crate::demo::year::PlanError;
use crate::demo::{self, Brief, DemoError, Progress, Report, Year};
use crate::identity::KeyFileError;
use crate::identity::{ServerKeys, SystemEntropy};
use crate::ledger::{Origin, SeedSigner};
use crate::sequencer::{Clock as _, Options, Sequencer, StartError, SystemClock};
use crate::store::{DataDir, SqliteJournal, StoreError};

/// Play a whole year of the invented city 明江市 into a fresh ledger
///
/// Drives every project from its notice to its archive through the real engine and the real sequencer, with a clock that
/// is told. The awards of 731 projects add up to exactly 9,877,000,000.00 yuan; other numbers in proportion. Some lots are
/// still going on when the year ends, and `mingjian serve` goes on from there.
#[derive(Debug, clap::Args)]
pub struct Simulate {
    /// Completed projects; some 32 more are still going on at the end
    #[arg(long, value_name = "N", default_value_t = 731, value_parser = clap::value_parser!(u16).range(1..=5_000))]
    pub projects: u16,
    /// The same seed tells the same year, up to keys and salts
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Data directory; must not hold this ledger yet
    #[arg(long, value_name = "DIR", env = "MINGJIAN_DATA", default_value = "data")]
    pub data: PathBuf,
    /// So many auctions more that open together a minute later and take a bid a second each: a load for the supervision
    /// floor
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=200))]
    pub rush: u16,
    /// Name of the ledger in the data directory
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub ledger: String,
    /// Origin of the ledger: a schemeless URL, fixed for ever
    #[arg(long, value_name = "ORIGIN", env = "MINGJIAN_ORIGIN", default_value = "ledger.mingjiang.example/trade")]
    pub origin: String,
    /// Derive keys, nonces and salts from the seed too: the same bytes every time. Anyone can guess such keys
    #[arg(long)]
    pub fixed_keys: bool,
    /// End of the year, such as 2026-11-23T04:05:06Z; now by default
    #[arg(long, value_name = "RFC3339", value_parser = parse_time)]
    pub until: Option<Micros>,
}

/// Why there is no year in the data directory now.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    #[error("--origin: {0:?} is not a schemeless URL such as ledger.example/trade")]
    Origin(String),
    #[error("--until: {0} lies in the future; a ledger cannot begin with what has not happened yet")]
    Future(Micros),
    #[error("{path} holds a ledger already; choose a fresh --data directory", path = .0.display())]
    NotFresh(PathBuf),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Demo(#[from] DemoError),
    #[error("cannot keep the demonstration's secrets: {0}")]
    Keep(std::io::Error),
}

impl Simulate {
    /// Plays the year and prints what was played.
    pub(super) fn run(&self, json: bool) -> Outcome {
        let bar = self.bar(json);
        let report = self.play(&mut |progress| show(&bar, progress))?;
        bar.finish_and_clear();
        if json {
            say(&serde_json::json!(report).to_string());
        } else {
            print(&report);
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Plays the year into the data directory.
    pub fn play(&self, progress: &mut dyn FnMut(Progress)) -> Result<Report, SimulateError> {
        let origin = Origin::new(&self.origin).map_err(|_| SimulateError::Origin(self.origin.clone()))?;
        let now = SystemClock.now();
        let until = self.until.unwrap_or(now);
        if until > now {
            return Err(SimulateError::Future(until));
        }
        let dir = DataDir::open(&self.data)?;
        let path = dir.ledger_path(&self.ledger)?;
        if path.exists() {
            return Err(SimulateError::NotFresh(path));
        }
        let (secrets, entropy) = self.secrets();
        let keys = ServerKeys::load_or_create(&dir.keys_path(), &*entropy)?;
        let (projects, rush) = (self.projects.into(), self.rush.into());
        let brief = Brief { seed: self.seed, projects, rush, until, secrets, origin: origin.clone() };
        let year = Year::plan(brief)?;
        demo::keep::store(&dir.keys_path(), &year.brief).map_err(SimulateError::Keep)?;

        let clock = ToldClock::new(year.from);
        let sequencer = Sequencer::start(
            Box::new(SqliteJournal::open(&path)?),
            Box::new(SeedSigner::new(keys.log_seed())),
            clock.clone(),
            entropy,
            Vec::new(),
            Options::new(origin, demo::settings()?),
        )?;
        let mut stage = SequencerStage::new(sequencer.clone(), Arc::clone(&clock));
        let report = demo::drive(&year, &mut stage, progress)?;
        if self.until.is_none() {
            // The platform is known to be alive until now: a server that starts at once sees no outage.
            clock.let_go();
        }
        sequencer.shutdown();
        Ok(report)
    }

    fn secrets(&self) -> (Secrets, Arc<dyn Entropy>) {
        if self.fixed_keys {
            let secrets = Secrets::fixed(self.seed);
            let entropy = DerivedEntropy::new(&secrets);
            return (secrets, Arc::new(entropy));
        }
        let entropy = SystemEntropy::new();
        (Secrets::fresh(&entropy), Arc::new(entropy))
    }

    fn bar(&self, json: bool) -> ProgressBar {
        let target = if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(self.projects.into()), target);
        // The template is ours; were it wrong, the bar would keep its plain look.
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len} projects · {msg} · {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}

fn show(bar: &ProgressBar, progress: Progress) {
    let day = progress.at.china_date().map(|day| day.to_string()).unwrap_or_default();
    bar.set_position(u64::try_from(progress.projects).unwrap_or(0));
    bar.set_message(format!("{day} · {} entries", progress.entries));
}

fn print(report: &Report) {
    say(&format!("{} projects completed, {} still going on, {} lots", report.projects, report.going_on, report.lots));
    for (category, (awards, sum)) in &report.categories {
        say(&format!("  {} {:>5} awards {:>24} yuan", category.letter(), awards, yuan(*sum)));
    }
    say(&format!("  awards add up to {:>23} yuan", yuan(report.awarded)));
    say(&format!("{} lots failed, {} terminated", report.failed, report.terminated));
    say(&format!("{} bids accepted, {} refused", report.bids_accepted, report.bids_refused));
    say(&format!("{} commands, {} entries in the ledger", report.commands, report.entries));
}

/// `9,877,000,000.00`
fn yuan(amount: Fen) -> String {
    let digits = (amount.get() / 100).to_string();
    let groups: Vec<String> = digits.as_bytes().rchunks(3).rev().map(|g| String::from_utf8_lossy(g).into()).collect();
    format!("{}.{:02}", groups.join(","), amount.get() % 100)
}

/// RFC 3339 in UTC, with or without a fraction of the second.
fn parse_time(text: &str) -> Result<Micros, String> {
    let (whole, fraction) = text.trim_end_matches('Z').split_once('.').unwrap_or((text.trim_end_matches('Z'), ""));
    let full = format!("{whole}.{fraction:0<6}Z");
    if !text.ends_with('Z') {
        return Err("give the time in UTC, with Z at its end".into());
    }
    full.parse().map_err(|_| format!("{text:?} is not a time such as 2026-11-23T04:05:06Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_times_for_people() {
        assert_eq!(yuan(Fen::new(987_700_000_000).unwrap()), "9,877,000,000.00");
        assert_eq!(yuan(Fen::new(5).unwrap()), "0.05");
        let time = parse_time("2026-11-23T04:05:06Z").unwrap();
        assert_eq!(time.to_string(), "2026-11-23T04:05:06.000000Z");
        assert_eq!(parse_time("2026-11-23T04:05:06.5Z").unwrap().to_string(), "2026-11-23T04:05:06.500000Z");
        assert!(parse_time("2026-11-23T04:05:06+08:00").is_err());
        assert!(parse_time("yesterday").is_err());
    }
}

//! `mingjian rebuild`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args as ClapArgs;
use indicatif::{ProgressBar, ProgressStyle};

use super::Outcome;
use super::output::say;
use super::sources::shared;
use crate::desk::rebuild;
use crate::sequencer::LedgerReader;
use crate::store::reader::SqliteReader;
use crate::store::{DataDir, Platform};

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Data directory of a platform that is not running. Without it: the database that the settings name
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Ledger of the database
    #[arg(long, default_value = super::open::LEDGER, conflicts_with = "data")]
    ledger: String,
}

pub fn run(config: Option<&Path>, args: &Args, json: bool) -> Outcome {
    let Some(data) = &args.data else {
        let postgres = shared(config)?;
        let reader = postgres.reader(&args.ledger)?;
        one(&args.ledger, &reader, &Platform::shared(postgres), json)?;
        return Ok(ExitCode::SUCCESS);
    };
    let dir = Arc::new(DataDir::open(data)?);
    let platform = Platform::open(Arc::clone(&dir))?;
    for name in dir.ledgers()? {
        one(&name, &SqliteReader::open(&dir.ledger_path(&name)?)?, &platform, json)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn one(name: &str, reader: &dyn LedgerReader, platform: &Platform, json: bool) -> Result<(), Box<dyn Error>> {
    let bar = ProgressBar::new(reader.size()?);
    bar.set_style(ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} entries")?);
    bar.set_prefix(name.to_owned());
    let entries = rebuild(name, reader, platform, |done| bar.set_position(done))?;
    bar.finish_and_clear();
    if json {
        say(&serde_json::json!({ "ledger": name, "entries": entries }).to_string());
    } else {
        say(&format!("{name}: query tables rebuilt from {entries} entries"));
    }
    Ok(())
}

//! `mingjian rebuild`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args as ClapArgs;
use indicatif::{ProgressBar, ProgressStyle};

use super::Outcome;
use super::output::say;
use crate::desk::rebuild;
use crate::sequencer::LedgerReader as _;
use crate::store::reader::SqliteReader;
use crate::store::{DataDir, Platform};

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Data directory of a platform that is not running
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

pub fn run(args: &Args, json: bool) -> Outcome {
    let dir = Arc::new(DataDir::open(&args.data)?);
    let platform = Platform::open(Arc::clone(&dir))?;
    for name in dir.ledgers()? {
        let reader = SqliteReader::open(&dir.ledger_path(&name)?)?;
        let bar = ProgressBar::new(reader.size()?);
        bar.set_style(ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} entries")?);
        bar.set_prefix(name.clone());
        let entries = rebuild(&name, &reader, &platform, |done| bar.set_position(done))?;
        bar.finish_and_clear();
        if json {
            say(&serde_json::json!({ "ledger": name, "entries": entries }).to_string());
        } else {
            say(&format!("{name}: query tables rebuilt from {entries} entries"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

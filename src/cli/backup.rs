//! `mingjian backup`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;

use super::Outcome;
use super::output::say;
use crate::sequencer::{Clock as _, LedgerReader as _, SystemClock};
use crate::store::reader::SqliteReader;
use crate::store::{DataDir, backup};

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
The keys are not part of it: keep a copy of the directory keys/ apart from the backups, or whoever finds one can sign.
Files of evidence (evidence/) are never altered once written: copy them with any tool.

Example:
  mingjian backup --data /var/lib/mingjian --out /backup/mingjian-$(date +%F-%H%M)")]
pub struct Args {
    /// Data directory; a server may be running on it
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Directory to make for the copy; it must not exist yet
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub fn run(args: &Args, json: bool) -> Outcome {
    let dir = DataDir::open_read_only(&args.data)?;
    let manifest = backup::back_up(&dir, &args.out, SystemClock.now())?;
    if json {
        say(&serde_json::to_string(&manifest)?);
        return Ok(ExitCode::SUCCESS);
    }
    let copy = DataDir::open_read_only(&args.out)?;
    for name in copy.ledgers()? {
        let size = SqliteReader::open(&copy.ledger_path(&name)?)?.size()?;
        say(&format!("{}: ledger {name} with {size} entries", args.out.display()));
    }
    say("keys are not part of a backup; keep them apart from it");
    Ok(ExitCode::SUCCESS)
}

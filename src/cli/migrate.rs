//! `mingjian migrate`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args as ClapArgs;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::Outcome;
use super::output::say;
use crate::base::limits::POSTGRES_CONNECTIONS_MAX;
use crate::config;
use crate::desk::{Stored, Threads};
use crate::review::{Language, Options, Trust, verify};
use crate::sequencer::{Clock as _, SystemClock};
use crate::store::migrate::{migrate, prepare};
use crate::store::{DataDir, Postgres};

#[derive(Debug, ClapArgs, Serialize)]
#[command(after_help = "\
The database stands in the settings as database.url (and database.owner_url), and must be fresh. Every row is read back and
compared, and the ledger is checked as `verify` does, before the new installation counts. Afterwards the data directory is
served no more; its keys/ is what each node needs a copy of.")]
pub struct Args {
    /// Data directory of an installation that is not running
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Leave out the signatures of bids and the replay of the rules: bytes, chain and tree are checked all the same
    #[arg(long)]
    #[serde(skip)]
    quick: bool,
}

pub fn run(config: Option<&Path>, args: &Args, json: bool) -> Outcome {
    let settings = config::load(config, args)?;
    let url = settings.database.url.ok_or("database.url: name the database to move to, in the settings")?.0;
    let owner_url = settings.database.owner_url.map(|url| url.0);
    let dir = Arc::new(DataDir::open(&args.data)?);
    prepare(Arc::clone(&dir))?;
    let postgres = Postgres::open(&url, owner_url.as_deref(), POSTGRES_CONNECTIONS_MAX)?;
    let bar = ProgressBar::no_length();
    bar.set_style(ProgressStyle::with_template("{spinner} {prefix}: {pos} rows, {per_sec}")?);
    let copied = migrate(&dir, owner_url.as_deref().unwrap_or(&url), SystemClock.now(), |table, rows| {
        bar.set_prefix(table.to_owned());
        bar.set_position(rows);
    })?;
    bar.finish_and_clear();
    let mut held = true;
    let options = Options { signatures: !args.quick, replay: !args.quick };
    for name in dir.ledgers()? {
        let trust = Trust::default();
        let report = verify(&mut Stored::whole(&postgres.reader(&name)?), &trust, options, &Threads, |_, _| ())
            .map_err(|error| format!("ledger {name}: {error}"))?;
        held &= report.exit_code() == 0;
        if json {
            say(&serde_json::json!({ "ledger": name, "copied": copied, "report": report }).to_string());
        } else {
            say(&format!("{name}\n{}", report.to_text(Language::En).trim_end()));
        }
    }
    if !json {
        let rows: u64 = copied.iter().map(|copied| copied.rows).sum();
        say(&format!("moved {rows} rows, compared byte for byte; {} is served no more", args.data.display()));
    }
    Ok(ExitCode::from(u8::from(!held)))
}

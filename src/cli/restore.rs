//! `mingjian restore`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args as ClapArgs;

use super::Outcome;
use super::output::say;
use crate::desk::{Stored, Threads};
use crate::identity::ServerKeys;
use crate::review::{Language, Options, Trust, verify};
use crate::sequencer::{Clock as _, SystemClock};
use crate::store::backup::Restored;
use crate::store::reader::SqliteReader;
use crate::store::{DataDir, Platform, backup};

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Afterwards: put the keys back (keys/server.json, mode 0600), fetch the newest checkpoint that anybody holds (witnesses,
mirrors, people who watched), and start with
  mingjian serve --data DIR --newest-checkpoint FILE
Until then nothing is signed: an old copy that went on would show the world two different pasts.")]
pub struct Args {
    /// The backup: a directory that `mingjian backup` wrote
    #[arg(long, value_name = "DIR", required_unless_present = "mark")]
    from: Option<PathBuf>,
    /// Data directory to make; it must not hold an installation
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Leave out the replay of the rules and the signatures of bids: hashes, chain and tree are checked all the same
    #[arg(long)]
    quick: bool,
    /// Copy nothing: only mark the data directory, because its database was set back by other means
    #[arg(long, conflicts_with_all = ["from", "quick"])]
    mark: bool,
}

pub fn run(args: &Args, json: bool) -> Outcome {
    let dir = Arc::new(DataDir::open(&args.data)?);
    let now = SystemClock.now();
    let Some(from) = &args.from else {
        backup::mark(&dir, &Restored { backup_made_at: now, restored_at: now, shown: None })?;
        say("marked as restored: it is not served before --newest-checkpoint was shown");
        return Ok(ExitCode::SUCCESS);
    };
    let manifest = backup::restore(from, &dir, now)?;
    backup::forget_views(&dir, &Platform::open(Arc::clone(&dir))?)?;
    let options = Options { signatures: !args.quick, replay: !args.quick };
    let mut held = true;
    for name in dir.ledgers()? {
        let stored = SqliteReader::open(&dir.ledger_path(&name)?)?;
        let mut source = Stored::whole(&stored);
        let trust = Trust::default();
        let report = verify(&mut source, &trust, options, &Threads, |_, _| ())
            .map_err(|error| format!("ledger {name}: {error}"))?;
        held &= report.exit_code() == 0;
        if json {
            say(&serde_json::json!({ "ledger": name, "made_at": manifest.made_at, "report": report }).to_string());
        } else {
            say(&format!("{name}\n{}", report.to_text(Language::En).trim_end()));
        }
    }
    if !held {
        say("the restored ledger does not hold: take another backup");
        return Ok(ExitCode::from(1));
    }
    if !json {
        say(&format!("restored, as of {}; not served before --newest-checkpoint was shown", manifest.made_at));
        if !ServerKeys::exist(&dir.keys_path()) {
            say(&format!("the keys are missing: put server.json back into {}", dir.keys_path().display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

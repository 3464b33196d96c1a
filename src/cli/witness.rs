//! `mingjian witness`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::web::Data;
use clap::Args as ClapArgs;

use super::output::say;
use super::small_server::{Place, bind, by_name, keep_looking};
use super::{Outcome, small_server};
use crate::base::Span;
use crate::base::limits::{WITNESS_LOGS_MAX, WITNESS_STALE_AFTER};
use crate::config::LogSettings;
use crate::http::witness::{Title, app};
use crate::identity::{SystemEntropy, key_file};
use crate::ledger::PolicyText;
use crate::sequencer::SystemClock;
use crate::store::{DataDir, WitnessBook};
use crate::telemetry;
use crate::witness::{Log, Watch, Witness};

/// Cosign the checkpoints of ledgers (C2SP tlog-witness), watch them, raise alarms: for a supervisory agency, on a machine
/// of its own.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// A log to cosign: its verifier key and, to have it watched, the URL below which it serves `/checkpoint`. May be given
    /// several times; several keys of one name are one log
    #[arg(long = "log", value_name = "KEY [URL]")]
    logs: Vec<String>,
    /// A file with `log <key> [<url>]` lines and a quorum line (C2SP tlog-policy)
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Seconds without anything sound from a log until that is an alarm
    #[arg(long, value_name = "SECONDS", default_value_t = WITNESS_STALE_AFTER.get() / 1_000_000)]
    stale_after: u64,
    /// Print the verifier key and exit
    #[arg(long)]
    show_key: bool,
}

const EXAMPLES: &str = "\
Example:
  mingjian witness --data w1 --name supervision.mingjiang.example/witness --title 行政监督局 \\
      --log 'ledger.mingjiang.example/trade+1a2b3c4d+Ae… https://trade.mingjiang.example/ledger/main'";

pub fn run(args: &Args, json: bool) -> Outcome {
    telemetry::start(&LogSettings::default())?;
    let setup = Setup {
        data: args.place.data.clone(),
        name: args.place.name.clone(),
        title: args.place.title(),
        logs: logs(args)?,
        stale_after: Span::secs(args.stale_after),
    };
    let (dir, watch) = setup.open()?;
    let key = watch.witness().key().to_string();
    if args.show_key {
        say(&if json { serde_json::json!({ "verifier_key": key }).to_string() } else { key });
        return Ok(ExitCode::SUCCESS);
    }
    let _held_until_the_end = dir;
    small_server::run(|| {
        let (address, server) = serve(&watch, &setup.title, args.listen)?;
        say(&format!("witness {key}\nserving on http://{address}"));
        spawn_watch(&watch, args.place.look_every())?;
        Ok(server)
    })
}

/// What makes one witness differ from another.
pub struct Setup {
    pub data: PathBuf,
    pub name: String,
    pub title: String,
    pub logs: Vec<Log>,
    pub stale_after: Span,
}

impl Setup {
    /// Takes the directory's lock, reads or makes the key, opens the book.
    pub fn open(&self) -> Result<(DataDir, Arc<Watch>), Box<dyn std::error::Error>> {
        let dir = DataDir::open(&self.data)?;
        let signer = key_file::signer_of(&dir.keys_path().join("witness.key"), &SystemEntropy::new())?;
        let book = WitnessBook::open(&dir.path().join("witness.sqlite"))?;
        let logs = self.logs.clone();
        let witness = Witness::new(&self.name, Box::new(signer), logs, Arc::new(book), Arc::new(SystemClock))?;
        Ok((dir, Arc::new(Watch::new(Arc::new(witness), self.stale_after))))
    }
}

/// The witness's server; its address, for a port that the system chose. One worker: whoever hands in checkpoints comes once a
/// second.
pub fn serve(watch: &Arc<Watch>, title: &str, listen: SocketAddr) -> Result<(SocketAddr, Server), String> {
    let (watch, title) = (Data::from(Arc::clone(watch)), Data::new(Title(title.to_owned())));
    bind(move || app(watch.clone(), title.clone()), 1, listen)
}

/// Looks at the logs again and again.
pub fn spawn_watch(watch: &Arc<Watch>, every: Duration) -> std::io::Result<()> {
    keep_looking(watch, every, Watch::look_around)
}

fn logs(args: &Args) -> Result<Vec<Log>, Box<dyn std::error::Error>> {
    let given = args.logs.join("\nlog ");
    let text = if given.is_empty() { "quorum none\n".to_owned() } else { format!("log {given}\nquorum none\n") };
    let mut lines = text.parse::<PolicyText>()?.logs;
    if let Some(path) = &args.policy {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        lines.extend(text.parse::<PolicyText>()?.logs);
    }
    let logs = by_name(lines);
    match logs.len() {
        0 if !args.show_key => Err("no log to cosign: give --log or --policy".into()),
        0..=WITNESS_LOGS_MAX => Ok(logs),
        _ => Err(format!("at most {WITNESS_LOGS_MAX} logs").into()),
    }
}

//! `mingjian record`: a recorder in a process of its own. It opens neither ledger nor tables, which have one owner: it asks a
//! server what to record and has it write what was recorded. The server may restart, and so may this; footage waits on disk.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args as ClapArgs;
use serde::Serialize;

use super::Outcome;
use super::open::{footage_store, notes};
use super::output::say;
use super::serve::wait_for_signal;
use crate::base::Entropy;
use crate::config;
use crate::evidence::{Equipment, Monitor, Recorder, Remote};
use crate::identity::SystemEntropy;
use crate::sequencer::SystemClock;
use crate::telemetry;

#[derive(Debug, ClapArgs, Serialize)]
pub struct Args {
    /// Directory of the recorder's notes, and of footage unless `evidence.media` or `evidence.s3` says where [default: data]
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<PathBuf>,
    /// The server that it records for: `https://host`, or `http://` on this machine
    #[arg(long, value_name = "URL")]
    #[serde(skip)]
    server: Option<String>,
    /// The recorder's name in the ledger [default: main]
    #[arg(long, value_name = "NAME")]
    #[serde(skip)]
    name: Option<String>,
}

pub fn run(config: Option<&Path>, args: &Args) -> Outcome {
    let mut settings = config::load(config, args)?;
    telemetry::start(&settings.log)?;
    let evidence = &mut settings.evidence;
    if let Some(name) = &args.name {
        evidence.name.clone_from(name);
    }
    let server = args.server.clone().or_else(|| evidence.server.clone());
    let server = server.ok_or("--server (or evidence.server): the server to record for")?;
    let token = evidence.token.clone().ok_or(
        "evidence.token (MINGJIAN_EVIDENCE__TOKEN): what `mingjian keys --recorder NAME` prints where the server's keys are",
    )?;
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
    let host = Remote::new(&server, token.0.into())?.keeping(&notes(&settings.data), Arc::clone(&entropy))?;
    let recorder = Recorder::start(Equipment {
        settings: evidence.recorder().map_err(|error| format!("evidence.networks: {error}"))?,
        store: footage_store(evidence, &settings.data)?,
        notes: notes(&settings.data),
        host: Arc::new(host),
        clock: Arc::new(SystemClock),
        entropy,
        monitor: Arc::new(Monitor::default()),
    })?;
    say(&format!("recording for {server} as {}", settings.evidence.name));
    actix_web::rt::System::new().block_on(wait_for_signal())?;
    say("ending: the last segments, and the entry that announces them");
    drop(recorder);
    Ok(ExitCode::SUCCESS)
}

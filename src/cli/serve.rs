//! `mingjian serve`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpServer;
use clap::Args as ClapArgs;
use serde::Serialize;

use super::demo::Demonstration;
use super::open::{LEDGER, Setup, open};
use super::output::say;
use super::{Outcome, continuity};
use crate::base::limits::{CONNECTIONS_MAX, DRAIN_MAX, HEADERS_WAIT_MAX, IDLE_MAX};
use crate::config::{self, Settings};
use crate::engine::calendar::{CityPeriods, Holidays};
use crate::engine::code::CodeFormat;
use crate::engine::event::PlatformConfigured;
use crate::http::app::app;
use crate::http::extract::HttpSettings;
use crate::http::stream::keep_socket;
use crate::sequencer::SystemClock;
use crate::store::DataDir;
use crate::telemetry;

#[derive(Debug, ClapArgs, Serialize)]
pub struct Args {
    /// Data directory: ledgers, platform tables, keys [default: data]
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<PathBuf>,
    /// Address to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<SocketAddr>,
    /// The ledger's origin, a schemeless URL, fixed for ever by the first start
    #[arg(long, value_name = "ORIGIN")]
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    /// The newest checkpoint of this ledger that anybody holds: what a restored installation is shown before it signs on
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    newest_checkpoint: Option<PathBuf>,
    /// Demonstration: accounts of the invented city 明江市 and auctions with simulated bidders. Never on a real platform.
    #[arg(long)]
    #[serde(skip)]
    demo: bool,
}

pub fn run(config: Option<&Path>, args: &Args) -> Outcome {
    let settings = config::load(config, args)?;
    telemetry::start(&settings.log)?;
    actix_web::rt::System::new().block_on(serve(settings, args))
}

async fn serve(settings: Settings, args: &Args) -> Outcome {
    let demo = args.demo;
    let clock = Arc::new(SystemClock);
    let dir = DataDir::open(&settings.data)?;
    let (sources, shown) = (settings.checkpoint_sources.clone(), args.newest_checkpoint.as_deref());
    continuity::check(&dir, &dir.ledger_path(LEDGER)?, &settings.origin, &sources, shown)?;
    let keys = dir.keys_path();
    let setup = Setup { origin: settings.origin.clone(), totp_required: !demo, genesis: genesis() };
    let platform = open(dir, setup, clock)?;
    let sequencer = platform.desk.sequencer.clone();
    let hub = Arc::clone(&platform.hub);
    let url = format!("http://{}", settings.listen);
    let demonstration = if demo { Some(Demonstration::prepare(&platform.desk, &keys, &url)?) } else { None };
    let http = HttpSettings { behind_proxy: settings.behind_proxy, web_origins: web_origins(&settings) };
    let parts = platform.parts(http);
    let server = HttpServer::new(move || app(parts.clone()))
        .on_connect(keep_socket)
        // A viewer that only listens says good-bye by closing its side; waiting on would hold its seat till the next write.
        .h1_allow_half_closed(false)
        .workers(if settings.workers == 0 { std::thread::available_parallelism()?.get() } else { settings.workers })
        .max_connections(CONNECTIONS_MAX)
        .client_request_timeout(Duration::from_micros(HEADERS_WAIT_MAX.get()))
        .keep_alive(Duration::from_micros(IDLE_MAX.get()))
        .shutdown_timeout(DRAIN_MAX.get() / 1_000_000)
        .disable_signals()
        .bind(settings.listen)
        .map_err(|error| format!("listen: cannot use {}: {error}", settings.listen))?
        .run();
    say(&format!("Mingjian 明鉴 is serving on {url}"));
    tracing::info!(listen = %settings.listen, "serving");

    let handle = server.handle();
    let running = actix_web::rt::spawn(server);
    if let Some(demonstration) = demonstration {
        demonstration.play(settings.listen);
    }
    wait_for_signal().await?;
    // Drain: no new viewer, no new request; then the last commit, the last checkpoint, the snapshot.
    say("shutting down: draining connections, then the last commit and checkpoint");
    hub.drain();
    handle.stop(true).await;
    running.await??;
    actix_web::web::block(move || sequencer.shutdown()).await?;
    Ok(ExitCode::SUCCESS)
}

/// Ctrl-C or the service manager's TERM.
async fn wait_for_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

fn web_origins(settings: &Settings) -> Vec<String> {
    if !settings.web_origins.is_empty() {
        return settings.web_origins.clone();
    }
    let port = settings.listen.port();
    let mut origins = vec![format!("http://{}", settings.listen)];
    if settings.listen.ip().is_loopback() {
        origins.push(format!("http://localhost:{port}"));
    }
    origins
}

/// What a fresh ledger starts with.
fn genesis() -> PlatformConfigured {
    PlatformConfigured {
        code_format: CodeFormat::default(),
        holidays: Holidays::default(),
        periods: CityPeriods::default(),
    }
}

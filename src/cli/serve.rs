//! `mingjian serve`.

use std::error::Error;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::Server;
use actix_web::web::Data;
use clap::Args as ClapArgs;
use serde::Serialize;

use super::demo::Demonstration;
use super::open::{LEDGER, Node, Setup, Storage, notes, open_watching};
use super::output::say;
use super::timestamps::Stamping;
use super::{Outcome, continuity, cosigners, demo_cameras, published};
use crate::base::limits::{
    CONNECTIONS_MAX, DRAIN_MAX, HEADERS_WAIT_MAX, IDLE_MAX, NODE_WORKERS, POSTGRES_CONNECTIONS_MAX, SWEEP_EVERY,
};
use crate::config::{self, Settings};
use crate::desk::Desk;
use crate::engine::calendar::{CityPeriods, Holidays};
use crate::engine::code::CodeFormat;
use crate::engine::event::PlatformConfigured;
use crate::evidence::{Equipment, Host, Inside, Keeper, Recorder, Remote};
use crate::http::app::{Parts, app};
use crate::http::extract::HttpSettings;
use crate::http::nodes::Door;
use crate::http::stream::keep_socket;
use crate::identity::SystemEntropy;
use crate::identity::entropy::fresh_id;
use crate::relay::Relay;
use crate::sequencer::{Clock as _, LedgerReader, Status, SystemClock};
use crate::store::{DataDir, Postgres, SqliteReader};
use crate::telemetry;
use crate::witness::timestamp::Authority;

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
    // Bound before the node says where it is reached.
    let inner = TcpListener::bind(settings.node.listen)
        .map_err(|error| format!("node.listen: cannot use {}: {error}", settings.node.listen))?;
    let storage = storage(&settings, inner.local_addr()?)?;
    let (sources, shown) = (&settings.checkpoint_sources, args.newest_checkpoint.as_deref());
    let stored = stored_ledger(&dir, &storage)?;
    continuity::check(&dir, stored.as_deref(), &settings.origin, sources, shown)?;
    let keys = dir.keys_path();
    let cosigners = match &settings.policy {
        Some(path) => Some(cosigners::read(path, settings.policy_wait_seconds)?),
        None if demo => Some(cosigners::demonstrate(&dir, &settings.origin, settings.listen)?),
        None => None,
    };
    let setup = Setup { origin: settings.origin.clone(), totp_required: !demo, genesis: genesis(), cosigners };
    let stamping = stamping(&settings, &dir)?;
    let own_address = match &storage {
        Storage::Embedded => None,
        Storage::Shared(node) => Some(node.address.clone()),
    };
    // Opening waits for the ledger to write, which a thread that drives futures must not.
    let mut cameras = settings.evidence.clone();
    if demo {
        cameras.networks.push(demo_cameras::NETWORK.into());
    }
    let opening = move || open_watching(dir, storage, setup, &cameras, clock);
    let platform = actix_web::web::block(opening).await??;
    published::start(&platform.desk).map_err(|error| error.to_string())?;
    let (sequencer, cosigning) = (platform.desk.sequencer.clone(), platform.desk.cosigning.clone());
    let hub = Arc::clone(&platform.hub);
    let keeper = Keeper::start(Arc::clone(&platform.desk.evidence), sequencer.clone())?;
    let recorder = recorder(&settings, &platform.desk, own_address.is_some())?;
    let url = format!("http://{}", settings.listen);
    if let Some(stamping) = stamping {
        stamping.start(sequencer.clone(), Arc::new(SystemEntropy::new()))?;
    }
    let demonstration = if demo { Some(Demonstration::prepare(&platform.desk, &keys, &url)?) } else { None };
    let http = HttpSettings { behind_proxy: settings.behind_proxy, web_origins: web_origins(&settings) };
    let mut parts = platform.parts(http);
    let desk = parts.desk.clone();
    let nodes = match own_address {
        None => None,
        Some(own_address) => {
            let server = serve_nodes(parts.clone(), inner)?;
            parts.door = Some(Door::public(own_address));
            Some((server.handle(), actix_web::rt::spawn(server)))
        }
    };
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
    actix_web::rt::spawn(sweep(desk));
    let _cameras = demonstration.map(|demonstration| demonstration.play(settings.listen));
    wait_for_signal().await?;
    // Drain: no new viewer, no new request; then the last commit, the last checkpoint, the snapshot.
    say("shutting down: draining connections, then the last commit and checkpoint");
    hub.drain();
    // A recorder's last words are an entry, which a node that follows passes on through its own door.
    actix_web::web::block(move || drop(recorder)).await?;
    handle.stop(true).await;
    running.await??;
    if let Some((handle, running)) = nodes {
        handle.stop(true).await;
        running.await??;
    }
    let ended = move || {
        drop(keeper);
        cosigning.drain();
        sequencer.shutdown();
    };
    actix_web::web::block(ended).await?;
    Ok(ExitCode::SUCCESS)
}

/// Where `settings` say that ledger and platform lie.
fn storage(settings: &Settings, inner: SocketAddr) -> Result<Storage, Box<dyn Error>> {
    let Some(url) = &settings.database.url else { return Ok(Storage::Embedded) };
    let owner_url = settings.database.owner_url.as_ref().map(|url| url.0.as_str());
    let connections = match settings.database.connections {
        0 => POSTGRES_CONNECTIONS_MAX,
        connections => connections,
    };
    let life = fresh_id(&SystemEntropy::new(), SystemClock.now());
    Ok(Storage::Shared(Node {
        postgres: Postgres::open(&url.0, owner_url, connections)?,
        ledger: settings.node.ledger.clone(),
        name: format!("{}/{life}", settings.node.name),
        address: settings.node.address.clone().unwrap_or_else(|| inner.to_string()),
        relay: settings.redis.url.as_ref().map(|url| Relay::new(&url.0)).transpose()?,
    }))
}

/// The recorder of this process, if the settings want one. A node that shares its ledger asks its own door, where requests
/// go on to whichever node writes.
fn recorder(settings: &Settings, desk: &Desk, is_shared: bool) -> Result<Option<Recorder>, Box<dyn Error>> {
    if !settings.evidence.record {
        return Ok(None);
    }
    let evidence = &desk.evidence;
    let host: Arc<dyn Host> = if is_shared {
        let token = desk.identity.recorder_token(&evidence.settings.name).into();
        Arc::new(Remote::on_this_machine(settings.listen, token))
    } else {
        Arc::new(Inside { evidence: Arc::clone(evidence), sequencer: desk.sequencer.clone() })
    };
    let recorder = Recorder::start(Equipment {
        settings: evidence.settings.clone(),
        store: Arc::clone(&evidence.store),
        notes: notes(&settings.data),
        host,
        clock: Arc::clone(&evidence.clock),
        entropy: Arc::clone(&evidence.entropy),
        monitor: Arc::clone(&evidence.monitor),
    })?;
    Ok(Some(recorder))
}

/// Who stamps checkpoints, by the settings.
fn stamping(settings: &Settings, dir: &DataDir) -> Result<Option<Stamping>, Box<dyn Error>> {
    let (Some(url), Some(certificate)) = (&settings.timestamp.url, &settings.timestamp.certificate) else {
        return Ok(None);
    };
    let pem = std::fs::read(certificate).map_err(|error| format!("{}: {error}", certificate.display()))?;
    let every = Duration::from_secs(settings.timestamp.every_seconds.max(1));
    Ok(Some(Stamping { authority: Authority::new(url, &pem)?, every, dir: dir.path().join("timestamps") }))
}

/// The ledger as it is stored now, if there is one.
fn stored_ledger(dir: &DataDir, storage: &Storage) -> Result<Option<Box<dyn LedgerReader>>, Box<dyn Error>> {
    let reader: Box<dyn LedgerReader> = match storage {
        Storage::Embedded => {
            let path = dir.ledger_path(LEDGER)?;
            if !path.exists() {
                return Ok(None);
            }
            Box::new(SqliteReader::open(&path)?)
        }
        Storage::Shared(node) => Box::new(node.postgres.reader(&node.ledger)?),
    };
    Ok(if reader.size()? == 0 { None } else { Some(reader) })
}

/// The same application for other nodes: what they pass on comes with the client's own address.
fn serve_nodes(mut parts: Parts, listener: TcpListener) -> std::io::Result<Server> {
    parts.settings = Data::new(HttpSettings { behind_proxy: true, ..(**parts.settings).clone() });
    parts.door = Some(Door::Nodes);
    let server = HttpServer::new(move || app(parts.clone()))
        .workers(NODE_WORKERS)
        .keep_alive(Duration::from_micros(IDLE_MAX.get()))
        .shutdown_timeout(DRAIN_MAX.get() / 1_000_000)
        .disable_signals();
    Ok(server.listen(listener)?.run())
}

/// Forgets, again and again, what has run out: sessions, tickets, counts. Of several nodes the one that writes does it.
async fn sweep(desk: Data<Desk>) {
    loop {
        actix_web::rt::time::sleep(Duration::from_micros(SWEEP_EVERY.get())).await;
        if desk.sequencer.status() == Status::Running {
            let desk = desk.clone();
            match actix_web::web::block(move || desk.identity.sweep(desk.now())).await {
                Ok(Ok(rows)) => tracing::debug!(rows, "forgot what had run out"),
                Ok(Err(code)) => tracing::warn!(code = code.name(), "cannot forget what has run out"),
                Err(error) => tracing::warn!(%error, "cannot forget what has run out"),
            }
        }
    }
}

/// Ctrl-C or the service manager's TERM.
pub(super) async fn wait_for_signal() -> std::io::Result<()> {
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
pub(super) fn genesis() -> PlatformConfigured {
    PlatformConfigured {
        code_format: CodeFormat::default(),
        holidays: Holidays::default(),
        periods: CityPeriods::default(),
    }
}

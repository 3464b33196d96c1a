//! `mingjian serve`.

use std::error::Error;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::Server;
use clap::Args as ClapArgs;
use serde::Serialize;

use super::Outcome;
use super::centre::{Centre, House};
use super::demo::Demonstration;
use super::output::say;
use crate::base::limits::{CONNECTIONS_MAX, DRAIN_MAX, HEADERS_WAIT_MAX, IDLE_MAX, NODE_WORKERS};
use crate::config::{self, Settings};
use crate::engine::calendar::{CityPeriods, Holidays};
use crate::engine::code::CodeFormat;
use crate::engine::event::PlatformConfigured;
use crate::http::app::Parts;
use crate::http::by_host::by_host;
use crate::http::stream::keep_socket;
use crate::sequencer::Load;
use crate::store::data_dir::KEYS;
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
    // Bound before a node says where it is reached.
    let inner = TcpListener::bind(settings.node.listen)
        .map_err(|error| format!("node.listen: cannot use {}: {error}", settings.node.listen))?;
    let house = House {
        inner: inner.local_addr()?,
        load: Load::default(),
        behind_proxy: settings.behind_proxy,
        demo: args.demo,
    };
    let mut centres = vec![Centre::open(&settings, &house, args.newest_checkpoint.as_deref()).await?];
    for settings in settings.other_centres()? {
        let opened = Centre::open(&settings, &house, None).await;
        centres.push(opened.map_err(|error| format!("the centre {}: {error}", settings.origin))?);
    }
    let url = format!("http://{}", settings.listen);
    let demonstration = match &centres[..] {
        [centre, ..] if args.demo => {
            let keys = settings.data.join(KEYS);
            Some(Demonstration::prepare(&centre.parts.desk, &keys, &url)?)
        }
        _ => None,
    };
    let for_nodes: Vec<_> =
        centres.iter().filter_map(|centre| Some((centre.parts_for_nodes()?, centre.hosts.clone()))).collect();
    let nodes = if for_nodes.is_empty() { None } else { Some(serve_nodes(for_nodes, inner)?) };
    let nodes = nodes.map(|server| (server.handle(), actix_web::rt::spawn(server)));
    let server = serve_everybody(&settings, &centres)?;
    say(&format!("Mingjian 明鉴 is serving on {url}"));
    tracing::info!(listen = %settings.listen, centres = centres.len(), "serving");

    let handle = server.handle();
    let running = actix_web::rt::spawn(server);
    let _cameras = demonstration.map(|demonstration| demonstration.play(settings.listen));
    wait_for_signal().await?;
    // Drain: no new viewer, no new request; then the last commit, the last checkpoint, the snapshot.
    say("shutting down: draining connections, then the last commit and checkpoint");
    // A recorder's last words are an entry, which a node that follows passes on through its own door: before that closes.
    let centres = actix_web::web::block(move || {
        centres.iter_mut().for_each(Centre::drain);
        centres
    });
    let centres = centres.await?;
    handle.stop(true).await;
    running.await??;
    if let Some((handle, running)) = nodes {
        handle.stop(true).await;
        running.await??;
    }
    actix_web::web::block(move || centres.into_iter().for_each(Centre::end)).await?;
    Ok(ExitCode::SUCCESS)
}

/// The server that anybody reaches.
fn serve_everybody(settings: &Settings, centres: &[Centre]) -> Result<Server, Box<dyn Error>> {
    let centres: Vec<_> = centres.iter().map(|centre| (centre.parts.clone(), centre.hosts.clone())).collect();
    let server = HttpServer::new(move || by_host(&centres))
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
        .map_err(|error| format!("listen: cannot use {}: {error}", settings.listen))?;
    Ok(server.run())
}

/// The server that only other nodes reach.
fn serve_nodes(centres: Vec<(Parts, Vec<String>)>, listener: TcpListener) -> std::io::Result<Server> {
    let server = HttpServer::new(move || by_host(&centres))
        .workers(NODE_WORKERS)
        .keep_alive(Duration::from_micros(IDLE_MAX.get()))
        .shutdown_timeout(DRAIN_MAX.get() / 1_000_000)
        .disable_signals();
    Ok(server.listen(listener)?.run())
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

/// What a fresh ledger starts with.
pub(super) fn genesis() -> PlatformConfigured {
    PlatformConfigured {
        code_format: CodeFormat::default(),
        holidays: Holidays::default(),
        periods: CityPeriods::default(),
    }
}

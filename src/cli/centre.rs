//! One centre of a serving process: its ledger, cameras, witnesses and stamps, from the settings to the last entry.

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;

use super::memory::Memory;
use super::open::{LEDGER, Node, Setup, Storage, notes, open_watching};
use super::serve::genesis;
use super::timestamps::{Stamping, TIMESTAMPS};
use super::{continuity, cosigners, demo_cameras, published};
use crate::base::limits::{POSTGRES_CONNECTIONS_MAX, SWEEP_EVERY};
use crate::config::Settings;
use crate::desk::Desk;
use crate::evidence::{Equipment, Host, Inside, Keeper, Recorder, Remote};
use crate::http::app::Parts;
use crate::http::extract::HttpSettings;
use crate::http::nodes::Door;
use crate::identity::SystemEntropy;
use crate::identity::entropy::fresh_id;
use crate::live::Hub;
use crate::relay::Relay;
use crate::sequencer::{Clock as _, LedgerReader, Load, Sequencer, Status, SystemClock};
use crate::store::{DataDir, Postgres, SqliteReader};
use crate::witness::Cosigning;
use crate::witness::timestamp::Authority;

/// What belongs to the process and is the same for each of its centres.
pub(super) struct House {
    /// Where other nodes reach this one, unless the settings say otherwise.
    pub inner: SocketAddr,
    pub load: Load,
    pub behind_proxy: bool,
    pub demo: bool,
}

/// A centre that is served.
pub(super) struct Centre {
    pub parts: Parts,
    /// What leads a request here.
    pub hosts: Vec<String>,
    /// Where the other nodes of its deployment reach it.
    address: Option<String>,
    hub: Arc<Hub>,
    sequencer: Sequencer,
    cosigning: Cosigning,
    recorder: Option<Recorder>,
    keeper: Keeper,
    memory: Memory,
}

impl Centre {
    /// Opens the centre and starts all that works beside its requests. `newest`: a checkpoint that a restored installation
    /// is shown.
    pub async fn open(settings: &Settings, house: &House, newest: Option<&Path>) -> Result<Self, Box<dyn Error>> {
        let dir = DataDir::open(&settings.data)?;
        let storage = storage(settings, house)?;
        let stored = stored_ledger(&dir, &storage)?;
        continuity::check(&dir, stored.as_deref(), &settings.origin, &settings.checkpoint_sources, newest)?;
        let cosigners = match &settings.policy {
            Some(path) => Some(cosigners::read(path, settings.policy_wait_seconds)?),
            None if house.demo => Some(cosigners::demonstrate(&dir, &settings.origin, settings.listen)?),
            None => None,
        };
        let setup =
            Setup { origin: settings.origin.clone(), totp_required: !house.demo, genesis: genesis(), cosigners };
        let stamping = stamping(settings, &dir)?;
        let address = match &storage {
            Storage::Embedded => None,
            Storage::Shared(node) => Some(node.address.clone()),
        };
        let mut cameras = settings.evidence.clone();
        if house.demo {
            cameras.networks.push(demo_cameras::NETWORK.into());
        }
        // Opening waits for the ledger to write, which a thread that drives futures must not.
        let opening = move || open_watching(dir, storage, setup, &cameras, Arc::new(SystemClock));
        let platform = actix_web::web::block(opening).await??;
        published::start(&platform.desk).map_err(|error| error.to_string())?;
        let (sequencer, cosigning) = (platform.desk.sequencer.clone(), platform.desk.cosigning.clone());
        let hub = Arc::clone(&platform.hub);
        let keeper = Keeper::start(Arc::clone(&platform.desk.evidence), sequencer.clone())?;
        let memory = Memory::start(&settings.data, sequencer.clone())?;
        let recorder = recorder(settings, &platform.desk, address.is_some())?;
        if let Some(stamping) = stamping {
            stamping.start(sequencer.clone(), Arc::new(SystemEntropy::new()))?;
        }
        let http = HttpSettings { behind_proxy: house.behind_proxy, web_origins: settings.browsers_come_from() };
        let mut parts = platform.parts(http);
        parts.door = address.clone().map(Door::public);
        actix_web::rt::spawn(sweep(parts.desk.clone()));
        Ok(Self { parts, hosts: settings.hosts(), address, hub, sequencer, cosigning, recorder, keeper, memory })
    }

    /// The same application for other nodes, if there are any: what they pass on comes with the client's own address.
    pub fn parts_for_nodes(&self) -> Option<Parts> {
        self.address.as_ref()?;
        let mut parts = self.parts.clone();
        parts.settings = Data::new(HttpSettings { behind_proxy: true, ..(**parts.settings).clone() });
        parts.door = Some(Door::Nodes);
        Some(parts)
    }

    /// No new viewer, and nothing recorded any more. Waits for the last words of the recorder.
    pub fn drain(&mut self) {
        self.hub.drain();
        self.recorder = None;
    }

    /// The last commit, the last checkpoint, the snapshot. Waits for them.
    pub fn end(self) {
        drop(self.keeper);
        self.cosigning.drain();
        self.sequencer.shutdown();
        // After the last entry.
        drop(self.memory);
    }
}

/// The recorder of this centre, if the settings want one. A node that shares its ledger asks its own door, where requests go
/// on to whichever node writes.
fn recorder(settings: &Settings, desk: &Desk, is_shared: bool) -> Result<Option<Recorder>, Box<dyn Error>> {
    if !settings.evidence.record {
        return Ok(None);
    }
    let evidence = &desk.evidence;
    let host: Arc<dyn Host> = if is_shared {
        let token = desk.identity.recorder_token(&evidence.settings.name).into();
        Arc::new(Remote::on_this_machine(settings.listen, settings.hosts().into_iter().next(), token))
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

/// Where `settings` say that ledger and platform lie.
fn storage(settings: &Settings, house: &House) -> Result<Storage, Box<dyn Error>> {
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
        address: settings.node.address.clone().unwrap_or_else(|| house.inner.to_string()),
        relay: settings.redis.url.as_ref().map(|url| Relay::new(&url.0)).transpose()?,
        load: house.load.clone(),
    }))
}

/// Who stamps checkpoints, by the settings.
fn stamping(settings: &Settings, dir: &DataDir) -> Result<Option<Stamping>, Box<dyn Error>> {
    let (Some(url), Some(certificate)) = (&settings.timestamp.url, &settings.timestamp.certificate) else {
        return Ok(None);
    };
    let pem = std::fs::read(certificate).map_err(|error| format!("{}: {error}", certificate.display()))?;
    let every = Duration::from_secs(settings.timestamp.every_seconds.max(1));
    Ok(Some(Stamping { authority: Authority::new(url, &pem)?, every, dir: dir.path().join(TIMESTAMPS) }))
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

//! From a data directory to a running desk: the order in which the rooms are put together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::continuity::{self, Discontinued};
use super::cosigners::{self, Cosigners, Standing};
use super::keys;
use crate::base::{Code, Entropy, Micros};
use crate::config::EvidenceSettings;
use actix_web::HttpRequest;
use actix_web::web::Data;
use futures_util::future::LocalBoxFuture;

use crate::desk::{Desk, Follower, IndexedHistory, LotKeys, ReadGate, SealedLogins, Tree};
use crate::engine::event::PlatformConfigured;
use crate::evidence::address::NotANetwork;
use crate::evidence::{Bucket, BucketError, Directory, Evidence, MediaStore};
use crate::http::app::Parts;
use crate::http::case_file::CasePermits;
use crate::http::extract::{self, HttpSettings};
use crate::http::stream::Stream;
use crate::http::throttle::Throttle;
use crate::identity::password::Passwords;
use crate::identity::{Identity, KeyFileError, Policy, ServerKeys, SystemEntropy, key_file};
use crate::ledger::note::SignatureType;
use crate::ledger::sm2::WithSm2;
use crate::ledger::{NoteError, Origin, Signer, VerifierKey};
use crate::live::{Hub, Limits};
use crate::relay::{Bell, Relay, Relayed, Seal};
use crate::sequencer::{
    Clock, Journal, Listener, Load, Making, Options, ReadError, Sequencer, SharedLedger, StartError, Status,
};
use crate::store::journal::SqliteJournal;
use crate::store::{DataDir, Platform, Postgres, StoreError, migrate};

/// The ledger of a fresh embedded installation.
pub const LEDGER: &str = "main";

/// Why the platform did not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    #[error("origin: {0:?} cannot be the name of a ledger")]
    Origin(String),
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error("the key file holds no usable signing key")]
    LogKey,
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Discontinued(#[from] Discontinued),
    #[error("{0}")]
    Identity(Code),
    #[error(
        "this installation was moved to a database on {0}: serve it from there (database.url). If that move was cut short and \
         the database is empty, remove moved.json"
    )]
    Moved(Micros),
    #[error(
        "this database holds the ledger {other:?}: each centre has a database of its own, since accounts, sessions and rights \
         lie beside the ledger. Name another database in database.url, or that ledger in node.ledger"
    )]
    OtherCentre { other: String },
    #[error("a thread does not start: {0}")]
    Thread(#[from] std::io::Error),
    #[error("evidence.networks: {0}")]
    Networks(NotANetwork),
    #[error(transparent)]
    Bucket(#[from] BucketError),
    #[error("the policy of witnesses: {0}")]
    Policy(String),
}

/// What makes one platform differ from another.
pub struct Setup {
    pub origin: String,
    pub totp_required: bool,
    pub genesis: PlatformConfigured,
    /// Who cosigns, and how long a missing witness holds back what is shown.
    pub cosigners: Option<Cosigners>,
}

/// A running platform, less its HTTP server.
pub struct Running {
    pub desk: Desk,
    pub hub: Arc<Hub>,
    pub gate: ReadGate,
}

/// Where ledger and platform lie.
pub enum Storage {
    /// In the data directory, for this process alone.
    Embedded,
    /// In a database that several nodes share.
    Shared(Node),
}

/// This process among those that share a database.
pub struct Node {
    pub postgres: Postgres,
    pub ledger: String,
    /// Another one for each life of the process: nobody holds a lease from an earlier life.
    pub name: String,
    /// Where other nodes reach it.
    pub address: String,
    /// The doorbell, where there is one.
    pub relay: Option<Relay>,
    /// How many ledgers this process leads.
    pub load: Load,
}

/// A ledger's one writer, or this node's part in it.
enum Writer {
    Own(Box<dyn Journal>),
    Shared(Box<dyn SharedLedger>),
}

/// Opens `dir` and starts its ledger's one writer.
pub fn open(dir: DataDir, setup: Setup, clock: Arc<dyn Clock>) -> Result<Running, OpenError> {
    open_on(dir, Storage::Embedded, setup, clock)
}

/// As [`open_watching`], with cameras as they are set up by default.
pub fn open_on(dir: DataDir, storage: Storage, setup: Setup, clock: Arc<dyn Clock>) -> Result<Running, OpenError> {
    open_watching(dir, storage, setup, &EvidenceSettings::default(), clock)
}

/// Opens the platform on `storage`; `dir` holds this process's keys. What listens to commits is made before the sequencer
/// starts, so that it misses none.
pub fn open_watching(
    dir: DataDir,
    storage: Storage,
    setup: Setup,
    cameras: &EvidenceSettings,
    clock: Arc<dyn Clock>,
) -> Result<Running, OpenError> {
    let dir = Arc::new(dir);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
    let server_keys = Arc::new(ServerKeys::load_or_create(&dir.keys_path(), &*entropy)?);
    let signer = server_keys.log_signer().ok_or(OpenError::LogKey)?;
    let origin = Origin::new(&setup.origin).map_err(|_| OpenError::Origin(setup.origin.clone()))?;
    let verifier_key = VerifierKey::new(&origin, SignatureType::Ed25519, signer.public())?;
    let first_key = keys::of_log(&server_keys, &origin)?.into_iter().next();

    let mut load = Load::default();
    let (name, platform, reader, writer, bell) = match storage {
        Storage::Embedded => {
            if let Some(moved) = migrate::moved(&dir)? {
                return Err(OpenError::Moved(moved.moved_at));
            }
            let journal = SqliteJournal::open(&dir.ledger_path(LEDGER)?)?;
            let (platform, reader) = (Platform::open(Arc::clone(&dir))?, journal.reader());
            continuity::refuse_unshown(&dir, &*reader)?;
            (LEDGER.to_owned(), platform, reader, Writer::Own(Box::new(journal)), None)
        }
        Storage::Shared(Node { postgres, ledger, name, address, relay, load: of_process }) => {
            load = of_process;
            if let Some(other) = postgres.other_ledger(&ledger)? {
                return Err(OpenError::OtherCentre { other });
            }
            let shared = postgres.ledger(&ledger, &name, &address)?;
            let (reader, platform) = (shared.reader(), Platform::shared(postgres));
            continuity::refuse_unshown(&dir, &*reader)?;
            let seal: Arc<dyn Seal> = Arc::<ServerKeys>::clone(&server_keys);
            let shared: Box<dyn SharedLedger> = match &relay {
                Some(relay) => Box::new(Relayed::new(Box::new(shared), relay.clone(), &ledger, Arc::clone(&seal))),
                None => Box::new(shared),
            };
            let bell = relay.map(|relay| (Arc::new(Bell::new(relay.clone(), &ledger, seal)), relay));
            (ledger, platform, reader, Writer::Shared(shared), bell)
        }
    };
    let passwords = Passwords::new(&*entropy).map_err(OpenError::Identity)?;
    let policy = Policy { totp_required: setup.totp_required, issuer: "Mingjian 明鉴".into() };
    let relay = bell.as_ref().map(|(_, relay)| relay.clone());
    let identity =
        Identity::new(platform.clone(), server_keys, Arc::clone(&entropy), passwords, policy).with_relay(relay);
    let identity = Arc::new(identity);

    let tree = Arc::new(Tree::open(Arc::clone(&reader))?);
    let follower = Arc::new(Follower::default());
    let gate = ReadGate::new(Arc::clone(&identity), Arc::clone(&clock));
    let history = Arc::new(IndexedHistory::new(Arc::clone(&reader), platform.clone(), name.clone()));
    let hub = Hub::new(history, Arc::new(gate.clone()), Arc::clone(&clock), Limits::default())?;

    let cosigning = cosigners::prepare(&verifier_key, setup.cosigners.as_ref())?;
    let mut listeners: Vec<Arc<dyn Listener>> =
        vec![Arc::clone(&tree) as _, Arc::clone(&hub) as _, Arc::clone(&follower) as _, cosigning.listener()];
    if let Some((bell, _)) = &bell {
        listeners.push(Arc::clone(bell) as _);
    }
    let mut options = Options::new(origin.clone(), setup.genesis);
    options.first_key = first_key;
    if let Some((policy, _)) = &setup.cosigners {
        options.witnesses = policy.witnesses.iter().map(|witness| witness.key.to_string()).collect();
        options.policy = policy.public_text();
    }
    let signer: Arc<dyn Signer> = match key_file::sm2_of(&dir.keys_path().join(keys::SM2_FILE), None)? {
        Some(sm2) => Arc::new(WithSm2 { log: Box::new(signer), sm2 }),
        None => Arc::new(signer),
    };
    let making = Making::new(signer, Arc::clone(&clock), Arc::clone(&entropy), listeners, options).with_load(load);
    let sequencer = match writer {
        Writer::Own(journal) => {
            let sequencer = Sequencer::start_as(&making, journal)?;
            continuity::settle(&dir, &sequencer)?;
            sequencer
        }
        Writer::Shared(ledger) => {
            let sequencer = Sequencer::join(ledger, making)?;
            if sequencer.status() == Status::Running {
                continuity::settle(&dir, &sequencer)?;
            }
            sequencer
        }
    };
    let standing = Standing {
        sequencer: sequencer.clone(),
        reader: Arc::clone(&reader),
        platform: platform.clone(),
        ledger: name.clone(),
        cosigners: setup.cosigners,
    };
    standing.record()?;
    cosigning.start(sequencer.clone()).map_err(StartError::from)?;
    gate.open(sequencer.clone());
    if let Some((bell, _)) = bell {
        bell.start(sequencer.downgrade())?;
    }
    let evidence = evidence(&dir, cameras, &name, &identity, &platform, &clock)?;
    follower.start(name.clone(), sequencer.clone(), Arc::clone(&reader), platform.clone());
    let desk = Desk {
        ledger_name: name,
        origin,
        verifier_key,
        sequencer,
        reader,
        identity,
        platform,
        tree,
        lot_keys: LotKeys::default(),
        evidence,
        cosigning,
        clock,
        entropy,
    };
    Ok(Running { desk, hub, gate })
}

/// Cameras and footage, at rest: a recorder is started by who wants one.
fn evidence(
    dir: &DataDir,
    settings: &EvidenceSettings,
    ledger: &str,
    identity: &Arc<Identity>,
    platform: &Platform,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<Evidence>, OpenError> {
    Ok(Arc::new(Evidence {
        settings: settings.recorder().map_err(OpenError::Networks)?,
        store: footage_store(settings, dir.path())?,
        platform: platform.clone(),
        ledger: ledger.to_owned(),
        logins: Arc::new(SealedLogins::new(Arc::clone(identity), platform.clone())),
        clock: Arc::clone(clock),
        entropy: Arc::new(SystemEntropy::new()),
        monitor: Arc::default(),
    }))
}

/// Where footage lies, by the settings; `data` is the process's own directory.
pub fn footage_store(settings: &EvidenceSettings, data: &Path) -> Result<Arc<dyn MediaStore>, OpenError> {
    if let Some(bucket) = &settings.s3 {
        return Ok(Arc::new(Bucket::open(&bucket.bucket())?));
    }
    let media = settings.media.clone().unwrap_or_else(|| data.join("media"));
    let store = Directory::open(&media).map_err(|source| StoreError::Io { path: media, source })?;
    Ok(Arc::new(store))
}

/// Where the recorder of this process keeps its notes.
pub fn notes(data: &Path) -> PathBuf {
    data.join("recorder")
}

impl Running {
    /// What the application serves.
    pub fn parts(self, settings: HttpSettings) -> Parts {
        let desk = Data::new(self.desk);
        let (gate, who_desk) = (self.gate, desk.clone());
        let who = move |request: &HttpRequest| -> LocalBoxFuture<'static, _> {
            let reader = extract::who(request, &who_desk).map(|viewer| gate.reader(viewer));
            Box::pin(std::future::ready(reader))
        };
        let stream = Stream { hub: self.hub, origins: settings.web_origins.clone(), who: Box::new(who) };
        Parts {
            desk,
            stream: Data::new(stream),
            settings: Data::new(settings),
            permits: Data::default(),
            sign_ups: Data::new(Throttle::sign_ups()),
            cases: Data::new(CasePermits::default()),
            door: None,
            traffic: Data::default(),
        }
    }
}

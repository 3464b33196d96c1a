//! From what is durable to a running sequencer. Recovery is not a mode: what is loaded is replayed with the same `apply`,
//! and what a start has to write (a new ledger's first entries, an outage) is decided, chained and committed like all else.

use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::clock::{Clock, SteadyClock};
use super::commit::{Committer, Decider, Stop, Upkeep};
use super::draft::{Draft, LEDGER_CREATED, Stuck};
use super::handle::{Running, Sequencer, Shared};
use super::journal::{Head, Journal, JournalError, Loaded, StoredEntry};
use super::metrics::Metrics;
use super::queue::Queue;
use super::reader::{LedgerReader, ReadError, StoredPayload};
use super::snapshot;
use super::work::{Committed, Listener};
use crate::base::{Code, Entropy, Hash, Micros, Span, limits};
use crate::engine::event::{OutageBegan, PlatformConfigured};
use crate::engine::{self, Action, Actor, Command, Event, Fact, Refusal, State, Subject};
use crate::ledger::note::SignatureType;
use crate::ledger::tile::TILE_WIDTH;
use crate::ledger::{
    Chain, Checkpoint, Leaf, Origin, Payload, Signer, SignerError, TileBuilder, VerifierKey, leaf_hash,
};

/// What a ledger is and how much its sequencer may hold.
#[derive(Debug, Clone)]
pub struct Options {
    pub origin: Origin,
    /// Verifier keys of the witnesses and how many of them must cosign, as leaf 0 names them.
    pub witnesses: Vec<String>,
    pub policy: String,
    /// The settings that a new ledger begins with.
    pub genesis: PlatformConfigured,
    pub batch_max: usize,
    pub queue_max: usize,
    pub check_max: Span,
    /// Entries between two snapshots.
    pub snapshot_every: u64,
    /// Between two kept checkpoints.
    pub checkpoint_every: Span,
    pub outage_tolerated: Span,
}

impl Options {
    /// No witnesses, and the limits of [`limits`].
    pub fn new(origin: Origin, genesis: PlatformConfigured) -> Self {
        Self {
            origin,
            witnesses: Vec::new(),
            policy: "none".into(),
            genesis,
            batch_max: limits::BATCH_MAX_ENTRIES,
            queue_max: limits::QUEUE_MAX,
            check_max: limits::CHECK_MAX,
            snapshot_every: limits::SNAPSHOT_EVERY,
            checkpoint_every: limits::CHECKPOINT_EVERY,
            outage_tolerated: limits::OUTAGE_TOLERATED,
        }
    }
}

/// Why a sequencer did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the ledger's storage cannot be used: {0}")]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Storage contradicts itself, or is not the ledger that was meant.
    #[error("the stored ledger does not hold: {what}: expected {expected}, found {found}")]
    Corrupt { what: String, expected: String, found: String },
    #[error("the first entries cannot be written: {0}")]
    Refused(Refusal),
    #[error("the ledger cannot go on: {0}")]
    Stuck(String),
    #[error(transparent)]
    Signer(#[from] SignerError),
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

#[expect(clippy::needless_pass_by_value, reason = "whatever can be shown")]
fn corrupt(what: impl Into<String>, expected: impl ToString, found: impl ToString) -> StartError {
    StartError::Corrupt { what: what.into(), expected: expected.to_string(), found: found.to_string() }
}

impl From<Stop> for StartError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Journal(error) => error.into(),
            Stop::Signer(error) => error.into(),
        }
    }
}

impl From<Stuck> for StartError {
    fn from(stuck: Stuck) -> Self {
        Self::Stuck(stuck.to_string())
    }
}

impl Sequencer {
    /// Loads what is durable (an empty journal becomes a new ledger), makes up for an outage, and runs.
    ///
    /// # Errors
    /// When storage cannot be used, contradicts itself, or belongs to another ledger.
    #[expect(clippy::needless_pass_by_value, reason = "what a sequencer is started with is its own")]
    pub fn start(
        mut journal: Box<dyn Journal>,
        signer: Box<dyn Signer>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        listeners: Vec<Arc<dyn Listener>>,
        options: Options,
    ) -> Result<Self, StartError> {
        let key = VerifierKey::new(&options.origin, SignatureType::Ed25519, signer.public())
            .map_err(|error| SignerError(error.to_string()))?;
        let reader = journal.reader();
        let loaded = journal.load()?;
        let ground = match &loaded {
            Some(loaded) => restore(&*reader, loaded, &options.origin, &key)?,
            None => Ground::empty(options.origin.clone()),
        };
        let head = ground.head();
        let checkpoint = Checkpoint { origin: options.origin.clone(), size: head.size, root: head.root };
        let committed = Committed {
            state: ground.state.clone(),
            size: head.size,
            root: head.root,
            time: head.time,
            head_leaf: head.leaf,
            checkpoint: checkpoint.sign(&*signer)?.to_string().into(),
        };
        let check_max = Duration::from_micros(options.check_max.get());
        let shared = Arc::new(Shared {
            queue: Queue::new(head.time, options.queue_max, check_max),
            clock,
            committed: RwLock::new(committed),
            reader,
            metrics: Metrics::default(),
            recent_max: options.queue_max + 4 * options.batch_max,
        });
        let (to_committer, orders) = mpsc::channel();
        let mut draft = Draft::new(ground.state, ground.chain, ground.tiles, entropy, Arc::clone(&shared));
        let mut committer = Committer {
            shared: Arc::clone(&shared),
            journal,
            signer,
            origin: options.origin.clone(),
            listeners,
            orders,
            to_self: to_committer.clone(),
            snapshot_every: options.snapshot_every.max(1),
            checkpoint_every: Duration::from_micros(options.checkpoint_every.get()),
            upkeep: Upkeep {
                snapshot: ground.snapshot,
                checkpoint: 0,
                checkpoint_kept: Instant::now(),
                alive_marked: Instant::now(),
                clock: SteadyClock::default(),
            },
        };
        let now = shared.queue.now(&*shared.clock);
        match &loaded {
            None => begin(&mut draft, &options, &key, now)?,
            Some(loaded) => make_up(&mut draft, loaded, options.outage_tolerated, now)?,
        }
        committer.commit(draft.seal())?;
        let decider =
            Decider { shared: Arc::clone(&shared), draft, orders: to_committer, batch_max: options.batch_max };
        let running = Running { shared, threads: Mutex::default() };
        running.spawn("committer", || committer.run())?;
        running.spawn("decider", || decider.run())?;
        Ok(Self { inner: Arc::new(running) })
    }
}

impl Running {
    fn spawn(&self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), StartError> {
        let thread = std::thread::Builder::new().name(name.into()).spawn(run)?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }
}

/// What a sequencer stands on when it starts.
struct Ground {
    state: State,
    chain: Chain,
    tiles: TileBuilder,
    /// Size of the snapshot that it was restored from.
    snapshot: u64,
}

impl Ground {
    fn empty(origin: Origin) -> Self {
        Self { state: State::default(), chain: Chain::new(origin), tiles: TileBuilder::new(), snapshot: 0 }
    }

    fn head(&self) -> Head {
        Head {
            size: self.chain.size(),
            root: self.tiles.frontier().root(),
            time: self.chain.time().unwrap_or_default(),
            leaf: self.chain.head(),
        }
    }
}

/// Leaf 0's data (ledger format §3).
#[derive(Serialize)]
struct LedgerCreated<'a> {
    format: u32,
    origin: &'a Origin,
    policy: &'a str,
    verifier_key: String,
    witnesses: &'a [String],
}

/// The first two entries of a new ledger.
fn begin(draft: &mut Draft, options: &Options, key: &VerifierKey, now: Micros) -> Result<(), StartError> {
    let Options { origin, policy, witnesses, genesis, .. } = options;
    let created = LedgerCreated { format: 1, origin, policy, verifier_key: key.to_string(), witnesses };
    draft
        .write(LEDGER_CREATED.into(), "ledger".into(), &Actor::System.to_string(), &created, now)
        .map_err(|error| StartError::Refused(Refusal::with(Code::InvalidField, error.to_string())))?;
    let configure = by_platform(Action::Configure(genesis.clone()));
    draft.command(&configure, now).map_err(StartError::Refused)?;
    Ok(())
}

fn by_platform(action: Action) -> Command {
    Command { actor: Actor::System, subject: Subject::Platform, action }
}

/// Whoever was to bid or to act while the platform was away gets that time back: the outage stands in the ledger, from
/// the last moment at which the platform is known to have been alive. Nothing is written when it touched nobody.
fn make_up(draft: &mut Draft, loaded: &Loaded, tolerated: Span, now: Micros) -> Result<(), StartError> {
    let alive = loaded.alive.map_or(loaded.head.time, |alive| alive.max(loaded.head.time));
    if now.since(alive) <= tolerated {
        return Ok(());
    }
    draft.advance(alive)?;
    let began = by_platform(Action::BeginOutage(OutageBegan { recorded_at: now }));
    let touched = engine::decide(&draft.state, &began, alive).is_ok_and(|events| events.len() > 1);
    if touched {
        draft.command(&began, alive).map_err(StartError::Refused)?;
        draft.advance(now)?;
        draft.command(&by_platform(Action::EndOutage), now).map_err(StartError::Refused)?;
    }
    Ok(())
}

/// State, chain and tree out of the newest snapshot and the entries after it; refuses what does not fit together.
fn restore(
    reader: &dyn LedgerReader,
    loaded: &Loaded,
    origin: &Origin,
    key: &VerifierKey,
) -> Result<Ground, StartError> {
    let head = loaded.head;
    let size = reader.size()?;
    if size != head.size {
        return Err(corrupt("number of entries", head.size, size));
    }
    check_first(reader, origin, key)?;
    let (start, state) = newest_state(loaded);
    let mut ground = Ground {
        state,
        chain: resume_chain(reader, origin, start)?,
        tiles: resume_tiles(reader, head.size)?,
        snapshot: start,
    };
    let mut next = start;
    while next < head.size {
        let entries = reader.entries(next, LOAD_PAGE)?;
        for entry in &entries {
            replay(&mut ground, entry)?;
        }
        if entries.is_empty() {
            return Err(corrupt("entries", head.size, next));
        }
        next = ground.chain.size();
    }
    let found = ground.head();
    if found.leaf != head.leaf {
        return Err(corrupt("last leaf", head.leaf, found.leaf));
    }
    if found.time != head.time {
        return Err(corrupt("last leaf's time", head.time, found.time));
    }
    if found.root != head.root {
        return Err(corrupt("root of the tree, recomputed from tiles and leaves", head.root, found.root));
    }
    Ok(ground)
}

const LOAD_PAGE: usize = 1_024;

/// The ledger is the one that was meant, and our key signs it.
fn check_first(reader: &dyn LedgerReader, origin: &Origin, key: &VerifierKey) -> Result<(), StartError> {
    let leaf = reader.leaf(0)?.unwrap_or_default();
    let leaf = Leaf::parse(&leaf).map_err(|check| corrupt("leaf 0", "a leaf", check.name()))?;
    if leaf.ledger != *origin {
        return Err(corrupt("origin", origin, leaf.ledger));
    }
    let StoredPayload::Present(bytes) = reader.payload(0)? else { return Ok(()) };
    let payload = Payload::parse(&bytes).map_err(|error| corrupt("payload 0", LEDGER_CREATED, error))?;
    match payload.data.get("verifier_key").and_then(serde_json::Value::as_str) {
        Some(found) if found == key.to_string() => Ok(()),
        found => Err(corrupt("log key", key, found.unwrap_or("none"))),
    }
}

fn newest_state(loaded: &Loaded) -> (u64, State) {
    let Some(snapshot) = loaded.snapshot.as_ref().filter(|snapshot| snapshot.size <= loaded.head.size) else {
        return (0, State::default());
    };
    match snapshot::decode(snapshot) {
        Ok(state) => (snapshot.size, state),
        Err(error) => {
            tracing::warn!(%error, "snapshot passed over; the whole ledger is replayed");
            (0, State::default())
        }
    }
}

fn resume_chain(reader: &dyn LedgerReader, origin: &Origin, size: u64) -> Result<Chain, StartError> {
    let Some(last) = size.checked_sub(1) else { return Ok(Chain::new(origin.clone())) };
    let bytes = reader.leaf(last)?.unwrap_or_default();
    let leaf = Leaf::parse(&bytes).map_err(|check| corrupt(format!("leaf {last}"), "a leaf", check.name()))?;
    Ok(Chain::resume(origin.clone(), size, leaf_hash(&bytes), Some(leaf.time)))
}

fn resume_tiles(reader: &dyn LedgerReader, size: u64) -> Result<TileBuilder, StartError> {
    let beyond = size - size % u64::from(TILE_WIDTH);
    let rest: Vec<Hash> =
        reader.entries(beyond, TILE_WIDTH.into())?.iter().map(|entry| leaf_hash(&entry.leaf)).collect();
    let tile = |level, index| match reader.tile(level, index)? {
        Some(bytes) => Ok(bytes.to_vec()),
        None => Err(ReadError(format!("tile {index} of level {level} is missing"))),
    };
    TileBuilder::resume(size, &rest, tile).map_err(|error| corrupt("right edge of the tree", "whole tiles", error))
}

/// Takes in one stored entry: it must be the next of the chain, and its payload the one that it names.
fn replay(ground: &mut Ground, entry: &StoredEntry) -> Result<(), StartError> {
    let (leaf, _) = ground.chain.check(&entry.leaf).map_err(|e| corrupt("chain", "the next leaf", e))?;
    let Some(payload) = &entry.payload else {
        tracing::warn!(seq = leaf.seq, "an erased payload is not part of the restored state");
        return Ok(());
    };
    if Hash::of(payload) != leaf.payload {
        return Err(corrupt(format!("payload {}", leaf.seq), leaf.payload, Hash::of(payload)));
    }
    if let Some(event) = read_event(payload).map_err(|e| corrupt(format!("payload {}", leaf.seq), "an event", e))? {
        engine::apply(&mut ground.state, &event, leaf.time, leaf.seq);
    }
    Ok(())
}

/// The engine's event in a payload; `None` when it is a record.
fn read_event(bytes: &[u8]) -> Result<Option<Event>, String> {
    let payload = Payload::parse(bytes).map_err(|error| error.to_string())?;
    let Some(fact) = Fact::read(&payload.kind, payload.data).map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    let actor = payload.actor.parse().map_err(|_| format!("actor {:?}", payload.actor))?;
    let subject = payload.subject.parse().map_err(|_| format!("subject {:?}", payload.subject))?;
    Ok(Some(Event { actor, subject, fact }))
}

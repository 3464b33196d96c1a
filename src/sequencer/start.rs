//! From what is durable to a running sequencer. Recovery is not a mode: what is loaded is replayed with the same `apply`,
//! and what a start has to write (a new ledger's first entries, an outage) is decided, chained and committed like all else.

use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::clock::{Clock, SteadyClock};
use super::commit::{Committer, Decider, Stop, Upkeep};
use super::draft::{Draft, LEDGER_CREATED, Stuck};
use super::handle::{Running, Sequencer, Shared};
use super::journal::{Head, Journal, JournalError, Loaded, StoredEntry};
use super::queue::Queue;
use super::reader::{LedgerReader, ReadError, StoredPayload, event_of};
use super::shared::Load;
use super::snapshot;
use super::work::{Committed, CommittedEntry, Listener};
use crate::base::{Code, Entropy, Hash, Micros, Span, limits};
use crate::engine::event::{OutageBegan, PlatformConfigured};
use crate::engine::{self, Action, Actor, Command, Refusal, State, Subject};
use crate::ledger::note::SignatureType;
use crate::ledger::record::Created;
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
    /// The key that leaf 0 names, where the signer's is a later one.
    pub first_key: Option<VerifierKey>,
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
            first_key: None,
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
pub(super) fn corrupt(what: impl Into<String>, expected: impl ToString, found: impl ToString) -> StartError {
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

/// Whatever a sequencer is made of besides its storage.
pub struct Making {
    pub(super) signer: Arc<dyn Signer>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    pub(super) listeners: Vec<Arc<dyn Listener>>,
    options: Options,
    /// Of the process, over all ledgers that it serves.
    pub(super) load: Load,
}

impl Sequencer {
    /// Loads what is durable (an empty journal becomes a new ledger), makes up for an outage, and runs.
    ///
    /// # Errors
    /// When storage cannot be used, contradicts itself, or belongs to another ledger.
    pub fn start(
        journal: Box<dyn Journal>,
        signer: Box<dyn Signer>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        listeners: Vec<Arc<dyn Listener>>,
        options: Options,
    ) -> Result<Self, StartError> {
        Self::start_as(&Making::new(signer.into(), clock, entropy, listeners, options), journal)
    }

    /// As [`Sequencer::start`].
    pub fn start_as(making: &Making, journal: Box<dyn Journal>) -> Result<Self, StartError> {
        let (shared, decider, committer) = making.alone(journal)?;
        let running = Running::new(shared);
        running.keep(spawn("committer", || committer.run())?);
        running.keep(spawn("decider", || decider.run())?);
        Ok(Self { inner: Arc::new(running) })
    }
}

pub(super) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    Ok(std::thread::Builder::new().name(name.into()).spawn(run)?)
}

impl Making {
    pub fn new(
        signer: Arc<dyn Signer>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        listeners: Vec<Arc<dyn Listener>>,
        options: Options,
    ) -> Self {
        Self { signer, clock, entropy, listeners, options, load: Load::default() }
    }

    /// Counts this ledger with the others that the process leads.
    #[must_use]
    pub fn with_load(self, load: Load) -> Self {
        Self { load, ..self }
    }

    fn key(&self) -> Result<VerifierKey, StartError> {
        let key = VerifierKey::new(&self.options.origin, SignatureType::Ed25519, self.signer.public());
        Ok(key.map_err(|error| SignerError(error.to_string()))?)
    }

    /// What is durable up to the loaded head, checked. Others may write on meanwhile.
    pub(super) fn ground(&self, reader: &dyn LedgerReader, loaded: Option<&Loaded>) -> Result<Ground, StartError> {
        match loaded {
            Some(loaded) => {
                let first = self.options.first_key.clone().map_or_else(|| self.key(), Ok)?;
                restore(reader, loaded, &self.options.origin, &first)
            }
            None => Ok(Ground::empty(self.options.origin.clone())),
        }
    }

    /// Where the first `size` entries end.
    pub(super) fn trail(&self, reader: &dyn LedgerReader, size: u64) -> Result<Trail, StartError> {
        Trail::resume(reader, &self.options.origin, size)
    }

    /// The signed note over a tree.
    pub(super) fn note(&self, head: &Head) -> Result<Arc<str>, SignerError> {
        let checkpoint = Checkpoint { origin: self.options.origin.clone(), size: head.size, root: head.root };
        Ok(checkpoint.sign(&*self.signer)?.to_string().into())
    }

    /// A queue for a term that begins after `last`; `stopped` is what it tells those whom it cannot serve.
    pub(super) fn queue(&self, last: Micros, stopped: Code) -> Queue {
        let check_max = Duration::from_micros(self.options.check_max.get());
        Queue::new(last, self.options.queue_max, check_max, stopped)
    }

    /// What handles and threads share, with all that is durable shown.
    pub(super) fn share(
        &self,
        reader: Arc<dyn LedgerReader>,
        ground: &Ground,
        queue: Arc<Queue>,
    ) -> Result<Arc<Shared>, StartError> {
        let head = ground.trail.head();
        let checkpoint = self.note(&head)?;
        self.listeners.iter().for_each(|listener| listener.resumed(head.size, &checkpoint));
        let committed = Committed {
            state: ground.state.clone(),
            size: head.size,
            root: head.root,
            time: head.time,
            head_leaf: head.leaf,
            checkpoint,
        };
        let recent_max = self.options.queue_max + 4 * self.options.batch_max;
        Ok(Arc::new(Shared::new(queue, Arc::clone(&self.clock), committed, reader, recent_max)))
    }

    /// The parts of a writer that shares its ledger with nobody.
    pub(super) fn alone(&self, mut journal: Box<dyn Journal>) -> Result<(Arc<Shared>, Decider, Committer), StartError> {
        let reader = journal.reader();
        let loaded = journal.load()?;
        let ground = self.ground(&*reader, loaded.as_ref())?;
        let (stored, found) = (reader.size()?, ground.trail.chain.size());
        if stored != found {
            return Err(corrupt("number of entries", found, stored));
        }
        let queue = Arc::new(self.queue(ground.trail.head().time, Code::LedgerStopped));
        let shared = self.share(reader, &ground, Arc::clone(&queue))?;
        let (decider, committer) = self.term(&shared, journal, ground, loaded.as_ref(), queue)?;
        Ok((shared, decider, committer))
    }

    /// The two threads' parts for the time during which this process writes, with what the start of that time has to
    /// write committed: a new ledger's first entries, or an outage.
    pub(super) fn term(
        &self,
        shared: &Arc<Shared>,
        journal: Box<dyn Journal>,
        ground: Ground,
        loaded: Option<&Loaded>,
        queue: Arc<Queue>,
    ) -> Result<(Decider, Committer), StartError> {
        let Self { signer, entropy, listeners, options, .. } = self;
        let (to_committer, orders) = mpsc::channel();
        let Ground { state, trail: Trail { chain, tiles }, snapshot } = ground;
        let mut draft = Draft::new(state, chain, tiles, Arc::clone(entropy), Arc::clone(shared));
        let mut committer = Committer {
            shared: Arc::clone(shared),
            queue: Arc::clone(&queue),
            journal,
            signer: Arc::clone(signer),
            origin: options.origin.clone(),
            listeners: listeners.clone(),
            orders,
            to_self: to_committer.clone(),
            snapshot_every: options.snapshot_every.max(1),
            checkpoint_every: Duration::from_micros(options.checkpoint_every.get()),
            upkeep: Upkeep {
                snapshot,
                checkpoint: 0,
                checkpoint_kept: Instant::now(),
                alive_marked: Instant::now(),
                clock: SteadyClock::default(),
            },
            healthy: true,
        };
        let now = queue.now(&*shared.clock);
        match loaded {
            None => begin(&mut draft, options, &self.key()?, now)?,
            Some(loaded) => make_up(&mut draft, loaded, options.outage_tolerated, now)?,
        }
        // The clock may jump back before the first stamp.
        queue.not_before(draft.chain.time().unwrap_or_default());
        committer.commit(draft.seal())?;
        let shared = Arc::clone(shared);
        let decider = Decider { shared, queue, draft, orders: to_committer, batch_max: options.batch_max };
        Ok((decider, committer))
    }
}

/// What a sequencer stands on when it starts.
pub(super) struct Ground {
    pub state: State,
    pub trail: Trail,
    /// Size of the snapshot that it was restored from.
    pub snapshot: u64,
}

/// Where a ledger ends: what the next entry is checked against.
#[derive(Clone)]
pub struct Trail {
    pub chain: Chain,
    pub tiles: TileBuilder,
}

impl Ground {
    fn empty(origin: Origin) -> Self {
        let trail = Trail { chain: Chain::new(origin), tiles: TileBuilder::new() };
        Self { state: State::default(), trail, snapshot: 0 }
    }
}

impl Trail {
    /// Where the first `size` entries end.
    pub fn resume(reader: &dyn LedgerReader, origin: &Origin, size: u64) -> Result<Self, StartError> {
        Ok(Self { chain: resume_chain(reader, origin, size)?, tiles: resume_tiles(reader, size)? })
    }

    pub fn head(&self) -> Head {
        Head {
            size: self.chain.size(),
            root: self.tiles.frontier().root(),
            time: self.chain.time().unwrap_or_default(),
            leaf: self.chain.head(),
        }
    }

    /// Takes in one stored entry: it must be the next of the chain, and its payload the one that it names.
    pub fn follow(&mut self, stored: &StoredEntry) -> Result<CommittedEntry, StartError> {
        let (leaf, hash) = self.chain.check(&stored.leaf).map_err(|e| corrupt("chain", "the next leaf", e))?;
        if let Some(payload) = &stored.payload
            && Hash::of(payload) != leaf.payload
        {
            return Err(corrupt(format!("payload {}", leaf.seq), leaf.payload, Hash::of(payload)));
        }
        self.tiles.append(hash);
        Ok(stored.restored()?)
    }
}

/// The first two entries of a new ledger.
fn begin(draft: &mut Draft, options: &Options, key: &VerifierKey, now: Micros) -> Result<(), StartError> {
    let Options { origin, policy, witnesses, genesis, .. } = options;
    let created = Created {
        format: 1,
        origin: origin.to_string(),
        policy: policy.clone(),
        verifier_key: key.to_string(),
        witnesses: witnesses.clone(),
    };
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
    if size < head.size {
        return Err(corrupt("number of entries", head.size, size));
    }
    check_first(reader, origin, key)?;
    let (start, state) = newest_state(loaded);
    let mut chain = resume_chain(reader, origin, start)?;
    let mut state = state;
    let mut next = start;
    while next < head.size {
        let left = usize::try_from(head.size - next).unwrap_or(LOAD_PAGE);
        let entries = reader.entries(next, left.min(LOAD_PAGE))?;
        for entry in &entries {
            replay(&mut chain, &mut state, entry)?;
        }
        if entries.is_empty() {
            return Err(corrupt("entries", head.size, next));
        }
        next = chain.size();
    }
    let trail = Trail { chain, tiles: resume_tiles(reader, head.size)? };
    let found = trail.head();
    if found.leaf != head.leaf {
        return Err(corrupt("last leaf", head.leaf, found.leaf));
    }
    if found.time != head.time {
        return Err(corrupt("last leaf's time", head.time, found.time));
    }
    if found.root != head.root {
        return Err(corrupt("root of the tree, recomputed from tiles and leaves", head.root, found.root));
    }
    Ok(Ground { state, trail, snapshot: start })
}

pub(super) const LOAD_PAGE: usize = 1_024;

/// The ledger is the one that was meant, and began with our key.
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
    let beyond = size % u64::from(TILE_WIDTH);
    let wanted = usize::try_from(beyond).unwrap_or_default();
    let rest: Vec<Hash> = reader.entries(size - beyond, wanted)?.iter().map(|entry| leaf_hash(&entry.leaf)).collect();
    let tile = |level, index| match reader.tile(level, index)? {
        Some(bytes) => Ok(bytes.to_vec()),
        None => Err(ReadError(format!("tile {index} of level {level} is missing"))),
    };
    TileBuilder::resume(size, &rest, tile).map_err(|error| corrupt("right edge of the tree", "whole tiles", error))
}

/// Takes in one stored entry: it must be the next of the chain, and its payload the one that it names.
fn replay(chain: &mut Chain, state: &mut State, stored: &StoredEntry) -> Result<(), StartError> {
    let (leaf, _) = chain.check(&stored.leaf).map_err(|e| corrupt("chain", "the next leaf", e))?;
    let Some(payload) = &stored.payload else {
        tracing::warn!(seq = leaf.seq, "an erased payload is not part of the restored state");
        return Ok(());
    };
    if Hash::of(payload) != leaf.payload {
        return Err(corrupt(format!("payload {}", leaf.seq), leaf.payload, Hash::of(payload)));
    }
    let unreadable = |error: String| corrupt(format!("payload {}", leaf.seq), "an event", error);
    let payload = Payload::parse(payload).map_err(|error| unreadable(error.to_string()))?;
    if let Some(event) = event_of(&payload).map_err(unreadable)? {
        engine::apply(state, &event, leaf.time, leaf.seq);
    }
    Ok(())
}

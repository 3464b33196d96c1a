//! The state ahead of the commit: where commands are decided, one after the other, and become entries.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use serde::Serialize;

use super::handle::Shared;
use super::journal::{Batch, Head, StoredOutcome};
use super::queue::{Answer, Filled, Known};
use super::work::{CommittedEntry, Outcome, Record, Work};
use crate::base::{Code, Entropy, Hash, Micros};
use crate::engine::{self, Command, Event, Fact, Refusal, State};
use crate::ledger::payload::{self, PayloadError};
use crate::ledger::tile::FullTile;
use crate::ledger::{Chain, Frontier, TileBuilder};

/// The kind of leaf 0, which only a start writes.
pub(super) use crate::ledger::record::CREATED as LEDGER_CREATED;

/// Owned by the decider alone; nobody else sees it before it is committed, and it is dropped when a commit fails.
pub(super) struct Draft {
    /// Committed entries and open ones applied.
    pub state: State,
    pub chain: Chain,
    pub tiles: TileBuilder,
    pub frontier: Frontier,
    pub open: Open,
    recent: Recent,
    entropy: Arc<dyn Entropy>,
    shared: Arc<Shared>,
}

/// What will be committed next.
#[derive(Default)]
pub(super) struct Open {
    entries: Vec<CommittedEntry>,
    tiles: Vec<FullTile>,
    outcomes: Vec<(Hash, StoredOutcome)>,
    answers: Vec<(Answer, Result<Outcome, Refusal>)>,
}

/// A batch with the answers that wait for it.
pub(super) struct Sealed {
    /// `None` when nothing was written: refusals still wait for what they were decided on.
    pub batch: Option<Batch>,
    pub answers: Vec<(Answer, Result<Outcome, Refusal>)>,
}

/// The rules cannot go on by themselves; the ledger must stop rather than spin or skip.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stuck {
    #[error("timer {0:?} fired and changed nothing")]
    Timer(engine::Timer),
    #[error("an event of the clock cannot be written: {0}")]
    Unwritable(PayloadError),
}

impl Draft {
    pub fn new(state: State, chain: Chain, tiles: TileBuilder, entropy: Arc<dyn Entropy>, shared: Arc<Shared>) -> Self {
        let frontier = tiles.frontier();
        let recent = Recent::of(shared.recent_max);
        Self { state, chain, tiles, frontier, open: Open::default(), recent, entropy, shared }
    }

    /// Fires every timer due at or before `to`, in their order. A deadline has its own time, not that of the moment at
    /// which somebody got round to it.
    pub fn advance(&mut self, to: Micros) -> Result<(), Stuck> {
        while let Some((due, timer)) = self.state.timers.first().copied().filter(|(due, _)| *due <= to) {
            let at = self.chain.time().map_or(due, |last| last.max(due));
            let events = engine::fire(&self.state, timer, at);
            self.write_events(events, at).map_err(Stuck::Unwritable)?;
            if self.state.timers.first() == Some(&(due, timer)) {
                return Err(Stuck::Timer(timer));
            }
            self.shared.metrics.timers.fetch_add(1, Relaxed);
            self.shared.metrics.lateness_micros.record(self.shared.clock.now().since(due).get());
        }
        Ok(())
    }

    /// Decides a submission stamped `at`; its answer waits for the commit.
    pub fn take(&mut self, at: Micros, filled: Filled) -> Result<(), Stuck> {
        self.advance(at)?;
        let Filled { submission, known, answer } = filled;
        let result = match (submission.once, known) {
            (None, _) => self.decide(&submission.work, at),
            (Some(once), Known::Is(stored)) => match self.recent.get(once.key).or(stored) {
                Some(known) if known.body == once.body => {
                    self.shared.metrics.replayed.fetch_add(1, Relaxed);
                    Ok(known.again())
                }
                Some(_) => Err(once.reused.into()),
                None => self.decide(&submission.work, at).inspect(|outcome| {
                    let stored = StoredOutcome::new(once.body, outcome);
                    self.recent.insert(once.key, stored);
                    self.open.outcomes.push((once.key, stored));
                }),
            },
            (Some(_), Known::Unasked(_) | Known::Unreadable) => Err(Code::Internal.into()),
        };
        if result.is_err() {
            self.shared.metrics.refused.fetch_add(1, Relaxed);
        }
        self.open.answers.push((answer, result));
        Ok(())
    }

    fn decide(&mut self, work: &Work, at: Micros) -> Result<Outcome, Refusal> {
        match work {
            Work::Command(command) => self.command(command, at),
            Work::Record(record) => self.record(record, at),
            Work::Tick => Ok(Outcome { first: self.chain.size(), count: 0, at, rule: None, replayed: false }),
        }
    }

    pub fn command(&mut self, command: &Command, at: Micros) -> Result<Outcome, Refusal> {
        let events = engine::decide(&self.state, command, at)?;
        let rule = events.first().and_then(|event| match &event.fact {
            Fact::BidRefused(refused) => Some(refused.rule),
            _ => None,
        });
        let first = self.chain.size();
        self.write_events(events, at).map_err(|error| refusal(&error))?;
        Ok(Outcome { first, count: self.chain.size() - first, at, rule, replayed: false })
    }

    fn record(&mut self, record: &Record, at: Micros) -> Result<Outcome, Refusal> {
        let Record { kind, subject, actor, data } = record;
        if kind.is_empty() || kind == LEDGER_CREATED || Fact::KINDS.contains(&kind.as_str()) {
            return Err(Refusal::with(Code::Malformed, format!("{kind:?} is not a kind of record")));
        }
        self.write(kind.clone().into(), subject.clone(), actor, data, at).map_err(|error| refusal(&error))
    }

    /// Writes one entry that the engine knows nothing of.
    pub fn write<T: Serialize + ?Sized>(
        &mut self,
        kind: Cow<'static, str>,
        subject: String,
        actor: &str,
        data: &T,
        at: Micros,
    ) -> Result<Outcome, PayloadError> {
        let payload = self.encode(&kind, &subject, actor, data)?;
        let first = self.chain.size();
        self.append(kind, subject, payload, None, at);
        Ok(Outcome { first, count: 1, at, rule: None, replayed: false })
    }

    /// All of `events`, or none when one cannot be written.
    fn write_events(&mut self, events: Vec<Event>, at: Micros) -> Result<(), PayloadError> {
        let mut encoded = Vec::with_capacity(events.len());
        for event in events {
            let subject = event.subject.to_string();
            let payload = self.encode(event.fact.kind(), &subject, &event.actor.to_string(), &event.fact)?;
            encoded.push((event, subject, payload));
        }
        for (event, subject, payload) in encoded {
            engine::apply(&mut self.state, &event, at, self.chain.size());
            self.append(event.fact.kind().into(), subject, payload, Some(event), at);
        }
        Ok(())
    }

    fn encode<T: Serialize + ?Sized>(
        &self,
        kind: &str,
        subject: &str,
        actor: &str,
        data: &T,
    ) -> Result<Vec<u8>, PayloadError> {
        let mut salt = [0; 16];
        self.entropy.fill(&mut salt);
        payload::encode(actor, kind, data, &salt, subject)
    }

    /// Payload → leaf → chain and tree.
    fn append(&mut self, kind: Cow<'static, str>, subject: String, payload: Vec<u8>, event: Option<Event>, at: Micros) {
        let link = self.chain.append(Hash::of(&payload), at);
        self.open.tiles.extend(self.tiles.append(link.hash));
        self.frontier.append(link.hash);
        self.open.entries.push(CommittedEntry {
            seq: link.leaf.seq,
            at: link.leaf.time,
            prev: link.leaf.prev,
            hash: link.hash,
            leaf: link.bytes.into(),
            payload: Bytes::from(payload),
            kind,
            subject,
            event,
            damaged: false,
        });
    }

    /// Closes the open batch and begins the next on top of it.
    pub fn seal(&mut self) -> Sealed {
        let Open { entries, tiles, outcomes, answers } = std::mem::take(&mut self.open);
        let batch = entries.last().map(|last| (last.at, last.hash)).map(|(time, leaf)| {
            let size = self.chain.size();
            let before = size - u64::try_from(entries.len()).unwrap_or(size);
            Batch { before, entries, tiles, outcomes, head: Head { size, root: self.frontier.root(), time, leaf } }
        });
        Sealed { batch, answers }
    }
}

fn refusal(error: &PayloadError) -> Refusal {
    let code = if *error == PayloadError::TooLarge { Code::TooLarge } else { Code::Malformed };
    Refusal::with(code, error.to_string())
}

impl Open {
    /// Entries or answers, whichever are more.
    pub fn len(&self) -> usize {
        self.entries.len().max(self.answers.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl StoredOutcome {
    fn new(body: Hash, outcome: &Outcome) -> Self {
        let Outcome { first, count, at, rule, replayed: _ } = *outcome;
        Self { body, first, count, at, rule }
    }

    fn again(self) -> Outcome {
        let Self { body: _, first, count, at, rule } = self;
        Outcome { first, count, at, rule, replayed: true }
    }
}

/// The answers of late, which a look into storage may have missed.
struct Recent {
    by_key: HashMap<Hash, StoredOutcome>,
    order: VecDeque<Hash>,
    max: usize,
}

impl Recent {
    fn of(max: usize) -> Self {
        Self { by_key: HashMap::with_capacity(max), order: VecDeque::with_capacity(max), max }
    }

    fn get(&self, key: Hash) -> Option<StoredOutcome> {
        self.by_key.get(&key).copied()
    }

    fn insert(&mut self, key: Hash, outcome: StoredOutcome) {
        if self.order.len() >= self.max
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_key.remove(&oldest);
        }
        self.order.push_back(key);
        self.by_key.insert(key, outcome);
    }
}

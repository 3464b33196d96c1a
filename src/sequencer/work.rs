//! What goes into the sequencer and what comes out of it.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::base::{Code, Hash, Micros};
use crate::engine::{Command, Event, State};

/// What is asked of the sequencer. Sessions, rights and signatures were checked before.
#[derive(Debug, Clone)]
pub enum Work {
    /// Trade: the engine decides.
    Command(Command),
    /// An entry that is not trade.
    Record(Record),
    /// Nothing but the time: whatever is due at the stamp fires, and the answer comes when it and all before it is
    /// durable. Writes no entry of its own.
    Tick,
}

/// An entry that is not trade (camera segments, viewings, key changes): the small check of its kind was made by its room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// `area.past_tense`; the engine's kinds and `ledger.created` are refused.
    pub kind: String,
    pub subject: String,
    pub actor: String,
    /// An object in the ledger's JSON: no floats, integers below 2^53.
    pub data: Value,
}

#[derive(Debug, Clone)]
pub struct Submission {
    pub work: Work,
    pub once: Option<Once>,
}

impl Submission {
    pub fn command(command: Command) -> Self {
        Self { work: Work::Command(command), once: None }
    }

    pub fn record(record: Record) -> Self {
        Self { work: Work::Record(record), once: None }
    }

    #[must_use]
    pub fn once(self, once: Once) -> Self {
        Self { once: Some(once), ..self }
    }
}

/// Idempotency: the same key with the same body gets the same answer and no second entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Once {
    /// What scope and key come to; see [`Once::new`].
    pub key: Hash,
    /// Hash of the request, so that another request under the same key is told apart.
    pub body: Hash,
    /// The refusal when key and body do not belong together: `KeyReused`, for bids `NonceReplayed`.
    pub reused: Code,
}

impl Once {
    /// From a client's UUID within `scope` (an account, a lot and number …). A UUID of version 7 begins with its time, and so
    /// does the key then: neighbours in time are neighbours on disk, and a commit touches few pages. Nothing else rests on it.
    pub fn new(scope: &str, uuid: &[u8; 16], body: Hash, reused: Code) -> Self {
        let mut key = Hash::of_parts(&[scope.as_bytes(), &[0], uuid]);
        let [t0, t1, t2, t3, t4, t5, version, ..] = *uuid;
        if version >> 4 == 7 {
            key.0.iter_mut().zip([t0, t1, t2, t3, t4, t5]).for_each(|(byte, time)| *byte = time);
        }
        Self { key, body, reused }
    }
}

/// What became of a submission that was not refused; the entries are durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// `seq` of the first entry: the one that was asked for, or its recorded refusal.
    pub first: u64,
    /// How many entries it caused; 0 for [`Work::Tick`].
    pub count: u64,
    /// Leaf time.
    pub at: Micros,
    /// The rule that a bid broke: recorded, but not accepted.
    pub rule: Option<Code>,
    /// Whether this answers an earlier submission of the same key again.
    pub replayed: bool,
}

/// Everything that is durable, as of the newest commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    pub state: State,
    /// Number of entries.
    pub size: u64,
    pub root: Hash,
    /// Time of the last leaf.
    pub time: Micros,
    /// Hash of the last leaf.
    pub head_leaf: Hash,
    /// The signed note over `size` and `root`.
    pub checkpoint: Arc<str>,
}

/// One entry of the ledger. Nobody outside the sequencer sees it before it is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedEntry {
    pub seq: u64,
    /// Leaf time.
    pub at: Micros,
    /// Leaf hash of the entry before.
    pub prev: Hash,
    /// Leaf hash.
    pub hash: Hash,
    pub leaf: Bytes,
    pub payload: Bytes,
    pub kind: Cow<'static, str>,
    pub subject: String,
    /// `None` for records.
    pub event: Option<Event>,
    /// It was read back and can no longer be understood; never so of what has just been committed.
    pub damaged: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedBatch {
    /// Consecutive; never empty.
    pub entries: Vec<CommittedEntry>,
    /// The signed note over the tree that ends with these entries.
    pub checkpoint: Arc<str>,
}

/// Who wants to hear of commits.
pub trait Listener: Send + Sync {
    /// Called once before all else: the first `size` entries are durable, whoever wrote them, and this is their note.
    fn resumed(&self, _size: u64, _checkpoint: &Arc<str>) {}

    /// Called after the commit and before its checkpoint is shown or a submitter answered: for whoever must be able to
    /// serve the new tree (receipts, tiles, what a bid has `seen`) to the first who hears of it.
    fn durable(&self, _batch: &Arc<CommittedBatch>) {}

    /// Called after commit and checkpoint, batch by batch in order, on the committing thread: whatever takes long or may
    /// block belongs elsewhere.
    fn committed(&self, batch: &Arc<CommittedBatch>);
}

//! What the sequencer writes through: the one writer's side of a ledger's storage.

use std::sync::Arc;

use bytes::Bytes;

use super::reader::LedgerReader;
use super::work::CommittedEntry;
use crate::base::{Code, Hash, Micros};
use crate::ledger::tile::FullTile;

/// A ledger's storage as its one writer sees it.
pub trait Journal: Send {
    /// What is really there. An empty journal answers `Ok(None)`.
    fn load(&mut self) -> Result<Option<Loaded>, JournalError>;

    /// ONE durable transaction: all of the batch, or nothing. The head moves from `batch.before` by compare-and-swap.
    fn commit(&mut self, batch: &Batch) -> Result<(), JournalError>;

    /// Replaces older snapshots. Not part of the ledger: losing one costs time at the next start.
    fn save_snapshot(&mut self, snapshot: &StoredSnapshot) -> Result<(), JournalError>;

    /// That the platform was alive at `at`; what an outage is measured from.
    fn mark_alive(&mut self, at: Micros) -> Result<(), JournalError>;

    /// Keeps a signed note, so that rewriting the past later contradicts it. Of two notes of one size the longer stays: it
    /// has more signatures.
    fn save_checkpoint(&mut self, size: u64, note: &str, at: Micros) -> Result<(), JournalError>;

    /// Everyone else's side of the same storage.
    fn reader(&self) -> Arc<dyn LedgerReader>;
}

/// What one commit makes durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The size that the ledger must have for this batch to fit.
    pub before: u64,
    /// Consecutive, from `before` on; never empty.
    pub entries: Vec<CommittedEntry>,
    /// The tiles that these entries filled.
    pub tiles: Vec<FullTile>,
    /// Answers to keep: key and outcome.
    pub outcomes: Vec<(Hash, StoredOutcome)>,
    /// The head after it.
    pub head: Head,
}

/// Where a ledger ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub size: u64,
    pub root: Hash,
    /// Time of the last leaf.
    pub time: Micros,
    /// Hash of the last leaf.
    pub leaf: Hash,
}

/// The answer that a key gets again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredOutcome {
    pub body: Hash,
    pub first: u64,
    pub count: u64,
    pub at: Micros,
    pub rule: Option<Code>,
}

/// What a start begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    pub head: Head,
    /// The newest one.
    pub snapshot: Option<StoredSnapshot>,
    /// When the platform is last known to have been alive.
    pub alive: Option<Micros>,
}

/// The engine's state after the first `size` entries, as bytes of [`super::snapshot`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSnapshot {
    pub size: u64,
    pub bytes: Vec<u8>,
}

/// An entry as it lies in storage; the payload is gone where it was erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    pub seq: u64,
    pub leaf: Bytes,
    pub payload: Option<Bytes>,
}

/// Why a write did not happen, or whether it did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The head is not where this writer left it.
    #[error("another writer has moved the ledger's head")]
    Conflict,
    /// Nothing of it is durable.
    #[error("nothing was written: {0}")]
    NotWritten(String),
    /// It may be durable, or not: only a fresh look tells.
    #[error("the outcome of a write is unknown: {0}")]
    Unknown(String),
}

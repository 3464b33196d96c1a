//! The record behind the stream, from which viewers read what they missed.

use super::Scope;
use crate::sequencer::CommittedEntry;

/// Reads of what is committed. They may block; the hub makes them on threads for that.
pub trait History: Send + Sync {
    /// How many entries are committed.
    fn size(&self) -> Result<u64, HistoryError>;
    /// The newest signed checkpoint; empty when there is none yet.
    fn checkpoint(&self) -> Result<String, HistoryError>;
    /// Entries of `scope` with `from ≤ seq < upto` in order, at most `limit`; an erased payload is empty.
    fn page(&self, scope: Scope, from: u64, upto: u64, limit: usize) -> Result<Page, HistoryError>;
}

/// A part of history.
#[derive(Debug, Default)]
pub struct Page {
    pub entries: Vec<CommittedEntry>,
    /// Where to go on: every entry of the scope before it is in this page or was in an earlier one. A page may be empty
    /// and still move on, so that looking for a lot's few entries among many stays bounded.
    pub next: u64,
}

/// The record could not be read.
#[derive(Debug, thiserror::Error)]
#[error("history: {0}")]
pub struct HistoryError(pub String);

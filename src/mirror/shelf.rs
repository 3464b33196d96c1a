//! What a mirror keeps of a log.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::Micros;
use crate::ledger::tile::FullTile;
use crate::sequencer::{Head, JournalError, LedgerReader, ReadError};

/// A payload as the log gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// Anybody may read it.
    Public(Bytes),
    /// The mirror's owner may read it, the public not.
    Private(Bytes),
    /// Not even the owner, so far.
    Withheld,
    /// By law; its hash remains in the leaf.
    Erased,
}

/// How a kept payload may be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// To anybody, or to nobody any more where it is erased.
    Open,
    /// To the mirror's owner.
    Private,
    /// The mirror does not have it.
    Withheld,
}

/// An entry that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub seq: u64,
    pub leaf: Bytes,
    pub payload: Text,
}

/// A mirror's storage. Its one writer is the mirror; readers see what is durable.
pub trait Shelf: Send + Sync {
    fn reader(&self) -> Arc<dyn LedgerReader>;

    /// ONE durable transaction: consecutive entries from `before` on, the tiles that they filled, and where they end.
    fn append(&self, before: u64, entries: &[Copied], tiles: &[FullTile], head: Head) -> Result<(), JournalError>;

    /// Keeps a note over `size` entries, all of which are durable.
    fn keep(&self, size: u64, note: &str, at: Micros) -> Result<(), JournalError>;

    fn standing(&self, seq: u64) -> Result<Standing, ReadError>;

    /// Entries from `from` on whose payload is not public so far, in order, at most `limit`.
    fn not_public(&self, from: u64, limit: usize) -> Result<Vec<(u64, Standing)>, ReadError>;

    /// What has become of a payload that was not public.
    fn settle(&self, seq: u64, text: &Text) -> Result<(), JournalError>;
}

//! What several nodes share of one ledger: who may write it now, and the way to write.

use std::sync::Arc;

use super::journal::{Journal, JournalError};
use super::reader::LedgerReader;

/// A ledger's storage that several nodes share. One of them holds the lease and writes; its epoch goes into every commit,
/// and storage refuses a commit of an epoch that is over, whatever the writer believes.
pub trait SharedLedger: Send {
    /// Takes the lease if it is free or has run out, renews it if it is this node's, and says who holds it.
    fn take_lease(&mut self) -> Result<Tenure, JournalError>;

    /// Gives the lease back if it is still that of `epoch`; whoever takes it next, this node included, gets another.
    fn release_lease(&mut self, epoch: u64) -> Result<(), JournalError>;

    /// The way to write under `epoch`.
    fn journal(&mut self, epoch: u64) -> Result<Box<dyn Journal>, JournalError>;

    /// Everyone's side of the same storage.
    fn reader(&self) -> Arc<dyn LedgerReader>;
}

/// Who holds the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenure {
    /// One more with each new holder.
    pub epoch: u64,
    pub ours: bool,
    pub node: String,
    /// Where the holder answers other nodes.
    pub address: String,
    /// Until it runs out, by storage's clock.
    pub left_ms: u64,
}

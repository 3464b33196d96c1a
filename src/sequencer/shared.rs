//! What several nodes share of one ledger: who may write it now, and the way to write.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::journal::{Journal, JournalError};
use super::reader::LedgerReader;
use crate::base::limits::SHED_EVERY;

/// A ledger's storage that several nodes share. One of them holds the lease and writes; its epoch goes into every commit,
/// and storage refuses a commit of an epoch that is over, whatever the writer believes.
pub trait SharedLedger: Send {
    /// Takes the lease if it is free or has run out, renews it if it is this node's, and says who holds it. `leads`: of how
    /// many ledgers this node is the writer, for the other nodes to know.
    fn take_lease(&mut self, leads: u64) -> Result<Tenure, JournalError>;

    /// Gives the lease back if it is still that of `epoch`; whoever takes it next, this node included, gets another.
    fn release_lease(&mut self, epoch: u64) -> Result<(), JournalError>;

    /// Makes `node` the holder, under the next epoch, if the lease is still that of `epoch`; whether it was.
    fn hand_over(&mut self, epoch: u64, node: &str) -> Result<bool, JournalError>;

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
    /// Of the other nodes that stand by, the one that leads the fewest ledgers.
    pub idlest: Option<Standby>,
}

/// A node that follows a ledger and could write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standby {
    pub node: String,
    /// How many ledgers it leads.
    pub leads: u64,
}

/// How many ledgers a process leads, counted over all that it serves: nodes share them out evenly by it.
#[derive(Debug, Clone, Default)]
pub struct Load {
    leads: Arc<AtomicU64>,
    moved: Arc<Mutex<Option<Instant>>>,
}

impl Load {
    pub fn leads(&self) -> u64 {
        self.leads.load(Ordering::Relaxed)
    }

    pub(super) fn begins(&self) {
        self.leads.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn ends(&self) {
        self.leads.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether one ledger should go to a node that leads `others`: it would still not lead more than this one. One at a
    /// time: what the others know of this node is as old as their last look.
    pub(super) fn sheds(&self, others: u64) -> bool {
        if self.leads() < others + 2 {
            return false;
        }
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        let rested = moved.is_none_or(|at| at.elapsed() >= Duration::from_micros(SHED_EVERY.get()));
        if rested {
            *moved = Some(Instant::now());
        }
        rested
    }
}

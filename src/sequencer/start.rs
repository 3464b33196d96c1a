//! From what is durable to a running sequencer.

use std::sync::Arc;

use super::clock::Clock;
use super::handle::Sequencer;
use super::journal::{Journal, JournalError};
use super::reader::ReadError;
use super::work::Listener;
use crate::base::{Entropy, Span, limits};
use crate::engine::event::PlatformConfigured;
use crate::ledger::{Origin, Signer};

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
    /// Storage contradicts itself: what, and how.
    #[error("the stored ledger does not hold: {0}")]
    Corrupt(String),
    #[error("the ledger belongs to {found}, not to {expected}")]
    Origin { expected: Origin, found: String },
    #[error("the ledger cannot begin: {0}")]
    Genesis(String),
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

impl Sequencer {
    /// Loads what is durable (an empty journal becomes a new ledger), makes up for an outage, and runs.
    ///
    /// # Errors
    /// When storage cannot be read, contradicts itself, or belongs to another ledger.
    pub fn start(
        journal: Box<dyn Journal>,
        signer: Box<dyn Signer>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        listeners: Vec<Arc<dyn Listener>>,
        options: Options,
    ) -> Result<Self, StartError> {
        let _ = (journal, signer, clock, entropy, listeners, options);
        Err(StartError::Corrupt("not written yet".into()))
    }
}

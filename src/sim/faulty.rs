//! A journal around another one that fails where it is told to.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::Micros;
use crate::sequencer::{Batch, Journal, JournalError, LedgerReader, Loaded, StoredSnapshot};

/// Where a commit fails, and what is on disk afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Before anything is written: nothing is durable, and it is known.
    BeforeWrite,
    /// The entries are written, the head does not move, the transaction is rolled back: nothing is durable.
    BeforeHead,
    /// COMMIT reports an error, and nothing is durable; but who can know.
    CommitFailed,
    /// COMMIT reports an error, and all of it is durable.
    CommitFailedButPersisted,
}

impl Fault {
    pub const ALL: [Self; 4] =
        [Self::BeforeWrite, Self::BeforeHead, Self::CommitFailed, Self::CommitFailedButPersisted];

    pub const fn persists(self) -> bool {
        matches!(self, Self::CommitFailedButPersisted)
    }

    /// Whether the writer can know that nothing is durable.
    pub const fn is_known(self) -> bool {
        matches!(self, Self::BeforeWrite | Self::BeforeHead)
    }
}

/// The remote control of a [`FaultyJournal`]; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    /// The next commit fails like this.
    next: Option<Fault>,
    /// The next commit says that it began, and waits.
    gate: Option<(SyncSender<()>, Receiver<()>)>,
    commits: u64,
}

/// A commit that is being held.
#[derive(Debug)]
pub struct Gate {
    began: Receiver<()>,
    open: SyncSender<()>,
}

impl Gate {
    /// Waits until the commit has begun.
    pub fn began(&self) {
        let _ = self.began.recv();
    }

    /// Lets it go on.
    pub fn open(self) {
        let _ = self.open.send(());
    }
}

impl Faults {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn fail_next(&self, fault: Fault) {
        self.plan().next = Some(fault);
    }

    /// Holds the next commit until the gate is opened.
    pub fn hold_next(&self) -> Gate {
        let (say_began, began) = sync_channel(1);
        let (open, wait_open) = sync_channel(1);
        self.plan().gate = Some((say_began, wait_open));
        Gate { began, open }
    }

    /// Commits tried so far.
    pub fn commits(&self) -> u64 {
        self.plan().commits
    }
}

/// Fails as [`Faults`] says; otherwise does what the journal inside does.
pub struct FaultyJournal {
    inner: Box<dyn Journal>,
    faults: Faults,
}

impl FaultyJournal {
    pub fn around(inner: Box<dyn Journal>) -> (Box<Self>, Faults) {
        let faults = Faults::default();
        (Box::new(Self { inner, faults: faults.clone() }), faults)
    }
}

impl Journal for FaultyJournal {
    fn load(&mut self) -> Result<Option<Loaded>, JournalError> {
        self.inner.load()
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), JournalError> {
        let (fault, gate) = {
            let mut plan = self.faults.plan();
            plan.commits += 1;
            (plan.next.take(), plan.gate.take())
        };
        if let Some((began, open)) = gate {
            let _ = began.send(());
            let _ = open.recv();
        }
        let Some(fault) = fault else { return self.inner.commit(batch) };
        let said = format!("fault injected: {fault:?}");
        match fault {
            Fault::BeforeWrite => Err(JournalError::NotWritten(said)),
            Fault::BeforeHead => {
                // A head that cannot match makes the journal inside roll back what it wrote.
                let out_of_place = Batch { before: u64::MAX, ..batch.clone() };
                self.inner.commit(&out_of_place).err().map_or(Ok(()), |_| Err(JournalError::NotWritten(said)))
            }
            Fault::CommitFailed => Err(JournalError::Unknown(said)),
            Fault::CommitFailedButPersisted => {
                self.inner.commit(batch)?;
                Err(JournalError::Unknown(said))
            }
        }
    }

    fn save_snapshot(&mut self, snapshot: &StoredSnapshot) -> Result<(), JournalError> {
        self.inner.save_snapshot(snapshot)
    }

    fn mark_alive(&mut self, at: Micros) -> Result<(), JournalError> {
        self.inner.mark_alive(at)
    }

    fn save_checkpoint(&mut self, size: u64, note: &str, at: Micros) -> Result<(), JournalError> {
        self.inner.save_checkpoint(size, note, at)
    }

    fn reader(&self) -> Arc<dyn LedgerReader> {
        self.inner.reader()
    }
}

//! A disk, or a database, as a writer finds it: a commit is in limbo until its sync has come back, a write may fail at any
//! count, and what was in limbo is afterwards there whole, or not at all, or torn, which its checksum tells. Nodes share it
//! through a lease with an epoch, as they share PostgreSQL.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::dice::Dice;
use crate::base::limits::LEASE;
use crate::base::{Micros, Span};
use crate::sequencer::{Batch, Journal, JournalError, LedgerReader, Loaded, SharedLedger, StoredSnapshot, Tenure};
use crate::sim::MemoryJournal;

/// How a write goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// EIO or ENOSPC before anything counts: nothing is durable, and it is known.
    Write,
    /// EIO from the sync, or a connection that broke at COMMIT: it may become durable, or not.
    Sync,
}

/// A promise that this disk breaks: only to see that the checker finds out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// A sync comes back before anything is safe: the writer acknowledges what a crash takes away.
    SyncsNothing,
    /// A sync that failed is said to have written nothing, and sometimes it has.
    CallsUnknownRefused,
    /// Who writes, and where the ledger ends, is not looked at: two leaders write over each other.
    Unfenced,
    /// The answers that were kept are gone after a restart.
    ForgetsAnswers,
    /// What was torn by a crash is taken for whole.
    KeepsTorn,
}

impl Weakness {
    pub const ALL: [Self; 5] =
        [Self::SyncsNothing, Self::CallsUnknownRefused, Self::Unfenced, Self::ForgetsAnswers, Self::KeepsTorn];
}

/// Clones are the same disk.
#[derive(Debug, Clone)]
pub struct Disk(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    /// What every reader sees and no crash takes away.
    durable: MemoryJournal,
    /// Written, but never known to be synced.
    limbo: Vec<Batch>,
    armed: Option<Armed>,
    /// By the database's clock.
    now: Micros,
    lease: Lease,
    dice: Dice,
    tally: Tally,
    weakness: Option<Weakness>,
}

#[derive(Debug, Clone, Copy)]
struct Armed {
    /// Writes that still go through.
    left: u64,
    failure: Failure,
    /// Every write from there on, or that one only.
    lasting: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Lease {
    epoch: u64,
    holder: Option<usize>,
    until: Micros,
}

/// What befell the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub commits: u64,
    pub failed: u64,
    /// Of those in limbo: found whole, torn, or lost.
    pub whole: u64,
    pub torn: u64,
    pub lost: u64,
    /// Commits of an epoch that was over.
    pub fenced: u64,
}

impl Disk {
    pub fn new(durable: MemoryJournal, now: Micros, seed: u64, weakness: Option<Weakness>) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            durable,
            limbo: Vec::new(),
            armed: None,
            now,
            lease: Lease::default(),
            dice: Dice::new(seed),
            tally: Tally::default(),
            weakness,
        })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The write after the next `left` fails; `lasting`: and all after it.
    pub fn arm(&self, left: u64, failure: Failure, lasting: bool) {
        self.inner().armed = Some(Armed { left, failure, lasting });
    }

    pub fn mend(&self) {
        self.inner().armed = None;
    }

    pub fn set_now(&self, now: Micros) {
        self.inner().now = now;
    }

    pub fn contents(&self) -> MemoryJournal {
        self.inner().durable.clone()
    }

    pub fn tally(&self) -> Tally {
        self.inner().tally
    }

    /// For the one writer of an embedded ledger.
    pub fn journal(&self) -> Box<dyn Journal> {
        Box::new(DiskJournal { disk: self.clone(), epoch: None })
    }

    /// A node's side.
    pub fn shared(&self, node: usize) -> Box<dyn SharedLedger> {
        Box::new(Node { disk: self.clone(), node })
    }
}

impl Inner {
    /// Finds out what became of what was in limbo: of the writes in their order, a beginning. A torn one ends it.
    fn settle(&mut self) {
        let mut readable = true;
        for batch in std::mem::take(&mut self.limbo) {
            let sectors = 1 + u64::try_from(batch.entries.len()).unwrap_or(1);
            let written = self.dice.pick(&[0, self.dice.below(sectors), sectors]).unwrap_or(0);
            if !readable || written == 0 {
                self.tally.lost += 1;
            } else if written < sectors {
                self.tally.torn += 1;
            } else {
                self.tally.whole += 1;
            }
            let torn = written > 0 && written < sectors;
            if readable && torn && self.weakness == Some(Weakness::KeepsTorn) {
                let mut batch = batch.clone();
                batch.entries.truncate(usize::try_from(written - 1).unwrap_or(usize::MAX));
                let _ = self.durable.commit(&batch);
            }
            readable &= written == sectors;
            if readable {
                // In limbo it had passed its compare-and-swap; if it does not pass now, another writer came before.
                let _ = self.durable.commit(&batch);
            }
        }
    }

    /// Whether this write fails.
    fn fails(&mut self) -> Option<Failure> {
        let armed = self.armed.as_mut()?;
        if let Some(left) = armed.left.checked_sub(1) {
            armed.left = left;
            return None;
        }
        let failure = armed.failure;
        if !armed.lasting {
            self.armed = None;
        }
        self.tally.failed += 1;
        Some(failure)
    }

    fn write(&mut self) -> Result<(), JournalError> {
        match self.fails() {
            None => Ok(()),
            Some(failure) => Err(JournalError::NotWritten(format!("injected: {failure:?}"))),
        }
    }
}

struct DiskJournal {
    disk: Disk,
    /// `None`: nobody else writes, the directory's lock sees to it.
    epoch: Option<u64>,
}

impl Journal for DiskJournal {
    fn load(&mut self) -> Result<Option<Loaded>, JournalError> {
        let mut inner = self.disk.inner();
        inner.settle();
        if inner.weakness == Some(Weakness::ForgetsAnswers) {
            inner.durable.forget_outcomes();
        }
        inner.durable.load()
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), JournalError> {
        let mut inner = self.disk.inner();
        if inner.weakness == Some(Weakness::SyncsNothing) {
            inner.tally.commits += 1;
            inner.limbo.push(batch.clone());
            return Ok(());
        }
        // Whatever is still on its way holds the head's lock.
        inner.settle();
        if inner.weakness == Some(Weakness::Unfenced) {
            inner.tally.commits += 1;
            inner.durable.overwrite(batch);
            return Ok(());
        }
        if self.epoch.is_some_and(|epoch| epoch != inner.lease.epoch) {
            inner.tally.fenced += 1;
            return Err(JournalError::Conflict);
        }
        match inner.fails() {
            None => {
                inner.tally.commits += 1;
                inner.durable.commit(batch)
            }
            Some(Failure::Write) => Err(JournalError::NotWritten("injected: EIO".into())),
            Some(Failure::Sync) => {
                if inner.durable.load()?.map_or(0, |loaded| loaded.head.size) != batch.before {
                    return Err(JournalError::Conflict);
                }
                inner.limbo.push(batch.clone());
                match inner.weakness {
                    Some(Weakness::CallsUnknownRefused) => Err(JournalError::NotWritten("injected: a lie".into())),
                    _ => Err(JournalError::Unknown("injected: EIO from the sync".into())),
                }
            }
        }
    }

    fn save_snapshot(&mut self, snapshot: &StoredSnapshot) -> Result<(), JournalError> {
        let mut inner = self.disk.inner();
        inner.write()?;
        inner.durable.save_snapshot(snapshot)
    }

    fn mark_alive(&mut self, at: Micros) -> Result<(), JournalError> {
        let mut inner = self.disk.inner();
        inner.write()?;
        inner.durable.mark_alive(at)
    }

    fn save_checkpoint(&mut self, size: u64, note: &str, at: Micros) -> Result<(), JournalError> {
        let mut inner = self.disk.inner();
        inner.write()?;
        inner.durable.save_checkpoint(size, note, at)
    }

    fn reader(&self) -> Arc<dyn LedgerReader> {
        self.disk.inner().durable.reader()
    }
}

struct Node {
    disk: Disk,
    node: usize,
}

impl SharedLedger for Node {
    fn take_lease(&mut self, _leads: u64) -> Result<Tenure, JournalError> {
        let mut inner = self.disk.inner();
        inner.settle();
        let now = inner.now;
        let lease = &mut inner.lease;
        if lease.holder != Some(self.node) && lease.holder.is_some() && now < lease.until {
            let left_ms = lease.until.since(now).get() / 1_000;
            let node = format!("node {}", lease.holder.unwrap_or_default());
            return Ok(Tenure { epoch: lease.epoch, ours: false, node, address: String::new(), left_ms, idlest: None });
        }
        if lease.holder != Some(self.node) {
            *lease = Lease { epoch: lease.epoch + 1, holder: Some(self.node), until: now };
        }
        lease.until = now.plus(LEASE);
        let (node, left_ms) = (format!("node {}", self.node), Span::get(LEASE) / 1_000);
        Ok(Tenure { epoch: lease.epoch, ours: true, node, address: String::new(), left_ms, idlest: None })
    }

    /// One ledger: there is nothing to share out.
    fn hand_over(&mut self, _epoch: u64, _node: &str) -> Result<bool, JournalError> {
        Ok(false)
    }

    fn release_lease(&mut self, epoch: u64) -> Result<(), JournalError> {
        let mut inner = self.disk.inner();
        if inner.lease.epoch == epoch && inner.lease.holder == Some(self.node) {
            inner.lease.holder = None;
        }
        Ok(())
    }

    fn journal(&mut self, epoch: u64) -> Result<Box<dyn Journal>, JournalError> {
        Ok(Box::new(DiskJournal { disk: self.disk.clone(), epoch: Some(epoch) }))
    }

    fn reader(&self) -> Arc<dyn LedgerReader> {
        self.disk.inner().durable.reader()
    }
}

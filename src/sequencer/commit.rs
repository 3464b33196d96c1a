//! The two threads: one decides, one commits. The commit point is in [`Committer::commit`].

use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::clock::SteadyClock;
use super::draft::{Draft, Sealed};
use super::handle::Shared;
use super::journal::{Batch, Journal, JournalError, StoredSnapshot};
use super::queue::{Next, Queue, Wants};
use super::snapshot;
use super::work::{CommittedBatch, Listener};
use crate::base::{Code, Hash, Span, limits};
use crate::ledger::{Checkpoint, Origin, Signer};

/// How often the committer looks after alive mark and kept checkpoint.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

pub(super) enum Order {
    Commit(Sealed),
    SaveSnapshot(StoredSnapshot),
    Close,
}

/// A thread that panics must not leave anybody waiting.
struct StopOnPanic(Arc<Queue>, &'static str);

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop(format!("the {} failed; its log says how", self.1));
        }
    }
}

/// Takes from the queue, decides, hands over.
pub(super) struct Decider {
    pub shared: Arc<Shared>,
    pub queue: Arc<Queue>,
    pub draft: Draft,
    pub orders: Sender<Order>,
    pub batch_max: usize,
}

impl Decider {
    pub fn run(mut self) {
        let _guard = StopOnPanic(Arc::clone(&self.queue), "decider");
        while self.heed(self.queue.next(&*self.shared.clock, self.wants())) {}
        self.end();
    }

    pub fn wants(&self) -> Wants {
        Wants {
            due: self.draft.state.next_timer(),
            hand_over: !self.draft.open.is_empty(),
            work: self.draft.open.len() < self.batch_max,
        }
    }

    /// Answers whether there is more to do.
    pub fn heed(&mut self, next: Next) -> bool {
        let done = match next {
            Next::Work(stamp, filled) => self.draft.take(stamp, *filled),
            Next::LookUp(keys) => {
                self.look_up(&keys);
                Ok(())
            }
            Next::Time(at) => self.draft.advance(at),
            Next::HandOver => {
                // Fails only when the committer is gone, and then the queue is stopped.
                let _ = self.orders.send(Order::Commit(self.draft.seal()));
                Ok(())
            }
            Next::Drained | Next::Stopped => return false,
        };
        if let Err(stuck) = done {
            self.queue.stop(stuck.to_string());
            self.shared.ring();
        }
        true
    }

    /// Asks storage once for many. Whatever is answered under one of the keys after this look, or was decided before it and
    /// is not durable yet, the draft remembers itself.
    fn look_up(&self, keys: &[(u64, Hash)]) {
        let found = self.shared.reader.outcomes(&keys.iter().map(|(_, key)| *key).collect::<Vec<_>>());
        if let Err(error) = &found {
            tracing::error!(%error, "cannot look up idempotency keys");
        }
        self.queue.looked_up(keys, found.ok());
    }

    /// What was decided and not handed over will never be written.
    pub fn end(&mut self) {
        for (answer, _) in self.draft.seal().answers {
            let _ = answer.send(Err(self.queue.stopped.into()));
        }
        let _ = self.orders.send(Order::Close);
    }
}

/// Owns the journal and the log's key; the only one that writes [`Shared::committed`].
pub(super) struct Committer {
    pub shared: Arc<Shared>,
    pub queue: Arc<Queue>,
    pub journal: Box<dyn Journal>,
    pub signer: Arc<dyn Signer>,
    pub origin: Origin,
    pub listeners: Vec<Arc<dyn Listener>>,
    pub orders: Receiver<Order>,
    /// For the thread that serialises a snapshot.
    pub to_self: Sender<Order>,
    pub snapshot_every: u64,
    pub checkpoint_every: Duration,
    pub upkeep: Upkeep,
    /// Whether every commit so far came through; after one that did not, nothing more is written.
    pub healthy: bool,
}

/// When what was last looked after.
pub(super) struct Upkeep {
    /// Size of the newest snapshot, also while it is still being made.
    pub snapshot: u64,
    pub checkpoint: u64,
    pub checkpoint_kept: Instant,
    pub alive_marked: Instant,
    pub clock: SteadyClock,
}

/// Why the ledger takes nothing more.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    #[error("commit failed: {0}")]
    Journal(#[from] JournalError),
    #[error("committed, but the checkpoint was not signed: {0}")]
    Signer(#[from] crate::ledger::SignerError),
}

impl Stop {
    /// What the batch's submitters are told.
    fn code(&self, stopped: Code) -> Code {
        match self {
            Self::Journal(JournalError::Conflict | JournalError::NotWritten(_)) => stopped,
            Self::Journal(JournalError::Unknown(_)) | Self::Signer(_) => Code::OutcomeUnknown,
        }
    }
}

impl Committer {
    pub fn run(mut self) {
        let _guard = StopOnPanic(Arc::clone(&self.queue), "committer");
        loop {
            match self.orders.recv_timeout(HOUSEKEEPING) {
                Ok(order) => {
                    if !self.obey(order) {
                        break;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.healthy {
                self.keep_house();
            }
        }
        self.end();
    }

    /// Answers whether there is more to come.
    pub fn obey(&mut self, order: Order) -> bool {
        match order {
            Order::Commit(sealed) => {
                let (started, answered) = (Instant::now(), sealed.answers.len());
                self.healthy = self.commit(sealed).is_ok();
                if self.healthy {
                    self.queue.committer_is_free(answered, started.elapsed());
                }
            }
            Order::SaveSnapshot(snapshot) if self.healthy => self.save_snapshot(&snapshot),
            Order::SaveSnapshot(_) => {}
            Order::Close => return false,
        }
        true
    }

    pub fn end(&mut self) {
        if self.healthy {
            self.close();
        }
    }

    /// Makes a batch durable, then tells. Nobody is told before.
    pub fn commit(&mut self, sealed: Sealed) -> Result<(), Stop> {
        let Sealed { batch, answers } = sealed;
        let committed = match batch.map(|batch| self.make_durable(batch)).transpose() {
            Ok(committed) => committed,
            Err(stop) => {
                // First no more comes in, then they are told.
                tracing::error!(%stop, "the ledger has stopped");
                if matches!(stop, Stop::Journal(_)) {
                    self.shared.metrics.journal_errors.fetch_add(1, Relaxed);
                }
                self.queue.stop(stop.to_string());
                let code = stop.code(self.queue.stopped);
                for (answer, _) in answers {
                    let _ = answer.send(Err(code.into()));
                }
                self.shared.ring();
                return Err(stop);
            }
        };
        // A submitter that no longer waits is none of our business.
        for (answer, result) in answers {
            let _ = answer.send(result);
        }
        if let Some(committed) = committed {
            self.listeners.iter().for_each(|listener| listener.committed(&committed));
            self.snapshot_if_due();
        }
        Ok(())
    }

    fn make_durable(&mut self, batch: Batch) -> Result<Arc<CommittedBatch>, Stop> {
        let started = Instant::now();
        // ─── The commit point. Before this line nothing has happened; after it, it has happened for good. ───
        self.journal.commit(&batch)?;
        self.shared.metrics.commit_micros.record(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX));
        self.shared.metrics.batch.record(u64::try_from(batch.entries.len()).unwrap_or(u64::MAX));

        let Batch { entries, head, .. } = batch;
        let checkpoint = Checkpoint { origin: self.origin.clone(), size: head.size, root: head.root };
        let note: Arc<str> = checkpoint.sign(&*self.signer)?.to_string().into();

        let batch = Arc::new(CommittedBatch { entries, checkpoint: note });
        self.shared.show(&self.listeners, &batch, head);
        Ok(batch)
    }

    /// Serialising takes long, so another thread does it, on a copy.
    fn snapshot_if_due(&mut self) {
        let committed = self.shared.committed.read().unwrap_or_else(PoisonError::into_inner);
        let size = committed.size;
        if size.saturating_sub(self.upkeep.snapshot) < self.snapshot_every {
            return;
        }
        let state = committed.state.clone();
        drop(committed);
        self.upkeep.snapshot = size;
        let orders = self.to_self.clone();
        let spawned =
            std::thread::Builder::new().name("snapshot".into()).spawn(move || match snapshot::encode(size, &state) {
                Ok(snapshot) => drop(orders.send(Order::SaveSnapshot(snapshot))),
                Err(error) => tracing::warn!(%error, "no snapshot"),
            });
        if let Err(error) = spawned {
            tracing::warn!(%error, "no snapshot");
        }
    }

    pub fn save_snapshot(&mut self, snapshot: &StoredSnapshot) {
        if let Err(error) = self.journal.save_snapshot(snapshot) {
            self.failed(&error, "snapshot not saved; the next start takes longer");
        }
    }

    /// A write that failed and does not stop the ledger.
    fn failed(&self, error: &JournalError, what: &str) {
        self.shared.metrics.journal_errors.fetch_add(1, Relaxed);
        tracing::warn!(%error, "{what}");
    }

    fn keep_house(&mut self) {
        if let Some(step) = self.upkeep.clock.look(self.shared.clock.now()) {
            self.shared.metrics.clock_steps.fetch_add(1, Relaxed);
            tracing::warn!(micros = step, "the machine's clock jumped");
        }
        if self.upkeep.checkpoint_kept.elapsed() >= self.checkpoint_every {
            self.keep_checkpoint();
        }
        self.keep_cosigned();
        let alive_every = self.alive_every();
        if self.upkeep.alive_marked.elapsed() >= alive_every {
            self.mark_alive();
        }
    }

    /// Every second while something is due within a day, else every minute: what is lost of it is credited to lots.
    fn alive_every(&self) -> Duration {
        let now = self.queue.now(&*self.shared.clock);
        let committed = self.shared.committed.read().unwrap_or_else(PoisonError::into_inner);
        let soon = committed.state.next_timer().is_some_and(|due| due.since(now) <= Span::days(1));
        Duration::from_micros(if soon { limits::ALIVE_EVERY } else { limits::ALIVE_EVERY_IDLE }.get())
    }

    pub fn keep_checkpoint(&mut self) {
        self.upkeep.checkpoint_kept = Instant::now();
        let committed = self.shared.committed.read().unwrap_or_else(PoisonError::into_inner);
        let (size, note, at) = (committed.size, Arc::clone(&committed.checkpoint), committed.time);
        drop(committed);
        if size == self.upkeep.checkpoint {
            return;
        }
        match self.journal.save_checkpoint(size, &note, at) {
            Ok(()) => self.upkeep.checkpoint = size,
            Err(error) => self.failed(&error, "checkpoint not kept"),
        }
    }

    /// What the witnesses have cosigned since; losing one costs nothing but a stronger proof.
    fn keep_cosigned(&mut self) {
        let cosigned = self.shared.cosigned.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((size, note)) = cosigned else { return };
        let at = self.shared.committed.read().unwrap_or_else(PoisonError::into_inner).time;
        if let Err(error) = self.journal.save_checkpoint(size, &note, at) {
            tracing::warn!(%error, "cosigned checkpoint not kept");
        }
    }

    pub fn mark_alive(&mut self) {
        self.upkeep.alive_marked = Instant::now();
        let now = self.queue.now(&*self.shared.clock);
        if let Err(error) = self.journal.mark_alive(now) {
            self.failed(&error, "alive mark not written");
        }
    }

    /// The last checkpoint, a snapshot and an alive mark: the next start is quick and sees no outage before this moment.
    fn close(&mut self) {
        self.keep_checkpoint();
        self.keep_cosigned();
        self.mark_alive();
        self.snapshot();
    }

    /// Takes a snapshot here and now.
    pub fn snapshot(&mut self) {
        let committed = self.shared.committed.read().unwrap_or_else(PoisonError::into_inner);
        if committed.size == self.upkeep.snapshot {
            return;
        }
        self.upkeep.snapshot = committed.size;
        let snapshot = snapshot::encode(committed.size, &committed.state);
        drop(committed);
        match snapshot {
            Ok(snapshot) => self.save_snapshot(&snapshot),
            Err(error) => tracing::warn!(%error, "no snapshot"),
        }
    }
}

//! The handle that everybody else holds.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak};
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::clock::Clock;
use super::journal::Head;
use super::metrics::Metrics;
use super::node::Leader;
use super::queue::{Filled, Known, Phase, Queue};
use super::reader::LedgerReader;
use super::work::{Committed, CommittedBatch, Listener, Outcome, Submission, Work};
use crate::base::{Code, Micros};
use crate::engine::{self, Refusal};

/// The one writer of a ledger, as its users see it. Cheap to clone; the last one to go shuts it down.
#[derive(Clone)]
pub struct Sequencer {
    pub(super) inner: Arc<Running>,
}

/// What handle and threads share.
pub(super) struct Shared {
    /// That of the present term; a node that follows has one that takes nothing.
    queue: RwLock<Arc<Queue>>,
    pub clock: Arc<dyn Clock>,
    /// Written by [`Shared::show`] only, after each commit.
    pub committed: RwLock<Committed>,
    pub reader: Arc<dyn LedgerReader>,
    pub metrics: Metrics,
    /// A checkpoint that witnesses have cosigned, for the committer to keep.
    pub cosigned: Mutex<Option<(u64, Arc<str>)>>,
    /// How many answers the decider remembers: more than can be decided between a look into storage and a decision.
    pub recent_max: usize,
    /// The node that writes, if it is another one.
    pub leader: RwLock<Option<Leader>>,
    /// Wakes the keeper, where there is one.
    bell: OnceLock<SyncSender<()>>,
    closing: AtomicBool,
}

pub(super) struct Running {
    pub shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Shared {
    pub fn new(
        queue: Arc<Queue>,
        clock: Arc<dyn Clock>,
        committed: Committed,
        reader: Arc<dyn LedgerReader>,
        recent_max: usize,
    ) -> Self {
        Self {
            queue: RwLock::new(queue),
            clock,
            committed: RwLock::new(committed),
            reader,
            metrics: Metrics::default(),
            cosigned: Mutex::default(),
            recent_max,
            leader: RwLock::default(),
            bell: OnceLock::new(),
            closing: AtomicBool::new(false),
        }
    }

    pub fn queue(&self) -> Arc<Queue> {
        Arc::clone(&self.queue.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where all that is durable and known here ends.
    pub fn head(&self) -> Head {
        let committed = self.committed.read().unwrap_or_else(PoisonError::into_inner);
        Head { size: committed.size, root: committed.root, time: committed.time, leaf: committed.head_leaf }
    }

    /// Opens another term, or none.
    pub fn set_queue(&self, queue: Arc<Queue>) {
        *self.queue.write().unwrap_or_else(PoisonError::into_inner) = queue;
    }

    pub fn set_bell(&self, bell: SyncSender<()>) {
        // There is one keeper.
        let _ = self.bell.set(bell);
    }

    /// Wakes the keeper; a full bell means that it has been rung already.
    pub fn ring(&self) {
        if let Some(bell) = self.bell.get() {
            let _ = bell.try_send(());
        }
    }

    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Lets everybody see a batch that is durable.
    pub fn show(&self, listeners: &[Arc<dyn Listener>], batch: &Arc<CommittedBatch>, head: Head) {
        for listener in listeners {
            listener.durable(batch);
        }
        let mut committed = self.committed.write().unwrap_or_else(PoisonError::into_inner);
        for entry in &batch.entries {
            if let Some(event) = &entry.event {
                engine::apply(&mut committed.state, event, entry.at, entry.seq);
            }
        }
        (committed.size, committed.root, committed.time, committed.head_leaf) =
            (head.size, head.root, head.time, head.leaf);
        committed.checkpoint = Arc::clone(&batch.checkpoint);
    }
}

/// Whether the ledger takes entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    Running,
    ShuttingDown,
    /// Another node takes them, or will within seconds.
    Following,
    /// For good, and why; only a restart helps.
    Stopped(String),
}

impl Sequencer {
    /// Takes stamp and place for a request that is here whole; what checks it still needs come between this and
    /// [`Slot::submit`] and must take less than `check_max`.
    ///
    /// # Errors
    /// `Busy` when the queue is full, `LedgerStopped`, `ShuttingDown`, `NotLeader`: nothing was taken.
    pub fn reserve(&self) -> Result<Slot, Code> {
        let shared = &self.inner.shared;
        let queue = shared.queue();
        let (place, stamp) = queue.reserve(&*shared.clock)?;
        Ok(Slot { queue, place, stamp, filled: false })
    }

    /// Reserves and submits at once, for work that needs no check.
    pub fn submit(&self, submission: Submission) -> Pending {
        match self.reserve() {
            Ok(slot) => slot.submit(submission),
            Err(code) => Pending::refused(code),
        }
    }

    /// Looks at the clock now. The answer comes when all that is due, and all that came before, is durable: for clocks
    /// that jump, and for whoever must see the end of a queue.
    pub fn tick(&self) -> Pending {
        self.submit(Submission { work: Work::Tick, once: None })
    }

    /// The committed state. Keep `f` short: commits wait for it.
    pub fn read<R>(&self, f: impl FnOnce(&Committed) -> R) -> R {
        f(&self.inner.shared.committed.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The newest signed note.
    pub fn checkpoint(&self) -> Arc<str> {
        self.read(|committed| Arc::clone(&committed.checkpoint))
    }

    /// Has a cosigned checkpoint kept: soon, and never in the way of a commit.
    pub fn keep_cosigned(&self, size: u64, note: &Arc<str>) {
        let mut slot = self.inner.shared.cosigned.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = Some((size, Arc::clone(note)));
    }

    /// Reads of the stored ledger.
    pub fn reader(&self) -> Arc<dyn LedgerReader> {
        Arc::clone(&self.inner.shared.reader)
    }

    /// The clock's time as stamps see it: never before one given out.
    pub fn now(&self) -> Micros {
        self.inner.shared.queue().now(&*self.inner.shared.clock)
    }

    /// For readiness.
    pub fn status(&self) -> Status {
        match self.inner.shared.queue().phase() {
            Phase::Running => Status::Running,
            Phase::Closing => Status::ShuttingDown,
            Phase::Following => Status::Following,
            Phase::Stopped(reason) => Status::Stopped(reason),
        }
    }

    pub fn metrics(&self) -> &Metrics {
        &self.inner.shared.metrics
    }

    /// Places taken and not decided yet.
    pub fn queue_depth(&self) -> usize {
        self.inner.shared.queue().depth()
    }

    pub fn downgrade(&self) -> WeakSequencer {
        WeakSequencer(Arc::downgrade(&self.inner))
    }

    /// Takes nothing more, decides and commits what is in, keeps the last checkpoint and a snapshot, and ends the
    /// threads. Waits for that; do not call it on a thread that drives futures.
    pub fn shutdown(&self) {
        self.inner.shutdown();
    }
}

/// A handle that does not keep the sequencer running, for threads that end with it.
#[derive(Clone)]
pub struct WeakSequencer(Weak<Running>);

impl WeakSequencer {
    /// As [`Sequencer::ring`]; false once the sequencer is gone or on its way out.
    pub fn ring(&self) -> bool {
        let Some(running) = self.0.upgrade() else { return false };
        running.shared.ring();
        !running.shared.is_closing()
    }

    /// Whether this process writes the ledger now.
    pub fn writes(&self) -> bool {
        self.0.upgrade().is_some_and(|running| running.shared.queue().phase() == Phase::Running)
    }
}

impl fmt::Debug for Sequencer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sequencer").field("status", &self.status()).finish_non_exhaustive()
    }
}

impl Running {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, threads: Mutex::default() }
    }

    /// A thread to wait for at the end.
    pub fn keep(&self, thread: JoinHandle<()>) {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
    }

    fn shutdown(&self) {
        self.shared.closing.store(true, Ordering::Release);
        self.shared.queue().close();
        self.shared.ring();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A listener may have held the last handle: the committer cannot wait for itself.
            if thread.thread().id() != std::thread::current().id() {
                // A thread that panicked has stopped the queue, which says so.
                let _ = thread.join();
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown();
    }
}

/// A place in the queue, with its stamp. Dropping it gives the place up.
#[must_use = "a place that is held holds back everything behind it"]
pub struct Slot {
    /// Of the term in which the place was taken.
    queue: Arc<Queue>,
    place: u64,
    stamp: Micros,
    filled: bool,
}

impl Slot {
    /// When the request was here.
    pub fn stamp(&self) -> Micros {
        self.stamp
    }

    pub fn submit(mut self, submission: Submission) -> Pending {
        // Whether the key was answered before is looked up by the decider, for many at once: a submitter never waits for
        // storage, whose every question may be a way through the network.
        let known = submission.once.as_ref().map_or(Known::Is(None), |once| Known::Unasked(once.key));
        let (answer, pending) = oneshot::channel();
        self.filled = true;
        match self.queue.fill(self.place, Box::new(Filled { submission, known, answer })) {
            Ok(()) => Pending(pending),
            Err((code, _)) => Pending::refused(code),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.filled {
            self.queue.release(self.place);
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("place", &self.place).field("stamp", &self.stamp).finish_non_exhaustive()
    }
}

/// An answer that comes when the entries are durable.
#[derive(Debug)]
#[must_use = "an outcome that nobody waits for tells nobody"]
pub struct Pending(oneshot::Receiver<Result<Outcome, Refusal>>);

impl Pending {
    fn refused(code: Code) -> Self {
        let (answer, pending) = oneshot::channel();
        let _ = answer.send(Err(code.into()));
        Self(pending)
    }

    /// Waits on this thread, which must not be one that drives futures.
    pub fn wait(self) -> Result<Outcome, Refusal> {
        self.0.blocking_recv().unwrap_or_else(|_| Err(Code::OutcomeUnknown.into()))
    }
}

impl Future for Pending {
    type Output = Result<Outcome, Refusal>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // A writer that went away without an answer (a panic) may have committed before.
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or_else(|_| Err(Code::OutcomeUnknown.into())))
    }
}

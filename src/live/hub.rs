//! Where commits meet viewers. The committing thread appends frames to the rings and rings one bell per worker thread;
//! everything else is done by the viewers' own threads.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::ThreadId;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::channel::Channel;
use super::feed::Feed;
use super::history::{History, Page};
use super::scope::lot_of;
use super::shard::Shard;
use super::viewer::{Hold, Seat, Stage, Subscription, Viewer};
use super::{CloseCode, Denied, Frame, Gate, Lifeline, Limits, Message, Reader, Scope};
use crate::base::Id;
use crate::base::limits::{HISTORY_PAGE_ROWS, HISTORY_READS_MAX};
use crate::sequencer::{Clock, CommittedBatch, Listener, ReadError};

/// The stream of one ledger.
pub struct Hub {
    pub(super) limits: Limits,
    pub(super) metrics: Metrics,
    gate: Arc<dyn Gate>,
    public: Arc<dyn Reader>,
    history: Arc<dyn History>,
    clock: Arc<dyn Clock>,
    /// The floor and the ledger for ever, a lot for as long as somebody follows it. Held for reading during a commit
    /// and for writing while a channel is made, so that a channel begins exactly where the tip is.
    channels: RwLock<HashMap<Scope, Arc<Channel>>>,
    tip: RwLock<Tip>,
    shards: Mutex<HashMap<ThreadId, Arc<Shard>>>,
    seats: Arc<AtomicUsize>,
    viewer_numbers: AtomicU64,
    epochs: AtomicU64,
    history_reads: Semaphore,
    draining: AtomicBool,
}

/// What everybody has been told of.
#[derive(Debug, Clone)]
struct Tip {
    size: u64,
    checkpoint: Arc<str>,
}

impl Tip {
    const fn head(&self) -> Option<u64> {
        self.size.checked_sub(1)
    }
}

/// Counters since the start.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    frames_sent: AtomicU64,
    slow_viewers: AtomicU64,
    /// By the place of the code in [`CloseCode::ALL`].
    closes: [AtomicU64; CloseCode::ALL.len()],
}

impl Metrics {
    pub fn sent(&self) {
        self.frames_sent.fetch_add(1, Ordering::Relaxed);
    }

    pub fn slow(&self) {
        self.slow_viewers.fetch_add(1, Ordering::Relaxed);
    }
}

/// A reading of the hub's counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Viewers connected now.
    pub viewers: usize,
    /// Entries handed to viewers since the start.
    pub frames_sent: u64,
    /// Viewers cut off for being too slow since the start.
    pub slow_viewers: u64,
    /// Streams that the server ended since the start, in the order of [`CloseCode::ALL`].
    pub closes: [u64; CloseCode::ALL.len()],
}

impl Hub {
    /// A hub that goes on from where `history` ends; to be made before the sequencer starts, which then tells it of
    /// everything that follows.
    pub fn new(
        history: Arc<dyn History>,
        gate: Arc<dyn Gate>,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Result<Arc<Self>, ReadError> {
        let tip = Tip { size: history.size()?, checkpoint: history.checkpoint()?.into() };
        let channels = [Scope::Floor, Scope::Ledger].map(|scope| (scope, Arc::new(Channel::new(tip.size))));
        Ok(Arc::new(Self {
            limits,
            metrics: Metrics::default(),
            public: gate.public(),
            gate,
            history,
            clock,
            channels: RwLock::new(HashMap::from(channels)),
            tip: RwLock::new(tip),
            shards: Mutex::default(),
            seats: Arc::default(),
            viewer_numbers: AtomicU64::new(0),
            epochs: AtomicU64::new(0),
            history_reads: Semaphore::new(HISTORY_READS_MAX),
            draining: AtomicBool::new(false),
        }))
    }

    /// Whom this hub lets in.
    pub fn gate(&self) -> &Arc<dyn Gate> {
        &self.gate
    }

    /// The bounds that this hub holds its viewers to.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The counters, for `/metrics`.
    pub fn counts(&self) -> Counts {
        Counts {
            viewers: self.seats.load(Ordering::Relaxed),
            frames_sent: self.metrics.frames_sent.load(Ordering::Relaxed),
            slow_viewers: self.metrics.slow_viewers.load(Ordering::Relaxed),
            closes: self.metrics.closes.each_ref().map(|count| count.load(Ordering::Relaxed)),
        }
    }

    /// Counts a stream that was ended with `code`.
    pub fn count_close(&self, code: CloseCode) {
        let place = CloseCode::ALL.iter().position(|known| *known == code);
        if let Some(count) = place.and_then(|place| self.metrics.closes.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A new viewer on this worker thread. Refuses with [`CloseCode::Rate`] when all seats are taken and with
    /// [`CloseCode::Drain`] during a shutdown.
    pub fn enter(
        self: &Arc<Self>,
        reader: Arc<dyn Reader>,
        lifeline: Option<Arc<Lifeline>>,
    ) -> Result<Feed, CloseCode> {
        let taken = self.seats.fetch_add(1, Ordering::AcqRel);
        let seat = Seat(self.seats.clone());
        if taken >= self.limits.viewers {
            return Err(CloseCode::Rate);
        }
        let number = self.viewer_numbers.fetch_add(1, Ordering::Relaxed);
        let viewer = Arc::new(Viewer::new(number, reader, lifeline));
        let shard = self.shard();
        shard.viewers().insert(number, viewer.clone());
        // Looked at after the viewer stands in the list that `drain` goes through: one of the two sees the other.
        if self.draining.load(Ordering::SeqCst) {
            viewer.close(CloseCode::Drain);
        }
        Ok(Feed::new(self.clone(), shard, viewer, seat))
    }

    /// The shard of the calling thread.
    fn shard(self: &Arc<Self>) -> Arc<Shard> {
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        shards
            .entry(std::thread::current().id())
            .or_insert_with(|| {
                let shard = Arc::new(Shard::default());
                tokio::spawn(shard.clone().run(Arc::downgrade(self)));
                shard
            })
            .clone()
    }

    /// Lets the viewer follow `scope` from entry `from` on (from after the head without it), in place of what it
    /// followed before. Answers with the code to close with when it may not.
    pub async fn follow(
        self: &Arc<Self>,
        viewer: &Arc<Viewer>,
        scope: &str,
        from: Option<u64>,
    ) -> Result<(), CloseCode> {
        let scope: Scope = scope.parse().map_err(|_| CloseCode::UnknownScope)?;
        let (reader, _) = viewer.reader();
        blocking(move || reader.may_follow(scope)).await?.map_err(CloseCode::from)?;
        self.place(viewer, scope, from);
        Ok(())
    }

    fn place(self: &Arc<Self>, viewer: &Viewer, scope: Scope, from: Option<u64>) {
        let (channel, tip) = self.hold(scope);
        let hold = Hold { hub: Arc::downgrade(self), scope, channel: channel.clone() };
        let next = from.unwrap_or(tip.size);
        let mut state = viewer.state();
        if next > tip.size {
            state.subscription = None;
            state.reset = Some(Message::reset(tip.head()));
        } else {
            let epoch = self.epochs.fetch_add(1, Ordering::Relaxed);
            state.subscription = Some(Subscription { scope, channel, next, stage: Stage::Joining, epoch, _hold: hold });
            state.heartbeat = Some(self.heartbeat_of(&tip));
        }
        drop(state);
        viewer.waker.wake();
    }

    /// The scope's channel, made at the tip if there is none yet, and the tip at that moment.
    fn hold(&self, scope: Scope) -> (Arc<Channel>, Tip) {
        let mut channels = self.channels.write().unwrap_or_else(PoisonError::into_inner);
        let tip = self.tip();
        let channel = channels.entry(scope).or_insert_with(|| Arc::new(Channel::new(tip.size)));
        channel.followers.fetch_add(1, Ordering::AcqRel);
        (channel.clone(), tip)
    }

    pub(super) fn release(&self, scope: Scope, channel: &Channel) {
        let mut channels = self.channels.write().unwrap_or_else(PoisonError::into_inner);
        let idle = channel.followers.fetch_sub(1, Ordering::AcqRel) == 1;
        if idle && matches!(scope, Scope::Lot(_)) {
            channels.remove(&scope);
        }
    }

    /// Looks at the viewer's rights again. Answers with the code to close with when they are gone.
    pub async fn renew(&self, viewer: &Arc<Viewer>) -> Result<(), CloseCode> {
        let (reader, scope) = viewer.reader();
        let renewed = blocking(move || {
            let reader = reader.renewed().ok_or(CloseCode::SessionOver)?;
            scope.map_or(Ok(()), |scope| reader.may_follow(scope))?;
            Ok::<_, CloseCode>(reader)
        });
        viewer.set_reader(renewed.await??);
        Ok(())
    }

    /// The rights of `account` have changed: all its viewers have theirs looked at again at once.
    pub fn recheck(&self, account: Id) {
        self.each_viewer(|viewer| {
            if viewer.account() == Some(account) {
                viewer.ask_recheck();
            }
        });
    }

    /// Sends everybody away with 1001 and lets nobody in any more.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        self.each_viewer(|viewer| {
            viewer.close(CloseCode::Drain);
        });
    }

    fn each_viewer(&self, act: impl Fn(&Viewer)) {
        let shards: Vec<_> = self.shards.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for shard in shards {
            shard.viewers().values().for_each(|viewer| act(viewer));
        }
    }

    fn tip(&self) -> Tip {
        self.tip.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many entries the viewers have been told of.
    pub fn size(&self) -> u64 {
        self.tip().size
    }

    /// Where the ledger's head is now.
    pub fn heartbeat(&self) -> Message {
        self.heartbeat_of(&self.tip())
    }

    fn heartbeat_of(&self, tip: &Tip) -> Message {
        Message::heartbeat(tip.head(), self.clock.now(), &tip.checkpoint)
    }

    /// One page of history below `upto`, read on a thread for blocking work, a few at a time.
    pub(super) async fn read_page(
        self: Arc<Self>,
        scope: Scope,
        from: u64,
        upto: u64,
        rows: usize,
    ) -> Result<Page, ReadError> {
        let _turn = self.history_reads.acquire().await.map_err(|error| ReadError(error.to_string()))?;
        let history = self.history.clone();
        let read = spawn_blocking(move || history.page(scope, from, upto, rows));
        read.await.map_err(|error| ReadError(error.to_string()))?
    }

    /// A page for those who do not keep a connection: the frames of `scope` from `from` on as `reader` may see them, and
    /// where to go on. Never beyond what the viewers have been told of.
    pub async fn page(
        self: &Arc<Self>,
        reader: &dyn Reader,
        scope: Scope,
        from: u64,
        rows: usize,
    ) -> Result<(Vec<Message>, u64), ReadError> {
        let size = self.size();
        if from >= size {
            return Ok((Vec::new(), from));
        }
        let page = self.clone().read_page(scope, from, size, rows).await?;
        let frames = page.entries.into_iter().map(Frame::of_past);
        let messages = frames.filter_map(|frame| frame.for_reader(reader, scope).cloned());
        Ok((messages.collect(), page.next))
    }

    pub(super) const fn page_rows() -> usize {
        HISTORY_PAGE_ROWS
    }
}

/// In order of `seq`, after the commit, one batch at a time.
impl Listener for Hub {
    /// Another node may have written since this hub was made: whoever joins reads that in the history.
    fn resumed(&self, size: u64, checkpoint: &Arc<str>) {
        let channels = self.channels.write().unwrap_or_else(PoisonError::into_inner);
        if size > self.tip().size {
            channels.values().for_each(|channel| channel.restart(size));
        }
        let tip = Tip { size: size.max(self.tip().size), checkpoint: Arc::clone(checkpoint) };
        *self.tip.write().unwrap_or_else(PoisonError::into_inner) = tip;
    }

    fn committed(&self, batch: &Arc<CommittedBatch>) {
        let (Some(first), Some(last)) = (batch.entries.first(), batch.entries.last()) else { return };
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        let size = self.tip().size;
        if first.seq > size {
            // Somebody committed without telling us. What is missing is in the history, so everyone goes there.
            channels.values().for_each(|channel| channel.restart(first.seq));
        }
        let mut fresh: BTreeMap<Scope, Vec<Arc<Frame>>> = BTreeMap::new();
        for frame in Frame::of_batch(batch, |entry| self.public.may_read(entry)) {
            if frame.seq() < size {
                continue;
            }
            if let Some(lot) = lot_of(&frame.entry().subject) {
                if channels.contains_key(&Scope::Lot(lot)) {
                    fresh.entry(Scope::Lot(lot)).or_default().push(frame.clone());
                }
                fresh.entry(Scope::Floor).or_default().push(frame.clone());
            }
            fresh.entry(Scope::Ledger).or_default().push(frame);
        }
        for (scope, frames) in fresh {
            if let Some(channel) = channels.get(&scope) {
                channel.append(frames, &self.limits);
            }
        }
        let tip = Tip { size: size.max(last.seq + 1), checkpoint: batch.checkpoint.clone() };
        *self.tip.write().unwrap_or_else(PoisonError::into_inner) = tip;
        drop(channels);
        for shard in self.shards.lock().unwrap_or_else(PoisonError::into_inner).values() {
            shard.bell.notify_one();
        }
    }
}

impl From<Denied> for CloseCode {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unknown => Self::UnknownScope,
            Denied::Forbidden => Self::Forbidden,
        }
    }
}

/// Runs what may block on a thread for it. A panic there ends the viewer, not the server.
async fn blocking<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> Result<R, CloseCode> {
    spawn_blocking(work).await.map_err(|_| CloseCode::Drain)
}

//! A scope's recent frames. The ring holds exactly what a viewer may have waiting, so the budget needs no bookkeeping
//! per viewer: a viewer whose place has left the ring has more waiting than it may. A stalled viewer therefore costs no memory here.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::Limits;
use super::frame::Frame;

/// The recent frames of one scope.
#[derive(Debug)]
pub struct Channel {
    ring: RwLock<Ring>,
    /// The `seq` after the newest frame, readable without the lock.
    end: AtomicU64,
    /// `Ring::start`, readable without the lock.
    start: AtomicU64,
    /// Subscriptions that hold this channel; guarded by the hub's table of channels.
    pub(super) followers: AtomicUsize,
}

#[derive(Debug)]
struct Ring {
    /// In order of `seq`.
    frames: VecDeque<Arc<Frame>>,
    /// Every entry of the scope with `seq ≥ start` is here.
    start: u64,
    weight: usize,
}

/// What is at a viewer's place.
#[derive(Debug)]
pub enum Place {
    Frame(Arc<Frame>),
    /// Nothing yet: the viewer has everything.
    Level,
    /// No longer, or not yet, in the ring, which begins at `start`.
    Before {
        start: u64,
    },
}

impl Channel {
    /// An empty channel for the entries from `start` on.
    pub fn new(start: u64) -> Self {
        let ring = Ring { frames: VecDeque::new(), start, weight: 0 };
        Self {
            ring: RwLock::new(ring),
            end: AtomicU64::new(0),
            start: AtomicU64::new(start),
            followers: AtomicUsize::new(0),
        }
    }

    /// Appends a batch's frames. What stood here before is first cut down to a viewer's budget; the new batch does not
    /// count against anyone until the next one comes, so that a large batch alone cuts nobody off.
    pub fn append(&self, frames: Vec<Arc<Frame>>, limits: &Limits) {
        let Some(last) = frames.last().map(|frame| frame.seq()) else { return };
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        while ring.frames.len() > limits.queue_frames || ring.weight > limits.queue_bytes {
            let Some(oldest) = ring.frames.pop_front() else { break };
            ring.weight -= oldest.weight();
            ring.start = oldest.seq() + 1;
        }
        ring.weight += frames.iter().map(|frame| frame.weight()).sum::<usize>();
        ring.frames.extend(frames);
        self.start.store(ring.start, Ordering::Release);
        self.end.store(last + 1, Ordering::Release);
    }

    /// Forgets everything before `start`: entries are missing between what is here and what comes next.
    pub fn restart(&self, start: u64) {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        *ring = Ring { frames: VecDeque::new(), start, weight: 0 };
        self.start.store(start, Ordering::Release);
    }

    /// What a viewer gets whose next entry is the first with `seq ≥ next`.
    pub fn at(&self, next: u64) -> Place {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        if next < ring.start {
            return Place::Before { start: ring.start };
        }
        let index = ring.frames.partition_point(|frame| frame.seq() < next);
        ring.frames.get(index).map_or(Place::Level, |frame| Place::Frame(frame.clone()))
    }

    /// Whether something waits for a viewer at `next`.
    pub fn is_past(&self, next: u64) -> bool {
        self.end.load(Ordering::Acquire) > next
    }

    /// Whether the ring begins after `next`.
    pub fn has_left(&self, next: u64) -> bool {
        self.start.load(Ordering::Acquire) > next
    }
}

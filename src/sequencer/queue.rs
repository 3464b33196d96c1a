//! The ordered queue. A place in it is taken when a request has arrived whole; the places are filled out of order, as the
//! checks on worker threads finish, and taken in order. So no check overtakes another, and no deadline passes over a bid
//! that arrived before it.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::clock::Clock;
use super::journal::StoredOutcome;
use super::work::{Outcome, Submission};
use crate::base::{Code, Hash, Micros};
use crate::engine::Refusal;

pub(super) type Answer = oneshot::Sender<Result<Outcome, Refusal>>;

/// A filled place.
pub(super) struct Filled {
    pub submission: Submission,
    pub known: Known,
    pub answer: Answer,
}

/// What storage holds under a submission's key.
pub(super) enum Known {
    /// It has not been asked yet.
    Unasked(Hash),
    Is(Option<StoredOutcome>),
    /// It could not be read.
    Unreadable,
}

enum Content {
    /// Its check is still going on.
    Reserved,
    Filled(Box<Filled>),
    /// Given up by its holder.
    Void,
}

struct Place {
    stamp: Micros,
    since: Instant,
    content: Content,
}

/// What the decider does next.
pub(super) enum Next {
    Work(Micros, Box<Filled>),
    /// The front's key has not been looked up: these are its own and those of others behind it, with their places.
    LookUp(Vec<(u64, Hash)>),
    /// Nothing stamped before this moment is still to come: timers due at it may fire.
    Time(Micros),
    /// The committer is free and there is something to commit.
    HandOver,
    /// Closed and drained.
    Drained,
    Stopped,
}

/// What the decider can use.
#[derive(Clone, Copy)]
pub(super) struct Wants {
    /// The next timer.
    pub due: Option<Micros>,
    /// Whether there is something to commit.
    pub hand_over: bool,
    /// Whether the open batch takes more.
    pub work: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    Closing,
    /// Another node writes.
    Following,
    Stopped(String),
}

/// Everything below is owned by the mutex; sections are short and never wait for I/O.
struct Inner {
    /// Place number of the front.
    first: u64,
    places: VecDeque<Place>,
    /// The last stamp given out: stamps never run backwards, whatever the clock does.
    last: Micros,
    committer: Committing,
    /// Places taken since the last batch was handed over.
    taken: usize,
    sleep: Option<Sleep>,
    phase: Phase,
}

/// What the queue knows of the committer.
enum Committing {
    Busy,
    Free {
        since: Instant,
        /// A batch may wait until then for those who are expected.
        linger: Duration,
        /// Who had just been answered or was waiting when the last commit ended: in a closed room they are all back
        /// within moments, and one commit can serve them all.
        expected: usize,
    },
}

/// Keys looked up at once.
const LOOK_UP_MAX: usize = 256;

/// A batch lingers at most this part of the time that the last commit took: what it may cost is bounded by what it saves.
const LINGER_SHARE: u32 = 4;

/// What the decider sleeps over; nobody wakes it for less than it can use.
#[derive(Clone, Copy)]
struct Sleep {
    /// It has something to commit.
    for_committer: bool,
    /// It sleeps no longer than the front place may stay unfilled.
    over_front: bool,
}

pub(super) struct Queue {
    inner: Mutex<Inner>,
    decider: Condvar,
    /// Places at most.
    max: usize,
    /// How long a place may stay unfilled.
    check_max: Duration,
    /// What is told to those whom a stopped queue cannot serve.
    pub stopped: Code,
}

impl Queue {
    /// No stamp will be before `last`.
    pub fn new(last: Micros, max: usize, check_max: Duration, stopped: Code) -> Self {
        let inner = Inner {
            first: 0,
            places: VecDeque::new(),
            last,
            committer: Committing::Free { since: Instant::now(), linger: Duration::ZERO, expected: 0 },
            taken: 0,
            sleep: None,
            phase: Phase::Running,
        };
        Self { inner: Mutex::new(inner), decider: Condvar::new(), max, check_max, stopped }
    }

    /// One that takes nothing, for a node that follows.
    pub fn following(last: Micros) -> Self {
        let queue = Self::new(last, 0, Duration::ZERO, Code::NotLeader);
        queue.lock().phase = Phase::Following;
        queue
    }

    /// A panic elsewhere cannot leave the queue half changed: each section is a handful of assignments.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, inner: &mut Inner) {
        if inner.sleep.take().is_some() {
            self.decider.notify_one();
        }
    }

    /// Takes stamp and place under one lock, so that their orders agree.
    pub fn reserve(&self, clock: &dyn Clock) -> Result<(u64, Micros), Code> {
        let mut inner = self.lock();
        match inner.phase {
            Phase::Running => {}
            Phase::Closing => return Err(Code::ShuttingDown),
            Phase::Following => return Err(Code::NotLeader),
            Phase::Stopped(_) => return Err(self.stopped),
        }
        if inner.places.len() >= self.max {
            // What is void or overdue at the front need not wait for the decider to make room.
            inner.front(self.check_max);
        }
        if inner.places.len() >= self.max {
            return Err(Code::Busy);
        }
        let stamp = inner.now(clock);
        inner.last = stamp;
        let place = inner.first + u64::try_from(inner.places.len()).unwrap_or(u64::MAX);
        inner.places.push_back(Place { stamp, since: Instant::now(), content: Content::Reserved });
        Ok((place, stamp))
    }

    /// Fills a place. Hands the content back with the reason when the place is gone.
    pub fn fill(&self, place: u64, filled: Box<Filled>) -> Result<(), (Code, Box<Filled>)> {
        let mut inner = self.lock();
        if let Phase::Stopped(_) = inner.phase {
            return Err((self.stopped, filled));
        }
        let at_front = place == inner.first;
        match inner.place(place) {
            Some(content @ Content::Reserved) => *content = Content::Filled(filled),
            _ => return Err((Code::Busy, filled)),
        }
        // Behind an unfilled front there is nothing to take yet, but somebody must be watching that front.
        if at_front || inner.sleep.is_some_and(|sleep| !sleep.over_front) {
            self.wake(&mut inner);
        }
        Ok(())
    }

    /// What storage holds under the keys of [`Next::LookUp`], in their order; `None` when it cannot be read.
    pub fn looked_up(&self, asked: &[(u64, Hash)], found: Option<Vec<Option<StoredOutcome>>>) {
        let mut inner = self.lock();
        let mut found = found.map(Vec::into_iter);
        for (place, _) in asked {
            let known = found.as_mut().and_then(Iterator::next).map_or(Known::Unreadable, Known::Is);
            // A stopped queue has none of them any more.
            if let Some(Content::Filled(filled)) = inner.place(*place) {
                filled.known = known;
            }
        }
    }

    pub fn release(&self, place: u64) {
        let mut inner = self.lock();
        if let Some(content @ Content::Reserved) = inner.place(place) {
            *content = Content::Void;
            self.wake(&mut inner);
        }
    }

    /// Waits until there is something for the decider to do.
    pub fn next(&self, clock: &dyn Clock, wants: Wants) -> Next {
        let mut inner = self.lock();
        loop {
            match inner.next(clock, wants, self.check_max) {
                Ok(next) => return next,
                Err((sleep, wait)) => {
                    inner.sleep = Some(sleep);
                    inner = match wait {
                        None => self.decider.wait(inner).unwrap_or_else(PoisonError::into_inner),
                        Some(wait) => self.decider.wait_timeout(inner, wait).unwrap_or_else(PoisonError::into_inner).0,
                    };
                    inner.sleep = None;
                }
            }
        }
    }

    /// As [`Queue::next`], but `None` instead of waiting: for a decider that is moved step by step. Steps take no time, so
    /// no batch lingers.
    pub fn next_now(&self, clock: &dyn Clock, wants: Wants) -> Option<Next> {
        let mut inner = self.lock();
        if let Committing::Free { linger, .. } = &mut inner.committer {
            *linger = Duration::ZERO;
        }
        inner.next(clock, wants, self.check_max).ok()
    }

    /// The last commit answered that many submitters and took that long.
    pub fn committer_is_free(&self, answered: usize, took: Duration) {
        let mut inner = self.lock();
        let expected = answered + inner.taken + inner.places.len();
        inner.committer = Committing::Free { since: Instant::now(), linger: took / LINGER_SHARE, expected };
        if inner.sleep.is_some_and(|sleep| sleep.for_committer) {
            self.wake(&mut inner);
        }
    }

    /// Nothing new comes in; what is in is still decided.
    pub fn close(&self) {
        let mut inner = self.lock();
        if matches!(inner.phase, Phase::Running | Phase::Following) {
            inner.phase = Phase::Closing;
        }
        self.wake(&mut inner);
    }

    /// For good. The first reason stays.
    pub fn stop(&self, reason: String) {
        let mut inner = self.lock();
        if !matches!(inner.phase, Phase::Stopped(_)) {
            inner.phase = Phase::Stopped(reason);
        }
        let abandoned = std::mem::take(&mut inner.places);
        inner.first += u64::try_from(abandoned.len()).unwrap_or(u64::MAX);
        self.wake(&mut inner);
        drop(inner);
        for place in abandoned {
            if let Content::Filled(filled) = place.content {
                let _ = filled.answer.send(Err(self.stopped.into()));
            }
        }
    }

    pub fn phase(&self) -> Phase {
        self.lock().phase.clone()
    }

    pub fn depth(&self) -> usize {
        self.lock().places.len()
    }

    /// Entries up to `time` are written: no stamp will be before it.
    pub fn not_before(&self, time: Micros) {
        let mut inner = self.lock();
        inner.last = inner.last.max(time);
    }

    /// The clock's time, never before a stamp given out.
    pub fn now(&self, clock: &dyn Clock) -> Micros {
        self.lock().now(clock)
    }
}

impl Inner {
    fn now(&self, clock: &dyn Clock) -> Micros {
        self.last.max(clock.now())
    }

    fn place(&mut self, number: u64) -> Option<&mut Content> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.places.get_mut(index).map(|place| &mut place.content)
    }

    fn pop(&mut self) -> Option<Place> {
        let place = self.places.pop_front()?;
        self.first += 1;
        Some(place)
    }

    /// What to do now, or how long to sleep over what (`None`: until woken).
    fn next(
        &mut self,
        clock: &dyn Clock,
        wants: Wants,
        check_max: Duration,
    ) -> Result<Next, (Sleep, Option<Duration>)> {
        if let Phase::Stopped(_) = self.phase {
            return Ok(Next::Stopped);
        }
        let (mut over_front, mut wait) = (false, None);
        if wants.work {
            let horizon = match self.front(check_max) {
                Some(Front::Filled) => {
                    let keys = self.unasked();
                    if !keys.is_empty() {
                        return Ok(Next::LookUp(keys));
                    }
                    if let Some(Place { stamp, content: Content::Filled(filled), .. }) = self.pop() {
                        self.taken += 1;
                        return Ok(Next::Work(stamp, filled));
                    }
                    self.last
                }
                Some(Front::Unfilled { stamp, left }) => {
                    (over_front, wait) = (true, Some(left));
                    stamp
                }
                None => self.now(clock),
            };
            if let Some(due) = wants.due {
                if due <= horizon {
                    // Should the clock jump back now, it is still not before this deadline.
                    self.last = self.last.max(due);
                    return Ok(Next::Time(due));
                }
                wait = wait.or_else(|| Some(Duration::from_micros(due.since(horizon).get())));
            }
        }
        if wants.hand_over {
            match self.lingers(wants) {
                Some(Duration::ZERO) => {
                    (self.committer, self.taken) = (Committing::Busy, 0);
                    return Ok(Next::HandOver);
                }
                Some(linger) => wait = Some(wait.map_or(linger, |wait: Duration| wait.min(linger))),
                None => {}
            }
        }
        if self.phase == Phase::Closing && wants.work && !wants.hand_over && self.places.is_empty() {
            return Ok(Next::Drained);
        }
        Err((Sleep { for_committer: wants.hand_over, over_front }, wait))
    }

    /// How long the open batch should still wait for company; `None` while the committer is busy.
    fn lingers(&self, wants: Wants) -> Option<Duration> {
        let Committing::Free { since, linger, expected } = self.committer else { return None };
        let complete = self.taken == 0 || self.taken >= expected || !wants.work || self.phase == Phase::Closing;
        Some(if complete { Duration::ZERO } else { linger.saturating_sub(since.elapsed()) })
    }

    /// Keys to look up before the front can be decided, if it is its turn; none when it has been looked up.
    fn unasked(&self) -> Vec<(u64, Hash)> {
        let key = |place: &Place| match &place.content {
            Content::Filled(filled) => match filled.known {
                Known::Unasked(key) => Some(key),
                Known::Is(_) | Known::Unreadable => None,
            },
            Content::Reserved | Content::Void => None,
        };
        if self.places.front().and_then(key).is_none() {
            return Vec::new();
        }
        let keys = (self.first..).zip(&self.places).filter_map(|(number, place)| Some((number, key(place)?)));
        keys.take(LOOK_UP_MAX).collect()
    }

    /// The front place after the void and overdue ones before it are gone.
    fn front(&mut self, check_max: Duration) -> Option<Front> {
        loop {
            let place = self.places.front()?;
            match place.content {
                Content::Filled(_) => return Some(Front::Filled),
                Content::Reserved => {
                    let left = check_max.saturating_sub(place.since.elapsed());
                    if !left.is_zero() {
                        return Some(Front::Unfilled { stamp: place.stamp, left });
                    }
                }
                Content::Void => {}
            }
            self.pop();
        }
    }
}

#[derive(Clone, Copy)]
enum Front {
    Filled,
    Unfilled { stamp: Micros, left: Duration },
}

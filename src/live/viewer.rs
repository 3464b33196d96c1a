//! One viewer: where it is, what it is owed besides entries, and whether it still takes what it is given. Shared by the
//! connection's feed (which reads), its conversation (which subscribes and closes) and its shard (which wakes).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

use super::channel::Channel;
use super::hub::Hub;
use super::{CloseCode, Lifeline, Message, Reader, Scope};
use crate::base::Id;

/// A connected viewer.
pub struct Viewer {
    pub(super) number: u64,
    account: Option<Id>,
    lifeline: Option<Arc<Lifeline>>,
    state: Mutex<State>,
    pub(super) waker: AtomicWaker,
    /// Rings when the conversation has something to do: rights to look at again, or the end.
    pub(super) bell: Notify,
}

pub(super) struct State {
    pub reader: Arc<dyn Reader>,
    pub subscription: Option<Subscription>,
    pub reset: Option<Message>,
    /// The newest heartbeat takes the place of one that was not taken yet.
    pub heartbeat: Option<Message>,
    /// RFC 6455 §5.5.3: only the most recent ping needs an answer.
    pub pong: Option<Bytes>,
    pub close: Option<CloseCode>,
    pub recheck: bool,
    pub gone: bool,
    /// Since when something waits that was not taken.
    pub owed_since: Option<Instant>,
}

/// A place in a channel.
pub(super) struct Subscription {
    pub scope: Scope,
    pub channel: Arc<Channel>,
    /// The first entry not yet handed out.
    pub next: u64,
    pub stage: Stage,
    /// Tells this subscription from the one before it on the same connection.
    pub epoch: u64,
    pub _hold: Hold,
}

/// How a subscription gets its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// From history, at its own pace, until it has everything.
    Joining,
    /// From the ring: commits wake it, and its place is held to the ring.
    Following,
    /// Again from history, since its place has left the ring.
    Behind,
}

/// Keeps a channel in the hub's table.
pub(super) struct Hold {
    pub hub: Weak<Hub>,
    pub scope: Scope,
    pub channel: Arc<Channel>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(hub) = self.hub.upgrade() {
            hub.release(self.scope, &self.channel);
        }
    }
}

/// One of the places that `VIEWERS_MAX` counts.
pub(super) struct Seat(pub Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Viewer {
    pub(super) fn new(number: u64, reader: Arc<dyn Reader>, lifeline: Option<Arc<Lifeline>>) -> Self {
        let account = reader.account();
        let state = State {
            reader,
            subscription: None,
            reset: None,
            heartbeat: None,
            pong: None,
            close: None,
            recheck: false,
            gone: false,
            owed_since: None,
        };
        Self { number, account, lifeline, state: Mutex::new(state), waker: AtomicWaker::new(), bell: Notify::new() }
    }

    /// `None` for the public.
    pub const fn account(&self) -> Option<Id> {
        self.account
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the stream with `code`: the feed lets out the close frame before anything else and then ends. The first
    /// reason stays, and the answer is whether this was it. Whoever drives the connection calls [`Viewer::cut`] after
    /// the grace.
    pub fn close(&self, code: CloseCode) -> bool {
        let mut state = self.state();
        let first = state.close.is_none();
        state.close.get_or_insert(code);
        drop(state);
        self.waker.wake();
        self.bell.notify_one();
        first
    }

    /// Ends the socket, whatever state it is in.
    pub fn cut(&self) {
        if let Some(lifeline) = &self.lifeline {
            lifeline.cut();
        }
        self.waker.wake();
    }

    /// The code with which the stream ends or has ended.
    pub fn closing(&self) -> Option<CloseCode> {
        self.state().close
    }

    /// Whether the stream has ended, or is about to.
    pub fn is_over(&self) -> bool {
        let state = self.state();
        state.gone || state.close.is_some()
    }

    /// The answer to a ping; `frame` is the complete pong frame.
    pub fn answer_ping(&self, frame: Bytes) {
        self.state().pong = Some(frame);
        self.waker.wake();
    }

    /// Waits until there is something to do for the conversation: a close, the end, or rights to look at again.
    pub async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Whether the rights are to be looked at again, once.
    pub fn takes_recheck(&self) -> bool {
        std::mem::take(&mut self.state().recheck)
    }

    pub(super) fn ask_recheck(&self) {
        self.state().recheck = true;
        self.bell.notify_one();
    }

    /// The reader as last checked, and the scope that it follows.
    pub fn reader(&self) -> (Arc<dyn Reader>, Option<Scope>) {
        let state = self.state();
        (state.reader.clone(), state.subscription.as_ref().map(|subscription| subscription.scope))
    }

    /// Takes newly checked rights.
    pub fn set_reader(&self, reader: Arc<dyn Reader>) {
        self.state().reader = reader;
    }

    /// Wakes the feed if something waits for it.
    pub(super) fn nudge(&self, now: Instant) {
        let mut state = self.state();
        let waits =
            state.subscription.as_ref().is_some_and(|s| s.stage == Stage::Following && s.channel.is_past(s.next));
        if waits {
            state.owed_since.get_or_insert(now);
            drop(state);
            self.waker.wake();
        }
    }

    pub(super) fn give_heartbeat(&self, heartbeat: &Message, now: Instant) {
        let mut state = self.state();
        if state.subscription.is_none() {
            return;
        }
        state.heartbeat = Some(heartbeat.clone());
        state.owed_since.get_or_insert(now);
        drop(state);
        self.waker.wake();
    }

    /// Whether the viewer took nothing of what it is owed for longer than `stall`.
    pub(super) fn is_stalled(&self, stall: Duration, now: Instant) -> bool {
        self.state().is_owed_for(stall, now)
    }

    /// Whether more waits than a viewer may have waiting, and it has not begun to take it for `overdue`.
    pub(super) fn is_over_budget(&self, overdue: Duration, now: Instant) -> bool {
        let state = self.state();
        let left = state.subscription.as_ref().is_some_and(|s| s.stage != Stage::Joining && s.channel.has_left(s.next));
        left && state.is_owed_for(overdue, now)
    }
}

impl State {
    fn is_owed_for(&self, span: Duration, now: Instant) -> bool {
        !self.gone && self.owed_since.is_some_and(|since| now.saturating_duration_since(since) > span)
    }
}

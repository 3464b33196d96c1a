//! What one viewer is sent, in which order: a close before everything, then pongs and resets, then entries, and a
//! heartbeat once the viewer has all entries that the heartbeat speaks of. The feed is pulled by the connection, so that
//! a socket that takes nothing asks for nothing.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use futures_util::Stream;

use super::channel::Place;
use super::history::Page;
use super::hub::Hub;
use super::shard::Shard;
use super::viewer::{Seat, Stage, State, Viewer};
use super::{CloseCode, Frame, Message, Reader, Scope};
use crate::sequencer::ReadError;

/// Something for the viewer.
#[derive(Debug, Clone)]
pub enum Item {
    Entry {
        seq: u64,
        message: Message,
    },
    /// A heartbeat or a reset.
    Notice(Message),
    /// A complete pong frame.
    Pong(Bytes),
    /// Nothing comes after it.
    Close(CloseCode),
}

/// The items of one viewer, in order. Dropping it ends the viewer's stay.
pub struct Feed {
    hub: Arc<Hub>,
    shard: Arc<Shard>,
    viewer: Arc<Viewer>,
    past: Past,
    ended: bool,
    _seat: Seat,
}

/// The way through history of a viewer that joins, or that a burst has left behind.
enum Past {
    None,
    Reading { epoch: u64, page: Pin<Box<dyn Future<Output = Result<Page, ReadError>> + Send>> },
    Read { epoch: u64, frames: VecDeque<Frame>, next: u64 },
}

impl Past {
    const fn epoch(&self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Reading { epoch, .. } | Self::Read { epoch, .. } => Some(*epoch),
        }
    }
}

/// Where the entries come from next.
enum Step {
    Item(Item),
    Frame(Arc<Frame>, Scope, Arc<dyn Reader>),
    Past { scope: Scope, from: u64, upto: u64, epoch: u64 },
    Idle,
}

impl Feed {
    pub(super) fn new(hub: Arc<Hub>, shard: Arc<Shard>, viewer: Arc<Viewer>, seat: Seat) -> Self {
        Self { hub, shard, viewer, past: Past::None, ended: false, _seat: seat }
    }

    /// The viewer that this feed is for.
    pub const fn viewer(&self) -> &Arc<Viewer> {
        &self.viewer
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        // Registered before anything is looked at, so that what arrives in between still wakes us.
        self.viewer.waker.register(cx.waker());
        loop {
            match self.step() {
                Step::Item(item) => {
                    if let Item::Close(code) = &item {
                        self.hub.count_close(*code);
                        self.ended = true;
                    }
                    return Poll::Ready(Some(item));
                }
                Step::Frame(frame, scope, reader) => {
                    if let Some(item) = self.let_out(&frame, scope, &*reader) {
                        return Poll::Ready(Some(item));
                    }
                }
                Step::Idle => return Poll::Pending,
                Step::Past { scope, from, upto, epoch } => {
                    if let Some(item) = std::task::ready!(self.poll_past(cx, scope, from, upto, epoch)) {
                        return Poll::Ready(Some(item));
                    }
                }
            }
        }
    }

    fn step(&self) -> Step {
        let mut state = self.viewer.state();
        let State { reader, subscription, reset, heartbeat, pong, close, owed_since, .. } = &mut *state;
        if let Some(code) = *close {
            return Step::Item(Item::Close(code));
        }
        if let Some(frame) = pong.take() {
            return Step::Item(Item::Pong(frame));
        }
        if let Some(message) = reset.take() {
            return Step::Item(Item::Notice(message));
        }
        let Some(subscription) = subscription else {
            return Step::Idle;
        };
        match subscription.channel.at(subscription.next) {
            Place::Frame(frame) => {
                subscription.next = frame.seq() + 1;
                *owed_since = Some(Instant::now());
                Step::Frame(frame, subscription.scope, reader.clone())
            }
            Place::Before { start } => {
                if subscription.stage == Stage::Following {
                    subscription.stage = Stage::Behind;
                }
                let (scope, from, epoch) = (subscription.scope, subscription.next, subscription.epoch);
                Step::Past { scope, from, upto: start, epoch }
            }
            Place::Level => {
                subscription.stage = Stage::Following;
                *owed_since = None;
                heartbeat.take().map_or(Step::Idle, |message| Step::Item(Item::Notice(message)))
            }
        }
    }

    /// The next item of history; `None` when a page is used up, or the entry is not for this viewer, and the place has
    /// moved on.
    fn poll_past(
        &mut self,
        cx: &mut Context<'_>,
        scope: Scope,
        from: u64,
        upto: u64,
        epoch: u64,
    ) -> Poll<Option<Item>> {
        if self.past.epoch() != Some(epoch) {
            self.past = Past::Reading {
                epoch,
                page: Box::pin(self.hub.clone().read_page(scope, from, upto, Hub::page_rows())),
            };
        }
        if let Past::Reading { page, .. } = &mut self.past {
            // While we wait for the disk the viewer is not the slow one.
            self.viewer.state().owed_since = None;
            match std::task::ready!(page.as_mut().poll(cx)) {
                Ok(Page { entries, next }) => {
                    let frames = entries.into_iter().map(Frame::of_past).collect();
                    self.past = Past::Read { epoch, frames, next: next.max(from).min(upto) };
                }
                Err(error) => {
                    tracing::error!(%error, "live");
                    self.viewer.close(CloseCode::Drain);
                    return Poll::Ready(None);
                }
            }
        }
        let Past::Read { frames, next, .. } = &mut self.past else { return Poll::Ready(None) };
        let frame = frames.pop_front();
        let mut place = *next;
        match (&frame, frames.is_empty()) {
            (Some(frame), false) => place = frame.seq() + 1,
            // Used up: a page that stayed would lead back to here when the viewer is left behind again.
            _ => self.past = Past::None,
        }
        let mut state = self.viewer.state();
        let Some(subscription) = state.subscription.as_mut().filter(|subscription| subscription.epoch == epoch) else {
            return Poll::Ready(None);
        };
        subscription.next = place;
        state.owed_since = frame.is_some().then(Instant::now);
        let reader = state.reader.clone();
        drop(state);
        Poll::Ready(frame.and_then(|frame| self.let_out(&frame, scope, &*reader)))
    }

    fn let_out(&self, frame: &Frame, scope: Scope, reader: &dyn Reader) -> Option<Item> {
        let message = frame.for_reader(reader, scope)?.clone();
        self.hub.metrics.sent();
        Some(Item::Entry { seq: frame.seq(), message })
    }
}

impl Stream for Feed {
    type Item = Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        self.get_mut().poll_item(cx)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.shard.viewers().remove(&self.viewer.number);
        let mut state = self.viewer.state();
        state.gone = true;
        state.subscription = None;
        drop(state);
        self.viewer.bell.notify_one();
    }
}

//! Lives here: the live stream. Frames, the hub that every commit passes through, the place that each viewer has reached.
//! Must never know: trading rules, who may do what, SQL, HTTP. Lossy by design: losing all of it delays screens and
//! never changes a result.
//! Start reading at `channel` (why a slow viewer costs nothing), then `feed` (what one viewer is sent, in which order),
//! then `hub`.
//!
//! The ledger's `seq` is the only cursor. A viewer has no queue of its own: it has a *place* in its channel's ring of
//! recent frames, and the ring holds exactly what a viewer may have waiting. Whoever joins reads history until its place
//! is in the ring and goes on from there, so there is no window between the two in which an entry could be lost. Whoever
//! finds that its place has left the ring is over its budget: if it has stopped taking frames it is cut off, socket and
//! all; if a burst or a busy server left it behind, it goes through history again. Nobody is ever served with a hole.

pub mod channel;
pub mod feed;
pub mod frame;
pub mod history;
pub mod hub;
pub mod lifeline;
pub mod protocol;
pub mod scope;
pub mod shard;
pub mod viewer;

use std::sync::Arc;
use std::time::Duration;

pub use feed::{Feed, Item};
pub use frame::{Frame, Message};
pub use history::{History, LedgerHistory, Page};
pub use hub::Hub;
pub use lifeline::Lifeline;
pub use protocol::{ClientMessage, CloseCode};
pub use scope::Scope;
pub use viewer::Viewer;

use crate::base::{Id, Span, limits};
use crate::sequencer::CommittedEntry;

/// Somebody who looks on, with the rights that were established when the connection was made. Whatever the public may
/// read every reader may, so a frame that is public is never asked about again.
pub trait Reader: Send + Sync {
    /// `None` for the public.
    fn account(&self) -> Option<Id>;
    /// Whether this reader may read the entry's payload now. Asked for each entry that is not public: must not block.
    fn may_read(&self, entry: &CommittedEntry) -> bool;
    /// Whether this reader may know that there is this damaged entry, in the scope of its lot. Must not block.
    fn may_know(&self, _damaged: &CommittedEntry) -> bool {
        false
    }
    /// Whether this reader may follow the scope at all. May block.
    fn may_follow(&self, scope: Scope) -> Result<(), Denied>;
    /// The same person with the rights of this moment; `None` when the session is over. May block.
    fn renewed(&self) -> Option<Arc<dyn Reader>>;
}

/// Whom the hub lets in. Implemented where identity and rules are known.
pub trait Gate: Send + Sync {
    /// Somebody who did not sign in.
    fn public(&self) -> Arc<dyn Reader>;
    /// Uses a one-use ticket up (the base64url text that the client was given); `None` when it is not good. May block.
    fn redeem(&self, ticket: &str) -> Option<Arc<dyn Reader>>;
}

/// Why a scope is not for this reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    Unknown,
    Forbidden,
}

/// The bounds of `base::limits` as one value, so that tests can draw them tighter.
#[derive(Debug, Clone)]
pub struct Limits {
    pub viewers: usize,
    pub queue_frames: usize,
    pub queue_bytes: usize,
    pub overdue: Duration,
    pub stall: Duration,
    pub heartbeat: Duration,
    pub recheck: Duration,
    pub subscribe_wait: Duration,
    pub close_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            viewers: limits::VIEWERS_MAX,
            queue_frames: limits::VIEWER_QUEUE_MAX_FRAMES,
            queue_bytes: limits::VIEWER_QUEUE_MAX_BYTES,
            overdue: duration(limits::VIEWER_OVERDUE_MAX),
            stall: duration(limits::VIEWER_STALL_MAX),
            heartbeat: duration(limits::VIEWER_HEARTBEAT_EVERY),
            recheck: duration(limits::VIEWER_RECHECK_EVERY),
            subscribe_wait: duration(limits::VIEWER_SUBSCRIBE_WAIT_MAX),
            close_grace: duration(limits::VIEWER_CLOSE_GRACE),
        }
    }
}

const fn duration(span: Span) -> Duration {
    Duration::from_micros(span.get())
}

//! What a witness must not forget. `store` implements it.

use crate::base::{Hash, Micros};

/// The newest checkpoint of a log that was cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub size: u64,
    pub root: Hash,
    /// The note with the log's lines and ours.
    pub note: String,
    pub at: Micros,
}

/// What can be wrong with a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlarmKind {
    /// It signed two histories: `ours` and `theirs` are signed notes of which neither continues the other. Never ends.
    Fork,
    /// It shows less than it has shown or submitted before.
    Shrank,
    /// It has shown nothing sound for too long.
    Stale,
}

impl AlarmKind {
    pub const ALL: [Self; 3] = [Self::Fork, Self::Shrank, Self::Stale];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Shrank => "shrank",
            Self::Stale => "stale",
        }
    }
}

/// Something that a person must look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    pub origin: String,
    pub kind: AlarmKind,
    pub began: Micros,
    /// Only [`AlarmKind::Shrank`] and [`AlarmKind::Stale`] ever end.
    pub ended: Option<Micros>,
    /// The note that we had cosigned.
    pub ours: String,
    /// The note that does not fit it, or what else was found.
    pub theirs: String,
}

/// The book could not be read or written; nothing may be answered from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the witness's book cannot be used: {0}")]
pub struct BookError(pub String);

/// A witness's durable memory. Safe from any number of threads.
pub trait Book: Send + Sync {
    fn seen(&self, origin: &str) -> Result<Option<Seen>, BookError>;

    /// Durably replaces what was seen of `origin`, if that is still of size and root `before` (`None`: nothing seen yet).
    /// False, and nothing is changed, when somebody else was first. When this returns, it is on disk.
    fn replace(&self, origin: &str, before: Option<(u64, Hash)>, new: &Seen) -> Result<bool, BookError>;

    /// Notes an alarm, unless the same (kind and `theirs`; for those that end: kind) is open already.
    fn raise(&self, alarm: &Alarm) -> Result<(), BookError>;

    /// Ends the open alarms of that kind.
    fn settle(&self, origin: &str, kind: AlarmKind, at: Micros) -> Result<(), BookError>;

    /// The newest first.
    fn alarms(&self, origin: &str, limit: i64) -> Result<Vec<Alarm>, BookError>;
}

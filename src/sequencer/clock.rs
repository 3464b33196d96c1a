//! The one clock by which deadlines are decided.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::base::Micros;

/// Where stamps come from. It may jump either way: the queue never hands out a stamp before its last one.
pub trait Clock: Send + Sync {
    fn now(&self) -> Micros;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    /// A machine that believes to be before 1970 gets 1970, and its stamps then stand still at the last leaf's time.
    fn now(&self) -> Micros {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).ok().and_then(Micros::new).unwrap_or_default()
    }
}

//! A clock that stands still until it is set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use crate::base::{Micros, Span};
use crate::sequencer::Clock;

/// Clones show the same time. A sequencer does not notice by itself that it was set: tick it.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    pub fn at(now: Micros) -> Self {
        Self(Arc::new(AtomicI64::new(now.get())))
    }

    /// To any time, earlier ones included.
    pub fn set(&self, now: Micros) {
        self.0.store(now.get(), SeqCst);
    }

    pub fn advance(&self, by: Span) -> Micros {
        let now = self.now().plus(by);
        self.set(now);
        now
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Micros {
        Micros::new(self.0.load(SeqCst)).unwrap_or_default()
    }
}

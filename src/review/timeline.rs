//! The state at any entry, forwards and backwards: what a review desk scrubs through.

use crate::base::Micros;
use crate::engine::{Event, State, apply};

/// States at every so many entries; the ones between are a short way from the one before.
#[derive(Debug, Clone)]
pub struct Timeline {
    every: u64,
    /// (size, state after that many entries), in order.
    kept: Vec<(u64, State)>,
}

impl Timeline {
    /// Keeps a state every `every` entries (at least 1).
    pub fn new(every: u64) -> Self {
        Self { every: every.max(1), kept: vec![(0, State::default())] }
    }

    /// Offers the state after `size` entries, in the order of the ledger.
    pub fn offer(&mut self, size: u64, state: &State) {
        let last = self.kept.last().map_or(0, |(size, _)| *size);
        if size >= last.saturating_add(self.every) {
            self.kept.push((size, state.clone()));
        }
    }

    /// The state after the first `size` entries. `event` answers for the engine event of a `seq` and its leaf's time;
    /// `None` for an entry that is not the engine's or not at hand. At most about `every` events are asked for.
    pub fn state_after(&self, size: u64, mut event: impl FnMut(u64) -> Option<(Micros, Event)>) -> State {
        let before = self.kept.partition_point(|(kept, _)| *kept <= size).saturating_sub(1);
        let (from, mut state) = self.kept.get(before).cloned().unwrap_or_default();
        for seq in from..size {
            if let Some((at, event)) = event(seq) {
                apply(&mut state, &event, at, seq);
            }
        }
        state
    }
}

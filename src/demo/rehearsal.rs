//! The same engine, run ahead of the sequencer: it says which numbers are dealt, when countdowns end and what becomes of
//! every command, so that commands can be handed over without waiting, and each answer can be compared with what the
//! rules say it must be.

use crate::base::{Code, Micros};
use crate::engine::event::{Event, Fact};
use crate::engine::{self, Command, Refusal, State};

#[derive(Debug, Clone)]
pub struct Rehearsal {
    pub state: State,
    /// Entries so far.
    pub size: u64,
    /// Of the last entry.
    pub time: Micros,
}

/// What becomes of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    pub first: u64,
    pub count: u64,
    /// The rule that a recorded bid broke.
    pub rule: Option<Code>,
}

impl Rehearsal {
    /// Lets every timer run out that is due at or before `at`, as the sequencer does before anything stamped `at`.
    pub fn advance(&mut self, at: Micros) {
        while let Some((due, timer)) = self.state.timers.first().copied().filter(|(due, _)| *due <= at) {
            let stamp = due.max(self.time);
            let events = engine::fire(&self.state, timer, stamp);
            if events.is_empty() {
                break;
            }
            self.take_in(&events, stamp);
        }
    }

    /// Decides `command` at `at` and takes its events in.
    pub fn play(&mut self, command: &Command, at: Micros) -> Result<Expected, Refusal> {
        self.advance(at);
        let stamp = at.max(self.time);
        let events = engine::decide(&self.state, command, stamp)?;
        let rule = events.first().and_then(|event| match &event.fact {
            Fact::BidRefused(refused) => Some(refused.rule),
            _ => None,
        });
        let expected = Expected { first: self.size, count: u64::try_from(events.len()).unwrap_or(0), rule };
        self.take_in(&events, stamp);
        Ok(expected)
    }

    fn take_in(&mut self, events: &[Event], stamp: Micros) {
        for event in events {
            engine::apply(&mut self.state, event, stamp, self.size);
            self.size += 1;
        }
        self.time = stamp;
    }
}

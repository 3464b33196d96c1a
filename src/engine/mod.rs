//! Lives here: the trading rules, pure and deterministic: `decide(state, command, now) → events | refusal` and
//! `apply(state, event)`. The same log gives the same state everywhere, for ever.
//! Must never know: I/O, a clock, randomness, floats, hash-map order, SQL, HTTP, JSON values.
//! Start reading at `rules` (what a notice fixes), then `event`, `decide`, and one method in `methods/`.

pub mod actor;
pub mod apply;
pub mod audience;
pub mod bids;
pub mod calendar;
pub mod clock;
pub mod code;
pub mod command;
pub mod decide;
pub mod event;
pub mod feedback;
pub mod life;
pub mod methods;
pub mod objection;
pub mod rules;
pub mod state;

#[cfg(test)]
mod tests;

pub use actor::{Actor, Subject};
pub use apply::apply;
pub use audience::{Audience, audience, of_objection};
pub use command::{Action, Command};
pub use decide::{Refusal, decide, fire};
pub use event::{Event, Fact};
pub use state::{Lot, Phase, State, Timer};

//! Lives here: what stands in for the world in tests, simulations and benchmarks: a clock that is set by hand, seeded
//! entropy, a journal in memory, one that fails at named points, a lot with bidders who sign,
//! and `trial`, the deterministic simulation of all of it with faults.
//! Must never know: nothing in the product uses it, except the command that simulates a year.
//! Start reading at `hall`.

pub mod clock;
pub mod entropy;
pub mod faulty;
pub mod hall;
pub mod memory;
pub mod trial;

pub use clock::ManualClock;
pub use entropy::SeededEntropy;
pub use faulty::{Fault, Faults, FaultyJournal, Gate};
pub use hall::{Bidder, Hall, HallRules, World};
pub use memory::MemoryJournal;

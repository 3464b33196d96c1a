//! Lives here: a witness (C2SP tlog-witness), run by a supervisory agency on its own machine. It cosigns only what continues
//! what it cosigned before, and watches logs by itself.
//! Must never know: SQL, routes, trading rules, who may do what.
//! Start reading at `judge` (what a witness does with a checkpoint), then `watch`.

pub mod book;
pub mod client;
pub mod cosigning;
pub mod judge;
pub mod timestamp;
pub mod watch;

pub use book::{Alarm, AlarmKind, Book, BookError, Seen};
pub use client::{LogClient, NotServed, Refused};
pub use cosigning::{Cosigning, CosigningView, WitnessView};
pub use judge::{Answer, Log, Witness};
pub use watch::{Sight, Watch};

//! Lives here: the one writer of a ledger. Stamps and orders what arrives, lets the engine decide it, chains it, commits
//! it in groups, and only then tells anyone; fires the rules' timers; takes snapshots; starts again from what is durable.
//! Must never know: SQL, HTTP, who may do what.
//! Start reading at `work` (what goes in and comes out), then `queue`, `draft` (deciding), `commit` (the commit point),
//! `start` (recovery). [`Journal`] is what it writes through; `store` and `sim` implement it.
//!
//! Two threads. The decider owns the queue's front and the draft, the state ahead of the commit; the committer owns the
//! journal. While one batch is being committed the next is decided on top of it; if the commit fails, the draft and all
//! that was decided on it are dropped and the sequencer stops for good. A restart reads what is really there; where nodes
//! share a ledger (`node`), the term ends instead, and storage is read again without a restart. `steps` moves the same
//! parts by hand, for simulations.

pub mod clock;
mod commit;
mod draft;
mod handle;
pub mod journal;
pub mod metrics;
mod node;
mod queue;
pub mod reader;
pub mod shared;
pub mod snapshot;
mod start;
pub mod steps;
pub mod work;

pub use clock::{Clock, SystemClock};
pub use handle::{Pending, Sequencer, Slot, Status, WeakSequencer};
pub use journal::{Batch, Head, Journal, JournalError, Loaded, StoredEntry, StoredOutcome, StoredSnapshot};
pub use metrics::{Histogram, Metrics};
pub use node::Leader;
pub use reader::{LedgerReader, LedgerTree, ReadError, StoredPayload};
pub use shared::{Load, SharedLedger, Standby, Tenure};
pub use start::{Making, Options, StartError, Trail};
pub use steps::Steps;
pub use work::{Committed, CommittedBatch, CommittedEntry, Listener, Once, Outcome, Record, Submission, Work};

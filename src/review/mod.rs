//! Lives here: what a stranger does with a ledger: every check of `docs/ledger-format.md` §6, the replay of the trading
//! rules, the report, receipts, and the bundle and the case file that carry a ledger to a laptop without a network.
//! Must never know: I/O, threads, SQL, HTTP, clocks. Bytes come from a [`Source`], threads from a [`Spread`].
//! Start reading at `verify`, then `replay`; `examine` holds what can be done to many entries at once.

pub mod bundle;
pub mod case;
#[cfg(feature = "timestamps")]
mod certificates;
pub mod content;
pub mod examine;
pub mod footage;
pub mod history;
mod log_keys;
pub mod receipt;
pub mod replay;
pub mod report;
pub mod source;
pub mod statements;
pub mod timeline;
pub mod timestamps;
pub mod verify;

#[cfg(feature = "timestamps")]
pub use certificates::Certificates;
pub use content::Content;
pub use history::History;
pub use log_keys::{Handover, LogKey, LogKeys};
pub use receipt::{Receipt, ReceiptReport};
pub use replay::Replayer;
pub use report::{Check, CheckName, CheckState, Failure, Language, Report};
pub use source::{Entry, InSequence, Media, Missing, Source, Spread};
pub use timeline::Timeline;
pub use timestamps::{Authorities, NotTimed};
pub use verify::{Options, Trust, verify};

//! The one writer of a ledger: order, time, the commit point, recovery. On a journal in memory and on SQLite.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod failures;
mod once;
mod order;
mod recovery;
mod support;
mod time;

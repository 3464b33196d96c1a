//! The one writer of a ledger: order, time, the commit point, recovery. On a journal in memory, on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod failures;
mod nodes;
mod once;
mod order;
mod recovery;
#[path = "../servers/mod.rs"]
mod servers;
mod support;
mod time;

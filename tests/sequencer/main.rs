//! The one writer of a ledger: order, time, the commit point, recovery. On a journal in memory and on SQLite.

mod failures;
mod once;
mod order;
mod recovery;
mod support;
mod time;

//! What a stranger finds: a ledger that holds, and every way in which one may not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::cast_possible_truncation)]
#![allow(clippy::semicolon_if_nothing_returned)]

mod book;
mod bundles;
mod cases;
mod footage;
mod objections;
mod printed;
mod public;
mod receipts;
mod tampering;
mod whole;

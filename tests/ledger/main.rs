//! The ledger format against its vectors, against other people's implementations, and against every flipped bit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod agreement;
mod go;
mod interop;
mod mutations;
mod round_trips;
mod signatures;
mod sm2;
mod trees;
mod vectors;

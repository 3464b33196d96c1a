//! Witnesses: every answer of C2SP tlog-witness over real HTTP and a real book, requests at the same time, a witness killed
//! between check and store, split views, and logs that fork, shrink or fall silent.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod answers;
mod cosigned;
mod drill;
mod log;
mod policies;
mod process;
mod rotation;
mod server;
mod timestamps;
mod watching;

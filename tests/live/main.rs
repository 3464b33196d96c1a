//! The live stream of a real server on the loopback interface, seen by clients that are not ours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod client;
mod door;
mod fallbacks;
mod rights;
mod slow;
mod whole;
mod world;

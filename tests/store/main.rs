//! What every store must do, asked of each backend.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod backends;
mod evidence;
mod ledger;
mod platform;
mod schema;
#[path = "../servers/mod.rs"]
mod servers;
mod starter;
mod tls;

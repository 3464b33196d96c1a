//! The whole application behind a real socket: every route, every role, every refusal, as a client sees them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
// `post(path, json!({…}))` reads better than a reference to it, and a genesis of defaults needs no names.
#![allow(clippy::needless_pass_by_value, clippy::default_trait_access)]

mod audience;
mod bids;
mod case_file;
mod client;
mod feedback;
mod hall;
mod health;
mod idempotency;
mod ledger;
mod mirror;
mod objections;
mod openapi;
mod rights;
mod settings;
mod whole_life;
mod world;

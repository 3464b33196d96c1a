//! Lives here: routes that mirror the URLs, the stream, OpenAPI, problems, the embedded web files.
//! Must never know: SQL, trading rules.
//! Start reading at `app`, then `bids`.

pub mod accounts;
pub mod act;
pub mod app;
pub mod bids;
pub mod by_host;
pub mod case_file;
pub mod cases;
pub mod companies;
pub mod extract;
pub mod feedback;
pub mod footage;
pub mod health;
pub mod holds;
pub mod keys;
pub mod ledger;
pub mod life;
pub mod lot_view;
pub mod lots;
pub mod metrics;
pub mod mirror;
pub mod nodes;
pub mod objections;
pub mod observe;
pub mod offload;
pub mod page;
pub mod private;
pub mod problem;
pub mod recorders;
pub mod rooms;
pub mod schema;
pub mod session;
pub mod settings;
pub mod statistics;
pub mod stream;
pub mod throttle;
pub mod web_files;
pub mod witness;

#[cfg(test)]
mod identity_tests;
#[cfg(test)]
mod test_world;

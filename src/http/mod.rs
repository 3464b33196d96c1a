//! Lives here: routes that mirror the URLs, the stream, OpenAPI, problems, the embedded web files.
//! Must never know: SQL, trading rules.
//! Start reading at `app`, then `bids`.

pub mod act;
pub mod app;
pub mod bids;
pub mod extract;
pub mod feedback;
pub mod health;
pub mod ledger;
pub mod life;
pub mod lot_view;
pub mod lots;
pub mod problem;
pub mod schema;
pub mod statistics;
pub mod stream;
pub mod web_files;

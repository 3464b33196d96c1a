//! Lives here: routes that mirror the URLs, the stream, OpenAPI, problems, the embedded web files.
//! Must never know: SQL, trading rules.
//! Start reading at `routes`, then `bids`.

pub mod act;
pub mod bids;
pub mod extract;
pub mod feedback;
pub mod ledger;
pub mod life;
pub mod lot_view;
pub mod lots;
pub mod problem;
pub mod schema;
pub mod statistics;
pub mod stream;

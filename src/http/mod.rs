//! Lives here: routes that mirror the URLs, the stream, OpenAPI, problems, the embedded web files.
//! Must never know: SQL, trading rules.
//! Start reading at `routes`, then `bids`.

pub mod problem;
pub mod schema;

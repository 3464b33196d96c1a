//! Lives here: money in 分, time in microseconds, ids, hashes, the named limits, the one table of error codes.
//! Must never know: any other room, I/O, a clock.
//! Start reading at `money`, then `codes`.

pub mod codes;
pub mod entropy;
pub mod hash;
pub mod id;
pub mod jwk;
pub mod limits;
pub mod money;
pub mod rate;
pub mod reserve;
pub mod time;

pub use codes::Code;
pub use entropy::Entropy;
pub use hash::Hash;
pub use id::Id;
pub use jwk::{Jwk, Thumbprint};
pub use money::Fen;
pub use rate::Rate;
pub use reserve::reserve_commitment;
pub use time::{Micros, Span};

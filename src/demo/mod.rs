//! Lives here: the demonstration. A whole year of the trading centre of the invented city 明江市, planned from a seed and
//! played through the real engine and the real sequencer; the accounts that go with it; the auctions that go on live.
//! Must never know: HTTP. Nothing of the product uses it except `mingjian simulate` and the server's `--demo`.
//! Start reading at `year` (what is planned), then `script` (who does what when) and `drive` (playing it).

mod alive;
mod amounts;
mod bidding;
mod calendar;
pub mod cast;
mod course;
mod lots;
pub mod seed;
mod words;
pub mod year;


pub use seed::Secrets;
pub use year::{Brief, Year, settings};

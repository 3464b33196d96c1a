//! Lives here: the demonstration. A whole year of the trading centre of the invented city 明江市, planned from a seed and
//! played through the real engine and the real sequencer; the accounts that go with it; the auctions that go on live.
//! Must never know: HTTP. Nothing of the product uses it except `mingjian simulate` and the server's `--demo`.
//! Start reading at `year` (what is planned), then `script` (who does what when) and `drive` (playing it).

pub mod accounts;
mod alive;
mod amounts;
pub mod auction;
mod bidding;
mod calendar;
pub mod cast;
mod course;
pub mod drive;
pub mod keep;
mod lots;
mod rehearsal;
pub mod script;
pub mod seed;
mod statements;
mod words;
pub mod year;

#[cfg(test)]
mod tests;

pub use drive::{DemoError, Progress, Report, Stage, drive};
pub use seed::Secrets;
pub use year::{Brief, Year, settings};

//! One file a trading method. Each answers the same four questions; what they share of open price auctions is in `climb`.
//! Adding a method: its file here, its variant in [`Method`], its line in [`Method::rulebook`].

mod ascending;
pub mod climb;
mod descending;
mod listing;

use super::command::Bid;
use super::event::{Fact, Standing};
use super::rules::{Method, Rules};
use super::state::{Auction, Lot};
use crate::base::{Code, Fen, Micros};

/// What a method decides. All pure; `lot.auction` is present whenever `judge`, `after_bid` or `on_deadline` is called.
pub trait Rulebook {
    /// Whether the parameters can be traded with; the text says which cannot and why.
    fn validate(&self, rules: &Rules) -> Result<(), String>;

    /// The auction as it stands at the opening.
    fn open(&self, at: Micros) -> Auction;

    /// Which rule `bid` breaks, first in the order of precedence; the lot is running and not suspended.
    fn judge(&self, lot: &Lot, bid: &Bid) -> Result<(), Code>;

    /// What follows from an accepted bid, beside the bid itself.
    fn after_bid(&self, lot: &Lot, bid: &Bid, at: Micros) -> Vec<Fact>;

    /// What follows when the stage's time is up.
    fn on_deadline(&self, lot: &Lot, at: Micros) -> Vec<Fact>;

    /// The ranking as it stands, best first.
    fn standings(&self, lot: &Lot) -> Vec<Standing>;

    /// Whether `price` satisfies the owner's `reserve`.
    fn meets_reserve(&self, price: Fen, reserve: Fen) -> bool;

    /// The start or ceiling price of the notice.
    fn start(&self) -> Fen;

    /// Whether a lower price is the better one.
    fn falls(&self) -> bool;
}

impl Method {
    /// The one place where a method's name becomes its rules.
    pub fn rulebook(&self) -> Box<dyn Rulebook + '_> {
        match self {
            Self::Ascending(rules) => Box::new(ascending::of(rules)),
            Self::Descending(rules) => Box::new(descending::of(rules)),
            Self::Listing(rules) => Box::new(listing::of(rules)),
        }
    }

    /// The name in notices and in the interface's locale files.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ascending(_) => "ascending",
            Self::Descending(_) => "descending",
            Self::Listing(_) => "listing",
        }
    }
}

//! 网络竞价: prices rise from a start price. A free period, then a timed one that each valid bid begins anew; it closes
//! when a whole window passes without a bid.

use super::Rulebook;
use super::climb::{self, Direction, Steps};
use crate::base::{Code, Fen, Micros, limits};
use crate::engine::command::Bid;
use crate::engine::event::{Fact, Standing, TimedPeriodStarted};
use crate::engine::rules::{PriceRules, Rules};
use crate::engine::state::{Auction, Lot, Stage};

pub fn of(rules: &PriceRules) -> PriceAuction<'_> {
    PriceAuction { rules, direction: Direction::Up }
}

/// An open auction by price, in either direction.
pub struct PriceAuction<'a> {
    pub rules: &'a PriceRules,
    pub direction: Direction,
}

impl PriceAuction<'_> {
    fn steps(&self) -> Steps {
        Steps {
            direction: self.direction,
            start: self.rules.start,
            step: self.rules.step,
            max_steps: self.rules.max_steps,
            cap: None,
            window: self.rules.window,
        }
    }
}

impl Rulebook for PriceAuction<'_> {
    fn validate(&self, rules: &Rules) -> Result<(), String> {
        if self.rules.free > limits::PERIOD_MAX {
            return Err("自由竞价期过长 (the free period is too long)".into());
        }
        climb::validate(self.steps(), rules)
    }

    fn open(&self, at: Micros) -> Auction {
        climb::opened(at, self.rules.free)
    }

    fn judge(&self, lot: &Lot, bid: &Bid) -> Result<(), Code> {
        climb::judge(lot, bid, self.steps())
    }

    fn after_bid(&self, lot: &Lot, bid: &Bid, at: Micros) -> Vec<Fact> {
        climb::after_bid(lot, bid, at, self.steps())
    }

    fn on_deadline(&self, lot: &Lot, at: Micros) -> Vec<Fact> {
        let Some(auction) = lot.auction.as_ref() else { return Vec::new() };
        match auction.stage {
            Stage::Free => vec![TimedPeriodStarted { until: at.plus(self.rules.window) }.into()],
            Stage::Timed | Stage::Confirming => climb::end_of_rung(lot, auction, at, self.steps()),
        }
    }

    fn standings(&self, lot: &Lot) -> Vec<Standing> {
        climb::standings(lot, self.steps())
    }

    fn meets_reserve(&self, price: Fen, reserve: Fen) -> bool {
        !self.direction.is_better(reserve, price)
    }

    fn start(&self) -> Fen {
        self.rules.start
    }

    fn falls(&self) -> bool {
        self.direction == Direction::Down
    }
}

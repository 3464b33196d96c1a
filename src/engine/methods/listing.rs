//! 挂牌: a long quoting period in which each quote betters the best by at least a step; at its end those who quoted may
//! confirm, within a window, that they enter a timed auction. Fewer than two confirm: the best quote wins
//! (招标拍卖挂牌出让国有建设用地使用权规定 art. 17–19).

use super::Rulebook;
use super::climb::{self, Direction, Steps};
use crate::base::{Code, Fen, Micros, limits};
use crate::engine::command::Bid;
use crate::engine::event::{ConfirmationOpened, Fact, Standing, TimedPeriodStarted};
use crate::engine::rules::{ListingRules, Rules};
use crate::engine::state::{Auction, Lot, Stage};

/// A timed auction needs two who want it.
const CONFIRMED_MIN: usize = 2;

pub fn of(rules: &ListingRules) -> Listing<'_> {
    Listing { rules }
}

pub struct Listing<'a> {
    rules: &'a ListingRules,
}

impl Listing<'_> {
    fn steps(&self) -> Steps {
        Steps {
            direction: Direction::Up,
            start: self.rules.start,
            step: self.rules.step,
            max_steps: self.rules.max_steps,
            cap: None,
            window: self.rules.window,
        }
    }

    fn end_of_quoting(&self, lot: &Lot, auction: &Auction, at: Micros) -> Vec<Fact> {
        if auction.best.len() < CONFIRMED_MIN {
            return climb::end_of_rung(lot, auction, at, self.steps());
        }
        let eligible = auction.best.keys().copied().collect();
        vec![ConfirmationOpened { eligible, until: at.plus(self.rules.confirm) }.into()]
    }
}

impl Rulebook for Listing<'_> {
    fn validate(&self, rules: &Rules) -> Result<(), String> {
        if self.rules.quoting < limits::LISTING_QUOTING_MIN || self.rules.quoting > limits::PERIOD_MAX {
            return Err("挂牌期不得少于十日 (the quoting period lasts at least ten days)".into());
        }
        if self.rules.confirm < limits::WINDOW_MIN || self.rules.confirm > limits::PERIOD_MAX {
            return Err("确认窗口过短或过长 (confirmation window)".into());
        }
        climb::validate(self.steps(), rules)
    }

    fn open(&self, at: Micros) -> Auction {
        climb::opened(at, self.rules.quoting)
    }

    fn judge(&self, lot: &Lot, bid: &Bid) -> Result<(), Code> {
        let auction = lot.auction.as_ref().ok_or(Code::NotOpen)?;
        if auction.stage == Stage::Confirming || !auction.admits(bid.number) {
            return Err(Code::NotAdmittedToStage);
        }
        climb::judge(lot, bid, self.steps())
    }

    fn after_bid(&self, lot: &Lot, bid: &Bid, at: Micros) -> Vec<Fact> {
        climb::after_bid(lot, bid, at, self.steps())
    }

    fn on_deadline(&self, lot: &Lot, at: Micros) -> Vec<Fact> {
        let Some(auction) = lot.auction.as_ref() else { return Vec::new() };
        match auction.stage {
            Stage::Free => self.end_of_quoting(lot, auction, at),
            Stage::Confirming if auction.confirmed.len() >= CONFIRMED_MIN => {
                vec![TimedPeriodStarted { until: at.plus(self.rules.window) }.into()]
            }
            Stage::Confirming | Stage::Timed => climb::end_of_rung(lot, auction, at, self.steps()),
        }
    }

    fn standings(&self, lot: &Lot) -> Vec<Standing> {
        climb::standings(lot, self.steps())
    }

    fn meets_reserve(&self, price: Fen, reserve: Fen) -> bool {
        price >= reserve
    }

    fn start(&self) -> Fen {
        self.rules.start
    }

    fn falls(&self) -> bool {
        false
    }
}

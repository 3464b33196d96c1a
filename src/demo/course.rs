//! The course of one auction: who bids in the free period and who in the timed one, what breaks a rule, what stands
//! still, who wins.

use super::bidding::{self, BidPlan, Prices, fen};
use super::lots::Twist;
use super::seed::Rng;
use crate::base::{Code, Fen, Span};
use crate::engine::rules::Rung;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Course {
    /// Before the opening; `delay` counts back from it.
    pub early: Option<BidPlan>,
    /// During the free or quoting period; `delay` counts from the opening.
    pub free: Vec<BidPlan>,
    /// Listing: who enters the timed auction.
    pub confirms: Vec<usize>,
    /// During the timed period; `delay` counts from its start or from the bid before.
    pub timed: Vec<BidPlan>,
    /// The auction stands still after this one of the timed bids, for so long.
    pub standstill: Option<(usize, Span)>,
    /// After the close.
    pub late: Option<BidPlan>,
    pub winner: Option<usize>,
    /// The winner's quantity on the rung past the price cap.
    pub offer: Option<Fen>,
}

const RUNG_START: i64 = 1_000;
const RUNG_STEP: i64 = 100;

/// What land is bid for once its price stands at the cap.
pub fn rung(window: Span) -> Rung {
    let (start, step) = (fen(RUNG_START), fen(RUNG_STEP));
    Rung {
        name: "配建保障房面积".into(), unit: "平方米".into(), start, step, max_steps: 20, limit: None, window
    }
}

impl Course {
    /// `bidders` are those who may and will bid; nobody bids when there are none.
    pub fn new(
        rng: &mut Rng,
        prices: &Prices,
        bidders: &[usize],
        free: Span,
        window: Span,
        twist: Twist,
        listing: bool,
    ) -> Self {
        let mut course = Self::default();
        if bidders.len() < 2 {
            return course;
        }
        // The priority buyer waits and then matches.
        let open: Vec<usize> = bidders.iter().copied().filter(|b| twist != Twist::Priority || *b != 0).collect();
        if listing {
            course.quote(rng, prices, &open, twist);
        } else {
            let mut bids = bidding::dialogue(rng, &prices.amounts, &open, None);
            // The last two prices at least are named against the countdown.
            let most = u64::try_from(bids.len()).unwrap_or(0).saturating_sub(2);
            course.timed = bids.split_off(usize::try_from(rng.between(1.min(most), most)).unwrap_or(0));
            course.free = bids;
        }
        if twist != Twist::CapRung {
            course.slip(rng, prices, &open);
        }
        course.finish(rng, prices, twist);
        bidding::spread(rng, &mut course.free, free);
        bidding::pace(rng, &mut course.timed, window);
        course.stand_still(rng, twist);
        course.outsiders(rng, prices, &open);
        course
    }

    /// 挂牌: quotes by all, then either everything is said or those who confirm go on.
    fn quote(&mut self, rng: &mut Rng, prices: &Prices, bidders: &[usize], twist: Twist) {
        let goes_on = rng.chance(70) || matches!(twist, Twist::CapRung | Twist::Unconfirmed | Twist::Suspended);
        if !goes_on {
            self.free = bidding::dialogue(rng, &prices.amounts, bidders, None);
            return;
        }
        let quotes = prices.amounts.len().saturating_sub(2).max(2);
        let (first, rest) = prices.amounts.split_at(quotes.min(prices.amounts.len()));
        self.free = bidding::dialogue(rng, first, bidders, None);
        self.confirms = self.free.iter().map(|bid| bid.bidder).collect();
        self.confirms.sort_unstable();
        self.confirms.dedup();
        let outsider = self.confirms.len().checked_sub(3).and_then(|_| self.confirms.pop());
        let leader = self.free.last().map(|bid| bid.bidder);
        self.timed = bidding::dialogue(rng, rest, &self.confirms, leader);
        if let (Some(bidder), Twist::Unconfirmed, Some(first)) = (outsider, twist, self.timed.first().cloned()) {
            let refused = BidPlan { bidder, breaks: Some(Code::NotAdmittedToStage), delay: Span::secs(9), ..first };
            self.timed.insert(0, refused);
        }
    }

    /// About every second auction sees a bid that breaks a rule.
    fn slip(&mut self, rng: &mut Rng, prices: &Prices, bidders: &[usize]) {
        if rng.chance(30) {
            let place = rng.index(self.free.len() + 1);
            bidding::slip_in(rng, prices, &mut self.free, place, bidders);
        }
        if rng.chance(30) && self.timed.len() > 1 {
            let place = 1 + rng.index(self.timed.len() - 1);
            let admitted = if self.confirms.is_empty() { bidders.to_vec() } else { self.confirms.clone() };
            bidding::slip_in(rng, prices, &mut self.timed, place, &admitted);
        }
    }

    /// The last word: the best price, the priority buyer's match of it, or the quantity past the cap.
    fn finish(&mut self, rng: &mut Rng, prices: &Prices, twist: Twist) {
        let bids = self.timed.iter().chain(&self.free);
        let best = bids
            .filter(|bid| bid.breaks.is_none())
            .max_by_key(|bid| if prices.falls { -bid.amount.get() } else { bid.amount.get() });
        let Some(best) = best.cloned() else { return };
        self.winner = Some(best.bidder);
        if twist == Twist::Priority {
            self.timed.push(bidding::good(0, best.amount.get()));
            self.winner = Some(0);
        }
        if twist == Twist::CapRung {
            let mut quantity = RUNG_START;
            let mut willing: Vec<usize> = self.timed.iter().chain(&self.free).map(|bid| bid.bidder).collect();
            if !self.confirms.is_empty() {
                willing.clone_from(&self.confirms);
            }
            for _ in 0..rng.between(1, 4) {
                let last = self.timed.last().filter(|bid| bid.rung.is_some()).map(|bid| bid.bidder);
                let others: Vec<usize> = willing.iter().copied().filter(|bidder| Some(*bidder) != last).collect();
                let Some(bidder) = others.get(rng.index(others.len())).copied() else { break };
                self.timed.push(BidPlan { rung: Some(1), ..bidding::good(bidder, quantity) });
                self.winner = Some(bidder);
                self.offer = Some(fen(quantity));
                quantity += RUNG_STEP * i64::try_from(rng.between(1, 5)).unwrap_or(1);
            }
        }
    }

    fn stand_still(&mut self, rng: &mut Rng, twist: Twist) {
        if !matches!(twist, Twist::Suspended | Twist::Paused) {
            return;
        }
        let last = self.timed.len().saturating_sub(1);
        let places: Vec<usize> = self
            .timed
            .iter()
            .enumerate()
            .filter(|(place, bid)| bid.breaks.is_none() && *place < last)
            .map(|(place, _)| place)
            .collect();
        let length = Span::minutes(rng.between(15, 90));
        self.standstill = places.get(rng.index(places.len())).map(|place| (*place, length));
    }

    /// Bids before the opening and after the close.
    fn outsiders(&mut self, rng: &mut Rng, prices: &Prices, bidders: &[usize]) {
        let refused = |bidder: usize, delay: Span, code: Code| BidPlan {
            delay,
            breaks: Some(code),
            ..bidding::good(bidder, prices.start)
        };
        let (Some(first), Some(last)) = (bidders.first(), bidders.last()) else { return };
        if rng.chance(3) {
            self.early = Some(refused(*first, Span::minutes(rng.between(2, 40)), Code::NotOpen));
        }
        if rng.chance(12) {
            self.late = Some(refused(*last, Span::micros(rng.between(80_000, 4_000_000)), Code::Closed));
        }
    }
}

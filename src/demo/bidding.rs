//! How an auction goes: a ladder of prices that ends exactly on its target, who says which price when, and the bids that
//! break a rule on the way.

use super::seed::Rng;
use crate::base::{Code, Fen, Span};

/// A bid to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BidPlan {
    /// Index in the lot's bidders.
    pub bidder: usize,
    pub amount: Fen,
    pub rung: Option<u32>,
    /// In the free period counted from the opening; in the timed one from what came before.
    pub delay: Span,
    /// The rule that it will break.
    pub breaks: Option<Code>,
}

/// A ladder of prices from a start to a target, in whole steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices {
    pub falls: bool,
    pub start: i64,
    pub step: i64,
    pub max_steps: u32,
    /// Better and better; the last is the target.
    pub amounts: Vec<i64>,
}

/// The largest of 1, 2, 5 times a power of ten that is not above `value`; at least one yuan.
pub fn round_down(value: i64) -> i64 {
    let mut power = 100;
    while value / 10 >= power {
        power *= 10;
    }
    [5, 2].into_iter().map(|factor| factor * power).find(|nice| *nice <= value).unwrap_or(power)
}

impl Prices {
    /// Reaches `target` with `bids` bids from a start that lies about `spread` hundredths of a per cent away.
    pub fn new(rng: &mut Rng, falls: bool, target: i64, bids: usize, spread: u64) -> Self {
        let bids = bids.max(1);
        let steps = rng.between(u64::try_from(bids).unwrap_or(1), u64::try_from(bids * 4).unwrap_or(4));
        let spread = i128::from(target) * i128::from(spread) / 10_000 / i128::from(steps);
        let step = round_down(i64::try_from(spread).unwrap_or(0));
        let taken = share_out(rng, steps, bids);
        let distance = i64::try_from(steps).unwrap_or(0) * step;
        let sign = if falls { -1 } else { 1 };
        let start = target - sign * distance;
        let mut at = start;
        let amounts = taken
            .iter()
            .map(|steps| {
                at += sign * step * i64::try_from(*steps).unwrap_or(0);
                at
            })
            .collect();
        let max_steps = taken.iter().copied().max().unwrap_or(1).max(10);
        Self { falls, start, step, max_steps: u32::try_from(max_steps).unwrap_or(10), amounts }
    }

    fn towards(&self, from: i64, distance: i64) -> i64 {
        if self.falls { from - distance } else { from + distance }
    }
}

/// `steps` in `parts` parts, each at least one.
fn share_out(rng: &mut Rng, steps: u64, parts: usize) -> Vec<u64> {
    let mut shares = vec![1; parts];
    for _ in u64::try_from(parts).unwrap_or(0)..steps {
        let index = rng.index(parts);
        if let Some(share) = shares.get_mut(index) {
            *share += 1;
        }
    }
    shares
}

/// Who says which price: never the one who leads; nobody who was not admitted.
pub fn dialogue(rng: &mut Rng, amounts: &[i64], bidders: &[usize], mut leader: Option<usize>) -> Vec<BidPlan> {
    let mut bids = Vec::new();
    for amount in amounts {
        let others: Vec<usize> = bidders.iter().copied().filter(|bidder| Some(*bidder) != leader).collect();
        let Some(bidder) = others.get(rng.index(others.len())).copied() else { break };
        leader = Some(bidder);
        bids.push(good(bidder, *amount));
    }
    bids
}

pub fn good(bidder: usize, amount: i64) -> BidPlan {
    BidPlan { bidder, amount: fen(amount), rung: None, delay: Span::default(), breaks: None }
}

pub fn fen(amount: i64) -> Fen {
    Fen::new(amount).unwrap_or_default()
}

/// Puts a bid that breaks a rule before the good bid `place`, when one can be made there.
pub fn slip_in(rng: &mut Rng, prices: &Prices, bids: &mut Vec<BidPlan>, place: usize, bidders: &[usize]) {
    let leader = place.checked_sub(1).and_then(|before| bids.get(before)).cloned();
    if leader.as_ref().is_some_and(|leader| leader.breaks.is_some() || leader.rung.is_some()) {
        return;
    }
    let step = prices.step;
    let half = step / 2;
    let (bidder, amount, code) = match &leader {
        None => {
            let bidder = bidders.get(rng.index(bidders.len())).copied();
            let beyond = if prices.falls { Code::AboveCeiling } else { Code::BelowStart };
            let (amount, code) = match rng.below(2) {
                0 => (prices.towards(prices.start, -step), beyond),
                _ => (prices.towards(prices.start, half), Code::OffStep),
            };
            (bidder, amount, code)
        }
        Some(leader) => {
            let at = leader.amount.get();
            let others: Vec<usize> = bidders.iter().copied().filter(|bidder| *bidder != leader.bidder).collect();
            let other = others.get(rng.index(others.len())).copied();
            let far = i64::from(prices.max_steps) + 1;
            match rng.below(6) {
                0 => (Some(leader.bidder), prices.towards(at, step), Code::AlreadyLeading),
                1 => (other, at, Code::NotBetter),
                2 => (other, prices.towards(at, -step), Code::NotBetter),
                3 => (other, prices.towards(at, half), Code::StepNotMet),
                4 => (other, prices.towards(at, step + half), Code::OffStep),
                _ => (other, prices.towards(at, far * step), Code::StepTooLarge),
            }
        }
    };
    let odd_step_counts = !matches!(code, Code::OffStep | Code::StepNotMet) || half > 0;
    if let (Some(bidder), true, true) = (bidder, amount > 0, odd_step_counts) {
        let delay = Span::micros(rng.between(3_000_000, 15_000_000));
        bids.insert(place, BidPlan { bidder, amount: fen(amount), rung: None, delay, breaks: Some(code) });
    }
}

/// Spreads the bids of the free period over `length`, in their order.
pub fn spread(rng: &mut Rng, bids: &mut [BidPlan], length: Span) {
    let margin = (length.get() / 20).min(60_000_000);
    let mut times: Vec<u64> = bids.iter().map(|_| rng.between(margin, length.get() - margin)).collect();
    times.sort_unstable();
    for (bid, time) in bids.iter_mut().zip(times) {
        bid.delay = Span::micros(time);
    }
}

/// Gives the bids of the timed period their pauses for thought, short enough that no countdown runs out meanwhile.
pub fn pace(rng: &mut Rng, bids: &mut [BidPlan], window: Span) {
    for bid in bids.iter_mut().filter(|bid| bid.breaks.is_none()) {
        bid.delay = Span::micros(rng.between(8_000_000, window.get().saturating_sub(60_000_000)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ladder_ends_on_its_target() {
        let mut rng = Rng::new(3, "prices");
        for target in [1_000_000, 27_023_255_813, 47_500_000_000, 100_000_007] {
            for falls in [false, true] {
                let bids = 1 + rng.index(15);
                let prices = Prices::new(&mut rng, falls, target, bids, 1_200);
                assert_eq!(prices.amounts.last(), Some(&target));
                assert!(prices.start > 0 && (prices.start > target) == falls);
                assert_eq!((prices.start - target) % prices.step, 0);
            }
        }
    }

    #[test]
    fn round_amounts() {
        for (value, round) in [(0, 100), (199, 100), (499, 200), (999, 500), (1_000, 1_000), (123_456, 100_000)] {
            assert_eq!(round_down(value), round);
        }
    }
}

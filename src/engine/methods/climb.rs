//! What open price auctions share: the ladder of prices that bids climb, the countdown that bids reset, the price cap and
//! the rungs past it.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Code, Fen, Micros, Span, limits};
use crate::engine::command::Bid;
use crate::engine::event::{AuctionClosed, CountdownReset, Fact, Failure, LotFailed, RungStarted, Standing};
use crate::engine::rules::Rules;
use crate::engine::state::{Auction, Lot, Quote, Stage};

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

/// The steps of the rung that the auction stands on: the price, or a quantity past the price cap.
#[derive(Debug, Clone, Copy)]
pub struct Steps {
    pub direction: Direction,
    pub start: Fen,
    pub step: Fen,
    pub max_steps: u32,
    /// Where the rung ends at once.
    pub cap: Option<Fen>,
    pub window: Span,
}

impl Direction {
    /// By how much `amount` is better than `than`; `None` when it is not better or equal.
    fn gain(self, amount: Fen, than: Fen) -> Option<Fen> {
        match self {
            Self::Up => amount.checked_sub(than),
            Self::Down => than.checked_sub(amount),
        }
    }

    /// Whether `a` is strictly better than `b`.
    pub fn is_better(self, a: Fen, b: Fen) -> bool {
        self.gain(a, b).is_some_and(|gain| !gain.is_zero())
    }
}

/// The steps of the rung on which the auction stands: a rung past the price always climbs.
pub fn steps_now(lot: &Lot, price: Steps) -> Steps {
    let rung = lot.auction.as_ref().map_or(0, |auction| auction.rung);
    let past_price = usize::try_from(rung).ok().and_then(|rung| rung.checked_sub(1));
    match past_price.and_then(|index| lot.rules.ladder.get(index)) {
        None => Steps { cap: lot.rules.cap, ..price },
        Some(rung) => Steps {
            direction: Direction::Up,
            start: rung.start,
            step: rung.step,
            max_steps: rung.max_steps,
            cap: rung.limit,
            window: rung.window,
        },
    }
}

/// An auction just opened, in its free period.
pub fn opened(at: Micros, free: Span) -> Auction {
    Auction {
        stage: Stage::Free,
        until: at.plus(free),
        rung: 0,
        leader: None,
        best: BTreeMap::new(),
        settled: Vec::new(),
        confirmed: BTreeSet::new(),
        accepted: 0,
        refused: 0,
        extensions: 0,
    }
}

/// The refusal rules of a bid against the ladder, in their order of precedence: the order of `base::codes`. The tables in
/// `engine::tests` are their documentation.
pub fn judge(lot: &Lot, bid: &Bid, price: Steps) -> Result<(), Code> {
    let auction = lot.auction.as_ref().ok_or(Code::NotOpen)?;
    let steps = steps_now(lot, price);
    if bid.rung.unwrap_or(0) != auction.rung || bid.rung == Some(0) {
        return Err(Code::WrongRung);
    }
    if auction.leader.is_some_and(|leader| leader.number == bid.number) {
        return Err(Code::AlreadyLeading);
    }
    let Some(from_start) = steps.direction.gain(bid.amount, steps.start) else {
        return Err(match steps.direction {
            Direction::Up => Code::BelowStart,
            Direction::Down => Code::AboveCeiling,
        });
    };
    if steps.cap.is_some_and(|cap| steps.direction.is_better(bid.amount, cap)) {
        return Err(Code::AboveCap);
    }
    if bid.amount.is_zero() {
        return Err(Code::AmountZero);
    }
    match auction.leader {
        Some(leader) => judge_against_leader(lot, bid, leader, steps),
        None => whole_steps(bid.amount, from_start, steps),
    }
}

fn judge_against_leader(lot: &Lot, bid: &Bid, leader: Quote, steps: Steps) -> Result<(), Code> {
    // A priority buyer matches the leading price and then leads (网络司法拍卖规定 art. 21).
    if bid.amount == leader.amount && lot.priority_rank(bid.number) < lot.priority_rank(leader.number) {
        return Ok(());
    }
    match steps.direction.gain(bid.amount, leader.amount) {
        None => Err(Code::NotBetter),
        Some(gain) if gain.is_zero() => Err(Code::NotBetter),
        Some(gain) if gain < steps.step && steps.cap != Some(bid.amount) => Err(Code::StepNotMet),
        Some(gain) => whole_steps(bid.amount, gain, steps),
    }
}

/// `gain` must be a whole number of steps (the cap alone may lie between two), and at most `max_steps`.
fn whole_steps(amount: Fen, gain: Fen, steps: Steps) -> Result<(), Code> {
    let whole = gain.get() % steps.step.get().max(1) == 0;
    if !whole && steps.cap != Some(amount) {
        return Err(Code::OffStep);
    }
    // A product past the largest amount bounds nothing.
    let most = steps.step.checked_mul(i64::from(steps.max_steps));
    if most.is_some_and(|most| gain > most) { Err(Code::StepTooLarge) } else { Ok(()) }
}

/// What follows from an accepted bid: the next rung or the close when the cap is reached and nobody may still match it,
/// else a new countdown when the stage is timed.
pub fn after_bid(lot: &Lot, bid: &Bid, at: Micros, price: Steps) -> Vec<Fact> {
    let Some(auction) = lot.auction.as_ref() else { return Vec::new() };
    let steps = steps_now(lot, price);
    if steps.cap == Some(bid.amount) {
        if !somebody_may_match(lot, bid.number) {
            let mut after = auction.clone();
            after.accept(Quote { number: bid.number, amount: bid.amount, at, seq: 0 });
            return end_of_rung(lot, &after, at, price);
        }
        // The last word at the cap belongs to the priority buyers, for one window.
        return vec![CountdownReset { until: at.plus(steps.window) }.into()];
    }
    match auction.stage {
        Stage::Timed => vec![CountdownReset { until: at.plus(steps.window) }.into()],
        Stage::Free | Stage::Confirming => Vec::new(),
    }
}

/// Whether a number other than `leader` has a better right of priority and could match a price that cannot be bettered.
fn somebody_may_match(lot: &Lot, leader: u32) -> bool {
    let rank = lot.priority_rank(leader);
    let admits = |number: u32| lot.auction.as_ref().is_some_and(|auction| auction.admits(number));
    lot.roster.keys().any(|number| lot.priority_rank(*number) < rank && admits(*number))
}

/// The rung is over: the next one when the cap was reached, else the close.
pub fn end_of_rung(lot: &Lot, auction: &Auction, at: Micros, price: Steps) -> Vec<Fact> {
    let steps = steps_now(lot, price);
    let cap_reached = auction.leader.is_some_and(|leader| steps.cap == Some(leader.amount));
    let next = usize::try_from(auction.rung).ok().and_then(|index| lot.rules.ladder.get(index));
    match next {
        Some(rung) if cap_reached => {
            let number = auction.rung.saturating_add(1);
            vec![RungStarted { rung: number, until: at.plus(rung.window) }.into()]
        }
        _ => close(lot, ranking(lot, auction, steps.direction), at),
    }
}

/// The close of an auction with this ranking.
pub fn close(lot: &Lot, ranking: Vec<Standing>, at: Micros) -> Vec<Fact> {
    if ranking.is_empty() {
        let failed = LotFailed { why: Failure::NoBids, reason: String::new() };
        return vec![AuctionClosed { ranking, reserve_due: None }.into(), failed.into()];
    }
    let reserve_due = lot.rules.reserve.map(|reserve| at.plus(reserve.disclosure));
    vec![AuctionClosed { ranking, reserve_due }.into()]
}

/// The ranking as it stands now.
pub fn standings(lot: &Lot, price: Steps) -> Vec<Standing> {
    let direction = steps_now(lot, price).direction;
    lot.auction.as_ref().map(|auction| ranking(lot, auction, direction)).unwrap_or_default()
}

/// Best first: this rung's quotes (better amount, then the leader, then the earlier entry), then those who stood only on
/// the rungs before.
pub fn ranking(lot: &Lot, auction: &Auction, direction: Direction) -> Vec<Standing> {
    let mut quotes: Vec<&Quote> = auction.best.values().collect();
    quotes.sort_by(|a, b| {
        let by_amount = match direction {
            Direction::Up => b.amount.cmp(&a.amount),
            Direction::Down => a.amount.cmp(&b.amount),
        };
        let by_right = lot.priority_rank(a.number).cmp(&lot.priority_rank(b.number));
        by_amount.then(by_right).then(a.at.cmp(&b.at)).then(a.seq.cmp(&b.seq))
    });
    let mut ranking: Vec<Standing> =
        quotes.iter().map(|q| Standing { number: q.number, amount: q.amount, rung: auction.rung }).collect();
    for standing in &auction.settled {
        if !auction.best.contains_key(&standing.number) {
            ranking.push(*standing);
        }
    }
    ranking
}

impl Auction {
    /// Whether `number` still takes part. Whoever did not confirm is out, on the rungs too; where nobody was asked (the cap
    /// reached while quoting, or a method without confirmation) everyone does.
    pub fn admits(&self, number: u32) -> bool {
        self.confirmed.is_empty() || self.confirmed.contains(&number)
    }

    /// A valid quote: it leads, and it is its number's best.
    pub fn accept(&mut self, quote: Quote) {
        self.leader = Some(quote);
        self.best.insert(quote.number, quote);
        self.accepted = self.accepted.saturating_add(1);
    }
}

/// What every ladder's parameters must satisfy.
pub fn validate(steps: Steps, rules: &Rules) -> Result<(), String> {
    check_steps("价格", steps)?;
    let cap_is_beyond_start = |cap: Fen| steps.direction.is_better(cap, steps.start) && !cap.is_zero();
    if rules.cap.is_some_and(|cap| !cap_is_beyond_start(cap)) {
        return Err("限价必须优于起始价 (cap must lie beyond the start price)".into());
    }
    if !rules.ladder.is_empty() && rules.cap.is_none() {
        return Err("有后续阶梯时必须设限价 (a ladder needs a cap)".into());
    }
    if rules.ladder.len() > limits::RUNGS_MAX {
        return Err(format!("后续阶梯最多 {} 级 (too many rungs)", limits::RUNGS_MAX));
    }
    for (index, rung) in rules.ladder.iter().enumerate() {
        let last = index + 1 == rules.ladder.len();
        if !last && rung.limit.is_none() {
            return Err(format!("阶梯 {} 之后还有阶梯，必须设上限 (rung needs a limit)", rung.name));
        }
        if rung.start.is_zero() {
            return Err(format!("阶梯 {} 的起始量必须大于零 (start must be positive)", rung.name));
        }
        check_steps(
            &rung.name,
            Steps {
                direction: Direction::Up,
                start: rung.start,
                step: rung.step,
                max_steps: rung.max_steps,
                cap: rung.limit,
                window: rung.window,
            },
        )?;
        if rung.limit.is_some_and(|limit| limit <= rung.start) {
            return Err(format!("阶梯 {} 的上限必须高于起始量 (limit must exceed start)", rung.name));
        }
    }
    Ok(())
}

fn check_steps(name: &str, steps: Steps) -> Result<(), String> {
    if steps.step.is_zero() {
        return Err(format!("{name}：加价幅度必须大于零 (step must be positive)"));
    }
    if steps.max_steps == 0 || steps.max_steps > limits::MAX_STEPS_MAX {
        return Err(format!("{name}：一次最多档数须在 1 至 {} (max_steps)", limits::MAX_STEPS_MAX));
    }
    if steps.window < limits::WINDOW_MIN || steps.window > limits::PERIOD_MAX {
        return Err(format!("{name}：限时窗口过短或过长 (window)"));
    }
    Ok(())
}

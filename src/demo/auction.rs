//! The auctions that go on live when the year is over: who bids, with which keys, how far and how fast. Only the plan and
//! the policy; whoever plays it sends the bids through the public API, as any bidder would.

use super::drive::number_of;
use super::script::reference;
use super::seed::Rng;
use super::year::Year;
use crate::base::{Fen, Id, Micros, Span};
use crate::engine::State;
use crate::engine::rules::Method;

/// A bid a second, where the load is the point.
const RUSH_THINKS: Span = Span::secs(1);
/// Steps that a thing is worth then: hours of bids.
const RUSH_STEPS: (u64, u64) = (100_000, 200_000);

/// One live auction.
#[derive(Debug, Clone)]
pub struct LiveAuction {
    pub project: Id,
    pub lot: Id,
    pub title: String,
    pub opens_at: Micros,
    /// Prices fall.
    pub falls: bool,
    pub start: Fen,
    pub step: Fen,
    pub max_steps: u32,
    pub window: Span,
    pub bidders: Vec<LiveBidder>,
    /// Whoever tries the demonstration can still sign up for it.
    pub for_visitors: bool,
    /// Its bidders think for [`RUSH_THINKS`] and have no end of money.
    pub rush: bool,
    seed: u64,
}

/// One simulated bidder of a live auction.
#[derive(Debug, Clone)]
pub struct LiveBidder {
    pub account: Id,
    /// As in [`super::accounts::accounts`].
    pub login: String,
    pub company: String,
    /// What its deposit named.
    pub reference: String,
    pub number: u32,
    /// Seed of its lot key (RFC 8032 §5.1.5).
    pub key_seed: [u8; 32],
    /// Never bids past this.
    pub limit: Fen,
}

/// What a bidder sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Number and amount that lead.
    pub leader: Option<(u32, Fen)>,
    /// Bids accepted so far.
    pub accepted: u64,
}

/// The next bid: which of the bidders, what, and how long it thinks first. `None` when nobody goes further: the auction
/// then ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextBid {
    /// Index in [`LiveAuction::bidders`].
    pub bidder: usize,
    pub amount: Fen,
    pub delay: Span,
}

/// The live auctions of `year`, whose numbers were dealt in `state`.
pub fn plan(year: &Year, state: &State) -> Vec<LiveAuction> {
    let lots = year.projects.iter().flat_map(|project| project.lots.iter().map(move |lot| (project, lot)));
    let mut auctions: Vec<LiveAuction> = lots
        .filter(|(_, lot)| lot.live)
        .filter_map(|(project, plan)| {
            let (rules, falls) = match &plan.rules.method {
                Method::Ascending(rules) => (rules, false),
                Method::Descending(rules) => (rules, true),
                Method::Listing(_) => return None,
            };
            let lot = state.lots.get(&plan.id)?;
            let mut rng = year.rng(&format!("live {}", plan.id));
            let bidders = plan.bidders.iter().enumerate().filter_map(|(index, bidder)| {
                let company = year.cast.companies.get(bidder.company)?;
                let account = company.person.account;
                // Each knows how many steps the thing is worth to it.
                let (few, many) = match (plan.rush, plan.for_visitors) {
                    (true, _) => RUSH_STEPS,
                    (false, true) => (4, 8),
                    (false, false) => (30, 90),
                };
                let worth = rules.step.checked_mul(i64::try_from(rng.between(few, many)).ok()?)?;
                let limit = if falls {
                    // Nobody builds or delivers below two thirds of the ceiling.
                    let floor = Fen::new(rules.start.get() / 3 * 2)?;
                    rules.start.checked_sub(worth).unwrap_or(floor).max(floor)
                } else {
                    rules.start.checked_add(worth)?
                };
                Some(LiveBidder {
                    account,
                    login: format!("bidder{}", bidder.company + 1),
                    company: company.name.clone(),
                    reference: reference(plan.id, account),
                    number: number_of(year, plan, lot, index)?,
                    key_seed: year.brief.secrets.lot_key(plan.id, account),
                    limit,
                })
            });
            Some(LiveAuction {
                project: project.id,
                lot: plan.id,
                title: plan.title.clone(),
                opens_at: lot.timetable.auction_opens,
                falls,
                start: rules.start,
                step: rules.step,
                max_steps: rules.max_steps,
                window: rules.window,
                bidders: bidders.collect(),
                for_visitors: plan.for_visitors,
                rush: plan.rush,
                seed: year.brief.seed,
            })
        })
        .collect();
    auctions.sort_by_key(|auction| auction.opens_at);
    auctions
}

impl LiveAuction {
    /// Pure: the same view, the same bid.
    pub fn next_bid(&self, view: View) -> Option<NextBid> {
        let mut rng = Rng::new(self.seed, &format!("{} {} {:?}", self.lot, view.accepted, view.leader));
        let steps = match rng.below(10) {
            0..6 => 1,
            6..9 => 2,
            _ => 3,
        };
        let amount_after = |steps: i64| match view.leader {
            None => Some(self.start),
            Some((_, amount)) => {
                let distance = self.step.checked_mul(steps)?;
                if self.falls { amount.checked_sub(distance) } else { amount.checked_add(distance) }
            }
        };
        let willing = |amount: Fen| -> Vec<usize> {
            let leads = |number: u32| view.leader.is_some_and(|(leader, _)| leader == number);
            let affords = |limit: Fen| if self.falls { amount >= limit } else { amount <= limit };
            let others = self.bidders.iter().enumerate().filter(|(_, b)| !leads(b.number) && affords(b.limit));
            others.map(|(index, _)| index).collect()
        };
        let (amount, willing) = [steps.min(i64::from(self.max_steps)), 1]
            .into_iter()
            .filter_map(amount_after)
            .map(|amount| (amount, willing(amount)))
            .find(|(_, willing)| !willing.is_empty())?;
        let bidder = rng.pick(&willing);
        if self.rush {
            return Some(NextBid { bidder, amount, delay: RUSH_THINKS });
        }
        // Mostly brisk; now and then somebody waits until the countdown is nearly out.
        let longest = self.window.get() - self.window.get() / 8;
        let delay = if view.leader.is_none() {
            rng.between(1_500_000, 6_000_000)
        } else if rng.chance(12) {
            rng.between(longest / 2, longest)
        } else {
            rng.between(2_500_000, 14_000_000.min(longest))
        };
        Some(NextBid { bidder, amount, delay: Span::micros(delay) })
    }
}

//! Bids and confirmations: the rules that come before the method's own, in their order of precedence.

use super::actor::{Actor, Subject};
use super::command::{Bid, Entry};
use super::decide::Refusal;
use super::event::{BidAccepted, BidRefused, EntryConfirmed, Event, Fact};
use super::state::{Lot, Phase, Stage};
use crate::base::{Code, Micros};

/// A bid of a registered number is recorded either way; one that no registered key signed is refused without a trace in
/// the ledger, since nobody stands behind it.
pub fn place(lot: &Lot, bid: &Bid, now: Micros) -> Result<Vec<Event>, Refusal> {
    let bidder = lot.roster.get(&bid.number).ok_or(Code::NumberUnknown)?;
    if bidder.key != bid.key {
        return Err(Code::KeyUnknown.into());
    }
    let event = |fact: Fact| Event { actor: Actor::Bidder(bid.number), subject: Subject::Lot(lot.id), fact };
    if let Err(rule) = judge(lot, bid) {
        let refused = BidRefused { amount: bid.amount, rule, statement: bid.statement.clone() };
        return Ok(vec![event(refused.into())]);
    }
    let accepted = BidAccepted { amount: bid.amount, statement: bid.statement.clone() };
    let mut events = vec![event(accepted.into())];
    let follow = lot.rules.method.rulebook().after_bid(lot, bid, now);
    events.extend(follow.into_iter().map(|fact| Event { actor: Actor::System, subject: Subject::Lot(lot.id), fact }));
    Ok(events)
}

/// Not open, closed, suspended; then the method's own rules.
fn judge(lot: &Lot, bid: &Bid) -> Result<(), Code> {
    match lot.phase {
        Phase::Noticed | Phase::SignUp | Phase::Waiting => return Err(Code::NotOpen),
        Phase::Running => {}
        _ => return Err(Code::Closed),
    }
    if lot.is_suspended() {
        return Err(Code::Suspended);
    }
    lot.rules.method.rulebook().judge(lot, bid)
}

/// 挂牌: a number that quoted says that it enters the timed auction.
pub fn confirm(lot: &Lot, entry: &Entry) -> Result<Vec<Event>, Refusal> {
    let bidder = lot.roster.get(&entry.number).ok_or(Code::NumberUnknown)?;
    if bidder.key != entry.key {
        return Err(Code::KeyUnknown.into());
    }
    let auction = match (&lot.auction, lot.phase) {
        (Some(auction), Phase::Running) if auction.stage == Stage::Confirming => auction,
        _ => return Err(Code::NotConfirming.into()),
    };
    if lot.is_suspended() {
        return Err(Code::Suspended.into());
    }
    if !auction.best.contains_key(&entry.number) {
        return Err(Code::NotEligible.into());
    }
    if auction.confirmed.contains(&entry.number) {
        return Err(Code::AlreadyConfirmed.into());
    }
    let fact = EntryConfirmed { statement: entry.statement.clone() }.into();
    Ok(vec![Event { actor: Actor::Bidder(entry.number), subject: Subject::Lot(lot.id), fact }])
}

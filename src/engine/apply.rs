//! How an event changes the state. Total: an event that fits nothing (a replay with only the public payloads) changes
//! nothing; whether it was right to happen is `decide`'s business.

use std::collections::{BTreeMap, BTreeSet};

use super::actor::{Actor, Subject};
use super::calendar::duty;
use super::event::{Event, Fact, Hold, LotResumed, Noticed, SignedUp};
use super::objection;
use super::rules::Timetable;
use super::state::{Applicant, Award, Bidder, Deposit, Lot, Phase, Project, Question, Quote, Stage, State, Timer};
use crate::base::{Id, Micros, Span};

/// Applies `event`, which is entry `seq` with leaf time `at`.
pub fn apply(state: &mut State, event: &Event, at: Micros, seq: u64) {
    match event.subject {
        Subject::Platform => apply_platform(state, &event.fact),
        Subject::Project(id) => apply_project(state, id, &event.fact),
        Subject::Lot(id) => apply_to_lot(state, id, event, at, seq),
    }
}

fn apply_platform(state: &mut State, fact: &Fact) {
    if let Fact::PlatformConfigured(fact) = fact {
        state.settings.code_format = fact.code_format.clone();
        state.settings.holidays = fact.holidays.clone();
        state.settings.periods = fact.periods;
    }
}

fn apply_project(state: &mut State, id: Id, fact: &Fact) {
    if let Fact::ProjectRegistered(fact) = fact {
        state.codes.insert(fact.code.clone());
        let project = Project {
            code: fact.code.clone(),
            category: fact.category,
            title: fact.title.clone(),
            owner: fact.owner,
            owner_name: fact.owner_name.clone(),
            place: fact.place.clone(),
            lots: Vec::new(),
        };
        state.projects.insert(id, project);
    }
}

/// Changes one lot, or the questions and objections about it, and keeps the timers equal to what they say.
fn apply_to_lot(state: &mut State, id: Id, event: &Event, at: Micros, seq: u64) {
    match &event.fact {
        Fact::Noticed(fact) => return notice(state, id, fact, at),
        Fact::QuestionRaised(fact) => {
            let question = new_question(id, fact.due, fact.open, false);
            return change_question(state, fact.question, |slot| *slot = Some(question));
        }
        Fact::PauseOrdered(fact) => {
            let question = new_question(id, fact.due, fact.open, true);
            return change_question(state, fact.order, |slot| *slot = Some(question));
        }
        Fact::QuestionAnswered(fact) => {
            return change_question(state, fact.question, |slot| {
                if let Some(question) = slot {
                    question.answered = true;
                }
            });
        }
        Fact::QuestionOverdue(fact) => {
            return change_question(state, fact.question, |slot| {
                if let Some(question) = slot {
                    question.overdue = true;
                }
            });
        }
        Fact::PauseLifted(fact) => {
            return change_question(state, fact.order, |slot| {
                if let Some(question) = slot {
                    question.lifted = true;
                }
            });
        }
        _ => {}
    }
    objection::apply(state, id, &event.fact, at);
    let Some(lot) = state.lots.get_mut(&id) else { return };
    let before = lot.next_timer();
    let phase = lot.phase;
    change_lot(lot, event, at, seq);
    if lot.phase != phase {
        lot.duty = duty(&state.settings.holidays, lot.category, lot.phase, at);
    }
    let after = lot.next_timer();
    if before != after {
        move_timer(state, Timer::Lot(id), before, after);
    }
}

pub(super) fn move_timer(state: &mut State, timer: Timer, before: Option<Micros>, after: Option<Micros>) {
    if let Some(at) = before {
        state.timers.remove(&(at, timer));
    }
    if let Some(at) = after {
        state.timers.insert((at, timer));
    }
}

fn new_question(lot: Id, due: Micros, open: bool, is_order: bool) -> Question {
    Question { lot, due, open, is_order, lifted: false, answered: false, overdue: false }
}

fn change_question(state: &mut State, id: Id, change: impl FnOnce(&mut Option<Question>)) {
    let mut slot = state.questions.remove(&id);
    let before = slot.as_ref().and_then(Question::next_timer);
    change(&mut slot);
    let after = slot.as_ref().and_then(Question::next_timer);
    if let Some(question) = slot {
        state.questions.insert(id, question);
    }
    move_timer(state, Timer::Question(id), before, after);
}

fn notice(state: &mut State, id: Id, fact: &Noticed, at: Micros) {
    let Some(project) = state.projects.get_mut(&fact.project) else { return };
    project.lots.push(id);
    let lot = Lot {
        id,
        project: fact.project,
        owner: project.owner,
        category: project.category,
        title: fact.title.clone(),
        estimate: fact.estimate,
        rules: fact.rules.clone(),
        noticed_at: at,
        phase: Phase::Noticed,
        timetable: fact.rules.timetable,
        holds: BTreeSet::new(),
        stopped_at: None,
        roster: BTreeMap::new(),
        applicants: BTreeMap::new(),
        auction: None,
        reserve_due: None,
        publicity_until: None,
        ranking: Vec::new(),
        failure: None,
        award: None,
        duty: None,
    };
    let due = lot.next_timer();
    state.lots.insert(id, lot);
    move_timer(state, Timer::Lot(id), None, due);
}

fn change_lot(lot: &mut Lot, event: &Event, at: Micros, seq: u64) {
    match &event.fact {
        Fact::SignUpOpened(_) => lot.phase = Phase::SignUp,
        Fact::SignUpClosed(_) => lot.phase = Phase::Waiting,
        Fact::SignedUp(fact) => sign_up(lot, fact),
        Fact::NumberDealt(fact) => {
            lot.roster.insert(fact.number, Bidder { key: fact.key, priority: fact.priority });
            if let Some(applicant) = lot.applicants.values_mut().find(|a| a.key == fact.key) {
                applicant.number = Some(fact.number);
            }
        }
        Fact::SignUpWithdrawn(fact) => {
            if let Some(applicant) = lot.applicants.get_mut(&fact.account) {
                applicant.withdrawn = true;
            }
        }
        Fact::NumberWithdrawn(fact) => {
            lot.roster.remove(&fact.number);
        }
        Fact::DutyOverdue(_) => {
            if let Some(due) = lot.duty.as_mut() {
                due.overdue = true;
            }
        }
        Fact::DepositConfirmed(fact) => set_deposit(lot, &fact.reference, Deposit::Held),
        Fact::DepositReturned(fact) => set_deposit(lot, &fact.reference, Deposit::Returned),
        Fact::DepositForfeited(fact) => set_deposit(lot, &fact.reference, Deposit::Forfeited),
        Fact::LotSuspended(fact) => suspend(lot, fact.hold, at),
        Fact::LotResumed(fact) => resume(lot, fact),
        Fact::LotTerminated(_) => lot.phase = Phase::Terminated,
        Fact::LotFailed(fact) => {
            lot.phase = Phase::Failed;
            lot.failure = Some(fact.why);
        }
        Fact::PublicityStarted(fact) => {
            lot.phase = Phase::Publicity;
            lot.publicity_until = Some(fact.until);
        }
        Fact::Awarded(fact) => {
            lot.phase = Phase::Awarded;
            lot.award = Some(Award { number: fact.number, price: fact.price, offer: fact.offer });
        }
        Fact::Contracted(_) => lot.phase = Phase::Contracted,
        Fact::Archived(_) => lot.phase = Phase::Archived,
        Fact::AuctionClosed(fact) => {
            lot.ranking.clone_from(&fact.ranking);
            lot.reserve_due = fact.reserve_due;
            lot.phase = if fact.reserve_due.is_some() { Phase::Disclosing } else { Phase::Ranked };
        }
        Fact::ReserveDisclosed(_) | Fact::ReserveLapsed(_) => {
            lot.phase = Phase::Ranked;
            lot.reserve_due = None;
        }
        Fact::AuctionOpened(_) => {
            let mut auction = lot.rules.method.rulebook().open(at);
            if let Fact::AuctionOpened(fact) = &event.fact {
                auction.until = fact.until;
            }
            lot.phase = Phase::Running;
            lot.auction = Some(auction);
        }
        _ => change_auction(lot, event, at, seq),
    }
}

fn change_auction(lot: &mut Lot, event: &Event, at: Micros, seq: u64) {
    let Some(auction) = lot.auction.as_mut() else { return };
    match (&event.fact, event.actor) {
        (Fact::BidAccepted(fact), Actor::Bidder(number)) => {
            auction.accept(Quote { number, amount: fact.amount, at, seq });
        }
        (Fact::BidRefused(_), _) => auction.refused = auction.refused.saturating_add(1),
        (Fact::CountdownReset(fact), _) => {
            auction.stage = Stage::Timed;
            auction.until = fact.until;
            auction.extensions = auction.extensions.saturating_add(1);
        }
        (Fact::TimedPeriodStarted(fact), _) => {
            auction.stage = Stage::Timed;
            auction.until = fact.until;
        }
        (Fact::ConfirmationOpened(fact), _) => {
            auction.stage = Stage::Confirming;
            auction.until = fact.until;
        }
        (Fact::EntryConfirmed(_), Actor::Bidder(number)) => {
            auction.confirmed.insert(number);
        }
        (Fact::RungStarted(fact), _) => {
            let settled = lot.rules.method.rulebook().standings(lot);
            if let Some(auction) = lot.auction.as_mut() {
                auction.settled = settled;
                auction.best.clear();
                auction.leader = None;
                auction.rung = fact.rung;
                auction.stage = Stage::Timed;
                auction.until = fact.until;
            }
        }
        _ => {}
    }
}

fn sign_up(lot: &mut Lot, fact: &SignedUp) {
    let deposit = if lot.rules.deposit.is_zero() { Deposit::NotAsked } else { Deposit::Awaited };
    let applicant = Applicant {
        company: fact.company.clone(),
        credit_code: fact.credit_code.clone(),
        reference: fact.reference.clone(),
        key: fact.key,
        priority: lot.rules.priority_of(&fact.credit_code),
        deposit,
        number: None,
        withdrawn: false,
    };
    lot.applicants.insert(fact.account, applicant);
}

fn set_deposit(lot: &mut Lot, reference: &str, deposit: Deposit) {
    if let Some(applicant) = lot.applicants.values_mut().find(|a| a.reference == reference) {
        applicant.deposit = deposit;
    }
}

fn suspend(lot: &mut Lot, hold: Hold, at: Micros) {
    if lot.holds.is_empty() {
        lot.stopped_at = Some(at);
    }
    lot.holds.insert(hold);
}

/// Equal time credit: whatever was still to come comes later by exactly the standstill.
fn resume(lot: &mut Lot, fact: &LotResumed) {
    lot.holds.remove(&fact.hold);
    if !fact.running {
        return;
    }
    let stopped_at = lot.stopped_at.take();
    let shift = |time: &mut Micros, credit: Span| {
        if stopped_at.is_none_or(|stopped_at| *time >= stopped_at) {
            *time = time.plus(credit);
        }
    };
    let Timetable { sign_up_opens, sign_up_closes, deposit_due, auction_opens } = &mut lot.timetable;
    for time in [sign_up_opens, sign_up_closes, deposit_due, auction_opens] {
        shift(time, fact.credit);
    }
    if let Some(auction) = lot.auction.as_mut() {
        shift(&mut auction.until, fact.credit);
    }
    let duty = lot.duty.as_mut().map(|duty| &mut duty.due);
    for time in [lot.reserve_due.as_mut(), lot.publicity_until.as_mut(), duty].into_iter().flatten() {
        shift(time, fact.credit);
    }
}

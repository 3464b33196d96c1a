//! The information-feedback mechanism between supervisors and the centre: questions with a due time, and orders that
//! pause a lot at once. Overdue writes itself (`clock`).

use super::actor::{Actor, Subject};
use super::clock::{by_system, resumed};
use super::decide::{Refusal, require_text};
use super::event::*;
use super::state::{Lot, Question, State};
use crate::base::{Code, Id, Micros, limits};

pub fn raise(
    state: &State,
    lot: &Lot,
    actor: Actor,
    fact: &QuestionRaised,
    now: Micros,
) -> Result<Vec<Event>, Refusal> {
    require_text("text", &fact.text)?;
    check_new(state, fact.question, fact.due, now)?;
    Ok(vec![Event { actor, subject: Subject::Lot(lot.id), fact: Fact::QuestionRaised(fact.clone()) }])
}

pub fn answer(state: &State, lot: &Lot, actor: Actor, id: Id, text: &str, now: Micros) -> Result<Vec<Event>, Refusal> {
    let question = find(state, lot, id)?;
    require_text("text", text)?;
    if question.answered {
        return Err(Code::QuestionAnswered.into());
    }
    let fact = QuestionAnswered { question: id, text: text.into(), late: now >= question.due, open: question.open };
    Ok(vec![Event { actor, subject: Subject::Lot(lot.id), fact: fact.into() }])
}

/// The order and the standstill are one step: the pause takes effect with the entry that orders it.
pub fn order_pause(
    state: &State,
    lot: &Lot,
    actor: Actor,
    fact: &PauseOrdered,
    now: Micros,
) -> Result<Vec<Event>, Refusal> {
    require_text("reason", &fact.reason)?;
    check_new(state, fact.order, fact.due, now)?;
    if lot.phase.is_final() {
        return Err(Code::WrongPhase.into());
    }
    let ordered = Event { actor, subject: Subject::Lot(lot.id), fact: Fact::PauseOrdered(fact.clone()) };
    let stop = LotSuspended { hold: Hold::Order(fact.order), reason: public_reason(fact.open, &fact.reason) };
    Ok(vec![ordered, by_system(lot.id, stop.into())])
}

pub fn lift_pause(
    state: &State,
    lot: &Lot,
    actor: Actor,
    order: Id,
    reason: &str,
    now: Micros,
) -> Result<Vec<Event>, Refusal> {
    let question = find(state, lot, order)?;
    require_text("reason", reason)?;
    let hold = Hold::Order(order);
    if !question.is_order || !lot.holds.contains(&hold) {
        return Err(Code::HoldUnknown.into());
    }
    let lifted = PauseLifted { order, reason: reason.into(), open: question.open };
    let lifted = Event { actor, subject: Subject::Lot(lot.id), fact: lifted.into() };
    let resumed = resumed(lot, hold, public_reason(question.open, reason), now);
    Ok(vec![lifted, by_system(lot.id, resumed.into())])
}

/// A remark on an entry. Whether there is such an entry, and whether it is about this lot, is seen where entries are.
pub fn note(lot: &Lot, actor: Actor, fact: &NoteAttached) -> Result<Vec<Event>, Refusal> {
    require_text("text", &fact.text)?;
    Ok(vec![Event { actor, subject: Subject::Lot(lot.id), fact: fact.clone().into() }])
}

/// Everyone sees that a lot stands still; why a supervisor ordered it only when the order is open.
fn public_reason(open: bool, reason: &str) -> String {
    if open { reason.into() } else { "监督部门决定 (by the supervisor's decision)".into() }
}

fn check_new(state: &State, id: Id, due: Micros, now: Micros) -> Result<(), Refusal> {
    if state.questions.contains_key(&id) {
        return Err(Code::QuestionExists.into());
    }
    if due <= now {
        return Err(Code::DueInPast.into());
    }
    if due.since(now) > limits::PERIOD_MAX {
        return Err(Refusal::with(Code::InvalidField, "due: more than a year ahead"));
    }
    Ok(())
}

fn find<'s>(state: &'s State, lot: &Lot, id: Id) -> Result<&'s Question, Refusal> {
    state.questions.get(&id).filter(|question| question.lot == lot.id).ok_or_else(|| Code::QuestionUnknown.into())
}

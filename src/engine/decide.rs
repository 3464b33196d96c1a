//! The one door: what becomes of a command. Reads the state, changes nothing.

pub use super::clock::fire;

use super::actor::{Actor, Subject};
use super::command::{Action, Command, ComplaintAdmission, ComplaintDecision, ObjectionAnswer};
use super::event::{ComplaintAdmitted, ComplaintDecided, Event, Fact, Failure, Hold, ObjectionAnswered};
use super::state::{Lot, State};
use super::{bids, clock, feedback, life, objection};
use crate::base::{Code, Micros, limits};

/// Why nothing happened. Nothing of it goes into the ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Refusal {
    pub code: Code,
    /// What exactly was wrong, for the person who asked; may be empty.
    pub detail: String,
}

impl Refusal {
    pub fn with(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self { code, detail: String::new() }
    }
}

/// Decides `command`, stamped `now`, on top of `state`. All timers due at or before `now` have fired already.
///
/// Returns the events in their order: the first is what was asked for (or its recorded refusal), the others follow
/// from it. Returns a refusal when nothing is to be recorded.
pub fn decide(state: &State, command: &Command, now: Micros) -> Result<Vec<Event>, Refusal> {
    let actor = command.actor;
    match (&command.action, command.subject) {
        (Action::Configure(fact), Subject::Platform) => {
            if !fact.code_format.is_usable() {
                return Err(Refusal::with(Code::InvalidField, "code_format"));
            }
            if !fact.periods.are_usable() {
                return Err(Refusal::with(Code::InvalidField, "periods: at most 366 days and 100 %"));
            }
            Ok(vec![Event { actor, subject: Subject::Platform, fact: Fact::PlatformConfigured(fact.clone()) }])
        }
        (Action::BeginOutage(fact), Subject::Platform) => Ok(clock::begin_outage(state, fact, now)),
        (Action::EndOutage, Subject::Platform) => Ok(clock::end_outage(state, now)),
        (Action::RegisterProject(fact), Subject::Project(id)) => life::register_project(state, actor, id, fact),
        (Action::Notice(fact), Subject::Lot(id)) => life::notice(state, actor, id, fact, now),
        (action, Subject::Lot(id)) => {
            let lot = state.lots.get(&id).ok_or(Code::LotUnknown)?;
            decide_lot(state, lot, actor, action, now)
        }
        _ => Err(Code::Malformed.into()),
    }
}

fn decide_lot(state: &State, lot: &Lot, actor: Actor, action: &Action, now: Micros) -> Result<Vec<Event>, Refusal> {
    match action {
        Action::SignUp(fact) => life::sign_up(lot, actor, fact),
        Action::ConfirmDeposit(fact) => life::confirm_deposit(lot, actor, fact, now),
        Action::ReturnDeposit(fact) => {
            life::settle_deposit(lot, actor, &fact.reference, &fact.reason, Fact::DepositReturned(fact.clone()))
        }
        Action::ForfeitDeposit(fact) => {
            life::settle_deposit(lot, actor, &fact.reference, &fact.reason, Fact::DepositForfeited(fact.clone()))
        }
        Action::Bid(bid) => bids::place(lot, bid, now),
        Action::ConfirmEntry(entry) => bids::confirm(lot, entry),
        Action::DiscloseReserve(fact) => life::disclose_reserve(lot, actor, fact),
        Action::Suspend { reason } => life::suspend(lot, actor, reason),
        Action::Resume { reason } => life::resume(lot, actor, reason, now),
        Action::Terminate { reason } => life::terminate(lot, actor, reason),
        Action::DeclareFailed { reason } => life::declare_failed(lot, actor, reason),
        Action::StartPublicity(fact) => life::start_publicity(state, lot, actor, fact, now),
        Action::Award => life::award(lot, actor, now),
        Action::Contract(fact) => life::contract(lot, actor, fact),
        Action::Archive => life::archive(lot, actor),
        Action::Question(fact) => feedback::raise(state, lot, actor, fact, now),
        Action::Answer { question, text } => feedback::answer(state, lot, actor, *question, text, now),
        Action::OrderPause(fact) => feedback::order_pause(state, lot, actor, fact, now),
        Action::LiftPause { order, reason } => feedback::lift_pause(state, lot, actor, *order, reason, now),
        Action::Note(fact) => feedback::note(lot, actor, fact),
        Action::WithdrawSignUp(fact) => life::withdraw_sign_up(lot, actor, fact),
        Action::Object(fact) => objection::file(state, lot, actor, fact, now),
        Action::AnswerObjection(answer) => objection::answer(state, lot, actor, answer, now),
        Action::Complain(fact) => objection::complain(state, lot, actor, fact, now),
        Action::AdmitComplaint(ask) => objection::admit(state, lot, actor, ask, now),
        Action::DecideComplaint(ask) => objection::conclude(state, lot, actor, ask, now),
        Action::Configure(_)
        | Action::BeginOutage(_)
        | Action::EndOutage
        | Action::RegisterProject(_)
        | Action::Notice(_) => Err(Code::Malformed.into()),
    }
}

/// A reason, a question, an answer: there, and not endless.
pub(super) fn require_text(field: &'static str, text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::with(Code::ReasonMissing, field));
    }
    if text.chars().count() > limits::TEXT_MAX_CHARS {
        return Err(Refusal::with(
            Code::InvalidField,
            format!("{field}: at most {} characters", limits::TEXT_MAX_CHARS),
        ));
    }
    Ok(())
}

/// The command that an event answered, so that replay can ask again. `None` for events that follow from another or from
/// the clock, and for statements, which replay must read first ([`Action::Bid`], [`Action::ConfirmEntry`]).
pub fn cause(event: &Event) -> Option<Command> {
    let action = match &event.fact {
        Fact::PlatformConfigured(fact) => Action::Configure(fact.clone()),
        Fact::OutageBegan(fact) => Action::BeginOutage(fact.clone()),
        Fact::OutageEnded(_) => Action::EndOutage,
        Fact::ProjectRegistered(fact) => Action::RegisterProject(fact.clone()),
        Fact::Noticed(fact) => Action::Notice(Box::new(fact.clone())),
        Fact::SignedUp(fact) => Action::SignUp(fact.clone()),
        Fact::DepositConfirmed(fact) => Action::ConfirmDeposit(fact.clone()),
        Fact::DepositReturned(fact) => Action::ReturnDeposit(fact.clone()),
        Fact::DepositForfeited(fact) => Action::ForfeitDeposit(fact.clone()),
        Fact::ReserveDisclosed(fact) => Action::DiscloseReserve(fact.clone()),
        // The system suspends for the office what an upheld objection says is to be mended.
        Fact::LotSuspended(fact) if fact.hold == Hold::Office && event.actor != Actor::System => {
            Action::Suspend { reason: fact.reason.clone() }
        }
        Fact::LotResumed(fact) if fact.hold == Hold::Office => Action::Resume { reason: fact.reason.clone() },
        Fact::LotTerminated(fact) => Action::Terminate { reason: fact.reason.clone() },
        Fact::LotFailed(fact) if fact.why == Failure::WinnerWithdrew => {
            Action::DeclareFailed { reason: fact.reason.clone() }
        }
        Fact::PublicityStarted(fact) => Action::StartPublicity(fact.clone()),
        Fact::Awarded(_) => Action::Award,
        Fact::Contracted(fact) => Action::Contract(fact.clone()),
        Fact::Archived(_) => Action::Archive,
        Fact::QuestionRaised(fact) => Action::Question(fact.clone()),
        Fact::QuestionAnswered(fact) => Action::Answer { question: fact.question, text: fact.text.clone() },
        Fact::PauseOrdered(fact) => Action::OrderPause(fact.clone()),
        Fact::PauseLifted(fact) => Action::LiftPause { order: fact.order, reason: fact.reason.clone() },
        Fact::NoteAttached(fact) => Action::Note(fact.clone()),
        Fact::SignUpWithdrawn(fact) => Action::WithdrawSignUp(fact.clone()),
        Fact::ObjectionFiled(fact) => Action::Object(fact.clone()),
        Fact::ObjectionAnswered(fact) => {
            let ObjectionAnswered { objection, text, upheld, .. } = fact.clone();
            Action::AnswerObjection(ObjectionAnswer { objection, text, upheld })
        }
        Fact::ComplaintFiled(fact) => Action::Complain(fact.clone()),
        Fact::ComplaintAdmitted(fact) => {
            let ComplaintAdmitted { objection, admitted, reason, suspend, .. } = fact.clone();
            Action::AdmitComplaint(ComplaintAdmission { objection, admitted, reason, suspend })
        }
        Fact::ComplaintDecided(fact) => {
            let ComplaintDecided { objection, upheld, text, .. } = fact.clone();
            Action::DecideComplaint(ComplaintDecision { objection, upheld, text })
        }
        _ => return None,
    };
    Some(Command { actor: event.actor, subject: event.subject, action })
}

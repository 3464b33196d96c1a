//! What is asked of the engine.

use super::actor::{Actor, Subject};
use super::event::*;
use crate::base::{Fen, Id, Jwk};

/// A wish with its author. Signatures, sessions and rights were checked before; the rules are checked by `decide`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub actor: Actor,
    pub subject: Subject,
    pub action: Action,
}

/// A bid as the bidder signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bid {
    pub number: u32,
    pub amount: Fen,
    /// The rung that `amount` counts; `None` is the price.
    pub rung: Option<u32>,
    /// The key that the statement verified against.
    pub key: Jwk,
    pub statement: String,
}

/// A confirmation that a number enters the timed auction of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub number: u32,
    pub key: Jwk,
    pub statement: String,
}

/// Most actions carry just the data of the event that they cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Configure(PlatformConfigured),
    BeginOutage(OutageBegan),
    EndOutage,
    RegisterProject(ProjectRegistered),
    Notice(Box<Noticed>),
    SignUp(SignedUp),
    ConfirmDeposit(DepositConfirmed),
    ReturnDeposit(DepositReturned),
    ForfeitDeposit(DepositForfeited),
    Bid(Bid),
    ConfirmEntry(Entry),
    DiscloseReserve(ReserveDisclosed),
    Suspend {
        reason: String,
    },
    Resume {
        reason: String,
    },
    Terminate {
        reason: String,
    },
    /// After the close: the winner does not stand by the bid.
    DeclareFailed {
        reason: String,
    },
    StartPublicity(PublicityStarted),
    Award,
    Contract(Contracted),
    Archive,
    Question(QuestionRaised),
    Answer {
        question: Id,
        text: String,
    },
    OrderPause(PauseOrdered),
    LiftPause {
        order: Id,
        reason: String,
    },
    Note(NoteAttached),
    WithdrawSignUp(SignUpWithdrawn),
    Object(ObjectionFiled),
    AnswerObjection(ObjectionAnswer),
    Complain(ComplaintFiled),
    AdmitComplaint(ComplaintAdmission),
    DecideComplaint(ComplaintDecision),
}

/// What owner or centre says to an objection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectionAnswer {
    pub objection: Id,
    pub text: String,
    pub upheld: bool,
}

/// Whether the supervisor takes a complaint up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComplaintAdmission {
    pub objection: Id,
    pub admitted: bool,
    pub reason: String,
    pub suspend: bool,
}

/// What the supervisor decides on a complaint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComplaintDecision {
    pub objection: Id,
    pub upheld: bool,
    pub text: String,
}

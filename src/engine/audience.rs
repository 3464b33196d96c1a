//! Who may read a payload: the one function that says which class of readers an entry is for. `identity` says who is in
//! the class; stream, routes, exports and case files all ask here, and there is no second place.

use super::actor::Subject;
use super::event::{Event, Fact};
use super::state::{Lot, State};
use crate::base::Id;

/// A class of readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Audience {
    Public,
    /// That bidder's account alone, and a reviewer with a case on the lot once the auction is over.
    Bidder {
        account: Id,
        lot: Id,
        over: bool,
    },
    /// The centre and those who supervise it.
    Office,
    /// Whoever objected, the owner who must answer, the centre, and those who supervise or review the lot.
    Objection {
        lot: Id,
        owner: Id,
        objector: Option<Id>,
    },
    /// Supervisors and reviewers.
    Supervision,
    /// Nobody through any route, until a later event opens it.
    Sealed,
}

/// The audience of an engine event, given the state as it is *now* (a payload can open as its lot goes on).
pub fn audience(event: &Event, state: &State) -> Audience {
    let lot_id = match event.subject {
        Subject::Lot(id) => Some(id),
        Subject::Project(_) | Subject::Platform => None,
    };
    let lot = lot_id.and_then(|id| state.lots.get(&id));
    let over = lot.is_none_or(|lot| lot.phase.is_over());
    let of_bidder = |account: Option<Id>| match (account, lot_id) {
        (Some(account), Some(lot)) => Audience::Bidder { account, lot, over },
        _ => Audience::Sealed,
    };
    let by_reference = |reference: &str| lot.and_then(|lot| lot.applicant_by_reference(reference)).map(|(id, _)| *id);
    let contested =
        |objection: Id, open: bool| if open { Audience::Public } else { of_objection(state, lot, objection) };
    let feedback = |open: bool| if open { Audience::Public } else { Audience::Office };
    match &event.fact {
        Fact::SignedUp(fact) => of_bidder(Some(fact.account)),
        Fact::DepositConfirmed(fact) => of_bidder(by_reference(&fact.reference)),
        Fact::DepositReturned(fact) => of_bidder(by_reference(&fact.reference)),
        Fact::DepositForfeited(fact) => of_bidder(by_reference(&fact.reference)),
        Fact::SignUpWithdrawn(fact) => of_bidder(Some(fact.account)),
        Fact::ObjectionFiled(fact) => of_bidder(Some(fact.account)),
        Fact::ComplaintFiled(fact) => of_bidder(Some(fact.account)),
        // 招标投标法 art. 22: before the opening not even the number of bidders may be known. A bid that came too early names
        // one.
        Fact::NumberDealt(_) | Fact::NumberWithdrawn(_) | Fact::BidRefused(_) => {
            let public = lot.is_some_and(Lot::numbers_are_public);
            if public { Audience::Public } else { Audience::Sealed }
        }
        Fact::QuestionRaised(fact) => feedback(fact.open),
        Fact::QuestionAnswered(fact) => feedback(fact.open),
        Fact::QuestionOverdue(fact) => feedback(fact.open),
        Fact::PauseOrdered(fact) => feedback(fact.open),
        Fact::PauseLifted(fact) => feedback(fact.open),
        Fact::NoteAttached(fact) => feedback(fact.open),
        Fact::ObjectionReceived(fact) => contested(fact.objection, fact.open),
        Fact::ObjectionAnswered(fact) => contested(fact.objection, fact.open),
        Fact::ObjectionOverdue(fact) => contested(fact.objection, fact.open),
        Fact::ComplaintReceived(fact) => contested(fact.objection, fact.open),
        Fact::ComplaintAdmitted(fact) => contested(fact.objection, fact.open),
        Fact::ComplaintDecided(fact) => contested(fact.objection, fact.open),
        Fact::ComplaintOverdue(fact) => contested(fact.objection, fact.open),
        Fact::ComplaintHoldLapsed(fact) => contested(fact.objection, fact.open),
        Fact::PlatformConfigured(_)
        | Fact::OutageBegan(_)
        | Fact::OutageEnded(_)
        | Fact::ProjectRegistered(_)
        | Fact::Noticed(_)
        | Fact::SignUpOpened(_)
        | Fact::SignUpClosed(_)
        | Fact::LotSuspended(_)
        | Fact::LotResumed(_)
        | Fact::LotTerminated(_)
        | Fact::LotFailed(_)
        | Fact::PublicityStarted(_)
        | Fact::Awarded(_)
        | Fact::WinnerDisclosed(_)
        | Fact::Contracted(_)
        | Fact::Archived(_)
        | Fact::DutyOverdue(_)
        | Fact::AuctionOpened(_)
        | Fact::BidAccepted(_)
        | Fact::CountdownReset(_)
        | Fact::TimedPeriodStarted(_)
        | Fact::ConfirmationOpened(_)
        | Fact::EntryConfirmed(_)
        | Fact::RungStarted(_)
        | Fact::AuctionClosed(_)
        | Fact::ReserveDisclosed(_)
        | Fact::ReserveLapsed(_) => Audience::Public,
    }
}

/// The audience of what is said about an objection that is not in the open, and of the complaint that may follow it.
pub fn of_objection(state: &State, lot: Option<&Lot>, objection: Id) -> Audience {
    match lot {
        Some(lot) => {
            Audience::Objection { lot: lot.id, owner: lot.owner, objector: state.objectors.get(&objection).copied() }
        }
        None => Audience::Office,
    }
}

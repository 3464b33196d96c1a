//! What happened. One struct a fact; the table at the end gives each its `kind` in the ledger.
//! «Cause» facts carry what was asked for, so that replay can ask again; the others follow from a cause or from the clock.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::actor::{Actor, Subject};
use super::calendar::{CityPeriods, Holidays};
use super::code::CodeFormat;
use super::rules::{Category, Document, Rules};
use crate::base::{Fen, Hash, Id, Jwk, Micros, Span};

mod auction;
mod contest;
mod feedback;
pub use auction::*;
pub use contest::*;
pub use feedback::*;

/// One thing that happened: an entry of the ledger, less its salt and its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub actor: Actor,
    pub subject: Subject,
    pub fact: Fact,
}

macro_rules! facts {
    ($($variant:ident $kind:literal;)*) => {
        /// The `data` of an engine event.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Fact { $($variant($variant),)* }

        impl Fact {
            /// Every kind that the engine writes.
            pub const KINDS: &'static [&'static str] = &[$($kind,)*];

            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $kind,)* }
            }

            /// Reads the data of an event of `kind`; `Ok(None)` when the kind is not the engine's.
            pub fn read<'de, D: Deserializer<'de>>(kind: &str, data: D) -> Result<Option<Self>, D::Error> {
                match kind {
                    $($kind => $variant::deserialize(data).map(|fact| Some(Self::$variant(fact))),)*
                    _ => Ok(None),
                }
            }
        }

        $(impl From<$variant> for Fact {
            fn from(fact: $variant) -> Self { Self::$variant(fact) }
        })*

        /// Writes the data alone; the kind stands beside it in the payload.
        impl Serialize for Fact {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                match self { $(Self::$variant(fact) => fact.serialize(s),)* }
            }
        }
    };
}

facts! {
    PlatformConfigured "platform.configured";
    OutageBegan "platform.outage_began";
    OutageEnded "platform.outage_ended";
    ProjectRegistered "project.registered";
    Noticed "lot.noticed";
    SignUpOpened "lot.sign_up_opened";
    SignUpClosed "lot.sign_up_closed";
    SignedUp "lot.signed_up";
    NumberDealt "lot.number_dealt";
    SignUpWithdrawn "lot.sign_up_withdrawn";
    NumberWithdrawn "lot.number_withdrawn";
    LotSuspended "lot.suspended";
    LotResumed "lot.resumed";
    LotTerminated "lot.terminated";
    LotFailed "lot.failed";
    PublicityStarted "lot.publicity_started";
    Awarded "lot.awarded";
    WinnerDisclosed "lot.winner_disclosed";
    Contracted "lot.contracted";
    Archived "lot.archived";
    DutyOverdue "lot.duty_overdue";
    DepositConfirmed "deposit.confirmed";
    DepositReturned "deposit.returned";
    DepositForfeited "deposit.forfeited";
    AuctionOpened "auction.opened";
    BidAccepted "auction.bid_accepted";
    BidRefused "auction.bid_refused";
    CountdownReset "auction.extended";
    TimedPeriodStarted "auction.timed_period_started";
    ConfirmationOpened "auction.confirmation_opened";
    EntryConfirmed "auction.entry_confirmed";
    RungStarted "auction.rung_started";
    AuctionClosed "auction.closed";
    ReserveDisclosed "auction.reserve_disclosed";
    ReserveLapsed "auction.reserve_lapsed";
    QuestionRaised "feedback.question_raised";
    QuestionAnswered "feedback.answered";
    QuestionOverdue "feedback.overdue";
    PauseOrdered "feedback.pause_ordered";
    PauseLifted "feedback.pause_lifted";
    NoteAttached "feedback.note_attached";
    ObjectionFiled "objection.filed";
    ObjectionReceived "objection.received";
    ObjectionAnswered "objection.answered";
    ObjectionOverdue "objection.overdue";
    ComplaintFiled "complaint.filed";
    ComplaintReceived "complaint.received";
    ComplaintAdmitted "complaint.admitted";
    ComplaintDecided "complaint.decided";
    ComplaintOverdue "complaint.overdue";
    ComplaintHoldLapsed "complaint.hold_lapsed";
}

/// Cause. The settings that the rules depend on; the first engine event of a ledger, and again at each change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformConfigured {
    pub code_format: CodeFormat,
    pub holidays: Holidays,
    pub periods: CityPeriods,
}

/// Cause, stamped with the last moment at which the platform is known to have been alive. The affected auctions stand still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutageBegan {
    /// When the platform came back and wrote this.
    pub recorded_at: Micros,
}

/// Cause. The platform is back: the affected auctions go on with the time that they had left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutageEnded {}

/// Cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectRegistered {
    /// The unified project code, with its check character.
    pub code: String,
    pub category: Category,
    pub title: String,
    /// The owner's organisation.
    pub owner: Id,
    pub owner_name: String,
    pub place: String,
}

/// Cause. The notice: from here on the rules of the lot are fixed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noticed {
    pub project: Id,
    pub title: String,
    /// The estimated price; legal shares such as the deposit's are counted from it.
    pub estimate: Fen,
    pub rules: Rules,
    #[serde(default)]
    pub documents: Vec<Document>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignUpOpened {}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignUpClosed {}

/// Cause. A company signs up with a fresh lot key. Only the company itself, and later a reviewer with a case, may read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedUp {
    pub account: Id,
    pub company: String,
    /// Unified social credit code (GB 32100).
    pub credit_code: String,
    /// What the deposit's payment must name; says nothing about who pays.
    pub reference: String,
    /// The fresh key for this lot.
    pub key: Jwk,
    /// The company's identity key vouches for the lot key (ledger format §5).
    pub binding: String,
    /// Random input for the number, used at once when no deposit is asked for.
    pub random: Hash,
}

/// A bidder number and the key that signs for it. Hidden until the auction opens: until then not even the number of
/// bidders may be known (招标投标法 art. 22).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberDealt {
    pub number: u32,
    pub key: Jwk,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
}

/// Cause. A bidder takes its sign-up back before the opening (招标投标法 art. 29); only the company itself may read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignUpWithdrawn {
    pub account: Id,
}

/// A number that will not bid. Hidden as long as numbers are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberWithdrawn {
    pub number: u32,
}

/// Why a lot's clock stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "by", content = "id", rename_all = "snake_case")]
pub enum Hold {
    /// The centre itself.
    Office,
    /// A supervisor's order.
    Order(Id),
    /// The platform was away.
    Outage,
    /// An objection waits for its answer.
    Objection(Id),
    /// A supervisor decides a complaint about that objection.
    Complaint(Id),
}

/// Cause when the hold is the office's; otherwise follows from the order or the outage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LotSuspended {
    pub hold: Hold,
    pub reason: String,
}

/// Cause when the hold is the office's. When the last hold is gone, every remaining period gets `credit` more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LotResumed {
    pub hold: Hold,
    pub reason: String,
    /// Whether the clock runs again, or another hold still stands.
    pub running: bool,
    /// How long the clock stood still; microseconds. Zero while another hold stands.
    pub credit: Span,
}

/// Cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LotTerminated {
    pub reason: String,
}

/// Why a lot failed (流标).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    TooFewBidders,
    NoBids,
    ReserveNotMet,
    WinnerWithdrew,
}

/// Follows from the clock or a disclosure; a cause when the winner withdrew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LotFailed {
    pub why: Failure,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicityStarted {
    pub until: Micros,
}

/// Cause. The owner confirms the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Awarded {
    pub number: u32,
    /// The price, in 分.
    pub price: Fen,
    /// On a rung past the price cap: the quantity offered there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Fen>,
}

/// Follows from the award, out of payloads that only reviewers may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WinnerDisclosed {
    pub number: u32,
    pub company: String,
    pub credit_code: String,
}

/// Cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contracted {
    /// Digest of the signed contract.
    pub sha256: Hash,
}

/// Cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archived {}

/// What the law gives owner or centre a time for, once the auction is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// The result is made public.
    Publicity,
    /// The contract is signed.
    Contract,
}

/// Writes itself when the time of the law passes and the step was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DutyOverdue {
    pub duty: Duty,
    pub due: Micros,
}

/// Cause. Admits the bidder: a number follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepositConfirmed {
    pub reference: String,
    pub amount: Fen,
    /// Random input for the number.
    pub random: Hash,
}

/// Cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepositReturned {
    pub reference: String,
    pub reason: String,
}

/// Cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepositForfeited {
    pub reference: String,
    pub reason: String,
}

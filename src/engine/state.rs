//! What the rules need to remember: projects, lots, questions, and the next moment at which something is due.
//! Everything here is rebuilt from the ledger; size grows with lots and bidders, never with bids.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::calendar::{CityPeriods, Holidays};
use super::code::CodeFormat;
use super::event::{Duty, Failure, Ground, Hold, Standing};
use super::rules::{Category, Rules, Timetable};
use crate::base::{Fen, Id, Jwk, Micros};

/// The whole state of one ledger's trade.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub settings: Settings,
    pub projects: BTreeMap<Id, Project>,
    pub codes: BTreeSet<String>,
    pub lots: BTreeMap<Id, Lot>,
    pub questions: BTreeMap<Id, Question>,
    pub objections: BTreeMap<Id, Objection>,
    /// Whose objection it is. Empty in a replay that has only the public payloads.
    pub objectors: BTreeMap<Id, Id>,
    /// What is due when; always equal to what lots, questions and objections say (`apply` keeps it so).
    pub timers: BTreeSet<(Micros, Timer)>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    pub code_format: CodeFormat,
    pub holidays: Holidays,
    pub periods: CityPeriods,
}

/// Whose clock runs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Timer {
    Lot(Id),
    Question(Id),
    Objection(Id),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    pub code: String,
    pub category: Category,
    pub title: String,
    pub owner: Id,
    pub owner_name: String,
    pub place: String,
    pub lots: Vec<Id>,
}

/// Where a lot stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Noticed,
    SignUp,
    /// Sign-up is closed, the auction has not opened.
    Waiting,
    Running,
    /// The price phase is over; the owner is to disclose the reserve.
    Disclosing,
    Ranked,
    Publicity,
    Awarded,
    Contracted,
    Archived,
    Failed,
    Terminated,
}

impl Phase {
    /// The stable name, as on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Noticed => "noticed",
            Self::SignUp => "sign_up",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Disclosing => "disclosing",
            Self::Ranked => "ranked",
            Self::Publicity => "publicity",
            Self::Awarded => "awarded",
            Self::Contracted => "contracted",
            Self::Archived => "archived",
            Self::Failed => "failed",
            Self::Terminated => "terminated",
        }
    }

    /// Whether nothing more can happen to the auction itself.
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Noticed | Self::SignUp | Self::Waiting | Self::Running | Self::Disclosing)
    }

    /// Failed, terminated or archived: the lot's life has ended.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Failed | Self::Terminated | Self::Archived)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    pub id: Id,
    pub project: Id,
    pub owner: Id,
    pub category: Category,
    pub title: String,
    pub estimate: Fen,
    pub rules: Rules,
    pub noticed_at: Micros,
    pub phase: Phase,
    /// The timetable as it stands now: shifted by every time credit.
    pub timetable: Timetable,
    /// Why the clock stands still; empty when it runs.
    pub holds: BTreeSet<Hold>,
    pub stopped_at: Option<Micros>,
    /// Who may bid, under numbers. Public from the opening on.
    pub roster: BTreeMap<u32, Bidder>,
    /// Who is behind the numbers. Empty in a replay that has only the public payloads.
    pub applicants: BTreeMap<Id, Applicant>,
    pub auction: Option<Auction>,
    pub reserve_due: Option<Micros>,
    pub publicity_until: Option<Micros>,
    pub ranking: Vec<Standing>,
    pub failure: Option<Failure>,
    pub award: Option<Award>,
    /// The step that the law now gives a time for.
    pub duty: Option<Due>,
}

/// A legal step and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    pub duty: Duty,
    pub due: Micros,
    pub overdue: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bidder {
    pub key: Jwk,
    /// Rank of the right of priority, 1 first.
    pub priority: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applicant {
    pub company: String,
    pub credit_code: String,
    pub reference: String,
    pub key: Jwk,
    pub priority: Option<u32>,
    pub deposit: Deposit,
    pub number: Option<u32>,
    /// Took the sign-up back before the opening.
    pub withdrawn: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deposit {
    /// The notice asks for none.
    NotAsked,
    Awaited,
    Held,
    Returned,
    Forfeited,
}

/// The running auction of a lot traded by price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auction {
    pub stage: Stage,
    /// When the stage ends, unless something moves it.
    pub until: Micros,
    /// 0 is the price, 1… the rungs of the ladder past its cap.
    pub rung: u32,
    pub leader: Option<Quote>,
    /// The best quote of each number on this rung.
    pub best: BTreeMap<u32, Quote>,
    /// The ranking of the rungs that are over, best first.
    pub settled: Vec<Standing>,
    /// Listing: who confirmed the timed auction.
    pub confirmed: BTreeSet<u32>,
    pub accepted: u64,
    pub refused: u64,
    pub extensions: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The free period, or the quoting period of a listing: bids do not move its end.
    Free,
    /// Listing: those who quoted say whether they go on.
    Confirming,
    /// Every valid bid starts the countdown again.
    Timed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    pub number: u32,
    pub amount: Fen,
    pub at: Micros,
    /// The entry that accepted it.
    pub seq: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Award {
    pub number: u32,
    pub price: Fen,
    pub offer: Option<Fen>,
}

// Four independent yes-or-no facts, not the states of one machine.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    pub lot: Id,
    pub due: Micros,
    pub open: bool,
    /// An order to pause, which holds the lot until it is lifted.
    pub is_order: bool,
    pub lifted: bool,
    pub answered: bool,
    pub overdue: bool,
}

/// An objection, and the complaint that may follow it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objection {
    pub lot: Id,
    pub ground: Ground,
    /// By when it must be answered.
    pub due: Micros,
    pub open: bool,
    pub answered_at: Option<Micros>,
    pub overdue: bool,
    pub complaint: Option<Complaint>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// By when the supervisor must take it up or not, and then decide it.
    pub due: Micros,
    pub open: bool,
    pub admitted: Option<bool>,
    pub decided: bool,
    pub overdue: bool,
    /// When its standstill ends by law.
    pub hold_until: Option<Micros>,
}

impl State {
    /// The moment at which something is due next; the sequencer calls [`super::fire`] before anything stamped at or after it.
    pub fn next_timer(&self) -> Option<Micros> {
        self.timers.first().map(|(at, _)| *at)
    }
}

impl Question {
    /// When it becomes overdue, if it still can.
    pub fn next_timer(&self) -> Option<Micros> {
        (!self.answered && !self.overdue).then_some(self.due)
    }
}

impl Objection {
    /// When the answer becomes overdue, if it still can.
    pub fn answer_due(&self) -> Option<Micros> {
        (self.answered_at.is_none() && !self.overdue).then_some(self.due)
    }

    /// Whether somebody still has to answer or decide.
    pub fn waits(&self) -> bool {
        self.answered_at.is_none() || self.complaint.as_ref().is_some_and(Complaint::waits)
    }

    /// When something about it is due next.
    pub fn next_timer(&self) -> Option<Micros> {
        let complaint = self.complaint.as_ref();
        let due = complaint.and_then(Complaint::next_due);
        let hold = complaint.and_then(|complaint| complaint.hold_until);
        [self.answer_due(), hold, due].into_iter().flatten().min()
    }
}

impl Complaint {
    /// When the supervisor's next step becomes overdue, if it still can.
    fn next_due(&self) -> Option<Micros> {
        (self.waits() && !self.overdue).then_some(self.due)
    }

    fn waits(&self) -> bool {
        !self.decided && self.admitted != Some(false)
    }
}

impl Lot {
    pub fn is_suspended(&self) -> bool {
        !self.holds.is_empty()
    }

    /// Whether bidder numbers may be known: from the opening on (招标投标法 art. 22). A lot that too few signed up for
    /// shows them as its proof; one that was terminated before its opening never does.
    pub fn numbers_are_public(&self) -> bool {
        self.auction.is_some() || self.phase == Phase::Failed
    }

    /// When its clock runs out next; `None` while suspended or when nothing is due by itself.
    pub fn next_timer(&self) -> Option<Micros> {
        if self.is_suspended() {
            return None;
        }
        match self.phase {
            Phase::Noticed => Some(self.timetable.sign_up_opens),
            Phase::SignUp => Some(self.timetable.sign_up_closes),
            Phase::Waiting => Some(self.timetable.auction_opens),
            Phase::Running => self.auction.as_ref().map(|auction| auction.until),
            Phase::Disclosing => self.reserve_due,
            Phase::Ranked | Phase::Awarded => self.duty.filter(|duty| !duty.overdue).map(|duty| duty.due),
            _ => None,
        }
    }

    pub fn applicant_by_reference(&self, reference: &str) -> Option<(&Id, &Applicant)> {
        self.applicants.iter().find(|(_, applicant)| applicant.reference == reference)
    }

    pub fn applicant_by_number(&self, number: u32) -> Option<(&Id, &Applicant)> {
        self.applicants.iter().find(|(_, applicant)| applicant.number == Some(number))
    }

    /// Rank of the right of priority of `number`; smaller goes first, none is last.
    pub fn priority_rank(&self, number: u32) -> u32 {
        self.roster.get(&number).and_then(|bidder| bidder.priority).unwrap_or(u32::MAX)
    }
}

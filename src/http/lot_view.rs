//! What a lot looks like on the wire: one view of the committed state, the same for everybody, and a bidder's own.

use serde::Serialize;
use utoipa::ToSchema;

use crate::base::{Code, Fen, Id, Jwk, Micros};
use crate::engine::event::{self, Failure, Hold, Standing};
use crate::engine::life::earliest_publicity_end;
use crate::engine::rules::{Category, Rules, Timetable};
use crate::engine::state::{Applicant, Auction, Deposit, Due, Lot, Phase, Project, Quote, Stage, State};

/// A lot as everyone may see it now.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LotView {
    pub id: Id,
    pub project: ProjectView,
    pub title: String,
    pub estimate: Fen,
    pub rules: Rules,
    /// As it stands now, shifted by every time credit.
    pub timetable: Timetable,
    pub noticed_at: Micros,
    pub phase: Phase,
    pub suspended: Option<SuspensionView>,
    /// When something is due by itself.
    pub next_at: Option<Micros>,
    /// Bidder numbers with their keys; from the opening on.
    pub numbers: Option<Vec<NumberView>>,
    pub auction: Option<AuctionView>,
    pub ranking: Vec<Standing>,
    pub reserve_due: Option<Micros>,
    pub publicity_until: Option<Micros>,
    pub failure: Option<Failure>,
    pub award: Option<AwardView>,
    /// The step that the law now gives a time for.
    pub duty: Option<DutyView>,
    /// What a publicity that starts now must keep to, while the result waits for it.
    pub publicity_least: Option<PublicityLeast>,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct PublicityLeast {
    /// The earliest end, with the days that the law does not count.
    pub until: Micros,
    /// Calendar days.
    pub days: u32,
    /// Where it is written.
    pub source: &'static str,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct DutyView {
    pub duty: Duty,
    pub due: Micros,
    pub overdue: bool,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// The result is made public.
    Publicity,
    /// The contract is signed.
    Contract,
}

impl From<event::Duty> for Duty {
    fn from(duty: event::Duty) -> Self {
        match duty {
            event::Duty::Publicity => Self::Publicity,
            event::Duty::Contract => Self::Contract,
        }
    }
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProjectView {
    pub id: Id,
    pub code: String,
    pub category: Category,
    pub title: String,
    pub owner: Id,
    pub owner_name: String,
    pub place: String,
    pub lots: Vec<Id>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SuspensionView {
    pub since: Option<Micros>,
    pub holds: Vec<Hold>,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct NumberView {
    pub number: u32,
    pub key: Jwk,
    pub priority: Option<u32>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuctionView {
    pub stage: Stage,
    pub rung: u32,
    pub until: Micros,
    pub leader: Option<QuoteView>,
    pub standings: Vec<Standing>,
    pub confirmed: Vec<u32>,
    pub accepted: u64,
    pub refused: u64,
    pub extensions: u64,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct QuoteView {
    pub number: u32,
    pub amount: Fen,
    pub at: Micros,
    pub seq: u64,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AwardView {
    pub number: u32,
    pub price: Fen,
    pub offer: Option<Fen>,
    /// The winner's name is public with the award.
    pub company: Option<String>,
}

/// A bidder's own participation in a lot.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Mine {
    pub reference: String,
    pub key: Jwk,
    pub deposit: Deposit,
    pub number: Option<u32>,
    pub priority: Option<u32>,
    /// The sign-up was taken back.
    pub withdrawn: bool,
}

pub fn mine(applicant: &Applicant) -> Mine {
    Mine {
        reference: applicant.reference.clone(),
        key: applicant.key,
        deposit: applicant.deposit,
        number: applicant.number,
        priority: applicant.priority,
        withdrawn: applicant.withdrawn,
    }
}

/// The lot as everyone may see it `now`; `lot_unknown`.
pub fn lot_view(state: &State, id: Id, now: Micros) -> Result<LotView, Code> {
    let lot = state.lots.get(&id).ok_or(Code::LotUnknown)?;
    let project = state.projects.get(&lot.project).ok_or(Code::ProjectUnknown)?;
    Ok(LotView {
        id,
        project: project_view(lot.project, project),
        title: lot.title.clone(),
        estimate: lot.estimate,
        rules: lot.rules.clone(),
        timetable: lot.timetable,
        noticed_at: lot.noticed_at,
        phase: lot.phase,
        suspended: lot
            .is_suspended()
            .then(|| SuspensionView { since: lot.stopped_at, holds: lot.holds.iter().copied().collect() }),
        next_at: lot.next_timer(),
        numbers: lot.numbers_are_public().then(|| numbers(lot)),
        auction: lot.auction.as_ref().map(|auction| auction_view(lot, auction)),
        ranking: lot.ranking.clone(),
        reserve_due: lot.reserve_due,
        publicity_until: lot.publicity_until,
        failure: lot.failure,
        award: award(lot),
        duty: lot.duty.map(duty_view),
        publicity_least: publicity_least(state, lot, now),
    })
}

fn publicity_least(state: &State, lot: &Lot, now: Micros) -> Option<PublicityLeast> {
    let (until, bound) = (lot.phase == Phase::Ranked).then(|| earliest_publicity_end(state, lot, now))??;
    Some(PublicityLeast { until, days: bound.value, source: bound.source })
}

pub fn duty_view(Due { duty, due, overdue }: Due) -> DutyView {
    DutyView { duty: duty.into(), due, overdue }
}

fn numbers(lot: &Lot) -> Vec<NumberView> {
    let roster = lot.roster.iter();
    roster.map(|(number, bidder)| NumberView { number: *number, key: bidder.key, priority: bidder.priority }).collect()
}

fn award(lot: &Lot) -> Option<AwardView> {
    let award = lot.award?;
    // A lot that failed after its award keeps the award in its history, not in its view.
    if lot.phase == Phase::Failed || lot.phase == Phase::Terminated {
        return None;
    }
    let company = lot.applicant_by_number(award.number).map(|(_, applicant)| applicant.company.clone());
    Some(AwardView { number: award.number, price: award.price, offer: award.offer, company })
}

fn auction_view(lot: &Lot, auction: &Auction) -> AuctionView {
    let quote = |q: Quote| QuoteView { number: q.number, amount: q.amount, at: q.at, seq: q.seq };
    AuctionView {
        stage: auction.stage,
        rung: auction.rung,
        until: auction.until,
        leader: auction.leader.map(quote),
        standings: lot.rules.method.rulebook().standings(lot),
        confirmed: auction.confirmed.iter().copied().collect(),
        accepted: auction.accepted,
        refused: auction.refused,
        extensions: auction.extensions,
    }
}

pub fn project_view(id: Id, project: &Project) -> ProjectView {
    ProjectView {
        id,
        code: project.code.clone(),
        category: project.category,
        title: project.title.clone(),
        owner: project.owner,
        owner_name: project.owner_name.clone(),
        place: project.place.clone(),
        lots: project.lots.clone(),
    }
}

//! Plays a year: hands the script's commands to a stage without waiting for each, compares every answer with what the
//! rehearsal expects, and at the end every lot with its plan and the awards with their sum.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use serde::Serialize;

use super::lots::{LotPlan, Outcome};
use super::rehearsal::{Expected, Rehearsal};
use super::script::{Line, Script};
use super::year::{PlanError, Year};
use crate::base::{Code, Fen, Micros};
use crate::engine::rules::Category;
use crate::engine::state::{Award, Lot};
use crate::engine::{Phase, Refusal, State};
use crate::ledger::{Seen, SignerError};
use crate::sequencer::{Clock, Pending, Sequencer, Submission, SystemClock};

/// Commands on their way at a time: a few commits' worth, far below `limits::QUEUE_MAX`.
const IN_FLIGHT_MAX: usize = 1_024;
/// After so many commands all are waited for, and the bidders' clients look at the ledger again.
const LOOK_EVERY: u64 = 512;
/// Commands between two reports of progress.
const REPORT_EVERY: u64 = 64;

/// Where a year is played.
pub trait Stage {
    /// How things stand before the first command.
    fn begin(&mut self) -> Result<Rehearsal, DemoError>;

    /// Hands a command over; what becomes of it may be known only later.
    fn play(&mut self, line: Line) -> Result<(), DemoError>;

    /// Waits for all that was handed over, and answers with the newest checkpoint.
    fn settle(&mut self) -> Result<Seen, DemoError>;

    /// Lets the clock reach `at` and everything due by then happen; answers with the state after it.
    fn end(&mut self, at: Micros) -> Result<State, DemoError>;
}

/// Why a year could not be played to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Signer(#[from] SignerError),
    #[error("{at}: «{lot}»: the rules refuse what was planned: {refusal}")]
    Refused { lot: String, at: Micros, refusal: Refusal },
    #[error("{at}: «{lot}»: a bid should break {planned:?} and breaks {found:?}")]
    Bid { lot: String, at: Micros, planned: Option<Code>, found: Option<Code> },
    #[error("{at}: the sequencer refused a command: {refusal}")]
    Sequencer { at: Micros, refusal: Refusal },
    #[error("{at}: the sequencer answered {found:?}, the rules say {expected:?}")]
    Answer { at: Micros, expected: Expected, found: Expected },
    #[error("the state of the ledger is not the state that the rules come to")]
    State,
    #[error("«{lot}» should have ended with {planned}, and stands at {found}")]
    Lot { lot: String, planned: String, found: String },
    #[error("the awards add up to {found} 分, planned were {planned} 分")]
    Sum { planned: Fen, found: Fen },
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Of the completed projects, how many have all their results.
    pub projects: usize,
    pub entries: u64,
    pub at: Micros,
}

/// What was played.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub projects: usize,
    pub lots: usize,
    pub entries: u64,
    pub commands: u64,
    /// Of the completed projects.
    pub awarded: Fen,
    /// Awards and their sum by category.
    pub categories: BTreeMap<Category, (usize, Fen)>,
    pub failed: usize,
    pub terminated: usize,
    pub bids_accepted: u64,
    pub bids_refused: u64,
    /// Projects that are still going on.
    pub going_on: usize,
}

/// Plays `year` on `stage`.
pub fn drive(year: &Year, stage: &mut dyn Stage, progress: &mut dyn FnMut(Progress)) -> Result<Report, DemoError> {
    let rehearsal = stage.begin()?;
    let seen = stage.settle()?;
    let mut script = Script::new(year, rehearsal, seen);
    let mut commands: u64 = 0;
    while let Some(line) = script.next_line()? {
        let at = line.at;
        stage.play(line)?;
        commands += 1;
        if commands.is_multiple_of(LOOK_EVERY) {
            script.saw(stage.settle()?);
        }
        if commands.is_multiple_of(REPORT_EVERY) {
            progress(Progress { projects: script.done(), entries: script.rehearsal().size, at });
        }
    }
    stage.settle()?;
    let until = year.brief.until;
    let mut rehearsal = script.rehearsal().clone();
    rehearsal.advance(until);
    if stage.end(until)? != rehearsal.state {
        return Err(DemoError::State);
    }
    progress(Progress { projects: script.done(), entries: rehearsal.size, at: until });
    let mut report = check(year, &rehearsal.state)?;
    report.commands = commands;
    report.entries = rehearsal.size;
    Ok(report)
}

/// Compares every lot with its plan, and counts.
fn check(year: &Year, state: &State) -> Result<Report, DemoError> {
    let mut report = Report::default();
    for project in &year.projects {
        if project.completed {
            report.projects += 1;
        } else {
            report.going_on += 1;
        }
        for plan in &project.lots {
            report.lots += 1;
            let lot = state.lots.get(&plan.id);
            if let Some(auction) = lot.and_then(|lot| lot.auction.as_ref()) {
                report.bids_accepted += auction.accepted;
                report.bids_refused += auction.refused;
            }
            check_lot(year, plan, lot)?;
            match plan.outcome {
                Outcome::Awarded { price, .. } => {
                    report.awarded = report.awarded.checked_add(price).unwrap_or_default();
                    let (count, sum) = report.categories.entry(project.category).or_default();
                    *count += 1;
                    *sum = sum.checked_add(price).unwrap_or_default();
                }
                Outcome::Failed(_) => report.failed += 1,
                Outcome::Terminated => report.terminated += 1,
                Outcome::Open => {}
            }
        }
    }
    if report.awarded == year.total {
        Ok(report)
    } else {
        Err(DemoError::Sum { planned: year.total, found: report.awarded })
    }
}

fn check_lot(year: &Year, plan: &LotPlan, lot: Option<&Lot>) -> Result<(), DemoError> {
    let as_planned = lot.is_some_and(|lot| match plan.outcome {
        Outcome::Awarded { bidder, price, offer } => {
            let number = number_of(year, plan, lot, bidder);
            number.is_some_and(|number| lot.award == Some(Award { number, price, offer }))
        }
        Outcome::Failed(why) => lot.failure == Some(why),
        Outcome::Terminated => lot.phase == Phase::Terminated,
        Outcome::Open => !lot.phase.is_final(),
    });
    if as_planned {
        return Ok(());
    }
    let found = lot.map_or_else(
        || "no such lot".to_owned(),
        |lot| format!("{:?}, award {:?}, failure {:?}", lot.phase, lot.award, lot.failure),
    );
    Err(DemoError::Lot { lot: plan.title.clone(), planned: format!("{:?} ({:?})", plan.outcome, plan.twist), found })
}

/// The number that was dealt to a lot's bidder.
pub fn number_of(year: &Year, plan: &LotPlan, lot: &Lot, bidder: usize) -> Option<u32> {
    let company = year.cast.companies.get(plan.bidders.get(bidder)?.company)?;
    lot.applicants.get(&company.person.account)?.number
}

/// The clock of a year that is told: stands where it was set, until it is let go and follows the machine's.
#[derive(Debug)]
pub struct ToldClock {
    at: AtomicI64,
    let_go: AtomicBool,
}

impl ToldClock {
    pub fn new(at: Micros) -> Arc<Self> {
        Arc::new(Self { at: AtomicI64::new(at.get()), let_go: AtomicBool::new(false) })
    }

    pub fn set(&self, at: Micros) {
        self.at.store(at.get(), Ordering::SeqCst);
    }

    /// From now on the time is the machine's, never before the time told last.
    pub fn let_go(&self) {
        self.let_go.store(true, Ordering::SeqCst);
    }
}

impl Clock for ToldClock {
    fn now(&self) -> Micros {
        let told = Micros::new(self.at.load(Ordering::SeqCst)).unwrap_or_default();
        if self.let_go.load(Ordering::SeqCst) { told.max(SystemClock.now()) } else { told }
    }
}

/// The real thing: a sequencer that takes its stamps from `clock`.
pub struct SequencerStage {
    sequencer: Sequencer,
    clock: Arc<ToldClock>,
    in_flight: VecDeque<(Micros, Expected, Pending)>,
}

impl SequencerStage {
    pub fn new(sequencer: Sequencer, clock: Arc<ToldClock>) -> Self {
        Self { sequencer, clock, in_flight: VecDeque::new() }
    }

    fn hear(&mut self, at_most: usize) -> Result<(), DemoError> {
        while self.in_flight.len() > at_most {
            let Some((at, expected, pending)) = self.in_flight.pop_front() else { break };
            let outcome = pending.wait().map_err(|refusal| DemoError::Sequencer { at, refusal })?;
            let found = Expected { first: outcome.first, count: outcome.count, rule: outcome.rule };
            if found != expected {
                return Err(DemoError::Answer { at, expected, found });
            }
        }
        Ok(())
    }
}

impl Stage for SequencerStage {
    fn begin(&mut self) -> Result<Rehearsal, DemoError> {
        self.settle()?;
        Ok(self.sequencer.read(|now| Rehearsal { state: now.state.clone(), size: now.size, time: now.time }))
    }

    fn play(&mut self, line: Line) -> Result<(), DemoError> {
        let Line { at, command, expected } = line;
        self.hear(IN_FLIGHT_MAX)?;
        self.clock.set(at);
        let slot = self.sequencer.reserve().map_err(|code| DemoError::Sequencer { at, refusal: code.into() })?;
        let pending = slot.submit(Submission::command(command));
        self.in_flight.push_back((at, expected, pending));
        Ok(())
    }

    fn settle(&mut self) -> Result<Seen, DemoError> {
        self.hear(0)?;
        Ok(self.sequencer.read(|now| Seen { root: now.root, size: now.size }))
    }

    fn end(&mut self, at: Micros) -> Result<State, DemoError> {
        self.hear(0)?;
        self.clock.set(at);
        self.sequencer.tick().wait().map_err(|refusal| DemoError::Sequencer { at, refusal })?;
        Ok(self.sequencer.read(|now| now.state.clone()))
    }
}

//! Who does what when: the plan of a year as commands in the order of time. An agenda holds what is to come; what depends
//! on the course of things (a countdown, a number, a standstill) is read from the rehearsal.

mod acts;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::bidding::BidPlan;
use super::calendar::Calendar;
use super::drive::DemoError;
use super::lots::{LotPlan, Twist};
use super::rehearsal::{Expected, Rehearsal};
use super::seed::Rng;
use super::year::{ProjectPlan, Year};
use crate::base::{Code, Micros, Span};
use crate::engine::rules::Method;
use crate::engine::state::Lot;
use crate::engine::{Command, Phase};
use crate::ledger::Seen;

pub use acts::reference;

/// One command, with its time and with what must become of it.
#[derive(Debug, Clone)]
pub struct Line {
    pub at: Micros,
    pub command: Command,
    pub expected: Expected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Register,
    Notice,
    SignUp(usize),
    Pay(usize),
    Ask,
    Answer,
    /// A bidder that did not win objects to the result; the centre replies.
    Object(usize),
    Reply,
    /// … and complains to the supervisor, who takes it up and decides.
    Complain(usize),
    Admit,
    Decide,
    Terminate,
    Early,
    Free(usize),
    Confirm(usize),
    Timed(usize),
    StandStill,
    /// A bid during the standstill.
    Knock,
    /// The centre reports on a pause that was ordered.
    Report,
    GoOn,
    /// The auction should be over.
    Close,
    Late,
    /// The next step of the office, whatever it is in this phase.
    Office,
    Return(usize),
    Forfeit(usize),
}

/// In the order of time, then of planning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Cue {
    at: Micros,
    order: u64,
    project: usize,
    lot: usize,
    what: What,
}

pub struct Script<'y> {
    year: &'y Year,
    agenda: BinaryHeap<Reverse<Cue>>,
    cues: u64,
    statements: u64,
    rehearsal: Rehearsal,
    seen: Seen,
    rng: Rng,
    /// Whether a result is contested: apart, so that it changes nothing else.
    contests: Rng,
    /// Lots of each project whose result is not known yet.
    unsettled: Vec<usize>,
    done: usize,
}

impl<'y> Script<'y> {
    /// `rehearsal` stands where the ledger stands now.
    pub fn new(year: &'y Year, rehearsal: Rehearsal, seen: Seen) -> Self {
        let mut script = Self {
            year,
            agenda: BinaryHeap::new(),
            cues: 0,
            statements: 0,
            rehearsal,
            seen,
            rng: year.rng("script"),
            contests: year.rng("contests"),
            unsettled: year.projects.iter().map(|project| project.lots.len()).collect(),
            done: 0,
        };
        for (index, project) in year.projects.iter().enumerate() {
            script.cue(project.registered_at, index, 0, What::Register);
            for (place, lot) in project.lots.iter().enumerate() {
                script.cue(lot.noticed_at, index, place, What::Notice);
            }
        }
        script
    }

    pub const fn rehearsal(&self) -> &Rehearsal {
        &self.rehearsal
    }

    /// Completed projects of which every lot has its result.
    pub const fn done(&self) -> usize {
        self.done
    }

    /// The newest checkpoint that the bidders' clients have verified.
    pub fn saw(&mut self, seen: Seen) {
        self.seen = seen;
    }

    /// The next command of the year; `None` when the year is over.
    pub fn next_line(&mut self) -> Result<Option<Line>, DemoError> {
        while let Some(Reverse(cue)) = self.agenda.pop().filter(|Reverse(cue)| cue.at <= self.year.brief.until) {
            self.rehearsal.advance(cue.at);
            let Some((project, plan)) = self.plan(cue) else { continue };
            let Some(command) = self.act(cue, project, plan)? else { continue };
            let expected = self.rehearsal.play(&command, cue.at).map_err(|refusal| DemoError::Refused {
                lot: plan.title.clone(),
                at: cue.at,
                refusal,
            })?;
            check_rule(cue, plan, expected)?;
            self.follow(cue, plan);
            return Ok(Some(Line { at: cue.at, command, expected }));
        }
        Ok(None)
    }

    fn plan(&self, cue: Cue) -> Option<(&'y ProjectPlan, &'y LotPlan)> {
        let project = self.year.projects.get(cue.project)?;
        Some((project, project.lots.get(cue.lot)?))
    }

    fn cue(&mut self, at: Micros, project: usize, lot: usize, what: What) {
        self.agenda.push(Reverse(Cue { at, order: self.cues, project, lot, what }));
        self.cues += 1;
    }

    fn after(&mut self, cue: Cue, wait: Span, what: What) {
        self.cue(cue.at.plus(wait), cue.project, cue.lot, what);
    }

    /// In office hours, some time after `at`.
    fn office(&mut self, cue: Cue, at: Micros) {
        let moment = at.plus(Span::minutes(self.rng.between(10, 150)));
        let open = self.calendar().when_open(moment, &mut self.rng);
        self.cue(open, cue.project, cue.lot, What::Office);
    }

    fn calendar(&self) -> &'y Calendar {
        &self.year.calendar
    }

    fn lot(&self, plan: &LotPlan) -> Option<&Lot> {
        self.rehearsal.state.lots.get(&plan.id)
    }

    /// What a cue that was played brings with it.
    fn follow(&mut self, cue: Cue, plan: &'y LotPlan) {
        match cue.what {
            What::Notice => self.announce(cue, plan),
            What::Timed(index) => self.after_timed_bid(cue, plan, index),
            What::StandStill => {
                let length = plan.course.standstill.map_or(Span::default(), |(_, length)| length);
                self.after(cue, Span::secs(7), What::Knock);
                if plan.twist == Twist::Paused {
                    self.after(cue, Span::micros(length.get() / 2), What::Report);
                }
                self.after(cue, length, What::GoOn);
            }
            What::GoOn => {
                if let Some((place, _)) = plan.course.standstill {
                    self.after(cue, Span::secs(40), What::Timed(place + 1));
                }
            }
            What::Terminate => self.give_back(cue, plan, None),
            What::Office => self.after_step(cue, plan),
            _ => {}
        }
    }

    /// From the notice on, the days of a lot are known.
    fn announce(&mut self, cue: Cue, plan: &LotPlan) {
        let mut at = |moment: Micros, what: What| self.cue(moment, cue.project, cue.lot, what);
        let opens = plan.rules.timetable.auction_opens;
        for (index, bidder) in plan.bidders.iter().enumerate() {
            at(bidder.signs_up, What::SignUp(index));
            if let Some(pays) = bidder.pays {
                at(pays, What::Pay(index));
            }
        }
        if let Some(question) = &plan.question {
            at(question.asked_at, What::Ask);
            if let Some(answered_at) = question.answered_at {
                at(answered_at, What::Answer);
            }
        }
        if plan.twist == Twist::Terminated {
            return at(opens.minus(Span::days(3)), What::Terminate);
        }
        if let Some(early) = &plan.course.early {
            at(opens.minus(early.delay), What::Early);
        }
        for (index, bid) in plan.course.free.iter().enumerate() {
            at(opens.plus(bid.delay), What::Free(index));
        }
        let (free, confirm) = match &plan.rules.method {
            Method::Ascending(rules) | Method::Descending(rules) => (rules.free, Span::default()),
            Method::Listing(rules) => (rules.quoting, rules.confirm),
        };
        let quoted = opens.plus(free);
        for index in 0..plan.course.confirms.len() {
            let wait = Span::secs(10 + 15 * u64::try_from(index).unwrap_or(0));
            at(quoted.plus(wait), What::Confirm(index));
        }
        match plan.course.timed.first() {
            Some(first) => at(quoted.plus(confirm).plus(first.delay), What::Timed(0)),
            None => at(quoted, What::Close),
        }
    }

    fn after_timed_bid(&mut self, cue: Cue, plan: &LotPlan, index: usize) {
        if plan.course.standstill.is_some_and(|(place, _)| place == index) {
            return self.after(cue, Span::secs(20), What::StandStill);
        }
        match plan.course.timed.get(index + 1) {
            Some(next) => self.after(cue, next.delay, What::Timed(index + 1)),
            None => self.after(cue, Span::default(), What::Close),
        }
    }

    /// Comes back until the clock has closed the auction, then sends late bids and the office.
    fn close(&mut self, cue: Cue, plan: &LotPlan) {
        let Some((phase, timer)) = self.lot(plan).map(|lot| (lot.phase, lot.next_timer())) else { return };
        if matches!(phase, Phase::Waiting | Phase::Running) {
            if let Some(due) = timer {
                self.cue(due, cue.project, cue.lot, What::Close);
            }
            return;
        }
        if let Some(late) = &plan.course.late {
            self.after(cue, late.delay, What::Late);
        }
        if phase == Phase::Failed {
            return self.give_back(cue, plan, None);
        }
        match plan.reserve.and_then(|reserve| reserve.disclosed_after) {
            Some(after) => self.after(cue, after, What::Office),
            None => self.office(cue, cue.at),
        }
    }

    fn after_step(&mut self, cue: Cue, plan: &LotPlan) {
        let Some((phase, until)) = self.lot(plan).map(|lot| (lot.phase, lot.publicity_until)) else { return };
        match phase {
            Phase::Ranked => self.office(cue, cue.at),
            Phase::Publicity => {
                self.office(cue, until.unwrap_or(cue.at));
                self.contest(cue, plan);
            }
            Phase::Awarded => {
                self.settled(cue);
                // 条例 art. 57 allows five days after the contract; the losers need not wait for it.
                self.give_back(cue, plan, plan.course.winner);
                let days = self.rng.between(3, 24);
                self.office(cue, cue.at.plus(Span::days(days)));
            }
            Phase::Contracted => {
                if let Some(winner) = plan.course.winner {
                    let wait = Span::hours(self.rng.between(1, 90));
                    self.after(cue, wait, What::Return(winner));
                }
                let days = self.rng.between(5, 30);
                self.office(cue, cue.at.plus(Span::days(days)));
            }
            Phase::Failed => {
                let winner = plan.course.winner.filter(|_| plan.twist == Twist::Withdrawn);
                if let Some(winner) = winner {
                    self.after(cue, Span::hours(3), What::Forfeit(winner));
                }
                self.give_back(cue, plan, winner);
            }
            _ => {}
        }
    }

    /// Some results are objected to while they are public, one objection in six is answered late, and some objectors
    /// complain; all of it is over before the year is.
    fn contest(&mut self, cue: Cue, plan: &LotPlan) {
        let loser = (0..plan.bidders.len()).find(|bidder| plan.course.winner != Some(*bidder));
        let (contested, late, complains) =
            (self.contests.chance(3), self.contests.chance(16), self.contests.chance(30));
        let in_time = cue.at.plus(Span::days(40)) < self.year.brief.until;
        let (Some(bidder), true, true) = (loser, contested, in_time) else { return };
        let mut at = cue.at;
        let mut step = |script: &mut Self, hours: u64, what: What| {
            let calendar = script.calendar();
            at = calendar.when_open(at.plus(Span::hours(hours)), &mut script.contests);
            script.cue(at, cue.project, cue.lot, what);
        };
        let (objects, replies) = (self.contests.between(2, 12), self.contests.between(14, 30));
        step(self, objects, What::Object(bidder));
        step(self, if late { 14 * 24 } else { replies }, What::Reply);
        if complains && !late {
            step(self, 24, What::Complain(bidder));
            step(self, 24, What::Admit);
            step(self, 8 * 24, What::Decide);
        }
    }

    /// Deposits go back, except this one's. A lot that failed or was terminated has its result with that.
    fn give_back(&mut self, cue: Cue, plan: &LotPlan, except: Option<usize>) {
        if self.phase(plan) != Some(Phase::Awarded) {
            self.settled(cue);
        }
        let mut wait = Span::minutes(self.rng.between(30, 600)).get();
        for bidder in 0..plan.bidders.len() {
            if except != Some(bidder) {
                wait += self.rng.between(20_000_000, 200_000_000);
                self.after(cue, Span::micros(wait), What::Return(bidder));
            }
        }
    }

    fn settled(&mut self, cue: Cue) {
        let completed = self.year.projects.get(cue.project).is_some_and(|project| project.completed);
        if let Some(left) = self.unsettled.get_mut(cue.project) {
            *left = left.saturating_sub(1);
            self.done += usize::from(*left == 0 && completed);
        }
    }
}

/// A bid breaks the rule that it was planned to break, and no other.
fn check_rule(cue: Cue, plan: &LotPlan, expected: Expected) -> Result<(), DemoError> {
    let planned = match cue.what {
        What::Knock => Some(Code::Suspended),
        _ => bid_of(cue, plan).and_then(|bid| bid.breaks),
    };
    if planned == expected.rule {
        return Ok(());
    }
    Err(DemoError::Bid { lot: plan.title.clone(), at: cue.at, planned, found: expected.rule })
}

fn bid_of(cue: Cue, plan: &LotPlan) -> Option<&BidPlan> {
    match cue.what {
        What::Early => plan.course.early.as_ref(),
        What::Free(index) => plan.course.free.get(index),
        What::Timed(index) => plan.course.timed.get(index),
        What::Knock => plan.course.timed.first(),
        What::Late => plan.course.late.as_ref(),
        _ => None,
    }
}

//! Who does what when: the plan of a year as commands in the order of time. An agenda holds what is to come; what depends
//! on the course of things (a countdown, a number, a standstill) is read from the rehearsal.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::bidding::BidPlan;
use super::calendar::Calendar;
use super::drive::DemoError;
use super::lots::{LotPlan, Twist};
use super::rehearsal::{Expected, Rehearsal};
use super::seed::Rng;
use super::statements::Hand;
use super::words;
use super::year::{ProjectPlan, Year};
use crate::base::{Code, Hash, Id, Micros, Span};
use crate::engine::event::{
    Contracted, DepositConfirmed, DepositForfeited, DepositReturned, Noticed, PauseOrdered, ProjectRegistered,
    PublicityStarted, QuestionRaised, ReserveDisclosed, SignedUp,
};
use crate::engine::rules::Method;
use crate::engine::state::{Deposit, Lot};
use crate::engine::{Action, Actor, Command, Phase, Subject};
use crate::ledger::Seen;

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

    /// The command of a cue; `None` when there is nothing to do, or not yet.
    fn act(&mut self, cue: Cue, project: &'y ProjectPlan, plan: &'y LotPlan) -> Result<Option<Command>, DemoError> {
        let operator = self.operator(cue);
        let supervisor = Actor::Supervisor(self.year.cast.supervisor);
        let (actor, action) = match cue.what {
            What::Register => return Ok(self.register(operator, project)),
            What::Notice => (operator, Action::Notice(Box::new(noticed(project, plan)))),
            What::SignUp(bidder) => {
                if self.phase(plan) != Some(Phase::SignUp) {
                    return Ok(None);
                }
                return self.sign_up(cue, plan, bidder);
            }
            What::Pay(bidder) => match self.pay(plan, bidder) {
                Some(action) => (operator, action),
                None => return Ok(None),
            },
            What::Ask => match &plan.question {
                Some(question) => (supervisor, Action::Question(question_raised(question))),
                None => return Ok(None),
            },
            What::Answer => match &plan.question {
                Some(question) => {
                    let (_, answer) = text(&words::QUESTIONS, question.text);
                    (operator, Action::Answer { question: question.id, text: answer.into() })
                }
                None => return Ok(None),
            },
            What::Terminate => {
                let reason = self.rng.pick(&words::TERMINATIONS).into();
                (operator, Action::Terminate { reason })
            }
            What::Early | What::Free(_) | What::Timed(_) | What::Knock | What::Late => return self.bid(cue, plan),
            What::Confirm(index) => return self.confirm(cue, plan, index),
            What::StandStill => match plan.twist {
                Twist::Paused => {
                    let reason = words::PAUSE_ORDER.0.into();
                    let mut due = cue.at.plus(Span::days(3));
                    if !project.completed {
                        due = due.max(self.year.brief.until.plus(Span::days(1)));
                    }
                    let order = order_id(plan);
                    (supervisor, Action::OrderPause(PauseOrdered { order, entry: None, reason, due, open: true }))
                }
                _ => (operator, Action::Suspend { reason: text(&words::SUSPENSIONS, cue.project).0.into() }),
            },
            What::Report => (operator, Action::Answer { question: order_id(plan), text: words::PAUSE_ORDER.1.into() }),
            What::GoOn => match plan.twist {
                Twist::Paused => {
                    let reason = words::PAUSE_ORDER.2.into();
                    (supervisor, Action::LiftPause { order: order_id(plan), reason })
                }
                _ => (operator, Action::Resume { reason: text(&words::SUSPENSIONS, cue.project).1.into() }),
            },
            What::Close => {
                self.close(cue, plan);
                return Ok(None);
            }
            What::Office => match self.step(cue, project, plan) {
                Some(step) => step,
                None => return Ok(None),
            },
            What::Return(bidder) | What::Forfeit(bidder) => match self.settle(cue, plan, bidder) {
                Some(action) => (operator, action),
                None => return Ok(None),
            },
        };
        Ok(Some(Command { actor, subject: Subject::Lot(plan.id), action }))
    }

    fn operator(&self, cue: Cue) -> Actor {
        let [first, second] = self.year.cast.operators;
        Actor::Operator(if cue.project.is_multiple_of(2) { first } else { second })
    }

    fn phase(&self, plan: &LotPlan) -> Option<Phase> {
        self.lot(plan).map(|lot| lot.phase)
    }

    fn register(&self, actor: Actor, project: &ProjectPlan) -> Option<Command> {
        let owner = self.year.cast.owners.get(project.owner)?;
        let fact = ProjectRegistered {
            code: project.code.clone(),
            category: project.category,
            title: project.title.clone(),
            owner: owner.person.organisation,
            owner_name: owner.name.clone(),
            place: project.place.clone(),
        };
        Some(Command { actor, subject: Subject::Project(project.id), action: Action::RegisterProject(fact) })
    }

    fn hand(&self, plan: &LotPlan, bidder: usize) -> Option<Hand<'y>> {
        let company = self.year.cast.companies.get(plan.bidders.get(bidder)?.company)?;
        let applicant = self.lot(plan).and_then(|lot| lot.applicants.get(&company.person.account));
        let number = applicant.and_then(|applicant| applicant.number).unwrap_or(0);
        let brief = &self.year.brief;
        Some(Hand { secrets: &brief.secrets, origin: &brief.origin, company, lot: plan.id, number })
    }

    fn sign_up(&mut self, cue: Cue, plan: &LotPlan, bidder: usize) -> Result<Option<Command>, DemoError> {
        let (Some(hand), Some(bidder)) = (self.hand(plan, bidder), plan.bidders.get(bidder)) else { return Ok(None) };
        let (key, binding) = hand.binding(cue.at)?;
        let account = hand.company.person.account;
        let fact = SignedUp {
            account,
            company: hand.company.name.clone(),
            credit_code: hand.company.credit_code.clone(),
            reference: reference(plan.id, account),
            key,
            binding,
            priority: bidder.priority,
            random: self.rng.hash(),
        };
        let (actor, subject) = (Actor::Company(account), Subject::Lot(plan.id));
        Ok(Some(Command { actor, subject, action: Action::SignUp(fact) }))
    }

    fn pay(&mut self, plan: &LotPlan, bidder: usize) -> Option<Action> {
        let account = self.hand(plan, bidder)?.company.person.account;
        let lot = self.lot(plan)?;
        let waits = lot.applicants.get(&account).is_some_and(|applicant| applicant.deposit == Deposit::Awaited);
        if !waits || !matches!(lot.phase, Phase::SignUp | Phase::Waiting) {
            return None;
        }
        let (reference, amount) = (reference(plan.id, account), plan.rules.deposit);
        Some(Action::ConfirmDeposit(DepositConfirmed { reference, amount, random: self.rng.hash() }))
    }

    fn bid(&mut self, cue: Cue, plan: &LotPlan) -> Result<Option<Command>, DemoError> {
        let Some(bid) = bid_of(cue, plan) else { return Ok(None) };
        let Some(hand) = self.hand(plan, bid.bidder) else { return Ok(None) };
        self.statements += 1;
        let signed = hand.bid(bid.amount, bid.rung, cue.at, self.seen, self.statements)?;
        let (actor, subject) = (Actor::Bidder(hand.number), Subject::Lot(plan.id));
        Ok(Some(Command { actor, subject, action: Action::Bid(signed) }))
    }

    fn confirm(&mut self, cue: Cue, plan: &LotPlan, index: usize) -> Result<Option<Command>, DemoError> {
        let Some(bidder) = plan.course.confirms.get(index) else { return Ok(None) };
        let Some(hand) = self.hand(plan, *bidder) else { return Ok(None) };
        self.statements += 1;
        let signed = hand.confirmation(cue.at, self.statements)?;
        let (actor, subject) = (Actor::Bidder(hand.number), Subject::Lot(plan.id));
        Ok(Some(Command { actor, subject, action: Action::ConfirmEntry(signed) }))
    }

    /// The office's next step on a lot whose auction is over.
    fn step(&mut self, cue: Cue, project: &ProjectPlan, plan: &LotPlan) -> Option<(Actor, Action)> {
        let operator = self.operator(cue);
        let owner = Actor::Owner(self.year.cast.owners.get(project.owner)?.person.account);
        let lot = self.lot(plan)?;
        match lot.phase {
            Phase::Disclosing => {
                let reserve = plan.reserve?;
                if reserve.disclosed_after.is_none() {
                    let lapses = lot.reserve_due?;
                    self.office(cue, lapses);
                    return None;
                }
                let fact = ReserveDisclosed { amount: reserve.amount, nonce: reserve.nonce };
                Some((owner, Action::DiscloseReserve(fact)))
            }
            Phase::Ranked if plan.twist == Twist::Withdrawn => {
                Some((operator, Action::DeclareFailed { reason: words::WITHDRAWAL.into() }))
            }
            Phase::Ranked => {
                let settings = &self.rehearsal.state.settings;
                let days = settings.periods.publicity_days_min(project.category).value;
                let until = settings.holidays.end_of_days(cue.at, days)?;
                Some((operator, Action::StartPublicity(PublicityStarted { until })))
            }
            Phase::Publicity => Some((owner, Action::Award)),
            Phase::Awarded => Some((owner, Action::Contract(Contracted { sha256: contract_digest(plan.id) }))),
            Phase::Contracted => Some((operator, Action::Archive)),
            _ => None,
        }
    }

    fn settle(&self, cue: Cue, plan: &LotPlan, bidder: usize) -> Option<Action> {
        let account = self.hand(plan, bidder)?.company.person.account;
        let lot = self.lot(plan)?;
        if lot.applicants.get(&account)?.deposit != Deposit::Held {
            return None;
        }
        let reference = reference(plan.id, account);
        if matches!(cue.what, What::Forfeit(_)) {
            let reason = words::FORFEITURE.into();
            return Some(Action::ForfeitDeposit(DepositForfeited { reference, reason }));
        }
        let reason = match lot.phase {
            Phase::Failed => words::RETURN_FAILED,
            Phase::Terminated => words::RETURN_TERMINATED,
            _ if plan.course.winner == Some(bidder) => words::RETURN_WON,
            _ => words::RETURN_LOST,
        };
        Some(Action::ReturnDeposit(DepositReturned { reference, reason: reason.into() }))
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
            Phase::Publicity => self.office(cue, until.unwrap_or(cue.at)),
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

fn noticed(project: &ProjectPlan, plan: &LotPlan) -> Noticed {
    Noticed {
        project: project.id,
        title: plan.title.clone(),
        estimate: plan.estimate,
        rules: plan.rules.clone(),
        documents: plan.documents.clone(),
    }
}

fn question_raised(question: &super::lots::QuestionPlan) -> QuestionRaised {
    let (text, _) = text(&words::QUESTIONS, question.text);
    let (question, due, open) = (question.id, question.due, question.open);
    QuestionRaised { question, entry: None, text: text.into(), due, open }
}

fn text(from: &[(&'static str, &'static str)], index: usize) -> (&'static str, &'static str) {
    from.get(index % from.len().max(1)).copied().unwrap_or_default()
}

/// What the deposit's payment must name: says nothing about who pays.
pub fn reference(lot: Id, account: Id) -> String {
    let Hash(hash) = Hash::of_parts(&[&lot.to_u128().to_be_bytes(), &account.to_u128().to_be_bytes()]);
    let digits = hash.iter().take(6).fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
    format!("BZJ{digits:015}")
}

fn order_id(plan: &LotPlan) -> Id {
    Id::from_u128(plan.id.to_u128() ^ 1)
}

fn contract_digest(lot: Id) -> Hash {
    Hash::of_parts(&[b"contract", &lot.to_u128().to_be_bytes()])
}

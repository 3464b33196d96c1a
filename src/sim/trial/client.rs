//! Those who ask: bidders and officials, who ask again with the same words when they did not get an answer, and remember
//! all that they were told.

use futures_util::FutureExt;

use super::dice::Dice;
use super::stage::{Stage, record};
use crate::base::{Code, Hash, Id, Micros, Span};
use crate::engine::code::CodeFormat;
use crate::engine::command::Command;
use crate::engine::event::{PauseOrdered, ProjectRegistered, QuestionRaised};
use crate::engine::rules::Category;
use crate::engine::{Action, Actor, Refusal, Subject};
use crate::ledger::Nonce;
use crate::sequencer::{Once, Outcome, Pending, Sequencer, Slot, Submission, Work};
use crate::sim::{Hall, SeededEntropy};

/// Something that somebody wants, with all that became of it.
pub struct Wish {
    pub name: String,
    /// A bid's statement; other wishes are recognised by their name in the payload.
    pub statement: Option<String>,
    pub submission: Submission,
    pub attempts: Vec<Attempt>,
}

pub struct Attempt {
    pub node: usize,
    /// The trial's step at which it was handed in.
    pub asked: u64,
    /// What the node's clock showed when the request was there.
    pub clock: Micros,
    /// The place is taken, the checks go on.
    slot: Option<Slot>,
    pending: Option<Pending>,
    pub answered: Option<Answer>,
}

pub struct Answer {
    pub step: u64,
    pub result: Result<Outcome, Refusal>,
}

impl Wish {
    /// An answer that settles it: a promise, or a refusal that is no «I do not know» and no «not now».
    pub fn is_settled(&self) -> bool {
        self.attempts.iter().any(|attempt| match &attempt.answered {
            Some(Answer { result: Ok(_), .. }) => true,
            Some(Answer { result: Err(refusal), .. }) => !is_passing(refusal.code),
            None => false,
        })
    }

    pub fn waits(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.answered.is_none())
    }

    pub fn promises(&self) -> impl Iterator<Item = (&Attempt, u64, &Outcome)> {
        self.attempts.iter().filter_map(|attempt| match &attempt.answered {
            Some(Answer { step, result: Ok(outcome) }) => Some((attempt, *step, outcome)),
            _ => None,
        })
    }

    /// Whether it may stand in the ledger: somebody said so, or somebody said that they did not know.
    pub fn may_be_there(&self) -> bool {
        self.attempts.iter().any(|attempt| match &attempt.answered {
            Some(Answer { result: Err(refusal), .. }) => refusal.code == Code::OutcomeUnknown,
            _ => true,
        })
    }

    /// Whether one of the attempts can have written it: a first answer, none at all, or «I do not know».
    pub fn has_origin(&self) -> bool {
        self.attempts.iter().any(|attempt| match &attempt.answered {
            None => true,
            Some(Answer { result: Ok(outcome), .. }) => !outcome.replayed,
            Some(Answer { result: Err(refusal), .. }) => refusal.code == Code::OutcomeUnknown,
        })
    }

    /// Whether the same words may be said twice.
    pub fn is_repeatable(&self) -> bool {
        self.submission.once.is_some()
    }

    /// Hands it in, or takes a place only, as a request does whose signature is still being checked.
    pub fn ask(&mut self, sequencer: &Sequencer, node: usize, asked: u64, clock: Micros, holds: bool) {
        let mut attempt = Attempt { node, asked, clock, slot: None, pending: None, answered: None };
        match sequencer.reserve() {
            Ok(slot) if holds => attempt.slot = Some(slot),
            Ok(slot) => attempt.pending = Some(slot.submit(self.submission.clone())),
            Err(code) => attempt.answered = Some(Answer { step: asked, result: Err(code.into()) }),
        }
        self.attempts.push(attempt);
    }

    /// The checks are done.
    pub fn go_on(&mut self) -> bool {
        let mut moved = false;
        for attempt in &mut self.attempts {
            if let Some(slot) = attempt.slot.take() {
                attempt.pending = Some(slot.submit(self.submission.clone()));
                moved = true;
            }
        }
        moved
    }

    /// The node is no more: a place in its queue is worth nothing.
    pub fn lose(&mut self, node: usize, step: u64) {
        for attempt in self.attempts.iter_mut().filter(|attempt| attempt.node == node) {
            if attempt.slot.take().is_some() {
                attempt.answered = Some(Answer { step, result: Err(Code::LedgerStopped.into()) });
            }
        }
    }

    /// Takes in answers that have come.
    pub fn listen(&mut self, step: u64) {
        for attempt in &mut self.attempts {
            if let Some(result) = attempt.pending.as_mut().and_then(FutureExt::now_or_never) {
                attempt.pending = None;
                attempt.answered = Some(Answer { step, result });
            }
        }
    }
}

/// Refusals after which the same may be asked again with hope.
fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::OutcomeUnknown | Code::LedgerStopped | Code::ShuttingDown | Code::NotLeader | Code::Busy | Code::Internal
    )
}

/// A new wish of anybody, by what the ledger shows now.
pub fn wish(stage: &Stage, dice: &Dice, entropy: &SeededEntropy, seen: &Sequencer, now: Micros, number: usize) -> Wish {
    let name = format!("wish {number:05}.");
    let hall = &stage.halls[dice.index(stage.halls.len())];
    let id = || Id::new(now, entropy.bytes());
    if dice.percent(70) {
        return bid(hall, dice, entropy, seen, now, name);
    }
    let (operator, supervisor) = (Actor::Operator(hall.owner), Actor::Supervisor(hall.project));
    let question = |ask: &dyn Fn(&crate::engine::state::Question) -> bool| {
        seen.read(|shown| {
            shown.state.questions.iter().find(|(_, known)| known.lot == hall.lot && ask(known)).map(|q| *q.0)
        })
    };
    let command = match dice.below(8) {
        0 => Some(hall.command(operator, Action::Suspend { reason: name.clone() })),
        1 | 2 => Some(hall.command(operator, Action::Resume { reason: name.clone() })),
        3 => Some(hall.command(
            supervisor,
            Action::OrderPause(PauseOrdered {
                order: id(),
                entry: None,
                reason: name.clone(),
                due: now.plus(Span::secs(1 + dice.below(30))),
                open: dice.percent(50),
            }),
        )),
        4 => question(&|known| known.is_order && !known.lifted)
            .map(|order| hall.command(supervisor, Action::LiftPause { order, reason: name.clone() })),
        5 => Some(hall.command(
            supervisor,
            Action::Question(QuestionRaised {
                question: id(),
                entry: None,
                text: name.clone(),
                due: now.plus(Span::secs(1 + dice.below(10))),
                open: dice.percent(50),
            }),
        )),
        6 => question(&|known| !known.answered)
            .map(|question| hall.command(operator, Action::Answer { question, text: name.clone() })),
        _ => Some(Command {
            actor: operator,
            subject: Subject::Project(id()),
            action: Action::RegisterProject(ProjectRegistered {
                code: CodeFormat::default().make(Category::C, "330299", 2026, 100 + number as u64).unwrap_or_default(),
                category: Category::C,
                title: name.clone(),
                owner: hall.owner,
                owner_name: "明江城投资产经营有限公司".into(),
                place: "明江市".into(),
            }),
        }),
    };
    let submission = match command {
        Some(command) => {
            let body = Hash::of(name.as_bytes());
            let once = Once::new(
                "account",
                &Nonce::new(now, entropy.bytes()).as_bytes()[..].try_into().unwrap(),
                body,
                Code::KeyReused,
            );
            Submission::command(command).once(once)
        }
        None if dice.percent(50) => Submission { work: Work::Tick, once: None },
        None => Submission::record(record(&name)),
    };
    Wish { name, statement: None, submission, attempts: Vec::new() }
}

fn bid(hall: &Hall, dice: &Dice, entropy: &SeededEntropy, seen: &Sequencer, now: Micros, name: String) -> Wish {
    let bidder = &hall.bidders[dice.index(hall.bidders.len())];
    let best = seen.read(|shown| {
        let leader = shown.state.lots.get(&hall.lot)?.auction.as_ref()?.leader?;
        Some((leader.amount.get() - crate::sim::HallRules::START) / crate::sim::HallRules::STEP)
    });
    // Sometimes too low.
    let steps = best.unwrap_or(0) + i64::try_from(dice.below(4)).unwrap_or(0);
    let submission = hall.bid(bidder, steps, now, Nonce::new(now, entropy.bytes()));
    let statement = match &submission.work {
        Work::Command(Command { action: Action::Bid(bid), .. }) => Some(bid.statement.clone()),
        _ => None,
    };
    Wish { name, statement, submission, attempts: Vec::new() }
}

//! What the clock does by itself: sign-up opens and closes, auctions open and close, reserves lapse, answers become
//! overdue, and an outage stops what it would have decided.

use super::actor::{Actor, Subject};
use super::event::*;
use super::objection;
use super::state::{Due, Lot, Phase, State, Timer};
use crate::base::{Id, Micros, Span};

/// What happens because `timer` ran out at `at`.
pub fn fire(state: &State, timer: Timer, at: Micros) -> Vec<Event> {
    match timer {
        Timer::Lot(id) => {
            let facts = state.lots.get(&id).map(|lot| lot_facts(lot, at)).unwrap_or_default();
            facts.into_iter().map(|fact| by_system(id, fact)).collect()
        }
        Timer::Question(id) => match state.questions.get(&id) {
            Some(question) => {
                vec![by_system(question.lot, QuestionOverdue { question: id, open: question.open }.into())]
            }
            None => Vec::new(),
        },
        Timer::Objection(id) => objection::fire(state, id, at),
    }
}

pub fn by_system(lot: Id, fact: Fact) -> Event {
    Event { actor: Actor::System, subject: Subject::Lot(lot), fact }
}

fn lot_facts(lot: &Lot, at: Micros) -> Vec<Fact> {
    match lot.phase {
        Phase::Noticed => vec![SignUpOpened {}.into()],
        Phase::SignUp => vec![SignUpClosed {}.into()],
        Phase::Waiting => open(lot, at),
        Phase::Running => lot.rules.method.rulebook().on_deadline(lot, at),
        Phase::Disclosing => vec![ReserveLapsed {}.into()],
        Phase::Ranked | Phase::Awarded => match lot.duty {
            Some(Due { duty, due, overdue: false }) => vec![DutyOverdue { duty, due }.into()],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Too few admitted bidders: the lot fails and nothing is opened (条例 art. 44).
fn open(lot: &Lot, at: Micros) -> Vec<Fact> {
    let admitted = u32::try_from(lot.roster.len()).unwrap_or(u32::MAX);
    if admitted < lot.rules.min_bidders {
        return vec![LotFailed { why: Failure::TooFewBidders, reason: String::new() }.into()];
    }
    let until = lot.rules.method.rulebook().open(at).until;
    vec![AuctionOpened { numbers: lot.roster.keys().copied().collect(), until }.into()]
}

/// The platform was away from `now` until `fact.recorded_at`: every running auction, and every lot whose clock would have
/// run out meanwhile, stands still from `now` on.
pub fn begin_outage(state: &State, fact: &OutageBegan, now: Micros) -> Vec<Event> {
    let affected = state.lots.values().filter(|lot| {
        let due_meanwhile = lot.next_timer().is_some_and(|at| at <= fact.recorded_at);
        // No timer waits for this deadline, but a deposit can miss it.
        let deposit_due = lot.timetable.deposit_due;
        let deposits_cut = matches!(lot.phase, Phase::Noticed | Phase::SignUp | Phase::Waiting)
            && now < deposit_due
            && deposit_due <= fact.recorded_at;
        !lot.is_suspended() && (lot.phase == Phase::Running || due_meanwhile || deposits_cut)
    });
    let mut events =
        vec![Event { actor: Actor::System, subject: Subject::Platform, fact: Fact::OutageBegan(fact.clone()) }];
    events.extend(affected.map(|lot| {
        let fact = LotSuspended { hold: Hold::Outage, reason: "平台中断 (platform outage)".into() };
        by_system(lot.id, fact.into())
    }));
    events
}

pub fn end_outage(state: &State, now: Micros) -> Vec<Event> {
    let held = state.lots.values().filter(|lot| lot.holds.contains(&Hold::Outage));
    let mut events = vec![Event { actor: Actor::System, subject: Subject::Platform, fact: OutageEnded {}.into() }];
    events.extend(
        held.map(|lot| by_system(lot.id, resumed(lot, Hold::Outage, "平台恢复 (platform is back)".into(), now).into())),
    );
    events
}

/// Lifting `hold`: when it is the last one, the whole standstill is credited to every remaining period.
pub fn resumed(lot: &Lot, hold: Hold, reason: String, now: Micros) -> LotResumed {
    let running = lot.holds.len() == 1 && lot.holds.contains(&hold);
    let credit = match lot.stopped_at {
        Some(stopped_at) if running => now.since(stopped_at),
        _ => Span::default(),
    };
    LotResumed { hold, reason, running, credit }
}

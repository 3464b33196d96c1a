//! Objections (异议, 质疑) and complaints (投诉): who may raise them until when, by when they must be answered, and when the
//! lot stands still meanwhile. Every deadline names its article; for land and state property the city's rules are those
//! of engineering unless a comment says otherwise. Overdue writes itself (`clock`).
//!
//! Who objects is in a payload of its own that only the company reads (招标投标法 art. 22); what is objected follows in another.

use super::actor::{Actor, Subject};
use super::clock::{by_system, resumed};
use super::command::{ComplaintAdmission, ComplaintDecision, ObjectionAnswer};
use super::decide::{Refusal, require_text};
use super::event::*;
use super::rules::Category;
use super::state::{Complaint, Lot, Objection, Phase, Settings, State};
use crate::base::{Code, Id, Micros, Span, limits};

/// What an objection is about decides until when it may be raised.
impl Ground {
    /// The end of the time in which it may be raised; `None` when this is not the phase for it.
    fn until(self, lot: &Lot, settings: &Settings) -> Option<Micros> {
        let days = &settings.holidays;
        match (self, lot.category, lot.phase) {
            // 条例 art. 22: ten days before the deadline for bids at the latest.
            (Self::Rules, Category::A, Phase::Noticed | Phase::SignUp | Phase::Waiting) => {
                Some(lot.timetable.auction_opens.minus(Span::days(10)))
            }
            // 政府采购法 art. 52, 实施条例 art. 53: seven working days from receipt of the documents, at the latest from the end
            // of the time in which they are to be had.
            (Self::Rules, Category::D, Phase::Noticed | Phase::SignUp | Phase::Waiting) => {
                let end = days.end_of_working_days(lot.timetable.sign_up_closes, 7)?;
                Some(end.min(lot.timetable.auction_opens))
            }
            (Self::Rules, Category::B | Category::C, Phase::Noticed | Phase::SignUp | Phase::Waiting) => {
                Some(lot.timetable.auction_opens)
            }
            // 条例 art. 44: on the spot.
            (Self::Opening, _, Phase::Running) => lot.auction.as_ref().map(|auction| auction.until),
            // 政府采购法 art. 52, 实施条例 art. 53: seven working days from the end of the announcement.
            (Self::Result, Category::D, Phase::Publicity | Phase::Awarded | Phase::Contracted) => {
                days.end_of_working_days(lot.publicity_until?, 7)
            }
            // 条例 art. 54: while the candidates are public.
            (Self::Result, _, Phase::Publicity) => lot.publicity_until,
            _ => None,
        }
    }

    /// By when it must be answered.
    fn due(self, category: Category, settings: &Settings, now: Micros) -> Option<Micros> {
        match (self, category) {
            // 条例 art. 44: on the spot.
            (Self::Opening, _) => Some(now.plus(limits::ON_THE_SPOT)),
            // 政府采购法 art. 53.
            (_, Category::D) => settings.holidays.end_of_working_days(now, 7),
            // 条例 art. 22, 54.
            (_, Category::A | Category::B | Category::C) => settings.holidays.end_of_days(now, 3),
        }
    }

    /// Whether the lot stands still until the answer.
    fn holds(self, category: Category) -> bool {
        match (self, category) {
            // Answered on the spot: a bidder must not be able to stop a running auction by objecting to it. And in procurement
            // only the contract waits, when the result may be affected (政府采购法实施条例 art. 54).
            (Self::Opening, _) | (Self::Rules, Category::D) => false,
            // 条例 art. 22, 54.
            _ => true,
        }
    }
}

/// What was filed, and what everyone else is told of it.
pub fn file(state: &State, lot: &Lot, actor: Actor, fact: &ObjectionFiled, now: Micros) -> Result<Vec<Event>, Refusal> {
    require_text("text", &fact.text)?;
    if state.objections.contains_key(&fact.objection) {
        return Err(Code::ObjectionExists.into());
    }
    let mut of_lot = state.objections.iter().filter(|(_, objection)| objection.lot == lot.id);
    let own = |id: &Id| state.objectors.get(id) == Some(&fact.account);
    if of_lot.clone().any(|(id, objection)| objection.answered_at.is_none() && own(id)) {
        return Err(Code::ObjectionPending.into());
    }
    if of_lot.nth(limits::OBJECTIONS_PER_LOT_MAX - 1).is_some() {
        return Err(Code::TooMany.into());
    }
    let until = fact.ground.until(lot, &state.settings).ok_or(Code::WrongPhase)?;
    // A standstill takes no time away from whoever wants to object.
    if lot.stopped_at.unwrap_or(now) >= until {
        return Err(Refusal::with(Code::ObjectionLate, format!("{until}")));
    }
    let due = fact.ground.due(lot.category, &state.settings, now).ok_or(Code::RulesInvalid)?;
    let received = ObjectionReceived {
        objection: fact.objection,
        ground: fact.ground,
        text: fact.text.clone(),
        due,
        open: fact.open,
    };
    let mut events = vec![
        Event { actor, subject: Subject::Lot(lot.id), fact: Fact::ObjectionFiled(fact.clone()) },
        by_system(lot.id, received.into()),
    ];
    if fact.ground.holds(lot.category) {
        let reason = "异议答复前暂停 (until the objection is answered)".into();
        events.push(by_system(lot.id, LotSuspended { hold: Hold::Objection(fact.objection), reason }.into()));
    }
    Ok(events)
}

/// The answer of owner or centre. What was upheld must be mended before the clock goes on: the office's hold takes over.
pub fn answer(
    state: &State,
    lot: &Lot,
    actor: Actor,
    answer: &ObjectionAnswer,
    now: Micros,
) -> Result<Vec<Event>, Refusal> {
    let objection = find(state, lot, answer.objection)?;
    require_text("text", &answer.text)?;
    if objection.answered_at.is_some() {
        return Err(Code::ObjectionAnswered.into());
    }
    let fact = ObjectionAnswered {
        objection: answer.objection,
        text: answer.text.clone(),
        upheld: answer.upheld,
        late: now >= objection.due,
        open: objection.open,
    };
    let mut events = vec![Event { actor, subject: Subject::Lot(lot.id), fact: fact.into() }];
    events.extend(release(
        lot,
        Hold::Objection(answer.objection),
        answer.upheld,
        "异议已答复 (objection answered)",
        now,
    ));
    Ok(events)
}

/// Ends `hold`, where it stands. When `mend`, the office's own hold takes its place.
fn release(lot: &Lot, hold: Hold, mend: bool, reason: &str, now: Micros) -> Vec<Event> {
    let mut facts: Vec<Fact> = Vec::new();
    let mend = mend && !lot.phase.is_final();
    if mend && !lot.holds.contains(&Hold::Office) {
        let reason = "异议或投诉成立，改正后恢复 (upheld: to be mended before it goes on)".into();
        facts.push(LotSuspended { hold: Hold::Office, reason }.into());
    }
    if lot.holds.contains(&hold) {
        let lifted = resumed(lot, hold, reason.into(), now);
        let lifted = if mend { LotResumed { running: false, credit: Span::default(), ..lifted } } else { lifted };
        facts.push(lifted.into());
    }
    facts.into_iter().map(|fact| by_system(lot.id, fact)).collect()
}

/// A complaint follows an objection that was not answered, or not to the company's content.
pub fn complain(
    state: &State,
    lot: &Lot,
    actor: Actor,
    fact: &ComplaintFiled,
    now: Micros,
) -> Result<Vec<Event>, Refusal> {
    let objection = find(state, lot, fact.objection)?;
    // Somebody else's objection is nobody's business.
    if state.objectors.get(&fact.objection) != Some(&fact.account) {
        return Err(Code::ObjectionUnknown.into());
    }
    require_text("text", &fact.text)?;
    if objection.complaint.is_some() {
        return Err(Code::ComplaintExists.into());
    }
    // 条例 art. 60; 政府采购法 art. 55: the objection comes first.
    let since = objection.answered_at.or(objection.overdue.then_some(objection.due)).ok_or(Code::ComplaintTooEarly)?;
    let days = &state.settings.holidays;
    let until = match lot.category {
        // 政府采购法 art. 55: fifteen working days after the time for the answer.
        Category::D => days.end_of_working_days(objection.due, 15),
        // 条例 art. 60: ten days; the time of the answer does not count.
        Category::A | Category::B | Category::C => days.end_of_days(since, 10),
    };
    let until = until.ok_or(Code::RulesInvalid)?;
    if now >= until {
        return Err(Refusal::with(Code::ComplaintLate, format!("{until}")));
    }
    // Whether it is taken up: 条例 art. 61, three working days; in procurement five (财政部令第94号 art. 21).
    let review_days = if lot.category == Category::D { 5 } else { 3 };
    let due = days.end_of_working_days(now, review_days).ok_or(Code::RulesInvalid)?;
    let received = ComplaintReceived { objection: fact.objection, text: fact.text.clone(), due, open: fact.open };
    Ok(vec![
        Event { actor, subject: Subject::Lot(lot.id), fact: Fact::ComplaintFiled(fact.clone()) },
        by_system(lot.id, received.into()),
    ])
}

/// The supervisor takes it up or not, and may order that the lot stands still (条例 art. 62; 政府采购法 art. 57).
pub fn admit(
    state: &State,
    lot: &Lot,
    actor: Actor,
    ask: &ComplaintAdmission,
    now: Micros,
) -> Result<Vec<Event>, Refusal> {
    let complaint = complaint(state, lot, ask.objection)?;
    require_text("reason", &ask.reason)?;
    if complaint.admitted.is_some() {
        return Err(Code::ComplaintState.into());
    }
    if ask.suspend && (!ask.admitted || lot.phase.is_final()) {
        return Err(Refusal::with(Code::InvalidField, "suspend"));
    }
    // 条例 art. 61; 政府采购法 art. 56: thirty working days.
    let days = &state.settings.holidays;
    let due = if ask.admitted { Some(days.end_of_working_days(now, 30).ok_or(Code::RulesInvalid)?) } else { None };
    // 政府采购法 art. 57: thirty days at most.
    let limited = ask.suspend && lot.category == Category::D;
    let fact = ComplaintAdmitted {
        objection: ask.objection,
        admitted: ask.admitted,
        reason: ask.reason.clone(),
        due,
        hold_until: limited.then(|| now.plus(Span::days(30))),
        late: now >= complaint.due,
        suspend: ask.suspend,
        open: complaint.open,
    };
    let mut events = vec![Event { actor, subject: Subject::Lot(lot.id), fact: fact.into() }];
    if ask.suspend {
        let reason = "投诉处理期间暂停 (while a complaint is decided)".into();
        events.push(by_system(lot.id, LotSuspended { hold: Hold::Complaint(ask.objection), reason }.into()));
    }
    Ok(events)
}

pub fn conclude(
    state: &State,
    lot: &Lot,
    actor: Actor,
    ask: &ComplaintDecision,
    now: Micros,
) -> Result<Vec<Event>, Refusal> {
    let complaint = complaint(state, lot, ask.objection)?;
    require_text("text", &ask.text)?;
    if complaint.admitted != Some(true) || complaint.decided {
        return Err(Code::ComplaintState.into());
    }
    let fact = ComplaintDecided {
        objection: ask.objection,
        upheld: ask.upheld,
        text: ask.text.clone(),
        late: now >= complaint.due,
        open: complaint.open,
    };
    let mut events = vec![Event { actor, subject: Subject::Lot(lot.id), fact: fact.into() }];
    events.extend(release(lot, Hold::Complaint(ask.objection), ask.upheld, "投诉已处理 (complaint decided)", now));
    Ok(events)
}

/// What happens because the objection's clock ran out at `at`.
pub fn fire(state: &State, id: Id, at: Micros) -> Vec<Event> {
    let Some(objection) = state.objections.get(&id) else { return Vec::new() };
    let Some(lot) = state.lots.get(&objection.lot) else { return Vec::new() };
    let next = objection.next_timer();
    if objection.answer_due() == next {
        return vec![by_system(lot.id, ObjectionOverdue { objection: id, open: objection.open }.into())];
    }
    let Some(complaint) = &objection.complaint else { return Vec::new() };
    if complaint.hold_until == next {
        let lapsed = ComplaintHoldLapsed { objection: id, open: complaint.open };
        let mut events = vec![by_system(lot.id, lapsed.into())];
        let reason = "暂停已满三十日 (政府采购法第五十七条)";
        events.extend(release(lot, Hold::Complaint(id), false, reason, at));
        return events;
    }
    vec![by_system(lot.id, ComplaintOverdue { objection: id, open: complaint.open }.into())]
}

fn find<'s>(state: &'s State, lot: &Lot, id: Id) -> Result<&'s Objection, Refusal> {
    state.objections.get(&id).filter(|objection| objection.lot == lot.id).ok_or_else(|| Code::ObjectionUnknown.into())
}

fn complaint<'s>(state: &'s State, lot: &Lot, id: Id) -> Result<&'s Complaint, Refusal> {
    find(state, lot, id)?.complaint.as_ref().ok_or_else(|| Code::ComplaintUnknown.into())
}

/// How an event changes the objection that it is about.
pub fn apply(state: &mut State, lot: Id, fact: &Fact, at: Micros) {
    let id = match fact {
        Fact::ObjectionFiled(fact) => {
            state.objectors.insert(fact.objection, fact.account);
            return;
        }
        Fact::ObjectionReceived(fact) => fact.objection,
        Fact::ObjectionAnswered(fact) => fact.objection,
        Fact::ObjectionOverdue(fact) => fact.objection,
        Fact::ComplaintReceived(fact) => fact.objection,
        Fact::ComplaintAdmitted(fact) => fact.objection,
        Fact::ComplaintDecided(fact) => fact.objection,
        Fact::ComplaintOverdue(fact) => fact.objection,
        Fact::ComplaintHoldLapsed(fact) => fact.objection,
        _ => return,
    };
    let before = state.objections.get(&id).and_then(Objection::next_timer);
    if let Fact::ObjectionReceived(fact) = fact {
        let objection = Objection {
            lot,
            ground: fact.ground,
            due: fact.due,
            open: fact.open,
            answered_at: None,
            overdue: false,
            complaint: None,
        };
        state.objections.insert(id, objection);
    } else if let Some(objection) = state.objections.get_mut(&id) {
        change(objection, fact, at);
    }
    let after = state.objections.get(&id).and_then(Objection::next_timer);
    super::apply::move_timer(state, super::state::Timer::Objection(id), before, after);
}

fn change(objection: &mut Objection, fact: &Fact, at: Micros) {
    match fact {
        Fact::ObjectionAnswered(_) => objection.answered_at = Some(at),
        Fact::ObjectionOverdue(_) => objection.overdue = true,
        Fact::ComplaintReceived(fact) => {
            objection.complaint = Some(Complaint {
                due: fact.due,
                open: fact.open,
                admitted: None,
                decided: false,
                overdue: false,
                hold_until: None,
            });
        }
        _ => {
            let Some(complaint) = objection.complaint.as_mut() else { return };
            match fact {
                Fact::ComplaintAdmitted(fact) => {
                    complaint.admitted = Some(fact.admitted);
                    complaint.hold_until = fact.hold_until;
                    // The clock of the decision begins.
                    if let Some(due) = fact.due {
                        (complaint.due, complaint.overdue) = (due, false);
                    }
                }
                Fact::ComplaintDecided(_) => (complaint.decided, complaint.hold_until) = (true, None),
                Fact::ComplaintOverdue(_) => complaint.overdue = true,
                Fact::ComplaintHoldLapsed(_) => complaint.hold_until = None,
                _ => {}
            }
        }
    }
}

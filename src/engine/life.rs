//! A lot's life around its auction: project, notice, sign-up, deposit and number, suspension, publicity, award, contract.

use super::actor::{Actor, Subject};
use super::calendar::Bound;
use super::clock::{by_system, resumed};
use super::decide::{Refusal, require_text};
use super::event::*;
use super::rules::Category;
use super::state::{Applicant, Deposit, Lot, Phase, Project, State};
use crate::base::{Code, Fen, Hash, Id, Jwk, Micros, Span, limits, reserve_commitment};

pub fn register_project(state: &State, actor: Actor, id: Id, fact: &ProjectRegistered) -> Result<Vec<Event>, Refusal> {
    if state.projects.contains_key(&id) || state.codes.contains(&fact.code) {
        return Err(Code::ProjectExists.into());
    }
    require_title("title", &fact.title)?;
    require_title("owner_name", &fact.owner_name)?;
    require_title("place", &fact.place)?;
    if !state.settings.code_format.admits(&fact.code, fact.category) {
        let detail = format!("expected {}", state.settings.code_format.0);
        return Err(Refusal::with(Code::ProjectCodeInvalid, detail));
    }
    Ok(vec![Event { actor, subject: Subject::Project(id), fact: Fact::ProjectRegistered(fact.clone()) }])
}

pub fn notice(state: &State, actor: Actor, id: Id, fact: &Noticed, now: Micros) -> Result<Vec<Event>, Refusal> {
    let project = state.projects.get(&fact.project).ok_or(Code::ProjectUnknown)?;
    if state.lots.contains_key(&id) {
        return Err(Code::LotExists.into());
    }
    if project.lots.len() >= limits::LOTS_PER_PROJECT_MAX || fact.documents.len() > limits::DOCUMENTS_MAX {
        return Err(Code::TooMany.into());
    }
    require_title("title", &fact.title)?;
    for document in &fact.documents {
        require_title("documents.name", &document.name)?;
    }
    for rung in &fact.rules.ladder {
        require_title("ladder.name", &rung.name)?;
        require_title("ladder.unit", &rung.unit)?;
    }
    check_rules(state, project, fact, now)?;
    Ok(vec![Event { actor, subject: Subject::Lot(id), fact: Fact::Noticed(fact.clone()) }])
}

fn check_rules(state: &State, project: &Project, fact: &Noticed, now: Micros) -> Result<(), Refusal> {
    let rules = &fact.rules;
    let wrong = |detail: &str| Err(Refusal::with(Code::RulesInvalid, detail));
    let times = rules.timetable;
    if !(now < times.sign_up_opens
        && times.sign_up_opens < times.sign_up_closes
        && times.sign_up_closes <= times.auction_opens
        && times.sign_up_opens <= times.deposit_due
        && times.deposit_due <= times.auction_opens)
    {
        return wrong("timetable: now < sign_up_opens < sign_up_closes ≤ auction_opens, deposit_due between");
    }
    if times.auction_opens.since(now) > limits::PERIOD_MAX {
        return wrong("timetable: more than a year ahead");
    }
    if fact.estimate.is_zero() || rules.method.rulebook().start().is_zero() {
        return wrong("estimate and start price must be positive");
    }
    let bidders_max = u32::try_from(limits::BIDDERS_PER_LOT_MAX).unwrap_or(u32::MAX);
    if rules.min_bidders == 0 || rules.min_bidders > bidders_max {
        return wrong("min_bidders");
    }
    let distinct: std::collections::BTreeSet<&String> = rules.priority.iter().collect();
    let unreadable = rules.priority.iter().any(|code| code.is_empty() || code.len() > limits::CREDIT_CODE_MAX_BYTES);
    if rules.priority.len() > limits::PRIORITY_MAX || distinct.len() < rules.priority.len() || unreadable {
        return wrong("priority: at most nine different unified social credit codes");
    }
    if rules.reserve.is_some_and(|r| r.disclosure < limits::WINDOW_MIN || r.disclosure > limits::PERIOD_MAX) {
        return wrong("reserve.disclosure");
    }
    rules.method.rulebook().validate(rules).map_err(|detail| Refusal::with(Code::RulesInvalid, detail))?;
    check_legal_bounds(state, project.category, fact, now)
}

fn check_legal_bounds(state: &State, category: Category, fact: &Noticed, now: Micros) -> Result<(), Refusal> {
    let periods = &state.settings.periods;
    let notice = periods.notice_days_min(category);
    if fact.rules.timetable.auction_opens < now.plus(Span::days(u64::from(notice.value))) {
        let detail = format!("{}：不少于 {} 日 (at least {} days)", notice.source, notice.value, notice.value);
        return Err(Refusal::with(Code::NoticeTooShort, detail));
    }
    let bidders = periods.bidders_min(category);
    if fact.rules.min_bidders < bidders.value {
        let detail =
            format!("min_bidders：{}：不少于 {} 家 (at least {})", bidders.source, bidders.value, bidders.value);
        return Err(Refusal::with(Code::RulesInvalid, detail));
    }
    let share = periods.deposit_percent_max(category);
    // In 128 bits the products are exact and cannot overflow.
    let limit = i128::from(fact.estimate.get()) * i128::from(share.value);
    if i128::from(fact.rules.deposit.get()) * 100 > limit {
        let detail = format!("{}：不超过 {}% (at most {} %)", share.source, share.value, share.value);
        return Err(Refusal::with(Code::DepositTooHigh, detail));
    }
    Ok(())
}

pub fn sign_up(lot: &Lot, actor: Actor, fact: &SignedUp) -> Result<Vec<Event>, Refusal> {
    match lot.phase {
        Phase::Noticed => return Err(Code::SignUpNotOpen.into()),
        Phase::SignUp => {}
        _ => return Err(Code::SignUpClosed.into()),
    }
    if lot.is_suspended() {
        return Err(Code::Suspended.into());
    }
    let key_is_taken = lot.applicants.values().any(|a| a.key == fact.key || a.reference == fact.reference);
    let company_is_in = lot.applicants.values().any(|a| a.credit_code == fact.credit_code);
    if lot.applicants.contains_key(&fact.account) || company_is_in || key_is_taken {
        return Err(Code::AlreadySignedUp.into());
    }
    require_title("company", &fact.company)?;
    if lot.applicants.len() >= limits::BIDDERS_PER_LOT_MAX {
        return Err(Code::BidderFull.into());
    }
    let mut events = vec![Event { actor, subject: Subject::Lot(lot.id), fact: Fact::SignedUp(fact.clone()) }];
    if lot.rules.deposit.is_zero() {
        events.push(deal_number(lot, fact.key, lot.rules.priority_of(&fact.credit_code), fact.random)?);
    }
    Ok(events)
}

/// Until the opening a bidder may take its sign-up back (招标投标法 art. 29); the deposit then goes back at once.
pub fn withdraw_sign_up(lot: &Lot, actor: Actor, fact: &SignUpWithdrawn) -> Result<Vec<Event>, Refusal> {
    let applicant = lot.applicants.get(&fact.account).filter(|applicant| !applicant.withdrawn);
    let applicant = applicant.ok_or(Code::NotSignedUp)?;
    if lot.phase != Phase::SignUp && lot.phase != Phase::Waiting {
        return Err(Code::WrongPhase.into());
    }
    let mut events = vec![Event { actor, subject: Subject::Lot(lot.id), fact: Fact::SignUpWithdrawn(fact.clone()) }];
    if let Some(number) = applicant.number {
        events.push(by_system(lot.id, NumberWithdrawn { number }.into()));
    }
    Ok(events)
}

pub fn confirm_deposit(lot: &Lot, actor: Actor, fact: &DepositConfirmed, now: Micros) -> Result<Vec<Event>, Refusal> {
    let (_, applicant) = lot.applicant_by_reference(&fact.reference).ok_or(Code::DepositUnknown)?;
    if applicant.deposit != Deposit::Awaited || applicant.withdrawn {
        return Err(Code::DepositState.into());
    }
    if lot.phase != Phase::SignUp && lot.phase != Phase::Waiting {
        return Err(Code::WrongPhase.into());
    }
    // A standstill neither hastens the deadline nor brings one back that had passed before it.
    if lot.stopped_at.unwrap_or(now) >= lot.timetable.deposit_due {
        return Err(Code::DepositLate.into());
    }
    if fact.amount != lot.rules.deposit {
        return Err(Refusal::with(Code::DepositMismatch, format!("due: {} 分", lot.rules.deposit)));
    }
    let dealt = deal_number(lot, applicant.key, applicant.priority, fact.random)?;
    Ok(vec![Event { actor, subject: Subject::Lot(lot.id), fact: Fact::DepositConfirmed(fact.clone()) }, dealt])
}

/// Numbers come from 1–999 from first to last: one from a pool that grew would tell its bidder how many there are
/// (招标投标法 art. 22). `random` is recorded with its cause, so anyone entitled can draw again.
fn deal_number(lot: &Lot, key: Jwk, priority: Option<u32>, random: Hash) -> Result<Event, Refusal> {
    let was_dealt = |number: &u32| lot.applicants.values().any(|applicant| applicant.number == Some(*number));
    let free = (1..=limits::BIDDER_NUMBER_MAX).filter(|number| !lot.roster.contains_key(number) && !was_dealt(number));
    let free: Vec<u32> = free.collect();
    let (high, _) = random.0.split_at(16);
    let draw = high.iter().fold(0u128, |sum, byte| (sum << 8) | u128::from(*byte));
    // 128 random bits modulo at most 999: the bias is below 2^-118.
    let index = draw.checked_rem(u128::try_from(free.len()).unwrap_or(0)).and_then(|i| usize::try_from(i).ok());
    let number = index.and_then(|index| free.get(index)).copied().ok_or(Code::BidderFull)?;
    Ok(by_system(lot.id, NumberDealt { number, key, priority }.into()))
}

/// A deposit goes back, or is kept with a reason, once the lot's fate is known.
pub fn settle_deposit(
    lot: &Lot,
    actor: Actor,
    reference: &str,
    reason: &str,
    fact: Fact,
) -> Result<Vec<Event>, Refusal> {
    let is_return = matches!(fact, Fact::DepositReturned(_));
    let (_, applicant) = lot.applicant_by_reference(reference).ok_or(Code::DepositUnknown)?;
    if applicant.deposit != Deposit::Held {
        return Err(Code::DepositState.into());
    }
    let withdrawn = applicant.withdrawn && is_return;
    if !withdrawn && (!lot.phase.is_over() || (is_return && secures_contract(lot, applicant))) {
        return Err(Code::WrongPhase.into());
    }
    require_text("reason", reason)?;
    Ok(vec![Event { actor, subject: Subject::Lot(lot.id), fact }])
}

/// The first of the ranking stays bound until the contract is signed or the lot has come to nothing (条例 art. 57, 74).
fn secures_contract(lot: &Lot, applicant: &Applicant) -> bool {
    let is_first = lot.ranking.first().is_some_and(|first| applicant.number == Some(first.number));
    is_first && matches!(lot.phase, Phase::Ranked | Phase::Publicity | Phase::Awarded)
}

pub fn suspend(lot: &Lot, actor: Actor, reason: &str) -> Result<Vec<Event>, Refusal> {
    require_text("reason", reason)?;
    if lot.phase.is_final() {
        return Err(Code::WrongPhase.into());
    }
    if lot.holds.contains(&Hold::Office) {
        return Err(Code::AlreadySuspended.into());
    }
    let fact = LotSuspended { hold: Hold::Office, reason: reason.into() }.into();
    Ok(vec![Event { actor, subject: Subject::Lot(lot.id), fact }])
}

pub fn resume(lot: &Lot, actor: Actor, reason: &str, now: Micros) -> Result<Vec<Event>, Refusal> {
    require_text("reason", reason)?;
    if !lot.holds.contains(&Hold::Office) {
        let code = if lot.is_suspended() { Code::HoldNotYours } else { Code::HoldUnknown };
        return Err(code.into());
    }
    let fact = resumed(lot, Hold::Office, reason.into(), now).into();
    Ok(vec![Event { actor, subject: Subject::Lot(lot.id), fact }])
}

pub fn terminate(lot: &Lot, actor: Actor, reason: &str) -> Result<Vec<Event>, Refusal> {
    require_text("reason", reason)?;
    if lot.phase.is_final() || lot.phase == Phase::Contracted {
        return Err(Code::WrongPhase.into());
    }
    Ok(vec![Event { actor, subject: Subject::Lot(lot.id), fact: LotTerminated { reason: reason.into() }.into() }])
}

pub fn declare_failed(lot: &Lot, actor: Actor, reason: &str) -> Result<Vec<Event>, Refusal> {
    require_text("reason", reason)?;
    if !matches!(lot.phase, Phase::Ranked | Phase::Publicity | Phase::Awarded) {
        return Err(Code::WrongPhase.into());
    }
    if lot.is_suspended() {
        return Err(Code::Suspended.into());
    }
    let fact = LotFailed { why: Failure::WinnerWithdrew, reason: reason.into() }.into();
    Ok(vec![Event { actor, subject: Subject::Lot(lot.id), fact }])
}

/// The disclosed amount must open the commitment of the notice; then it decides, and nobody else's word does.
pub fn disclose_reserve(lot: &Lot, actor: Actor, fact: &ReserveDisclosed) -> Result<Vec<Event>, Refusal> {
    let (Phase::Disclosing, Some(reserve)) = (lot.phase, lot.rules.reserve) else {
        return Err(Code::ReserveNotDue.into());
    };
    if lot.is_suspended() {
        return Err(Code::Suspended.into());
    }
    if reserve_commitment(lot.id, fact.amount, &fact.nonce.0) != reserve.commitment {
        return Err(Code::ReserveMismatch.into());
    }
    let mut events = vec![Event { actor, subject: Subject::Lot(lot.id), fact: Fact::ReserveDisclosed(fact.clone()) }];
    let met = winning_price(lot).is_some_and(|price| lot.rules.method.rulebook().meets_reserve(price, fact.amount));
    if !met {
        events.push(by_system(lot.id, LotFailed { why: Failure::ReserveNotMet, reason: String::new() }.into()));
    }
    Ok(events)
}

/// What the first of the ranking pays: the amount bid, or the price cap when the ranking was decided on a later rung.
pub fn winning_price(lot: &Lot) -> Option<Fen> {
    let first = lot.ranking.first()?;
    if first.rung == 0 { Some(first.amount) } else { lot.rules.cap }
}

/// The earliest end of a publicity that starts now, and the bound that says so; `None` beyond the calendar.
pub fn earliest_publicity_end(state: &State, lot: &Lot, now: Micros) -> Option<(Micros, Bound)> {
    let least = state.settings.periods.publicity_days_min(lot.category);
    Some((state.settings.holidays.end_of_days(now, least.value)?, least))
}

pub fn start_publicity(
    state: &State,
    lot: &Lot,
    actor: Actor,
    fact: &PublicityStarted,
    now: Micros,
) -> Result<Vec<Event>, Refusal> {
    require_phase(lot, Phase::Ranked)?;
    let (earliest, least) = earliest_publicity_end(state, lot, now).ok_or(Code::RulesInvalid)?;
    if fact.until < earliest {
        let detail = format!("{}：不早于 {earliest} (not before)", least.source);
        return Err(Refusal::with(Code::PublicityTooShort, detail));
    }
    if fact.until.since(now) > limits::PERIOD_MAX {
        return Err(Refusal::with(Code::InvalidField, "until: more than a year ahead"));
    }
    Ok(vec![Event { actor, subject: Subject::Lot(lot.id), fact: Fact::PublicityStarted(fact.clone()) }])
}

/// The owner confirms; the winner's name, until now hidden behind its number, becomes public with it.
pub fn award(lot: &Lot, actor: Actor, now: Micros) -> Result<Vec<Event>, Refusal> {
    require_phase(lot, Phase::Publicity)?;
    if lot.publicity_until.is_none_or(|until| now < until) {
        return Err(Code::PublicityNotOver.into());
    }
    let (Some(first), Some(price)) = (lot.ranking.first(), winning_price(lot)) else {
        return Err(Code::WrongPhase.into());
    };
    let offer = (first.rung > 0).then_some(first.amount);
    let awarded = Awarded { number: first.number, price, offer };
    let mut events = vec![Event { actor, subject: Subject::Lot(lot.id), fact: awarded.into() }];
    if let Some((_, Applicant { company, credit_code, .. })) = lot.applicant_by_number(first.number) {
        let fact = WinnerDisclosed { number: first.number, company: company.clone(), credit_code: credit_code.clone() };
        events.push(by_system(lot.id, fact.into()));
    }
    Ok(events)
}

pub fn contract(lot: &Lot, actor: Actor, fact: &Contracted) -> Result<Vec<Event>, Refusal> {
    require_phase(lot, Phase::Awarded)?;
    Ok(vec![Event { actor, subject: Subject::Lot(lot.id), fact: Fact::Contracted(fact.clone()) }])
}

pub fn archive(lot: &Lot, actor: Actor) -> Result<Vec<Event>, Refusal> {
    require_phase(lot, Phase::Contracted)?;
    Ok(vec![Event { actor, subject: Subject::Lot(lot.id), fact: Archived {}.into() }])
}

/// The step belongs to this phase, and nothing goes on while the lot stands still.
fn require_phase(lot: &Lot, phase: Phase) -> Result<(), Refusal> {
    if lot.phase != phase {
        return Err(Code::WrongPhase.into());
    }
    if lot.is_suspended() {
        return Err(Code::Suspended.into());
    }
    Ok(())
}

fn require_title(field: &'static str, text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() || text.chars().count() > limits::TITLE_MAX_CHARS {
        return Err(Refusal::with(Code::InvalidField, format!("{field}: 1 to {} characters", limits::TITLE_MAX_CHARS)));
    }
    Ok(())
}

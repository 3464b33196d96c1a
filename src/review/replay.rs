//! Check 5: the trading rules, asked again. Every entry is either a cause, which the engine decides once more; or what
//! follows from the cause before it; or what the clock did, at the very microsecond at which it was due. The first entry
//! that the engine would not have written in this place is where the replay ends.
//!
//! A payload that is not at hand is passed over. What the public rules say about the entries around it is still decided;
//! an entry whose cause is hidden is taken as given where the rules permit one, and counted.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::content::{self, Content, Created};
use super::history::History;
use super::report::{CheckName, Failure};
use super::statements::{self, Disagreement, Heard, Said};
use crate::base::{Code, Hash, Id, Jwk, Micros, limits};
use crate::engine::clock::resumed;
use crate::engine::command::{Bid, Entry};
use crate::engine::decide::cause;
use crate::engine::event::Hold;
use crate::engine::{Action, Actor, Command, Event, Fact, Phase, State, Subject, Timer, apply, decide, fire};
use crate::ledger::{Leaf, Nonce, Origin, PublicKey};

/// What replay could not decide again, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Undecided {
    /// The payload itself is not at hand.
    PayloadMissing,
    /// It follows from an entry that is not at hand.
    CauseHidden,
    /// It is about a lot, project, applicant or question whose entry is not at hand.
    SubjectHidden,
    /// The key that signed is not at hand.
    KeyHidden,
}

impl Undecided {
    /// The stable name in a report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PayloadMissing => "payload_missing",
            Self::CauseHidden => "cause_hidden",
            Self::SubjectHidden => "subject_hidden",
            Self::KeyHidden => "key_hidden",
        }
    }
}

/// What a replay has come across.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Engine events that were decided again and came out the same.
    pub decided: u64,
    /// Statements that agree with their entries.
    pub statements: u64,
    /// Entries of other rooms.
    pub records: u64,
    pub bids_accepted: u64,
    pub bids_refused: u64,
    pub extensions: u64,
    pub undecided: BTreeMap<Undecided, u64>,
}

/// Follows a ledger from its first entry on. Cheap to ask for the state at any time; clone it to come back later.
#[derive(Debug, Clone)]
pub struct Replayer {
    ledger: Origin,
    state: State,
    history: History,
    next: u64,
    /// The last entry's time.
    time: Option<Micros>,
    /// What must be written next, and with which time.
    expected: VecDeque<Event>,
    expected_at: Micros,
    /// The entry before was hidden or taken as given, with this time: another may follow from it.
    hidden_at: Option<Micros>,
    /// The platform says that it was away until then.
    away_until: Option<Micros>,
    nonces: HashSet<(Id, u32, Nonce)>,
    /// Whether a statement whose signature was not checked will do.
    unsigned_will_do: bool,
    tally: Tally,
}

/// What replay needs of an entry.
#[derive(Debug, Clone, Copy)]
pub enum Given<'a> {
    Missing,
    Content(&'a Content, Option<&'a Heard>),
}

impl Replayer {
    pub fn new(ledger: Origin) -> Self {
        Self {
            ledger,
            state: State::default(),
            history: History::new(),
            next: 0,
            time: None,
            expected: VecDeque::new(),
            expected_at: Micros::default(),
            hidden_at: None,
            away_until: None,
            nonces: HashSet::new(),
            unsigned_will_do: false,
            tally: Tally::default(),
        }
    }

    /// Believes statements without their signatures.
    #[must_use]
    pub fn without_signatures(self) -> Self {
        Self { unsigned_will_do: true, ..self }
    }

    /// The state after the last entry.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// How many entries were replayed.
    pub fn size(&self) -> u64 {
        self.next
    }

    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The tree so far: `seen` of later statements is compared with it. A caller of [`Replayer::push`] keeps it at least
    /// as long as the replay; [`Replayer::feed`] does so by itself.
    pub fn history(&self) -> &History {
        &self.history
    }

    pub fn history_mut(&mut self) -> &mut History {
        &mut self.history
    }

    /// The next entry, from its leaf, its leaf's hash and its payload: reads it, verifies its statement, replays it.
    /// The chain itself was checked before ([`crate::ledger::Chain`]).
    pub fn feed(&mut self, leaf: &Leaf, hash: Hash, payload: Option<&[u8]>) -> Result<(), Failure> {
        let seq = self.next;
        let content = payload.map(content::read).transpose().map_err(|found| {
            Failure::at(seq, CheckName::Payloads, "payload_form", "a payload in the form of its kind", found)
        })?;
        let Some(content) = content else {
            self.push(leaf.time, Given::Missing)?;
            self.history.append(hash);
            return Ok(());
        };
        let heard = match &content {
            Content::Event(event) => self.hear(event)?,
            Content::Created(_)
            | Content::PolicySet(_)
            | Content::KeyRotated(_)
            | Content::Timestamped(_)
            | Content::VerifierPublished(_)
            | Content::Evidence(_)
            | Content::Record { .. } => None,
        };
        self.push(leaf.time, Given::Content(&content, heard.as_ref()))?;
        self.history.append(hash);
        Ok(())
    }

    fn hear(&self, event: &Event) -> Result<Option<Heard>, Failure> {
        let key = statements::carried(event).and_then(|(_, lot, number)| self.key_of(lot, number));
        let key = key.and_then(|key| PublicKey::from_jwk(&key).ok());
        statements::hear(event, key.as_ref()).transpose().map_err(|error| bad_statement(self.next, &error))
    }

    fn key_of(&self, lot: Id, number: u32) -> Option<Jwk> {
        self.state.lots.get(&lot)?.roster.get(&number).map(|bidder| bidder.key)
    }

    /// Another room's entry: the rules know nothing of it, but it has its place between theirs.
    fn record(&mut self, at: Micros, kind: &str) -> Result<(), Failure> {
        self.nothing_due(|| kind.to_owned())?;
        self.not_away(at, || kind.to_owned())?;
        self.tally.records += 1;
        self.hidden_at = None;
        Ok(())
    }

    /// The next entry, read and heard already. After a failure the replay stands where it stood.
    pub fn push(&mut self, at: Micros, given: Given<'_>) -> Result<(), Failure> {
        self.ask_the_clock(at);
        match given {
            Given::Missing => self.pass_over(at)?,
            Given::Content(Content::Event(event), heard) => self.event(at, event, heard)?,
            Given::Content(Content::Record { kind, .. }, _) => self.record(at, kind)?,
            Given::Content(Content::Evidence(evidence), _) => self.record(at, evidence.kind())?,
            Given::Content(Content::PolicySet(_), _) => self.record(at, content::POLICY_SET)?,
            Given::Content(Content::KeyRotated(_), _) => self.record(at, content::KEY_ROTATED)?,
            Given::Content(Content::Timestamped(_), _) => self.record(at, content::TIMESTAMPED)?,
            Given::Content(Content::VerifierPublished(_), _) => self.record(at, content::VERIFIER_PUBLISHED)?,
            Given::Content(Content::Created(created), _) => self.created(created)?,
        }
        self.next += 1;
        self.time = Some(at);
        Ok(())
    }

    /// Between two decisions, a timer that ran out at or before `at` says what must be written next. Its time is its
    /// deadline, or the last entry's time if that is later.
    fn ask_the_clock(&mut self, at: Micros) {
        if !self.expected.is_empty() {
            return;
        }
        let Some((deadline, timer)) = self.state.timers.first().copied().filter(|(deadline, _)| *deadline <= at) else {
            return;
        };
        self.expected_at = self.time.map_or(deadline, |time| time.max(deadline));
        self.expected = fire(&self.state, timer, self.expected_at).into();
    }

    /// A hidden entry: what follows from a visible cause, or something of which nothing is known but its time.
    fn pass_over(&mut self, at: Micros) -> Result<(), Failure> {
        if self.expected.front().is_some() && !self.may_be_somebody_elses(at) {
            if at != self.expected_at {
                return self.nothing_due(|| format!("a missing payload at {at}"));
            }
            if let Some(event) = self.expected.pop_front() {
                apply(&mut self.state, &event, at, self.next);
            }
        }
        self.hidden_at = Some(at);
        self.undecided(Undecided::PayloadMissing);
        Ok(())
    }

    /// Whether a hidden entry can stand before what is expected: another question, which is not open, can become overdue at
    /// the same moment as an open one.
    fn may_be_somebody_elses(&self, at: Micros) -> bool {
        let by_question =
            self.state.timers.first().is_some_and(|(due, timer)| !matches!(timer, Timer::Lot(_)) && *due <= at);
        let overdue = |event: &Event| {
            matches!(
                event.fact,
                Fact::QuestionOverdue(_)
                    | Fact::ObjectionOverdue(_)
                    | Fact::ComplaintOverdue(_)
                    | Fact::ComplaintHoldLapsed(_)
            )
        };
        by_question && at == self.expected_at && self.expected.front().is_some_and(overdue)
    }

    fn created(&mut self, created: &Created) -> Result<(), Failure> {
        let seq = self.next;
        let fail =
            |rule, expected: String, found: String| Err(Failure::at(seq, CheckName::Replay, rule, expected, found));
        if seq != 0 {
            return fail("ledger_created", "a ledger is created once, by entry 0".into(), content::CREATED.into());
        }
        if created.origin != *self.ledger {
            return fail("ledger_created", self.ledger.to_string(), created.origin.clone());
        }
        if created.format != 1 {
            return fail("ledger_created", "format 1".into(), format!("format {}", created.format));
        }
        Ok(())
    }

    fn event(&mut self, at: Micros, event: &Event, heard: Option<&Heard>) -> Result<(), Failure> {
        if self.next == 0 {
            return Err(self.broken("ledger_created", content::CREATED, describe(event)));
        }
        if let Some(expected) = self.expected.front() {
            if expected != event || at != self.expected_at {
                return self.nothing_due(|| format!("{} at {at}", describe(event)));
            }
            self.expected.pop_front();
            self.accept(at, event, None);
            return Ok(());
        }
        self.not_away(at, || describe(event))?;
        if statements::carried(event).is_some() {
            return self.statement(at, event, heard);
        }
        match cause(event) {
            Some(command) => self.decide(at, event, &command),
            None => self.take_as_given(at, event),
        }
    }

    /// Fails when something else must be written first.
    fn nothing_due(&self, found: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.expected.front() {
            None => Ok(()),
            Some(event) => {
                let expected = format!("{} at {}", describe(event), self.expected_at);
                Err(self.broken("replay_follows", expected, found()))
            }
        }
    }

    /// Nothing but what the clock does was written while the platform says that it was away.
    fn not_away(&self, at: Micros, found: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.away_until.filter(|until| at < *until) {
            None => Ok(()),
            Some(until) => Err(self.broken("replay_outage", format!("nothing before {until}"), found())),
        }
    }

    /// Asks the engine again. What it answers must be this event; what else it answers must follow.
    fn decide(&mut self, at: Micros, event: &Event, command: &Command) -> Result<(), Failure> {
        let mut events: VecDeque<Event> = match decide(&self.state, command, at) {
            Ok(events) => events.into(),
            Err(refusal) if self.is_about_the_hidden(refusal.code) => {
                self.accept(at, event, Some(Undecided::SubjectHidden));
                return Ok(());
            }
            Err(refusal) => return Err(self.broken("replay_refused", refusal.to_string(), describe(event))),
        };
        if events.front() != Some(event) {
            let expected = events.front().map_or_else(|| "nothing".to_owned(), describe);
            return Err(self.broken("replay_decision", expected, describe(event)));
        }
        events.pop_front();
        self.accept(at, event, None);
        self.expected = events;
        self.expected_at = at;
        Ok(())
    }

    /// Whether the engine may refuse only because an earlier payload is not at hand.
    fn is_about_the_hidden(&self, code: Code) -> bool {
        let by_absence =
            matches!(code, Code::LotUnknown | Code::ProjectUnknown | Code::DepositUnknown | Code::QuestionUnknown)
                || matches!(code, Code::ObjectionUnknown | Code::ComplaintUnknown);
        by_absence && self.tally.undecided.contains_key(&Undecided::PayloadMissing)
    }

    /// A bid or a confirmation: the statement first, then the rules.
    fn statement(&mut self, at: Micros, event: &Event, heard: Option<&Heard>) -> Result<(), Failure> {
        let Some((text, lot, number)) = statements::carried(event) else { return Ok(()) };
        let Some(heard) = heard else {
            return Err(self.broken("statement_malformed", "a statement", describe(event)));
        };
        heard.said.agrees(event, &self.ledger, |size| self.root_before(size)).map_err(|d| self.disagrees(d))?;
        if self.nonces.contains(&(lot, number, heard.said.nonce())) {
            let found = format!("{} again", heard.said.nonce());
            return Err(self.untrue("statement_nonce", "a nonce used once by a number on a lot", found));
        }
        let registered = self.key_of(lot, number);
        let Some(key) = registered else { return self.unregistered(at, event, lot) };
        if heard.signed_by != Some(key) && !self.unsigned_will_do {
            let found = heard.signed_by.map_or_else(|| "no usable key".into(), |by| by.thumbprint().to_string());
            return Err(self.untrue("key_unknown", &key.thumbprint().to_string(), found));
        }
        let statement = text.to_owned();
        let action = match &heard.said {
            Said::Bid(bid) => {
                let rung = bid.rung.map(std::num::NonZeroU32::get);
                Action::Bid(Bid { number, amount: bid.amount, rung, key, statement })
            }
            Said::Confirm(_) => Action::ConfirmEntry(Entry { number, key, statement }),
        };
        self.decide(at, event, &Command { actor: event.actor, subject: event.subject, action })?;
        self.nonces.insert((lot, number, heard.said.nonce()));
        self.tally.statements += 1;
        Ok(())
    }

    /// The root that this ledger had at `size`, if that was before the entry in hand.
    fn root_before(&self, size: u64) -> Option<Hash> {
        if size <= self.next { self.history.root_at(size) } else { None }
    }

    /// A number that nobody may know before the opening can only have been refused, and only because it was too early.
    fn unregistered(&mut self, at: Micros, event: &Event, lot: Id) -> Result<(), Failure> {
        let hidden = self.tally.undecided.contains_key(&Undecided::PayloadMissing);
        let phase = self.state.lots.get(&lot).map(|lot| lot.phase);
        let too_early = matches!(&event.fact, Fact::BidRefused(fact) if fact.rule == Code::NotOpen);
        let why = match phase {
            None if hidden => Undecided::SubjectHidden,
            Some(Phase::SignUp | Phase::Waiting) if hidden && too_early => Undecided::KeyHidden,
            _ => return Err(self.untrue("number_unknown", "a registered number", event.actor.to_string())),
        };
        self.accept(at, event, Some(why));
        Ok(())
    }

    /// An event that follows from something, but not from anything that is at hand. Whatever of it can be computed is.
    fn take_as_given(&mut self, at: Micros, event: &Event) -> Result<(), Failure> {
        let follows = self.hidden_at == Some(at) && event.actor == Actor::System;
        if !follows || !self.is_possible(at, event) {
            let due = self.next_due(event).map_or_else(String::new, |due| format!(", or its deadline, {due}"));
            let expected = format!("an entry that it follows from{due}");
            return Err(self.broken("replay_uncaused", expected, format!("{} at {at}", describe(event))));
        }
        self.accept(at, event, Some(Undecided::CauseHidden));
        Ok(())
    }

    /// When the clock of the event's lot runs out next.
    fn next_due(&self, event: &Event) -> Option<Micros> {
        match event.subject {
            Subject::Lot(id) => self.state.lots.get(&id)?.next_timer(),
            Subject::Project(_) | Subject::Platform => None,
        }
    }

    fn is_possible(&self, at: Micros, event: &Event) -> bool {
        let Subject::Lot(id) = event.subject else { return false };
        let Some(lot) = self.state.lots.get(&id) else { return true };
        match &event.fact {
            Fact::NumberDealt(fact) => {
                matches!(lot.phase, Phase::SignUp | Phase::Waiting)
                    && (1..=limits::BIDDER_NUMBER_MAX).contains(&fact.number)
                    && lot.roster.iter().all(|(number, bidder)| *number != fact.number && bidder.key != fact.key)
            }
            Fact::LotSuspended(fact) => {
                (is_ordered(fact.hold) || fact.hold == Hold::Office)
                    && !lot.holds.contains(&fact.hold)
                    && !lot.phase.is_final()
            }
            Fact::LotResumed(fact) => {
                let ordered = is_ordered(fact.hold) && lot.holds.contains(&fact.hold);
                ordered && *fact == resumed(lot, fact.hold, fact.reason.clone(), at)
            }
            // Who objected stands before it, and only the objector reads that.
            Fact::ObjectionReceived(fact) => !self.state.objections.contains_key(&fact.objection) && at < fact.due,
            Fact::ComplaintReceived(fact) => {
                let objection = self.state.objections.get(&fact.objection);
                objection.is_none_or(|objection| objection.complaint.is_none()) && at < fact.due
            }
            Fact::NumberWithdrawn(fact) => lot.roster.contains_key(&fact.number) && lot.auction.is_none(),
            Fact::WinnerDisclosed(fact) => {
                lot.phase == Phase::Awarded
                    && lot.award.is_some_and(|award| award.number == fact.number)
                    && lot.applicant_by_number(fact.number).is_none()
            }
            _ => false,
        }
    }

    fn accept(&mut self, at: Micros, event: &Event, undecided: Option<Undecided>) {
        apply(&mut self.state, event, at, self.next);
        match &event.fact {
            Fact::BidAccepted(_) => self.tally.bids_accepted += 1,
            Fact::BidRefused(_) => self.tally.bids_refused += 1,
            Fact::CountdownReset(_) => self.tally.extensions += 1,
            Fact::OutageBegan(fact) => self.away_until = Some(fact.recorded_at),
            Fact::OutageEnded(_) => self.away_until = None,
            _ => {}
        }
        // Who won is disclosed out of sign-ups that the public cannot read: it follows from the award that it can.
        let discloses = matches!(event.fact, Fact::Awarded(_));
        self.hidden_at = (undecided.is_some() || discloses).then_some(at);
        match undecided {
            Some(why) => self.undecided(why),
            None => self.tally.decided += 1,
        }
    }

    fn undecided(&mut self, why: Undecided) {
        *self.tally.undecided.entry(why).or_default() += 1;
    }

    /// After the last entry: whatever a decision entails was written with it.
    pub fn finish(&self) -> Result<(), Failure> {
        self.nothing_due(|| "the end of the ledger".into())
    }

    fn broken(&self, rule: &str, expected: impl Into<String>, found: impl Into<String>) -> Failure {
        Failure::at(self.next, CheckName::Replay, rule, expected, found)
    }

    fn untrue(&self, rule: &str, expected: &str, found: String) -> Failure {
        Failure::at(self.next, CheckName::Statements, rule, expected, found)
    }

    fn disagrees(&self, disagreement: Disagreement) -> Failure {
        let Disagreement { what, expected, found } = disagreement;
        self.untrue(what, &expected, found)
    }
}

/// A standstill that follows from an entry which may be hidden.
fn is_ordered(hold: Hold) -> bool {
    matches!(hold, Hold::Order(_) | Hold::Objection(_) | Hold::Complaint(_))
}

/// A statement that could not be read, or that the registered key did not sign.
pub fn bad_statement(seq: u64, error: &crate::ledger::StatementError) -> Failure {
    Failure::at(
        seq,
        CheckName::Statements,
        error.code().name(),
        "a statement that its number signed",
        error.to_string(),
    )
}

fn describe(event: &Event) -> String {
    let data = serde_json::to_string(&event.fact).unwrap_or_default();
    format!("{} by {} on {}: {data}", event.fact.kind(), event.actor, event.subject)
}

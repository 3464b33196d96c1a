//! The engine's documentation that runs. A table is a transcript: each line is a moment, a wish and what became of it; what
//! the clock does by itself stands between. [`check`] plays the left side through `decide` and `apply` as the sequencer
//! would and compares the whole transcript. Start reading at `ascending`.
//!
//! `→ refused off_step` is a refused bid that the ledger records; `→ no: wrong_phase` leaves no trace. Amounts are in 分.

mod ascending;
mod codes;
mod descending;
mod life;
mod listing;
mod notice;
mod objection;
mod properties;

use std::fmt::Write as _;

use crate::base::{Fen, Hash, Id, Jwk, Micros, Span, reserve_commitment};
use crate::engine::command::{Bid, ComplaintAdmission, ComplaintDecision, Entry, ObjectionAnswer};
use crate::engine::event::*;
use crate::engine::rules::{Category, Method, PriceRules, Reserve, Rules, Rung, Timetable};
use crate::engine::{Action, Actor, Command, Event, Fact, Refusal, State, Subject, apply, decide, fire};

pub const PROJECT: Id = Id::from_u128(1);
pub const LOT: Id = Id::from_u128(2);
const OFFICE: Actor = Actor::Operator(Id::from_u128(3));
const OWNER: Actor = Actor::Owner(Id::from_u128(4));
const SUPERVISOR: Actor = Actor::Supervisor(Id::from_u128(5));
const NONCE: Hash = Hash([7; 32]);
/// Every lot of the tables asks for this.
pub const DEPOSIT: i64 = 500;

pub fn fen(amount: i64) -> Fen {
    Fen::new(amount).unwrap()
}

/// The day of the tables, 00:00 UTC; a Wednesday without a holiday near it.
pub fn midnight() -> Micros {
    "2026-11-25T00:00:00.000000Z".parse().unwrap()
}

pub fn price_rules() -> PriceRules {
    let (free, window) = (Span::minutes(10), Span::minutes(5));
    PriceRules { start: fen(1000), step: fen(10), max_steps: 10, free, window }
}

/// Opens at 12:00 of the tables' day, on the least that the law asks for.
pub fn rules(method: Method) -> Rules {
    let opens = midnight().plus(Span::hours(12));
    let timetable = Timetable {
        sign_up_opens: opens.minus(Span::days(19)),
        sign_up_closes: opens.minus(Span::days(2)),
        deposit_due: opens.minus(Span::days(1)),
        auction_opens: opens,
    };
    Rules {
        method,
        min_bidders: 1,
        deposit: fen(DEPOSIT),
        timetable,
        reserve: None,
        priority: Vec::new(),
        cap: None,
        ladder: Vec::new(),
    }
}

/// A hidden reserve that the owner has an hour to disclose.
pub fn hidden(amount: i64) -> Reserve {
    let commitment = reserve_commitment(LOT, fen(amount), &NONCE.0);
    Reserve { commitment, disclosure: Span::hours(1) }
}

/// 配建: from 100, by 50, at most 4 steps at once.
pub fn rung(limit: Option<i64>) -> Rung {
    Rung {
        name: "配建保障房面积".into(),
        unit: "平方米".into(),
        start: fen(100),
        step: fen(50),
        max_steps: 4,
        limit: limit.map(fen),
        window: Span::minutes(3),
    }
}

/// One project with one lot, and the log of everything that happened to it.
pub struct World {
    pub state: State,
    pub log: Vec<(Event, Micros)>,
    pub last: Micros,
}

impl World {
    /// The project is registered and the lot not yet noticed.
    pub fn new(category: Category) -> Self {
        let mut world = Self { state: State::default(), log: Vec::new(), last: midnight().minus(Span::days(30)) };
        let code = world.state.settings.code_format.make(category, "330299", 2026, 31).unwrap();
        let fact = ProjectRegistered {
            code,
            category,
            title: "明江市测试项目".into(),
            owner: Id::from_u128(4),
            owner_name: "明江市资产公司".into(),
            place: "明江市".into(),
        };
        let command =
            Command { actor: OWNER, subject: Subject::Project(PROJECT), action: Action::RegisterProject(fact) };
        let at = world.last;
        world.ask(&command, at).unwrap();
        world
    }

    pub fn notice(&mut self, rules: Rules) -> Result<Vec<Event>, Refusal> {
        let estimate = fen(10_000);
        let fact = Noticed { project: PROJECT, title: "测试标的".into(), estimate, rules, documents: Vec::new() };
        let at = midnight().minus(Span::days(20)).plus(Span::hours(12));
        self.ask(&on_lot(OFFICE, Action::Notice(Box::new(fact))), at)
    }

    /// A lot of category C, just noticed.
    pub fn noticed(rules: Rules) -> Self {
        let mut world = Self::new(Category::C);
        world.notice(rules).unwrap();
        world
    }

    /// Noticed, signed up, deposits confirmed: the auction is about to open. `bidders` are numbers with their ranks of
    /// priority, 0 for none.
    pub fn admitted(rules: Rules, bidders: &[(u32, u32)]) -> Self {
        let last = bidders.iter().map(|(_, rank)| *rank).max().unwrap_or(0);
        let holder = |rank: u32| bidders.iter().find(|(_, r)| *r == rank).map(|(number, _)| number.to_string());
        let priority = (1..=last).map(|rank| credit_code(&holder(rank).unwrap_or_default())).collect();
        let mut world = Self::noticed(Rules { priority, ..rules });
        for (number, _) in bidders {
            let at = midnight().minus(Span::days(5));
            let name = number.to_string();
            world.ask(&sign_up(&name, Hash::ZERO), at).unwrap();
            let random = world.random_for(*number);
            let fact = DepositConfirmed { reference: name, amount: fen(DEPOSIT), random };
            world.ask(&on_lot(OFFICE, Action::ConfirmDeposit(fact)), at).unwrap();
        }
        world.advance(midnight());
        world
    }

    /// Random input that deals `number`.
    fn random_for(&self, number: u32) -> Hash {
        let dealt = &self.state.lots[&LOT].roster;
        let below = (1..number).filter(|free| !dealt.contains_key(free)).count();
        let mut bytes = [0; 32];
        bytes[14..16].copy_from_slice(&u16::try_from(below).unwrap().to_be_bytes());
        Hash(bytes)
    }

    /// Fires every timer due at or before `to`, each at its own time.
    pub fn advance(&mut self, to: Micros) -> Vec<(Micros, Vec<Event>)> {
        let mut fired = Vec::new();
        while let Some((due, timer)) = self.state.timers.first().copied().filter(|(due, _)| *due <= to) {
            assert!(fired.len() < 10_000, "timers never end: {timer:?}");
            let at = due.max(self.last);
            let events = fire(&self.state, timer, at);
            assert!(!events.is_empty(), "{timer:?} is due for nothing");
            self.record(&events, at);
            fired.push((at, events));
        }
        fired
    }

    /// What the sequencer does with a command stamped `at`.
    pub fn ask(&mut self, command: &Command, at: Micros) -> Result<Vec<Event>, Refusal> {
        self.advance(at);
        let at = at.max(self.last);
        let events = decide(&self.state, command, at)?;
        self.record(&events, at);
        Ok(events)
    }

    fn record(&mut self, events: &[Event], at: Micros) {
        for event in events {
            apply(&mut self.state, event, at, self.log.len() as u64);
            self.log.push((event.clone(), at));
        }
        self.last = at;
    }

    /// Plays the left side of a table; returns the transcript.
    pub fn play(&mut self, table: &str) -> String {
        let mut told = String::new();
        for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if line.starts_with("--") {
                writeln!(told, "{line}").unwrap();
                continue;
            }
            let (time, rest) = line.split_once(' ').unwrap();
            let (wish, at) = (rest.split('→').next().unwrap().trim(), moment(time));
            for (at, events) in self.advance(at) {
                writeln!(told, "{:<16} {:<32} → {}", clock(at), "clock", outcome(&events)).unwrap();
            }
            if wish != "clock" {
                let command = self.command(&wish.split(' ').collect::<Vec<_>>());
                let answer = match self.ask(&command, at) {
                    Ok(events) => outcome(&events),
                    Err(refusal) => format!("no: {}", refusal.code),
                };
                writeln!(told, "{:<16} {wish:<32} → {answer}", clock(at)).unwrap();
            }
        }
        told
    }

    fn command(&self, words: &[&str]) -> Command {
        let number = |text: &str| text.trim_start_matches('#').parse::<u32>().unwrap();
        let amount = |text: &str| text.parse::<Fen>().unwrap();
        let key = |text: &str| self.state.lots[&LOT].roster.get(&number(text)).map_or(Jwk([255; 32]), |b| b.key);
        let bid = |who: &str, much: &str, rung: Option<u32>, key: Jwk| {
            let bid = Bid { number: number(who), amount: amount(much), rung, key, statement: signed(rung) };
            on_lot(Actor::Bidder(bid.number), Action::Bid(bid))
        };
        let reason = || String::from("理由");
        match *words {
            [who, "bid", much] => bid(who, much, None, key(who)),
            [who, "bid", much, "rung", rung] => bid(who, much, rung.parse().ok(), key(who)),
            [who, "bid", much, "forged"] => bid(who, much, None, Jwk([254; 32])),
            [who, "confirms"] => confirm(who, number(who), key(who)),
            [who, "confirms", "forged"] => confirm(who, number(who), Jwk([254; 32])),
            [name, "signs", "up"] => sign_up(name, Hash::of(name.as_bytes())),
            ["deposit", name, much] => {
                let random = Hash::of(name.as_bytes());
                let fact = DepositConfirmed { reference: name.into(), amount: amount(much), random };
                on_lot(OFFICE, Action::ConfirmDeposit(fact))
            }
            ["return", name] => {
                let fact = DepositReturned { reference: name.into(), reason: reason() };
                on_lot(OFFICE, Action::ReturnDeposit(fact))
            }
            ["forfeit", name, ref why @ ..] => {
                let fact = DepositForfeited { reference: name.into(), reason: why.concat() };
                on_lot(OFFICE, Action::ForfeitDeposit(fact))
            }
            ["owner", "discloses", much] => {
                on_lot(OWNER, Action::DiscloseReserve(ReserveDisclosed { amount: amount(much), nonce: NONCE }))
            }
            ["owner", "discloses", much, "otherwise"] => {
                on_lot(OWNER, Action::DiscloseReserve(ReserveDisclosed { amount: amount(much), nonce: Hash::ZERO }))
            }
            ["owner", "awards"] => on_lot(OWNER, Action::Award),
            ["owner", "contracts"] => on_lot(OWNER, Action::Contract(Contracted { sha256: Hash::of(b"contract") })),
            ["office", "archives"] => on_lot(OFFICE, Action::Archive),
            ["office", "publishes", until] => {
                on_lot(OFFICE, Action::StartPublicity(PublicityStarted { until: moment(until) }))
            }
            ["office", "suspends"] => on_lot(OFFICE, Action::Suspend { reason: reason() }),
            ["office", "suspends", "silently"] => on_lot(OFFICE, Action::Suspend { reason: " ".into() }),
            ["office", "resumes"] => on_lot(OFFICE, Action::Resume { reason: reason() }),
            ["office", "terminates"] => on_lot(OFFICE, Action::Terminate { reason: reason() }),
            ["office", "fails"] => on_lot(OFFICE, Action::DeclareFailed { reason: reason() }),
            ["office", "answers", id] => on_lot(OFFICE, Action::Answer { question: question(id), text: "答复".into() }),
            ["supervisor", "asks", id, "due", due] => {
                let (text, due) = ("请说明".into(), moment(due));
                let fact = QuestionRaised { question: question(id), entry: None, text, due, open: true };
                on_lot(SUPERVISOR, Action::Question(fact))
            }
            ["supervisor", "pauses", id, "due", due] => {
                let (reason, due) = (reason(), moment(due));
                let fact = PauseOrdered { order: question(id), entry: None, reason, due, open: true };
                on_lot(SUPERVISOR, Action::OrderPause(fact))
            }
            ["supervisor", "lifts", id] => {
                on_lot(SUPERVISOR, Action::LiftPause { order: question(id), reason: reason() })
            }
            [name, "withdraws"] => on_lot(
                Actor::Company(account(name)),
                Action::WithdrawSignUp(SignUpWithdrawn { account: account(name) }),
            ),
            [name, "objects", id, ground] => {
                let ground = match ground {
                    "rules" => Ground::Rules,
                    "opening" => Ground::Opening,
                    "result" => Ground::Result,
                    _ => panic!("the tables do not know the ground {ground}"),
                };
                let (account, text) = (account(name), "异议".into());
                let fact = ObjectionFiled { objection: question(id), account, ground, text, open: true };
                on_lot(Actor::Company(account), Action::Object(fact))
            }
            ["office", verb @ ("refutes" | "upholds"), id] => {
                let answer =
                    ObjectionAnswer { objection: question(id), text: "答复".into(), upheld: verb == "upholds" };
                on_lot(OFFICE, Action::AnswerObjection(answer))
            }
            [name, "complains", id] => {
                let fact =
                    ComplaintFiled {
                        objection: question(id), account: account(name), text: "投诉".into(), open: true
                    };
                on_lot(Actor::Company(account(name)), Action::Complain(fact))
            }
            ["supervisor", verb @ ("admits" | "holds" | "rejects"), id] => {
                let (admitted, suspend) = (verb != "rejects", verb == "holds");
                let ask = ComplaintAdmission { objection: question(id), admitted, reason: reason(), suspend };
                on_lot(SUPERVISOR, Action::AdmitComplaint(ask))
            }
            ["supervisor", verb @ ("dismisses" | "upholds"), id] => {
                let ask =
                    ComplaintDecision { objection: question(id), upheld: verb == "upholds", text: "决定".into() };
                on_lot(SUPERVISOR, Action::DecideComplaint(ask))
            }
            ["platform", "away", "until", back] => {
                on_platform(Action::BeginOutage(OutageBegan { recorded_at: moment(back) }))
            }
            ["platform", "back"] => on_platform(Action::EndOutage),
            _ => panic!("the tables do not know {words:?}"),
        }
    }
}

/// Plays `table` and compares the transcript, spaces apart.
#[track_caller]
pub fn check(mut world: World, table: &str) {
    let told = world.play(table);
    let plain = |text: &str| -> Vec<String> {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        text.lines().map(words).filter(|line| !line.is_empty()).collect()
    };
    assert!(plain(&told) == plain(table), "what happened:\n{told}\nexpected:\n{table}");
}

pub fn on_lot(actor: Actor, action: Action) -> Command {
    Command { actor, subject: Subject::Lot(LOT), action }
}

fn on_platform(action: Action) -> Command {
    Command { actor: Actor::System, subject: Subject::Platform, action }
}

/// Enough of a statement for replay to read it again.
fn signed(rung: Option<u32>) -> String {
    rung.map_or("price".into(), |rung| rung.to_string())
}

fn confirm(who: &str, number: u32, key: Jwk) -> Command {
    assert!(who.starts_with('#'));
    on_lot(Actor::Bidder(number), Action::ConfirmEntry(Entry { number, key, statement: "jws".into() }))
}

/// Account, key, credit code and deposit reference all follow from the name.
pub fn credit_code(name: &str) -> String {
    format!("9133{name}")
}

pub fn sign_up(name: &str, random: Hash) -> Command {
    let (key, account) = (Jwk(Hash::of(name.as_bytes()).0), account(name));
    let fact = SignedUp {
        account,
        company: format!("{name}公司"),
        credit_code: credit_code(name),
        reference: name.into(),
        key,
        binding: "jws".into(),
        random,
    };
    on_lot(Actor::Company(account), Action::SignUp(fact))
}

fn account(name: &str) -> Id {
    let Hash([a, b, c, d, ..]) = Hash::of(name.as_bytes());
    Id::from_u128(u128::from(u32::from_be_bytes([a, b, c, d])) + 100)
}

/// `q1`, `p1`, `o1`: the id of a question, an order or an objection.
fn question(label: &str) -> Id {
    Id::from_u128(label.bytes().fold(0, |sum, byte| sum * 256 + u128::from(byte)))
}

fn label(id: Id) -> String {
    id.to_u128().to_be_bytes().iter().filter(|byte| **byte != 0).map(|byte| char::from(*byte)).collect()
}

/// `12:05:00`, `12:05:00.000001`, `10d12:05:00` of the tables' day and those after it, `-3d12:05:00` before it.
pub fn moment(text: &str) -> Micros {
    let (days, clock) = text.split_once('d').unwrap_or(("0", text));
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "000000"));
    assert!(fraction.len() == 6, "{text}");
    let part = |text: &str| text.parse::<u64>().unwrap();
    let seconds = clock.split(':').fold(0, |sum, field| sum * 60 + part(field));
    let days: i64 = days.parse().unwrap();
    let day = Span::days(days.unsigned_abs());
    let start = if days < 0 { midnight().minus(day) } else { midnight().plus(day) };
    start.plus(Span::micros(seconds * 1_000_000 + part(fraction)))
}

/// What [`moment`] reads.
pub fn clock(at: Micros) -> String {
    let day = i64::try_from(Span::days(1).get()).unwrap();
    let past = at.get() - midnight().get();
    let (days, micros) = (past.div_euclid(day), past.rem_euclid(day));
    let mut text = if days == 0 { String::new() } else { format!("{days}d") };
    text += &length(micros);
    text
}

fn length(micros: i64) -> String {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction != 0 {
        write!(text, ".{fraction:06}").unwrap();
    }
    text
}

fn outcome(events: &[Event]) -> String {
    events.iter().map(|event| told(&event.fact)).collect::<Vec<_>>().join(", ")
}

fn told(fact: &Fact) -> String {
    let numbers = |all: &[u32]| all.iter().map(|n| format!("#{n}")).collect::<Vec<_>>().join(" ");
    let hold = |hold: Hold| match hold {
        Hold::Office => "office".into(),
        Hold::Order(id) | Hold::Objection(id) => label(id),
        Hold::Outage => String::from("outage"),
        Hold::Complaint(id) => format!("complaint {}", label(id)),
    };
    let late = |late: bool| if late { " late" } else { "" };
    let verdict = |upheld: bool| if upheld { "upheld" } else { "refuted" };
    match fact {
        Fact::NumberDealt(f) => f.priority.map_or("number dealt".into(), |rank| format!("number dealt, rank {rank}")),
        Fact::LotSuspended(f) => format!("held by {}", hold(f.hold)),
        Fact::LotResumed(f) if f.running => {
            format!("running, credit {}", length(i64::try_from(f.credit.get()).unwrap()))
        }
        Fact::LotResumed(_) => "still held".into(),
        Fact::LotFailed(f) => format!("failed: {:?}", f.why),
        Fact::PublicityStarted(f) => format!("public until {}", clock(f.until)),
        Fact::Awarded(f) => match f.offer {
            Some(offer) => format!("awarded to #{} for {} with {offer}", f.number, f.price),
            None => format!("awarded to #{} for {}", f.number, f.price),
        },
        Fact::WinnerDisclosed(f) => format!("winner {}", f.company),
        Fact::AuctionOpened(f) => format!("open to {} until {}", numbers(&f.numbers), clock(f.until)),
        Fact::BidAccepted(_) => "accepted".into(),
        Fact::BidRefused(f) => format!("refused {}", f.rule),
        Fact::CountdownReset(f) => format!("until {}", clock(f.until)),
        Fact::TimedPeriodStarted(f) => format!("timed until {}", clock(f.until)),
        Fact::ConfirmationOpened(f) => format!("{} may confirm until {}", numbers(&f.eligible), clock(f.until)),
        Fact::RungStarted(f) => format!("rung {} until {}", f.rung, clock(f.until)),
        Fact::AuctionClosed(f) => closed(f),
        Fact::ReserveDisclosed(f) => format!("reserve was {}", f.amount),
        Fact::QuestionRaised(f) => format!("{} raised", label(f.question)),
        Fact::QuestionAnswered(f) => format!("{} answered{}", label(f.question), late(f.late)),
        Fact::QuestionOverdue(f) => format!("{} overdue", label(f.question)),
        Fact::PauseOrdered(f) => format!("{} ordered", label(f.order)),
        Fact::PauseLifted(f) => format!("{} lifted", label(f.order)),
        Fact::NoteAttached(f) => format!("note on {}", f.entry),
        Fact::ObjectionReceived(f) => format!("{} due {}", label(f.objection), clock(f.due)),
        Fact::ObjectionAnswered(f) => format!("{} {}{}", label(f.objection), verdict(f.upheld), late(f.late)),
        Fact::ObjectionOverdue(f) => format!("{} overdue", label(f.objection)),
        Fact::ComplaintReceived(f) => format!("complaint due {}", clock(f.due)),
        Fact::ComplaintAdmitted(f) => match f.due {
            Some(due) => format!("admitted{}, due {}", late(f.late), clock(due)),
            None => format!("not admitted{}", late(f.late)),
        },
        Fact::ComplaintDecided(f) => format!("complaint {}{}", verdict(f.upheld), late(f.late)),
        Fact::ComplaintOverdue(_) => "complaint overdue".into(),
        Fact::ComplaintHoldLapsed(_) => "complaint's hold lapsed".into(),
        Fact::DutyOverdue(f) => format!("{:?} overdue", f.duty),
        // The rest have no parts: their kind says it all.
        _ => fact.kind().rsplit('.').next().unwrap().replace('_', " "),
    }
}

fn closed(fact: &AuctionClosed) -> String {
    let mut text = String::from("closed");
    for place in &fact.ranking {
        write!(text, " #{}={}", place.number, place.amount).unwrap();
        if place.rung > 0 {
            write!(text, "@{}", place.rung).unwrap();
        }
    }
    if let Some(due) = fact.reserve_due {
        write!(text, " reserve due {}", clock(due)).unwrap();
    }
    text
}

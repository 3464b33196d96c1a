//! What holds whatever happens: random wishes at random moments on lots with random rules.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::base::limits;
use crate::engine::audience::{Audience, audience};
use crate::engine::decide::cause;
use crate::engine::rules::ListingRules;
use crate::engine::rules::Method::{Ascending, Descending, Listing};
use crate::engine::state::{Lot, Phase, Question, Timer};

/// A wish in words that need the lot as it stands when its turn comes.
#[derive(Debug, Clone)]
enum Wish {
    /// Steps past the leading price, or past the start; then 分 beside the step.
    Bid {
        who: u32,
        steps: i64,
        beside: i64,
        rung: Option<u32>,
    },
    Any {
        who: u32,
        amount: i64,
        rung: Option<u32>,
    },
    Confirm {
        who: u32,
    },
    Words(&'static str),
    /// An order, a question or the lifting of an order; open or not.
    Order {
        id: u128,
        due: u64,
        open: bool,
    },
    Question {
        id: u128,
        due: u64,
        open: bool,
    },
    Lift {
        id: u128,
    },
    Answer {
        id: u128,
    },
    Outage {
        after: u64,
    },
    /// For six days.
    Publish,
}

/// What ends well, and what the centre may try at any time.
const ROUTINE: &[&str] = &[
    "owner discloses 1050",
    "owner discloses 1050",
    "owner discloses 1051",
    "owner discloses 1051",
    "owner awards",
    "owner awards",
    "owner contracts",
    "office archives",
    "return 1",
    "return 2",
    "forfeit 2 悔拍",
    "丁 signs up",
    "deposit 丁 500",
];
const TROUBLE: &[&str] = &["office suspends", "office fails", "office terminates"];
const RELIEF: &[&str] = &["office resumes", "platform back"];

fn bids() -> impl Strategy<Value = Wish> {
    let rung = || select(vec![None, None, None, None, None, Some(1)]);
    let amount = prop_oneof![0..2000i64, Just(limits::AMOUNT_MAX_FEN), 0..limits::AMOUNT_MAX_FEN];
    let beside = select(vec![0, 0, 0, 0, 0, 0, 5]);
    prop_oneof![
        12 => (1..5u32, 0..4i64, beside, rung())
            .prop_map(|(who, steps, beside, rung)| Wish::Bid { who, steps, beside, rung }),
        1 => (0..7u32, amount, rung()).prop_map(|(who, amount, rung)| Wish::Any { who, amount, rung }),
        2 => (1..5u32).prop_map(|who| Wish::Confirm { who }),
    ]
}

fn feedback() -> impl Strategy<Value = Wish> {
    let (id, due) = (|| 60..63u128, || 1..5_000_000_000u64);
    prop_oneof![
        1 => (id(), due(), any::<bool>()).prop_map(|(id, due, open)| Wish::Order { id, due, open }),
        1 => (id(), due(), any::<bool>()).prop_map(|(id, due, open)| Wish::Question { id, due, open }),
        3 => id().prop_map(|id| Wish::Lift { id }),
        1 => id().prop_map(|id| Wish::Answer { id }),
    ]
}

/// Wishes with the delay before each, in microseconds. On calm days nobody stops the clock.
fn wishes(calm: bool) -> impl Strategy<Value = Vec<(u64, Wish)>> {
    let words = |words| select(words).prop_map(Wish::Words);
    let (trouble, rare) = if calm { (0, 0) } else { (2, 1) };
    let wish = prop_oneof![
        24 => bids(),
        5 => words(ROUTINE),
        2 => Just(Wish::Publish),
        trouble => feedback(),
        rare => words(TROUBLE),
        3 * trouble => words(RELIEF),
        rare => (1..3_000_000_000u64).prop_map(|after| Wish::Outage { after }),
    ];
    // Mostly seconds, sometimes the same microsecond, sometimes a whole window, sometimes days.
    let (seconds, window, days) = (1..60_000_000u64, 300_000_000u64, 1..Span::days(6).get());
    let delay = prop_oneof![4 => Just(0), 40 => seconds, 1 => Just(window), 2 => days];
    proptest::collection::vec((delay, wish), 1..80)
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let cap = select(vec![None, Some(30), Some(45)]);
    (0..3, any::<bool>(), cap, 0..3usize, select(vec![0, 1050, 1051]), 1..100u32).prop_map(
        |(method, free, cap, rungs, reserve, max_steps)| {
            let free = if free { Span::minutes(10) } else { Span::micros(0) };
            let price = PriceRules { max_steps, free, ..price_rules() };
            let PriceRules { start, step, window, .. } = price;
            let (quoting, confirm) = (Span::days(10), Span::minutes(5));
            let method = match method {
                0 => Ascending(price),
                1 => Descending(price),
                _ => Listing(ListingRules { start, step, max_steps, quoting, confirm, window }),
            };
            let cap = cap.map(|gain| fen(if method.rulebook().falls() { 1000 - gain } else { 1000 + gain }));
            let ladder = if cap.is_some() { vec![rung(Some(325)); rungs] } else { Vec::new() };
            Rules { cap, ladder, reserve: (reserve > 0).then(|| hidden(reserve)), ..rules(method) }
        },
    )
}

/// Whether the bid of `who` is put on the price, or the rung, as it stands.
fn sensible_amount(lot: &Lot, steps: i64, beside: i64) -> Option<i64> {
    let auction = lot.auction.as_ref()?;
    let past = usize::try_from(auction.rung).ok()?.checked_sub(1);
    let (start, step) = match past.and_then(|index| lot.rules.ladder.get(index)) {
        Some(rung) => (rung.start.get(), rung.step.get()),
        None => (1000, 10),
    };
    let from = auction.leader.map_or(start, |leader| leader.amount.get());
    let gain = steps * step + beside;
    let falls = auction.rung == 0 && lot.rules.method.rulebook().falls();
    Some(if falls { from - gain } else { from + gain })
}

impl Wish {
    fn command(&self, world: &World, at: Micros) -> Command {
        let lot = &world.state.lots[&LOT];
        let bid = |who: u32, amount: i64, rung: Option<u32>| {
            let key = lot.roster.get(&who).map_or(Jwk([255; 32]), |bidder| bidder.key);
            let amount = Fen::new(amount).unwrap_or_default();
            let bid = Bid { number: who, amount, rung, key, statement: signed(rung) };
            on_lot(Actor::Bidder(who), Action::Bid(bid))
        };
        let (entry, text) = (None, || String::from("理由"));
        match *self {
            Self::Bid { who, steps, beside, rung } => {
                // Mostly on the rung that stands, sometimes elsewhere.
                let now = lot.auction.as_ref().map_or(0, |auction| auction.rung);
                let rung = rung.or((now > 0).then_some(now));
                bid(who, sensible_amount(lot, steps, beside).unwrap_or(1000), rung)
            }
            Self::Any { who, amount, rung } => bid(who, amount, rung),
            Self::Confirm { who } => world.command(&[&format!("#{who}"), "confirms"]),
            Self::Words(words) => world.command(&words.split(' ').collect::<Vec<_>>()),
            Self::Order { id, due, open } => {
                let (order, due, reason) = (Id::from_u128(id), at.plus(Span::micros(due)), text());
                on_lot(SUPERVISOR, Action::OrderPause(PauseOrdered { order, entry, reason, due, open }))
            }
            Self::Question { id, due, open } => {
                let (question, due, text) = (Id::from_u128(id), at.plus(Span::micros(due)), text());
                on_lot(SUPERVISOR, Action::Question(QuestionRaised { question, entry, text, due, open }))
            }
            Self::Lift { id } => on_lot(SUPERVISOR, Action::LiftPause { order: Id::from_u128(id), reason: text() }),
            Self::Answer { id } => on_lot(OFFICE, Action::Answer { question: Id::from_u128(id), text: text() }),
            Self::Publish => {
                let until = at.plus(Span::days(6));
                on_lot(OFFICE, Action::StartPublicity(PublicityStarted { until }))
            }
            Self::Outage { after } => {
                on_platform(Action::BeginOutage(OutageBegan { recorded_at: at.plus(Span::micros(after)) }))
            }
        }
    }
}

fn leads(lot: &Lot) -> Result<(), TestCaseError> {
    let Some(auction) = lot.auction.as_ref() else { return Ok(()) };
    let Some(leader) = auction.leader else {
        prop_assert!(auction.best.is_empty());
        return Ok(());
    };
    let falls = lot.rules.method.rulebook().falls() && auction.rung == 0;
    for quote in auction.best.values().filter(|quote| quote.number != leader.number) {
        let worse = if falls { quote.amount > leader.amount } else { quote.amount < leader.amount };
        let matched =
            quote.amount == leader.amount && lot.priority_rank(leader.number) < lot.priority_rank(quote.number);
        prop_assert!(worse || matched, "{quote:?} beside {leader:?}");
    }
    let first = lot.rules.method.rulebook().standings(lot).first().copied();
    prop_assert_eq!(first.map(|first| first.number), Some(leader.number));
    Ok(())
}

/// What must hold in every state.
fn invariants(world: &World) -> Result<(), TestCaseError> {
    let state = &world.state;
    let lots = state.lots.values().filter_map(|lot| Some((lot.next_timer()?, Timer::Lot(lot.id))));
    let questions = state
        .questions
        .iter()
        .filter_map(|(id, question): (_, &Question)| Some((question.next_timer()?, Timer::Question(*id))));
    prop_assert_eq!(&state.timers, &lots.chain(questions).collect::<BTreeSet<_>>());
    let lot = &state.lots[&LOT];
    prop_assert_eq!(lot.holds.is_empty(), lot.stopped_at.is_none());
    prop_assert!(state.next_timer().is_none_or(|next| next >= world.last));
    leads(lot)
}

/// What must hold of each answer; `before` is the state that it was given on, `lapsed` whether the owner kept silent about
/// the reserve.
fn answer_is_sound(before: &State, events: &[Event], at: Micros, lapsed: bool) -> Result<(), TestCaseError> {
    let lot = &before.lots[&LOT];
    let accepted = events.iter().any(|event| matches!(event.fact, Fact::BidAccepted(_)));
    for event in events {
        match &event.fact {
            Fact::CountdownReset(fact) => {
                prop_assert!(accepted);
                let rung = lot.auction.as_ref().map_or(0, |auction| auction.rung);
                let window = if rung == 0 { Span::minutes(5) } else { Span::minutes(3) };
                prop_assert_eq!(fact.until, at.plus(window));
            }
            Fact::BidAccepted(_) => {
                prop_assert_eq!(lot.phase, Phase::Running);
                prop_assert!(!lot.is_suspended());
                prop_assert!(lot.auction.as_ref().is_some_and(|auction| at < auction.until));
            }
            Fact::Awarded(fact) => {
                let disclosed = if lot.rules.reserve == Some(hidden(1050)) { 1050 } else { 1051 };
                let met = lot.rules.method.rulebook().meets_reserve(fact.price, fen(disclosed));
                prop_assert!(met || lot.rules.reserve.is_none() || lapsed);
            }
            _ => {}
        }
    }
    Ok(())
}

fn nothing_hidden_is_shown(world: &World) -> Result<(), TestCaseError> {
    let opened = world.log.iter().any(|(event, _)| matches!(event.fact, Fact::AuctionOpened(_)));
    for (event, _) in &world.log {
        let shown = audience(event, &world.state) == Audience::Public;
        let kind = event.fact.kind();
        if kind == "lot.signed_up" || kind.starts_with("deposit.") {
            prop_assert!(!shown, "{kind}");
        }
        if !opened && (kind == "lot.number_dealt" || matches!(event.actor, Actor::Bidder(_))) {
            prop_assert!(!shown, "{kind} by {}", event.actor);
        }
    }
    Ok(())
}

/// Asks again what each event answered, as a stranger with the ledger would: the log follows from its causes and from the
/// clock alone. Returns the state at the end, applied from facts that went over the wire.
fn replayed(world: &World) -> Result<State, TestCaseError> {
    let (mut state, mut seq) = (State::default(), 0);
    while let Some((first, at)) = world.log.get(seq) {
        let events = if let Some(command) = cause(first).or_else(|| statement(&state, first)) {
            decide(&state, &command, *at).unwrap()
        } else {
            let (due, timer) = *state.timers.first().unwrap();
            prop_assert!(due <= *at);
            fire(&state, timer, *at)
        };
        prop_assert!(!events.is_empty());
        for event in events {
            let logged = world.log.get(seq).map(|(event, _)| event);
            prop_assert_eq!(Some(&event), logged);
            let value = serde_json::to_value(&event.fact).unwrap();
            let fact = Fact::read(event.fact.kind(), value).unwrap().unwrap();
            prop_assert_eq!(&fact, &event.fact);
            apply(&mut state, &Event { fact, ..event }, *at, seq as u64);
            seq += 1;
        }
    }
    Ok(state)
}

/// What a bidder signed; the tables' statement is the rung alone.
fn statement(state: &State, event: &Event) -> Option<Command> {
    let Actor::Bidder(number) = event.actor else { return None };
    let key = state.lots[&LOT].roster[&number].key;
    let bid = |amount: Fen, statement: &String| {
        Action::Bid(Bid { number, amount, rung: statement.parse().ok(), key, statement: statement.clone() })
    };
    let action = match &event.fact {
        Fact::BidAccepted(fact) => bid(fact.amount, &fact.statement),
        Fact::BidRefused(fact) => bid(fact.amount, &fact.statement),
        Fact::EntryConfirmed(fact) => Action::ConfirmEntry(Entry { number, key, statement: fact.statement.clone() }),
        _ => return None,
    };
    Some(on_lot(event.actor, action))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens(
        rules in any_rules(),
        ranks in proptest::collection::vec(0..3u32, 4),
        wishes in any::<bool>().prop_flat_map(wishes),
    ) {
        let bidders: Vec<(u32, u32)> = (1..).zip(ranks).collect();
        let mut world = World::admitted(rules, &bidders);
        let mut at = moment("11:59:50");
        let mut lapsed = false;
        nothing_hidden_is_shown(&world)?;
        for (delay, wish) in &wishes {
            at = at.plus(Span::micros(*delay));
            for (fired_at, events) in world.advance(at) {
                lapsed |= events.iter().any(|event| matches!(event.fact, Fact::ReserveLapsed(_)));
                prop_assert!(fired_at <= at);
            }
            let before = world.state.clone();
            if let Ok(events) = world.ask(&wish.command(&world, at), at) {
                answer_is_sound(&before, &events, at, lapsed)?;
            } else {
                prop_assert_eq!(&before, &world.state);
            }
            invariants(&world)?;
        }
        nothing_hidden_is_shown(&world)?;
        let again = replayed(&world)?;
        prop_assert_eq!(&again, &world.state);
        let snapshot = serde_json::to_vec(&again).unwrap();
        prop_assert_eq!(&serde_json::from_slice::<State>(&snapshot).unwrap(), &world.state);
        // Left alone, every clock runs out.
        let end = world.last.plus(Span::days(1000));
        world.advance(end);
        prop_assert!(world.state.timers.is_empty());
    }

    /// The same bids at the same running times: however often the clock stood still, each gets the same answer and the
    /// auction closes after the same running time.
    #[test]
    fn a_standstill_changes_nothing_but_the_hour(
        rules in any_rules(),
        bids in proptest::collection::vec((0..400_000_000u64, 1..5u32, 0..3i64), 1..20),
        stops in proptest::collection::vec((0..1_500_000_000u64, 1..10_000_000_000u64), 1..6),
    ) {
        let straight = run(&rules, &bids, &[]);
        let mut stops = stops;
        stops.sort_unstable();
        stops.dedup_by_key(|(at, _)| *at);
        prop_assert_eq!(straight, run(&rules, &bids, &stops));
    }
}

/// Plays `bids` (delays in running time) with standstills at the running times of `stops`; returns what happened, at
/// which running time.
fn run(rules: &Rules, bids: &[(u64, u32, i64)], stops: &[(u64, u64)]) -> Vec<(u64, String)> {
    let mut world = World::admitted(rules.clone(), &[(1, 0), (2, 0), (3, 1), (4, 2)]);
    let opens = moment("12:00:00");
    let mut stops = stops.iter().peekable();
    let (mut ran, mut stood, mut told) = (0u64, 0u64, Vec::new());
    let mut tell = |events: &[Event], at: Micros, stood: u64| {
        for event in events {
            let text = match &event.fact {
                Fact::LotSuspended(_) | Fact::LotResumed(_) => continue,
                Fact::BidRefused(fact) => fact.rule.to_string(),
                other => other.kind().to_owned(),
            };
            told.push((at.since(opens).get() - stood, text));
        }
    };
    // A last wish long after the last bid lets every clock run out.
    let bids = bids.iter().map(|bid| (bid.0, Some(bid))).chain([(20 * Span::days(1).get(), None)]);
    for (delay, bid) in bids {
        ran += delay;
        while let Some((stop, length)) = stops.next_if(|(stop, _)| *stop <= ran) {
            let at = opens.plus(Span::micros(stop + stood));
            for (at, events) in world.advance(at) {
                tell(&events, at, stood);
            }
            let held = world.command(&["office", "suspends"]);
            if world.ask(&held, at).is_ok() {
                let back = world.command(&["office", "resumes"]);
                world.ask(&back, at.plus(Span::micros(*length))).unwrap();
                stood += length;
            }
        }
        let at = opens.plus(Span::micros(ran + stood));
        for (at, events) in world.advance(at) {
            tell(&events, at, stood);
        }
        if let Some((_, who, steps)) = bid {
            let wish = Wish::Bid { who: *who, steps: *steps, beside: 0, rung: None };
            let events = world.ask(&wish.command(&world, at), at).unwrap();
            tell(&events, at, stood);
        }
    }
    told
}

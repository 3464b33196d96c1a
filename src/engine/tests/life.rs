//! A lot's life around its auction: sign-up, deposits, numbers, standstills, feedback, publicity, award, contract, archive.

use std::collections::BTreeSet;

use super::*;
use crate::base::limits;
use crate::engine::audience::{Audience, audience};
use crate::engine::calendar::{CityPeriods, Holidays};
use crate::engine::code::CodeFormat;
use crate::engine::rules::Method::Ascending;

/// Noticed on day −20 at 12:00; sign-up from −19 to −2, deposits until −1, auction on the day at 12:00.
fn plain() -> Rules {
    rules(Ascending(price_rules()))
}

const TWO: &[(u32, u32)] = &[(1, 0), (2, 0)];

#[test]
fn sign_up_deposit_number() {
    check(
        World::noticed(Rules { priority: vec![credit_code("乙")], ..plain() }),
        "
        -19d11:59:59.999999 甲 signs up       → no: sign_up_not_open
        -19d12:00:00     clock                → sign up opened
        -19d12:00:00     甲 signs up          → signed up
        -19d12:00:00     甲 signs up          → no: already_signed_up
        -18d12:00:00     office suspends      → held by office
        -18d12:00:00     乙 signs up          → no: suspended
        -18d12:00:00     office resumes       → running, credit 00:00:00
        -18d12:00:00     乙 signs up          → signed up
        -18d12:00:00     丙 signs up          → signed up
        -18d12:00:00     deposit 丁 500       → no: deposit_unknown
        -18d12:00:00     deposit 甲 499       → no: deposit_mismatch
        -18d12:00:00     deposit 甲 501       → no: deposit_mismatch
        -18d12:00:00     deposit 甲 500       → confirmed, number dealt
        -18d12:00:00     deposit 甲 500       → no: deposit_state
        -18d12:00:00     return 丁            → no: deposit_unknown
        -18d12:00:00     return 乙            → no: deposit_state
        -18d12:00:00     return 甲            → no: wrong_phase
        -18d12:00:00     forfeit 甲 悔拍      → no: wrong_phase
        -2d12:00:00      clock                → sign up closed
        -2d12:00:00      丁 signs up          → no: sign_up_closed
        -1d11:59:59.999999 deposit 乙 500     → confirmed, number dealt, rank 1
        -1d12:00:00      deposit 丙 500       → no: deposit_late
        12:00:00         clock                → open to #376 #857 until 12:10:00
        12:00:00         deposit 丙 500       → no: wrong_phase
        12:00:00         office terminates    → terminated
        -- who never paid has nothing to get back
        12:00:00         return 丙            → no: deposit_state
        12:00:00         forfeit 甲           → no: reason_missing
        12:00:00         forfeit 甲 串通      → forfeited
        12:00:00         return 甲            → no: deposit_state
        12:00:00         return 乙            → returned
        ",
    );
}

#[test]
fn a_standstill_neither_hastens_nor_brings_back_the_deposit_deadline() {
    check(
        World::noticed(plain()),
        "
        -19d12:00:00     clock                → sign up opened
        -19d12:00:00     甲 signs up          → signed up
        -19d12:00:00     乙 signs up          → signed up
        -19d12:00:00     丙 signs up          → signed up
        -2d12:00:00      clock                → sign up closed
        -1d11:59:59      office suspends      → held by office
        -1d13:00:00      deposit 甲 500       → confirmed, number dealt
        -1d14:00:00      office resumes       → running, credit 02:00:01
        -1d14:00:00.999999 deposit 乙 500     → confirmed, number dealt
        -1d14:00:01      office suspends      → held by office
        -- the deadline had passed before the clock stopped
        -1d15:00:00      deposit 丙 500       → no: deposit_late
        -1d15:00:01      office resumes       → running, credit 01:00:00
        -1d15:00:01      deposit 丙 500       → no: deposit_late
        15:00:01         clock                → open to #376 #857 until 15:10:01
        ",
    );
}

#[test]
fn one_company_one_key_one_reference_once() {
    let mut world = World::noticed(plain());
    let at = moment("-19d12:00:00");
    let mut ask = |change: &dyn Fn(&mut SignedUp)| {
        let mut command = sign_up("乙", Hash::ZERO);
        if let Action::SignUp(fact) = &mut command.action {
            change(fact);
        }
        world.ask(&command, at).map_or_else(|refusal| refusal.code.name(), |_| "ok")
    };
    assert_eq!(ask(&|fact| fact.company = " ".into()), "invalid_field");
    assert_eq!(ask(&|_| ()), "ok");
    let fresh = |fact: &mut SignedUp| {
        fact.account = Id::from_u128(9);
        fact.credit_code = "另一信用代码".into();
        fact.reference = "另一编号".into();
        fact.key = Jwk([9; 32]);
    };
    let Action::SignUp(before) = sign_up("乙", Hash::ZERO).action else { unreachable!() };
    for kept in ["account", "credit code", "reference", "key"] {
        let answer = ask(&|fact| {
            fresh(fact);
            match kept {
                "account" => fact.account = before.account,
                "credit code" => fact.credit_code.clone_from(&before.credit_code),
                "reference" => fact.reference.clone_from(&before.reference),
                _ => fact.key = before.key,
            }
        });
        assert_eq!(answer, "already_signed_up", "{kept}");
    }
    assert_eq!(ask(&fresh), "ok");
}

#[test]
fn without_a_deposit_the_number_comes_at_once() {
    check(
        World::noticed(Rules { deposit: Fen::ZERO, ..plain() }),
        "
        -19d12:00:00     clock                → sign up opened
        -19d12:00:00     甲 signs up          → signed up, number dealt
        -19d12:00:00     deposit 甲 0         → no: deposit_state
        -2d12:00:00      clock                → sign up closed
        12:00:00         clock                → open to #857 until 12:10:00
        ",
    );
}

#[test]
fn numbers_are_spread_never_dealt_twice_and_follow_from_the_random_input() {
    let deal = || {
        let mut world = World::noticed(Rules { deposit: Fen::ZERO, ..plain() });
        let at = moment("-19d12:00:00");
        for index in 0..limits::BIDDERS_PER_LOT_MAX {
            let name = index.to_string();
            world.ask(&sign_up(&name, Hash::of(name.as_bytes())), at).unwrap();
        }
        let full = world.ask(&sign_up("甲", Hash::ZERO), at).unwrap_err();
        assert_eq!(full.code.name(), "bidders_full");
        let dealt: Vec<u32> = world
            .log
            .iter()
            .filter_map(|(event, _)| if let Fact::NumberDealt(fact) = &event.fact { Some(fact.number) } else { None })
            .collect();
        dealt
    };
    let numbers = deal();
    assert_eq!(numbers, deal(), "the same input deals the same numbers");
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), limits::BIDDERS_PER_LOT_MAX);
    assert!(numbers.iter().all(|number| (1..=999).contains(number)));
    // Of the first hundred about ten fall into each hundred; the last hundred still reach everywhere.
    for part in [&numbers[..100], &numbers[800..]] {
        for hundred in 0..10 {
            assert!(part.iter().any(|number| number / 100 == hundred), "{part:?}");
        }
    }
}

#[test]
fn from_the_close_to_the_archive() {
    check(
        World::admitted(plain(), TWO),
        "
        12:00:00         clock                → open to #1 #2 until 12:10:00
        12:00:01         #1 bid 1000          → accepted
        12:00:02         #2 bid 1010          → accepted
        12:00:03         office publishes 6d00:00:00 → no: wrong_phase
        12:00:03         office fails         → no: wrong_phase
        12:00:03         return 1             → no: wrong_phase
        12:10:00         clock                → timed until 12:15:00
        12:15:00         clock                → closed #2=1010 #1=1000
        12:15:01         owner awards         → no: wrong_phase
        -- losers at once; the winner's deposit stands for the contract
        12:15:01         return 1             → returned
        12:15:01         return 2             → no: wrong_phase
        -- Wednesday 20:00 in China plus three days is Saturday, hence the end of Monday (民法典第二百零三条)
        12:15:01         office publishes 5d15:59:59.999999 → no: publicity_too_short
        12:15:01         office publishes 900d00:00:00 → no: invalid_field
        12:15:01         office publishes 5d16:00:00 → public until 5d16:00:00
        12:15:01         office publishes 5d16:00:00 → no: wrong_phase
        5d15:59:59.999999 owner awards        → no: publicity_not_over
        5d16:00:00       owner awards         → awarded to #2 for 1010, winner 2公司
        5d16:00:00       owner awards         → no: wrong_phase
        5d16:00:00       office archives      → no: wrong_phase
        6d12:00:00       return 2             → no: wrong_phase
        6d12:00:00       owner contracts      → contracted
        6d12:00:00       owner contracts      → no: wrong_phase
        6d12:00:00       office terminates    → no: wrong_phase
        6d12:00:00       office fails         → no: wrong_phase
        6d12:00:01       return 2             → returned
        7d12:00:00       office archives      → archived
        7d12:00:00       office suspends      → no: wrong_phase
        7d12:00:00       #1 bid 1020          → refused closed
        ",
    );
}

#[test]
fn a_winner_that_withdraws_fails_the_lot_and_loses_its_deposit() {
    let after_the_close = "
        12:00:00         clock                → open to #1 #2 until 12:10:00
        12:00:01         #1 bid 1000          → accepted
        12:10:00         clock                → timed until 12:15:00
        12:15:00         clock                → closed #1=1000";
    for until_then in [
        "",
        "12:15:00 office publishes 6d00:00:00 → public until 6d00:00:00",
        "12:15:00 office publishes 6d00:00:00 → public until 6d00:00:00
         6d00:00:00 owner awards → awarded to #1 for 1000, winner 1公司",
    ] {
        let table = format!(
            "{after_the_close}
            {until_then}
            6d12:00:00       office suspends      → held by office
            6d12:00:00       office fails         → no: suspended
            6d12:00:00       office resumes       → running, credit 00:00:00
            6d12:00:00       office fails         → failed: WinnerWithdrew
            6d12:00:00       office fails         → no: wrong_phase
            6d12:00:00       office terminates    → no: wrong_phase
            6d12:00:00       supervisor pauses p1 due 7d00:00:00 → no: wrong_phase
            6d12:00:00       forfeit 1 悔约       → forfeited
            6d12:00:00       return 2             → returned"
        );
        check(World::admitted(plain(), TWO), &table);
    }
}

#[test]
fn every_phase_gets_the_time_of_its_standstill_back() {
    check(
        World::noticed(Rules { reserve: Some(hidden(900)), ..plain() }),
        "
        -- noticed: nothing opens while the clock stands still
        -19d11:00:00     office suspends      → held by office
        -19d11:00:00     office suspends      → no: already_suspended
        -19d11:00:00     office suspends silently → no: reason_missing
        -19d13:00:00     office resumes       → running, credit 02:00:00
        -19d13:00:00     office resumes       → no: hold_unknown
        -19d13:59:59.999999 甲 signs up       → no: sign_up_not_open
        -19d14:00:00     clock                → sign up opened
        -- sign-up: all later dates move with it
        -19d14:00:00     甲 signs up          → signed up
        -19d14:00:00     deposit 甲 500       → confirmed, number dealt
        -3d14:00:00      office suspends      → held by office
        -1d14:00:00      office resumes       → running, credit 48:00:00
        -1d23:00:00      乙 signs up          → signed up
        14:00:00         clock                → sign up closed
        -- waiting: what is past stays where it was
        1d13:00:00       office suspends      → held by office
        1d13:30:00       deposit 乙 500       → confirmed, number dealt
        1d14:00:00       office resumes       → running, credit 01:00:00
        2d15:00:00       clock                → open to #376 #857 until 2d15:10:00
        -- running, in the free and in the timed period
        2d15:09:00       office suspends      → held by office
        2d16:09:00       office resumes       → running, credit 01:00:00
        2d16:10:00       clock                → timed until 2d16:15:00
        2d16:10:01       #857 bid 1000        → accepted, until 2d16:15:01
        2d16:15:00.999999 office suspends     → held by office
        2d17:00:00       #376 bid 1010        → refused suspended
        2d17:15:00.999999 office resumes      → running, credit 01:00:00
        2d17:15:01       clock                → closed #857=1000 reserve due 2d18:15:01
        -- disclosing
        2d18:00:00       office suspends      → held by office
        2d20:00:00       owner discloses 900  → no: suspended
        2d20:00:00       office resumes       → running, credit 02:00:00
        2d20:15:00.999999 owner discloses 900 → reserve was 900
        -- publicity
        2d20:16:00       office publishes 9d00:00:00 → public until 9d00:00:00
        8d23:00:00       office suspends      → held by office
        9d23:00:00       office resumes       → running, credit 24:00:00
        9d23:59:59.999999 owner awards        → no: publicity_not_over
        10d00:00:00      owner awards         → awarded to #857 for 1000, winner 甲公司
        ",
    );
}

#[test]
fn a_hold_is_lifted_by_who_laid_it_and_the_last_one_starts_the_clock() {
    check(
        World::admitted(plain(), TWO),
        "
        12:00:00         clock                → open to #1 #2 until 12:10:00
        12:10:00         clock                → timed until 12:15:00
        12:14:00         #1 bid 1000          → accepted, until 12:19:00
        12:18:59.999999  supervisor pauses p1 due 13:00:00 → p1 ordered, held by p1
        12:18:59.999999  supervisor pauses p1 due 13:00:00 → no: question_exists
        12:18:59.999999  supervisor pauses p2 due 12:18:59.999999 → no: due_in_past
        12:18:59.999999  supervisor pauses p2 due 900d00:00:00 → no: invalid_field
        12:20:00         #2 bid 1010          → refused suspended
        12:20:00         office resumes       → no: hold_not_yours
        12:20:00         supervisor lifts p9  → no: question_unknown
        12:30:00         office suspends      → held by office
        12:30:00         supervisor pauses p2 due 14:00:00 → p2 ordered, held by p2
        -- the platform falls silent at 12:40 and is back at 12:50: a lot that stands still already loses nothing
        12:40:00         platform away until 12:50:00 → outage began
        12:50:00         platform back        → outage ended
        12:50:00         office resumes       → still held
        12:55:00         supervisor lifts p1  → p1 lifted, still held
        12:55:00         supervisor lifts p1  → no: hold_unknown
        13:00:00         clock                → p1 overdue
        13:18:59.999999  supervisor lifts p2  → p2 lifted, running, credit 01:00:00
        13:18:59.999999  #2 bid 1010          → accepted, until 13:23:59.999999
        13:23:59.999999  clock                → closed #2=1010 #1=1000
        14:00:00         clock                → p2 overdue
        ",
    );
}

#[test]
fn an_outage_stops_what_it_would_have_decided() {
    check(
        World::admitted(plain(), TWO),
        "
        11:50:00         platform away until 11:59:59.999999 → outage began
        11:59:59.999999  platform back        → outage ended
        11:59:59.999999  platform away until 12:30:00 → outage began, held by outage
        12:30:00         platform back        → outage ended, running, credit 00:30:00.000001
        12:30:00.000001  clock                → open to #1 #2 until 12:40:00.000001
        12:31:00         platform away until 12:32:00 → outage began, held by outage
        -- it fell again before it could say that it was back: one standstill
        12:31:30         platform away until 12:33:00 → outage began
        12:33:00         platform back        → outage ended, running, credit 00:02:00
        12:42:00.000001  clock                → timed until 12:47:00.000001
        ",
    );
}

#[test]
fn an_outage_over_the_deposit_deadline_stops_the_lot() {
    check(
        World::noticed(plain()),
        "
        -19d12:00:00     clock                → sign up opened
        -19d12:00:00     甲 signs up          → signed up
        -2d12:00:00      clock                → sign up closed
        -2d13:00:00      platform away until -2d14:00:00 → outage began
        -2d14:00:00      platform back        → outage ended
        -1d11:59:00      platform away until -1d12:00:00 → outage began, held by outage
        -1d12:00:00      platform back        → outage ended, running, credit 00:01:00
        -1d12:00:59      deposit 甲 500       → confirmed, number dealt
        12:01:00         clock                → open to #857 until 12:11:00
        ",
    );
}

#[test]
fn nothing_but_deposits_and_feedback_goes_on_while_a_lot_stands_still() {
    check(
        World::admitted(plain(), TWO),
        "
        12:00:00         clock                → open to #1 #2 until 12:10:00
        12:00:01         #1 bid 1000          → accepted
        12:10:00         clock                → timed until 12:15:00
        12:15:00         clock                → closed #1=1000
        13:00:00         office suspends      → held by office
        13:00:00         office publishes 6d00:00:00 → no: suspended
        13:00:00         return 2             → returned
        13:00:00         supervisor asks q1 due 14:00:00 → q1 raised
        13:00:00         office answers q1    → q1 answered
        13:00:00         office resumes       → running, credit 00:00:00
        13:00:00         office publishes 6d00:00:00 → public until 6d00:00:00
        5d23:00:00       office suspends      → held by office
        6d01:00:00       owner awards         → no: suspended
        7d23:00:00       office resumes       → running, credit 48:00:00
        7d23:59:59.999999 owner awards        → no: publicity_not_over
        8d00:00:00       owner awards         → awarded to #1 for 1000, winner 1公司
        8d00:00:00       supervisor pauses p1 due 9d00:00:00 → p1 ordered, held by p1
        8d00:00:00       owner contracts      → no: suspended
        8d00:00:00       office terminates    → terminated
        -- the order is answered and lifted even so
        8d00:00:01       office answers p1    → p1 answered
        8d00:00:01       supervisor lifts p1  → p1 lifted, running, credit 00:00:01
        ",
    );
}

#[test]
fn a_question_is_answered_in_time_late_or_overdue_by_itself() {
    check(
        World::noticed(plain()),
        "
        -20d12:00:00     supervisor asks q1 due -20d12:00:00 → no: due_in_past
        -20d12:00:00     supervisor asks q1 due -20d13:00:00 → q1 raised
        -20d12:00:00     supervisor asks q1 due -20d14:00:00 → no: question_exists
        -20d12:00:00     supervisor asks q2 due -20d13:00:00 → q2 raised
        -20d12:30:00     office answers q3    → no: question_unknown
        -20d12:59:59.999999 office answers q1 → q1 answered
        -20d12:59:59.999999 office answers q1 → no: question_answered
        -20d13:00:00     clock                → q2 overdue
        -20d13:00:00     office answers q2    → q2 answered late
        -20d13:00:00     office answers q2    → no: question_answered
        -20d13:00:00     supervisor lifts q2  → no: hold_unknown
        -- an order to pause is also a question, answered without being lifted
        -20d14:00:00     supervisor pauses p1 due -20d15:00:00 → p1 ordered, held by p1
        -20d14:30:00     office answers p1    → p1 answered
        -20d16:00:00     supervisor lifts p1  → p1 lifted, running, credit 02:00:00
        ",
    );
}

#[test]
fn a_working_day_is_what_the_holiday_notice_says() {
    let mut world = World::admitted(plain(), TWO);
    let days = |days: &[&str]| days.iter().map(|day| String::from(*day)).collect();
    // Saturday the 28th is worked; nothing else changes.
    let holidays = Holidays { free: days(&[]), worked: days(&["2026-11-28"]) };
    let (code_format, periods) = (CodeFormat::default(), CityPeriods::default());
    let configured = on_platform(Action::Configure(PlatformConfigured { code_format, holidays, periods }));
    world.ask(&configured, midnight()).unwrap();
    check(
        world,
        "
        12:00:00         clock                → open to #1 #2 until 12:10:00
        12:00:01         #1 bid 1000          → accepted
        12:10:00         clock                → timed until 12:15:00
        12:15:00         clock                → closed #1=1000
        12:15:00         office publishes 3d15:59:59.999999 → no: publicity_too_short
        12:15:00         office publishes 3d16:00:00 → public until 3d16:00:00
        ",
    );
}

#[test]
fn a_closed_order_keeps_its_reason_to_itself() {
    let mut world = World::admitted(plain(), TWO);
    let secret = "涉嫌串通";
    let order = Id::from_u128(50);
    let (reason, due) = (secret.to_owned(), moment("13:00:00"));
    let fact = PauseOrdered { order, entry: None, reason, due, open: false };
    world.ask(&on_lot(SUPERVISOR, Action::OrderPause(fact)), moment("12:01:00")).unwrap();
    let lift = Action::LiftPause { order, reason: secret.into() };
    world.ask(&on_lot(SUPERVISOR, lift), moment("12:02:00")).unwrap();
    for (event, _) in &world.log {
        let says = serde_json::to_string(&event.fact).unwrap().contains(secret);
        assert!(!says || audience(event, &world.state) == Audience::Office, "{event:?}");
    }
}

#[test]
fn a_bid_before_the_opening_becomes_public_with_it() {
    let mut world = World::admitted(plain(), TWO);
    world.play("11:00:00 #1 bid 1000 → ");
    let early = world.log.last().unwrap().0.clone();
    assert!(matches!(early.fact, Fact::BidRefused(_)));
    assert_eq!(audience(&early, &world.state), Audience::Sealed);
    world.advance(moment("12:00:00"));
    assert_eq!(audience(&early, &world.state), Audience::Public);
}

#[test]
fn numbers_are_known_from_the_opening_on_or_when_too_few_were_the_reason() {
    let numbers_shown = |world: &World| {
        let dealt = |event: &Event| matches!(event.fact, Fact::NumberDealt(_));
        let mut dealt = world.log.iter().map(|(event, _)| event).filter(|event| dealt(event));
        dealt.all(|event| audience(event, &world.state) == Audience::Public)
    };
    for (what, min_bidders, table, shown) in [
        ("waiting", 1, "", false),
        ("terminated before the opening", 1, "11:00:00 office terminates →", false),
        ("open", 1, "12:00:00 clock →", true),
        ("terminated after the opening", 1, "12:00:01 office terminates →", true),
        ("too few", 3, "12:00:00 clock →", true),
    ] {
        let mut world = World::admitted(Rules { min_bidders, ..plain() }, TWO);
        world.play(table);
        assert_eq!(numbers_shown(&world), shown, "{what}");
    }
}

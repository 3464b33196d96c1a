//! What the public can verify, and what it is told that it cannot.

use crate::book::*;
use crate::whole::check;
use mingjian::base::Span;
use mingjian::engine::Fact;
use mingjian::review::{CheckName, CheckState, Language, Missing};

#[test]
fn the_public_payloads_suffice_to_replay_an_auction() {
    let book = full_auction();
    let report = check(&mut book.shown_to_public());
    assert!(report.holds(), "{}", report.to_text(Language::En));
    // Three sign-ups, three deposits, two returns; an order, its answer and its end.
    assert_eq!(report.missing_payloads.withheld, 11);
    assert_eq!(report.undecided["payload_missing"], 11);
    // Three numbers, a suspension and a resumption that follow from them, and the winner's name.
    assert_eq!(report.undecided["cause_hidden"], 6);
    assert_eq!(report.outcome.awarded, "100700000");
    let payloads = report.checked.iter().find(|check| check.name == CheckName::Payloads).unwrap();
    assert!(payloads.state == CheckState::Held && payloads.why_not.as_ref().unwrap().en.contains("11"));
}

#[test]
fn before_the_opening_not_even_numbers_are_needed() {
    let book = before_opening();
    let report = check(&mut book.shown_to_public());
    assert!(report.holds(), "{}", report.to_text(Language::En));
    // Were the bid that came too early shown alone, there is no key to check it by; that it came too early is plain.
    let mut shown = book.shown_to_public();
    let refused = book.find("auction.bid_refused", 0);
    shown.entries[refused].payload = Ok(book.pages[refused].payload.clone());
    let report = check(&mut shown);
    assert!(report.holds(), "{}", report.to_text(Language::En));
    assert_eq!(report.undecided["key_hidden"], 1);
}

type Change = Box<dyn Fn(&mut Fact)>;

#[test]
fn the_public_finds_what_the_rules_decide() {
    let book = full_auction();
    let table: Vec<(&str, usize, Change)> = vec![
        (
            "lot.resumed",
            0,
            Box::new(|fact| {
                if let Fact::LotResumed(fact) = fact {
                    fact.credit = Span::micros(fact.credit.get() + 1)
                }
            }),
        ),
        (
            "auction.extended",
            3,
            Box::new(|fact| {
                if let Fact::CountdownReset(fact) = fact {
                    fact.until = fact.until.plus(Span::micros(1))
                }
            }),
        ),
        (
            "lot.winner_disclosed",
            0,
            Box::new(|fact| {
                if let Fact::WinnerDisclosed(fact) = fact {
                    fact.number = 1 + fact.number % 99
                }
            }),
        ),
        (
            "auction.opened",
            0,
            Box::new(|fact| {
                if let Fact::AuctionOpened(fact) = fact {
                    fact.numbers.pop();
                }
            }),
        ),
        (
            "lot.awarded",
            0,
            Box::new(|fact| {
                if let Fact::Awarded(fact) = fact {
                    fact.price = yuan(1)
                }
            }),
        ),
    ];
    for (kind, nth, change) in table {
        let seq = book.find(kind, nth);
        let mut forged = book.with(seq, |_, event| change(&mut event.fact));
        forged.state = book.state.clone();
        let report = check(&mut forged.shown_to_public());
        assert_eq!(report.first_failure.unwrap().seq, Some(seq as u64), "{kind}");
    }
}

#[test]
fn a_number_out_of_nowhere_is_not_taken_as_given() {
    let book = full_auction();
    let dealt = book.find("lot.number_dealt", 0);
    let mut pages = book.pages.clone();
    let mut stray = pages[dealt].clone();
    stray.at = stray.at.plus(Span::micros(1));
    if let Fact::NumberDealt(fact) = &mut stray.event.as_mut().unwrap().fact {
        fact.number = 1 + fact.number % 99;
    }
    stray.payload = encode(stray.event.as_ref().unwrap(), [4; 16]);
    pages.insert(dealt + 1, stray);
    let mut forged = Book::forged(pages);
    forged.state = book.state.clone();
    let failure = check(&mut forged.shown_to_public()).first_failure.unwrap();
    assert_eq!((failure.seq, &*failure.rule), (Some(dealt as u64 + 1), "replay_uncaused"));
}

#[test]
fn erased_personal_data_leave_the_rest_checkable() {
    let book = full_auction();
    let mut shown = book.shown();
    for kind in ["lot.signed_up", "lot.winner_disclosed"] {
        shown.entries[book.find(kind, 0)].payload = Err(Missing::Erased);
    }
    let report = check(&mut shown);
    assert!(report.holds(), "{}", report.to_text(Language::En));
    assert_eq!(report.missing_payloads.erased, 2);
    // Each payload alone may be missing as well; what is left never contradicts itself by that alone unless the rules
    // needed it, and then the report names an entry after it.
    for seq in 1..book.pages.len() {
        let mut shown = book.shown();
        shown.entries[seq].payload = Err(Missing::Withheld);
        let report = check(&mut shown);
        assert_eq!(report.missing_payloads.withheld, 1);
        assert!(report.first_failure.is_none_or(|failure| failure.seq > Some(seq as u64)));
    }
}

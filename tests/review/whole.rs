//! A ledger that nobody touched.

use crate::book::*;
use mingjian::engine::Phase;
use mingjian::ledger::{Leaf, leaf_hash};
use mingjian::review::{
    CheckName, CheckState, InSequence, Language, Options, Replayer, Report, Timeline, Trust, verify,
};

pub fn check(shown: &mut Shown) -> Report {
    check_with(shown, Vec::new())
}

pub fn check_with(shown: &mut Shown, earlier: Vec<String>) -> Report {
    let trust = Trust { policy: Some(policy()), earlier, ..Trust::default() };
    verify(shown, &trust, Options::default(), &InSequence, |_, _| {}).unwrap()
}

#[test]
fn a_full_auction_holds() {
    let book = full_auction();
    let report = check(&mut book.shown());
    assert_eq!(report.first_failure, None, "{}", report.to_text(Language::En));
    assert_eq!(report.exit_code(), 0);
    assert_eq!(report.entries, book.pages.len() as u64);
    assert_eq!(report.outcome.awarded, "100700000");
    assert_eq!(report.outcome.bids_accepted, 6);
    assert_eq!(report.outcome.bids_refused, 7);
    assert_eq!(report.outcome.extensions, 4);
    assert_eq!(report.outcome.phases["archived"], 1);
    for check in &report.checked {
        let expected = match check.name {
            CheckName::Clips
            | CheckName::Footage
            | CheckName::Cosignatures
            | CheckName::Earlier
            | CheckName::Nodes
            | CheckName::Timestamps => CheckState::NotMade,
            _ => CheckState::Held,
        };
        assert_eq!(check.state, expected, "{check:?}");
    }
    for language in [Language::Zh, Language::En] {
        assert!(report.to_text(language).contains("1007000.00"), "{}", report.to_text(language));
    }
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
}

#[test]
fn the_replayed_state_is_the_writers_at_every_entry() {
    let book = full_auction();
    let mut replayer = Replayer::new(origin());
    let mut timeline = Timeline::new(8);
    let mut states = vec![replayer.state().clone()];
    for (leaf, page) in book.leaves.iter().zip(&book.pages) {
        replayer.feed(&Leaf::parse(leaf).unwrap(), leaf_hash(leaf), Some(&page.payload)).unwrap();
        timeline.offer(replayer.size(), replayer.state());
        states.push(replayer.state().clone());
    }
    replayer.finish().unwrap();
    assert_eq!(replayer.state(), &book.state);
    for (size, state) in states.iter().enumerate().rev() {
        let again = timeline.state_after(size as u64, |seq| {
            let page = &book.pages[seq as usize];
            page.event.clone().map(|event| (page.at, event))
        });
        assert_eq!(&again, state, "after {size} entries");
    }
    assert_eq!(states[book.find("auction.opened", 0)].lots[&id(LOT)].phase, Phase::Waiting);
}

#[test]
fn without_a_key_of_ones_own_the_report_says_so() {
    let report =
        verify(&mut full_auction().shown(), &Trust::default(), Options::default(), &InSequence, |_, _| {}).unwrap();
    assert!(report.holds() && !report.key_was_given);
    assert!(report.to_text(Language::En).contains("taken from the ledger itself"));
}

#[test]
fn the_empty_ledger_and_the_youngest_hold() {
    let book = Book::new(when(1, 7, 0, 0));
    assert!(check(&mut book.shown()).holds());
    let mut empty = book.shown();
    empty.entries.clear();
    empty.note = note_of(&[]);
    let report = check(&mut empty);
    assert!(report.holds(), "{report:?}");
}

#[test]
fn checks_that_were_not_asked_for_are_not_claimed() {
    let options = Options { signatures: false, replay: false };
    let trust = Trust { policy: Some(policy()), ..Trust::default() };
    let report = verify(&mut full_auction().shown(), &trust, options, &InSequence, |_, _| {}).unwrap();
    assert!(report.holds());
    let replay = report.checked.iter().find(|check| check.name == CheckName::Replay).unwrap();
    assert_eq!(replay.state, CheckState::NotMade);
    let options = Options { signatures: false, replay: true };
    assert!(verify(&mut full_auction().shown(), &trust, options, &InSequence, |_, _| {}).unwrap().holds());
}

//! Whatever somebody changes is found, and the entry is named.

use crate::book::*;
use crate::whole::{check, check_with};
use mingjian::base::{Code, Fen, Hash, Micros, Span};
use mingjian::engine::{Actor, Event, Fact};
use mingjian::ledger::{BidStatement, Nonce, leaf_hash, statement, tile};
use mingjian::review::{CheckName, Entry, Failure};

fn found(shown: &mut Shown) -> Failure {
    let report = check(shown);
    assert_eq!(report.exit_code(), 1);
    report.first_failure.expect("a failure")
}

/// The first failure of a forgery whose every hash was made anew.
fn found_in(forged: &Book) -> (Option<u64>, String) {
    let failure = found(&mut forged.shown());
    (failure.seq, failure.rule)
}

#[test]
fn a_flipped_bit_of_a_leaf_is_found_beside_it() {
    let book = full_auction();
    let last = book.leaves.len() - 1;
    for seq in 0..book.leaves.len() {
        for bit in (seq % 7..book.leaves[seq].len() * 8).step_by(131) {
            let mut shown = book.shown();
            shown.entries[seq].leaf[bit / 8] ^= 1 << (bit % 8);
            let failure = found(&mut shown);
            let at = failure.seq.unwrap_or_else(|| panic!("leaf {seq} bit {bit}: {failure:?}")) as usize;
            let near = at == seq || at == seq + 1;
            assert!(near || seq == last && failure.check == CheckName::Tree, "leaf {seq} bit {bit}: {failure:?}");
        }
    }
}

#[test]
fn a_flipped_bit_of_a_payload_is_found_in_it() {
    let book = full_auction();
    for seq in 0..book.pages.len() {
        for bit in (seq % 7..book.pages[seq].payload.len() * 8).step_by(499) {
            let mut shown = book.shown();
            shown.entries[seq].payload.as_mut().unwrap()[bit / 8] ^= 1 << (bit % 8);
            let failure = found(&mut shown);
            assert_eq!((failure.check, failure.seq), (CheckName::Payloads, Some(seq as u64)), "bit {bit}: {failure:?}");
        }
    }
}

#[test]
fn a_flipped_bit_of_the_checkpoint_is_found() {
    let book = full_auction();
    let shown = book.shown();
    for bit in (0..shown.note.len() * 8).step_by(3) {
        let mut note = shown.note.clone().into_bytes();
        note[bit / 8] ^= 1 << (bit % 8);
        let Ok(note) = String::from_utf8(note) else { continue };
        let report = check(&mut Shown { note, ..shown.clone() });
        assert!(!report.holds(), "bit {bit}");
    }
}

#[test]
fn a_flipped_bit_of_a_stored_node_names_its_entries() {
    let mut book = full_auction();
    for n in 0..600 {
        book.record(when(31, 9, 0, n), "camera.segment", "camera/1", "camera/1", &serde_json::json!({ "n": n }));
    }
    let hashes: Vec<Hash> = book.leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    let mut shown = book.shown();
    shown.tiles = (0..2).map(|i| (0, i, tile::tile_bytes(&hashes[i as usize * 256..][..256]))).collect();
    assert!(check(&mut shown.clone()).holds());
    for (index, byte) in [(0, 0), (0, 8_191), (1, 0), (1, 4_000)] {
        let mut bad = shown.clone();
        bad.tiles[index].2[byte] ^= 4;
        let failure = found(&mut bad);
        assert_eq!((failure.check, failure.seq), (CheckName::Nodes, Some((index * 256 + byte / 32) as u64)));
    }
}

#[test]
fn entries_removed_swapped_or_inserted_break_the_chain() {
    let book = full_auction();
    for seq in 1..book.pages.len() - 1 {
        let at = |change: &dyn Fn(&mut Vec<Entry>)| {
            let mut shown = book.shown();
            change(&mut shown.entries);
            found(&mut shown).seq.unwrap() as usize
        };
        assert_eq!(at(&|entries| drop(entries.remove(seq))), seq);
        assert_eq!(at(&|entries| entries.swap(seq, seq + 1)), seq);
        assert_eq!(at(&|entries| entries.insert(seq, entries[seq - 1].clone())), seq);
        assert_eq!(at(&|entries| entries.truncate(seq)), seq);
        // A payload under another's leaf.
        assert_eq!(at(&|entries| entries[seq].payload = entries[seq - 1].payload.clone()), seq);
    }
}

fn accepted(fact: &mut Event) {
    let Fact::BidRefused(refused) = &fact.fact else { panic!("not refused") };
    fact.fact =
        mingjian::engine::event::BidAccepted { amount: refused.amount, statement: refused.statement.clone() }.into();
}

fn refused(fact: &mut Event, rule: Code) {
    let (amount, statement) = match &fact.fact {
        Fact::BidAccepted(fact) => (fact.amount, fact.statement.clone()),
        Fact::BidRefused(fact) => (fact.amount, fact.statement.clone()),
        _ => panic!("not a bid"),
    };
    fact.fact = mingjian::engine::event::BidRefused { amount, rule, statement }.into();
}

fn sooner(at: Micros) -> Micros {
    at.minus(Span::micros(1))
}

fn later(at: Micros) -> Micros {
    at.plus(Span::micros(1))
}

type Change = Box<dyn Fn(&mut Micros, &mut Event)>;

/// Each line: what is forged (every hash, link and signature of the log made anew), and the rule by which it is found in
/// that very entry.
#[test]
fn the_rules_find_what_a_forger_with_the_logs_key_wrote() {
    let book = full_auction();
    let table: Vec<(&str, &str, usize, &str, Change)> = vec![
        (
            "an accepted bid, refused",
            "auction.bid_accepted",
            1,
            "replay_decision",
            Box::new(|_, e| refused(e, Code::NotBetter)),
        ),
        ("a refused bid, accepted", "auction.bid_refused", 2, "replay_decision", Box::new(|_, e| accepted(e))),
        ("another rule named", "auction.bid_refused", 2, "replay_decision", Box::new(|_, e| refused(e, Code::OffStep))),
        ("a close a microsecond early", "auction.closed", 0, "replay_uncaused", Box::new(|at, _| *at = sooner(*at))),
        ("a close a microsecond late", "auction.closed", 0, "replay_follows", Box::new(|at, _| *at = later(*at))),
        ("an opening a microsecond late", "auction.opened", 0, "replay_follows", Box::new(|at, _| *at = later(*at))),
        (
            "an extension a microsecond long",
            "auction.extended",
            1,
            "replay_follows",
            Box::new(|_, e| {
                if let Fact::CountdownReset(fact) = &mut e.fact {
                    fact.until = later(fact.until)
                }
            }),
        ),
        (
            "an extension a microsecond short",
            "auction.extended",
            2,
            "replay_follows",
            Box::new(|_, e| {
                if let Fact::CountdownReset(fact) = &mut e.fact {
                    fact.until = sooner(fact.until)
                }
            }),
        ),
        (
            "a credit a microsecond short",
            "lot.resumed",
            1,
            "replay_decision",
            Box::new(|_, e| {
                if let Fact::LotResumed(fact) = &mut e.fact {
                    fact.credit = Span::micros(fact.credit.get() - 1)
                }
            }),
        ),
        (
            "another winner",
            "lot.awarded",
            0,
            "replay_decision",
            Box::new(|_, e| {
                if let Fact::Awarded(fact) = &mut e.fact {
                    fact.number = 1 + fact.number % 99
                }
            }),
        ),
        (
            "another price",
            "lot.awarded",
            0,
            "replay_decision",
            Box::new(|_, e| {
                if let Fact::Awarded(fact) = &mut e.fact {
                    fact.price = yuan(1_006_000)
                }
            }),
        ),
        (
            "an award before the publicity ended",
            "lot.awarded",
            0,
            "replay_refused",
            Box::new(|at, _| *at = when(27, 9, 0, 0)),
        ),
        (
            "another ranking",
            "auction.closed",
            0,
            "replay_follows",
            Box::new(|_, e| {
                if let Fact::AuctionClosed(fact) = &mut e.fact {
                    fact.ranking.swap(0, 1)
                }
            }),
        ),
        (
            "another number",
            "lot.number_dealt",
            1,
            "replay_follows",
            Box::new(|_, e| {
                if let Fact::NumberDealt(fact) = &mut e.fact {
                    fact.number = 1 + fact.number % 99
                }
            }),
        ),
        (
            "another reserve",
            "auction.reserve_disclosed",
            0,
            "replay_refused",
            Box::new(|_, e| {
                if let Fact::ReserveDisclosed(fact) = &mut e.fact {
                    fact.amount = Fen::new(RESERVE + 1).unwrap()
                }
            }),
        ),
        (
            "an entry within an outage",
            "platform.outage_ended",
            0,
            "replay_outage",
            Box::new(|at, _| *at = when(23, 10, 24, 59)),
        ),
        (
            "another winner's name",
            "lot.winner_disclosed",
            0,
            "replay_follows",
            Box::new(|_, e| {
                if let Fact::WinnerDisclosed(fact) = &mut e.fact {
                    fact.company = "别家公司".into()
                }
            }),
        ),
        (
            "another amount than was signed",
            "auction.bid_accepted",
            0,
            "statement_amount",
            Box::new(|_, e| {
                if let Fact::BidAccepted(fact) = &mut e.fact {
                    fact.amount = yuan(1_002_000)
                }
            }),
        ),
        (
            "another bidder than signed",
            "auction.bid_accepted",
            0,
            "number_or_key",
            Box::new(|_, e| e.actor = Actor::Bidder(1)),
        ),
        (
            "a changed signature",
            "auction.bid_accepted",
            0,
            "signature_invalid",
            Box::new(|_, e| {
                if let Fact::BidAccepted(fact) = &mut e.fact {
                    let at = fact.statement.len() - 20;
                    let other = if fact.statement.as_bytes()[at] == b'A' { "B" } else { "A" };
                    fact.statement.replace_range(at..=at, other);
                }
            }),
        ),
    ];
    for (what, kind, nth, rule, change) in table {
        let seq = book.find(kind, nth);
        let (at, why) = found_in(&book.with(seq, |at, event| change(at, event)));
        assert_eq!(at, Some(seq as u64), "{what}: {why}");
        let by_number =
            rule == "number_or_key" && ["statement_number", "number_unknown", "key_unknown"].contains(&&*why);
        assert!(why == rule || by_number, "{what}: found by {why}");
    }
}

#[test]
fn the_rules_miss_an_entry_that_a_forger_left_out_or_put_in() {
    let book = full_auction();
    let without = |kind: &str, n: usize| {
        let seq = book.find(kind, n);
        let mut pages = book.pages.clone();
        pages.remove(seq);
        (Some(seq as u64), found_in(&Book::forged(pages)).0)
    };
    for (kind, n) in [
        ("auction.opened", 0),
        ("auction.extended", 0),
        ("auction.closed", 0),
        ("lot.resumed", 0),
        ("lot.number_dealt", 2),
    ] {
        let (expected, at) = without(kind, n);
        assert_eq!(at, expected, "without {kind}");
    }
    // Without a bid the next bidder had seen a ledger that is not this one.
    let (expected, at) = without("auction.bid_accepted", 0);
    assert!(at >= expected, "{at:?}");
    // An extension that nobody's bid asked for.
    let seq = book.find("auction.extended", 1);
    let mut pages = book.pages.clone();
    pages.insert(seq + 1, pages[seq].clone());
    assert_eq!(found_in(&Book::forged(pages)), (Some(seq as u64 + 1), "replay_uncaused".into()));
}

#[test]
fn a_statement_counts_once() {
    let book = full_auction();
    let mut pages = book.pages.clone();
    let mut again = pages[book.find("auction.bid_accepted", 2)].clone();
    let closed = book.find("auction.reserve_disclosed", 0);
    again.at = pages[closed].at;
    let event = again.event.as_mut().unwrap();
    refused(event, Code::Closed);
    again.payload = encode(event, [1; 16]);
    pages.insert(closed, again);
    assert_eq!(found_in(&Book::forged(pages)), (Some(closed as u64), "statement_nonce".into()));
}

#[test]
fn a_bidder_vouches_for_the_history_that_it_saw() {
    let mut book = before_opening();
    book.tick(when(23, 10, 0, 0));
    let at = when(23, 10, 1, 0);
    let number = book.number_of(1);
    let truth = book.seen();
    for (size, root, rule) in [
        (truth.size, Hash::of(b"another history"), "statement_seen"),
        (truth.size + 1, truth.root, "statement_seen"),
        (truth.size - 1, truth.root, "statement_seen"),
    ] {
        let claims = BidStatement {
            amount: yuan(1_001_000),
            issued_at: at,
            ledger: origin(),
            lot: id(LOT),
            nonce: Nonce::new(at, [3; 10]),
            number,
            rung: None,
            seen: mingjian::ledger::Seen { root, size },
        };
        let key = signer("company 1").public_jwk();
        let statement = statement::sign(&claims, &signer("company 1")).unwrap();
        let bid = mingjian::engine::command::Bid { number, amount: claims.amount, rung: None, key, statement };
        let mut told = book.clone();
        let subject = mingjian::engine::Subject::Lot(id(LOT));
        told.ask(at, Actor::Bidder(number), subject, mingjian::engine::Action::Bid(bid));
        assert_eq!(found_in(&told), (Some(book.pages.len() as u64), rule.into()));
    }
}

trait PublicJwk {
    fn public_jwk(&self) -> mingjian::base::Jwk;
}

impl PublicJwk for mingjian::ledger::SeedSigner {
    fn public_jwk(&self) -> mingjian::base::Jwk {
        mingjian::ledger::Signer::public(self).jwk()
    }
}

#[test]
fn a_rewritten_entry_is_located_between_earlier_checkpoints() {
    let book = full_auction();
    let contract = book.find("lot.contracted", 0);
    // The rules do not say which contract was signed, and no bid comes after it: only the tree remembers.
    let forged = book.with(contract, |_, event| {
        if let Fact::Contracted(fact) = &mut event.fact {
            fact.sha256 = Hash::of(b"another contract");
        }
    });
    assert!(check(&mut forged.shown()).holds());
    let notes = |sizes: &[usize]| sizes.iter().map(|size| note_of(&book.leaves[..*size])).collect::<Vec<_>>();
    assert!(check_with(&mut forged.shown(), notes(&[5, contract])).holds());
    for (sizes, place) in [
        (vec![contract + 1], (0, contract + 1)),
        (vec![20, contract + 2], (20, contract + 2)),
        (vec![contract, contract + 1], (contract, contract + 1)),
    ] {
        let report = check_with(&mut forged.shown(), notes(&sizes));
        let failure = report.first_failure.unwrap();
        assert_eq!(failure.rule, "earlier_root");
        assert_eq!(failure.within, Some((place.0 as u64, place.1 as u64)));
        assert_eq!(failure.seq, Some(place.0 as u64));
    }
    // The same checkpoints lying beside the ledger do as well.
    let mut shown = forged.shown();
    shown.earlier = notes(&[contract, contract + 1]);
    assert_eq!(found(&mut shown).seq, Some(contract as u64));
    // A ledger cut back to before a checkpoint that somebody holds.
    let cut = Book::forged(book.pages[..contract].to_vec());
    let report = check_with(&mut cut.shown(), notes(&[contract + 1]));
    assert_eq!(report.first_failure.unwrap().rule, "ledger_shrank");
}

/// The log's newest note was handed out and not stored yet when the machine died; its entries were.
#[test]
fn a_checkpoint_newer_than_the_stored_one_holds_where_its_entries_are_there() {
    let book = full_auction();
    let whole = book.leaves.len();
    let mut shown = book.shown();
    shown.note = note_of(&book.leaves[..whole - 2]);
    let report = check_with(&mut shown, vec![note_of(&book.leaves)]);
    assert!(report.holds(), "{report:?}");
    assert_eq!((report.size, report.entries), (whole as u64 - 2, whole as u64));
    // One that stands for other entries does not, and one of more entries than there are still says so.
    let contract = book.find("lot.contracted", 0);
    let forged = book.with(contract, |_, event| {
        if let Fact::Contracted(fact) = &mut event.fact {
            fact.sha256 = Hash::of(b"another contract");
        }
    });
    let mut shown = forged.shown();
    shown.note = note_of(&forged.leaves[..contract]);
    let report = check_with(&mut shown, vec![note_of(&book.leaves[..=contract])]);
    assert_eq!(report.first_failure.unwrap().rule, "earlier_root");
    let mut shown = Book::forged(book.pages[..whole - 1].to_vec()).shown();
    shown.note = note_of(&book.leaves[..whole - 2]);
    let report = check_with(&mut shown, vec![note_of(&book.leaves)]);
    assert_eq!(report.first_failure.unwrap().rule, "ledger_shrank");
}

#[test]
fn a_checkpoint_of_another_key_is_refused() {
    let book = full_auction();
    let mut shown = book.shown();
    let forger = mingjian::ledger::Checkpoint { origin: origin(), size: 1, root: leaf_hash(&book.leaves[0]) };
    shown.note = forger.sign(&signer("forger")).unwrap().to_string();
    let failure = found(&mut shown);
    assert_eq!((failure.check, &*failure.rule), (CheckName::Checkpoint, "checkpoint_signature"));
}

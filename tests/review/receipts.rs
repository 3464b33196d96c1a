//! Receipts: by themselves, against a ledger that went on, and against one that did not.

use crate::book::*;
use mingjian::ledger::tree::consistency_proof;
use mingjian::ledger::{Policy, Proof, SignedCheckpoint, leaf_hash};
use mingjian::review::receipt::{Link, Newer, Receipt, ReceiptReport, Shown, Verdict, check, check_against};
use mingjian::review::{History, Language};

fn history(leaves: &[Vec<u8>]) -> History {
    let mut history = History::new();
    for leaf in leaves {
        history.append(leaf_hash(leaf));
    }
    history
}

/// The receipt of entry `seq` under a checkpoint over the first `size` entries.
fn receipt(book: &Book, seq: usize, size: usize) -> Receipt {
    let history = history(&book.leaves[..size]);
    let path = mingjian::ledger::tree::inclusion_proof(&history, seq as u64, size as u64).unwrap();
    let checkpoint = SignedCheckpoint::parse(&note_of(&book.leaves[..size])).unwrap();
    let proof = Proof { extra: None, index: seq as u64, path, checkpoint };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Receipt::new(text(&book.leaves[seq]), Some(text(&book.pages[seq].payload)), proof.to_string())
}

fn written(receipt: &Receipt) -> String {
    serde_json::to_string_pretty(receipt).unwrap()
}

/// An accepted and a refused bid.
fn bids(book: &Book) -> [usize; 2] {
    let of = |kind: &str| book.pages.iter().position(|page| String::from_utf8_lossy(&page.payload).contains(kind));
    [of("auction.bid_accepted").unwrap(), of("auction.bid_refused").unwrap()]
}

fn against(receipt: &Receipt, book: &Book) -> ReceiptReport {
    check_against(&written(receipt), &policy(), &mut book.shown_to_public()).unwrap()
}

#[test]
fn accepted_and_refused_bids_have_receipts_that_hold_against_every_later_ledger() {
    let book = full_auction();
    for seq in bids(&book) {
        for size in [seq + 1, seq + 2, book.leaves.len()] {
            let receipt = receipt(&book, seq, size);
            let alone = check(&receipt, &policy(), None).unwrap();
            assert_eq!((alone.verdict, alone.exit_code(), alone.newer_size), (Verdict::Included, 0, None));
            assert!(alone.kind.unwrap().starts_with("auction.bid_"));
            let later = against(&receipt, &book);
            assert_eq!((later.verdict, later.newer_size), (Verdict::Included, Some(book.leaves.len() as u64)));
            assert_eq!(Receipt::parse(&written(&receipt)).unwrap(), receipt);
            // A bare proof takes its leaf from the ledger.
            let bare = check_against(&receipt.proof, &policy(), &mut book.shown_to_public()).unwrap();
            assert_eq!((bare.verdict, bare.kind), (Verdict::Included, None));
        }
    }
}

#[test]
fn a_receipt_that_the_ledger_does_not_include_is_evidence_and_says_so() {
    let book = full_auction();
    let [seq, _] = bids(&book);
    let kept = receipt(&book, seq, seq + 1);
    // The same ledger as if the bid had never been made: signed by the same key.
    let mut pages = book.pages.clone();
    pages.remove(seq);
    let other = Book::forged(pages);
    let found = against(&kept, &other);
    assert_eq!((found.verdict, found.exit_code()), (Verdict::Evidence, 1));
    assert!(found.to_text(Language::Zh).contains("回执本身就是证据"));
    assert!(found.to_text(Language::En).contains("A receipt without inclusion is evidence"));
    // A ledger that now ends before the entry shows nothing either way.
    let mut shorter = book.shown_to_public();
    shorter.entries.truncate(seq);
    shorter.note = note_of(&book.leaves[..seq]);
    let found = check_against(&written(&kept), &policy(), &mut shorter).unwrap();
    assert_eq!((found.verdict, found.exit_code()), (Verdict::Unproven, 1));
    assert!(found.to_text(Language::En).contains("evidence"));
}

#[test]
fn a_newer_checkpoint_needs_a_proof_that_leads_to_it() {
    let book = full_auction();
    let [seq, _] = bids(&book);
    let (own, size) = (seq + 1, book.leaves.len());
    let kept = receipt(&book, seq, own);
    let proof = consistency_proof(&history(&book.leaves), own as u64, size as u64).unwrap();
    let newer = |checkpoint: &str, path: &[mingjian::base::Hash]| Newer {
        checkpoint: SignedCheckpoint::parse(checkpoint).unwrap(),
        link: Link::Proof(path.to_vec()),
        keys: None,
    };
    let note = note_of(&book.leaves);
    let verdict = |newer: &Newer| check(&kept, &policy(), Some(newer)).unwrap().verdict;
    assert_eq!(verdict(&newer(&note, &proof)), Verdict::Included);
    assert_eq!(verdict(&newer(&note, &proof[1..])), Verdict::Unproven);
    assert_eq!(verdict(&newer(&note, &[])), Verdict::Unproven);
    // Two roots of one size need no proof at all.
    let mut leaves = book.leaves[..own].to_vec();
    leaves[0] = leaves[1].clone();
    assert_eq!(verdict(&newer(&note_of(&leaves), &[])), Verdict::Evidence);
    // An unsigned word says nothing against the log.
    let torn = note.replacen(&format!("\n{size}\n"), &format!("\n{}\n", size + 1), 1);
    assert_eq!(verdict(&newer(&torn, &proof)), Verdict::Unproven);
    // What the keeper was shown travels in the file itself.
    let file = Receipt { newer: Some(Shown { checkpoint: note, consistency: Vec::new() }), ..kept.clone() };
    let found = check(&Receipt::parse(&written(&file)).unwrap(), &policy(), None).unwrap();
    assert_eq!((found.verdict, found.newer_size), (Verdict::Unproven, Some(size as u64)));
}

#[test]
fn whatever_is_changed_in_a_receipt_it_no_longer_holds() {
    let book = full_auction();
    let [seq, _] = bids(&book);
    let kept = receipt(&book, seq, book.leaves.len());
    let other_key = {
        let signer = signer("somebody else");
        let kind = mingjian::ledger::note::SignatureType::Ed25519;
        mingjian::ledger::VerifierKey::new(ORIGIN, kind, mingjian::ledger::Signer::public(&signer)).unwrap()
    };
    let stranger = Policy::log_only(other_key).unwrap();
    assert_eq!(check(&kept, &stranger, None).unwrap().verdict, Verdict::ProvesNothing);
    let (mut refused, mut unproven) = (0, 0);
    for part in 0..3 {
        let text = [&kept.leaf, kept.payload.as_ref().unwrap(), &kept.proof][part].clone();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let mut forged = kept.clone();
            match part {
                0 => forged.leaf = changed,
                1 => forged.payload = Some(changed),
                _ => forged.proof = changed,
            }
            match check(&forged, &policy(), None) {
                Err(_) => refused += 1,
                Ok(report) => {
                    assert_eq!(report.verdict, Verdict::ProvesNothing, "part {part}, byte {at}");
                    assert_eq!(report.exit_code(), 1);
                    unproven += 1;
                }
            }
        }
    }
    assert!(refused > 10 && unproven > 500, "{refused} refused, {unproven} unproven");
}

#[test]
fn a_file_that_is_no_receipt_is_refused() {
    let book = full_auction();
    let good = written(&receipt(&book, 1, 4));
    for (what, text) in [
        ("nothing", String::new()),
        ("another type", good.replace("mingjian-receipt", "mingjian-bundle")),
        ("another version", good.replace("\"v\": 1", "\"v\": 2")),
        ("an unknown member", good.replacen('{', "{\"more\": 1,", 1)),
        ("a member twice", good.replacen('{', "{\"v\": 1,", 1)),
        ("too large", format!("{good}{}", " ".repeat(mingjian::base::limits::RECEIPT_MAX_BYTES))),
        ("deep", "[".repeat(100_000)),
    ] {
        assert!(Receipt::parse(&text).is_err(), "{what}");
    }
}

//! The ledger afterwards, read back from its file and believed in nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use mingjian::base::Hash;
use mingjian::cli::open::{Setup, open_on};
use mingjian::desk::event_of;
use mingjian::engine::event::PlatformConfigured;
use mingjian::engine::{Fact, State, apply};
use mingjian::ledger::tree::verify_consistency;
use mingjian::ledger::{Chain, Frontier, Origin, Policy, SignedCheckpoint};
use mingjian::sequencer::SystemClock;
use mingjian::store::DataDir;

use crate::auction::Auction;
use crate::home::Home;
use crate::server::Told;

const ORIGIN: &str = "ledger.mingjiang.example/trade";

pub fn of(home: &Home, auction: &Auction, told: &BTreeMap<String, Told>, earlier: &str) {
    let stored = home.reader().entries(0, usize::MAX).unwrap();
    let mut chain = Chain::new(Origin::new(ORIGIN).unwrap());
    let mut tree = Frontier::new();
    let mut roots = vec![tree.root()];
    let mut state = State::default();
    let mut found: BTreeMap<String, Vec<Told>> = BTreeMap::new();
    for entry in &stored {
        let (leaf, hash) = chain.check(&entry.leaf).unwrap();
        tree.append(hash);
        roots.push(tree.root());
        let payload = entry.payload.as_ref().unwrap();
        assert_eq!(Hash::of(payload), leaf.payload);
        let Some(event) = event_of(payload) else { continue };
        apply(&mut state, &event, leaf.time, leaf.seq);
        match event.fact {
            Fact::BidAccepted(bid) => found.entry(bid.statement).or_default().push(Told { seq: leaf.seq, rule: None }),
            Fact::BidRefused(bid) => {
                found.entry(bid.statement).or_default().push(Told { seq: leaf.seq, rule: Some(bid.rule) });
            }
            _ => {}
        }
    }

    // Every acknowledged bid once, where and how it was acknowledged. Every lost answer was asked for again, so nothing
    // else is there either.
    for (statement, told) in told {
        assert_eq!(found.get(statement).map(Vec::as_slice), Some(&[*told][..]), "{statement}");
    }
    assert_eq!(found.len(), told.len());
    assert!(state.lots.contains_key(&auction.lot()));

    let report = home.verify(earlier);
    assert!(report["first_failure"].is_null(), "{report}");
    let kept = home.reader().checkpoint_from(chain.size()).unwrap().expect("the last checkpoint covers everything");
    let setup = Setup {
        origin: ORIGIN.into(),
        totp_required: true,
        cosigners: None,
        genesis: PlatformConfigured {
            code_format: Default::default(),
            holidays: Default::default(),
            periods: Default::default(),
        },
    };
    let dir = DataDir::open(&home.data).unwrap();
    let running = open_on(dir, home.storage("auditor"), setup, Arc::new(SystemClock)).unwrap();
    let policy = Policy::log_only(running.desk.verifier_key.clone()).unwrap();
    let last = SignedCheckpoint::parse(&kept.1).unwrap();
    let last = last.verify(&policy).unwrap();
    assert_eq!((last.size, last.root), (chain.size(), tree.root()));
    // An earlier checkpoint is a prefix of it.
    let earlier = SignedCheckpoint::parse(earlier).unwrap();
    let earlier = earlier.verify(&policy).unwrap();
    assert_eq!(earlier.root, roots[usize::try_from(earlier.size).unwrap()]);
    let path = running.desk.tree.consistency(earlier.size, last.size).unwrap();
    verify_consistency(earlier.size, earlier.root, last.size, last.root, &path).unwrap();

    // The state that a start comes to, out of a snapshot or not, is the one that replay from the first entry comes to.
    running.desk.sequencer.read(|committed| {
        if committed.size == chain.size() {
            assert!(committed.state == state, "the restored state is not the replayed one");
        }
    });
}

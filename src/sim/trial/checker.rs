//! Judges a trial from outside: what clients were told and viewers were shown, against the ledger that is there in the end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::client::Wish;
use super::stage::{Heard, Stage};
use crate::base::{Hash, Id, Micros};
use crate::engine::{Fact, Subject};
use crate::ledger::{Chain, Policy, SignedCheckpoint, VerifierKey, note::SignatureType};
use crate::sequencer::{CommittedBatch, CommittedEntry, Listener, Outcome, StoredEntry};

/// What a viewer at one node was shown.
#[derive(Default)]
pub struct Viewer(Mutex<Shown>);

#[derive(Default)]
struct Shown {
    /// `seq` and leaf hash.
    entries: Vec<(u64, Hash)>,
    notes: Vec<Arc<str>>,
}

impl Listener for Viewer {
    fn resumed(&self, _: u64, checkpoint: &Arc<str>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).notes.push(Arc::clone(checkpoint));
    }

    fn durable(&self, batch: &Arc<CommittedBatch>) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.entries.extend(batch.entries.iter().map(|entry| (entry.seq, entry.hash)));
        shown.notes.push(Arc::clone(&batch.checkpoint));
    }

    fn committed(&self, _: &Arc<CommittedBatch>) {}
}

/// The ledger in the end.
struct Final {
    heard: Heard,
    entries: Vec<CommittedEntry>,
}

/// Everything that must hold; the first that does not is the answer.
pub fn check(stage: &Stage, stored: &[StoredEntry], wishes: &[Wish], viewers: &[Arc<Viewer>]) -> Result<Heard, String> {
    let mut heard = stage.heard.clone();
    heard.follow(stored.get(heard.size()..).ok_or("the ledger is shorter than it was before the trial")?)?;
    let restored: Result<Vec<_>, _> = stored.iter().map(StoredEntry::restored).collect();
    let last = Final { heard, entries: restored.map_err(|error| error.to_string())? };
    last.times()?;
    last.deadlines()?;
    last.promises(wishes)?;
    order(wishes)?;
    for viewer in viewers {
        last.shown(stage, viewer)?;
    }
    Ok(last.heard)
}

impl Final {
    /// Ledger time does not run backwards.
    fn times(&self) -> Result<(), String> {
        let late = self.entries.windows(2).find(|pair| matches!(pair, [a, b] if b.at < a.at));
        late.map_or(Ok(()), |pair| Err(format!("time runs backwards at {}", pair[1].seq)))
    }

    /// No bid is accepted at or after the close of its lot, nor before its opening.
    fn deadlines(&self) -> Result<(), String> {
        let mut opened: BTreeMap<Id, Micros> = BTreeMap::new();
        let mut closed: BTreeMap<Id, Micros> = BTreeMap::new();
        for entry in &self.entries {
            let Some(event) = &entry.event else { continue };
            let Subject::Lot(lot) = event.subject else { continue };
            match event.fact {
                Fact::AuctionOpened(_) => drop(opened.insert(lot, entry.at)),
                Fact::AuctionClosed(_) => drop(closed.insert(lot, entry.at)),
                Fact::BidAccepted(_) if !opened.contains_key(&lot) || closed.contains_key(&lot) => {
                    return Err(format!("bid {} is accepted outside its auction", entry.seq));
                }
                _ => {}
            }
        }
        for entry in &self.entries {
            if let Some(event) = &entry.event
                && let (Subject::Lot(lot), Fact::BidAccepted(_)) = (event.subject, &event.fact)
                && closed.get(&lot).is_some_and(|close| entry.at >= *close)
            {
                return Err(format!("bid {} is accepted at {}, the lot closed before", entry.seq, entry.at));
            }
        }
        Ok(())
    }

    /// What was promised is there, once, where and how it was promised; what was refused is not.
    fn promises(&self, wishes: &[Wish]) -> Result<(), String> {
        let mut bids: BTreeMap<&str, Vec<&CommittedEntry>> = BTreeMap::new();
        let mut named: BTreeMap<(&str, &str), Vec<&CommittedEntry>> = BTreeMap::new();
        for entry in &self.entries {
            match entry.event.as_ref().map(|event| &event.fact) {
                Some(Fact::BidAccepted(bid)) => bids.entry(&bid.statement).or_default().push(entry),
                Some(Fact::BidRefused(bid)) => bids.entry(&bid.statement).or_default().push(entry),
                _ => {}
            }
            if let Some(name) = name_in(&entry.payload) {
                named.entry((name, &entry.kind)).or_default().push(entry);
            }
        }
        for wish in wishes {
            let found: Vec<&CommittedEntry> = if let Some(statement) = &wish.statement {
                bids.get(statement.as_str()).cloned().unwrap_or_default()
            } else {
                let kinds = named.range((wish.name.as_str(), "")..).take_while(|((name, _), _)| *name == wish.name);
                // An event that follows may repeat the reason; each kind may be there once.
                let kinds: Vec<_> = kinds.collect();
                if let Some((key, _)) = kinds.iter().find(|(_, entries)| entries.len() > 1) {
                    return Err(format!("{key:?} stands twice in the ledger"));
                }
                kinds.into_iter().flat_map(|(_, entries)| entries).copied().collect()
            };
            self.promise(wish, &found)?;
        }
        Ok(())
    }

    fn promise(&self, wish: &Wish, found: &[&CommittedEntry]) -> Result<(), String> {
        let what = || {
            format!(
                "{} {:?}",
                wish.name,
                wish.attempts.iter().map(|a| a.answered.as_ref().map(|a| &a.result)).collect::<Vec<_>>()
            )
        };
        if wish.statement.is_some() && found.len() > 1 {
            return Err(format!("{}: stands {} times in the ledger", what(), found.len()));
        }
        if !found.is_empty() && !wish.may_be_there() {
            return Err(format!("{}: refused, and yet in the ledger at {}", what(), found[0].seq));
        }
        if !found.is_empty() && !wish.has_origin() {
            return Err(format!("{}: every attempt was told that nothing was written, and yet it is there", what()));
        }
        let mut first: Option<Outcome> = None;
        for (attempt, _, outcome) in wish.promises() {
            let same = Outcome { replayed: false, ..*outcome };
            if *first.get_or_insert(same) != same {
                return Err(format!("{}: two answers", what()));
            }
            if !outcome.replayed && outcome.at < attempt.clock {
                return Err(format!("{}: stamped before it was asked at {}", what(), attempt.clock));
            }
            if outcome.count == 0 {
                continue;
            }
            let Some(entry) = usize::try_from(outcome.first).ok().and_then(|seq| self.entries.get(seq)) else {
                return Err(format!("{}: acknowledged and lost", what()));
            };
            if !found.iter().any(|found| found.seq == outcome.first) {
                return Err(format!("{}: acknowledged, but {} is another's entry", what(), outcome.first));
            }
            let rule = match entry.event.as_ref().map(|event| &event.fact) {
                Some(Fact::BidRefused(bid)) => Some(bid.rule),
                _ => None,
            };
            if (entry.at, rule) != (outcome.at, outcome.rule) {
                return Err(format!("{}: the ledger says {} {rule:?}", what(), entry.at));
            }
        }
        Ok(())
    }

    /// Each node's viewers saw entries in order, once, and none that is not in the ledger.
    fn shown(&self, stage: &Stage, viewer: &Viewer) -> Result<(), String> {
        let shown = viewer.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gap = shown.entries.windows(2).find(|pair| matches!(pair, [a, b] if b.0 != a.0 + 1));
        if let Some(gap) = gap {
            return Err(format!("a viewer saw {} after {}", gap[1].0, gap[0].0));
        }
        for (seq, hash) in &shown.entries {
            let there = usize::try_from(*seq).ok().and_then(|seq| self.entries.get(seq));
            if there.is_none_or(|entry| entry.hash != *hash) {
                return Err(format!("a viewer saw an entry {seq} that the ledger does not have"));
            }
        }
        let key = VerifierKey::new(&stage.world.options.origin, SignatureType::Ed25519, stage.log_key().public());
        let policy = Policy::log_only(key.map_err(|error| error.to_string())?).map_err(|_| "no policy")?;
        // The signatures of all would cost more than the trial; the last one's stands for them.
        if let Some(note) = shown.notes.last() {
            let signed = SignedCheckpoint::parse(note).map_err(|error| error.to_string())?;
            signed.verify(&policy).map_err(|error| error.to_string())?;
        }
        shown.notes.iter().try_for_each(|note| self.heard.contains(note))
    }
}

/// Whoever asked after another had been answered comes after it.
fn order(wishes: &[Wish]) -> Result<(), String> {
    let mut moves: Vec<(u64, u64, Outcome)> = wishes
        .iter()
        .flat_map(Wish::promises)
        .filter(|(_, _, outcome)| !outcome.replayed && outcome.count > 0)
        .map(|(attempt, answered, outcome)| (attempt.asked, answered, *outcome))
        .collect();
    moves.sort_by_key(|(_, _, outcome)| outcome.first);
    // Going back from the last: whatever comes later must not have been answered before this one was asked.
    let mut earliest = u64::MAX;
    for (asked, answered, outcome) in moves.iter().rev() {
        if earliest < *asked {
            return Err(format!("entry {} was asked for after a later one had been answered", outcome.first));
        }
        earliest = earliest.min(*answered);
    }
    Ok(())
}

/// The name of the wish in a payload, if one stands there.
fn name_in(payload: &[u8]) -> Option<&str> {
    const LENGTH: usize = "wish 00000.".len();
    let place = payload.windows(5).position(|window| window == b"wish ")?;
    std::str::from_utf8(payload.get(place..place + LENGTH)?).ok()
}

/// Whether a changed bit is noticed by whoever reads the ledger again and holds it against an earlier look at it.
pub fn notices_rot(stage: &Stage, rotten: &[StoredEntry], last: &Heard) -> bool {
    let mut chain = Chain::new(stage.world.options.origin.clone());
    let noticed = rotten.iter().any(|entry| match chain.check(&entry.leaf) {
        Err(_) => true,
        Ok((leaf, _)) => entry.payload.as_ref().is_none_or(|payload| Hash::of(payload) != leaf.payload),
    });
    noticed || chain.head() != last.chain.head()
}

//! What can be checked of many entries at once, knowing nothing of those before: pure functions over a *piece*, the 256
//! entries of one tile. What needs the order is left to `verify`.

use std::collections::HashMap;

use super::content::{self, Content};
use super::history::subtrees;
use super::replay::bad_statement;
use super::report::{CheckName, Failure};
use super::source::{Entry, Missing};
use super::statements::{self, Heard};
use crate::base::{Hash, Id, Micros};
use crate::engine::{Fact, Subject};
use crate::ledger::leaf::{Chain, ChainError, LeafCheck};
use crate::ledger::tile::TILE_WIDTH;
use crate::ledger::{Leaf, Origin, PublicKey, StatementError};

/// Entries of a piece.
pub const PIECE: usize = TILE_WIDTH as usize;

/// The registered keys of bidder numbers.
pub type Keys = HashMap<(Id, u32), PublicKey>;

/// What was examined so far of up to [`PIECE`] entries from `start` on.
#[derive(Debug)]
pub struct Piece {
    pub start: u64,
    /// `prev` and `time` of the first leaf: they must fit what lies before.
    pub first: Option<(Hash, Micros)>,
    pub entries: Vec<Examined>,
    /// Where the chain breaks within the piece: entries from there on were not examined.
    pub broken: Option<Failure>,
    /// The nodes over a whole piece.
    pub subtrees: Option<Vec<Vec<Hash>>>,
}

/// One entry whose leaf holds.
#[derive(Debug)]
pub struct Examined {
    pub at: Micros,
    pub hash: Hash,
    pub payload: Read,
    pub heard: Option<Result<Heard, StatementError>>,
}

#[derive(Debug)]
pub enum Read {
    Content(Content),
    Missing(Missing),
    /// It is at hand, and it does not hold.
    Bad(Failure),
}

/// Checks 1 and 3 within the piece: leaves, their chain, payloads against leaves and against their own form.
pub fn examine(ledger: &Origin, start: u64, entries: &[Entry]) -> Piece {
    let mut piece =
        Piece { start, first: None, entries: Vec::with_capacity(entries.len()), broken: None, subtrees: None };
    piece.first = entries.first().and_then(|entry| Leaf::parse(&entry.leaf).ok()).map(|leaf| (leaf.prev, leaf.time));
    let before = piece.first.map_or(Hash::ZERO, |(prev, _)| prev);
    let mut chain = Chain::resume(ledger.clone(), start, before, None);
    for entry in entries {
        match chain.check(&entry.leaf) {
            Ok((leaf, hash)) => {
                let payload = read(&leaf, &entry.payload);
                piece.entries.push(Examined { at: leaf.time, hash, payload, heard: None });
            }
            Err(error) => {
                piece.broken = Some(broken_chain(error));
                break;
            }
        }
    }
    if piece.entries.len() == PIECE {
        piece.subtrees = subtrees(piece.entries.iter().map(|entry| entry.hash).collect());
    }
    piece
}

/// Whether the piece follows the leaf before it; otherwise what its first leaf says wrongly.
pub fn follows(piece: &Piece, head: Hash, time: Option<Micros>) -> Result<(), Failure> {
    let Some((prev, first_time)) = piece.first else { return Ok(()) };
    let fail = |check, expected: String, found: String| {
        Err(broken_chain(ChainError { seq: piece.start, check, expected, found }))
    };
    if prev != head {
        return fail(LeafCheck::Prev, head.to_string(), prev.to_string());
    }
    match time.filter(|time| first_time < *time) {
        Some(time) => fail(LeafCheck::Time, format!("{time} or later"), first_time.to_string()),
        None => Ok(()),
    }
}

fn broken_chain(error: ChainError) -> Failure {
    let ChainError { seq, check, expected, found } = error;
    Failure::at(seq, CheckName::Leaves, check.name(), expected, found)
}

fn read(leaf: &Leaf, payload: &Result<Vec<u8>, Missing>) -> Read {
    let bytes = match payload {
        Ok(bytes) => Ok(bytes),
        Err(Missing::Damaged) => Err("nothing that its source could still read".to_owned()),
        Err(missing) => return Read::Missing(*missing),
    };
    let bad = |rule, expected: String, found: String| {
        Read::Bad(Failure::at(leaf.seq, CheckName::Payloads, rule, expected, found))
    };
    let bytes = match bytes {
        Ok(bytes) if Hash::of(bytes) == leaf.payload => bytes,
        Ok(bytes) => return bad("payload_hash", leaf.payload.to_string(), Hash::of(bytes).to_string()),
        Err(found) => return bad("payload_damaged", leaf.payload.to_string(), found),
    };
    match content::read(bytes) {
        Ok(content) => Read::Content(content),
        Err(found) => bad("payload_form", "a payload in the form of its kind".into(), found),
    }
}

/// The keys that the piece registers. The first registration of a number stands; replay refuses a second.
pub fn register(piece: &Piece, keys: &mut Keys) {
    for entry in &piece.entries {
        let Read::Content(Content::Event(event)) = &entry.payload else { continue };
        if let (Subject::Lot(lot), Fact::NumberDealt(fact)) = (event.subject, &event.fact)
            && let Ok(key) = PublicKey::from_jwk(&fact.key)
        {
            keys.entry((lot, fact.number)).or_insert(key);
        }
    }
}

/// Check 4 within the piece: reads each statement and, with `keys`, verifies its signature. A number without a key is
/// left for replay to judge.
pub fn hear(mut piece: Piece, keys: Option<&Keys>) -> Piece {
    for entry in &mut piece.entries {
        let Read::Content(Content::Event(event)) = &entry.payload else { continue };
        let key = statements::carried(event).and_then(|(_, lot, number)| keys?.get(&(lot, number)));
        entry.heard = statements::hear(event, key);
    }
    piece
}

/// What does not hold of a statement by itself.
pub fn unheard(seq: u64, entry: &Examined) -> Option<Failure> {
    match &entry.heard {
        Some(Err(error)) => Some(bad_statement(seq, error)),
        Some(Ok(_)) | None => None,
    }
}

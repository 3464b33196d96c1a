//! Everyone else's side of a ledger's storage: concurrent reads of what is committed, and the tree on top of them.

use std::borrow::Cow;

use bytes::Bytes;

use super::journal::{StoredEntry, StoredOutcome};
use super::work::CommittedEntry;
use crate::base::{Hash, Micros};
use crate::engine::{Event, Fact};
use crate::ledger::tile::{TILE_WIDTH, tile_hashes};
use crate::ledger::tree::{Frontier, HashReader};
use crate::ledger::{Leaf, Payload, leaf_hash};

/// Reads of what is committed. Safe from any number of threads; none of them holds up the writer.
pub trait LedgerReader: Send + Sync {
    /// Number of entries.
    fn size(&self) -> Result<u64, ReadError>;

    /// Entries in order, from `from` on, at most `limit`; fewer only where the ledger ends.
    fn entries(&self, from: u64, limit: usize) -> Result<Vec<StoredEntry>, ReadError>;

    /// For whoever keeps up with the ledger: as many of the entries from `from` on as come cheaply, at most `limit`, and
    /// none only where the ledger ends.
    fn next_entries(&self, from: u64, limit: usize) -> Result<Vec<StoredEntry>, ReadError> {
        self.entries(from, limit)
    }

    fn leaf(&self, seq: u64) -> Result<Option<Bytes>, ReadError>;

    fn payload(&self, seq: u64) -> Result<StoredPayload, ReadError>;

    /// The bytes of a full tile of that level; `None` while it is not full.
    fn tile(&self, level: u8, index: u64) -> Result<Option<Bytes>, ReadError>;

    /// What was answered to the submissions with these [`super::Once::key`]s, one answer a key, in their order.
    fn outcomes(&self, keys: &[Hash]) -> Result<Vec<Option<StoredOutcome>>, ReadError>;

    /// The oldest kept signed note over at least `size` entries, with its size and the time at which it was kept.
    fn checkpoint_from(&self, size: u64) -> Result<Option<(u64, String, Micros)>, ReadError>;

    /// The kept note over the most entries, with its size. They are found by sizes from below only.
    fn newest_checkpoint(&self) -> Result<Option<(u64, String)>, ReadError> {
        let (mut low, mut high) = (0, self.size()?.saturating_add(1));
        let mut found = None;
        while low < high {
            let middle = low + (high - low) / 2;
            match self.checkpoint_from(middle)? {
                Some((size, note, _)) => {
                    low = size.saturating_add(1);
                    found = Some((size, note));
                }
                None => high = middle,
            }
        }
        Ok(found)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredPayload {
    Present(Bytes),
    /// By law; its hash remains in the leaf.
    Erased,
    /// There is no such entry.
    Missing,
}

/// The storage could not be read, or holds what it cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the ledger: {0}")]
pub struct ReadError(pub String);

impl StoredEntry {
    /// The entry as it was committed; an erased payload is empty, and tells neither kind nor subject any more.
    pub fn restored(&self) -> Result<CommittedEntry, ReadError> {
        let mut entry = self.bare();
        self.read_into(&mut entry).map_err(|what| ReadError(format!("entry {}: {what}", self.seq)))?;
        Ok(entry)
    }

    /// The same for those who read the ledger in order to judge it: what can no longer be read (rotten bits, tampering)
    /// comes as it stands, marked as damaged and without its payload, whose readers nobody can tell any more.
    pub fn as_it_stands(&self) -> CommittedEntry {
        let mut entry = self.bare();
        match self.read_into(&mut entry) {
            Ok(()) => entry,
            Err(_) => CommittedEntry { damaged: true, ..self.bare() },
        }
    }

    fn bare(&self) -> CommittedEntry {
        let leaf = Leaf::parse(&self.leaf).ok();
        CommittedEntry {
            seq: self.seq,
            at: leaf.as_ref().map(|leaf| leaf.time).unwrap_or_default(),
            prev: leaf.map_or(Hash([0; 32]), |leaf| leaf.prev),
            hash: leaf_hash(&self.leaf),
            leaf: self.leaf.clone(),
            payload: Bytes::new(),
            kind: Cow::Borrowed(""),
            subject: String::new(),
            event: None,
            damaged: false,
        }
    }

    fn read_into(&self, entry: &mut CommittedEntry) -> Result<(), String> {
        Leaf::parse(&self.leaf).map_err(|check| check.name().to_owned())?;
        if let Some(bytes) = &self.payload {
            let payload = Payload::parse(bytes).map_err(|error| error.to_string())?;
            entry.event = event_of(&payload)?;
            entry.payload = bytes.clone();
            entry.kind = payload.kind.into();
            entry.subject = payload.subject;
        }
        Ok(())
    }
}

/// The engine's event in a payload; `None` when it is a record.
pub(super) fn event_of(payload: &Payload) -> Result<Option<Event>, String> {
    let fact = Fact::read(&payload.kind, payload.data.clone()).map_err(|error| error.to_string())?;
    let Some(fact) = fact else { return Ok(None) };
    let actor = payload.actor.parse().map_err(|_| format!("actor {:?}", payload.actor))?;
    let subject = payload.subject.parse().map_err(|_| format!("subject {:?}", payload.subject))?;
    Ok(Some(Event { actor, subject, fact }))
}

/// The tree of the first `size` entries, out of full tiles and, beyond them, leaves. Makes proofs and partial tiles.
#[derive(Clone, Copy)]
pub struct LedgerTree<'a> {
    pub reader: &'a dyn LedgerReader,
    pub size: u64,
}

impl LedgerTree<'_> {
    /// The first `width` hashes of tile `index` of `level`. `Ok(None)` when the tree does not reach that far.
    pub fn tile(&self, level: u8, index: u64, width: u16) -> Result<Option<Vec<Hash>>, ReadError> {
        let hashes = self.size.checked_shr(u32::from(level) * 8).unwrap_or(0);
        let first = index.saturating_mul(u64::from(TILE_WIDTH));
        if width == 0 || width > TILE_WIDTH || first.saturating_add(u64::from(width)) > hashes {
            return Ok(None);
        }
        let corrupt = || ReadError(format!("tile {index} of level {level} is not {TILE_WIDTH} hashes"));
        let mut row = match self.reader.tile(level, index)? {
            Some(bytes) => tile_hashes(&bytes).ok_or_else(corrupt)?,
            None => self.unfilled(level, first, width)?,
        };
        if row.len() < usize::from(width) {
            return Err(corrupt());
        }
        row.truncate(usize::from(width));
        Ok(Some(row))
    }

    /// Hashes of a tile that is not full yet: leaves, or the roots of the full tiles below.
    fn unfilled(&self, level: u8, first: u64, width: u16) -> Result<Vec<Hash>, ReadError> {
        let Some(below) = level.checked_sub(1) else {
            let entries = self.reader.entries(first, usize::from(width))?;
            return Ok(entries.iter().map(|entry| leaf_hash(&entry.leaf)).collect());
        };
        let roots = (first..first + u64::from(width)).map(|index| {
            let tile = self.tile(below, index, TILE_WIDTH)?;
            tile.map(root_of).ok_or_else(|| ReadError(format!("tile {index} of level {below} is missing")))
        });
        roots.collect()
    }

    /// Recomputed from what is stored.
    pub fn root(&self) -> Result<Hash, ReadError> {
        // The complete subtrees from left to right are the set bits of the size from the highest down.
        let mut edge = Vec::new();
        for level in (0..64u8).rev().filter(|level| self.size >> level & 1 == 1) {
            edge.push(self.subtree(level, (self.size >> level) - 1)?);
        }
        let frontier = Frontier::from_edge(self.size, edge);
        frontier.map(|frontier| frontier.root()).ok_or_else(|| ReadError("the tree's right edge".into()))
    }
}

fn root_of(hashes: Vec<Hash>) -> Hash {
    let mut frontier = Frontier::new();
    frontier.extend(hashes);
    frontier.root()
}

impl HashReader for LedgerTree<'_> {
    type Error = ReadError;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, ReadError> {
        let missing = || ReadError(format!("the tree has no complete subtree {index} of level {level}"));
        let (tile_level, within) = (level / 8, level % 8);
        let first = index.checked_shl(u32::from(within)).ok_or_else(missing)?;
        let (tile, place) = (first / u64::from(TILE_WIDTH), first % u64::from(TILE_WIDTH));
        let end = u16::try_from(place).unwrap_or(TILE_WIDTH) + (1 << within);
        let row = self.tile(tile_level, tile, end)?.ok_or_else(missing)?;
        Ok(root_of(row.into_iter().skip(usize::try_from(place).unwrap_or(usize::MAX)).collect()))
    }
}

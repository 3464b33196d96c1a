//! The tree's full tiles. They never change, so those that were asked for last stay in memory, decoded.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::ledger::tile::Tile;
use crate::sequencer::{LedgerReader, ReadError};

/// Level and index.
type Place = (u8, u64);

/// Readers of tiles that are known hold up nobody, and nobody holds up them.
pub(super) struct FullTiles {
    reader: Arc<dyn LedgerReader>,
    kept: RwLock<Kept>,
    kept_max: usize,
}

/// Two generations: what is asked for joins the young one, and when that is full the old one is forgotten. Whoever reads
/// the whole ledger once thus drives out nothing that is asked for all the time.
#[derive(Default)]
struct Kept {
    young: HashMap<Place, Arc<Tile>>,
    old: HashMap<Place, Arc<Tile>>,
}

impl FullTiles {
    /// Keeps `kept_max` of them at most.
    pub(super) fn new(reader: Arc<dyn LedgerReader>, kept_max: usize) -> Self {
        Self { reader, kept: RwLock::default(), kept_max }
    }

    /// A full tile as it is stored.
    pub(super) fn bytes(&self, level: u8, index: u64) -> Result<Vec<u8>, ReadError> {
        let tile = self.reader.tile(level, index)?;
        tile.map(|bytes| bytes.to_vec()).ok_or_else(|| ReadError(format!("tile {index} of level {level} is missing")))
    }

    pub(super) fn tile(&self, level: u8, index: u64) -> Result<Arc<Tile>, ReadError> {
        let place = (level, index);
        let known = self.kept.read().unwrap_or_else(PoisonError::into_inner).young.get(&place).cloned();
        if let Some(tile) = known {
            return Ok(tile);
        }
        let aged = self.kept.read().unwrap_or_else(PoisonError::into_inner).old.get(&place).cloned();
        let tile = match aged {
            Some(tile) => tile,
            None => Arc::new(
                Tile::full(&self.bytes(level, index)?)
                    .ok_or_else(|| ReadError(format!("tile {index} of level {level} is no full tile")))?,
            ),
        };
        self.keep(place, Arc::clone(&tile));
        Ok(tile)
    }

    fn keep(&self, place: Place, tile: Arc<Tile>) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.young.len() >= self.kept_max / 2 {
            kept.old = std::mem::take(&mut kept.young);
        }
        kept.young.insert(place, tile);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::base::{Hash, Micros};
    use crate::desk::Tree;
    use crate::ledger::tree::{consistency_proof, inclusion_proof};
    use crate::ledger::{TileBuilder, leaf_hash};
    use crate::sequencer::{Batch, CommittedEntry, Head, Journal as _, LedgerTree};
    use crate::sim::MemoryJournal;

    fn entry(seq: u64) -> CommittedEntry {
        let leaf = Bytes::from(format!("leaf {seq}"));
        CommittedEntry {
            seq,
            at: Micros::default(),
            prev: Hash::ZERO,
            hash: leaf_hash(&leaf),
            leaf,
            payload: Bytes::new(),
            kind: "".into(),
            subject: String::new(),
            event: None,
            damaged: false,
        }
    }

    /// A journal of `size` entries whose leaves nobody can read as leaves: a tree needs only their hashes.
    fn journal(size: u64) -> MemoryJournal {
        let (mut journal, mut builder) = (MemoryJournal::new(), TileBuilder::new());
        let entries: Vec<CommittedEntry> = (0..size).map(entry).collect();
        let tiles = entries.iter().flat_map(|entry| builder.append(entry.hash)).collect();
        let head = Head { size, root: builder.frontier().root(), time: Micros::default(), leaf: Hash::ZERO };
        journal.commit(&Batch { before: 0, entries, tiles, outcomes: Vec::new(), head }).unwrap();
        journal
    }

    #[test]
    fn proofs_out_of_memory_are_those_out_of_the_storage() {
        let size = 66_000;
        let reader = journal(size).reader();
        let tree = Tree::open(Arc::clone(&reader)).unwrap();
        // All over the tree, each several times: the first is read, the others are remembered.
        for n in 0..400_u64 {
            let newer = 1 + n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % size;
            let seq = n.wrapping_mul(0xd1b5_4a32_d192_ed03) % newer;
            let slow = LedgerTree { reader: &*reader, size: newer };
            assert_eq!(tree.inclusion(seq, newer).unwrap(), inclusion_proof(&slow, seq, newer).unwrap());
            assert_eq!(tree.consistency(seq, newer).unwrap(), consistency_proof(&slow, seq, newer).unwrap());
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_wanted_stays() {
        let reader = journal(256 * 40).reader();
        let tiles = FullTiles::new(Arc::clone(&reader), 8);
        for index in 0..40 {
            assert_eq!(*tiles.tile(0, index).unwrap(), Tile::full(&reader.tile(0, index).unwrap().unwrap()).unwrap());
            tiles.tile(0, 7).unwrap();
            let kept = tiles.kept.read().unwrap();
            assert!(kept.young.len() + kept.old.len() <= 8);
            assert!(kept.young.contains_key(&(0, 7)), "asked for all the time");
        }
        assert!(tiles.tile(0, 40).is_err() && tiles.tile(1, 0).is_err(), "not full yet");
    }
}

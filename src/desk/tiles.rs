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
    use crate::sequencer::{Batch, CommittedBatch, CommittedEntry, Head, Journal as _, LedgerTree, Listener as _};
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

    /// A journal whose leaves nobody can read as leaves: a tree needs only their hashes.
    #[derive(Default)]
    struct Growing {
        journal: MemoryJournal,
        builder: TileBuilder,
    }

    impl Growing {
        fn to(size: u64) -> Self {
            let mut growing = Self::default();
            growing.grow(size);
            growing
        }

        /// What a commit up to `size` tells its listeners.
        fn grow(&mut self, size: u64) -> Arc<CommittedBatch> {
            let before = self.builder.size();
            let entries: Vec<CommittedEntry> = (before..size).map(entry).collect();
            let tiles = entries.iter().flat_map(|entry| self.builder.append(entry.hash)).collect();
            let head = Head { size, root: self.builder.frontier().root(), time: Micros::default(), leaf: Hash::ZERO };
            let told = CommittedBatch { entries: entries.clone(), checkpoint: "".into() };
            self.journal.commit(&Batch { before, entries, tiles, outcomes: Vec::new(), head }).unwrap();
            Arc::new(told)
        }

        fn reader(&self) -> Arc<dyn LedgerReader> {
            self.journal.reader()
        }
    }

    #[test]
    fn proofs_out_of_memory_are_those_out_of_the_storage() {
        let size = 66_000;
        let reader = Growing::to(size).reader();
        let tree = Tree::open(Arc::clone(&reader)).unwrap();
        // All over the tree, each several times: the first is read, the others are remembered.
        for n in 0..80_u64 {
            let newer = 1 + n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % size;
            let seq = n.wrapping_mul(0xd1b5_4a32_d192_ed03) % newer;
            let slow = LedgerTree { reader: &*reader, size: newer };
            assert_eq!(tree.inclusion(seq, newer).unwrap(), inclusion_proof(&slow, seq, newer).unwrap());
            assert_eq!(tree.consistency(seq, newer).unwrap(), consistency_proof(&slow, seq, newer).unwrap());
        }
    }

    #[test]
    fn a_growing_tree_proves_what_the_storage_proves() {
        let mut growing = Growing::default();
        let reader = growing.reader();
        let tree = Tree::open(Arc::clone(&reader)).unwrap();
        // Batches that end before, at and behind the edges of tiles of both levels.
        let mut size = 0;
        for step in [1, 1, 254, 1, 254, 2, 300, 65_536 - 813 - 1, 1, 1, 255].into_iter().chain((0..40).map(|n| 7 + n)) {
            size += step;
            let told = growing.grow(size);
            let before = tree.edge();
            tree.durable(&told);
            assert_eq!((before.size(), tree.size()), (size - step, size), "whoever reads goes on with what was there");
            // Told again, or read again: nothing is there twice.
            tree.durable(&told);
            tree.resumed(size, &"".into());
            assert_eq!((tree.size(), tree.edge().frontier().root()), (size, growing.builder.frontier().root()));
            let storage = LedgerTree { reader: &*reader, size };
            for seq in [0, size / 3, size.saturating_sub(257), size - step, size - 1] {
                assert_eq!(tree.inclusion(seq, size).unwrap(), inclusion_proof(&storage, seq, size).unwrap());
                assert_eq!(tree.consistency(seq, size).unwrap(), consistency_proof(&storage, seq, size).unwrap());
            }
        }
    }

    #[test]
    fn readers_that_find_a_mirror_behind_bring_it_up_once() {
        let mut growing = Growing::to(3);
        let tree = Tree::open(growing.reader()).unwrap();
        growing.grow(2_000);
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| tree.resumed(2_000, &"".into()));
            }
        });
        assert_eq!((tree.size(), tree.edge().frontier()), (2_000, growing.builder.frontier()));
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_wanted_stays() {
        let reader = Growing::to(256 * 40).reader();
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

//! The tree against `ct-merkle`, and every proof of every small tree.

use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use mingjian::base::Hash;
use mingjian::ledger::tile::{FullTile, ReadError, TILE_BYTES, Tile, TiledTree, tile_hashes};
use mingjian::ledger::tree::{
    HashReader, NoProof, consistency_proof, empty_root, inclusion_proof, node_hash, verify_consistency,
    verify_inclusion,
};
use mingjian::ledger::{Frontier, TileBuilder, leaf_hash};
use sha2::Sha256;

/// The edges of tiles on both levels, one before and one behind, and a size between.
pub const SIZES: [u64; 12] = [0, 1, 2, 3, 255, 256, 257, 600, 65_535, 65_536, 65_537, 70_000];

pub fn entry(index: u64) -> [u8; 8] {
    index.to_be_bytes()
}

/// A tree as a journal keeps it: full tiles, and the builder's rest.
#[derive(Default)]
pub struct Journal {
    pub builder: TileBuilder,
    pub full: HashMap<(u8, u64), Vec<u8>>,
}

impl Journal {
    pub fn of(size: u64) -> Self {
        let mut journal = Self::default();
        (0..size).for_each(|index| journal.append(leaf_hash(&entry(index))));
        journal
    }

    fn append(&mut self, leaf: Hash) {
        for FullTile { level, index, bytes } in self.builder.append(leaf) {
            assert_eq!(bytes.len(), TILE_BYTES);
            assert!(self.full.insert((level, index), bytes).is_none(), "tile {level}/{index} came twice");
        }
    }

    pub fn reader(&self) -> TiledTree<'_, impl Fn(u8, u64) -> Result<Arc<Tile>, &'static str>> {
        let full_tile = |level, index| {
            let bytes = self.full.get(&(level, index)).ok_or("no such tile")?;
            Tile::full(bytes).map(Arc::new).ok_or("not a full tile")
        };
        TiledTree { builder: &self.builder, full_tile }
    }
}

/// RFC 6962 §2.1 read literally.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&naive_root(left), &naive_root(right))
        }
    }
}

/// Proofs from a plain list of leaf hashes; remembers which subtrees were asked for.
struct List(Vec<Hash>, RefCell<usize>);

impl HashReader for List {
    type Error = Infallible;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, Infallible> {
        *self.1.borrow_mut() += 1;
        let (start, width) = (usize::try_from(index << level).unwrap(), 1 << level);
        Ok(naive_root(&self.0[start..start + width]))
    }
}

#[test]
fn roots_and_proofs_equal_those_of_ct_merkle() {
    let mut theirs = MemoryBackedTree::<Sha256, [u8; 8]>::new();
    let mut frontier = Frontier::new();
    let mut journal = Journal::default();
    for size in SIZES {
        for index in frontier.size()..size {
            theirs.push(entry(index));
            frontier.append(leaf_hash(&entry(index)));
            journal.append(leaf_hash(&entry(index)));
        }
        let root = theirs.root();
        assert_eq!(frontier.root().0, root.as_bytes()[..], "root of {size}");
        assert_eq!(journal.builder.frontier(), frontier, "frontier of {size}");
        assert_eq!(Frontier::from_edge(size, frontier.edge().to_vec()), Some(frontier.clone()));

        let flat = |path: Vec<Hash>| path.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>();
        for index in [0, 1, size / 2, size.saturating_sub(2), size.saturating_sub(1)] {
            if index < size {
                let path = inclusion_proof(&journal.reader(), index, size).unwrap();
                let expected = theirs.prove_inclusion(usize::try_from(index).unwrap());
                assert_eq!(flat(path), expected.as_bytes(), "leaf {index} of {size}");
            }
        }
        for old in [1, 2, 3, 128, 255, 256, size / 2, size.saturating_sub(1)] {
            if (1..size).contains(&old) {
                let path = consistency_proof(&journal.reader(), old, size).unwrap();
                let expected = theirs.prove_consistency(usize::try_from(size - old).unwrap());
                assert_eq!(flat(path), expected.as_bytes(), "{old} to {size}");
            }
        }
    }
}

#[test]
fn every_inclusion_proof_to_64_holds_and_no_other() {
    let leaves: Vec<Hash> = (0..64).map(|index| leaf_hash(&entry(index))).collect();
    for size in 1..=64u64 {
        let list = List(leaves[..usize::try_from(size).unwrap()].to_vec(), RefCell::default());
        let root = naive_root(&list.0);
        for (index, leaf) in (0..size).zip(&leaves) {
            let path = inclusion_proof(&list, index, size).unwrap();
            assert_eq!(verify_inclusion(*leaf, index, size, &path, root), Ok(()), "{index} of {size}");

            assert!(verify_inclusion(Hash::ZERO, index, size, &path, root).is_err());
            assert!(verify_inclusion(*leaf, index, size, &path, Hash::ZERO).is_err());
            assert!(verify_inclusion(*leaf, size, size, &path, root).is_err());
            for other in (0..size).filter(|other| *other != index) {
                assert!(verify_inclusion(*leaf, other, size, &path, root).is_err(), "{index} as {other} of {size}");
            }
            for (at, _) in path.iter().enumerate() {
                let mut bad = path.clone();
                bad[at].0[31] ^= 1;
                assert!(verify_inclusion(*leaf, index, size, &bad, root).is_err());
                assert!(verify_inclusion(*leaf, index, size, &path[..at], root).is_err());
            }
            let longer = [path.as_slice(), &[Hash::ZERO]].concat();
            assert!(verify_inclusion(*leaf, index, size, &longer, root).is_err());
        }
        assert_eq!(inclusion_proof(&list, size, size), Err(NoProof::OutOfRange));
    }
}

#[test]
fn every_consistency_proof_to_64_holds_and_no_other() {
    let leaves: Vec<Hash> = (0..64).map(|index| leaf_hash(&entry(index))).collect();
    let list = List(leaves.clone(), RefCell::default());
    let roots: Vec<Hash> = (0..=64).map(|size| naive_root(&leaves[..size])).collect();
    for new in 0..=64u64 {
        for old in 0..=new {
            let root = |size: u64| roots[usize::try_from(size).unwrap()];
            let path = consistency_proof(&list, old, new).unwrap();
            let check = |path: &[Hash]| verify_consistency(old, root(old), new, root(new), path);
            assert_eq!(check(&path), Ok(()), "{old} to {new}");

            assert!(verify_consistency(old, Hash::ZERO, new, root(new), &path).is_err(), "{old} to {new}");
            // From the empty tree everything follows, so the new root is not looked at.
            assert_eq!(verify_consistency(old, root(old), new, Hash::ZERO, &path).is_err(), old != 0 || new == 0);
            for (at, _) in path.iter().enumerate() {
                let mut bad = path.clone();
                bad[at].0[0] ^= 0x80;
                assert!(check(&bad).is_err());
                assert!(check(&path[..at]).is_err());
            }
            assert!(check(&[path.as_slice(), &[Hash::ZERO]].concat()).is_err());
            if old < new {
                assert_eq!(consistency_proof(&list, new, old), Err(NoProof::OutOfRange));
                assert!(verify_consistency(new, root(new), old, root(old), &path).is_err());
            }
        }
    }
}

/// Every (m, n) to 300, byte for byte those of `ct-merkle`, inclusion and consistency; and each holds here.
#[test]
fn every_pair_of_proofs_to_300_equals_that_of_ct_merkle() {
    let mut theirs = MemoryBackedTree::<Sha256, [u8; 8]>::new();
    let mut history = mingjian::review::History::new();
    let mut roots = vec![empty_root()];
    let flat = |path: &[Hash]| path.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>();
    for new in 1..=300u64 {
        theirs.push(entry(new - 1));
        history.append(leaf_hash(&entry(new - 1)));
        let root = history.root_at(new).unwrap();
        assert_eq!(root.0, theirs.root().as_bytes()[..], "root of {new}");
        roots.push(root);
        for index in 0..new {
            let path = inclusion_proof(&history, index, new).unwrap();
            let expected = theirs.prove_inclusion(usize::try_from(index).unwrap());
            assert_eq!(flat(&path), expected.as_bytes(), "leaf {index} of {new}");
            assert_eq!(verify_inclusion(leaf_hash(&entry(index)), index, new, &path, root), Ok(()), "{index} of {new}");
        }
        for old in 1..new {
            let path = consistency_proof(&history, old, new).unwrap();
            let expected = theirs.prove_consistency(usize::try_from(new - old).unwrap());
            assert_eq!(flat(&path), expected.as_bytes(), "{old} to {new}");
            let before = roots[usize::try_from(old).unwrap()];
            assert_eq!(verify_consistency(old, before, new, root, &path), Ok(()), "{old} to {new}");
        }
    }
}

#[test]
fn proofs_ask_for_few_subtrees() {
    let list = List((0..1 << 10).map(|index| leaf_hash(&entry(index))).collect(), RefCell::default());
    inclusion_proof(&list, 511, 1023).unwrap();
    // One for each step of the path, and those that the ragged right edge is made of.
    assert!(list.1.take() <= 20);
}

#[test]
fn a_builder_is_rebuilt_from_its_full_tiles_and_the_rest() {
    for size in SIZES {
        let journal = Journal::of(size);
        let rest: Vec<Hash> = (size / 256 * 256..size).map(|index| leaf_hash(&entry(index))).collect();
        let full = |level, index| journal.full.get(&(level, index)).cloned().ok_or("no such tile");
        let mut rebuilt = TileBuilder::resume(size, &rest, full).unwrap();
        assert_eq!(rebuilt.frontier(), journal.builder.frontier());
        let mut grown = journal.builder.clone();
        for index in size..size + 300 {
            assert_eq!(rebuilt.append(leaf_hash(&entry(index))), grown.append(leaf_hash(&entry(index))));
        }
        assert!(TileBuilder::resume(size + 1, &rest, full).is_err());
    }
    assert!(TileBuilder::resume(256, &[], |_, _| Ok::<_, Infallible>(vec![0; 31])).is_err());
}

#[test]
fn a_tree_has_no_subtree_beyond_its_edge() {
    let journal = Journal::of(300);
    assert!(journal.reader().subtree(0, 299).is_ok());
    assert!(matches!(journal.reader().subtree(0, 300), Err(ReadError::NoSuchSubtree { .. })));
    assert!(matches!(journal.reader().subtree(9, 0), Err(ReadError::NoSuchSubtree { .. })));
    assert_eq!(tile_hashes(&[0; 31]), None);
    assert_eq!(tile_hashes(&[]), None);
    assert_eq!(tile_hashes(&[0; TILE_BYTES + 32]), None);
    assert_eq!(Tile::full(&[0; TILE_BYTES - 32]), None);
    assert_eq!(Tile::of(&[Hash::ZERO; 257]), None);
}

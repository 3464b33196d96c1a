//! The tree at every size that it ever had: what a bidder's `seen` and an earlier checkpoint are compared with.

use crate::base::Hash;
use crate::ledger::HashReader;
use crate::ledger::tree::{Frontier, node_hash};

/// Every node of every complete subtree: 64 bytes an entry, a million entries 64 MB.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    levels: Vec<Vec<Hash>>,
}

/// The history has no such subtree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("beyond the history")]
pub struct Beyond;

impl History {
    pub fn new() -> Self {
        Self::default()
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| u64::try_from(leaves.len()).unwrap_or(u64::MAX))
    }

    pub fn append(&mut self, leaf: Hash) {
        self.row(0).push(leaf);
        self.carry(0);
    }

    /// Takes complete subtrees of one size at once, as [`subtrees`] made them; they must start where the history ends, at
    /// a multiple of their size.
    pub fn append_subtree(&mut self, levels: &[Vec<Hash>]) {
        for (level, hashes) in levels.iter().enumerate() {
            self.row(level).extend_from_slice(hashes);
        }
        self.carry(levels.len().saturating_sub(1));
    }

    /// The root of the first `size` leaves; `None` when there are fewer.
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        if size > self.size() {
            return None;
        }
        Frontier::read(self, size).ok().map(|frontier| frontier.root())
    }

    /// The hashes of one level, from left to right.
    pub fn level(&self, level: u8) -> &[Hash] {
        self.levels.get(usize::from(level)).map_or(&[], Vec::as_slice)
    }

    fn row(&mut self, level: usize) -> &mut Vec<Hash> {
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Vec::new);
        }
        #[expect(clippy::indexing_slicing, reason = "resized above")]
        &mut self.levels[level]
    }

    /// A pair that became complete on `level` becomes a node above it, and so on upwards.
    fn carry(&mut self, mut level: usize) {
        while let Some([.., left, right]) =
            self.levels.get(level).filter(|row| row.len().is_multiple_of(2)).map(Vec::as_slice)
        {
            let node = node_hash(left, right);
            level += 1;
            self.row(level).push(node);
        }
    }
}

impl HashReader for History {
    type Error = Beyond;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, Beyond> {
        let index = usize::try_from(index).map_err(|_| Beyond)?;
        self.level(level).get(index).copied().ok_or(Beyond)
    }
}

/// The nodes over a power of two of leaves, lowest level first; `None` for any other number.
pub fn subtrees(leaves: Vec<Hash>) -> Option<Vec<Vec<Hash>>> {
    if !leaves.len().is_power_of_two() {
        return None;
    }
    let mut levels = vec![leaves];
    while let Some(row) = levels.last().filter(|row| row.len() > 1) {
        let above = row.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
        levels.push(above);
    }
    Some(levels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_pieces_and_single_leaves_give_the_same_tree() {
        let leaves: Vec<Hash> = (0..1_000u32).map(|i| Hash::of(&i.to_be_bytes())).collect();
        let (mut by_one, mut by_piece, mut frontier) = (History::new(), History::new(), Frontier::new());
        let mut roots = vec![frontier.root()];
        for leaf in &leaves {
            by_one.append(*leaf);
            frontier.append(*leaf);
            roots.push(frontier.root());
        }
        for piece in leaves.chunks(256) {
            match subtrees(piece.to_vec()).filter(|_| piece.len() == 256) {
                Some(levels) => by_piece.append_subtree(&levels),
                None => piece.iter().for_each(|leaf| by_piece.append(*leaf)),
            }
        }
        assert_eq!(by_one, by_piece);
        for (size, root) in roots.iter().enumerate() {
            assert_eq!(by_piece.root_at(size as u64), Some(*root), "{size}");
        }
        assert_eq!(by_piece.root_at(1_001), None);
    }
}

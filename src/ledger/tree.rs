//! RFC 6962 §2.1: the Merkle tree over the leaf hashes. Proofs are made from whatever can answer for complete subtrees
//! ([`HashReader`]) and checked with the loops of RFC 9162 §2.1.3.2 and §2.1.4.2, which leave no slack in a proof.

use crate::base::Hash;

/// SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash::of_parts(&[&[1], &left.0, &right.0])
}

/// The root of a tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    Hash::of(&[])
}

/// The right edge of a growing tree (a compact range): the roots of its largest complete subtrees, left to right. At
/// most 64 hashes, whatever the size; cheap to clone, so that a batch can be tried and dropped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    edge: Vec<Hash>,
}

impl Frontier {
    /// A tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// From a stored edge; `None` if a tree of `size` leaves has another number of complete subtrees.
    pub fn from_edge(size: u64, edge: Vec<Hash>) -> Option<Self> {
        (edge.len() == size.count_ones() as usize).then_some(Self { size, edge })
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// What [`Frontier::from_edge`] takes.
    pub fn edge(&self) -> &[Hash] {
        &self.edge
    }

    pub fn append(&mut self, leaf: Hash) {
        let mut root = leaf;
        // Each complete subtree on the right that the new leaf fills up merges with its neighbour, like a binary carry.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.edge.pop() {
                root = node_hash(&left, &root);
            }
        }
        self.edge.push(root);
        self.size += 1;
    }

    pub fn root(&self) -> Hash {
        fold_right(&self.edge)
    }
}

impl Extend<Hash> for Frontier {
    fn extend<I: IntoIterator<Item = Hash>>(&mut self, leaves: I) {
        for leaf in leaves {
            self.append(leaf);
        }
    }
}

/// Hangs complete subtrees, given from left to right, into one tree.
fn fold_right(subtrees: &[Hash]) -> Hash {
    subtrees.iter().rev().copied().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
}

/// Whatever can answer for complete subtrees: a store with its tiles, a file, a list in memory.
pub trait HashReader {
    type Error;

    /// The root of the complete subtree over the 2^`level` leaves from leaf `index` × 2^`level` on.
    fn subtree(&self, level: u8, index: u64) -> Result<Hash, Self::Error>;
}

/// Why no proof could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoProof<E> {
    /// The leaf is not in a tree of that size, or the older tree is larger than the newer.
    #[error("no such proof exists")]
    OutOfRange,
    #[error(transparent)]
    Reader(E),
}

impl<E> From<E> for NoProof<E> {
    fn from(error: E) -> Self {
        Self::Reader(error)
    }
}

/// RFC 6962 §2.1.1: the audit path of leaf `index` in the tree of the first `size` leaves, from the leaf's sibling up.
pub fn inclusion_proof<R: HashReader + ?Sized>(
    reader: &R,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, NoProof<R::Error>> {
    if index >= size {
        return Err(NoProof::OutOfRange);
    }
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(range_root(reader, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(reader, start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// RFC 6962 §2.1.2: that the tree of the first `old` leaves is a prefix of the tree of the first `new` leaves. Empty when
/// `old` is 0 or equals `new`.
pub fn consistency_proof<R: HashReader + ?Sized>(
    reader: &R,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, NoProof<R::Error>> {
    if old > new {
        return Err(NoProof::OutOfRange);
    }
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let mut path = Vec::new();
    let (mut start, mut end) = (0, new);
    while old != end {
        let middle = start + split(end - start);
        if old <= middle {
            path.push(range_root(reader, middle, end)?);
            end = middle;
        } else {
            path.push(range_root(reader, start, middle)?);
            start = middle;
        }
    }
    // The subtree that both trees share and that ends the old one: known to the verifier only if it is the old root.
    if start > 0 {
        path.push(range_root(reader, start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// The largest power of two below `width`, which is at least 2.
fn split(width: u64) -> u64 {
    1 << (width - 1).ilog2()
}

/// The root over the leaves `start..end`; `start` is a multiple of the largest power of two within the range.
fn range_root<R: HashReader + ?Sized>(reader: &R, start: u64, end: u64) -> Result<Hash, R::Error> {
    complete_subtrees(reader, start, end).map(|subtrees| fold_right(&subtrees))
}

fn complete_subtrees<R: HashReader + ?Sized>(reader: &R, mut start: u64, end: u64) -> Result<Vec<Hash>, R::Error> {
    let mut subtrees = Vec::new();
    while let Some(log) = (end - start).checked_ilog2() {
        let level = u8::try_from(log).unwrap_or(63);
        subtrees.push(reader.subtree(level, start >> log)?);
        start += 1 << log;
    }
    Ok(subtrees)
}

/// The proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Merkle proof does not hold")]
pub struct BadProof;

/// RFC 9162 §2.1.3.2: that `leaf` is leaf `index` of the tree of `size` leaves with this `root`.
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, path: &[Hash], root: Hash) -> Result<(), BadProof> {
    let Some(mut last) = size.checked_sub(1).filter(|last| index <= *last) else { return Err(BadProof) };
    let (mut at, mut found) = (index, leaf);
    for step in path {
        if last == 0 {
            return Err(BadProof);
        }
        if at & 1 == 1 || at == last {
            found = node_hash(step, &found);
            climb_while(&mut at, &mut last, |at| at & 1 == 0 && at != 0);
        } else {
            found = node_hash(&found, step);
        }
        at >>= 1;
        last >>= 1;
    }
    if last == 0 && found == root { Ok(()) } else { Err(BadProof) }
}

/// RFC 9162 §2.1.4.2: that the tree of `old` leaves with `old_root` is a prefix of the tree of `new` leaves with
/// `new_root`. A proof about trees of equal size, or from the empty tree, must be empty.
pub fn verify_consistency(old: u64, old_root: Hash, new: u64, new_root: Hash, path: &[Hash]) -> Result<(), BadProof> {
    if old > new {
        return Err(BadProof);
    }
    if old == new || old == 0 {
        let holds = path.is_empty() && (old != new || old_root == new_root) && (old != 0 || old_root == empty_root());
        return if holds { Ok(()) } else { Err(BadProof) };
    }
    let (seed, rest) = if old.is_power_of_two() { (&old_root, path) } else { path.split_first().ok_or(BadProof)? };
    let (mut at, mut last) = (old - 1, new - 1);
    climb_while(&mut at, &mut last, |at| at & 1 == 1);
    let (mut found_old, mut found_new) = (*seed, *seed);
    for step in rest {
        if last == 0 {
            return Err(BadProof);
        }
        if at & 1 == 1 || at == last {
            found_old = node_hash(step, &found_old);
            found_new = node_hash(step, &found_new);
            climb_while(&mut at, &mut last, |at| at & 1 == 0 && at != 0);
        } else {
            found_new = node_hash(&found_new, step);
        }
        at >>= 1;
        last >>= 1;
    }
    if last == 0 && found_old == old_root && found_new == new_root { Ok(()) } else { Err(BadProof) }
}

/// Passes over levels on which a node has no sibling.
fn climb_while(at: &mut u64, last: &mut u64, condition: impl Fn(u64) -> bool) {
    while condition(*at) {
        *at >>= 1;
        *last >>= 1;
    }
}

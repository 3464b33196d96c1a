//! C2SP tlog-tiles: the tree cut into tiles of 256 hashes, and the leaves into bundles of 256 entries. Only full tiles
//! need storing: a partial one is the prefix of its full one, or still in the [`TileBuilder`].

use std::fmt;
use std::str::FromStr;

use super::leaf::decimal;
use super::tree::{Frontier, HashReader, node_hash};
use crate::base::Hash;

/// Hashes of a full tile, entries of a full bundle.
pub const TILE_WIDTH: u16 = 256;
const WIDTH: usize = TILE_WIDTH as usize;
const HASH_BYTES: usize = 32;
/// Bytes of a full tile.
pub const TILE_BYTES: usize = WIDTH * HASH_BYTES;
/// Tree levels that one tile spans: 256 = 2^8.
const SPAN: u8 = 8;
/// The specification's bound; a tree that a `u64` can count ends at level 7.
const LEVEL_MAX: u64 = 63;

/// What a tile path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TileKind {
    /// Merkle tree hashes of this level.
    Hashes(u8),
    /// Leaf bytes.
    Entries,
}

/// `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TilePath {
    pub kind: TileKind,
    /// Place within the level.
    pub index: u64,
    /// 1 to 256; below 256 the tile is partial.
    pub width: u16,
}

/// The text is not a tile path in its one spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a tile path: expected tile/<L>/<N>[.p/<W>] or tile/entries/<N>[.p/<W>]")]
pub struct NotATilePath;

impl TilePath {
    pub const fn is_partial(self) -> bool {
        self.width < TILE_WIDTH
    }

    /// Whether a tree of `size` leaves has this tile, in this or a greater width.
    pub fn exists_in(self, size: u64) -> bool {
        let level = match self.kind {
            TileKind::Hashes(level) => level,
            TileKind::Entries => 0,
        };
        let hashes = size.checked_shr(u32::from(level) * u32::from(SPAN)).unwrap_or(0);
        let end = u128::from(self.index) * u128::from(TILE_WIDTH) + u128::from(self.width);
        end <= u128::from(hashes)
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for (place, group) in groups.iter().enumerate().rev() {
            let (x, slash) = if place > 0 { ("x", "/") } else { ("", "") };
            write!(f, "{x}{group:03}{slash}")?;
        }
        if self.is_partial() { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for TilePath {
    type Err = NotATilePath;

    /// Without a leading slash.
    fn from_str(text: &str) -> Result<Self, NotATilePath> {
        parse_path(text).filter(|path| path.to_string() == text).ok_or(NotATilePath)
    }
}

fn parse_path(text: &str) -> Option<TilePath> {
    let (kind, rest) = text.strip_prefix("tile/")?.split_once('/')?;
    let kind = match kind {
        "entries" => TileKind::Entries,
        level => TileKind::Hashes(decimal(level).filter(|level| *level <= LEVEL_MAX)?.try_into().ok()?),
    };
    let (number, width) = match rest.split_once(".p/") {
        Some((number, width)) => (number, u16::try_from(decimal(width)?).ok()?),
        None => (rest, TILE_WIDTH),
    };
    let index = number.split('/').try_fold(0u64, |sum, group| {
        let digits = group.strip_prefix('x').unwrap_or(group);
        let value = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u64>().ok())??;
        sum.checked_mul(1000)?.checked_add(value)
    })?;
    (width > 0).then_some(TilePath { kind, index, width })
}

/// The bytes of a tile of these hashes.
pub fn tile_bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The hashes of a tile; `None` when the bytes are not 1 to 256 whole hashes.
pub fn tile_hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
    (rest.is_empty() && (1..=WIDTH).contains(&hashes.len())).then(|| hashes.iter().copied().map(Hash).collect())
}

/// Each entry behind its length as a big-endian uint16. `None` for none, for more than 256, or for one of 65,536 bytes.
pub fn encode_bundle<B: AsRef<[u8]>>(entries: &[B]) -> Option<Vec<u8>> {
    if !(1..=WIDTH).contains(&entries.len()) {
        return None;
    }
    let mut out = Vec::with_capacity(entries.iter().map(|entry| 2 + entry.as_ref().len()).sum());
    for entry in entries {
        let entry = entry.as_ref();
        out.extend_from_slice(&u16::try_from(entry.len()).ok()?.to_be_bytes());
        out.extend_from_slice(entry);
    }
    Some(out)
}

/// The entries of a bundle; `None` when it is cut off, empty, or holds more than 256.
pub fn decode_bundle(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        rest = after;
    }
    (1..=WIDTH).contains(&entries.len()).then_some(entries)
}

/// A tile that will never change again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullTile {
    pub level: u8,
    pub index: u64,
    /// [`TILE_BYTES`] of them.
    pub bytes: Vec<u8>,
}

/// Cuts a growing tree into tiles at all levels: takes leaf hashes, yields each tile as it becomes full, and keeps the
/// hashes of the partial ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TileBuilder {
    size: u64,
    /// Of each level the hashes beyond its last full tile.
    pending: Vec<Vec<Hash>>,
}

/// A builder could not be rebuilt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError<E> {
    #[error("a tree of {size} leaves has {expected} beyond its last full tile, got {found}")]
    Rest { size: u64, expected: u64, found: usize },
    #[error("tile {index} of level {level} is not {TILE_BYTES} bytes")]
    NotATile { level: u8, index: u64 },
    #[error(transparent)]
    Reader(E),
}

impl TileBuilder {
    pub fn new() -> Self {
        Self::default()
    }

    /// A builder for a tree of `size` leaves, from the leaf hashes beyond the last full tile and from stored full tiles
    /// (up to 255 of each level are read).
    pub fn resume<E>(
        size: u64,
        rest: &[Hash],
        mut full_tile: impl FnMut(u8, u64) -> Result<Vec<u8>, E>,
    ) -> Result<Self, ResumeError<E>> {
        let expected = size % u64::from(TILE_WIDTH);
        if u64::try_from(rest.len()) != Ok(expected) {
            return Err(ResumeError::Rest { size, expected, found: rest.len() });
        }
        let mut pending = vec![rest.to_vec()];
        let mut hashes = size >> SPAN;
        for level in 0.. {
            if hashes == 0 {
                break;
            }
            let first = hashes - hashes % u64::from(TILE_WIDTH);
            let mut row = Vec::with_capacity(WIDTH);
            for index in first..hashes {
                let bytes = full_tile(level, index).map_err(ResumeError::Reader)?;
                let tile = tile_hashes(&bytes).filter(|tile| tile.len() == WIDTH);
                row.push(complete_root(tile.ok_or(ResumeError::NotATile { level, index })?));
            }
            pending.push(row);
            hashes >>= SPAN;
        }
        Ok(Self { size, pending })
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes the next leaf hash; yields the tiles that it filled, lowest level first.
    pub fn append(&mut self, leaf: Hash) -> Vec<FullTile> {
        let mut full = Vec::new();
        let mut carry = leaf;
        for level in 0..=u8::MAX {
            let row = self.row(level);
            row.push(carry);
            if row.len() < WIDTH {
                break;
            }
            let hashes = std::mem::take(row);
            let index = above(self.size, level);
            full.push(FullTile { level, index, bytes: tile_bytes(&hashes) });
            carry = complete_root(hashes);
        }
        self.size += 1;
        full
    }

    fn row(&mut self, level: u8) -> &mut Vec<Hash> {
        let level = usize::from(level);
        if self.pending.len() <= level {
            self.pending.resize_with(level + 1, Vec::new);
        }
        #[expect(clippy::indexing_slicing, reason = "resized above")]
        &mut self.pending[level]
    }

    /// The hashes of the partial tile that ends `level` now, with its index; `None` when there is none.
    pub fn partial(&self, level: u8) -> Option<(u64, &[Hash])> {
        let row = self.pending.get(usize::from(level)).filter(|row| !row.is_empty())?;
        Some((above(self.size, level), row))
    }

    /// The right edge of the tree: its complete subtrees all lie in the partial tiles.
    pub fn frontier(&self) -> Frontier {
        let mut edge = Vec::new();
        for row in self.pending.iter().rev() {
            let mut rest = row.as_slice();
            while let Some(log) = rest.len().checked_ilog2() {
                let (subtree, after) = rest.split_at(1 << log);
                edge.push(complete_root(subtree.to_vec()));
                rest = after;
            }
        }
        Frontier::from_edge(self.size, edge).unwrap_or_default()
    }
}

/// Full tiles of `level` in a tree of `size` leaves.
fn above(size: u64, level: u8) -> u64 {
    size.checked_shr((u32::from(level) + 1) * u32::from(SPAN)).unwrap_or(0)
}

/// The root over hashes whose number is a power of two.
fn complete_root(mut hashes: Vec<Hash>) -> Hash {
    while hashes.len() > 1 {
        hashes = hashes.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    hashes.first().copied().unwrap_or_default()
}

/// A whole tree: the builder's partial tiles and a source of full ones. Serves proofs for every size up to the
/// builder's.
#[derive(Debug)]
pub struct TiledTree<'a, F> {
    pub builder: &'a TileBuilder,
    /// The bytes of the full tile of that level and index.
    pub full_tile: F,
}

/// A hash could not be read from the tiles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError<E> {
    #[error("the tree has no complete subtree of level {level} with index {index}")]
    NoSuchSubtree { level: u8, index: u64 },
    #[error(transparent)]
    Reader(E),
}

impl<E, F: Fn(u8, u64) -> Result<Vec<u8>, E>> HashReader for TiledTree<'_, F> {
    type Error = ReadError<E>;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, ReadError<E>> {
        let missing = ReadError::NoSuchSubtree { level, index };
        let within = level % SPAN;
        let tile_level = level / SPAN;
        let first = index << within;
        let tile_index = first >> SPAN;
        let place = usize::try_from(first % u64::from(TILE_WIDTH)).unwrap_or(WIDTH);
        let range = place..place + (1 << within);
        let pending = self.builder.partial(tile_level).filter(|(partial, _)| *partial == tile_index);
        let hashes = if let Some((_, hashes)) = pending {
            hashes.get(range).map(<[Hash]>::to_vec)
        } else {
            let tile = (self.full_tile)(tile_level, tile_index).map_err(ReadError::Reader)?;
            tile_hashes(&tile).and_then(|hashes| hashes.get(range).map(<[Hash]>::to_vec))
        };
        hashes.map(complete_root).ok_or(missing)
    }
}

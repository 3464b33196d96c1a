//! C2SP tlog-tiles: the tree cut into tiles of 256 hashes, and the leaves into bundles of 256 entries. Only full tiles
//! need storing: a partial one is the prefix of its full one, or still in the [`TileBuilder`].

use std::fmt;
use std::ops::Deref;
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

/// The hashes of a tile with the root of every complete subtree above them, so that a proof takes them without hashing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tile {
    /// `rows[n][i]` is the root over the tile's hashes from `i` × 2^`n` on, 2^`n` of them.
    rows: [Vec<Hash>; SPAN as usize + 1],
}

impl Tile {
    /// The tile of these hashes, of which there are at most [`TILE_WIDTH`].
    pub fn of(hashes: &[Hash]) -> Option<Self> {
        let mut tile = Self::default();
        for (n, row) in (0u32..).zip(&mut tile.rows) {
            row.reserve_exact(hashes.len() >> n);
        }
        for hash in hashes {
            tile.push(*hash);
        }
        (hashes.len() <= WIDTH).then_some(tile)
    }

    /// A full tile; `None` unless there are [`TILE_BYTES`].
    pub fn full(bytes: &[u8]) -> Option<Self> {
        let tile = Self::of(&tile_hashes(bytes)?)?;
        tile.root().is_some().then_some(tile)
    }

    /// The hashes, without what is above them.
    pub fn hashes(&self) -> &[Hash] {
        &self.rows[0]
    }

    /// The root over the whole tile; `None` while it is not full.
    pub fn root(&self) -> Option<Hash> {
        self.subtree(SPAN, 0)
    }

    /// The root of the complete subtree `index` of the row `within`, counted from the hashes up.
    fn subtree(&self, within: u8, index: usize) -> Option<Hash> {
        self.rows.get(usize::from(within))?.get(index).copied()
    }

    /// Each row that becomes even in length has a new pair, whose parent belongs to the row above.
    fn push(&mut self, hash: Hash) {
        let mut carry = hash;
        for row in &mut self.rows {
            row.push(carry);
            match row.as_chunks::<2>() {
                (pairs, []) => match pairs.last() {
                    Some([left, right]) => carry = node_hash(left, right),
                    None => break,
                },
                _ => break,
            }
        }
    }

    /// The largest complete subtrees from left to right.
    fn edge(&self) -> impl Iterator<Item = Hash> {
        self.rows.iter().rev().filter(|row| row.len() % 2 == 1).filter_map(|row| row.last().copied())
    }
}

/// Cuts a growing tree into tiles at all levels: takes leaf hashes, yields each tile as it becomes full, and keeps the
/// partial ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TileBuilder {
    size: u64,
    /// Of each level the tile beyond its last full one.
    pending: Vec<Tile>,
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
        let not_a_tile = |level, index| ResumeError::NotATile { level, index };
        let mut pending = vec![Tile::of(rest).ok_or(not_a_tile(0, size >> SPAN))?];
        let mut hashes = size >> SPAN;
        for level in 0.. {
            if hashes == 0 {
                break;
            }
            let first = hashes - hashes % u64::from(TILE_WIDTH);
            let mut tile = Tile::default();
            for index in first..hashes {
                let bytes = full_tile(level, index).map_err(ResumeError::Reader)?;
                tile.push(Tile::full(&bytes).and_then(|below| below.root()).ok_or(not_a_tile(level, index))?);
            }
            pending.push(tile);
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
            let tile = self.pending_at(level);
            tile.push(carry);
            let Some(root) = tile.root() else { break };
            let bytes = tile_bytes(std::mem::take(tile).hashes());
            full.push(FullTile { level, index: above(self.size, level), bytes });
            carry = root;
        }
        self.size += 1;
        full
    }

    fn pending_at(&mut self, level: u8) -> &mut Tile {
        let level = usize::from(level);
        if self.pending.len() <= level {
            self.pending.resize_with(level + 1, Tile::default);
        }
        #[expect(clippy::indexing_slicing, reason = "resized above")]
        &mut self.pending[level]
    }

    /// The partial tile that ends `level` now, with its index; `None` when there is none.
    pub fn partial(&self, level: u8) -> Option<(u64, &Tile)> {
        let tile = self.pending.get(usize::from(level)).filter(|tile| !tile.hashes().is_empty())?;
        Some((above(self.size, level), tile))
    }

    /// The right edge of the tree: its complete subtrees all lie in the partial tiles.
    pub fn frontier(&self) -> Frontier {
        let edge = self.pending.iter().rev().flat_map(Tile::edge).collect();
        Frontier::from_edge(self.size, edge).unwrap_or_default()
    }
}

/// Full tiles of `level` in a tree of `size` leaves.
fn above(size: u64, level: u8) -> u64 {
    size.checked_shr((u32::from(level) + 1) * u32::from(SPAN)).unwrap_or(0)
}

/// A whole tree: the builder's partial tiles and a source of full ones. Serves proofs for every size up to the
/// builder's.
#[derive(Debug)]
pub struct TiledTree<'a, F> {
    pub builder: &'a TileBuilder,
    /// The full tile of that level and index.
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

impl<E, T: Deref<Target = Tile>, F: Fn(u8, u64) -> Result<T, E>> HashReader for TiledTree<'_, F> {
    type Error = ReadError<E>;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, ReadError<E>> {
        let missing = ReadError::NoSuchSubtree { level, index };
        let (tile_level, within) = (level / SPAN, level % SPAN);
        // A tile has 2^(8 - within) subtrees of this level.
        let tile_index = index >> (SPAN - within);
        let place = usize::try_from(index - (tile_index << (SPAN - within))).unwrap_or(WIDTH);
        let pending = self.builder.partial(tile_level).filter(|(partial, _)| *partial == tile_index);
        let found = match pending {
            Some((_, tile)) => tile.subtree(within, place),
            None => (self.full_tile)(tile_level, tile_index).map_err(ReadError::Reader)?.subtree(within, place),
        };
        found.ok_or(missing)
    }
}

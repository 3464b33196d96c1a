//! The tree as everyone may read it: tiles, proofs and the roots of earlier sizes, all of what is committed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::tiles::FullTiles;
use crate::base::limits::{HISTORY_SCAN_ROWS, ROOTS_REMEMBERED, TILES_REMEMBERED};
use crate::base::{Code, Hash};
use crate::ledger::record::KEY_ROTATED;
use crate::ledger::tile::{TILE_WIDTH, Tile, TileKind, TilePath, TiledTree, encode_bundle, tile_bytes, tile_hashes};
use crate::ledger::tree::{NoProof, consistency_proof, inclusion_proof};
use crate::ledger::{Frontier, Proof, SignedCheckpoint, TileBuilder, leaf_hash};
use crate::review::{Handover, content};
use crate::sequencer::{CommittedBatch, LedgerReader, Listener, ReadError};

/// Follows the commits. Readers take the edge as it is and read the storage without holding the lock: they never keep the
/// writer waiting, nor it them.
pub struct Tree {
    reader: Arc<dyn LedgerReader>,
    edge: RwLock<Arc<TileBuilder>>,
    full: FullTiles,
    /// Roots by size, oldest forgotten first: what bidders vouch for with `seen` is nearly always among them.
    roots: Mutex<BTreeMap<u64, Hash>>,
    rotations: Mutex<Rotations>,
}

/// Entries by which the log changed its key, as far as the ledger was looked through for them.
#[derive(Default)]
struct Rotations {
    looked: u64,
    found: Vec<u64>,
}

impl Tree {
    /// The tree of what is committed now.
    pub fn open(reader: Arc<dyn LedgerReader>) -> Result<Self, ReadError> {
        let size = reader.size()?;
        let rest = size % u64::from(TILE_WIDTH);
        // No more of them: another node may be writing.
        let leaves = reader.entries(size - rest, usize::try_from(rest).unwrap_or_default())?;
        let hashes: Vec<Hash> = leaves.iter().map(|entry| leaf_hash(&entry.leaf)).collect();
        let full = FullTiles::new(Arc::clone(&reader), TILES_REMEMBERED);
        let edge = TileBuilder::resume(size, &hashes, |level, index| full.bytes(level, index))
            .map_err(|error| ReadError(error.to_string()))?;
        let edge = RwLock::new(Arc::new(edge));
        Ok(Self { reader, edge, full, roots: Mutex::default(), rotations: Mutex::default() })
    }

    /// How many leaves are committed.
    pub fn size(&self) -> u64 {
        self.edge().size()
    }

    /// The audit path of leaf `seq` in the tree of `size` leaves.
    pub fn inclusion(&self, seq: u64, size: u64) -> Result<Vec<Hash>, Code> {
        self.with(|tree| inclusion_proof(tree, seq, size)).map_err(code)
    }

    /// That the tree of `old` leaves is a prefix of that of `new` leaves.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, Code> {
        if new > self.size() {
            return Err(Code::NotFound);
        }
        self.with(|tree| consistency_proof(tree, old, new)).map_err(code)
    }

    /// Whether `(size, root)` was a checkpoint of this ledger.
    pub fn had_root(&self, size: u64, root: Hash) -> bool {
        self.root_at(size).is_some_and(|known| known == root)
    }

    fn root_at(&self, size: u64) -> Option<Hash> {
        if let Some(root) = self.lock_roots().get(&size) {
            return Some(*root);
        }
        if size > self.size() {
            return None;
        }
        let root = self.with(|tree| Frontier::read(tree, size)).ok()?.root();
        self.remember(size, root);
        Some(root)
    }

    /// The bytes of a tile or of an entry bundle; `not_found` for one that the tree does not have (yet).
    pub fn tile(&self, path: TilePath) -> Result<Vec<u8>, Code> {
        if !path.exists_in(self.size()) {
            return Err(Code::NotFound);
        }
        let width = usize::from(path.width);
        match path.kind {
            TileKind::Entries => {
                let from = path.index.checked_mul(u64::from(TILE_WIDTH)).ok_or(Code::NotFound)?;
                let entries = self.reader.entries(from, width).map_err(unreadable)?;
                let leaves: Vec<_> = entries.into_iter().map(|entry| entry.leaf).collect();
                encode_bundle(&leaves).ok_or(Code::Internal)
            }
            TileKind::Hashes(level) => {
                let edge = self.edge();
                if let Some((_, partial)) = edge.partial(level).filter(|(index, _)| *index == path.index) {
                    return partial.hashes().get(..width).map(tile_bytes).ok_or(Code::NotFound);
                }
                let bytes = self.full.bytes(level, path.index).map_err(unreadable)?;
                tile_hashes(&bytes).ok_or(Code::Internal)?.get(..width).map(tile_bytes).ok_or(Code::NotFound)
            }
        }
    }

    /// The entries by which the log changed its key, each proven under `signed`. The ledger is looked through for them once,
    /// and from then on only what is new.
    pub fn handovers(&self, signed: &SignedCheckpoint) -> Result<Vec<Handover>, Code> {
        let size = signed.unverified().size;
        let found = self.rotations_before(size)?;
        let handover = |seq: u64| {
            let entry = self.reader.entries(seq, 1).map_err(unreadable)?.into_iter().next().ok_or(Code::Internal)?;
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| Code::Internal);
            let proof = Proof { extra: None, index: seq, path: self.inclusion(seq, size)?, checkpoint: signed.clone() };
            let payload = text(&entry.payload.ok_or(Code::Internal)?)?;
            Ok(Handover { leaf: text(&entry.leaf)?, payload, proof: proof.to_string() })
        };
        found.into_iter().map(handover).collect()
    }

    fn rotations_before(&self, size: u64) -> Result<Vec<u64>, Code> {
        let mut rotations = self.rotations.lock().unwrap_or_else(PoisonError::into_inner);
        while rotations.looked < size {
            let page = self.reader.entries(rotations.looked, HISTORY_SCAN_ROWS).map_err(unreadable)?;
            let Some(last) = page.last().map(|entry| entry.seq) else { break };
            let found = page.iter().filter(|entry| entry.payload.as_deref().is_some_and(is_rotation));
            rotations.found.extend(found.map(|entry| entry.seq));
            rotations.looked = last + 1;
        }
        Ok(rotations.found.iter().copied().filter(|seq| *seq < size).collect())
    }

    fn with<R>(&self, work: impl FnOnce(&TiledTree<'_, Source<'_>>) -> R) -> R {
        let full_tile: Source<'_> = Box::new(|level, index| self.full.tile(level, index));
        work(&TiledTree { builder: &self.edge(), full_tile })
    }

    pub(super) fn edge(&self) -> Arc<TileBuilder> {
        Arc::clone(&self.edge.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Appends the leaves from `from` on, without those that are there already. Whoever reads at this moment goes on with
    /// the edge as it was.
    fn append(&self, from: u64, leaves: impl Iterator<Item = Hash>) -> Arc<TileBuilder> {
        let mut edge = self.edge.write().unwrap_or_else(PoisonError::into_inner);
        let builder = Arc::make_mut(&mut edge);
        let Some(known) = builder.size().checked_sub(from) else {
            tracing::error!(size = builder.size(), from, "the tree has missed entries");
            return Arc::clone(&edge);
        };
        for leaf in leaves.skip(usize::try_from(known).unwrap_or(usize::MAX)) {
            builder.append(leaf);
        }
        Arc::clone(&edge)
    }

    fn remember(&self, size: u64, root: Hash) {
        let mut roots = self.lock_roots();
        roots.insert(size, root);
        while roots.len() > ROOTS_REMEMBERED {
            roots.pop_first();
        }
    }

    fn lock_roots(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Hash>> {
        self.roots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Source<'a> = Box<dyn Fn(u8, u64) -> Result<Arc<Tile>, ReadError> + 'a>;

fn is_rotation(payload: &[u8]) -> bool {
    // Nearly every payload is another one: it need not be parsed to be told apart.
    let names_it = std::str::from_utf8(payload).is_ok_and(|text| text.contains(KEY_ROTATED));
    names_it && content::kind_of(payload) == KEY_ROTATED
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unreadable(error: ReadError) -> Code {
    tracing::error!(%error, "cannot read the ledger");
    Code::Internal
}

impl Listener for Tree {
    /// Before anybody hears of the batch: the first to see its checkpoint may ask for its proofs, or bid on top of it.
    fn durable(&self, batch: &Arc<CommittedBatch>) {
        let Some(first) = batch.entries.first().map(|entry| entry.seq) else { return };
        let edge = self.append(first, batch.entries.iter().map(|entry| entry.hash));
        self.remember(edge.size(), edge.frontier().root());
    }

    /// Another node may have written since this tree was opened; a mirror's readers all come this way at once.
    fn resumed(&self, size: u64, _: &Arc<str>) {
        let mut known = self.size();
        while known < size {
            let wanted = usize::try_from(size - known).unwrap_or(usize::MAX);
            match self.reader.entries(known, wanted.min(usize::from(TILE_WIDTH))) {
                Ok(entries) if !entries.is_empty() => {
                    known = self.append(known, entries.iter().map(|entry| leaf_hash(&entry.leaf))).size();
                }
                Ok(_) => return,
                Err(error) => {
                    tracing::error!(%error, "the tree cannot follow the ledger");
                    return;
                }
            }
        }
    }

    fn committed(&self, _: &Arc<CommittedBatch>) {}
}

fn code<E: std::fmt::Display>(error: NoProof<E>) -> Code {
    match error {
        NoProof::OutOfRange => Code::NotFound,
        NoProof::Reader(error) => unreadable(ReadError(error.to_string())),
    }
}

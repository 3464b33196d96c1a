//! A journal in memory. Clones share what is stored, as processes share a disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::base::{Hash, Micros};
use crate::sequencer::{
    Batch, Head, Journal, JournalError, LedgerReader, Loaded, ReadError, StoredEntry, StoredOutcome, StoredPayload,
    StoredSnapshot,
};

#[derive(Debug, Clone, Default)]
pub struct MemoryJournal(Arc<Mutex<Stored>>);

#[derive(Debug, Clone, Default)]
struct Stored {
    head: Option<Head>,
    entries: Vec<(Bytes, Option<Bytes>)>,
    tiles: BTreeMap<(u8, u64), Bytes>,
    outcomes: BTreeMap<Hash, StoredOutcome>,
    snapshot: Option<StoredSnapshot>,
    checkpoints: BTreeMap<u64, (String, Micros)>,
    alive: Option<Micros>,
}

impl MemoryJournal {
    pub fn new() -> Self {
        Self::default()
    }

    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same contents on another disk.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.stored().clone())))
    }

    /// One bit of a stored leaf, or of a stored payload, is not what was written. `bit` is taken modulo their length.
    pub fn rot(&self, seq: u64, of_payload: bool, bit: usize) {
        let index = usize::try_from(seq).unwrap_or(usize::MAX);
        let mut stored = self.stored();
        let Some((leaf, payload)) = stored.entries.get_mut(index) else { return };
        let bytes = if of_payload { payload.as_mut() } else { Some(leaf) };
        let Some(bytes) = bytes else { return };
        let mut rotten = bytes.to_vec();
        let place = bit / 8 % rotten.len().max(1);
        if let Some(byte) = rotten.get_mut(place) {
            *byte ^= 1 << (bit % 8);
        }
        *bytes = rotten.into();
    }

    /// As if no snapshot had ever been taken.
    pub fn forget_snapshot(&self) {
        self.stored().snapshot = None;
    }

    /// As if no answer had ever been kept.
    pub fn forget_outcomes(&self) {
        self.stored().outcomes.clear();
    }

    /// Writes without looking where the ledger ends: what stood from there on is gone.
    pub fn overwrite(&self, batch: &Batch) {
        let mut stored = self.stored();
        stored.entries.truncate(usize::try_from(batch.before).unwrap_or(usize::MAX));
        stored.append(batch);
    }

    /// Erases a payload, as the law may demand.
    pub fn erase(&self, seq: u64) {
        let index = usize::try_from(seq).unwrap_or(usize::MAX);
        if let Some((_, payload)) = self.stored().entries.get_mut(index) {
            *payload = None;
        }
    }
}

impl Stored {
    fn append(&mut self, batch: &Batch) {
        self.entries.extend(batch.entries.iter().map(|entry| (entry.leaf.clone(), Some(entry.payload.clone()))));
        self.tiles.extend(batch.tiles.iter().map(|tile| ((tile.level, tile.index), tile.bytes.clone().into())));
        self.outcomes.extend(batch.outcomes.iter().copied());
        self.head = Some(batch.head);
    }
}

impl Journal for MemoryJournal {
    fn load(&mut self) -> Result<Option<Loaded>, JournalError> {
        let stored = self.stored();
        let Some(head) = stored.head else { return Ok(None) };
        Ok(Some(Loaded { head, snapshot: stored.snapshot.clone(), alive: stored.alive }))
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), JournalError> {
        let mut stored = self.stored();
        if stored.head.map_or(0, |head| head.size) != batch.before {
            return Err(JournalError::Conflict);
        }
        stored.append(batch);
        Ok(())
    }

    fn save_snapshot(&mut self, snapshot: &StoredSnapshot) -> Result<(), JournalError> {
        self.stored().snapshot = Some(snapshot.clone());
        Ok(())
    }

    fn mark_alive(&mut self, at: Micros) -> Result<(), JournalError> {
        self.stored().alive = Some(at);
        Ok(())
    }

    fn save_checkpoint(&mut self, size: u64, note: &str, at: Micros) -> Result<(), JournalError> {
        let mut stored = self.stored();
        if stored.checkpoints.get(&size).is_none_or(|(known, _)| known.len() < note.len()) {
            stored.checkpoints.insert(size, (note.to_owned(), at));
        }
        Ok(())
    }

    fn reader(&self) -> Arc<dyn LedgerReader> {
        Arc::new(self.clone())
    }
}

impl LedgerReader for MemoryJournal {
    fn size(&self) -> Result<u64, ReadError> {
        u64::try_from(self.stored().entries.len()).map_err(|error| ReadError(error.to_string()))
    }

    fn entries(&self, from: u64, limit: usize) -> Result<Vec<StoredEntry>, ReadError> {
        let stored = self.stored();
        let from_index = usize::try_from(from).unwrap_or(usize::MAX);
        let rows = (from..).zip(stored.entries.iter().skip(from_index)).take(limit);
        Ok(rows
            .map(|(seq, (leaf, payload))| StoredEntry { seq, leaf: leaf.clone(), payload: payload.clone() })
            .collect())
    }

    fn leaf(&self, seq: u64) -> Result<Option<Bytes>, ReadError> {
        Ok(self.entries(seq, 1)?.pop().map(|entry| entry.leaf))
    }

    fn payload(&self, seq: u64) -> Result<StoredPayload, ReadError> {
        Ok(match self.entries(seq, 1)?.pop() {
            None => StoredPayload::Missing,
            Some(entry) => entry.payload.map_or(StoredPayload::Erased, StoredPayload::Present),
        })
    }

    fn tile(&self, level: u8, index: u64) -> Result<Option<Bytes>, ReadError> {
        Ok(self.stored().tiles.get(&(level, index)).cloned())
    }

    fn outcomes(&self, keys: &[Hash]) -> Result<Vec<Option<StoredOutcome>>, ReadError> {
        let stored = self.stored();
        Ok(keys.iter().map(|key| stored.outcomes.get(key).copied()).collect())
    }

    fn checkpoint_from(&self, size: u64) -> Result<Option<(u64, String, Micros)>, ReadError> {
        Ok(self.stored().checkpoints.range(size..).next().map(|(size, (note, at))| (*size, note.clone(), *at)))
    }
}

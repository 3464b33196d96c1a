//! The entries of the last seconds, batch by batch under the number of the first, so that nodes that follow need not read
//! them out of the database one after the other.

use std::sync::Arc;

use bytes::Bytes;

use super::{Relay, key};
use crate::base::limits::REDIS_FRAME_MAX_BYTES;
use crate::base::{Hash, Micros};
use crate::sequencer::{
    CommittedBatch, Journal, JournalError, LedgerReader, ReadError, SharedLedger, StoredEntry, StoredOutcome,
    StoredPayload, Tenure,
};

/// What proves that a batch was put there by a node of this deployment.
pub trait Seal: Send + Sync {
    /// A code over `parts` that only a node can make; always of the same length.
    fn code(&self, parts: &[&[u8]]) -> String;

    /// Compares in constant time.
    fn is_same(&self, own: &str, shown: &str) -> bool;
}

/// Where the batch that begins with entry `first` lies.
pub fn place(ledger: &str, first: u64) -> String {
    key(&["entries", ledger, &first.to_string()])
}

fn code(seal: &dyn Seal, ledger: &str, first: u64, entries: &[u8]) -> String {
    seal.code(&[b"entries", ledger.as_bytes(), &first.to_be_bytes(), entries])
}

/// The number of the first entry, and the code with all of them; `None` for a batch that is too large to be worth it.
pub fn pack(seal: &dyn Seal, ledger: &str, batch: &CommittedBatch) -> Option<(u64, Vec<u8>)> {
    let first = batch.entries.first()?.seq;
    let mut entries = Vec::new();
    for entry in &batch.entries {
        for part in [&entry.leaf, &entry.payload] {
            entries.extend_from_slice(&u32::try_from(part.len()).ok()?.to_be_bytes());
            entries.extend_from_slice(part);
        }
    }
    if entries.len() > REDIS_FRAME_MAX_BYTES {
        return None;
    }
    let mut value = code(seal, ledger, first, &entries).into_bytes();
    value.push(b'.');
    value.extend_from_slice(&entries);
    Some((first, value))
}

/// What [`pack`] made of them; `None` for anything else.
fn unpack(seal: &dyn Seal, ledger: &str, first: u64, value: &[u8]) -> Option<Vec<StoredEntry>> {
    let dot = value.iter().position(|byte| *byte == b'.')?;
    let (shown, entries) = (std::str::from_utf8(value.get(..dot)?).ok()?, value.get(dot + 1..)?);
    if !seal.is_same(&code(seal, ledger, first, entries), shown) {
        tracing::warn!(ledger, first, "entries out of Redis that no node put there");
        return None;
    }
    let mut rest = Bytes::copy_from_slice(entries);
    let mut part = || {
        let (length, _) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let _ = rest.split_to(4);
        (length <= rest.len()).then(|| rest.split_to(length))
    };
    let mut found = Vec::new();
    for seq in first.. {
        let Some(leaf) = part() else { break };
        found.push(StoredEntry { seq, leaf, payload: Some(part()?) });
    }
    Some(found)
}

/// A shared ledger whose newest entries are looked for in Redis first. Everything else, and above all who may write,
/// is the database's.
pub struct Relayed {
    ledger: Box<dyn SharedLedger>,
    reader: Arc<Reader>,
}

impl Relayed {
    pub fn new(ledger: Box<dyn SharedLedger>, relay: Relay, name: &str, seal: Arc<dyn Seal>) -> Self {
        let reader = Arc::new(Reader { inner: ledger.reader(), relay, name: name.to_owned(), seal });
        Self { ledger, reader }
    }
}

impl SharedLedger for Relayed {
    fn take_lease(&mut self, leads: u64) -> Result<Tenure, JournalError> {
        self.ledger.take_lease(leads)
    }

    fn hand_over(&mut self, epoch: u64, node: &str) -> Result<bool, JournalError> {
        self.ledger.hand_over(epoch, node)
    }

    fn release_lease(&mut self, epoch: u64) -> Result<(), JournalError> {
        self.ledger.release_lease(epoch)
    }

    fn journal(&mut self, epoch: u64) -> Result<Box<dyn Journal>, JournalError> {
        self.ledger.journal(epoch)
    }

    fn reader(&self) -> Arc<dyn LedgerReader> {
        Arc::<Reader>::clone(&self.reader)
    }
}

struct Reader {
    inner: Arc<dyn LedgerReader>,
    relay: Relay,
    name: String,
    seal: Arc<dyn Seal>,
}

impl LedgerReader for Reader {
    fn size(&self) -> Result<u64, ReadError> {
        self.inner.size()
    }

    fn entries(&self, from: u64, limit: usize) -> Result<Vec<StoredEntry>, ReadError> {
        self.inner.entries(from, limit)
    }

    /// One batch, where Redis has it.
    fn next_entries(&self, from: u64, limit: usize) -> Result<Vec<StoredEntry>, ReadError> {
        let place = place(&self.name, from);
        let cached = self.relay.ask(|connection| redis::cmd("GET").arg(&place).query::<Option<Vec<u8>>>(connection));
        let found = cached.flatten().and_then(|value| unpack(&*self.seal, &self.name, from, &value));
        match found {
            Some(entries) if !entries.is_empty() && entries.len() <= limit => Ok(entries),
            _ => self.inner.entries(from, limit),
        }
    }

    fn leaf(&self, seq: u64) -> Result<Option<Bytes>, ReadError> {
        self.inner.leaf(seq)
    }

    fn payload(&self, seq: u64) -> Result<StoredPayload, ReadError> {
        self.inner.payload(seq)
    }

    fn tile(&self, level: u8, index: u64) -> Result<Option<Bytes>, ReadError> {
        self.inner.tile(level, index)
    }

    fn outcomes(&self, keys: &[Hash]) -> Result<Vec<Option<StoredOutcome>>, ReadError> {
        self.inner.outcomes(keys)
    }

    fn checkpoint_from(&self, size: u64) -> Result<Option<(u64, String, Micros)>, ReadError> {
        self.inner.checkpoint_from(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Length;

    impl Seal for Length {
        fn code(&self, parts: &[&[u8]]) -> String {
            Hash::of(&parts.join(&b'|')).to_string()
        }

        fn is_same(&self, own: &str, shown: &str) -> bool {
            own == shown
        }
    }

    #[test]
    fn a_packed_batch_comes_back_and_a_changed_one_does_not() {
        let entry = |seq: u64| crate::sequencer::CommittedEntry {
            seq,
            at: Micros::default(),
            prev: Hash([0; 32]),
            hash: Hash([0; 32]),
            leaf: Bytes::from(format!("leaf {seq}.")),
            payload: Bytes::from(format!("payload {seq}.")),
            kind: "k".into(),
            subject: "s".into(),
            event: None,
            damaged: false,
        };
        let batch = CommittedBatch { entries: vec![entry(7), entry(8)], checkpoint: "".into() };
        let (first, value) = pack(&Length, "main", &batch).unwrap();
        assert_eq!(first, 7);
        let back = unpack(&Length, "main", 7, &value).unwrap();
        let text = |entry: &StoredEntry| (entry.seq, entry.leaf.clone(), entry.payload.clone().unwrap());
        assert_eq!(
            back.iter().map(text).collect::<Vec<_>>(),
            [(7, "leaf 7.".into(), "payload 7.".into()), (8, "leaf 8.".into(), "payload 8.".into())]
        );
        for (ledger, first) in [("other", 7), ("main", 8)] {
            assert!(unpack(&Length, ledger, first, &value).is_none(), "{ledger} {first}");
        }
        for at in 0..value.len() {
            let mut changed = value.clone();
            changed[at] ^= 1;
            assert!(unpack(&Length, "main", 7, &changed).is_none(), "byte {at}");
            assert!(unpack(&Length, "main", 7, &value[..at]).is_none(), "cut at {at}");
        }
    }
}

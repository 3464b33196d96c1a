//! A copy of a ledger in memory, on which anything may be done to it that its operator could do: he has the key.

use bytes::Bytes;

use super::footage::Reel;
use crate::base::{Hash, Micros};
use crate::ledger::tree::{consistency_proof, inclusion_proof};
use crate::ledger::{Chain, Checkpoint, Leaf, NoteSignature, Origin, Proof, SignedCheckpoint, Signer, leaf_hash};
use crate::review::{Entry, Media, Missing, Source};
use crate::sequencer::{LedgerReader, LedgerTree, ReadError, StoredEntry, StoredOutcome, StoredPayload};

type Failed = Box<dyn std::error::Error>;

#[derive(Clone)]
pub struct Copy {
    pub origin: Origin,
    pub entries: Vec<StoredEntry>,
    /// What is shown as the newest checkpoint.
    pub note: String,
    /// Footage that lies beside it.
    pub reel: Option<Reel>,
}

impl Copy {
    pub fn read(reader: &dyn LedgerReader) -> Result<Self, Failed> {
        let entries = reader.entries(0, usize::MAX)?;
        let first = entries.first().ok_or("the ledger is empty: nothing can be attacked")?;
        let origin = Leaf::parse(&first.leaf).map_err(|check| format!("leaf 0: {}", check.name()))?.ledger;
        Ok(Self { origin, entries, note: String::new(), reel: None })
    }

    pub fn len(&self) -> u64 {
        u64::try_from(self.entries.len()).unwrap_or(u64::MAX)
    }

    fn leaf_of(entry: &StoredEntry) -> Result<Leaf, Failed> {
        Ok(Leaf::parse(&entry.leaf).map_err(|check| format!("leaf {}: {}", entry.seq, check.name()))?)
    }

    pub fn time_of(&self, place: usize) -> Result<Micros, Failed> {
        Ok(Self::leaf_of(self.entries.get(place).ok_or("no such entry")?)?.time)
    }

    /// Writes all leaves from `from` on anew, as if what stands there now had always stood there.
    pub fn chain_anew(&mut self, from: usize) -> Result<(), Failed> {
        let mut chain = match from.checked_sub(1).and_then(|last| self.entries.get(last)) {
            None => Chain::new(self.origin.clone()),
            Some(last) => {
                let (size, time) = (u64::try_from(from)?, Self::leaf_of(last)?.time);
                Chain::resume(self.origin.clone(), size, leaf_hash(&last.leaf), Some(time))
            }
        };
        for entry in self.entries.iter_mut().skip(from) {
            let old = Self::leaf_of(entry)?;
            let named = entry.payload.as_ref().map_or(old.payload, |payload| Hash::of(payload));
            let link = chain.append(named, old.time);
            (entry.seq, entry.leaf) = (link.leaf.seq, link.bytes.into());
        }
        Ok(())
    }

    /// Gives an entry another time; its neighbours' hashes are left as they are.
    pub fn set_time(&mut self, place: usize, time: Micros) -> Result<(), Failed> {
        let entry = self.entries.get_mut(place).ok_or("no such entry")?;
        entry.leaf = Leaf { time, ..Self::leaf_of(entry)? }.to_bytes().into();
        Ok(())
    }

    /// Signs what stands there now as the log, and shows it.
    pub fn sign(&mut self, log: &dyn Signer) -> Result<SignedCheckpoint, Failed> {
        let (size, origin) = (self.len(), self.origin.clone());
        let signed = Checkpoint { origin, size, root: self.tree().root()? }.sign(log)?;
        self.note = signed.to_string();
        Ok(signed)
    }

    /// Adds a cosignature to what is shown.
    pub fn add(&mut self, line: NoteSignature) -> Result<(), Failed> {
        let mut signed = SignedCheckpoint::parse(&self.note)?;
        signed.add(line)?;
        self.note = signed.to_string();
        Ok(())
    }

    pub fn tree(&self) -> LedgerTree<'_> {
        LedgerTree { reader: self, size: self.len() }
    }

    /// The best proof that this history continues its own first `old` entries.
    pub fn consistency(&self, old: u64) -> Result<Vec<Hash>, Failed> {
        Ok(consistency_proof(&self.tree(), old, self.len())?)
    }

    /// The receipt of an entry under what is shown.
    pub fn receipt(&self, seq: u64) -> Result<Proof, Failed> {
        let path = inclusion_proof(&self.tree(), seq, self.len())?;
        Ok(Proof { extra: None, index: seq, path, checkpoint: SignedCheckpoint::parse(&self.note)? })
    }
}

impl LedgerReader for Copy {
    fn size(&self) -> Result<u64, ReadError> {
        Ok(self.len())
    }

    fn entries(&self, from: u64, limit: usize) -> Result<Vec<StoredEntry>, ReadError> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        Ok(self.entries.iter().skip(from).take(limit).cloned().collect())
    }

    fn leaf(&self, seq: u64) -> Result<Option<Bytes>, ReadError> {
        Ok(self.entries(seq, 1)?.into_iter().next().map(|entry| entry.leaf))
    }

    fn payload(&self, seq: u64) -> Result<StoredPayload, ReadError> {
        Ok(match self.entries(seq, 1)?.into_iter().next() {
            None => StoredPayload::Missing,
            Some(entry) => entry.payload.map_or(StoredPayload::Erased, StoredPayload::Present),
        })
    }

    /// Made from the leaves.
    fn tile(&self, _: u8, _: u64) -> Result<Option<Bytes>, ReadError> {
        Ok(None)
    }

    fn outcomes(&self, keys: &[Hash]) -> Result<Vec<Option<StoredOutcome>>, ReadError> {
        Ok(vec![None; keys.len()])
    }

    fn checkpoint_from(&self, _: u64) -> Result<Option<(u64, String, Micros)>, ReadError> {
        Ok(None)
    }
}

impl Source for Copy {
    type Error = ReadError;

    fn media(&self) -> Option<&dyn Media> {
        self.reel.as_ref().map(|reel| reel as _)
    }

    fn checkpoint(&mut self) -> Result<String, ReadError> {
        Ok(self.note.clone())
    }

    fn entries(&mut self, seq: u64, count: usize) -> Result<Vec<Entry>, ReadError> {
        let entry = |entry: StoredEntry| Entry {
            leaf: entry.leaf.to_vec(),
            payload: entry.payload.map_or(Err(Missing::Erased), |payload| Ok(payload.to_vec())),
        };
        Ok(LedgerReader::entries(self, seq, count)?.into_iter().map(entry).collect())
    }
}

//! What several of these tests ask.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use mingjian::base::Hash;
use mingjian::engine::Fact;
use mingjian::ledger::{Chain, Origin, Payload, SignedCheckpoint};
use mingjian::sequencer::{Committed, CommittedBatch, Journal, LedgerTree, Listener, Sequencer, StoredPayload};
use mingjian::sim::MemoryJournal;
use mingjian::store::SqliteJournal;
use tempfile::TempDir;

/// A place to keep a ledger, that several journals can be opened on one after the other or at once.
pub trait Disk {
    fn journal(&self) -> Box<dyn Journal>;
}

pub struct InMemory(pub MemoryJournal);

impl Disk for InMemory {
    fn journal(&self) -> Box<dyn Journal> {
        Box::new(self.0.clone())
    }
}

pub struct OnSqlite(TempDir);

impl OnSqlite {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> std::path::PathBuf {
        self.0.path().join("main.sqlite")
    }
}

impl Disk for OnSqlite {
    fn journal(&self) -> Box<dyn Journal> {
        Box::new(open(&self.path()))
    }
}

pub fn open(path: &Path) -> SqliteJournal {
    SqliteJournal::open(path).unwrap()
}

pub fn disks() -> [Box<dyn Disk>; 2] {
    [Box::new(InMemory(MemoryJournal::new())), Box::new(OnSqlite::new())]
}

pub fn committed(sequencer: &Sequencer) -> Committed {
    sequencer.read(Clone::clone)
}

/// Reads the whole ledger back and checks it from its bytes alone: chain, payload hashes, tree, checkpoint. Returns the
/// payloads.
pub fn audit(sequencer: &Sequencer, origin: &Origin) -> Vec<Payload> {
    let committed = committed(sequencer);
    let reader = sequencer.reader();
    assert_eq!(reader.size().unwrap(), committed.size);
    let mut chain = Chain::new(origin.clone());
    let mut payloads = Vec::new();
    for entry in reader.entries(0, usize::MAX).unwrap() {
        let (leaf, _) = chain.check(&entry.leaf).unwrap();
        let payload = entry.payload.unwrap();
        assert_eq!(Hash::of(&payload), leaf.payload);
        assert_eq!(reader.payload(leaf.seq).unwrap(), StoredPayload::Present(payload.clone()));
        payloads.push(Payload::parse(&payload).unwrap());
    }
    assert_eq!((chain.size(), chain.head()), (committed.size, committed.head_leaf));
    assert_eq!(chain.time(), Some(committed.time));
    assert_eq!(LedgerTree { reader: &*reader, size: committed.size }.root().unwrap(), committed.root);
    let note = SignedCheckpoint::parse(&committed.checkpoint).unwrap();
    assert_eq!((note.unverified().size, note.unverified().root), (committed.size, committed.root));
    payloads
}

/// How often each statement stands in the ledger.
pub fn statements(sequencer: &Sequencer) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for entry in sequencer.reader().entries(0, usize::MAX).unwrap() {
        let payload = Payload::parse(&entry.payload.unwrap()).unwrap();
        match Fact::read(&payload.kind, payload.data).unwrap() {
            Some(Fact::BidAccepted(bid)) => *found.entry(bid.statement).or_default() += 1,
            Some(Fact::BidRefused(bid)) => *found.entry(bid.statement).or_default() += 1,
            _ => {}
        }
    }
    found
}

/// Hears every commit.
#[derive(Default)]
pub struct Ear(pub Mutex<Vec<Arc<CommittedBatch>>>);

impl Listener for Ear {
    fn committed(&self, batch: &Arc<CommittedBatch>) {
        self.0.lock().unwrap().push(Arc::clone(batch));
    }
}

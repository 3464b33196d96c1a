//! What several of these tests ask.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use mingjian::base::Hash;
use mingjian::engine::Fact;
use mingjian::ledger::{Chain, Origin, Payload, SignedCheckpoint};
use mingjian::sequencer::{
    Committed, CommittedBatch, Journal, LedgerTree, Listener, Sequencer, SharedLedger as _, StoredPayload,
};
use mingjian::sim::MemoryJournal;
use mingjian::store::{Postgres, PostgresLedger, SqliteJournal};
use tempfile::TempDir;

use crate::servers::Postgres as Server;

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

/// A database of its own on the server that these tests share.
pub struct OnPostgres {
    name: String,
    postgres: Postgres,
}

impl OnPostgres {
    pub fn new() -> Self {
        static MIGRATED: OnceLock<()> = OnceLock::new();
        MIGRATED.get_or_init(|| drop(Postgres::open(&Server::shared().database("migrated"), None, 1).unwrap()));
        Self::copy_of("migrated")
    }

    /// Nobody may be connected to what is copied.
    pub fn copy_of(original: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("ledger{}", COUNT.fetch_add(1, Ordering::Relaxed));
        Server::shared().run("postgres", &format!("CREATE DATABASE {name} TEMPLATE {original}"));
        let postgres = Postgres::open(&Server::shared().url("postgres", &name), None, 4).unwrap();
        Self { name, postgres }
    }

    /// Closes every connection that is left and returns the database's name.
    pub fn into_name(self) -> String {
        self.name
    }

    pub fn run(&self, sql: &str) {
        Server::shared().run(&self.name, sql);
    }

    /// On a server that may be stopped without harm to other tests.
    pub fn on(server: &Server, name: &str) -> Self {
        let postgres = Postgres::open(&server.database(name), None, 4).unwrap();
        Self { name: name.to_owned(), postgres }
    }

    /// The ledger as the node of that name shares it.
    pub fn ledger(&self, node: &str) -> PostgresLedger {
        self.postgres.ledger("main", node, &format!("{node}:1")).unwrap()
    }
}

impl Disk for OnPostgres {
    /// Takes the ledger away from whoever had it.
    fn journal(&self) -> Box<dyn Journal> {
        let mut ledger = self.postgres.ledger("main", "test", "").unwrap();
        let before = ledger.take_lease(0).unwrap();
        ledger.release_lease(before.epoch).unwrap();
        let tenure = ledger.take_lease(0).unwrap();
        assert!(tenure.ours && tenure.epoch > before.epoch);
        ledger.journal(tenure.epoch).unwrap()
    }
}

pub fn open(path: &Path) -> SqliteJournal {
    SqliteJournal::open(path).unwrap()
}

pub fn disks() -> [Box<dyn Disk>; 3] {
    [Box::new(InMemory(MemoryJournal::new())), Box::new(OnSqlite::new()), Box::new(OnPostgres::new())]
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

//! A ledger in memory, its hub, and a server in front of it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use bytes::Bytes;
use mingjian::base::{Hash, Id, Micros};
use mingjian::http::stream::{Stream, keep_socket, routes};
use mingjian::ledger::{Chain, Origin, payload};
use mingjian::live::{Denied, Gate, Hub, LedgerHistory, Limits, Reader, Scope};
use mingjian::sequencer::{
    Clock, CommittedBatch, CommittedEntry, LedgerReader, Listener, ReadError, StoredEntry, StoredOutcome, StoredPayload,
};
use utoipa_actix_web::{AppExt as _, scope};

pub const ORIGIN: &str = "https://jy.mingjiang.example";
pub const LOT: Id = Id::from_u128(1);
pub const OTHER_LOT: Id = Id::from_u128(2);
/// Known, and open to members only.
pub const CLOSED_LOT: Id = Id::from_u128(3);
pub const MEMBER: Id = Id::from_u128(77);
/// Payloads of this kind are for [`MEMBER`].
pub const SECRET: &str = "test.secret";

/// Everything behind the hub.
pub struct Record {
    entries: Mutex<Vec<CommittedEntry>>,
    chain: Mutex<Chain>,
    /// Called before each read of history: lets a test commit in the middle of a join.
    pub before_read: Mutex<Option<Box<dyn FnMut() + Send>>>,
    pub reads: AtomicUsize,
    pub erased: Mutex<BTreeSet<u64>>,
    tickets: Mutex<BTreeSet<String>>,
    pub sessions_over: Mutex<BTreeSet<Id>>,
    time: AtomicI64,
}

impl LedgerReader for Record {
    fn size(&self) -> Result<u64, ReadError> {
        Ok(self.entries.lock().unwrap().len() as u64)
    }

    fn entries(&self, from: u64, limit: usize) -> Result<Vec<StoredEntry>, ReadError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        if let Some(act) = self.before_read.lock().unwrap().as_mut() {
            act();
        }
        let erased = self.erased.lock().unwrap();
        let stored = |entry: &CommittedEntry| StoredEntry {
            seq: entry.seq,
            leaf: entry.leaf.clone(),
            payload: (!erased.contains(&entry.seq)).then(|| entry.payload.clone()),
        };
        let entries = self.entries.lock().unwrap();
        Ok(entries.iter().skip(usize::try_from(from).unwrap()).take(limit).map(stored).collect())
    }

    fn leaf(&self, _: u64) -> Result<Option<Bytes>, ReadError> {
        Ok(None)
    }

    fn payload(&self, _: u64) -> Result<StoredPayload, ReadError> {
        Ok(StoredPayload::Missing)
    }

    fn tile(&self, _: u8, _: u64) -> Result<Option<Bytes>, ReadError> {
        Ok(None)
    }

    fn outcomes(&self, keys: &[Hash]) -> Result<Vec<Option<StoredOutcome>>, ReadError> {
        Ok(vec![None; keys.len()])
    }

    fn checkpoint_from(&self, size: u64) -> Result<Option<(u64, String, Micros)>, ReadError> {
        Ok(Some((size, format!("checkpoint of {size}"), Micros::default())))
    }
}

impl Clock for Record {
    fn now(&self) -> Micros {
        Micros::new(self.time.fetch_add(1, Ordering::SeqCst)).unwrap()
    }
}

impl Record {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            entries: Mutex::default(),
            chain: Mutex::new(Chain::new(Origin::new("ledger.mingjiang.example/trade").unwrap())),
            before_read: Mutex::default(),
            reads: AtomicUsize::new(0),
            erased: Mutex::default(),
            tickets: Mutex::default(),
            sessions_over: Mutex::default(),
            time: AtomicI64::new(1_795_000_000_000_000),
        })
    }

    pub fn ticket(&self) -> String {
        let mut tickets = self.tickets.lock().unwrap();
        let ticket = format!("dGlja2V0{}", self.time.fetch_add(1, Ordering::SeqCst));
        tickets.insert(ticket.clone());
        ticket
    }

    /// Makes entries durable without telling anyone.
    pub fn write(&self, contents: &[(&'static str, String, usize)]) -> Arc<CommittedBatch> {
        let mut chain = self.chain.lock().unwrap();
        let mut batch = Vec::new();
        for (kind, subject, filling) in contents {
            let data = serde_json::json!({ "text": "文\"\\".repeat(*filling) });
            let bytes = payload::encode("system", kind, &data, &[7; 16], subject).unwrap();
            let link = chain.append(Hash::of(&bytes), self.now());
            batch.push(CommittedEntry {
                seq: link.leaf.seq,
                at: link.leaf.time,
                prev: link.leaf.prev,
                hash: link.hash,
                leaf: link.bytes.into(),
                payload: bytes.into(),
                kind: (*kind).into(),
                subject: subject.clone(),
                event: None,
                damaged: false,
            });
        }
        self.entries.lock().unwrap().extend(batch.iter().cloned());
        let checkpoint = format!("checkpoint of {}", chain.size()).into();
        Arc::new(CommittedBatch { entries: batch, checkpoint })
    }

    pub fn all(&self) -> Vec<CommittedEntry> {
        self.entries.lock().unwrap().clone()
    }
}

struct Door(Arc<Record>);

struct Someone {
    record: Arc<Record>,
    account: Option<Id>,
}

impl Door {
    fn reader(&self, account: Option<Id>) -> Arc<dyn Reader> {
        Arc::new(Someone { record: self.0.clone(), account })
    }
}

impl Gate for Door {
    fn public(&self) -> Arc<dyn Reader> {
        self.reader(None)
    }

    fn redeem(&self, ticket: &str) -> Option<Arc<dyn Reader>> {
        self.0.tickets.lock().unwrap().remove(ticket).then(|| self.reader(Some(MEMBER)))
    }
}

impl Reader for Someone {
    fn account(&self) -> Option<Id> {
        self.account
    }

    fn may_read(&self, entry: &CommittedEntry) -> bool {
        entry.kind != SECRET || self.account == Some(MEMBER)
    }

    fn may_follow(&self, scope: Scope) -> Result<(), Denied> {
        match scope {
            Scope::Lot(CLOSED_LOT) if self.account.is_none() => Err(Denied::Forbidden),
            Scope::Lot(LOT | OTHER_LOT | CLOSED_LOT) | Scope::Floor | Scope::Ledger => Ok(()),
            Scope::Lot(_) => Err(Denied::Unknown),
        }
    }

    fn renewed(&self) -> Option<Arc<dyn Reader>> {
        let account = self.account?;
        let over = self.record.sessions_over.lock().unwrap().contains(&account);
        (!over).then(|| Door(self.record.clone()).reader(Some(account)))
    }
}

/// A running server.
pub struct World {
    pub record: Arc<Record>,
    pub hub: Arc<Hub>,
    pub address: SocketAddr,
    handle: actix_web::dev::ServerHandle,
}

impl World {
    pub fn start() -> Self {
        Self::with(Limits::default())
    }

    pub fn with(limits: Limits) -> Self {
        let record = Record::new();
        record.write(&[("ledger.created", "ledger".into(), 1)]);
        let gate = Arc::new(Door(record.clone()));
        let hub = Hub::new(Arc::new(LedgerHistory(record.clone())), gate.clone(), record.clone(), limits).unwrap();
        let data = web::Data::new(Stream {
            hub: hub.clone(),
            origins: vec![ORIGIN.into()],
            who: Box::new(move |request| {
                let member = request.headers().contains_key("X-Member");
                let reader = gate.reader(member.then_some(MEMBER));
                Box::pin(async move { Ok(reader) })
            }),
        });
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let application = move || {
                    let api = scope::scope("/api/v1").configure(routes);
                    App::new().into_utoipa_app().app_data(data.clone()).service(api).into_app()
                };
                let server = HttpServer::new(application)
                    .on_connect(keep_socket)
                    .h1_allow_half_closed(false)
                    .workers(2)
                    .shutdown_timeout(1)
                    .disable_signals()
                    .bind("127.0.0.1:0")
                    .unwrap();
                let address = server.addrs()[0];
                let server = server.run();
                tell.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, handle) = told.recv().unwrap();
        Self { record, hub, address, handle }
    }

    /// Commits one batch of public entries about these subjects.
    pub fn commit(&self, subjects: &[&str]) {
        self.commit_of("test.happened", subjects, 3);
    }

    pub fn commit_of(&self, kind: &'static str, subjects: &[&str], filling: usize) {
        let contents: Vec<_> = subjects.iter().map(|subject| (kind, (*subject).to_owned(), filling)).collect();
        self.hub.committed(&self.record.write(&contents));
    }

    /// What a viewer of the scope must have seen, from `from` on.
    pub fn expected(&self, scope: &str, from: u64) -> Vec<CommittedEntry> {
        let scope: Scope = scope.parse().unwrap();
        self.record.all().into_iter().filter(|entry| entry.seq >= from && scope.covers(&entry.subject)).collect()
    }

    /// Waits until the hub has exactly this many viewers.
    pub async fn until_viewers(&self, viewers: usize) {
        let reached = async {
            while self.hub.counts().viewers != viewers {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), reached).await;
        assert!(waited.is_ok(), "{viewers} viewers expected, {:?}", self.hub.counts());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Ends the server's threads; nobody waits for them.
        drop(self.handle.stop(false));
    }
}

pub fn lot(id: Id) -> String {
    format!("lot/{id}")
}

//! A witness with a real book behind real HTTP.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use mingjian::base::{Micros, Span};
use mingjian::cli::witness::serve;
use mingjian::http::witness::origin_hash;
use mingjian::ledger::{Note, SeedSigner, VerifierKey};
use mingjian::sim::ManualClock;
use mingjian::store::WitnessBook;
use mingjian::witness::{Book, Log, Watch, Witness};
use tempfile::TempDir;

use crate::log::{ORIGIN, log};

/// 2026-11-23T01:00:00Z
pub const MORNING: i64 = 1_795_395_600_000_000;

pub struct TestWitness {
    pub address: SocketAddr,
    pub watch: Arc<Watch>,
    pub clock: ManualClock,
    handle: actix_web::dev::ServerHandle,
    agent: ureq::Agent,
    /// Lives as long as the witness.
    dir: Option<TempDir>,
}

pub struct Reply {
    pub status: u16,
    pub kind: String,
    pub body: String,
}

pub fn witness(name: &str, book: Arc<dyn Book>, logs: Vec<Log>, clock: &ManualClock) -> Witness {
    let signer = SeedSigner::new(&mingjian::base::Hash::of(name.as_bytes()).0);
    Witness::new(name, Box::new(signer), logs, book, Arc::new(clock.clone())).unwrap()
}

impl TestWitness {
    pub fn start(name: &str) -> Self {
        Self::of(name, vec![log(None)])
    }

    pub fn of(name: &str, logs: Vec<Log>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let book = Arc::new(WitnessBook::open(&dir.path().join("witness.sqlite")).unwrap());
        let mut witness = Self::with(name, book, logs);
        witness.dir = Some(dir);
        witness
    }

    pub fn at(name: &str, book: &Path) -> Self {
        Self::with(name, Arc::new(WitnessBook::open(book).unwrap()), vec![log(None)])
    }

    pub fn with(name: &str, book: Arc<dyn Book>, logs: Vec<Log>) -> Self {
        let clock = ManualClock::at(Micros::new(MORNING).unwrap());
        let watch = Arc::new(Watch::new(Arc::new(witness(name, book, logs, &clock)), Span::minutes(10)));
        let (tell, told) = std::sync::mpsc::channel();
        let (served, title) = (Arc::clone(&watch), format!("{name} 监督"));
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let (address, server) = serve(&served, &title, ([127, 0, 0, 1], 0).into()).unwrap();
                tell.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, handle) = told.recv().unwrap();
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        Self { address, watch, clock, handle, agent, dir: None }
    }

    pub fn key(&self) -> VerifierKey {
        self.watch.witness().key().clone()
    }

    pub fn add(&self, body: impl AsRef<[u8]>) -> Reply {
        let url = format!("http://{}/add-checkpoint", self.address);
        reply(self.agent.post(url).send(body.as_ref()).unwrap())
    }

    pub fn get(&self, path: &str) -> Reply {
        reply(self.agent.get(format!("http://{}/{path}", self.address)).call().unwrap())
    }

    /// The newest cosigned checkpoint that it shows.
    pub fn shown(&self) -> Note {
        Note::parse(&self.get(&format!("{}/checkpoint", origin_hash(ORIGIN))).body).unwrap()
    }
}

impl Drop for TestWitness {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

fn reply(mut response: ureq::http::Response<ureq::Body>) -> Reply {
    let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let body = response.body_mut().read_to_string().unwrap();
    Reply { status: response.status().as_u16(), kind: kind.unwrap_or_default(), body }
}

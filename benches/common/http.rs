//! Signed bids over HTTP: a server on threads of its own, and a client of raw sockets in this process.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use mingjian::base::Id;
use mingjian::ledger::Signer as _;
use mingjian::ledger::statement::Seen;
use mingjian::sequencer::Sequencer;
use mingjian::sim::{Hall, World};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Duel, rate};

/// Runs a future, and what it spawns, on a thread of its own: the client.
pub fn client<F: Future>(work: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, work)
}

/// A server on its own threads; it ends when this is dropped.
pub struct Server {
    pub address: SocketAddr,
    handle: ServerHandle,
}

impl Server {
    pub fn run<F>(start: F) -> Self
    where
        F: FnOnce() -> (SocketAddr, actix_web::dev::Server) + Send + 'static,
    {
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let (address, server) = start();
                tell.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, handle) = told.recv().unwrap();
        Self { address, handle }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

/// Binds and starts an `HttpServer` of the given application, as `mingjian serve` does.
#[allow(unused_macros)] // each program uses its part
macro_rules! server {
    ($app:expr) => {
        $crate::common::http::Server::run(move || {
            let server = actix_web::HttpServer::new($app)
                .on_connect(mingjian::http::stream::keep_socket)
                .workers($crate::common::cores())
                .shutdown_timeout(1)
                .backlog(8_192)
                .disable_signals()
                .bind("127.0.0.1:0")
                .unwrap();
            (server.addrs()[0], server.run())
        })
    };
}

#[allow(unused_imports)]
pub(crate) use server;

/// A signed bid, ready to be sent and to be verified.
pub struct Prepared {
    lot: Id,
    statement: String,
    key: mingjian::ledger::PublicKey,
}

impl Prepared {
    pub fn request(&self, host: SocketAddr) -> Vec<u8> {
        let body = format!(r#"{{"statement":"{}"}}"#, self.statement);
        let (lot, length) = (self.lot, body.len());
        format!(
            "POST /api/v1/lots/{lot}/bids HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

/// The bids of one round for each connection; the bidders have all seen the newest checkpoint.
pub fn prepare(world: &World, sequencer: &Sequencer, duels: &mut [Duel], each: usize) -> Vec<Vec<Prepared>> {
    let seen = sequencer.read(|committed| Seen { root: committed.root, size: committed.size });
    let one = |duel: &mut Duel| {
        duel.next(world, |hall: &Hall, bidder, steps, at, nonce| Prepared {
            lot: hall.lot,
            statement: hall.statement(bidder, steps, at, nonce, seen),
            key: bidder.signer.public(),
        })
    };
    duels.iter_mut().map(|duel| (0..each).map(|_| one(duel)).collect()).collect()
}

/// Ed25519 verifications a second of these very statements, on all cores, with keys decoded before.
pub fn verify_rate(prepared: &[Vec<Prepared>]) -> f64 {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use rayon::prelude::*;
    let split = |bid: &Prepared| {
        let (signed, signature) = bid.statement.rsplit_once('.').unwrap();
        let signature: [u8; 64] = URL_SAFE_NO_PAD.decode(signature).unwrap().try_into().unwrap();
        (bid.key, signed.to_owned(), signature)
    };
    let all: Vec<_> = prepared.iter().flatten().map(split).collect();
    rate(all.len(), || {
        all.par_iter().for_each(|(key, signed, signature)| key.verify(signed.as_bytes(), signature).unwrap());
    })
}

/// Sends each connection's requests one after the other. Answers with requests a second and how long each one waited.
pub fn ask_all(address: SocketAddr, requests: Vec<Vec<Vec<u8>>>, status: u16) -> (f64, Vec<Duration>) {
    client(async move {
        let count = requests.iter().map(Vec::len).sum();
        let mut connections = Vec::new();
        for requests in requests {
            let stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            connections.push((stream, requests));
        }
        let mut waited = Vec::with_capacity(count);
        let started = Instant::now();
        let asking: Vec<_> = connections
            .into_iter()
            .map(|(stream, requests)| tokio::task::spawn_local(ask(stream, requests, status)))
            .collect();
        for asking in asking {
            waited.extend(asking.await.unwrap());
        }
        (f64::from(u32::try_from(count).unwrap()) / started.elapsed().as_secs_f64(), waited)
    })
}

async fn ask(mut stream: TcpStream, requests: Vec<Vec<u8>>, status: u16) -> Vec<Duration> {
    let expected = format!("HTTP/1.1 {status} ");
    let mut answer = Vec::with_capacity(4_096);
    let mut waited = Vec::with_capacity(requests.len());
    for request in requests {
        let started = Instant::now();
        stream.write_all(&request).await.unwrap();
        answer.clear();
        while !is_whole(&answer) {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "the server hung up");
        }
        waited.push(started.elapsed());
        assert!(answer.starts_with(expected.as_bytes()), "{}", String::from_utf8_lossy(&answer));
    }
    waited
}

/// Whether head and body of an answer are here. Everything that is asked for here answers with a length.
fn is_whole(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let name = b"content-length: ";
    let length = answer[..head].windows(name.len()).position(|name_here| name_here.eq_ignore_ascii_case(name)).unwrap();
    let digits = answer[length + name.len()..].iter().take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    answer.len() >= head + 4 + length
}

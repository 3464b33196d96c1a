//! Fan-out of the live stream against bare TCP writes of the same bytes, measured in the same run with the same clients
//! on the same cores. Prints deliveries a second of both and their ratio; the goal is 60 %.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::float_arithmetic
)]

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use actix_web::{App, HttpServer, web};
use bytes::Bytes;
use mingjian::base::{Hash, Id, Micros};
use mingjian::http::stream::{Stream, keep_socket, routes};
use mingjian::ledger::{Chain, Origin, payload};
use mingjian::live::{Denied, Frame, Gate, History, Hub, Limits, Page, Reader, Scope};
use mingjian::sequencer::{CommittedBatch, CommittedEntry, Listener, ReadError, SystemClock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use utoipa_actix_web::{AppExt as _, scope};

const WRITERS: usize = 2;
const FRAMES_PER_RUN: usize = 96;

fn main() {
    println!("{:>8} {:>6} {:>7} {:>14} {:>14} {:>7}", "viewers", "batch", "bytes", "raw TCP /s", "stream /s", "ratio");
    for viewers in [1_000, 5_000] {
        for batch in [1, 16] {
            measure(viewers, batch);
        }
    }
}

fn measure(viewers: usize, batch: usize) {
    let batches = batches(FRAMES_PER_RUN / batch, batch);
    let frames: Vec<Vec<Bytes>> = batches
        .iter()
        .map(|batch| Frame::of_batch(batch, |_| true).map(|frame| frame.open().framed()).collect())
        .collect();
    let bytes = frames[0][0].len();
    // Alternating, best of three each: neighbours on the machine disturb both alike.
    let (mut raw, mut stream) = (f64::MAX, f64::MAX);
    for _ in 0..3 {
        raw = raw.min(raw_tcp(viewers, &frames));
        stream = stream.min(through_the_hub(viewers, &batches, &frames));
    }
    let deliveries = (viewers * FRAMES_PER_RUN) as f64;
    let (raw, stream) = (deliveries / raw, deliveries / stream);
    println!("{viewers:>8} {batch:>6} {bytes:>7} {raw:>14.0} {stream:>14.0} {:>6.0}%", 100.0 * stream / raw);
}

/// Seconds until everybody has everything; the next batch goes out when all have the one before.
fn rounds(readers: &Readers, frames: &[Vec<Bytes>], mut publish: impl FnMut(usize)) -> f64 {
    let start = Instant::now();
    let before = readers.bytes();
    let mut due = before;
    for (round, batch) in frames.iter().enumerate() {
        publish(round);
        due += readers.count * batch.iter().map(|frame| frame.len() as u64).sum::<u64>();
        readers.until(due);
    }
    start.elapsed().as_secs_f64()
}

/// Clients that read and count.
struct Readers {
    count: u64,
    seen: Arc<AtomicU64>,
    told: mpsc::Receiver<()>,
    target: Arc<AtomicU64>,
}

impl Readers {
    fn connect(address: SocketAddr, count: usize, greeting: &'static [u8]) -> Self {
        let (seen, target) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(u64::MAX)));
        let (tell, told) = mpsc::channel();
        let (ready, all_ready) = mpsc::channel();
        let shared = (seen.clone(), target.clone());
        thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async move {
                let mut tasks = Vec::new();
                for _ in 0..count {
                    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
                    socket.write_all(greeting).await.unwrap();
                    if !greeting.is_empty() {
                        // The handshake's answer and the first heartbeat, which says that the subscription stands.
                        let mut text = Vec::new();
                        while !text.windows(12).any(|part| part == b"\"heartbeat\":") || !text.ends_with(b"}}") {
                            assert!(
                                socket.read_buf(&mut text).await.unwrap() > 0,
                                "{}",
                                String::from_utf8_lossy(&text)
                            );
                        }
                    }
                    let ((seen, target), tell) = (shared.clone(), tell.clone());
                    tasks.push(tokio::spawn(async move {
                        let mut buffer = [0; 16 * 1_024];
                        while let Ok(count @ 1..) = socket.read(&mut buffer).await {
                            let now = seen.fetch_add(count as u64, Ordering::AcqRel) + count as u64;
                            if now == target.load(Ordering::Acquire) {
                                let _ = tell.send(());
                            }
                        }
                    }));
                }
                ready.send(()).unwrap();
                for task in tasks {
                    let _ = task.await;
                }
            });
        });
        all_ready.recv().unwrap();
        Self { count: count as u64, seen, told, target }
    }

    fn bytes(&self) -> u64 {
        self.seen.load(Ordering::Acquire)
    }

    fn until(&self, bytes: u64) {
        self.target.store(bytes, Ordering::Release);
        while self.bytes() < bytes {
            let _ = self.told.recv_timeout(Duration::from_micros(200));
        }
    }
}

/// The baseline: one blocking write of the batch's frames to each socket, half of the sockets a thread.
fn raw_tcp(viewers: usize, frames: &[Vec<Bytes>]) -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let accepting = thread::spawn(move || {
        let accept = |_| {
            let (socket, _) = listener.accept().unwrap();
            socket.set_nodelay(true).unwrap();
            socket
        };
        (0..viewers).map(accept).collect::<Vec<TcpStream>>()
    });
    let readers = Readers::connect(address, viewers, b"");
    let sockets = accepting.join().unwrap();
    let share = viewers.div_ceil(WRITERS);
    thread::scope(|scope| {
        let writers: Vec<mpsc::Sender<usize>> = sockets
            .chunks(share)
            .map(|sockets| {
                let (publish, published) = mpsc::channel::<usize>();
                scope.spawn(move || {
                    for round in published {
                        let batch = frames[round].concat();
                        for mut socket in sockets {
                            std::io::Write::write_all(&mut socket, &batch).unwrap();
                        }
                    }
                });
                publish
            })
            .collect();
        rounds(&readers, frames, |round| writers.iter().for_each(|writer| writer.send(round).unwrap()))
    })
}

fn through_the_hub(viewers: usize, batches: &[Arc<CommittedBatch>], frames: &[Vec<Bytes>]) -> f64 {
    let limits = Limits { heartbeat: Duration::from_hours(1), ..Limits::default() };
    let hub = Hub::new(Arc::new(Nothing), Arc::new(Everybody), Arc::new(SystemClock), limits).unwrap();
    let data = web::Data::new(Stream {
        hub: hub.clone(),
        origins: Vec::new(),
        who: Box::new(|_| Box::pin(async { Ok(Everybody.public()) })),
    });
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let application = move || {
                let api = scope::scope("/api/v1").configure(routes);
                App::new().into_utoipa_app().app_data(data.clone()).service(api).into_app()
            };
            let server = HttpServer::new(application)
                .on_connect(keep_socket)
                .h1_allow_half_closed(false)
                .workers(WRITERS)
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
    let readers = Readers::connect(address, viewers, HANDSHAKE);
    let seconds = rounds(&readers, frames, |round| hub.committed(&batches[round]));
    assert_eq!(hub.counts().slow_viewers, 0);
    drop(handle.stop(false));
    seconds
}

/// RFC 6455 §1.3, and then one masked text frame (with a mask of zeros): `{"subscribe":{"scope":"floor","from":0}}`.
const HANDSHAKE: &[u8] = b"GET /api/v1/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mingjian.v1\r\n\r\n\
    \x81\xa8\0\0\0\0{\"subscribe\":{\"scope\":\"floor\",\"from\":0}}";

/// Batches with payloads of the size of a bid.
fn batches(count: usize, size: usize) -> Vec<Arc<CommittedBatch>> {
    let mut chain = Chain::new(Origin::new("ledger.mingjiang.example/trade").unwrap());
    let subject = format!("lot/{}", Id::from_u128(1));
    let mut entry = || {
        let data = serde_json::json!({ "statement": "x".repeat(700) });
        let payload = payload::encode("bidder/3", "auction.bid_accepted", &data, &[7; 16], &subject).unwrap();
        let link = chain.append(Hash::of(&payload), Micros::default());
        CommittedEntry {
            seq: link.leaf.seq,
            at: link.leaf.time,
            prev: link.leaf.prev,
            hash: link.hash,
            leaf: link.bytes.into(),
            payload: payload.into(),
            kind: "auction.bid_accepted".into(),
            subject: subject.clone(),
            event: None,
        }
    };
    let mut batch = || CommittedBatch { entries: (0..size).map(|_| entry()).collect(), checkpoint: "".into() };
    (0..count).map(|_| Arc::new(batch())).collect()
}

struct Nothing;

impl History for Nothing {
    fn size(&self) -> Result<u64, ReadError> {
        Ok(0)
    }

    fn checkpoint(&self) -> Result<String, ReadError> {
        Ok(String::new())
    }

    fn page(&self, _: Scope, from: u64, _: u64, _: usize) -> Result<Page, ReadError> {
        Ok(Page { entries: Vec::new(), next: from })
    }
}

struct Everybody;

impl Gate for Everybody {
    fn public(&self) -> Arc<dyn Reader> {
        Arc::new(Self)
    }

    fn redeem(&self, _: &str) -> Option<Arc<dyn Reader>> {
        None
    }
}

impl Reader for Everybody {
    fn account(&self) -> Option<Id> {
        None
    }

    fn may_read(&self, _: &CommittedEntry) -> bool {
        true
    }

    fn may_follow(&self, _: Scope) -> Result<(), Denied> {
        Ok(())
    }

    fn renewed(&self) -> Option<Arc<dyn Reader>> {
        None
    }
}

//! (b) signed bids over HTTP, (c) fan-out of the live stream. Each stands beside a baseline measured in the same run:
//! `cargo bench --bench server -- --only b`. The client is raw sockets in this process, so it takes its share of the
//! same cores; every baseline has the same client.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::float_arithmetic)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]

#[allow(dead_code)] // each program uses its part of it
mod common;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use actix_web::web::Data;
use actix_web::{App, web};
use clap::Parser;
use common::http::{ask_all, client, prepare, server, verify_rate};
use common::{
    Duel, Figure, Goal, Report, cores, directory, fdatasyncs, halls, median, processor_ticks, quantile, rate,
};
use mingjian::base::Id;
use mingjian::cli::open::{Setup, open};
use mingjian::http::app::app;
use mingjian::http::extract::HttpSettings;
use mingjian::http::stream::{Stream, routes};
use mingjian::live::{Denied, Gate, Hub, LedgerHistory, Limits, Reader, Scope};
use mingjian::sequencer::{CommittedEntry, Journal as _};
use mingjian::sim::{MemoryJournal, World};
use mingjian::store::DataDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use utoipa_actix_web::{AppExt as _, scope};

/// Measures the server: (b) signed bids over HTTP, (c) fan-out of the live stream.
#[derive(Parser)]
struct Args {
    /// Which of b, c
    #[arg(long, value_delimiter = ',', default_value = "b,c")]
    only: Vec<char>,
    /// Rounds of (baseline, ours); the medians are printed
    #[arg(long, default_value_t = 5, env = "BENCH_ROUNDS")]
    rounds: usize,
    /// (b) Requests of a round
    #[arg(long, default_value_t = 16_000, env = "BENCH_BIDS")]
    bids: usize,
    /// (b) Connections
    #[arg(long, value_delimiter = ',', default_value = "1,64")]
    connections: Vec<usize>,
    /// (c) Viewers
    #[arg(long, value_delimiter = ',', default_value = "1000,5000")]
    viewers: Vec<usize>,
    /// (c) Frames that each viewer gets in a round
    #[arg(long, default_value_t = 48)]
    frames: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// What `cargo bench` says
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let args = Args::parse();
    if !args.bench {
        println!("run it with cargo bench");
        return;
    }
    let mut report = Report::default();
    if args.only.contains(&'b') {
        bids(&mut report, &args);
    }
    if args.only.contains(&'c') {
        fan_out(&mut report, &args);
    }
    report.print(args.json);
}

/* ---- (b) ------------------------------------------------------------------------------------------------------- */

fn bids(report: &mut Report, args: &Args) {
    eprintln!("(b) signed bids over HTTP");
    let directory = directory();
    let world = World::new(3);
    let options = &world.options;
    let setup = Setup {
        origin: options.origin.to_string(),
        totp_required: false,
        genesis: options.genesis.clone(),
        cosigners: None,
    };
    let dir = DataDir::open(directory.path().join("data")).unwrap();
    let platform = open(dir, setup, Arc::new(world.clock.clone())).unwrap();
    let sequencer = platform.desk.sequencer.clone();
    let most = args.connections.iter().copied().max().unwrap_or(1);
    let mut duels: Vec<Duel> = halls(&world, &sequencer, most).into_iter().map(Duel::new).collect();
    let parts = platform.parts(HttpSettings::default());
    let ours = server!(move || app(parts.clone()));
    let hello = server!(|| App::new().route("/", web::get().to(|| async { "hello, world" })));
    let get = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", hello.address).into_bytes();

    for &connections in &args.connections {
        let each = (args.bids / connections).min(2_000);
        let (mut rounds, mut times, mut syncs) = (Vec::new(), Vec::new(), Vec::new());
        let (mut verified, mut greeted) = (Vec::new(), Vec::new());
        let (mut used, mut took) = (0.0, 0.0);
        let (commits, micros) = (&sequencer.metrics().batch, &sequencer.metrics().commit_micros);
        let before = (commits.count(), commits.sum(), micros.sum());
        for _ in 0..args.rounds {
            let prepared = prepare(&world, &sequencer, &mut duels[..connections], each);
            let verify_rate = verify_rate(&prepared);
            let bids = prepared.iter().map(|bids| bids.iter().map(|bid| bid.request(ours.address)).collect()).collect();
            let hellos = vec![vec![get.clone(); each]; connections];
            let (hello_rate, _) = ask_all(hello.address, hellos, 200);
            syncs.extend(fdatasyncs(directory.path(), 100));
            let ticks = processor_ticks();
            let (bid_rate, waited) = ask_all(ours.address, bids, 201);
            used += (processor_ticks() - ticks) as f64 / 100.0;
            took += (each * connections) as f64 / bid_rate;
            rounds.push((1.0 / (1.0 / verify_rate + 1.0 / hello_rate), bid_rate));
            times.extend(waited);
            verified.push(verify_rate);
            greeted.push(hello_rate);
        }
        let at = format!("{connections} connections");
        let goal = |goal| (connections == 64).then_some(goal);
        let sync = quantile(syncs, 0.5).as_secs_f64() * 1e6;
        let [half, most] = [0.5, 0.99].map(|share| quantile(times.clone(), share).as_secs_f64() * 1e6);
        report.add(Figure::of_rounds(format!("(b) signed bids, {at}"), "1/s", &rounds, goal(Goal::RatioAtLeast(0.5))));
        let in_syncs = [(sync, most)];
        report.add(Figure::of_rounds(
            format!("(b) p99, {at}; of an fdatasync"),
            "µs",
            &in_syncs,
            goal(Goal::RatioAtMost(25.0)),
        ));
        let (verify, hello) = (median(verified), median(greeted));
        report.note(format!(
            "(b) {at}: {verify:.0} signatures/s on all cores, {hello:.0} hello/s; half within {half:.0} µs"
        ));
        let made = (commits.count() - before.0) as f64;
        let (batch, commit) = ((commits.sum() - before.1) as f64 / made, (micros.sum() - before.2) as f64 / made);
        let busy = 100.0 * used / took / cores() as f64;
        report.note(format!(
            "(b) {at}: {batch:.1} bids a commit, {commit:.0} µs in the journal; cores {busy:.0} % busy, client included"
        ));
        let bound = 25.0 * sync;
        let needed = connections as f64 / bound * 1e6;
        report.note(format!("(b) {at}: all answers within {bound:.0} µs would take {needed:.0} bids/s (Little's law)"));
    }
    sequencer.shutdown();
}

/* ---- (c) ------------------------------------------------------------------------------------------------------- */

/// A viewer's two ends, and the server's second handle on its own, by which it cuts off a slow one.
const FILES_A_VIEWER: usize = 3;
const OTHER_FILES: usize = 200;
const TEARDOWN_MAX: Duration = Duration::from_mins(1);

fn fan_out(report: &mut Report, args: &Args) {
    eprintln!("(c) fan-out");
    for &viewers in &args.viewers {
        let files = open_files_max();
        if FILES_A_VIEWER * viewers + OTHER_FILES > files {
            report.note(format!("(c) {viewers} viewers left out: they need more than the {files} files of ulimit -n"));
            continue;
        }
        for burst in [1, 8] {
            let rounds = fan_out_to(viewers, burst, args);
            let name = format!("(c) frames to {viewers} viewers, {burst} a commit");
            report.add(Figure::of_rounds(name, "1/s", &rounds, Some(Goal::RatioAtLeast(0.6))));
        }
    }
}

/// `ulimit -n`.
fn open_files_max() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(1_024)
}

/// Everybody may look on.
struct Open;
struct Anybody;

impl Gate for Open {
    fn public(&self) -> Arc<dyn Reader> {
        Arc::new(Anybody)
    }

    fn redeem(&self, _: &str) -> Option<Arc<dyn Reader>> {
        None
    }
}

impl Reader for Anybody {
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

/// Bids of one lot, `burst` at a time and the next when everybody has them, and after them a plain TCP write of as many
/// bytes to the same number of sockets; both at once would need more sockets than most machines allow a process. The
/// journal is in memory: what is measured is the way from the commit to the viewers.
fn fan_out_to(viewers: usize, burst: usize, args: &Args) -> Vec<(f64, f64)> {
    let mut world = World::new(4);
    let journal = MemoryJournal::default();
    let hub = Hub::new(
        Arc::new(LedgerHistory(journal.reader())),
        Arc::new(Open),
        Arc::new(world.clock.clone()),
        Limits::default(),
    )
    .unwrap();
    world.listeners = vec![Arc::clone(&hub) as _];
    let sequencer = world.start(Box::new(journal)).unwrap();
    let mut duel = Duel::new(halls(&world, &sequencer, 1).pop().unwrap());
    let lot = duel.hall.lot;
    let gate = Open;
    let stream = Data::new(Stream {
        hub: Arc::clone(&hub),
        origins: Vec::new(),
        who: Box::new(move |_| {
            let reader = gate.public();
            Box::pin(async move { Ok(reader) })
        }),
    });
    let server = server!(move || {
        let stream = stream.clone();
        App::new().into_utoipa_app().service(scope::scope("/api/v1").configure(routes)).into_app().app_data(stream)
    });
    let audience = Audience::connect(server.address, viewers, &greeting(lot));
    while hub.counts().viewers < viewers {
        std::thread::sleep(Duration::from_millis(5));
    }
    let bursts = (args.frames / burst).max(1);
    let mut ours_rounds = Vec::new();
    for _ in 0..args.rounds {
        let bids: Vec<Vec<_>> = (0..bursts).map(|_| duel.bids(&world, burst)).collect();
        let bytes = audience.bytes_of_the_first.load(Ordering::SeqCst);
        let ours = rate(bursts * burst * viewers, || {
            for bids in bids {
                let answers: Vec<_> = bids.into_iter().map(|bid| sequencer.submit(bid)).collect();
                for answer in answers {
                    assert_eq!(answer.wait().unwrap().rule, None);
                }
                audience.wait_for((burst * viewers) as u64);
            }
        });
        let bytes = (audience.bytes_of_the_first.load(Ordering::SeqCst) - bytes) as usize / bursts;
        ours_rounds.push((bytes, ours));
    }
    assert_eq!(hub.counts().slow_viewers, 0);
    sequencer.shutdown();
    drop((server, audience));
    let began = Instant::now();
    while hub.counts().viewers > 0 {
        assert!(began.elapsed() < TEARDOWN_MAX, "{} viewers do not go", hub.counts().viewers);
        std::thread::sleep(Duration::from_millis(5));
    }
    let plain = Plain::to(viewers);
    ours_rounds.into_iter().map(|(bytes, ours)| (plain.write(bytes, burst, bursts), ours)).collect()
}

/// The handshake and the subscription, masked as a client's frames must be (with zeros).
fn greeting(lot: Id) -> Vec<u8> {
    let subscribe = format!(r#"{{"subscribe":{{"scope":"lot/{lot}"}}}}"#);
    let mut bytes = b"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
        Sec-WebSocket-Protocol: mingjian.v1\r\n\r\n"
        .to_vec();
    bytes.extend([0x81, 0x80 | u8::try_from(subscribe.len()).unwrap(), 0, 0, 0, 0]);
    bytes.extend(subscribe.as_bytes());
    bytes
}

/// Viewers on a thread of their own that only count what they get.
struct Audience {
    entries: Arc<AtomicU64>,
    waited_for: AtomicU64,
    /// Bytes of entries that one of them got.
    bytes_of_the_first: Arc<AtomicU64>,
}

impl Audience {
    /// Connects them all and waits until each has its subscription.
    fn connect(address: SocketAddr, viewers: usize, greeting: &[u8]) -> Self {
        let (entries, bytes_of_the_first) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let audience = Self {
            entries: entries.clone(),
            waited_for: AtomicU64::new(0),
            bytes_of_the_first: bytes_of_the_first.clone(),
        };
        let greeting = greeting.to_vec();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            client(async move {
                let mut watching = Vec::new();
                for index in 0..viewers {
                    let mut socket = TcpStream::connect(address).await.unwrap();
                    socket.write_all(&greeting).await.unwrap();
                    let first = (index == 0).then(|| bytes_of_the_first.clone());
                    let (tell, entries) = (tell.clone(), entries.clone());
                    watching.push(tokio::task::spawn_local(watch(socket, tell, entries, first)));
                }
                for watching in watching {
                    watching.await.unwrap();
                }
            });
        });
        for _ in 0..viewers {
            told.recv_timeout(Duration::from_mins(1)).unwrap();
        }
        audience
    }

    /// Waits until all of them together have that many entries more.
    fn wait_for(&self, more: u64) {
        let all = self.waited_for.fetch_add(more, Ordering::SeqCst) + more;
        spin_until(|| self.entries.load(Ordering::Acquire) >= all);
    }
}

/// Looks often, and sleeps in between: the cores are needed.
fn spin_until(done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_mins(1), "the viewers did not get everything");
        std::thread::sleep(Duration::from_micros(50));
    }
}

async fn watch(mut socket: TcpStream, ready: mpsc::Sender<()>, entries: Arc<AtomicU64>, bytes: Option<Arc<AtomicU64>>) {
    let mut buffer = Vec::with_capacity(16 * 1_024);
    // The answer to the handshake; what follows is frames.
    let head = loop {
        assert_ne!(socket.read_buf(&mut buffer).await.unwrap(), 0);
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    assert!(buffer.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&buffer));
    buffer.drain(..head);
    let mut ready = Some(ready);
    loop {
        let mut at = 0;
        let mut new = 0;
        while let Some((header, length)) = frame(&buffer[at..]).filter(|(h, length)| at + h + length <= buffer.len()) {
            let text = &buffer[at + header..at + header + length];
            if text.starts_with(b"{\"entry\"") {
                new += 1;
                if let Some(bytes) = &bytes {
                    bytes.fetch_add((header + length) as u64, Ordering::SeqCst);
                }
            } else if let Some(ready) = ready.take() {
                // The first heartbeat: the subscription stands.
                ready.send(()).unwrap();
            }
            at += header + length;
        }
        buffer.drain(..at);
        entries.fetch_add(new, Ordering::Release);
        if socket.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

/// Sizes of header and body of a server's frame (RFC 6455 §5.2).
fn frame(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes.get(1)? {
        126 => Some((4, usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])))),
        127 => Some((10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize)),
        short => Some((2, usize::from(short))),
    }
}

/// Plain sockets, written to by as many threads as there are cores, and read by one, as the viewers are.
struct Plain {
    orders: Vec<mpsc::Sender<Vec<u8>>>,
    read: Arc<AtomicU64>,
    viewers: usize,
}

impl Plain {
    fn to(viewers: usize) -> Self {
        let read = Arc::<AtomicU64>::default();
        let counting = Arc::clone(&read);
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            client(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let mut readers = Vec::new();
                for _ in 0..viewers {
                    let ours = std::net::TcpStream::connect(address).unwrap();
                    ours.set_nodelay(true).unwrap();
                    tell.send(ours).unwrap();
                    let (mut theirs, _) = listener.accept().await.unwrap();
                    let counting = Arc::clone(&counting);
                    readers.push(tokio::task::spawn_local(async move {
                        let mut buffer = Vec::with_capacity(16 * 1_024);
                        while theirs.read_buf(&mut buffer).await.unwrap_or(0) > 0 {
                            counting.fetch_add(buffer.len() as u64, Ordering::Release);
                            buffer.clear();
                        }
                    }));
                }
                drop(tell);
                for reader in readers {
                    reader.await.unwrap();
                }
            });
        });
        let sockets: Vec<std::net::TcpStream> = told.iter().collect();
        let mut shares: Vec<Vec<std::net::TcpStream>> = (0..cores()).map(|_| Vec::new()).collect();
        let count = shares.len();
        for (index, socket) in sockets.into_iter().enumerate() {
            shares[index % count].push(socket);
        }
        let orders = shares.into_iter().map(writer).collect();
        Self { orders, read, viewers }
    }

    /// Frames a second, when each of `bursts` brings `frames` frames of together `bytes` bytes to everybody.
    fn write(&self, bytes: usize, frames: usize, bursts: usize) -> f64 {
        let mut all = self.read.load(Ordering::Acquire);
        rate(frames * bursts * self.viewers, || {
            for _ in 0..bursts {
                self.orders.iter().for_each(|order| order.send(vec![b'x'; bytes]).unwrap());
                all += (bytes * self.viewers) as u64;
                spin_until(|| self.read.load(Ordering::Acquire) >= all);
            }
        })
    }
}

fn writer(sockets: Vec<std::net::TcpStream>) -> mpsc::Sender<Vec<u8>> {
    use std::io::Write as _;
    let (order, orders) = mpsc::channel::<Vec<u8>>();
    std::thread::spawn(move || {
        for bytes in orders {
            for mut socket in &sockets {
                socket.write_all(&bytes).unwrap();
            }
        }
    });
    order
}

//! (n) Real nodes on a real PostgreSQL: how long bids go unanswered when the writer dies or leaves, and how late an entry is
//! on the screens of either node: `cargo bench --bench nodes`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::float_arithmetic)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss
)]

#[path = "../tests/crash/auction.rs"]
#[allow(dead_code)]
mod auction;
#[allow(dead_code)] // each program uses its part of it
mod common;
#[path = "../tests/nodes/deployment.rs"]
#[allow(dead_code)]
mod deployment;
#[path = "../tests/crash/server.rs"]
#[allow(dead_code)]
mod server;
#[path = "../tests/servers/mod.rs"]
mod servers;

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use common::{Figure, Goal, Report, quantile};
use deployment::Deployment;
use futures_util::{SinkExt as _, StreamExt as _};
use mingjian::ledger::Leaf;
use mingjian::sequencer::{Clock as _, SystemClock};
use serde_json::{Value, json};
use servers::Redis;
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

/// Measures what several nodes cost whoever bids and watches.
#[derive(Parser)]
struct Args {
    /// How often the writer is killed, and how often it is asked to end
    #[arg(long, default_value_t = 5)]
    deaths: usize,
    /// Viewers of the whole ledger on each of two nodes
    #[arg(long, default_value_t = 200)]
    viewers: usize,
    /// Bids that they watch
    #[arg(long, default_value_t = 1_000)]
    bids: usize,
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
    fail_over(&mut report, &args);
    for redis in [false, true] {
        fan_out(&mut report, &args, redis);
    }
    report.print(args.json);
}

/// One bidder asks either node until it is told; the longest time without an answer is the fail-over.
fn fail_over(report: &mut Report, args: &Args) {
    eprintln!("(n) fail-over");
    for (what, goal) in [("killed", Some(Goal::AtMost(5_000.0))), ("asked to end", None)] {
        let mut deployment = Deployment::start(2, None, 1);
        let steps = AtomicI64::new(0);
        let mut silences = Vec::new();
        for _ in 0..args.deaths {
            let writer = deployment.writer();
            let (over, mut longest) = (AtomicBool::new(false), Duration::ZERO);
            std::thread::scope(|scope| {
                let bidder = scope.spawn(|| bid_until(&deployment, &steps, &over));
                std::thread::sleep(Duration::from_millis(500));
                if what == "killed" {
                    deployment.nodes[writer].kill();
                } else {
                    assert_eq!(deployment.nodes[writer].terminate(), Some(0));
                }
                deployment.writer();
                std::thread::sleep(Duration::from_millis(500));
                over.store(true, Ordering::Relaxed);
                longest = bidder.join().unwrap();
            });
            silences.push(longest);
            deployment.nodes[writer] = deployment.start_node(writer);
        }
        let [half, most] = [0.5, 1.0].map(|share| quantile(silences.clone(), share).as_secs_f64() * 1e3);
        report.add(Figure::alone(format!("(n) writer {what}: longest silence of {}", args.deaths), "ms", most, goal));
        report.note(format!("(n) writer {what}: half of the silences within {half:.0} ms"));
    }
}

fn bid_until(deployment: &Deployment, steps: &AtomicI64, over: &AtomicBool) -> Duration {
    let (mut longest, mut last) = (Duration::ZERO, Instant::now());
    let lot = deployment.auction.lock().unwrap().lot();
    while !over.load(Ordering::Relaxed) {
        let step = steps.fetch_add(1, Ordering::Relaxed) + 1;
        let statement = deployment.auction.lock().unwrap().statement(step as usize % 4, step);
        // The same statement until it is told what became of it.
        for node in deployment.nodes.iter().cycle() {
            if node.place(lot, &statement).is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        longest = longest.max(last.elapsed());
        last = Instant::now();
    }
    longest
}

/// From an entry's stamp to each viewer's socket, on the node that writes and on the one that follows.
fn fan_out(report: &mut Report, args: &Args, redis: bool) {
    let way = if redis { "Redis rings" } else { "no Redis" };
    eprintln!("(n) fan-out, {way}");
    let deployment = Deployment::start(2, redis.then(Redis::start), 2);
    let writer = deployment.writer();
    let ports = [deployment.nodes[writer].port, deployment.nodes[1 - writer].port];
    let first = deployment.size();
    let crowd: Vec<_> = ports.map(|port| Crowd::watch(port, args.viewers, first, args.bids)).into();
    let (lot, began) = (deployment.auction.lock().unwrap().lot(), Instant::now());
    for step in 1..=args.bids {
        let statement = deployment.auction.lock().unwrap().statement(step % 4, step as i64);
        deployment.nodes[writer].place(lot, &statement).unwrap();
    }
    let pace = args.bids as f64 / began.elapsed().as_secs_f64();
    for (crowd, side) in crowd.into_iter().zip(["the writing node", "the other node"]) {
        let late = crowd.end();
        assert_eq!(late.len(), args.viewers * args.bids, "every viewer got every entry");
        let [half, most] = [0.5, 0.99].map(|share| quantile(late.clone(), share).as_secs_f64() * 1e3);
        let name = format!("(n) {way}: entry to {} viewers of {side}, p99", args.viewers);
        report.add(Figure::alone(name, "ms", most, None));
        report.note(format!("(n) {way}, {side}: half within {half:.1} ms, at {pace:.0} entries a second"));
    }
}

/// Viewers of one node on a thread of their own.
struct Crowd(std::thread::JoinHandle<Vec<Duration>>);

impl Crowd {
    /// Returns when all are subscribed; each then waits for `count` entries from `first` on.
    fn watch(port: u16, viewers: usize, first: u64, count: usize) -> Self {
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let watching = (0..viewers).map(|_| watch(port, first, count, tell.clone()));
            runtime.block_on(futures_util::future::join_all(watching)).concat()
        });
        (0..viewers).for_each(|_| told.recv().unwrap());
        Self(thread)
    }

    fn end(self) -> Vec<Duration> {
        self.0.join().unwrap()
    }
}

async fn watch(port: u16, first: u64, count: usize, ready: std::sync::mpsc::Sender<()>) -> Vec<Duration> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let mut request = format!("ws://127.0.0.1:{port}/api/v1/live").into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", "mingjian.v1".parse().unwrap());
    let (mut socket, _) = client_async(request, stream).await.unwrap();
    let subscribe = json!({"subscribe": {"scope": "ledger", "from": first}}).to_string();
    socket.send(Message::text(subscribe)).await.unwrap();
    ready.send(()).unwrap();
    let mut late = Vec::with_capacity(count);
    while late.len() < count {
        let Message::Text(text) = socket.next().await.unwrap().unwrap() else { continue };
        let now = SystemClock.now();
        let message: Value = serde_json::from_str(&text).unwrap();
        assert!(message.get("reset").is_none(), "{message}");
        let Some(leaf) = message["entry"]["leaf"].as_str() else { continue };
        late.push(Duration::from_micros(now.since(Leaf::parse(leaf.as_bytes()).unwrap().time).get()));
    }
    late
}

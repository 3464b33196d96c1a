//! (p) inclusion proofs served a second beside hello-world, (w) checkpoints that a witness cosigns a second beside what the
//! disk syncs. `cargo bench --bench proofs -- --only p`. The client is blocking sockets in this process, on the same cores.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::float_arithmetic)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]

#[allow(dead_code)] // each program uses its part of it
mod common;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use actix_web::dev::Server;
use actix_web::{App, HttpServer, web};
use clap::Parser;
use common::{Figure, Goal, Report, cores, directory, fdatasyncs};
use mingjian::base::{Hash, Span};
use mingjian::cli::open::{Setup, open};
use mingjian::cli::simulate::Simulate;
use mingjian::cli::witness::serve;
use mingjian::http::app::app;
use mingjian::http::extract::HttpSettings;
use mingjian::ledger::note::SignatureType;
use mingjian::ledger::tree::{HashReader, consistency_proof};
use mingjian::ledger::{Checkpoint, Frontier, Origin, SeedSigner, Signer as _, VerifierKey};
use mingjian::sequencer::SystemClock;
use mingjian::store::{DataDir, WitnessBook};
use mingjian::witness::{AddCheckpoint, Log, Watch, Witness};

const ORIGIN: &str = "ledger.mingjiang.example/trade";
const SYNCS: usize = 200;

#[derive(Parser)]
struct Args {
    /// Which of p, w
    #[arg(long, value_delimiter = ',', default_value = "p,w")]
    only: Vec<char>,
    /// Rounds of (baseline, ours); the medians are printed
    #[arg(long, default_value_t = 5, env = "BENCH_ROUNDS")]
    rounds: usize,
    /// (p) Requests of a round
    #[arg(long, default_value_t = 40_000)]
    requests: usize,
    /// (p) Connections
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// (p) Projects of the simulated ledger
    #[arg(long, default_value_t = 100)]
    projects: u16,
    /// (w) Checkpoints of a round
    #[arg(long, default_value_t = 1_000)]
    checkpoints: usize,
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
    if args.only.contains(&'p') {
        proofs(&mut report, &args);
    }
    if args.only.contains(&'w') {
        cosignatures(&mut report, &args);
    }
    report.print(args.json);
}

/// Runs a server on a thread of its own until the process ends.
fn background(start: impl FnOnce() -> (SocketAddr, Server) + Send + 'static) -> SocketAddr {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let (address, server) = start();
            tell.send(address).unwrap();
            server.await.unwrap();
        });
    });
    told.recv().unwrap()
}

macro_rules! serve_app {
    ($app:expr) => {
        background(move || {
            let server = HttpServer::new($app).workers(cores()).disable_signals().bind("127.0.0.1:0").unwrap();
            (server.addrs()[0], server.run())
        })
    };
}

/// Sends `request` and reads its whole answer; the status.
fn ask(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> u16 {
    stream.write_all(request).unwrap();
    buffer.clear();
    let mut chunk = [0; 16_384];
    loop {
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "the server hung up");
        buffer.extend_from_slice(&chunk[..read]);
        let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&buffer[..end]).unwrap().to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |text| text.parse().unwrap());
        if buffer.len() >= end + 4 + length {
            return head[9..12].parse().unwrap();
        }
    }
}

/// Requests a second, over as many connections as there are lists.
fn ask_all(address: SocketAddr, lists: &[Vec<Vec<u8>>]) -> f64 {
    let count: usize = lists.iter().map(Vec::len).sum();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for list in lists {
            scope.spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_nodelay(true).unwrap();
                let mut buffer = Vec::new();
                for request in list {
                    assert_eq!(ask(&mut stream, request, &mut buffer), 200);
                }
            });
        }
    });
    count as f64 / began.elapsed().as_secs_f64()
}

/* ---- (p) ------------------------------------------------------------------------------------------------------- */

fn proofs(report: &mut Report, args: &Args) {
    let directory = directory();
    let data = directory.path().join("data");
    let simulate = Simulate {
        projects: args.projects,
        seed: 1,
        data: data.clone(),
        rush: 0,
        ledger: "main".into(),
        origin: ORIGIN.into(),
        fixed_keys: true,
        until: None,
    };
    simulate.play(&mut |_| ()).unwrap();
    let world = mingjian::sim::World::new(1);
    let genesis = world.options.genesis.clone();
    let setup = Setup { origin: ORIGIN.into(), totp_required: false, genesis, cosigners: None };
    let platform = open(DataDir::open(data).unwrap(), setup, Arc::new(SystemClock)).unwrap();
    let size = platform.desk.sequencer.read(|committed| committed.size);
    let parts = platform.parts(HttpSettings::default());
    let ours = serve_app!(move || app(parts.clone()));
    let hello = serve_app!(|| App::new().route("/", web::get().to(|| async { "hello, world" })));
    let each = args.requests / args.connections;
    let get =
        |address: SocketAddr, path: String| format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").into_bytes();
    // Leaves all over the ledger, the same ones in each round.
    let leaf = |n: usize| (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) % size;
    let mut rounds = Vec::new();
    for _ in 0..args.rounds {
        let hellos = vec![vec![get(hello, "/".into()); each]; args.connections];
        let wanted = (0..args.connections).map(|connection| {
            let path = |n: usize| format!("/ledger/main/proof/{}", leaf(connection * each + n));
            (0..each).map(|n| get(ours, path(n))).collect()
        });
        let wanted: Vec<_> = wanted.collect();
        rounds.push((ask_all(hello, &hellos), ask_all(ours, &wanted)));
    }
    let name = format!("(p) inclusion proofs of {size} leaves served, of hello-world");
    report.add(Figure::of_rounds(name, "1/s", &rounds, Some(Goal::RatioAtLeast(0.5))));
}

/* ---- (w) ------------------------------------------------------------------------------------------------------- */

/// Every complete subtree of a tree of made-up leaves.
struct Levels(Vec<Vec<Hash>>);

impl HashReader for Levels {
    type Error = std::convert::Infallible;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, Self::Error> {
        Ok(self.0[usize::from(level)][index as usize])
    }
}

fn levels(leaves: u64) -> Levels {
    let mut levels = vec![(0..leaves).map(|n| Hash::of(&n.to_be_bytes())).collect::<Vec<_>>()];
    while levels.last().is_some_and(|row| row.len() > 1) {
        let row = levels.last().unwrap().chunks_exact(2);
        levels.push(row.map(|pair| mingjian::ledger::tree::node_hash(&pair[0], &pair[1])).collect());
    }
    Levels(levels)
}

/// `add-checkpoint` bodies, each one entry further than the one before.
fn bodies(log: &SeedSigner, count: u64) -> Vec<String> {
    let tree = levels(count);
    let mut frontier = Frontier::new();
    let body = |size: u64| {
        frontier.append(tree.0[0][size as usize - 1]);
        let origin = Origin::new(ORIGIN).unwrap();
        let signed = Checkpoint { origin, size, root: frontier.root() }.sign(log).unwrap();
        let proof = consistency_proof(&tree, size - 1, size).unwrap();
        let head = signed.note().text().parse().unwrap();
        AddCheckpoint { old: size - 1, proof, note: signed.note().clone(), head }.to_string()
    };
    (1..=count).map(body).collect()
}

fn cosignatures(report: &mut Report, args: &Args) {
    let (log, directory) = (SeedSigner::new(&[1; 32]), directory());
    let key = VerifierKey::new(ORIGIN, SignatureType::Ed25519, log.public()).unwrap();
    let bodies = bodies(&log, args.checkpoints as u64);
    let mut rounds = Vec::new();
    for round in 0..args.rounds {
        let book = Arc::new(WitnessBook::open(&directory.path().join(format!("{round}.sqlite"))).unwrap());
        let logs = vec![Log { origin: ORIGIN.into(), keys: vec![key.clone()], url: None }];
        let signer = Box::new(SeedSigner::new(&[2; 32]));
        let witness = Witness::new("w.example/1", signer, logs, book, Arc::new(SystemClock)).unwrap();
        let watch = Arc::new(Watch::new(Arc::new(witness), Span::minutes(10)));
        let address = background(move || serve(&watch, "bench", ([127, 0, 0, 1], 0).into()).unwrap());
        let requests = bodies.iter().map(|body| {
            let length = body.len();
            format!("POST /add-checkpoint HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{body}")
                .into_bytes()
        });
        let syncs = fdatasyncs(directory.path(), SYNCS);
        let baseline = SYNCS as f64 / syncs.iter().sum::<Duration>().as_secs_f64();
        rounds.push((baseline, ask_all(address, &[requests.collect()])));
    }
    let name = "(w) add-checkpoint cosigned by a witness, one after the other, of fdatasync";
    report.add(Figure::of_rounds(name, "1/s", &rounds, None));
}

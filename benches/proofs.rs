//! (p) inclusion proofs served a second beside hello-world, (w) checkpoints that a witness cosigns a second beside what the
//! disk syncs. `cargo bench --bench proofs -- --only p`. The client is raw sockets in this process, on the same cores.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::float_arithmetic)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]

#[allow(dead_code)] // each program uses its part of it
mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, web};
use clap::Parser;
use common::http::{Server, ask_all, server};
use common::{Figure, Goal, Report, directory, fdatasyncs, quantile};
use mingjian::base::{Hash, Span};
use mingjian::cli::open::{Setup, open};
use mingjian::cli::simulate::Simulate;
use mingjian::cli::witness::serve;
use mingjian::http::app::app;
use mingjian::http::extract::HttpSettings;
use mingjian::ledger::note::SignatureType;
use mingjian::ledger::tree::{HashReader, consistency_proof};
use mingjian::ledger::{AddCheckpoint, Checkpoint, Frontier, Origin, SeedSigner, Signer as _, VerifierKey};
use mingjian::sequencer::SystemClock;
use mingjian::store::{DataDir, WitnessBook};
use mingjian::witness::{Log, Watch, Witness};

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
    let ours = server!(move || app(parts.clone()));
    let hello = server!(|| App::new().route("/", web::get().to(|| async { "hello, world" })));
    let each = args.requests / args.connections;
    let get =
        |address: SocketAddr, path: String| format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").into_bytes();
    // Leaves all over the ledger, the same ones in each round.
    let leaf = |n: usize| (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) % size;
    let (mut rounds, mut times) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        let hellos = vec![vec![get(hello.address, "/".into()); each]; args.connections];
        let wanted = (0..args.connections).map(|connection| {
            let path = |n: usize| format!("/ledger/main/proof/{}", leaf(connection * each + n));
            (0..each).map(|n| get(ours.address, path(n))).collect()
        });
        let (baseline, _) = ask_all(hello.address, hellos, 200);
        let (rate, waited) = ask_all(ours.address, wanted.collect(), 200);
        rounds.push((baseline, rate));
        times.extend(waited);
    }
    let name = format!("(p) inclusion proofs of {size} leaves served, of hello-world");
    report.add(Figure::of_rounds(name, "1/s", &rounds, Some(Goal::RatioAtLeast(0.5))));
    let [half, most] = [0.5, 0.99].map(|share| quantile(times.clone(), share).as_secs_f64() * 1e6);
    report
        .note(format!("(p) {} connections: half within {half:.0} µs, 99 of 100 within {most:.0} µs", args.connections));
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
        let server = Server::run(move || serve(&watch, "bench", ([127, 0, 0, 1], 0).into()).unwrap());
        let address = server.address;
        let requests = bodies.iter().map(|body| {
            let length = body.len();
            format!("POST /add-checkpoint HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{body}")
                .into_bytes()
        });
        let syncs = fdatasyncs(directory.path(), SYNCS);
        let baseline = SYNCS as f64 / syncs.iter().sum::<Duration>().as_secs_f64();
        rounds.push((baseline, ask_all(address, vec![requests.collect()], 200).0));
    }
    let name = "(w) add-checkpoint cosigned by a witness, one after the other, of fdatasync";
    report.add(Figure::of_rounds(name, "1/s", &rounds, None));
}

//! (i) Signed bids on PostgreSQL, durable before the answer, beside two baselines of the same run on the same server, both
//! driven by pgbench at the same concurrency: a plain insert, and a table whose trigger makes a hash chain
//! (`benches/sql/chain.sql`); and one hot lot beside as many lots as there are bidders.
//! `cargo bench --bench database -- --connections 1,64`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::float_arithmetic)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]

#[allow(dead_code)] // each program uses its part of it
mod common;
#[path = "../tests/servers/mod.rs"]
mod servers;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use common::http::{ask_all, prepare, server};
use common::{Duel, Figure, Goal, Report, cores, directory, fdatasyncs, halls, quantile, rate};
use mingjian::cli::open::{Node, Setup, Storage, open_on};
use mingjian::http::app::app;
use mingjian::http::extract::HttpSettings;
use mingjian::sequencer::{Load, Sequencer, Submission};
use mingjian::sim::World;
use mingjian::store::{DataDir, Postgres};

/// Measures bids on PostgreSQL against what one would build without us.
#[derive(Parser)]
struct Args {
    /// Rounds of (baselines, ours); the medians are printed
    #[arg(long, default_value_t = 3, env = "BENCH_ROUNDS")]
    rounds: usize,
    /// How long each baseline of a round runs, seconds
    #[arg(long, default_value_t = 4)]
    seconds: u32,
    /// Bids of a round
    #[arg(long, default_value_t = 12_000, env = "BENCH_BIDS")]
    bids: usize,
    /// Connections, and clients of pgbench
    #[arg(long, value_delimiter = ',', default_value = "1,64")]
    connections: Vec<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// What `cargo bench` says
    #[arg(long, hide = true)]
    bench: bool,
}

const BASELINE: &str = "baseline";

fn main() {
    let args = Args::parse();
    if !args.bench {
        println!("run it with cargo bench");
        return;
    }
    let mut report = Report::default();
    let (directory, database) = (directory(), servers::Postgres::start());
    let baseline = database.database(BASELINE);
    database.run(BASELINE, include_str!("sql/chain.sql"));
    let world = World::new(4);
    let (genesis, origin) = (world.options.genesis.clone(), world.options.origin.to_string());
    let node = Node {
        postgres: Postgres::open(&database.database("platform"), None, 12).unwrap(),
        ledger: "main".into(),
        name: "bench".into(),
        address: "127.0.0.1:1".into(),
        relay: None,
        load: Load::default(),
    };
    let setup = Setup { origin, totp_required: false, genesis, cosigners: None };
    let dir = DataDir::open(directory.path().join("data")).unwrap();
    let platform = open_on(dir, Storage::Shared(node), setup, Arc::new(world.clock.clone())).unwrap();
    let sequencer = platform.desk.sequencer.clone();
    let most = args.connections.iter().copied().max().unwrap_or(1);
    let mut duels: Vec<Duel> = halls(&world, &sequencer, most + 1).into_iter().map(Duel::new).collect();
    let mut hot = duels.pop().unwrap();
    let parts = platform.parts(HttpSettings::default());
    let ours = server!(move || app(parts.clone()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(cores()).build().unwrap();

    for &connections in &args.connections {
        let each = (args.bids / connections).clamp(8, 2_000);
        let (mut plain, mut chained, mut alone, mut lots) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut waited, mut chain_waited, mut syncs) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..args.rounds {
            syncs.extend(fdatasyncs(directory.path(), 100));
            let run = |script: &str| pgbench(directory.path(), &baseline, script, connections, args.seconds);
            let ((plain_rate, _), (chain_rate, times)) = (run("plain"), run("chained"));
            chain_waited.extend(times);
            let prepared = prepare(&world, &sequencer, &mut duels[..connections], each);
            let bids = prepared.iter().map(|bids| bids.iter().map(|bid| bid.request(ours.address)).collect()).collect();
            let (signed_rate, times) = ask_all(ours.address, bids, 201);
            waited.extend(times);
            plain.push((plain_rate, signed_rate));
            chained.push((chain_rate, signed_rate));
            // Without HTTP and signatures.
            let bids: Vec<_> = duels[..connections].iter_mut().map(|duel| duel.bids(&world, each)).collect();
            let alone_rate = rate(each * connections, || runtime.block_on(produce(&sequencer, bids)));
            alone.push((chain_rate, alone_rate));
            // All on one lot: in whichever order they come, some are too low, and that stands in the ledger as well.
            let mut bids: Vec<Vec<Submission>> = (0..connections).map(|_| Vec::with_capacity(each)).collect();
            for (place, bid) in hot.bids(&world, each * connections).into_iter().enumerate() {
                bids[place % connections].push(bid);
            }
            let hot_rate = rate(each * connections, || runtime.block_on(produce(&sequencer, bids)));
            lots.push((alone_rate, hot_rate));
        }
        let at = format!("{connections} connections");
        let goal = |goal| (connections == 64).then_some(goal);
        report.add(Figure::of_rounds(format!("signed bids, {at}; of a plain insert"), "1/s", &plain, None));
        let five = goal(Goal::RatioAtLeast(5.0));
        report.add(Figure::of_rounds(format!("signed bids, {at}; of a trigger chain"), "1/s", &chained, five));
        let forty = goal(Goal::RatioAtLeast(40.0));
        report.add(Figure::of_rounds(format!("sequencer alone, {at}; of a trigger chain"), "1/s", &alone, forty));
        let micros = |times: Vec<Duration>| quantile(times, 0.99).as_secs_f64() * 1e6;
        let slowest = [(micros(chain_waited), micros(waited))];
        let tenth = goal(Goal::RatioAtMost(0.1));
        report.add(Figure::of_rounds(format!("p99 signed, {at}; of the chain's"), "µs", &slowest, tenth));
        let hot_goal = goal(Goal::RatioAtLeast(0.9));
        report.add(Figure::of_rounds(format!("one hot lot, {at}; of {connections} lots"), "1/s", &lots, hot_goal));
        let (commits, micros) = (&sequencer.metrics().batch, &sequencer.metrics().commit_micros);
        let made = commits.count() as f64;
        report.note(format!(
            "{at}: median fdatasync {:.0?}; so far {:.1} entries a commit, {:.0} µs in the journal",
            quantile(syncs, 0.5),
            commits.sum() as f64 / made,
            micros.sum() as f64 / made
        ));
    }
    report.print(args.json);
    sequencer.shutdown();
}

/// Every producer bids as soon as its last bid is answered.
async fn produce(sequencer: &Sequencer, bids: Vec<Vec<Submission>>) {
    let producer = |bids: Vec<Submission>| {
        let sequencer = sequencer.clone();
        tokio::spawn(async move {
            for bid in bids {
                assert_eq!(sequencer.submit(bid).await.unwrap().count, 1);
            }
        })
    };
    let producers: Vec<_> = bids.into_iter().map(producer).collect();
    for producer in producers {
        producer.await.unwrap();
    }
}

/// Transactions a second of `benches/sql/<script>.pgbench`, and how long each took.
fn pgbench(directory: &Path, url: &str, script: &str, clients: usize, seconds: u32) -> (f64, Vec<Duration>) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("benches/sql/{script}.pgbench"));
    let logs = tempfile::tempdir_in(directory).unwrap();
    let (clients, threads, seconds) = (clients.to_string(), cores().min(clients).to_string(), seconds.to_string());
    let output = Command::new("pgbench")
        .args(["-n", "-M", "prepared", "-l", "-c", &clients, "-j", &threads, "-T", &seconds, "-f"])
        .arg(file)
        .arg(url)
        .current_dir(logs.path())
        .output()
        .expect("pgbench, of the package postgresql-contrib or postgresql");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split_whitespace().next()?.parse().ok());
    let mut times = Vec::new();
    for log in std::fs::read_dir(logs.path()).unwrap() {
        let text = std::fs::read_to_string(log.unwrap().path()).unwrap();
        // client, transaction, microseconds, …
        let micros = text.lines().filter_map(|line| line.split(' ').nth(2)?.parse().ok());
        times.extend(micros.map(Duration::from_micros));
    }
    (tps.expect("pgbench says its rate"), times)
}

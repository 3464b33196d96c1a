//! Two nodes with a real PostgreSQL and a real Redis, which is stopped, killed, emptied and started again under them. What
//! it does for the nodes is faster with it, and right without it; no node is restarted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "../servers/mod.rs"]
mod servers;

use std::sync::Arc;
use std::time::{Duration, Instant};

use mingjian::base::limits::{SIGN_UPS, TICKETS_PER_SESSION_MAX};
use mingjian::base::{Code, Micros};
use mingjian::cli::open::{Node, Running, Setup, Storage, open_on};
use mingjian::engine::calendar::{CityPeriods, Holidays};
use mingjian::engine::code::CodeFormat;
use mingjian::engine::event::PlatformConfigured;
use mingjian::identity::accounts::NewCompany;
use mingjian::identity::{CreditCode, Network, Viewer};
use mingjian::relay::Relay;
use mingjian::sequencer::{Load, Record, Sequencer, Status, Submission, SystemClock};
use mingjian::store::{DataDir, Postgres};
use tempfile::TempDir;

use servers::{Postgres as Database, Redis, wait_for};

struct World {
    // Dropped first: nodes before the servers that they use.
    nodes: [Running; 2],
    redis: Redis,
    _database: Database,
    _dirs: [TempDir; 2],
}

fn world() -> World {
    let (redis, database) = (Redis::start(), Database::start());
    let url = database.database("platform");
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let open = |number: usize| {
        let dir = DataDir::open(dirs[number].path()).unwrap();
        if number > 0 {
            let keys = dirs[0].path().join("keys/server.json");
            std::fs::copy(keys, dir.keys_path().join("server.json")).unwrap();
        }
        let node = Node {
            postgres: Postgres::open(&url, None, 4).unwrap(),
            ledger: "main".into(),
            name: format!("node{number}"),
            address: "127.0.0.1:1".into(),
            relay: Some(Relay::new(&redis.url()).unwrap()),
            load: Load::default(),
        };
        let genesis = PlatformConfigured {
            code_format: CodeFormat::default(),
            holidays: Holidays::default(),
            periods: CityPeriods::default(),
        };
        let origin = "ledger.mingjiang.example/trade".into();
        let setup = Setup { origin, totp_required: false, genesis, cosigners: None };
        open_on(dir, Storage::Shared(node), setup, Arc::new(SystemClock)).unwrap()
    };
    let first = open(0);
    let nodes = [first, open(1)];
    World { nodes, redis, _database: database, _dirs: dirs }
}

fn record(text: &str) -> Submission {
    Submission::record(Record {
        kind: "test.noted".into(),
        subject: "platform".into(),
        actor: "system".into(),
        data: serde_json::json!({ "text": text }),
    })
}

fn size(sequencer: &Sequencer) -> u64 {
    sequencer.read(|committed| committed.size)
}

/// From the moment at which an entry is handed to the writing node until the other one shows it; the middle of several.
fn lag(world: &World) -> Duration {
    let [writer, follower] = &world.nodes.each_ref().map(|node| &node.desk.sequencer);
    assert_eq!((writer.status(), follower.status()), (Status::Running, Status::Following));
    let mut lags: Vec<Duration> = (0..7)
        .map(|number| {
            let began = Instant::now();
            let first = writer.submit(record(&format!("{number}"))).wait().unwrap().first;
            wait_for("the other node to show it", Duration::from_secs(5), || size(follower) > first);
            began.elapsed()
        })
        .collect();
    lags.sort_unstable();
    lags[3]
}

/// A second is how often a node looks by itself; with the bell it takes milliseconds.
const RUNG: Duration = Duration::from_millis(250);

#[test]
fn the_bell_makes_screens_quick_and_its_loss_makes_them_slow() {
    let world = world();
    wait_for("the first ring", Duration::from_secs(10), || lag(&world) < RUNG);
    let rung = lag(&world);
    assert!(rung < RUNG, "{rung:?} with Redis");

    // What lies in Redis is not believed: this would be the next batch, and no node has put it there.
    let next = size(&world.nodes[0].desk.sequencer);
    world.redis.try_ask(&format!("SET mingjian:entries:main:{next} forged EX 30")).unwrap();
    assert!(lag(&world) < Duration::from_secs(2));
    world.redis.flush_all();
    assert!(lag(&world) < RUNG, "a subscription outlives a flush");

    world.redis.kill();
    let alone = lag(&world);
    assert!(alone < Duration::from_secs(2), "{alone:?} without Redis");
    world.redis.resume();
    wait_for("the bell after Redis came back", Duration::from_secs(20), || lag(&world) < RUNG);
    println!("median lag: {rung:?} with Redis, {alone:?} without");
}

/// Redis keeps batches, each under the number of its first entry. A node that starts on such a batch alone would take the
/// ledger's right edge for damaged, and none could take over until Redis had forgotten it.
#[test]
fn a_batch_out_of_redis_is_not_taken_for_all_there_is() {
    let world = world();
    let [writer, follower] = [0, 1].map(|node| &world.nodes[node].desk.sequencer);
    wait_for("the first ring", Duration::from_secs(10), || lag(&world) < RUNG);
    let firsts: Vec<u64> =
        (0..5).map(|number| writer.submit(record(&format!("edge {number}"))).wait().unwrap().first).collect();
    let reader = follower.reader();
    wait_for("the batch in Redis", Duration::from_secs(5), || reader.next_entries(firsts[0], 5).unwrap().len() == 1);
    let all: Vec<u64> = reader.entries(firsts[0], 5).unwrap().iter().map(|entry| entry.seq).collect();
    assert_eq!(all, firsts);
}

fn now() -> Micros {
    use mingjian::sequencer::Clock as _;
    SystemClock.now()
}

fn network(last: u8) -> Network {
    Network::of(std::net::IpAddr::from([192, 0, 2, last]))
}

/// Signs up and in: whose tickets are these?
fn viewer(world: &World, number: u32) -> Viewer {
    let identity = &world.nodes[0].desk.identity;
    let (login, password) = (format!("bidder{number}"), "Bamboo-shade-47-lantern");
    sign_up(world, 0, number, u8::try_from(number).unwrap()).unwrap();
    identity.sign_in(&login, password, None, &network(250), now()).unwrap().viewer
}

fn sign_up(world: &World, node: usize, number: u32, from: u8) -> Result<(), Code> {
    let (login, company) = (format!("bidder{number}"), format!("明江第{number}公司"));
    // Invented: no place has the division code 999999.
    let credit_code = CreditCode::with_check(&format!("91999999MA{number:07}")).unwrap();
    let new = NewCompany {
        login: &login,
        password: "Bamboo-shade-47-lantern",
        name: "林晓",
        company: &company,
        credit_code: credit_code.as_str(),
    };
    world.nodes[node].desk.identity.sign_up_company(new, &network(from), now()).map(drop)
}

#[test]
fn a_ticket_is_good_once_on_either_node_with_redis_or_without() {
    let world = world();
    let viewer = viewer(&world, 1);
    let [a, b] = world.nodes.each_ref().map(|node| &node.desk.identity);
    let once = |what: &str| {
        let ticket = a.issue_ticket(&viewer, now()).unwrap();
        assert_eq!(b.redeem_ticket(&ticket, now()).unwrap().account, viewer.account, "{what}");
        assert_eq!(a.redeem_ticket(&ticket, now()), Err(Code::BadTicket), "{what}: used");
        assert_eq!(b.redeem_ticket(&ticket, now()), Err(Code::BadTicket), "{what}: used");
    };
    once("with Redis");
    assert!(a.relay().unwrap().is_up(), "it was Redis that kept it");

    let lost = a.issue_ticket(&viewer, now()).unwrap();
    world.redis.flush_all();
    assert_eq!(b.redeem_ticket(&lost, now()), Err(Code::BadTicket), "gone with the flush: the viewer asks for another");
    once("after a flush");

    for _ in 0..TICKETS_PER_SESSION_MAX {
        a.issue_ticket(&viewer, now()).unwrap();
    }
    assert_eq!(b.issue_ticket(&viewer, now()).unwrap_err(), Code::RateLimited, "counted over both nodes");
    world.redis.flush_all();

    world.redis.kill();
    once("without Redis");
    assert!(!a.relay().unwrap().is_up());
    let held = a.issue_ticket(&viewer, now()).unwrap();
    world.redis.resume();
    wait_for("Redis again", Duration::from_secs(5), || {
        once("when it is back");
        a.relay().unwrap().is_up() && b.relay().unwrap().is_up()
    });
    assert!(b.redeem_ticket(&held, now()).is_ok(), "issued while it was away");

    a.sign_out(&viewer, now()).unwrap();
    assert!(
        a.issue_ticket(&viewer, now()).is_err_and(|code| code == Code::SessionOver)
            || a.issue_ticket(&viewer, now()).is_ok_and(|ticket| b.redeem_ticket(&ticket, now()).is_err())
    );
}

#[test]
fn nodes_count_together_with_redis_or_without() {
    let world = world();
    let mut number = 100;
    // Checked before anything is hashed or written: who is over the limit costs nothing.
    let mut try_from = |from: u8, times: u32| -> Vec<Result<(), Code>> {
        (0..times)
            .map(|turn| {
                number += 1;
                sign_up(&world, usize::try_from(turn % 2).unwrap(), number, from)
            })
            .collect()
    };
    for from in [10, 11] {
        let told = try_from(from, SIGN_UPS.burst + 2);
        let admitted = told.iter().filter(|told| told.is_ok()).count();
        assert_eq!(admitted, usize::try_from(SIGN_UPS.burst).unwrap(), "{told:?}");
        assert_eq!(told.last(), Some(&Err(Code::RateLimited)));
        if from == 10 {
            world.redis.kill();
        }
    }
    assert!(!world.nodes[0].desk.identity.relay().unwrap().is_up(), "the second time the database counted");
}

/// A Redis that takes connections and says nothing must not hold anybody up.
#[test]
fn a_paused_redis_costs_two_short_waits_a_second_at_most() {
    let world = world();
    let viewer = viewer(&world, 2);
    let identity = &world.nodes[0].desk.identity;
    identity.issue_ticket(&viewer, now()).unwrap();
    world.redis.signal("STOP");
    let began = Instant::now();
    for _ in 0..20 {
        identity.issue_ticket(&viewer, now()).unwrap();
    }
    let took = began.elapsed();
    world.redis.signal("CONT");
    assert!(took < Duration::from_secs(4), "{took:?} for twenty tickets");
    println!("twenty tickets beside a paused Redis: {took:?}");
}

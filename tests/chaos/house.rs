//! Three nodes, PostgreSQL and Redis, with a wire before each of them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use mingjian::base::{Id, Span};
use mingjian::cli::open::{Node, Storage};
use mingjian::sequencer::{LedgerReader as _, Load, StoredEntry};
use mingjian::sim::HallRules;
use mingjian::store::{DataDir, Postgres, PostgresReader};
use tempfile::TempDir;

use crate::auction::Auction;
use crate::server::{Server, free_port};
use crate::servers::{Postgres as Database, Redis};
use crate::wire::{Dice, Wire};

pub const NODES: usize = 3;
const LEDGER: &str = "main";
const STARTS_MAX: u32 = 60;

pub struct House {
    // Dropped first: nodes before the servers that they use.
    nodes: [Mutex<Arc<Server>>; NODES],
    pub auction: Mutex<Auction>,
    pub lot: Id,
    /// Before the nodes' doors: what bidders, viewers and other nodes come through.
    pub doors: [Wire; NODES],
    inner_doors: [Wire; NODES],
    inner_ports: [u16; NODES],
    to_database: Wire,
    to_redis: Wire,
    reader: PostgresReader,
    database_name: String,
    dir: TempDir,
}

impl House {
    pub fn build(database: &Database, redis: &Redis, name: &str, bidders: usize, seed: u64) -> Self {
        let url = database.database(name);
        let dir = tempfile::tempdir().unwrap();
        let data = |number: usize| dir.path().join(format!("node{number}"));
        let postgres = Postgres::open(&url, None, 2).unwrap();
        let reader = postgres.reader(LEDGER).unwrap();
        let node = Node {
            postgres,
            ledger: LEDGER.into(),
            name: "preparing".into(),
            address: "127.0.0.1:1".into(),
            relay: None,
            load: Load::default(),
        };
        // Short, so that it ends in a run: after twenty seconds it goes on only while somebody bids within ten.
        let rules = HallRules {
            bidders: bidders.try_into().unwrap(),
            free: Span::secs(20),
            window: Span::secs(10),
            ..HallRules::default()
        };
        let auction = Auction::prepare_with(&data(0), Storage::Shared(node), seed, rules);
        for number in 1..NODES {
            let keys = DataDir::open(data(number)).unwrap().keys_path();
            std::fs::copy(data(0).join("keys/server.json"), keys.join("server.json")).unwrap();
        }
        let dice = Dice::new(seed);
        let wire = |target| Wire::before(target, dice.below(u64::MAX));
        let port = |url: &str| url.rsplit_once(':').unwrap().1.split('/').next().unwrap().parse().unwrap();
        let inner_ports = [(); NODES].map(|()| free_port());
        let (to_database, to_redis) = (wire(port(&url)), wire(port(&redis.url())));
        let (doors, inner_doors) = ([(); NODES].map(|()| wire(1)), inner_ports.map(wire));
        let start = |number| {
            let server = start(
                &data(number),
                number,
                name,
                [to_database.port, to_redis.port],
                inner_ports[number],
                inner_doors[number].port,
            );
            doors[number].lead_to(server.port);
            Mutex::new(Arc::new(server))
        };
        let nodes = std::array::from_fn(start);
        let lot = auction.lot();
        let auction = Mutex::new(auction);
        let database_name = name.to_owned();
        Self { nodes, auction, lot, doors, inner_doors, inner_ports, to_database, to_redis, reader, database_name, dir }
    }

    fn data(&self, number: usize) -> PathBuf {
        self.dir.path().join(format!("node{number}"))
    }

    pub fn node(&self, number: usize) -> Arc<Server> {
        Arc::clone(&self.nodes[number].lock().unwrap())
    }

    /// Starts a node again that was killed.
    pub fn revive(&self, number: usize) {
        let ports = [self.to_database.port, self.to_redis.port];
        let (inner_port, inner_door) = (self.inner_ports[number], self.inner_doors[number].port);
        let server = start(&self.data(number), number, &self.database_name, ports, inner_port, inner_door);
        self.doors[number].lead_to(server.port);
        *self.nodes[number].lock().unwrap() = Arc::new(server);
    }

    /// The node that writes, if one says so now.
    pub fn writer(&self) -> Option<usize> {
        (0..NODES).find(|number| {
            let page = self.node(*number).try_get("/metrics");
            page.is_some_and(|answer| answer.body.contains("\nmingjian_node_leads 1\n"))
        })
    }

    pub fn wires(&self) -> impl Iterator<Item = &Wire> {
        self.doors.iter().chain(&self.inner_doors).chain([&self.to_database, &self.to_redis])
    }

    /// The whole ledger out of the database, past every wire.
    pub fn entries(&self) -> Vec<StoredEntry> {
        self.reader.entries(0, usize::MAX).unwrap()
    }

    pub fn size(&self) -> u64 {
        self.reader.size().unwrap()
    }

    pub fn into_reader(self) -> PostgresReader {
        self.reader
    }
}

fn start(
    data: &std::path::Path,
    number: usize,
    database: &str,
    ports: [u16; 2],
    inner: u16,
    inner_door: u16,
) -> Server {
    let [to_database, to_redis] = ports;
    let wrapper = [
        "env".to_owned(),
        format!("MINGJIAN_DATABASE__URL=postgres://postgres@127.0.0.1:{to_database}/{database}"),
        format!("MINGJIAN_REDIS__URL=redis://127.0.0.1:{to_redis}"),
        format!("MINGJIAN_NODE__NAME=node{number}"),
        format!("MINGJIAN_NODE__LISTEN=127.0.0.1:{inner}"),
        format!("MINGJIAN_NODE__ADDRESS=127.0.0.1:{inner_door}"),
        "MINGJIAN_LOG__FILTER=error,r2d2=off,mingjian::sequencer=info".to_owned(),
    ];
    let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    // A node that finds its database cut off ends; whoever looks after it starts it again.
    (0..STARTS_MAX).find_map(|_| Server::try_start_under(&wrapper, data, &[])).expect("a node starts in the end")
}

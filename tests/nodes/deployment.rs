//! Several `mingjian serve` on one PostgreSQL, and on one Redis where a test wants it.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use mingjian::cli::open::{Node, Storage};
use mingjian::ledger::{Chain, Origin};
use mingjian::sequencer::{LedgerReader as _, Load};
use mingjian::store::{DataDir, Postgres, PostgresReader};
use tempfile::TempDir;

use crate::auction::Auction;
use crate::server::Server;
use crate::servers::{Postgres as Database, Redis, wait_for};

const LEDGER: &str = "main";
pub const ORIGIN: &str = "ledger.mingjiang.example/trade";

pub struct Deployment {
    // Dropped first: nodes before the servers that they use.
    pub nodes: Vec<Server>,
    pub auction: Mutex<Auction>,
    reader: PostgresReader,
    pub redis: Option<Redis>,
    pub database: Database,
    url: String,
    dir: TempDir,
}

impl Deployment {
    /// An auction that has just opened, and `count` nodes that serve it; the first of them writes.
    pub fn start(count: usize, redis: Option<Redis>, seed: u64) -> Self {
        let database = Database::start();
        let url = database.database("platform");
        let dir = tempfile::tempdir().unwrap();
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
        let auction = Auction::prepare_on(&dir.path().join("node0"), Storage::Shared(node), seed);
        let mut deployment =
            Self { nodes: Vec::new(), auction: Mutex::new(auction), reader, redis, database, url, dir };
        for number in 0..count {
            let node = deployment.start_node(number);
            deployment.nodes.push(node);
        }
        deployment
    }

    pub fn data(&self, number: usize) -> PathBuf {
        self.dir.path().join(format!("node{number}"))
    }

    /// Nodes of one deployment share their keys.
    pub fn start_node(&self, number: usize) -> Server {
        self.try_start_node(number).expect("the node ended instead of starting")
    }

    /// `None` when it ended instead of starting.
    pub fn try_start_node(&self, number: usize) -> Option<Server> {
        let data = self.data(number);
        if number > 0 && !data.exists() {
            let keys = DataDir::open(&data).unwrap().keys_path();
            std::fs::copy(self.data(0).join("keys/server.json"), keys.join("server.json")).unwrap();
        }
        let mut wrapper = vec![
            "env".to_owned(),
            format!("MINGJIAN_DATABASE__URL={}", self.url),
            format!("MINGJIAN_NODE__NAME=node{number}"),
            "MINGJIAN_LOG__FILTER=warn,mingjian=info".to_owned(),
        ];
        if let Some(redis) = &self.redis {
            wrapper.push(format!("MINGJIAN_REDIS__URL={}", redis.url()));
        }
        let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
        Server::try_start_under(&wrapper, &data, &[])
    }

    /// The database as it is now, once more under another name.
    pub fn copy_database(&self, name: &str) {
        let run = |sql: &str| self.database.run("postgres", sql);
        // Nobody may be connected to what is copied.
        run("ALTER DATABASE platform ALLOW_CONNECTIONS false");
        run("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'platform'");
        run(&format!("CREATE DATABASE {name} TEMPLATE platform"));
        run("ALTER DATABASE platform ALLOW_CONNECTIONS true");
    }

    /// Another database in the place of the one that nodes are connected to, which is kept as `kept`.
    pub fn replace_database(&self, name: &str, kept: &str) {
        let run = |sql: &str| self.database.run("postgres", sql);
        for (from, to) in [("platform", kept), (name, "platform")] {
            run(&format!("ALTER DATABASE {from} ALLOW_CONNECTIONS false"));
            run(&format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{from}'"));
            run(&format!("ALTER DATABASE {from} RENAME TO {to}"));
        }
        run("ALTER DATABASE platform ALLOW_CONNECTIONS true");
    }

    /// From now on nodes start on another database.
    pub fn use_database(&mut self, name: &str) {
        self.url = self.database.url("postgres", name);
    }

    /// The index of the node that writes, once one does.
    pub fn writer(&self) -> usize {
        let mut writer = None;
        wait_for("a node that writes", Duration::from_secs(20), || {
            writer = (0..self.nodes.len()).find(|number| self.nodes[*number].writes());
            writer.is_some()
        });
        writer.unwrap()
    }

    pub fn size(&self) -> u64 {
        self.reader.size().unwrap()
    }

    /// The whole ledger out of the database: one chain, and what is in it.
    pub fn entries(&self) -> Vec<(u64, mingjian::base::Hash, Vec<u8>)> {
        let mut chain = Chain::new(Origin::new(ORIGIN).unwrap());
        let stored = self.reader.entries(0, usize::MAX).unwrap();
        let read = |entry: mingjian::sequencer::StoredEntry| {
            let (leaf, hash) = chain.check(&entry.leaf).unwrap();
            (leaf.seq, hash, entry.payload.unwrap().to_vec())
        };
        stored.into_iter().map(read).collect()
    }
}

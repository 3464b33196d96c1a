//! Several centres on two nodes: each node serves all of them and leads its share.

use std::path::PathBuf;
use std::time::Duration;

use mingjian::cli::open::{Node, Storage};
use mingjian::sequencer::Load;
use mingjian::store::{DataDir, Postgres};
use tempfile::TempDir;

use crate::auction::Auction;
use crate::deployment::ORIGIN;
use crate::server::Server;
use crate::servers::{Postgres as Database, wait_for};

const NAMES: [&str; 4] = ["main", "donghai", "xishan", "nanpu"];

struct Province {
    nodes: Vec<Server>,
    auction: Auction,
    database: Database,
    dir: TempDir,
}

fn host(centre: &str) -> String {
    format!("{centre}.example")
}

impl Province {
    /// Four databases; in the first centre an auction runs.
    fn new() -> Self {
        let (database, dir) = (Database::start(), tempfile::tempdir().unwrap());
        for name in NAMES {
            database.database(name);
        }
        let node = Node {
            postgres: Postgres::open(&database.url("postgres", NAMES[0]), None, 2).unwrap(),
            ledger: NAMES[0].into(),
            name: "preparing".into(),
            address: "127.0.0.1:1".into(),
            relay: None,
            load: Load::default(),
        };
        let auction = Auction::prepare_on(&dir.path().join("node0").join(NAMES[0]), Storage::Shared(node), 5);
        Self { nodes: Vec::new(), auction, database, dir }
    }

    fn data(&self, number: usize, centre: &str) -> PathBuf {
        self.dir.path().join(format!("node{number}")).join(centre)
    }

    fn start_node(&mut self) {
        let number = self.nodes.len();
        let mut files = Vec::new();
        for centre in NAMES {
            let data = self.data(number, centre);
            if number > 0 {
                // Nodes of one deployment share each centre's keys.
                let keys = DataDir::open(&data).unwrap().keys_path();
                std::fs::copy(self.data(0, centre).join("keys/server.json"), keys.join("server.json")).unwrap();
            }
            if centre == NAMES[0] {
                continue;
            }
            let file = self.dir.path().join(format!("{centre}{number}.toml"));
            let text = format!(
                "data = \"{}\"\norigin = \"ledger.{centre}.example/trade\"\nweb_origins = [\"https://{}\"]\n\
                 [node]\nledger = \"{centre}\"\n[database]\nurl = \"{}\"\n",
                data.display(),
                host(centre),
                self.database.url("postgres", centre)
            );
            std::fs::write(&file, text).unwrap();
            files.push(file);
        }
        let wrapper = [
            "env".to_owned(),
            format!("MINGJIAN_DATABASE__URL={}", self.database.url("postgres", NAMES[0])),
            format!("MINGJIAN_NODE__NAME=node{number}"),
            format!("MINGJIAN_WEB_ORIGINS=[\"https://{}\"]", host(NAMES[0])),
            format!("MINGJIAN_CENTRES={files:?}"),
            "MINGJIAN_LOG__FILTER=warn,mingjian=info".to_owned(),
        ];
        let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
        let node = Server::start_under(&wrapper, &self.data(number, NAMES[0]), &[]);
        self.nodes.push(node);
    }

    fn leads(&self, number: usize) -> Vec<&'static str> {
        let leads = |centre: &str| {
            let figures = self.nodes[number].try_get_at(&host(centre), "/metrics");
            figures.is_some_and(|answer| answer.body.contains("\nmingjian_node_leads 1\n"))
        };
        NAMES.into_iter().filter(|centre| leads(centre)).collect()
    }
}

#[test]
fn centres_are_shared_out_over_the_nodes_and_fall_to_whoever_is_left() {
    let mut province = Province::new();
    province.start_node();
    assert_eq!(province.leads(0), NAMES, "alone, it leads all");
    province.start_node();
    wait_for("an even load", Duration::from_secs(30), || province.leads(0).len() == 2 && province.leads(1).len() == 2);
    assert!(province.leads(0).contains(&NAMES[0]), "no ledger moves while an auction runs on it");

    // Either node answers for every centre, and for the right one.
    for node in &province.nodes {
        for centre in NAMES {
            let origin = if centre == NAMES[0] { ORIGIN.into() } else { format!("ledger.{centre}.example/trade") };
            let note = node.try_get_at(&host(centre), &format!("/ledger/{centre}/checkpoint")).unwrap();
            assert_eq!((note.status, note.body.lines().next()), (200, Some(&*origin)));
        }
        let elsewhere = node.try_get_at(&host("donghai"), "/ledger/main/checkpoint").unwrap();
        assert_eq!(elsewhere.status, 404, "a centre knows nothing of another's ledger");
    }
    // A bid on the node that does not write it goes to the one that does.
    let lot = province.auction.lot();
    let first = province.auction.statement(0, 1);
    let told = province.nodes[1].place(lot, &first).unwrap();
    assert_eq!(told.rule, None);

    province.nodes[0].kill();
    wait_for("the node that is left", Duration::from_secs(20), || province.leads(1) == NAMES);
    assert_eq!(province.nodes[1].place(lot, &first), Some(told), "the same answer from another writer");
    assert_eq!(province.nodes[1].place(lot, &province.auction.statement(1, 2)).unwrap().rule, None);
}

/// Accounts and rights lie beside the ledger: two centres in one database would share them.
#[test]
fn a_database_holds_one_centre() {
    let mut province = Province::new();
    province.start_node();
    assert_eq!(province.nodes[0].terminate(), Some(0));
    let url = province.database.url("postgres", NAMES[0]);
    let url = format!("MINGJIAN_DATABASE__URL={url}");
    let wrapper = ["env", &url, "MINGJIAN_NODE__LEDGER=other"];
    let other = Server::try_start_under(&wrapper, &province.dir.path().join("other"), &[]);
    assert!(other.is_none(), "it starts on another centre's database");
}

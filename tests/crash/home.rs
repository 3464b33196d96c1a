//! Where a server under test keeps everything: in its own directory, or in a database beside it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use diesel::connection::SimpleConnection as _;
use mingjian::cli::open::{Node, Storage};
use mingjian::sequencer::{LedgerReader, Load};
use mingjian::store::{Postgres, SqliteReader, connection};
use serde_json::Value;

use crate::server::Server;
use crate::servers::Postgres as Database;

const LEDGER: &str = "main";

pub struct Home {
    pub data: PathBuf,
    database: Option<(Database, String)>,
}

impl Home {
    /// Everything in `data`.
    pub fn embedded(data: &Path) -> Self {
        Self { data: data.to_owned(), database: None }
    }

    /// Keys in `data`, ledger and platform in a PostgreSQL of its own.
    pub fn on_postgres(data: &Path) -> Self {
        let database = Database::start();
        let url = database.database("platform");
        Self { data: data.to_owned(), database: Some((database, url)) }
    }

    pub const fn database(&self) -> Option<&Database> {
        match &self.database {
            Some((database, _)) => Some(database),
            None => None,
        }
    }

    fn postgres(&self) -> Option<Postgres> {
        let (_, url) = self.database.as_ref()?;
        Some(Postgres::open(url, None, 2).unwrap())
    }

    /// For a process that is named `node`.
    pub fn storage(&self, node: &str) -> Storage {
        let Some(postgres) = self.postgres() else { return Storage::Embedded };
        let (ledger, name, address) = (LEDGER.into(), node.into(), "127.0.0.1:1".into());
        Storage::Shared(Node { postgres, ledger, name, address, relay: None, load: Load::default() })
    }

    fn setting(&self) -> Option<String> {
        let (_, url) = self.database.as_ref()?;
        Some(format!("MINGJIAN_DATABASE__URL={url}"))
    }

    /// Starts the server and waits until it takes bids.
    pub fn serve(&self) -> Server {
        let setting = self.setting();
        let wrapper: Vec<&str> = setting.iter().flat_map(|setting| ["env", setting]).collect();
        let server = Server::start_under(&wrapper, &self.data, &[]);
        // Of nodes that share a database, the one that was killed keeps its lease until it runs out.
        server.wait_until_it_writes();
        server
    }

    pub fn reader(&self) -> Arc<dyn LedgerReader> {
        match self.postgres() {
            Some(postgres) => Arc::new(postgres.reader(LEDGER).unwrap()),
            None => Arc::new(SqliteReader::open(&self.data.join("ledger/main.sqlite")).unwrap()),
        }
    }

    /// What the product's own verifier reports, signatures and replay included, given a checkpoint kept from before.
    pub fn verify(&self, earlier: &str) -> Value {
        let kept = self.data.join("earlier.checkpoint");
        std::fs::write(&kept, earlier).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mingjian"));
        command.args(["verify", "--json", "--checkpoint"]).arg(&kept);
        match &self.database {
            Some((_, url)) => command.arg("database").env("MINGJIAN_DATABASE__URL", url),
            None => command.arg(&self.data),
        };
        let output = command.output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(output.status.success(), report["first_failure"].is_null(), "{report}");
        report
    }

    /// Changes storage by hand, with every right that there is.
    pub fn run(&self, sql: &str) {
        if let Some((database, _)) = &self.database {
            drop(database.run("platform", sql));
        } else {
            let mut hand = connection::open(&self.data.join("ledger/main.sqlite")).unwrap();
            hand.batch_execute(sql).unwrap();
        }
    }
}

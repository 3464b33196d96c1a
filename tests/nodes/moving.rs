//! An embedded installation moves into PostgreSQL and goes on there as if nothing had happened.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::auction::Auction;
use crate::server::Server;
use crate::servers::Postgres as Database;

fn mingjian(url: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mingjian"))
        .args(arguments)
        .env("MINGJIAN_DATABASE__URL", url)
        .env("MINGJIAN_LOG__FILTER", "warn")
        .output()
        .unwrap()
}

fn verified(url: &str, source: &str) -> Value {
    let output = mingjian(url, &["verify", source, "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn serve(url: &str, data: &Path) -> Server {
    Server::start_under(&["env", &format!("MINGJIAN_DATABASE__URL={url}")], data, &[])
}

#[test]
fn an_installation_moves_byte_for_byte_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let auction = Auction::prepare(&data, 20_261_125);
    let server = Server::start(&data);
    let placed: Vec<_> = (0..auction.bidders())
        .map(|index| {
            let statement = auction.statement(index, i64::try_from(index).unwrap() + 1);
            let told = server.place(auction.lot(), &statement).unwrap();
            (statement, told.seq)
        })
        .collect();
    assert_eq!(server.terminate(), Some(0));
    drop(server);

    let database = Database::start();
    let url = database.database("platform");
    let spelled = data.to_str().unwrap();
    let before = verified(&url, spelled);
    let moved = mingjian(&url, &["migrate", "--data", spelled]);
    assert_eq!(moved.status.code(), Some(0), "{}", said(&moved));
    assert!(said(&moved).contains("byte for byte"), "{}", said(&moved));
    let after = verified(&url, "database");
    for field in ["size", "root"] {
        assert!(!before[field].is_null(), "{before}");
        assert_eq!(before[field], after[field], "{field}");
    }

    // One bundle from either side holds the same.
    let (old, new) = (dir.path().join("old.zip"), dir.path().join("new.zip"));
    let from_old = mingjian(&url, &["export", "--data", spelled, "--out", old.to_str().unwrap(), "--json"]);
    let from_new = mingjian(&url, &["export", "--out", new.to_str().unwrap(), "--json"]);
    assert_eq!((from_old.status.code(), from_new.status.code()), (Some(0), Some(0)), "{}", said(&from_new));
    assert_eq!(std::fs::read(&old).unwrap(), std::fs::read(&new).unwrap());
    assert_eq!(mingjian(&url, &["rebuild"]).status.code(), Some(0));

    // The old one is over, and nothing moves twice.
    let again = mingjian(&url, &["migrate", "--data", spelled]);
    assert!(again.status.code() == Some(2) && said(&again).contains("already"), "{}", said(&again));
    let port = crate::server::free_port();
    let refused = crate::server::command(&data, port).output().unwrap();
    assert!(refused.status.code() == Some(2) && said(&refused).contains("moved to a database"), "{}", said(&refused));

    // The new one knows every answer that the old one gave, and takes more.
    let node = serve(&url, &data);
    for (statement, seq) in &placed {
        assert_eq!(node.place(auction.lot(), statement).unwrap().seq, *seq, "the same answer");
    }
    let next = auction.statement(0, 50);
    assert!(node.place(auction.lot(), &next).unwrap().seq > placed.last().unwrap().1);
    assert_eq!(node.terminate(), Some(0));
    let size = |report: &Value| report["size"].as_u64().unwrap();
    assert!(size(&verified(&url, "database")) > size(&after));

    // The log's key changes hands: the entry once, each node's key file for itself.
    let keys = |data: &Path, flag: &str| {
        let output = mingjian(&url, &["keys", "--data", data.to_str().unwrap(), flag]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        said(&output).lines().last().unwrap().to_owned()
    };
    let key = keys(&data, "--next");
    let other = dir.path().join("another-node");
    std::fs::create_dir_all(other.join("keys")).unwrap();
    for file in std::fs::read_dir(data.join("keys")).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), other.join("keys").join(file.file_name())).unwrap();
    }
    assert_eq!((keys(&data, "--rotate"), keys(&other, "--rotate")), (key.clone(), key.clone()));
    let rotated = verified(&url, "database");
    assert_eq!(rotated["log_keys"].as_array().unwrap().len(), 2, "{rotated}");
    assert_eq!(rotated["log_keys"][1]["key"], key.as_str());
    // Either node goes on under the new key.
    for (steps, data) in [(60, &other), (70, &data)] {
        let node = serve(&url, data);
        node.place(auction.lot(), &auction.statement(1, steps)).unwrap();
        // Whatever of its addresses somebody copied, the ledger is found.
        for path in ["", "/", "/lots/1", "/ledger/main"] {
            let shown = verified(&url, &format!("http://127.0.0.1:{}{path}", node.port));
            assert_eq!(shown["log_keys"], rotated["log_keys"], "{path:?}");
        }
        assert_eq!(node.terminate(), Some(0));
    }
    let nowhere = mingjian(&url, &["verify", "http://127.0.0.1:9/x"]);
    assert!(nowhere.status.code() == Some(2) && said(&nowhere).contains("127.0.0.1:9"), "{}", said(&nowhere));
    let last = verified(&url, "database");
    assert!(size(&last) > size(&rotated) && last["log_keys"] == rotated["log_keys"], "{last}");
}

/// Rows that changed on the way are noticed before anything counts.
#[test]
fn a_database_that_alters_what_it_is_given_gets_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    drop(Auction::prepare(&data, 7));
    let database = Database::start();
    let url = database.database("platform");
    drop(mingjian::store::Postgres::open(&url, None, 1).unwrap());
    database.run(
        "platform",
        "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF NEW.seq = 5 THEN NEW.payload = NEW.payload || ' '::bytea; END IF; RETURN NEW; END $$;
         CREATE TRIGGER spoil BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION spoil()",
    );
    let moved = mingjian(&url, &["migrate", "--data", data.to_str().unwrap()]);
    assert!(moved.status.code() == Some(2) && said(&moved).contains("entry"), "{}", said(&moved));
    assert_eq!(database.run("platform", "SELECT count(*) FROM entry").trim(), "0");
    let server = Server::start(&data);
    assert_eq!(server.terminate(), Some(0), "the old installation goes on");
}

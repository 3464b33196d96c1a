//! Other programs at the file of a server that runs: an operator's `verify`, a backup, somebody's `sqlite3`.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use crate::auction::Auction;
use crate::home::Home;
use crate::{Notebook, audit};

/// SQLite deletes the write-ahead log when its last user leaves. Whoever comes and goes beside the server is not that,
/// or the server goes on committing into a file that has no name any more, and a crash takes all of it.
#[test]
fn whoever_looks_at_the_file_takes_nothing_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::embedded(&dir.path().join("data"));
    let auction = Auction::prepare_on(&home.data, home.storage("preparing"), 7);
    let file = home.data.join("ledger/main.sqlite");
    let log = file.with_extension("sqlite-wal");
    let notebook = Mutex::new(Notebook::default());
    let server = home.serve();
    let bid = |steps| {
        // Whoever leads may not bid: by turns.
        let statement = auction.statement(usize::from(steps % 2 == 0), steps);
        let answer = server.place(auction.lot(), &statement);
        assert!(answer.is_some_and(|told| told.rule.is_none()), "bid {steps}: {answer:?}");
        notebook.lock().unwrap().write(&statement, answer);
    };
    bid(1);
    let mut earlier = String::new();
    let written_to = std::fs::metadata(&log).unwrap().ino();
    for steps in 2..5 {
        // The newest checkpoint is handed out before it is stored; its entries are there.
        earlier = server.get("/ledger/main/checkpoint").body;
        let report = home.verify(&earlier);
        assert!(report["first_failure"].is_null(), "{report}");
        assert_eq!(ask(&file, "SELECT max(seq) FROM entry"), report["entries"].as_u64().unwrap() - 1);
        bid(steps);
        assert_eq!(
            std::fs::metadata(&log).map(|file| file.ino()).ok(),
            Some(written_to),
            "the server's log was deleted"
        );
    }
    server.kill();
    assert_eq!(home.serve().terminate(), Some(0));
    audit::of(&home, &auction, &notebook.into_inner().unwrap().told, &earlier);
}

/// SQLite's own shell, which closes the file properly, as its last user if it takes itself for that.
fn ask(file: &Path, sql: &str) -> u64 {
    let said = Command::new("sqlite3").arg(file).arg(sql).output().expect("sqlite3 is installed (`make tools`)");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap().trim().parse().unwrap()
}

//! Storage changed by hand, on either backend, by somebody with every right on it: the verifier names the entry.

use crate::auction::Auction;
use crate::home::Home;

/// What is done to a ledger of more than 25 entries, and which entry is named.
const CHANGES: &[(&str, u64)] = &[
    ("UPDATE entry SET payload = (SELECT payload FROM entry WHERE seq = 19) WHERE seq = 20", 20),
    ("UPDATE entry SET leaf = (SELECT leaf FROM entry WHERE seq = 19) WHERE seq = 20", 20),
    ("UPDATE entry SET leaf = (SELECT leaf FROM entry WHERE seq = 21) WHERE seq = 20", 20),
    ("DELETE FROM entry WHERE seq = 20", 20),
    ("DELETE FROM entry WHERE seq >= 20", 20),
];

fn changes_are_named(home: &Home) {
    let auction = Auction::prepare_on(&home.data, home.storage("preparing"), 11);
    let server = home.serve();
    for step in 1..=8 {
        assert!(server.place(auction.lot(), &auction.statement(usize::from(step % 2 == 0), step)).is_some());
    }
    let checkpoint = server.get("/ledger/main/checkpoint").body;
    assert_eq!(server.terminate(), Some(0));
    assert!(home.verify(&checkpoint)["first_failure"].is_null());
    home.run("CREATE TABLE kept AS SELECT * FROM entry");
    for (change, seq) in CHANGES {
        home.run(change);
        let report = home.verify(&checkpoint);
        assert_eq!(report["first_failure"]["seq"], *seq, "{change}: {report}");
        home.run("DELETE FROM entry; INSERT INTO entry SELECT * FROM kept");
    }
    assert!(home.verify(&checkpoint)["first_failure"].is_null(), "all of it was put right again");
}

#[test]
fn a_changed_file_names_the_entry() {
    let dir = tempfile::tempdir().unwrap();
    changes_are_named(&Home::embedded(&dir.path().join("data")));
}

#[test]
fn a_changed_row_in_postgresql_names_the_entry() {
    let dir = tempfile::tempdir().unwrap();
    changes_are_named(&Home::on_postgres(&dir.path().join("data")));
}

//! What the application's role can do to a ledger in PostgreSQL: read it, and add to its end under the present epoch.

use std::cell::RefCell;

use diesel::connection::SimpleConnection as _;
use mingjian::base::Hash;
use mingjian::sequencer::{LedgerReader, SharedLedger as _, StoredPayload};
use mingjian::sim::{Hall, HallRules, World};
use mingjian::store::{Postgres, PostgresLedger, SqliteJournal, SqliteReader, StoreError, connection};

use crate::backends::{database, postgres};
use crate::servers::Postgres as Server;

/// A ledger with an opened auction in it.
fn auction(postgres: &Postgres) -> PostgresLedger {
    let mut ledger = postgres.ledger("main", "node", "127.0.0.1:1").unwrap();
    let tenure = ledger.take_lease(0).unwrap();
    let world = World::new(1);
    let sequencer = world.start(ledger.journal(tenure.epoch).unwrap()).unwrap();
    Hall::open(&world, &sequencer, HallRules::default()).unwrap();
    sequencer.shutdown();
    ledger
}

#[test]
fn the_application_can_neither_change_nor_remove_nor_add_an_entry_by_hand() {
    let name = database();
    let size = auction(&postgres(&name)).reader().size().unwrap();
    let server = Server::shared();
    server.run(&name, "CREATE ROLE clerk LOGIN IN ROLE mingjian_app");
    for sql in [
        "UPDATE entry SET payload = NULL",
        "UPDATE entry SET leaf = ''",
        "DELETE FROM entry",
        "TRUNCATE entry",
        "INSERT INTO entry VALUES ('main', 100000, '', '')",
        "UPDATE tile SET bytes = ''",
        "UPDATE head SET size = 0",
        "UPDATE lease SET node = 'me'",
        "DELETE FROM outcome",
        "UPDATE checkpoint SET size = size + 1",
        "DELETE FROM checkpoint",
        "DELETE FROM erasure",
        "INSERT INTO erasure VALUES ('main', 1, 'a', 'b', 'c', now())",
        "UPDATE security_event SET kind = 'x'",
        "DELETE FROM security_event",
        "DROP TABLE entry",
        "ALTER TABLE entry DISABLE TRIGGER ALL",
    ] {
        let refused = server.try_run_as("clerk", &name, sql).unwrap_err();
        assert!(refused.contains("permission denied") || refused.contains("must be owner"), "{sql}: {refused}");
    }
    // A commit under another epoch or size changes nothing.
    for (epoch, before) in [(0, size), (2, size), (1, size - 1), (1, size + 1)] {
        let sql = format!(
            "SELECT ledger_append('main', {epoch}, {before}, ARRAY['\\x01'::bytea], ARRAY['\\x02'::bytea], '{{}}', '{{}}',
             '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '\\x00', 1, '\\x00')"
        );
        assert_eq!(server.try_run_as("clerk", &name, &sql).as_deref(), Ok("f"), "epoch {epoch}, size {before}");
    }
    // Even the owner of the tables cannot unsay an erasure.
    server.run(&name, "INSERT INTO erasure VALUES ('other', 1, 'a', 'b', 'c', now())");
    assert!(server.try_run(&name, "DELETE FROM erasure").unwrap_err().contains("append-only"));
    assert_eq!(postgres(&name).reader("main").unwrap().size().unwrap(), size);
}

/// Tries to make `note` the kept note of its size, on either backend: the database's words where it refuses.
type Rewrite<'a> = Box<dyn Fn(&str) -> Result<(), String> + 'a>;

#[test]
fn a_kept_checkpoint_gains_signatures_and_changes_no_otherwise() {
    let name = database();
    drop(auction(&postgres(&name)));
    let server = Server::shared();
    server.run(&name, "CREATE ROLE checkpoint_clerk LOGIN IN ROLE mingjian_app");
    let in_postgres: Rewrite = Box::new(|note| {
        let sql = format!("UPDATE checkpoint SET note = '{note}' WHERE size = (SELECT max(size) FROM checkpoint)");
        server.try_run_as("checkpoint_clerk", &name, &sql).map(drop)
    });

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("main.sqlite");
    let world = World::new(1);
    let sequencer = world.start(Box::new(SqliteJournal::open(&path).unwrap())).unwrap();
    Hall::open(&world, &sequencer, HallRules::default()).unwrap();
    sequencer.shutdown();
    let connection = RefCell::new(connection::open(&path).unwrap());
    let in_sqlite: Rewrite = Box::new(|note| {
        let sql = format!("UPDATE checkpoint SET note = '{note}' WHERE size = (SELECT max(size) FROM checkpoint)");
        connection.borrow_mut().batch_execute(&sql).map_err(|error| error.to_string())
    });

    let shared = postgres(&name).reader("main").unwrap();
    let single = SqliteReader::open(&path).unwrap();
    for (backend, rewrite, reader) in
        [("PostgreSQL", in_postgres, &shared as &dyn LedgerReader), ("SQLite", in_sqlite, &single)]
    {
        let newest = || reader.newest_checkpoint().unwrap().unwrap().1;
        let note = newest();
        let (statement, own) = note.split_once("\n\n").unwrap();
        assert!(own.starts_with("— ") && own.lines().count() == 1, "{backend}: {own}");
        let longer = "— another.example/log AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let other = format!("{}B{}", &own[..own.len() - 3], &own[own.len() - 2..]);
        for changed in [
            String::new(),
            statement.into(),
            format!("x{note}"),
            format!("{statement}\n\n{longer}\n{longer}\n"),
            format!("{statement}\n\n{other}{longer}\n"),
            format!("{statement}\n\n{}{longer}\n", own.trim_end()),
            format!("{statement}x\n\n{own}{longer}\n"),
        ] {
            let refused = rewrite(&changed).expect_err(&format!("{backend}: {changed}"));
            assert!(refused.contains("more signatures"), "{backend}: {refused}");
            assert_eq!(newest(), note);
        }
        // Behind the log's line, and in front of it: another node may have collected them in another order.
        let cosigned = format!("{note}— witness AAAA\n");
        rewrite(&cosigned).unwrap();
        assert_eq!(newest(), cosigned);
        let more = format!("{statement}\n\n— second BBBB\n{own}— witness CCCC\n");
        rewrite(&more).unwrap();
        assert_eq!(newest(), more, "{backend}");
    }
}

#[test]
fn an_erasure_leaves_the_leaf_and_says_who_and_why() {
    let name = database();
    let ledger = auction(&postgres(&name));
    let reader = ledger.reader();
    let leaf = reader.leaf(3).unwrap();
    assert!(ledger.erase(3, "", "no one asked").is_err(), "without a name there is no erasure");
    assert!(matches!(reader.payload(3).unwrap(), StoredPayload::Present(_)));
    assert!(ledger.erase(3, "admin/01", "个人信息保护法 art. 47").unwrap());
    assert_eq!((reader.payload(3).unwrap(), reader.leaf(3).unwrap()), (StoredPayload::Erased, leaf));
    assert!(!ledger.erase(3, "admin/01", "again").unwrap() && !ledger.erase(9_999, "admin/01", "none").unwrap());
    let said = Server::shared().run(&name, "SELECT ledger, seq, actor, reason, session_user_name FROM erasure");
    assert_eq!(said, "main|3|admin/01|个人信息保护法 art. 47|postgres");
}

#[test]
fn a_lease_is_one_nodes_until_it_is_given_back_or_has_run_out() {
    let name = database();
    let postgres = postgres(&name);
    let mut one = postgres.ledger("main", "one", "127.0.0.1:1").unwrap();
    let mut two = postgres.ledger("main", "two", "127.0.0.1:2").unwrap();
    let first = one.take_lease(0).unwrap();
    assert!(first.ours && first.epoch == 1, "{first:?}");
    let seen = two.take_lease(0).unwrap();
    assert!(!seen.ours && seen.address == "127.0.0.1:1" && seen.epoch == 1 && seen.left_ms <= 3_000, "{seen:?}");
    assert_eq!(one.take_lease(0).unwrap().epoch, 1, "renewed, not taken anew");
    two.release_lease(1).unwrap();
    assert!(two.take_lease(0).unwrap().ours, "given back for whoever held it");
    // Nobody waits for real time here: the server's clock is told that it is later.
    Server::shared().run(&name, "UPDATE lease SET until = clock_timestamp() - INTERVAL '1 millisecond'");
    let third = one.take_lease(0).unwrap();
    assert!(third.ours && third.epoch == 3, "{third:?}");
    one.release_lease(2).unwrap();
    assert!(!two.take_lease(0).unwrap().ours, "an old epoch gives nothing back");
    // Another ledger is another lease.
    let other = postgres.ledger("other", "two", "127.0.0.1:2").unwrap().take_lease(0).unwrap();
    assert!(other.ours && other.epoch == 1);
}

#[test]
fn what_a_restarted_database_breaks_heals_by_itself() {
    let server = Server::start();
    let postgres = Postgres::open(&server.database("healing"), None, 3).unwrap();
    let ledger = auction(&postgres);
    let reader = ledger.reader();
    let size = reader.size().unwrap();
    server.restart("immediate");
    for _ in 0..5 {
        assert_eq!(reader.size().unwrap(), size);
        assert_eq!(reader.outcomes(&[Hash::default()]).unwrap(), [None]);
    }
}

#[test]
fn a_server_that_forgets_what_it_acknowledged_is_refused() {
    let server = Server::start();
    let url = server.database("forgetful");
    server.run("postgres", "ALTER SYSTEM SET fsync = off");
    server.stop("fast");
    // A setting on the command line would win over this one.
    std::fs::write(server.directory().join("settings"), "fsync=off\n").unwrap();
    server.resume();
    assert!(matches!(Postgres::open(&url, None, 1), Err(StoreError::NotDurable("fsync"))));
}

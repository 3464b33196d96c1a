//! What the application's role can do to a ledger in PostgreSQL: read it, and add to its end under the present epoch.

use mingjian::base::Hash;
use mingjian::sequencer::{LedgerReader as _, SharedLedger as _, StoredPayload};
use mingjian::sim::{Hall, HallRules, World};
use mingjian::store::{Postgres, PostgresLedger, StoreError};

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
    // A kept checkpoint may get more signatures, at its end, and changes no otherwise.
    for sql in ["UPDATE checkpoint SET note = ''", "UPDATE checkpoint SET note = 'x' || note"] {
        let refused = server.try_run_as("clerk", &name, sql).unwrap_err();
        assert!(refused.contains("more signatures"), "{sql}: {refused}");
    }
    server.try_run_as("clerk", &name, "UPDATE checkpoint SET note = note || E'— witness AAAA\n'").unwrap();
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

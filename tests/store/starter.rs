//! The servers that tests start themselves.

use crate::servers::{Postgres, Redis};

#[test]
fn a_database_outlives_the_power_and_nothing_is_left_of_the_server() {
    let server = Postgres::start();
    server.database("kept");
    server.run("kept", "CREATE TABLE word (word text); INSERT INTO word VALUES ('durable')");
    assert_eq!(server.run("kept", "SHOW fsync"), "on");
    for mode in ["immediate", "fast"] {
        server.stop(mode);
        assert!(server.try_run("kept", "SELECT 1").is_err());
        server.resume();
        assert_eq!(server.run("kept", "SELECT word FROM word"), "durable", "after a stop: {mode}");
    }
    let directory = server.directory().to_owned();
    assert!(directory.exists());
    drop(server);
    assert!(!directory.exists());
}

#[test]
fn redis_comes_back_empty() {
    let server = Redis::start();
    assert_eq!(server.try_ask("SET a 1").as_deref(), Some("+OK"));
    server.kill();
    assert_eq!(server.try_ask("PING"), None);
    server.resume();
    assert_eq!(server.try_ask("EXISTS a").as_deref(), Some(":0"));
}

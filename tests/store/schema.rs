//! The migrations of both backends make the same tables, and go both ways.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel_migrations::{FileBasedMigrations, MigrationHarness as _};
use mingjian::store::{DataDir, Platform, SqliteJournal};

use crate::backends::{database, postgres};
use crate::servers::Postgres as Server;

/// What PostgreSQL has more of, since nodes share it.
const SHARED_ONLY: &[&str] = &["lease", "standby", "erasure"];

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = diesel::sql_types::Text)]
    place: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    kind: String,
}

/// `table.column` with its type and whether it may be NULL.
fn sqlite_columns(path: &std::path::Path) -> Vec<Column> {
    let mut connection = mingjian::store::connection::open(path).unwrap();
    connection.batch_execute("PRAGMA query_only = ON").unwrap();
    diesel::sql_query(
        "SELECT m.name || '.' || c.name AS place,
                CASE c.type WHEN 'TEXT' THEN 'text' WHEN 'BLOB' THEN 'bytea' WHEN 'BOOLEAN' THEN 'boolean' ELSE 'bigint' END
                || CASE WHEN c.\"notnull\" OR c.pk THEN '' ELSE ' null' END AS kind
         FROM sqlite_schema m JOIN pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE '\\_\\_diesel%' ESCAPE '\\'",
    )
    .load(&mut connection)
    .unwrap()
}

#[test]
fn both_backends_have_the_same_tables_and_columns() {
    let dir = tempfile::tempdir().unwrap();
    let data = std::sync::Arc::new(DataDir::open(dir.path()).unwrap());
    drop(Platform::open(std::sync::Arc::clone(&data)).unwrap());
    let ledger = data.ledger_path("main").unwrap();
    drop(SqliteJournal::open(&ledger).unwrap());
    // In PostgreSQL a ledger's tables name the ledger instead of saying that there is one row only.
    let mut sqlite: BTreeMap<String, String> = sqlite_columns(&ledger)
        .into_iter()
        .map(|column| (column.place.replace(".only", ".ledger"), column.kind))
        .chain(sqlite_columns(&data.platform_path()).into_iter().map(|column| (column.place, column.kind)))
        .collect();
    for table in ["entry", "tile", "outcome", "snapshot", "checkpoint", "head", "alive"] {
        sqlite.insert(format!("{table}.ledger"), "text".into());
    }
    sqlite.insert("head.epoch".into(), "bigint".into());

    let name = database();
    drop(postgres(&name));
    let rows = Server::shared().run(
        &name,
        "SELECT table_name || '.' || column_name || '=' || data_type || CASE is_nullable WHEN 'YES' THEN ' null' ELSE '' END
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_diesel%'",
    );
    let shared: BTreeMap<String, String> = rows
        .lines()
        .map(|line| line.split_once('=').unwrap())
        .filter(|(place, _)| !SHARED_ONLY.contains(&place.split('.').next().unwrap()))
        .map(|(place, kind)| (place.to_owned(), kind.to_owned()))
        .collect();
    assert_eq!(sqlite, shared);
}

/// Up, down, up: down leaves nothing behind, and the second up makes what the first one made.
#[test]
fn postgresqls_migrations_go_both_ways() {
    let name = database();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres");
    let migrations = || FileBasedMigrations::from_path(folder).unwrap();
    let mut connection = PgConnection::establish(&Server::shared().url("postgres", &name)).unwrap();
    // diesel's own table stays.
    let schema = || Server::shared().dump(&name, &["--schema-only", "--exclude-table=__diesel_schema_migrations"]);
    connection.run_pending_migrations(migrations()).unwrap();
    let first = schema();
    assert!(first.contains("ledger_append"), "{first}");
    connection.revert_all_migrations(migrations()).unwrap();
    let nothing = schema();
    assert!(!nothing.contains("CREATE TABLE") && !nothing.contains("CREATE FUNCTION"), "{nothing}");
    connection.run_pending_migrations(migrations()).unwrap();
    assert_eq!(schema(), first);
}

/// Text is compared byte by byte on both: pages are cut by the order of ids, whatever the server's locale.
#[test]
fn no_text_of_postgresql_is_compared_by_locale() {
    let name = database();
    drop(postgres(&name));
    let wrong = Server::shared().run(
        &name,
        "SELECT table_name || '.' || column_name FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_diesel%' AND data_type = 'text'
           AND collation_name IS DISTINCT FROM 'C'",
    );
    assert_eq!(wrong, "");
}

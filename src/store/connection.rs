//! One way to open a SQLite file and to bring it to this version's schema, for platform and ledgers alike.

use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::r2d2::{CustomizeConnection, Error as PoolError};
use diesel::{Connection as _, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _};

use super::StoreError;
use super::data_dir::{io_error, owner_only};
use crate::base::limits::DATABASE_WAIT_MAX;

/// Opens (and where missing creates, mode 0600) the file with the pragmas that durability rests on.
pub fn open(path: &Path) -> Result<SqliteConnection, StoreError> {
    let mut connection = SqliteConnection::establish(&create(path)?)
        .map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
    apply_pragmas(&mut connection)?;
    Ok(connection)
}

/// Applies the migrations that the file does not have yet.
pub fn migrate(connection: &mut SqliteConnection, migrations: EmbeddedMigrations) -> Result<(), StoreError> {
    connection.run_pending_migrations(migrations).map(drop).map_err(|error| StoreError::Migration(error.to_string()))
}

/// Creates the file for its owner only, before SQLite would with the process's umask; returns its name for SQLite.
pub(super) fn create(path: &Path) -> Result<String, StoreError> {
    owner_only().create(true).truncate(false).write(true).open(path).map_err(|e| io_error(path, e))?;
    let name = path.to_str().ok_or_else(|| io_error(path, std::io::ErrorKind::InvalidFilename.into()))?;
    Ok(name.to_owned())
}

/// `synchronous=FULL` makes every commit an fsync of the WAL; SQLite's common `NORMAL` loses the last commits on power
/// loss, and an acknowledged bid may not be lost. `trusted_schema=OFF`: SQLite's advice for any file one did not just
/// make.
fn apply_pragmas(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let wait_ms = DATABASE_WAIT_MAX.get() / 1_000;
    connection.batch_execute(&format!(
        "PRAGMA busy_timeout = {wait_ms};
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;"
    ))?;
    Ok(())
}

/// The same pragmas for each connection that a pool opens.
#[derive(Debug)]
pub(super) struct Pragmas;

impl CustomizeConnection<SqliteConnection, PoolError> for Pragmas {
    fn on_acquire(&self, connection: &mut SqliteConnection) -> Result<(), PoolError> {
        apply_pragmas(connection).map_err(|error| match error {
            StoreError::Database(error) => PoolError::QueryError(error),
            other => PoolError::ConnectionError(diesel::ConnectionError::BadConnection(other.to_string())),
        })
    }
}

/// Tests of migrations, shared by every folder of them.
#[cfg(test)]
pub(super) mod reversible {
    use diesel::prelude::*;

    use super::*;

    #[derive(QueryableByName)]
    struct Object {
        #[diesel(sql_type = diesel::sql_types::Text)]
        sql: String,
    }

    fn schema(connection: &mut SqliteConnection) -> Vec<String> {
        let objects: Vec<Object> = diesel::sql_query(
            "SELECT type || ' ' || name || ': ' || coalesce(sql, '') AS sql FROM sqlite_schema \
             WHERE name NOT LIKE '\\_\\_diesel%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
             AND tbl_name NOT LIKE '\\_\\_diesel%' ESCAPE '\\' ORDER BY type, name",
        )
        .load(connection)
        .unwrap();
        objects.into_iter().map(|object| object.sql).collect()
    }

    /// Up, down, up: down leaves nothing behind, and the second up makes what the first one made.
    pub fn check(migrations: fn() -> EmbeddedMigrations) {
        let dir = tempfile::tempdir().unwrap();
        let mut connection = open(&dir.path().join("x.sqlite")).unwrap();
        migrate(&mut connection, migrations()).unwrap();
        let first = schema(&mut connection);
        assert!(!first.is_empty());
        connection.revert_all_migrations(migrations()).unwrap();
        assert_eq!(schema(&mut connection), Vec::<String>::new());
        migrate(&mut connection, migrations()).unwrap();
        assert_eq!(schema(&mut connection), first);
    }
}

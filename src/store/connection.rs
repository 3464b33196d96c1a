//! One way to open a SQLite file and to bring a database to this version's schema, for platform and ledgers alike; and
//! the connection that is of either kind.

use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection as _;
use diesel::r2d2::{CustomizeConnection, Error as PoolError, ManageConnection, R2D2Connection as _};
use diesel::{Connection as _, MultiConnection, PgConnection, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness};

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

/// A connection to either kind of database. What both understand is written once; where they differ, `match` on it.
#[derive(MultiConnection)]
pub enum AnyConnection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Applies the migrations that the database does not have yet.
pub fn migrate<C>(connection: &mut C, migrations: EmbeddedMigrations) -> Result<(), StoreError>
where
    C: MigrationHarness<C::Backend> + diesel::Connection,
{
    connection.run_pending_migrations(migrations).map(drop).map_err(|error| StoreError::Migration(error.to_string()))
}

/// Creates the file for its owner only, before SQLite would with the process's umask; returns its name for SQLite.
///
/// A file that is there is not opened, not even for a moment: closing it would end every POSIX lock that SQLite holds on
/// it in this process (sqlite.org/howtocorrupt.html §2.2). The next program to look at the file would then take itself
/// for its last user and delete the write-ahead log, in which this process goes on committing.
pub(super) fn create(path: &Path) -> Result<String, StoreError> {
    if let Err(error) = owner_only().create_new(true).write(true).open(path)
        && error.kind() != std::io::ErrorKind::AlreadyExists
    {
        return Err(io_error(path, error));
    }
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

/// Opens the platform's file for a pool.
#[derive(Debug)]
pub(super) struct FileManager(pub PathBuf);

impl ManageConnection for FileManager {
    type Connection = AnyConnection;
    type Error = StoreError;

    fn connect(&self) -> Result<AnyConnection, StoreError> {
        open(&self.0).map(AnyConnection::Sqlite)
    }

    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        Ok(connection.ping()?)
    }

    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        std::thread::panicking() || connection.is_broken()
    }
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

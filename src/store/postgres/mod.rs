//! PostgreSQL, where several nodes share the platform and its ledgers.
//!
//! The application takes on the role `mingjian_app`, which has no right to change an entry: a ledger grows by the function
//! `ledger_append` alone, which moves the head by compare-and-swap on (epoch, size) in the same transaction. One call is
//! one round trip and one transaction, so no node can stop in the middle of one and hold its locks.

mod journal;
mod ledger;
mod pool;
mod reader;
mod schema;

use std::sync::Arc;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use self::schema::head;
use super::data_dir::check_ledger_name;
use super::{StoreError, connection};
use crate::base::limits::DATABASE_WAIT_MAX;

pub use journal::PostgresJournal;
pub use ledger::PostgresLedger;
pub(super) use pool::{Manager, Pool};
pub use reader::PostgresReader;

pub(super) fn migrations() -> EmbeddedMigrations {
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/postgres");
    MIGRATIONS
}

/// Any number, the same for all nodes: who holds this lock migrates, the others wait.
const MIGRATION_LOCK: i64 = 0x6d69_6e67_6a69_616e;

/// A database of the deployment: migrated, with the connections that this process shares.
#[derive(Clone)]
pub struct Postgres {
    url: Arc<str>,
    pool: Pool,
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = diesel::sql_types::Text)]
    value: String,
}

impl Postgres {
    /// Brings the database to this version's schema and opens `connections` at most. `owner_url` is for the schema alone
    /// and may be left out where `url` owns it.
    ///
    /// Refuses a server that does not write to disk what it acknowledges.
    pub fn open(url: &str, owner_url: Option<&str>, connections: u32) -> Result<Self, StoreError> {
        let mut owner = establish(owner_url.unwrap_or(url))?;
        let fsync = diesel::sql_query("SELECT current_setting('fsync') AS value").get_result::<Setting>(&mut owner)?;
        if fsync.value != "on" {
            return Err(StoreError::NotDurable("fsync"));
        }
        diesel::sql_query(format!("SELECT pg_advisory_lock({MIGRATION_LOCK})")).execute(&mut owner)?;
        // The lock goes with the connection.
        connection::migrate(&mut owner, migrations())?;
        drop(owner);
        Ok(Self { url: url.into(), pool: pool::open(Manager::new(url), connections)? })
    }

    pub(super) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Reads of the named ledger.
    pub fn reader(&self, name: &str) -> Result<PostgresReader, StoreError> {
        check_ledger_name(name)?;
        Ok(PostgresReader::new(self.pool.clone(), name))
    }

    /// The named ledger as `node` shares it with others, reached by them at `address`.
    pub fn ledger(&self, name: &str, node: &str, address: &str) -> Result<PostgresLedger, StoreError> {
        check_ledger_name(name)?;
        Ok(PostgresLedger::new(self.clone(), name, node, address))
    }

    /// The name of a ledger in this database that is not `name`, if there is one.
    pub fn other_ledger(&self, name: &str) -> Result<Option<String>, StoreError> {
        let other = head::table.filter(head::ledger.ne(name).and(head::size.gt(0))).select(head::ledger);
        self.pool.read(|connection| other.first(connection).optional())
    }

    /// A connection of one's own, as the application.
    fn connect(&self) -> Result<PgConnection, StoreError> {
        connect(&self.url)
    }
}

/// A connection as whoever the URL names, with times after which it gives up rather than hang on a dead network.
pub(super) fn establish(url: &str) -> Result<PgConnection, StoreError> {
    let wait_s = DATABASE_WAIT_MAX.get() / 1_000_000;
    let joint = if url.contains('?') { '&' } else { '?' };
    let url = format!(
        "{url}{joint}connect_timeout={wait_s}&tcp_user_timeout={}&keepalives_idle=5&application_name=mingjian",
        wait_s * 1_000
    );
    PgConnection::establish(&url).map_err(StoreError::Connect)
}

/// A connection as the application. A lock or a statement that takes longer than `DATABASE_WAIT_MAX` fails, and a node
/// that is paused inside a transaction loses it before its lease can be taken over.
pub(super) fn connect(url: &str) -> Result<PgConnection, StoreError> {
    let mut connection = establish(url)?;
    let wait_ms = DATABASE_WAIT_MAX.get() / 1_000;
    connection.batch_execute(&format!(
        "SET ROLE mingjian_app;
         SET statement_timeout = {wait_ms};
         SET lock_timeout = {wait_ms};
         SET idle_in_transaction_session_timeout = 2000;
         SET client_min_messages = warning;
         SELECT set_config('synchronous_commit', 'on', false)
            WHERE current_setting('synchronous_commit') IN ('off', 'local');"
    ))?;
    Ok(connection)
}

/// PostgreSQL counts in i64; a size beyond it cannot be reached.
fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

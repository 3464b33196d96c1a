//! `platform.sqlite`: what the platform knows besides the ledgers. Accounts' secrets and sessions are the one part of
//! the product's state that no ledger can rebuild; the query tables can all be dropped.

pub mod accounts;
mod evidence_schema;
pub mod footage;
pub mod identity_keys;
pub mod recorders;
pub mod review_cases;
pub mod rooms;
mod schema;
pub mod security_events;
pub mod sessions;
pub mod throttle;
pub mod views;

use std::sync::Arc;
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _};
use diesel::r2d2::Pool;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use super::connection::{self, AnyConnection, FileManager};
use super::data_dir::Space;
use super::{DataDir, Postgres, StoreError};
use crate::base::limits::{DATABASE_CONNECTIONS_MAX, DATABASE_WAIT_MAX};

fn migrations() -> EmbeddedMigrations {
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite/platform");
    MIGRATIONS
}

/// A connection or a transaction on it, for rooms that do not name diesel.
pub type Tx = AnyConnection;

/// The platform's database; cheap to clone, one pool behind all clones.
#[derive(Clone)]
pub struct Platform(Home);

#[derive(Clone)]
enum Home {
    /// The directory stays locked for as long as anybody can write to it.
    Embedded {
        pool: Pool<FileManager>,
        dir: Arc<DataDir>,
    },
    Shared(Postgres),
}

/// Any number, the same for all nodes: who holds this lock writes, the others wait.
const WRITE_LOCK: i64 = 0x706c_6174_666f_726d;

impl Platform {
    /// Opens the database of `dir` and brings it to this version's schema.
    pub fn open(dir: Arc<DataDir>) -> Result<Self, StoreError> {
        let path = dir.platform_path();
        connection::migrate(&mut connection::open(&path)?, migrations())?;
        let pool = Pool::builder()
            .max_size(DATABASE_CONNECTIONS_MAX)
            .min_idle(Some(1))
            .connection_timeout(Duration::from_micros(DATABASE_WAIT_MAX.get()))
            // A file on this machine does not go away.
            .test_on_check_out(false)
            .build(FileManager(path))?;
        Ok(Self(Home::Embedded { pool, dir }))
    }

    /// The one that all nodes of a deployment share.
    pub fn shared(postgres: Postgres) -> Self {
        Self(Home::Shared(postgres))
    }

    /// Whether other nodes use it too.
    pub fn is_shared(&self) -> bool {
        matches!(self.0, Home::Shared(_))
    }

    /// Of the disk that the data directory lies on; `None` when the data are in a database of their own.
    pub fn space(&self) -> Result<Option<Space>, StoreError> {
        match &self.0 {
            Home::Embedded { dir, .. } => dir.space().map(Some),
            Home::Shared(_) => Ok(None),
        }
    }

    /// Runs `work` on one connection, each statement for itself.
    pub fn read<T, E>(&self, work: impl FnOnce(&mut Tx) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        match &self.0 {
            Home::Embedded { pool, .. } => work(&mut *pool.get().map_err(StoreError::from)?),
            Home::Shared(postgres) => postgres.pool().with(work),
        }
    }

    /// Runs `work` in one transaction, which an error of `work` rolls back. It holds the write lock from its start, on
    /// either kind of database and over all nodes: what it reads stays true until it has written.
    pub fn write<T, E>(&self, work: impl FnOnce(&mut Tx) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError> + From<diesel::result::Error>,
    {
        self.read(|tx| {
            begin(tx)?;
            match work(tx) {
                Ok(value) => {
                    Tx::commit_transaction(tx)?;
                    Ok(value)
                }
                Err(error) => {
                    Tx::rollback_transaction(tx)?;
                    Err(error)
                }
            }
        })
    }
}

fn begin(tx: &mut Tx) -> diesel::QueryResult<()> {
    match tx {
        // SQLite takes its lock with the first write otherwise, and a transaction that first reads and then writes would
        // fail with `SQLITE_BUSY` at once, whatever the busy timeout.
        AnyConnection::Sqlite(file) => AnsiTransactionManager::begin_transaction_sql(file, "BEGIN IMMEDIATE"),
        AnyConnection::Postgres(server) => {
            AnsiTransactionManager::begin_transaction(server)?;
            let locked = server.batch_execute(&format!("SELECT pg_advisory_xact_lock({WRITE_LOCK})"));
            locked.inspect_err(|_| {
                // It holds nothing; should this fail as well, the pool throws the connection away.
                let _ = AnsiTransactionManager::rollback_transaction(server);
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use diesel::RunQueryDsl as _;

    use super::*;

    #[test]
    fn migrations_are_reversible() {
        connection::reversible::check(migrations);
    }

    #[test]
    fn opening_twice_finds_the_schema_in_place() {
        let dir = tempfile::tempdir().unwrap();
        let open = || Platform::open(Arc::new(DataDir::open(dir.path()).unwrap())).unwrap();
        drop(open());
        drop(open());
    }

    #[test]
    fn security_events_can_only_be_added() {
        let dir = tempfile::tempdir().unwrap();
        let platform = Platform::open(Arc::new(DataDir::open(dir.path()).unwrap())).unwrap();
        let row = security_events::SecurityEventRow {
            id: 0,
            at: crate::base::Micros::default(),
            kind: "signed_in".to_owned(),
            actor: None,
            subject: None,
            network: String::new(),
            detail: String::new(),
        };
        platform.write(|tx| security_events::append(tx, &row)).unwrap();
        for sql in ["UPDATE security_event SET kind = 'x'", "DELETE FROM security_event"] {
            let refused = platform.write(|tx| Ok::<_, StoreError>(diesel::sql_query(sql).execute(tx)?));
            assert!(refused.unwrap_err().to_string().contains("append-only"), "{sql}");
        }
        assert_eq!(platform.read(|tx| security_events::page(tx, None, 10)).unwrap().len(), 1);
    }
}

//! `platform.sqlite`: what the platform knows besides the ledgers. Accounts' secrets and sessions are the one part of
//! the product's state that no ledger can rebuild; the query tables can all be dropped.

pub mod accounts;
pub mod identity_keys;
pub mod review_cases;
mod schema;
pub mod security_events;
pub mod sessions;
pub mod throttle;
pub mod views;

use std::sync::Arc;
use std::time::Duration;

use diesel::SqliteConnection;
use diesel::r2d2::{ConnectionManager, Pool, PooledConnection};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use super::data_dir::Space;
use super::{DataDir, StoreError, connection};
use crate::base::limits::{DATABASE_CONNECTIONS_MAX, DATABASE_WAIT_MAX};

fn migrations() -> EmbeddedMigrations {
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite/platform");
    MIGRATIONS
}

/// A connection or a transaction on it, for rooms that do not name diesel.
pub type Tx = SqliteConnection;

/// The platform's database; cheap to clone, one pool behind all clones.
#[derive(Clone)]
pub struct Platform {
    pool: Pool<ConnectionManager<Tx>>,
    /// The directory stays locked for as long as anybody can write to it.
    dir: Arc<DataDir>,
}

impl Platform {
    /// Opens the database of `dir` and brings it to this version's schema.
    pub fn open(dir: Arc<DataDir>) -> Result<Self, StoreError> {
        let path = dir.platform_path();
        connection::migrate(&mut connection::open(&path)?, migrations())?;
        let manager = ConnectionManager::new(connection::create(&path)?);
        let pool = Pool::builder()
            .max_size(DATABASE_CONNECTIONS_MAX)
            .min_idle(Some(1))
            .connection_timeout(Duration::from_micros(DATABASE_WAIT_MAX.get()))
            .connection_customizer(Box::new(connection::Pragmas))
            .build(manager)?;
        Ok(Self { pool, dir: dir })
    }

    /// Runs `work` on one connection, each statement for itself.
    pub fn read<T, E>(&self, work: impl FnOnce(&mut Tx) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        work(&mut *self.connection()?)
    }

    /// Runs `work` in one transaction, which an error of `work` rolls back. It holds the write lock from its start: one
    /// that first reads and then writes would otherwise fail with `SQLITE_BUSY` at once, whatever the busy timeout.
    pub fn write<T, E>(&self, work: impl FnOnce(&mut Tx) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError> + From<diesel::result::Error>,
    {
        self.connection()?.immediate_transaction(work)
    }

    /// Of the disk that the data directory lies on.
    pub fn space(&self) -> Result<Space, StoreError> {
        self.dir.space()
    }

    fn connection(&self) -> Result<PooledConnection<ConnectionManager<Tx>>, StoreError> {
        Ok(self.pool.get()?)
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

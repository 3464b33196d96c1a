//! `platform.sqlite`: what the platform knows besides the ledgers. Accounts' secrets and sessions are the one part of
//! the product's state that no ledger can rebuild; the query tables can all be dropped.

use std::sync::Arc;
use std::time::Duration;

use diesel::SqliteConnection;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use super::{DataDir, StoreError, connection};
use crate::base::limits::{DATABASE_CONNECTIONS_MAX, DATABASE_WAIT_MAX};

fn migrations() -> EmbeddedMigrations {
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite/platform");
    MIGRATIONS
}

/// The platform's database; cheap to clone, one pool behind all clones.
#[derive(Clone)]
pub struct Platform {
    pool: Pool<ConnectionManager<SqliteConnection>>,
    /// The directory stays locked for as long as anybody can write to it.
    _dir: Arc<DataDir>,
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
        Ok(Self { pool, _dir: dir })
    }

    /// Runs `work` on one connection, each statement for itself.
    pub fn read<T>(&self, work: impl FnOnce(&mut SqliteConnection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        work(&mut *self.pool.get()?)
    }

    /// Runs `work` in one transaction that holds the write lock from its start: a transaction that first reads and then
    /// writes would otherwise fail with `SQLITE_BUSY` at once, whatever the busy timeout.
    pub fn write<T>(&self, work: impl FnOnce(&mut SqliteConnection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.pool.get()?.immediate_transaction(work)
    }
}

#[cfg(test)]
mod tests {
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
}

//! Connections that are shared by all threads of a node. Asking each connection whether it still lives before each use
//! would double what a read costs, so it is asked after a rest only; and once one has failed, all older ones are thrown
//! away unasked, since the database was restarted or has moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use diesel::PgConnection;
use diesel::r2d2::{ManageConnection, PooledConnection, R2D2Connection as _};

use super::super::StoreError;
use super::super::connection::AnyConnection;
use super::connect;
use crate::base::limits::DATABASE_WAIT_MAX;

/// After this long without use a connection is asked whether it lives.
const REST_MAX: Duration = Duration::from_secs(1);

pub struct Manager {
    url: String,
    generation: Arc<AtomicU64>,
}

/// A connection with what tells whether it can be trusted.
pub struct Lent {
    pub connection: AnyConnection,
    generation: u64,
    /// `None`: to be asked before the next use.
    used: Option<Instant>,
}

#[derive(Clone)]
pub struct Pool {
    pool: diesel::r2d2::Pool<Manager>,
    generation: Arc<AtomicU64>,
}

impl Manager {
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned(), generation: Arc::default() }
    }
}

pub fn open(manager: Manager, connections: u32) -> Result<Pool, StoreError> {
    let generation = Arc::clone(&manager.generation);
    let pool = diesel::r2d2::Pool::builder()
        .max_size(connections)
        .min_idle(Some(1))
        .connection_timeout(Duration::from_micros(DATABASE_WAIT_MAX.get()))
        .test_on_check_out(true)
        .build(manager)?;
    Ok(Pool { pool, generation })
}

impl ManageConnection for Manager {
    type Connection = Lent;
    type Error = StoreError;

    fn connect(&self) -> Result<Lent, StoreError> {
        let generation = self.generation.load(Ordering::Acquire);
        let connection = AnyConnection::Postgres(connect(&self.url)?);
        Ok(Lent { connection, generation, used: Some(Instant::now()) })
    }

    fn is_valid(&self, lent: &mut Lent) -> Result<(), StoreError> {
        if lent.generation != self.generation.load(Ordering::Acquire) {
            return Err(StoreError::Connect(diesel::ConnectionError::BadConnection("older than a failure".into())));
        }
        if lent.used.is_none_or(|used| used.elapsed() > REST_MAX) {
            lent.connection.ping()?;
        }
        lent.used = Some(Instant::now());
        Ok(())
    }

    fn has_broken(&self, lent: &mut Lent) -> bool {
        std::thread::panicking() || lent.connection.is_broken()
    }
}

impl Pool {
    pub fn get(&self) -> Result<PooledConnection<Manager>, StoreError> {
        Ok(self.pool.get()?)
    }

    /// A statement failed: unless the database itself refused it, no older connection is worth anything.
    pub fn failed(&self, error: &diesel::result::Error) {
        use diesel::result::DatabaseErrorKind::{
            CheckViolation, ForeignKeyViolation, NotNullViolation, UniqueViolation,
        };
        use diesel::result::Error::{DatabaseError, NotFound, RollbackTransaction};
        let refused = matches!(
            error,
            NotFound
                | RollbackTransaction
                | DatabaseError(UniqueViolation | CheckViolation | ForeignKeyViolation | NotNullViolation, _)
        );
        if !refused {
            self.generation.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Runs `work` on one connection. Whatever fails, the next to come asks whether its connection lives.
    pub fn with<T, E: From<StoreError>>(&self, work: impl FnOnce(&mut AnyConnection) -> Result<T, E>) -> Result<T, E> {
        let mut lent = self.get()?;
        let result = work(&mut lent.connection);
        if result.is_err() {
            lent.used = None;
        }
        result
    }

    /// Runs a read; once more on a fresh connection when the first one turns out to be dead.
    pub fn read<T>(&self, work: impl Fn(&mut PgConnection) -> diesel::QueryResult<T>) -> Result<T, StoreError> {
        let attempt = || -> Result<T, StoreError> {
            let mut lent = self.get()?;
            let AnyConnection::Postgres(connection) = &mut lent.connection else {
                return Err(StoreError::Corrupt("connection"));
            };
            work(connection).map_err(|error| {
                self.failed(&error);
                StoreError::Database(error)
            })
        };
        match attempt() {
            Err(StoreError::Database(error)) if error != diesel::result::Error::NotFound => attempt(),
            result => result,
        }
    }
}

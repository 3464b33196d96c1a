//! Lives here: everything that names diesel: the data directory and its lock, SQLite connections and migrations, the
//! ledgers' journals, and the platform's own tables (accounts, sessions, tickets, security events, query tables), and the seal of secrets at rest.
//! Must never know: trading rules, who may do what, HTTP.
//! Start reading at `data_dir`, then `connection`, then `journal` and `platform`.
//!
//! Two kinds of file, because they have two kinds of owner: `platform.sqlite` is shared by all request threads through a
//! pool; each `ledger/<name>.sqlite` belongs to the one writer of that ledger.

pub mod backup;
pub mod connection;
pub mod data_dir;
pub mod journal;
mod ledger_schema;
pub mod migrate;
pub mod mirror;
pub mod platform;
pub mod postgres;
pub mod reader;
pub mod sealing;
mod values;
mod wal;
pub mod witness;

use std::io;
use std::path::PathBuf;

pub use data_dir::DataDir;
pub use journal::SqliteJournal;
pub use mirror::SqliteShelf;
pub use platform::{Platform, Tx};
pub use postgres::{Postgres, PostgresJournal, PostgresLedger, PostgresReader};
pub use reader::SqliteReader;
pub use witness::WitnessBook;

use crate::base::Code;

/// What can go wrong between the product and its disk.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{path}: {source}", path = path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{path} is in use by another process: stop that one first, or choose another data directory", path = path.display())]
    InUse { path: PathBuf },
    #[error("{path} is damaged: its content is not what was written; take another backup", path = .0.display())]
    Damaged(PathBuf),
    #[error("{path} is no complete backup: it has no backup.json, which is written last", path = .0.display())]
    NoBackup(PathBuf),
    #[error("{0:?} cannot be the name of a ledger: use 1 to 64 of a-z, 0-9 and '-'")]
    LedgerName(String),
    #[error("cannot open the database {path}: {source}", path = path.display())]
    Open { path: PathBuf, source: diesel::ConnectionError },
    #[error("cannot connect to the database: {0}")]
    Connect(diesel::ConnectionError),
    #[error("the database server runs with {0} off and loses what it acknowledges: switch it on")]
    NotDurable(&'static str),
    #[error("cannot bring the database to this version's schema: {0}")]
    Migration(String),
    #[error("every database connection is busy: {0}")]
    Pool(#[from] diesel::r2d2::PoolError),
    #[error("database: {0}")]
    Database(#[from] diesel::result::Error),
    #[error("the database holds a value that this version cannot read: {0}")]
    Corrupt(&'static str),
}

impl StoreError {
    /// Whether a unique index refused a row: the thing exists already.
    pub fn is_duplicate(&self) -> bool {
        use diesel::result::{DatabaseErrorKind::UniqueViolation, Error::DatabaseError};
        matches!(self, Self::Database(DatabaseError(UniqueViolation, _)))
    }
}

/// The person at the other end learns only that it was our fault; the reason is logged here, once.
impl From<StoreError> for Code {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "store");
        if matches!(error, StoreError::Pool(_)) { Self::Busy } else { Self::Internal }
    }
}

/// What fails in the transaction itself rather than in a statement of it.
impl From<diesel::result::Error> for Code {
    fn from(error: diesel::result::Error) -> Self {
        StoreError::from(error).into()
    }
}

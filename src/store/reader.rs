//! Concurrent reads of one ledger's SQLite file. In WAL mode a reader sees the last commit and holds nobody up.
//!
//! Look-ups by a whole key use `get_result`, not `first`: SQLite compiles a statement with a bound `LIMIT` anew each time.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool, PooledConnection};

use super::connection::{self, Pragmas};
use super::ledger_schema::{checkpoint, entry, outcome, tile};
use super::{StoreError, data_dir};
use crate::base::limits::{DATABASE_CONNECTIONS_MAX, DATABASE_WAIT_MAX};
use crate::base::{Hash, Micros};
use crate::sequencer::{LedgerReader, ReadError, StoredEntry, StoredOutcome, StoredPayload};

/// Anybody's side of a ledger file; it also serves those who only read, without a writer anywhere.
pub struct SqliteReader {
    pool: Pool<ConnectionManager<SqliteConnection>>,
}

type Connection = PooledConnection<ConnectionManager<SqliteConnection>>;

impl SqliteReader {
    /// Opens an existing ledger file.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        std::fs::metadata(path).map_err(|error| data_dir::io_error(path, error))?;
        let manager = ConnectionManager::new(connection::create(path)?);
        let pool = Pool::builder()
            .max_size(DATABASE_CONNECTIONS_MAX)
            .min_idle(Some(1))
            .connection_timeout(Duration::from_micros(DATABASE_WAIT_MAX.get()))
            // A file on this machine does not go away; asking it each time would cost as much as the reads themselves.
            .test_on_check_out(false)
            .connection_customizer(Box::new(Pragmas))
            .build(manager)?;
        Ok(Self { pool })
    }

    fn connection(&self) -> Result<Connection, ReadError> {
        self.pool.get().map_err(unreadable)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn unreadable(error: impl ToString) -> ReadError {
    ReadError(error.to_string())
}

fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn count(value: i64) -> Result<u64, ReadError> {
    u64::try_from(value).map_err(unreadable)
}

type EntryRow = (i64, Vec<u8>, Option<Vec<u8>>);

impl LedgerReader for SqliteReader {
    fn size(&self) -> Result<u64, ReadError> {
        let last: Option<i64> =
            entry::table.select(diesel::dsl::max(entry::seq)).first(&mut self.connection()?).map_err(unreadable)?;
        last.map_or(Ok(0), |last| count(last).map(|last| last + 1))
    }

    fn entries(&self, from: u64, limit: usize) -> Result<Vec<StoredEntry>, ReadError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: Vec<EntryRow> = entry::table
            .filter(entry::seq.ge(int(from)))
            .order(entry::seq)
            .limit(limit)
            .load(&mut self.connection()?)
            .map_err(unreadable)?;
        rows.into_iter()
            .map(|(seq, leaf, payload)| {
                Ok(StoredEntry { seq: count(seq)?, leaf: leaf.into(), payload: payload.map(Bytes::from) })
            })
            .collect()
    }

    fn leaf(&self, seq: u64) -> Result<Option<Bytes>, ReadError> {
        let leaf: Option<Vec<u8>> = entry::table
            .filter(entry::seq.eq(int(seq)))
            .select(entry::leaf)
            .get_result(&mut self.connection()?)
            .optional()
            .map_err(unreadable)?;
        Ok(leaf.map(Bytes::from))
    }

    fn payload(&self, seq: u64) -> Result<StoredPayload, ReadError> {
        let payload: Option<Option<Vec<u8>>> = entry::table
            .filter(entry::seq.eq(int(seq)))
            .select(entry::payload)
            .get_result(&mut self.connection()?)
            .optional()
            .map_err(unreadable)?;
        Ok(match payload {
            Some(Some(bytes)) => StoredPayload::Present(bytes.into()),
            Some(None) => StoredPayload::Erased,
            None => StoredPayload::Missing,
        })
    }

    fn tile(&self, level: u8, index: u64) -> Result<Option<Bytes>, ReadError> {
        let bytes: Option<Vec<u8>> = tile::table
            .filter(tile::level.eq(i64::from(level)))
            .filter(tile::idx.eq(int(index)))
            .select(tile::bytes)
            .get_result(&mut self.connection()?)
            .optional()
            .map_err(unreadable)?;
        Ok(bytes.map(Bytes::from))
    }

    /// One prepared statement a key: here a question costs no way through a network.
    fn outcomes(&self, keys: &[Hash]) -> Result<Vec<Option<StoredOutcome>>, ReadError> {
        let mut connection = self.connection()?;
        let mut outcome = |key: &Hash| {
            let row: Option<(Hash, i64, i64, Micros, Option<String>)> = outcome::table
                .filter(outcome::key.eq(&key.0[..]))
                .select((outcome::body, outcome::first, outcome::count, outcome::at, outcome::rule))
                .get_result(&mut connection)
                .optional()
                .map_err(unreadable)?;
            let Some((body, first, number, at, rule)) = row else { return Ok(None) };
            let rule = rule.map(|rule| rule.parse()).transpose().map_err(unreadable)?;
            Ok(Some(StoredOutcome { body, first: count(first)?, count: count(number)?, at, rule }))
        };
        keys.iter().map(&mut outcome).collect()
    }

    fn checkpoint_from(&self, size: u64) -> Result<Option<(u64, String, Micros)>, ReadError> {
        let row: Option<(i64, String, Micros)> = checkpoint::table
            .filter(checkpoint::size.ge(int(size)))
            .order(checkpoint::size)
            .first(&mut self.connection()?)
            .optional()
            .map_err(unreadable)?;
        row.map(|(size, note, at)| Ok((count(size)?, note, at))).transpose()
    }
}

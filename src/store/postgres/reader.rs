//! Concurrent reads of one ledger's rows.

use std::collections::HashMap;

use bytes::Bytes;
use diesel::prelude::*;

use super::schema::{checkpoint, entry, outcome, tile};
use super::{Pool, int};
use crate::base::{Hash, Micros};
use crate::sequencer::{LedgerReader, ReadError, StoredEntry, StoredOutcome, StoredPayload};

/// Anybody's side of a ledger.
pub struct PostgresReader {
    pool: Pool,
    ledger: String,
}

impl PostgresReader {
    pub(super) fn new(pool: Pool, ledger: &str) -> Self {
        Self { pool, ledger: ledger.to_owned() }
    }

    pub(super) fn ledger(&self) -> &str {
        &self.ledger
    }

    fn read<T>(&self, work: impl Fn(&mut PgConnection) -> QueryResult<T>) -> Result<T, ReadError> {
        self.pool.read(work).map_err(unreadable)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn unreadable(error: impl ToString) -> ReadError {
    ReadError(error.to_string())
}

fn count(value: i64) -> Result<u64, ReadError> {
    u64::try_from(value).map_err(unreadable)
}

type EntryRow = (i64, Vec<u8>, Option<Vec<u8>>);
type OutcomeRow = (Hash, (Hash, i64, i64, Micros, Option<String>));

impl LedgerReader for PostgresReader {
    fn size(&self) -> Result<u64, ReadError> {
        let last = entry::table.filter(entry::ledger.eq(&self.ledger)).select(diesel::dsl::max(entry::seq));
        let last: Option<i64> = self.read(|connection| last.get_result(connection))?;
        last.map_or(Ok(0), |last| count(last).map(|last| last + 1))
    }

    fn entries(&self, from: u64, limit: usize) -> Result<Vec<StoredEntry>, ReadError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: Vec<EntryRow> = self.read(|connection| {
            entry::table
                .filter(entry::ledger.eq(&self.ledger).and(entry::seq.ge(int(from))))
                .order(entry::seq)
                .limit(limit)
                .select((entry::seq, entry::leaf, entry::payload))
                .load(connection)
        })?;
        rows.into_iter()
            .map(|(seq, leaf, payload)| {
                Ok(StoredEntry { seq: count(seq)?, leaf: leaf.into(), payload: payload.map(Bytes::from) })
            })
            .collect()
    }

    fn leaf(&self, seq: u64) -> Result<Option<Bytes>, ReadError> {
        let leaf = entry::table.find((&self.ledger, int(seq))).select(entry::leaf);
        let leaf: Option<Vec<u8>> = self.read(|connection| leaf.get_result(connection).optional())?;
        Ok(leaf.map(Bytes::from))
    }

    fn payload(&self, seq: u64) -> Result<StoredPayload, ReadError> {
        let payload = entry::table.find((&self.ledger, int(seq))).select(entry::payload);
        let payload: Option<Option<Vec<u8>>> = self.read(|connection| payload.get_result(connection).optional())?;
        Ok(match payload {
            Some(Some(bytes)) => StoredPayload::Present(bytes.into()),
            Some(None) => StoredPayload::Erased,
            None => StoredPayload::Missing,
        })
    }

    fn tile(&self, level: u8, index: u64) -> Result<Option<Bytes>, ReadError> {
        let bytes = tile::table.find((&self.ledger, i64::from(level), int(index))).select(tile::bytes);
        let bytes: Option<Vec<u8>> = self.read(|connection| bytes.get_result(connection).optional())?;
        Ok(bytes.map(Bytes::from))
    }

    fn outcomes(&self, keys: &[Hash]) -> Result<Vec<Option<StoredOutcome>>, ReadError> {
        let wanted: Vec<&[u8]> = keys.iter().map(|key| &key.0[..]).collect();
        let rows: Vec<OutcomeRow> = self.read(|connection| {
            outcome::table
                .filter(outcome::ledger.eq(&self.ledger).and(outcome::key.eq_any(&wanted)))
                .select((outcome::key, (outcome::body, outcome::first, outcome::count, outcome::at, outcome::rule)))
                .load(connection)
        })?;
        let mut found = HashMap::with_capacity(rows.len());
        for (key, (body, first, number, at, rule)) in rows {
            let rule = rule.map(|rule| rule.parse()).transpose().map_err(unreadable)?;
            found.insert(key, StoredOutcome { body, first: count(first)?, count: count(number)?, at, rule });
        }
        Ok(keys.iter().map(|key| found.get(key).copied()).collect())
    }

    fn checkpoint_from(&self, size: u64) -> Result<Option<(u64, String, Micros)>, ReadError> {
        let row: Option<(i64, String, Micros)> = self.read(|connection| {
            checkpoint::table
                .filter(checkpoint::ledger.eq(&self.ledger).and(checkpoint::size.ge(int(size))))
                .order(checkpoint::size)
                .select((checkpoint::size, checkpoint::note, checkpoint::at))
                .first(connection)
                .optional()
        })?;
        row.map(|(size, note, at)| Ok((count(size)?, note, at))).transpose()
    }
}

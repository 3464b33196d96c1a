//! Concurrent reads of one ledger's rows.

use std::collections::HashMap;

use bytes::Bytes;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text};

use super::schema::{checkpoint, entry, tile};
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

#[derive(QueryableByName)]
struct OutcomeRow {
    #[diesel(sql_type = Binary)]
    key: Vec<u8>,
    #[diesel(sql_type = Binary)]
    body: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    first: i64,
    #[diesel(sql_type = BigInt)]
    count: i64,
    #[diesel(sql_type = BigInt)]
    at: i64,
    #[diesel(sql_type = Nullable<Text>)]
    rule: Option<String>,
}

impl OutcomeRow {
    fn restored(self) -> Result<(Hash, StoredOutcome), ReadError> {
        let hash = |bytes: Vec<u8>| bytes.try_into().map(Hash).map_err(|_| unreadable("an outcome's hash"));
        let outcome = StoredOutcome {
            body: hash(self.body)?,
            first: count(self.first)?,
            count: count(self.count)?,
            at: Micros::new(self.at).ok_or_else(|| unreadable("an outcome's time"))?,
            rule: self.rule.map(|rule| rule.parse()).transpose().map_err(unreadable)?,
        };
        Ok((hash(self.key)?, outcome))
    }
}

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
        // One descent of the index a key. `key = ANY($2)` was planned, as long as the table had no statistics, as a walk over all
        // of the ledger's keys, and each bid paid for all before it; OFFSET 0 keeps the planner from making that of a join.
        let rows: Vec<OutcomeRow> = self.read(|connection| {
            diesel::sql_query(
                "SELECT found.* FROM unnest($2) AS wanted (key) CROSS JOIN LATERAL (
                     SELECT key, body, first, count, at, rule FROM outcome
                     WHERE ledger = $1 AND outcome.key = wanted.key OFFSET 0) AS found",
            )
            .bind::<Text, _>(&self.ledger)
            .bind::<Array<Binary>, _>(&wanted)
            .load(connection)
        })?;
        let found: HashMap<Hash, StoredOutcome> =
            rows.into_iter().map(OutcomeRow::restored).collect::<Result<_, _>>()?;
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

//! The journal of one ledger for the node that holds its lease.

use std::sync::Arc;

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{BigInt, Text};

use super::schema::{alive, head, ledger_append, snapshot};
use super::{Postgres, PostgresReader, int};
use crate::base::{Code, Hash, Micros};
use crate::sequencer::{Batch, Head, Journal, JournalError, LedgerReader, Loaded, StoredSnapshot};
use crate::store::StoreError;

/// Writes under one epoch; when another node has taken the lease, nothing that it writes comes through.
pub struct PostgresJournal {
    connection: PgConnection,
    reader: Arc<PostgresReader>,
    ledger: String,
    epoch: i64,
}

impl PostgresJournal {
    pub(super) fn open(postgres: &Postgres, reader: Arc<PostgresReader>, epoch: u64) -> Result<Self, StoreError> {
        let ledger = reader.ledger().to_owned();
        Ok(Self { connection: postgres.connect()?, reader, ledger, epoch: int(epoch) })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn not_written<E: ToString>(error: E) -> JournalError {
    JournalError::NotWritten(error.to_string())
}

/// A commit is one statement: when the server says that it refused it, nothing was written. When the connection failed,
/// or the server said anything else, only a fresh look tells.
fn failed(error: Error) -> JournalError {
    use DatabaseErrorKind::{CheckViolation, NotNullViolation, ReadOnlyTransaction, SerializationFailure};
    match error {
        // An entry or an answer of that key stands there already: somebody else wrote it.
        Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => JournalError::Conflict,
        Error::DatabaseError(CheckViolation | NotNullViolation | ReadOnlyTransaction | SerializationFailure, _)
        | Error::SerializationError(_)
        | Error::QueryBuilderError(_) => not_written(error),
        error => JournalError::Unknown(error.to_string()),
    }
}

fn count(value: i64) -> Result<u64, JournalError> {
    u64::try_from(value).map_err(not_written)
}

impl Journal for PostgresJournal {
    fn load(&mut self) -> Result<Option<Loaded>, JournalError> {
        let connection = &mut self.connection;
        let (size, root, time, leaf): (i64, Hash, Micros, Hash) = head::table
            .find(&self.ledger)
            .select((head::size, head::root, head::time, head::leaf))
            .get_result(connection)
            .map_err(not_written)?;
        let head = Head { size: count(size)?, root, time, leaf };
        if head.size == 0 {
            return Ok(None);
        }
        let newest: Option<(i64, Vec<u8>)> = snapshot::table
            .filter(snapshot::ledger.eq(&self.ledger))
            .order(snapshot::size.desc())
            .select((snapshot::size, snapshot::bytes))
            .first(connection)
            .optional()
            .map_err(not_written)?;
        let snapshot = match newest {
            Some((size, bytes)) => Some(StoredSnapshot { size: count(size)?, bytes }),
            None => None,
        };
        let alive =
            alive::table.find(&self.ledger).select(alive::at).get_result(connection).optional().map_err(not_written)?;
        Ok(Some(Loaded { head, snapshot, alive }))
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), JournalError> {
        let Batch { before, entries, tiles, outcomes, head } = batch;
        let append = ledger_append(
            &self.ledger,
            self.epoch,
            int(*before),
            entries.iter().map(|entry| &*entry.leaf).collect::<Vec<&[u8]>>(),
            entries.iter().map(|entry| &*entry.payload).collect::<Vec<&[u8]>>(),
            tiles.iter().map(|tile| i64::from(tile.level)).collect::<Vec<i64>>(),
            tiles.iter().map(|tile| int(tile.index)).collect::<Vec<i64>>(),
            tiles.iter().map(|tile| &*tile.bytes).collect::<Vec<&[u8]>>(),
            outcomes.iter().map(|(key, _)| &key.0[..]).collect::<Vec<&[u8]>>(),
            outcomes.iter().map(|(_, outcome)| &outcome.body.0[..]).collect::<Vec<&[u8]>>(),
            outcomes.iter().map(|(_, outcome)| int(outcome.first)).collect::<Vec<i64>>(),
            outcomes.iter().map(|(_, outcome)| int(outcome.count)).collect::<Vec<i64>>(),
            outcomes.iter().map(|(_, outcome)| outcome.at.get()).collect::<Vec<i64>>(),
            outcomes.iter().map(|(_, outcome)| outcome.rule.map(Code::name)).collect::<Vec<Option<&str>>>(),
            &head.root.0[..],
            head.time.get(),
            &head.leaf.0[..],
        );
        let written = diesel::select(append).get_result(&mut self.connection).map_err(failed)?;
        if written { Ok(()) } else { Err(JournalError::Conflict) }
    }

    fn save_snapshot(&mut self, new: &StoredSnapshot) -> Result<(), JournalError> {
        let older = snapshot::ledger.eq(&self.ledger).and(snapshot::size.lt(int(new.size)));
        let row = (snapshot::ledger.eq(&self.ledger), snapshot::size.eq(int(new.size)), snapshot::bytes.eq(&new.bytes));
        // What stays behind when the second statement fails is one snapshot more.
        diesel::insert_into(snapshot::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(&mut self.connection)
            .map_err(not_written)?;
        diesel::delete(snapshot::table.filter(older)).execute(&mut self.connection).map(drop).map_err(not_written)
    }

    /// Says nothing once the lease is another's: that one is alive, this one was not.
    fn mark_alive(&mut self, at: Micros) -> Result<(), JournalError> {
        diesel::sql_query(
            "INSERT INTO alive SELECT ledger, $3 FROM head WHERE ledger = $1 AND epoch = $2
             ON CONFLICT (ledger) DO UPDATE SET at = greatest(alive.at, excluded.at)",
        )
        .bind::<Text, _>(&self.ledger)
        .bind::<BigInt, _>(self.epoch)
        .bind::<BigInt, _>(at.get())
        .execute(&mut self.connection)
        .map(drop)
        .map_err(not_written)
    }

    fn save_checkpoint(&mut self, size: u64, note: &str, at: Micros) -> Result<(), JournalError> {
        diesel::sql_query(
            "INSERT INTO checkpoint (ledger, size, note, at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (ledger, size) DO UPDATE SET note = excluded.note, at = excluded.at
             WHERE length(excluded.note) > length(checkpoint.note)",
        )
        .bind::<Text, _>(&self.ledger)
        .bind::<BigInt, _>(int(size))
        .bind::<Text, _>(note)
        .bind::<BigInt, _>(at.get())
        .execute(&mut self.connection)
        .map(drop)
        .map_err(not_written)
    }

    fn reader(&self) -> Arc<dyn LedgerReader> {
        Arc::<PostgresReader>::clone(&self.reader)
    }
}

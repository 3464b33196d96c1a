//! The journal of one ledger in its own SQLite file. Typed inserts of single rows, so that each statement is prepared once
//! and stays cached.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use super::ledger_schema::{alive, entry, head, outcome, snapshot, tile};
use super::reader::SqliteReader;
use super::wal::Checkpointer;
use super::{StoreError, connection};
use crate::base::{Code, Hash, Micros};
use crate::ledger::tile::FullTile;
use crate::sequencer::{
    Batch, CommittedEntry, Head, Journal, JournalError, LedgerReader, Loaded, StoredOutcome, StoredSnapshot,
};

fn migrations() -> EmbeddedMigrations {
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite/ledger");
    MIGRATIONS
}

/// The only row of `head` and of `alive`.
const ONLY: i64 = 0;

/// The one writer's side of a ledger file.
pub struct SqliteJournal {
    connection: SqliteConnection,
    reader: Arc<SqliteReader>,
    checkpointer: Checkpointer,
    path: PathBuf,
}

impl SqliteJournal {
    /// Opens (and where missing creates) the ledger's file and brings it to this version's schema.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = connection::open(path)?;
        connection::migrate(&mut connection, migrations())?;
        connection.batch_execute(&Checkpointer::pragma())?;
        let reader = Arc::new(SqliteReader::open(path)?);
        let checkpointer = Checkpointer::start(path)?;
        Ok(Self { connection, reader, checkpointer, path: path.to_owned() })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Why a transaction's own work ended it.
pub(super) enum Abort {
    Conflict,
    Database(diesel::result::Error),
}

impl From<diesel::result::Error> for Abort {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
pub(super) fn not_written<E: ToString>(error: E) -> JournalError {
    JournalError::NotWritten(error.to_string())
}

/// SQLite counts in i64; a size beyond it cannot be reached.
pub(super) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn count(value: i64) -> Result<u64, JournalError> {
    u64::try_from(value).map_err(not_written)
}

impl Journal for SqliteJournal {
    fn load(&mut self) -> Result<Option<Loaded>, JournalError> {
        let connection = &mut self.connection;
        let (size, root, time, leaf): (i64, Hash, Micros, Hash) = head::table
            .select((head::size, head::root, head::time, head::leaf))
            .first(connection)
            .map_err(not_written)?;
        let head = Head { size: count(size)?, root, time, leaf };
        if head.size == 0 {
            return Ok(None);
        }
        let newest: Option<(i64, Vec<u8>)> =
            snapshot::table.order(snapshot::size.desc()).first(connection).optional().map_err(not_written)?;
        let snapshot = match newest {
            Some((size, bytes)) => Some(StoredSnapshot { size: count(size)?, bytes }),
            None => None,
        };
        let alive = alive::table.select(alive::at).first(connection).optional().map_err(not_written)?;
        Ok(Some(Loaded { head, snapshot, alive }))
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), JournalError> {
        let mut written = false;
        let done = self.connection.immediate_transaction(|connection| {
            write(connection, batch)?;
            written = true;
            Ok(())
        });
        match done {
            Ok(()) => {
                self.checkpointer.wrote(batch.entries.iter().map(|e| e.leaf.len() + e.payload.len()).sum());
                Ok(())
            }
            Err(Abort::Conflict) => Err(JournalError::Conflict),
            // All statements had succeeded, so it was COMMIT that failed: what is on disk then, only a fresh look tells.
            Err(Abort::Database(error)) if written => Err(JournalError::Unknown(error.to_string())),
            Err(Abort::Database(error)) => Err(not_written(error)),
        }
    }

    fn save_snapshot(&mut self, new: &StoredSnapshot) -> Result<(), JournalError> {
        let row = (snapshot::size.eq(int(new.size)), snapshot::bytes.eq(&new.bytes));
        self.connection
            .immediate_transaction(|connection| {
                diesel::delete(snapshot::table).execute(connection)?;
                diesel::insert_into(snapshot::table).values(row).execute(connection)
            })
            .map(drop)
            .map_err(not_written::<diesel::result::Error>)
    }

    fn mark_alive(&mut self, at: Micros) -> Result<(), JournalError> {
        let row = (alive::only.eq(ONLY), alive::at.eq(at.get()));
        diesel::replace_into(alive::table).values(row).execute(&mut self.connection).map(drop).map_err(not_written)
    }

    fn save_checkpoint(&mut self, size: u64, note: &str, at: Micros) -> Result<(), JournalError> {
        write_checkpoint(&mut self.connection, size, note, at)
    }

    fn reader(&self) -> Arc<dyn LedgerReader> {
        Arc::<SqliteReader>::clone(&self.reader)
    }
}

fn write(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), Abort> {
    for CommittedEntry { seq, leaf, payload, .. } in &batch.entries {
        let row = (entry::seq.eq(int(*seq)), entry::leaf.eq(&**leaf), entry::payload.eq(&**payload));
        diesel::insert_into(entry::table).values(row).execute(connection).map_err(taken)?;
    }
    write_tiles(connection, &batch.tiles)?;
    for (key, StoredOutcome { body, first, count, at, rule }) in &batch.outcomes {
        let row = (
            outcome::key.eq(&key.0[..]),
            outcome::body.eq(&body.0[..]),
            outcome::first.eq(int(*first)),
            outcome::count.eq(int(*count)),
            outcome::at.eq(at.get()),
            outcome::rule.eq(rule.map(Code::name)),
        );
        diesel::insert_into(outcome::table).values(row).execute(connection)?;
    }
    move_head(connection, batch.before, batch.head)
}

pub(super) fn write_tiles(connection: &mut SqliteConnection, tiles: &[FullTile]) -> Result<(), Abort> {
    for full in tiles {
        let row = (tile::level.eq(i64::from(full.level)), tile::idx.eq(int(full.index)), tile::bytes.eq(&full.bytes));
        diesel::insert_into(tile::table).values(row).execute(connection)?;
    }
    Ok(())
}

/// Of two notes of one size the longer stays.
pub(super) fn write_checkpoint(
    connection: &mut SqliteConnection,
    size: u64,
    note: &str,
    at: Micros,
) -> Result<(), JournalError> {
    // An update, not a replacement: the table's trigger looks at what changes.
    diesel::sql_query(
        "INSERT INTO checkpoint (size, note, at) VALUES (?, ?, ?)
         ON CONFLICT (size) DO UPDATE SET note = excluded.note, at = excluded.at
         WHERE length(excluded.note) > length(checkpoint.note)",
    )
    .bind::<BigInt, _>(int(size))
    .bind::<Text, _>(note)
    .bind::<BigInt, _>(at.get())
    .execute(connection)
    .map(drop)
    .map_err(not_written)
}

/// An entry of that number stands there already: somebody else wrote it.
fn taken(error: diesel::result::Error) -> Abort {
    use diesel::result::{DatabaseErrorKind::UniqueViolation, Error::DatabaseError};
    if matches!(error, DatabaseError(UniqueViolation, _)) { Abort::Conflict } else { Abort::Database(error) }
}

/// Compare-and-swap: only from the very size on which the batch was decided.
pub(super) fn move_head(connection: &mut SqliteConnection, before: u64, to: Head) -> Result<(), Abort> {
    let Head { size, root, time, leaf } = to;
    let moved = diesel::update(head::table.filter(head::size.eq(int(before))))
        .set((
            head::size.eq(int(size)),
            head::root.eq(&root.0[..]),
            head::time.eq(time.get()),
            head::leaf.eq(&leaf.0[..]),
        ))
        .execute(connection)?;
    if moved == 1 { Ok(()) } else { Err(Abort::Conflict) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_go_both_ways() {
        connection::reversible::check(migrations);
    }
}

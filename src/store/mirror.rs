//! A mirror's copy of a ledger: the tables of a ledger's file, and beside them which payloads are not public. So whatever
//! reads a ledger reads a mirror too.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use super::journal::{Abort, SqliteJournal, int, move_head, not_written, write_checkpoint, write_tiles};
use super::ledger_schema::entry;
use super::reader::SqliteReader;
use super::{StoreError, connection};
use crate::base::Micros;
use crate::ledger::tile::FullTile;
use crate::mirror::{Copied, Shelf, Standing, Text};
use crate::sequencer::{Head, JournalError, LedgerReader, ReadError};

fn migrations() -> EmbeddedMigrations {
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite/mirror");
    MIGRATIONS
}

diesel::table! {
    standing (seq) {
        seq -> BigInt,
        kind -> BigInt,
    }
}

diesel::table! {
    sqlite_master (name) {
        name -> Text,
    }
}

const PRIVATE: i64 = 1;
const WITHHELD: i64 = 2;

/// One connection that writes; whoever only reads has the reader's.
pub struct SqliteShelf {
    connection: Mutex<SqliteConnection>,
    reader: Arc<SqliteReader>,
}

impl SqliteShelf {
    /// Opens (and where missing creates) the file and brings it to this version's schema.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        // A ledger's own tables first.
        drop(SqliteJournal::open(path)?);
        let mut connection = connection::open(path)?;
        connection::migrate(&mut connection, migrations())?;
        Ok(Self { connection: Mutex::new(connection), reader: Arc::new(SqliteReader::open(path)?) })
    }

    fn lock(&self) -> MutexGuard<'_, SqliteConnection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Payloads that a mirror was not shown; none in a ledger's own file.
pub fn withheld(path: &Path) -> Result<Vec<u64>, StoreError> {
    let mut connection = connection::open(path)?;
    let tables: i64 =
        sqlite_master::table.filter(sqlite_master::name.eq("standing")).count().get_result(&mut connection)?;
    if tables == 0 {
        return Ok(Vec::new());
    }
    let rows: Vec<i64> =
        standing::table.filter(standing::kind.eq(WITHHELD)).select(standing::seq).load(&mut connection)?;
    rows.into_iter().map(|seq| u64::try_from(seq).map_err(|_| StoreError::Corrupt("standing"))).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn unreadable(error: impl ToString) -> ReadError {
    ReadError(error.to_string())
}

/// What stands in `entry` and in `standing` for a payload.
fn stored(text: &Text) -> (Option<&[u8]>, Option<i64>) {
    match text {
        Text::Public(bytes) => (Some(bytes), None),
        Text::Private(bytes) => (Some(bytes), Some(PRIVATE)),
        Text::Withheld => (None, Some(WITHHELD)),
        Text::Erased => (None, None),
    }
}

fn kind_of(kind: i64) -> Standing {
    if kind == PRIVATE { Standing::Private } else { Standing::Withheld }
}

impl Shelf for SqliteShelf {
    fn reader(&self) -> Arc<dyn LedgerReader> {
        Arc::<SqliteReader>::clone(&self.reader) as _
    }

    fn append(&self, before: u64, entries: &[Copied], tiles: &[FullTile], head: Head) -> Result<(), JournalError> {
        let done = self.lock().immediate_transaction(|connection| {
            for Copied { seq, leaf, payload } in entries {
                let (bytes, kind) = stored(payload);
                let row = (entry::seq.eq(int(*seq)), entry::leaf.eq(&**leaf), entry::payload.eq(bytes));
                diesel::insert_into(entry::table).values(row).execute(connection)?;
                if let Some(kind) = kind {
                    let row = (standing::seq.eq(int(*seq)), standing::kind.eq(kind));
                    diesel::insert_into(standing::table).values(row).execute(connection)?;
                }
            }
            write_tiles(connection, tiles)?;
            move_head(connection, before, head)
        });
        done.map_err(|abort| match abort {
            Abort::Conflict => JournalError::Conflict,
            Abort::Database(error) => not_written(error),
        })
    }

    fn keep(&self, size: u64, note: &str, at: Micros) -> Result<(), JournalError> {
        write_checkpoint(&mut self.lock(), size, note, at)
    }

    fn standing(&self, seq: u64) -> Result<Standing, ReadError> {
        let kind: Option<i64> = standing::table
            .filter(standing::seq.eq(int(seq)))
            .select(standing::kind)
            .get_result(&mut *self.lock())
            .optional()
            .map_err(unreadable)?;
        Ok(kind.map_or(Standing::Open, kind_of))
    }

    fn not_public(&self, from: u64, limit: usize) -> Result<Vec<(u64, Standing)>, ReadError> {
        let rows: Vec<(i64, i64)> = standing::table
            .filter(standing::seq.ge(int(from)))
            .order(standing::seq)
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .load(&mut *self.lock())
            .map_err(unreadable)?;
        rows.into_iter().map(|(seq, kind)| Ok((seq.try_into().map_err(unreadable)?, kind_of(kind)))).collect()
    }

    fn settle(&self, seq: u64, text: &Text) -> Result<(), JournalError> {
        let (bytes, kind) = stored(text);
        let place = entry::table.filter(entry::seq.eq(int(seq)));
        self.lock()
            .immediate_transaction(|connection| {
                diesel::update(place).set(entry::payload.eq(bytes)).execute(connection)?;
                diesel::delete(standing::table.filter(standing::seq.eq(int(seq)))).execute(connection)?;
                if let Some(kind) = kind {
                    let row = (standing::seq.eq(int(seq)), standing::kind.eq(kind));
                    diesel::insert_into(standing::table).values(row).execute(connection)?;
                }
                Ok(())
            })
            .map_err(|error: diesel::result::Error| not_written(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_go_both_ways() {
        connection::reversible::check(migrations);
    }
}

//! A witness's book in its own SQLite file.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use super::{StoreError, connection};
use crate::base::limits::WITNESS_ALARMS_MAX;
use crate::base::{Hash, Micros};
use crate::witness::{Alarm, AlarmKind, Book, BookError, Seen};

fn migrations() -> EmbeddedMigrations {
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite/witness");
    MIGRATIONS
}

diesel::table! {
    seen (origin) {
        origin -> Text,
        size -> BigInt,
        root -> Binary,
        note -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    alarm (id) {
        id -> BigInt,
        origin -> Text,
        kind -> Text,
        began -> BigInt,
        ended -> Nullable<BigInt>,
        ours -> Text,
        theirs -> Text,
    }
}

/// One connection: SQLite has one writer at a time anyway, and a read takes microseconds.
pub struct WitnessBook {
    connection: Mutex<SqliteConnection>,
}

impl WitnessBook {
    /// Opens (and where missing creates) the file and brings it to this version's schema.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = connection::open(path)?;
        connection::migrate(&mut connection, migrations())?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    fn lock(&self) -> MutexGuard<'_, SqliteConnection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn unusable(error: impl ToString) -> BookError {
    BookError(error.to_string())
}

/// SQLite counts in i64; a log of more entries cannot be cosigned.
fn int(value: u64) -> Result<i64, BookError> {
    i64::try_from(value).map_err(unusable)
}

type SeenRow = (i64, Hash, String, Micros);
type AlarmRow = (String, Micros, Option<Micros>, String, String);

impl Book for WitnessBook {
    fn seen(&self, origin: &str) -> Result<Option<Seen>, BookError> {
        let row: Option<SeenRow> = seen::table
            .filter(seen::origin.eq(origin))
            .select((seen::size, seen::root, seen::note, seen::at))
            .get_result(&mut *self.lock())
            .optional()
            .map_err(unusable)?;
        row.map(|(size, root, note, at)| Ok(Seen { size: size.try_into().map_err(unusable)?, root, note, at }))
            .transpose()
    }

    fn replace(&self, origin: &str, before: Option<(u64, Hash)>, new: &Seen) -> Result<bool, BookError> {
        let (size, root) = (int(new.size)?, &new.root.0[..]);
        let row = (seen::size.eq(size), seen::root.eq(root), seen::note.eq(&new.note), seen::at.eq(new.at.get()));
        // One statement is one transaction, and `synchronous=FULL` has it on disk when it returns.
        let changed = match before {
            None => diesel::insert_or_ignore_into(seen::table)
                .values((seen::origin.eq(origin), row.0, row.1, row.2, row.3))
                .execute(&mut *self.lock()),
            Some((size, root)) => {
                let place = seen::table.filter(seen::origin.eq(origin));
                let same = place.filter(seen::size.eq(int(size)?)).filter(seen::root.eq(root.0.to_vec()));
                diesel::update(same).set(row).execute(&mut *self.lock())
            }
        };
        changed.map(|rows| rows == 1).map_err(unusable)
    }

    fn raise(&self, new: &Alarm) -> Result<(), BookError> {
        self.lock()
            .immediate_transaction(|connection| {
                let of_log = alarm::table.filter(alarm::origin.eq(&new.origin));
                let of_kind = of_log.filter(alarm::kind.eq(new.kind.name())).filter(alarm::ended.is_null());
                let known: i64 = if new.kind == AlarmKind::Fork {
                    of_kind.filter(alarm::theirs.eq(&new.theirs)).count().get_result(connection)?
                } else {
                    of_kind.count().get_result(connection)?
                };
                let all: i64 = of_log.count().get_result(connection)?;
                if known > 0 || all >= WITNESS_ALARMS_MAX {
                    return Ok(());
                }
                let row = (
                    alarm::origin.eq(&new.origin),
                    alarm::kind.eq(new.kind.name()),
                    alarm::began.eq(new.began.get()),
                    alarm::ours.eq(&new.ours),
                    alarm::theirs.eq(&new.theirs),
                );
                diesel::insert_into(alarm::table).values(row).execute(connection).map(drop)
            })
            .map_err(|error: diesel::result::Error| unusable(error))
    }

    fn settle(&self, origin: &str, kind: AlarmKind, at: Micros) -> Result<(), BookError> {
        let open = alarm::table.filter(alarm::origin.eq(origin)).filter(alarm::kind.eq(kind.name()));
        let done = diesel::update(open.filter(alarm::ended.is_null()))
            .set(alarm::ended.eq(Some(at.get())))
            .execute(&mut *self.lock());
        done.map(drop).map_err(unusable)
    }

    fn alarms(&self, origin: &str, limit: i64) -> Result<Vec<Alarm>, BookError> {
        let rows: Vec<AlarmRow> = alarm::table
            .filter(alarm::origin.eq(origin))
            .order(alarm::id.desc())
            .limit(limit)
            .select((alarm::kind, alarm::began, alarm::ended, alarm::ours, alarm::theirs))
            .load(&mut *self.lock())
            .map_err(unusable)?;
        rows.into_iter()
            .map(|(kind, began, ended, ours, theirs)| {
                let kind = AlarmKind::ALL.into_iter().find(|known| known.name() == kind);
                let kind = kind.ok_or_else(|| BookError("an alarm of an unknown kind".into()))?;
                Ok(Alarm { origin: origin.to_owned(), kind, began, ended, ours, theirs })
            })
            .collect()
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

//! Moves an embedded installation into a shared database: every row of its ledgers and of what only the platform knows,
//! in one transaction, read back and compared before it counts. Query tables stay behind: they are read anew.
//!
//! Two installations that go on from one ledger would fork it. So the mark that ends the old one is on disk before the
//! new one is committed: whatever happens in between, at most one of them ever signs.

use std::path::Path;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::backup::{read_json, write_json};
use super::platform::Platform;
use super::{DataDir, SqliteJournal, StoreError, connection, postgres};
use crate::base::Micros;
use crate::base::limits::MIGRATE_PAGE_ROWS;

const MARK: &str = "moved.json";

/// The mark of a data directory whose installation lives elsewhere now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moved {
    pub moved_at: Micros,
}

/// What came over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Copied {
    pub table: String,
    pub ledger: Option<String>,
    pub rows: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the database holds an installation already: give this one a database of its own")]
    NotEmpty,
    #[error(
        "{table}: what the database gives back is not what was put in, in row {row} or after it; nothing was moved"
    )]
    Differs { table: String, row: u64 },
    #[error("cannot read a row of {table}: {source}")]
    Json { table: String, source: serde_json::Error },
}

impl From<diesel::result::Error> for MigrateError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What stays behind of the platform's file: query tables, which are read anew; tickets live for seconds, counts for
/// minutes.
const BEHIND: &[&str] = &["follower", "entry_index", "lot_view", "ticket", "rate_limit"];
const LEDGER: &[&str] = &["entry", "tile", "outcome", "snapshot", "checkpoint", "alive", "head"];

/// Whether `dir` may not be served any more.
pub fn moved(dir: &DataDir) -> Result<Option<Moved>, StoreError> {
    read_json(&dir.path().join(MARK))
}

/// Moves everything of `dir`, which this process has locked, into the fresh database behind `owner_url`. `progress` hears
/// each table's name and how many rows of it are done.
pub fn migrate(
    dir: &DataDir,
    owner_url: &str,
    now: Micros,
    mut progress: impl FnMut(&str, u64),
) -> Result<Vec<Copied>, MigrateError> {
    let mut to = postgres::establish(owner_url)?;
    to.transaction(|to| {
        // Nobody may begin an installation here meanwhile.
        to.batch_execute("LOCK TABLE account, head, entry IN EXCLUSIVE MODE")?;
        let rows: i64 = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>(
            "(SELECT count(*) FROM account) + (SELECT count(*) FROM entry)",
        ))
        .get_result(to)?;
        if rows > 0 {
            return Err(MigrateError::NotEmpty);
        }
        let mut copied = Vec::new();
        for ledger in dir.ledgers()? {
            let path = dir.ledger_path(&ledger)?;
            // Brings an older file to this version's schema.
            drop(SqliteJournal::open(&path)?);
            to.batch_execute(&format!("DELETE FROM head WHERE ledger = '{ledger}'"))?;
            copy_tables(&path, LEDGER, Some(&ledger), to, &mut progress, &mut copied)?;
        }
        let tables = platform_tables(dir)?;
        let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
        copy_tables(&dir.platform_path(), &tables, None, to, &mut progress, &mut copied)?;
        go_on_counting(to)?;
        write_json(dir.path(), MARK, &Moved { moved_at: now })?;
        Ok(copied)
    })
}

#[derive(QueryableByName)]
struct NameRow {
    #[diesel(sql_type = Text)]
    name: String,
}

/// In the order in which they were made, so that what others refer to comes first.
fn platform_tables(dir: &DataDir) -> Result<Vec<String>, StoreError> {
    let rows: Vec<NameRow> = diesel::sql_query(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_\\_%' ESCAPE '\\'
         ORDER BY rowid",
    )
    .load(&mut connection::open(&dir.platform_path())?)?;
    Ok(rows.into_iter().map(|row| row.name).filter(|name| !BEHIND.contains(&name.as_str())).collect())
}

/// Numbers that the database gives out itself go on after those that came over.
fn go_on_counting(to: &mut PgConnection) -> QueryResult<()> {
    let counted: Vec<NameRow> = diesel::sql_query(
        "SELECT format('SELECT setval(pg_get_serial_sequence(%L, %L), greatest(max(%I), 1)) FROM %I',
                       table_name, column_name, column_name, table_name) AS name
         FROM information_schema.columns WHERE table_schema = 'public' AND is_identity = 'YES'",
    )
    .load(to)?;
    counted.iter().try_for_each(|NameRow { name }| to.batch_execute(name))
}

/// As [`Platform::open`]: the platform's file at this version's schema.
pub fn prepare(dir: std::sync::Arc<DataDir>) -> Result<(), StoreError> {
    Platform::open(dir).map(drop)
}

fn copy_tables(
    file: &Path,
    tables: &[&str],
    ledger: Option<&str>,
    to: &mut PgConnection,
    progress: &mut impl FnMut(&str, u64),
    copied: &mut Vec<Copied>,
) -> Result<(), MigrateError> {
    let mut from = connection::open(file)?;
    for name in tables {
        let table = Table::read(&mut from, name, ledger)?;
        let rows = table.copy(&mut from, to, progress)?;
        table.compare(&mut from, to)?;
        copied.push(Copied { table: (*name).to_owned(), ledger: ledger.map(str::to_owned), rows });
    }
    Ok(())
}

#[derive(QueryableByName)]
struct ColumnRow {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    /// Its place in the primary key, from 1; 0 outside of it.
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    key: i64,
}

#[derive(QueryableByName)]
struct PageRow {
    #[diesel(sql_type = Text)]
    page: String,
}

/// One table on both sides. Rows travel as JSON arrays in the order of the columns, bytes as lower-case hex.
struct Table<'a> {
    name: &'a str,
    ledger: Option<&'a str>,
    columns: Vec<ColumnRow>,
    /// Places in `columns`.
    key: Vec<usize>,
}

impl<'a> Table<'a> {
    fn read(from: &mut SqliteConnection, name: &'a str, ledger: Option<&'a str>) -> Result<Self, StoreError> {
        // A table of one row says so by a column that the other side has the ledger's name for.
        let columns: Vec<ColumnRow> =
            diesel::sql_query("SELECT name, type AS kind, pk AS key FROM pragma_table_info(?) WHERE name <> 'only'")
                .bind::<Text, _>(name)
                .load(from)?;
        let mut key: Vec<usize> =
            (0..columns.len()).filter(|place| columns.get(*place).is_some_and(|c| c.key > 0)).collect();
        key.sort_by_key(|place| columns.get(*place).map(|column| column.key));
        Ok(Self { name, ledger, columns, key })
    }

    fn list(&self, each: impl Fn(&ColumnRow) -> String) -> String {
        self.columns.iter().map(each).collect::<Vec<_>>().join(", ")
    }

    /// `spell` for each column of the primary key, with the path to its value in the JSON array `after`.
    fn keys(&self, spell: impl Fn(&ColumnRow, usize) -> String) -> String {
        let spelled = self.key.iter().filter_map(|place| Some(spell(self.columns.get(*place)?, *place)));
        spelled.collect::<Vec<_>>().join(", ")
    }

    /// The rows after the row `after`, in the order of the key.
    fn sqlite_page(&self, from: &mut SqliteConnection, after: &Value) -> Result<Vec<Value>, MigrateError> {
        let values = self.list(|ColumnRow { name, kind, .. }| match kind.as_str() {
            "BLOB" => format!("CASE WHEN {name} IS NULL THEN NULL ELSE lower(hex({name})) END"),
            _ => name.clone(),
        });
        let names = self.keys(|column, _| column.name.clone());
        let bounds = self.keys(|column, place| match column.kind.as_str() {
            "BLOB" => format!("unhex(json_extract(?1, '$[{place}]'))"),
            _ => format!("json_extract(?1, '$[{place}]')"),
        });
        let (begin, order) = match (after, names.as_str()) {
            (_, "") => (String::new(), String::new()),
            (Value::Null, names) => (String::new(), format!("ORDER BY {names}")),
            (_, names) => (format!("AND ({names}) > ({bounds})"), format!("ORDER BY {names}")),
        };
        let page: PageRow = diesel::sql_query(format!(
            "SELECT coalesce(json_group_array(json(row)), '[]') AS page FROM
             (SELECT json_array({values}) AS row FROM {} WHERE ?1 = ?1 {begin} {order} LIMIT {MIGRATE_PAGE_ROWS})",
            self.name
        ))
        .bind::<Text, _>(after.to_string())
        .get_result(from)?;
        self.rows(&page.page)
    }

    fn postgres_page(&self, to: &mut PgConnection, after: &Value) -> Result<Vec<Value>, MigrateError> {
        let values = self.list(|ColumnRow { name, kind, .. }| match kind.as_str() {
            "BLOB" => format!("encode({name}, 'hex')"),
            "BOOLEAN" => format!("{name}::int"),
            _ => name.clone(),
        });
        let names = self.keys(|column, _| column.name.clone());
        let bounds = self.keys(|column, place| cast(column, &format!("$1::jsonb ->> {place}")));
        let (begin, order) = match (after, names.as_str()) {
            (_, "") => (String::new(), String::new()),
            (Value::Null, names) => (String::new(), format!("ORDER BY {names}")),
            (_, names) => (format!("AND ({names}) > ({bounds})"), format!("ORDER BY {names}")),
        };
        let of_ledger = self.ledger.map_or_else(String::new, |ledger| format!("AND ledger = '{ledger}'"));
        let page: PageRow = diesel::sql_query(format!(
            "SELECT coalesce(jsonb_agg(page_row), '[]')::text AS page FROM
             (SELECT jsonb_build_array({values}) AS page_row FROM {}
              WHERE $1::text IS NOT NULL {of_ledger} {begin} {order} LIMIT {MIGRATE_PAGE_ROWS}) AS page_rows",
            self.name
        ))
        .bind::<Text, _>(after.to_string())
        .get_result(to)?;
        self.rows(&page.page)
    }

    fn rows(&self, page: &str) -> Result<Vec<Value>, MigrateError> {
        serde_json::from_str(page).map_err(|source| MigrateError::Json { table: self.name.to_owned(), source })
    }

    fn copy(
        &self,
        from: &mut SqliteConnection,
        to: &mut PgConnection,
        progress: &mut impl FnMut(&str, u64),
    ) -> Result<u64, MigrateError> {
        let names = self.list(|column| column.name.clone());
        let places: Vec<String> =
            (0..).zip(&self.columns).map(|(place, c)| cast(c, &format!("r ->> {place}"))).collect();
        // No epoch has been yet: whoever takes the lease first gets the next one.
        let (more_names, more) = match (self.ledger, self.name) {
            (Some(ledger), "head") => (", ledger, epoch", format!(", '{ledger}', 0")),
            (Some(ledger), _) => (", ledger", format!(", '{ledger}'")),
            (None, _) => ("", String::new()),
        };
        let insert = format!(
            "INSERT INTO {} ({names}{more_names}) SELECT {}{more} FROM jsonb_array_elements($1::jsonb) AS r",
            self.name,
            places.join(", ")
        );
        let (mut done, mut after) = (0, Value::Null);
        loop {
            let page = self.sqlite_page(from, &after)?;
            let Some(last) = page.last() else { return Ok(done) };
            after = last.clone();
            done += u64::try_from(page.len()).unwrap_or(0);
            let full = page.len() == MIGRATE_PAGE_ROWS;
            diesel::sql_query(&insert).bind::<Text, _>(Value::Array(page).to_string()).execute(to)?;
            progress(self.name, done);
            if !full {
                return Ok(done);
            }
        }
    }

    /// Reads both sides and compares them, value for value.
    fn compare(&self, from: &mut SqliteConnection, to: &mut PgConnection) -> Result<(), MigrateError> {
        let (mut row, mut after) = (0, Value::Null);
        loop {
            let (here, there) = (self.sqlite_page(from, &after)?, self.postgres_page(to, &after)?);
            if here != there {
                return Err(MigrateError::Differs { table: self.name.to_owned(), row });
            }
            let Some(last) = here.last().filter(|_| here.len() == MIGRATE_PAGE_ROWS) else { return Ok(()) };
            after = last.clone();
            row += u64::try_from(here.len()).unwrap_or(0);
        }
    }
}

/// A value that travelled as text, as the column has it.
fn cast(column: &ColumnRow, text: &str) -> String {
    match column.kind.as_str() {
        "BLOB" => format!("decode({text}, 'hex')"),
        "INTEGER" => format!("({text})::bigint"),
        "BOOLEAN" => format!("({text})::int::boolean"),
        _ => format!("({text})"),
    }
}

//! Query tables that follow the ledger: which entry is about what, and the lots as lists and statistics show them.
//! None of them is the truth; all can be dropped and read again from the ledger.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use super::Tx;
use super::schema::{entry_index, follower, lot_view};
use crate::store::StoreError;

diesel::define_sql_function! {
    /// Lower case of a–z, on either database (text is compared byte by byte).
    fn lower(text: Text) -> Text;
}

/// One entry of the ledger, as an index knows it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = entry_index, check_for_backend(diesel::pg::Pg))]
pub struct EntryRow {
    pub ledger: String,
    pub seq: i64,
    /// Microseconds.
    pub at: i64,
    pub kind: String,
    pub subject: String,
}

/// A lot as lists show it. Amounts in 分, times in microseconds.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = lot_view, check_for_backend(diesel::pg::Pg), treat_none_as_null = true, primary_key(lot))]
pub struct LotRow {
    pub lot: String,
    pub ledger: String,
    pub project: String,
    pub code: String,
    pub category: String,
    pub method: String,
    pub phase: String,
    pub suspended: bool,
    pub title: String,
    pub owner: String,
    pub owner_name: String,
    pub place: String,
    pub estimate: i64,
    pub start: i64,
    /// The leading price, or the price awarded.
    pub price: Option<i64>,
    pub bids: i64,
    pub refused: i64,
    pub noticed_at: i64,
    pub opens_at: i64,
    /// When something is due by itself.
    pub next_at: Option<i64>,
    pub closed_at: Option<i64>,
    pub awarded_at: Option<i64>,
    pub awarded: Option<i64>,
}

/// What a list of lots is narrowed to; `None` and empty mean all.
#[derive(Debug, Clone, Default)]
pub struct LotFilter {
    pub category: Option<String>,
    pub method: Option<String>,
    pub phases: Vec<String>,
    pub owner: Option<String>,
    /// Part of the place's name.
    pub place: Option<String>,
    /// Found in title, code, place or owner's name.
    pub text: Option<String>,
    pub estimate_min: Option<i64>,
    pub estimate_max: Option<i64>,
    /// Rows after this one: (`noticed_at`, lot) of the last row of the page before.
    pub after: Option<(i64, String)>,
}

/// The awards of one category in one month.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct MonthRow {
    /// `YYYY-MM`, China's time.
    #[diesel(sql_type = Text)]
    pub month: String,
    #[diesel(sql_type = Text)]
    pub category: String,
    #[diesel(sql_type = BigInt)]
    pub lots: i64,
    #[diesel(sql_type = BigInt)]
    pub projects: i64,
    /// Sums in 分.
    #[diesel(sql_type = BigInt)]
    pub awarded: i64,
    #[diesel(sql_type = BigInt)]
    pub estimate: i64,
    #[diesel(sql_type = BigInt)]
    pub start: i64,
}

/// The first seq that the follower has not read yet.
pub fn next_seq(tx: &mut Tx, ledger: &str) -> Result<i64, StoreError> {
    let row = follower::table.find(ledger).select(follower::next_seq).get_result(tx).optional()?;
    Ok(row.unwrap_or(0))
}

/// Writes what the stretch of the ledger from `from` to before `next` changed, and remembers how far it reaches, within
/// the caller's transaction. Does nothing and answers false when the tables do not stand at `from`: another node was there.
/// When a lot closed and was first awarded is said by this stretch, or known from an earlier one: looking through all
/// that was ever written about the lot would cost more with every bid.
pub fn follow(
    tx: &mut Tx,
    ledger: &str,
    (from, next): (i64, i64),
    entries: &[EntryRow],
    lots: &[LotRow],
) -> Result<bool, StoreError> {
    if next_seq(tx, ledger)? != from {
        return Ok(false);
    }
    insert_entries(tx, entries)?;
    for row in lots {
        let subject = format!("lot/{}", row.lot);
        let said = |kind| entries.iter().find(|e| e.kind == kind && e.subject == subject).map(|e| e.at);
        let known = lot_view::table.find(&row.lot).select((lot_view::closed_at, lot_view::awarded_at)).get_result(tx);
        let (closed_at, awarded_at): (Option<i64>, Option<i64>) = known.optional()?.unwrap_or_default();
        let closed_at = closed_at.or_else(|| said("auction.closed"));
        let awarded_at = row.awarded.and(awarded_at.or_else(|| said("lot.awarded")));
        let row = LotRow { closed_at, awarded_at, ..row.clone() };
        replace_lot(tx, &row)?;
    }
    let moved = diesel::update(follower::table.find(ledger)).set(follower::next_seq.eq(next)).execute(tx)?;
    if moved == 0 {
        diesel::insert_into(follower::table)
            .values((follower::ledger.eq(ledger), follower::next_seq.eq(next)))
            .execute(tx)?;
    }
    Ok(true)
}

fn insert_entries(tx: &mut Tx, rows: &[EntryRow]) -> Result<(), StoreError> {
    match tx {
        Tx::Sqlite(file) => {
            for row in rows {
                diesel::insert_into(entry_index::table).values(row).on_conflict_do_nothing().execute(file)?;
            }
        }
        Tx::Postgres(server) => {
            // A statement with five parameters a row, of as many shapes as there are numbers of rows, is read anew each
            // time and took a third of what the commits themselves took.
            diesel::sql_query(
                "INSERT INTO entry_index (ledger, seq, at, kind, subject)
                 SELECT * FROM unnest($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            )
            .bind::<Array<Text>, _>(rows.iter().map(|row| &*row.ledger).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(rows.iter().map(|row| row.seq).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(rows.iter().map(|row| row.at).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(rows.iter().map(|row| &*row.kind).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(rows.iter().map(|row| &*row.subject).collect::<Vec<_>>())
            .execute(server)?;
        }
    }
    Ok(())
}

fn replace_lot(tx: &mut Tx, row: &LotRow) -> Result<(), StoreError> {
    if diesel::update(lot_view::table.find(&row.lot)).set(row.clone()).execute(tx)? == 0 {
        diesel::insert_into(lot_view::table).values(row.clone()).execute(tx)?;
    }
    Ok(())
}

/// Forgets everything read from `ledger`.
pub fn clear(tx: &mut Tx, ledger: &str) -> Result<(), StoreError> {
    diesel::delete(entry_index::table.filter(entry_index::ledger.eq(ledger))).execute(tx)?;
    diesel::delete(lot_view::table.filter(lot_view::ledger.eq(ledger))).execute(tx)?;
    diesel::delete(follower::table.find(ledger)).execute(tx)?;
    super::footage::clear(tx, ledger)
}

/// Entries about `subject` with seq ≥ `from`, oldest first.
pub fn entries_of(
    tx: &mut Tx,
    ledger: &str,
    subject: &str,
    from: i64,
    limit: i64,
) -> Result<Vec<EntryRow>, StoreError> {
    Ok(entry_index::table
        .filter(entry_index::ledger.eq(ledger).and(entry_index::subject.eq(subject)).and(entry_index::seq.ge(from)))
        .order(entry_index::seq)
        .limit(limit)
        .select(EntryRow::as_select())
        .load(tx)?)
}

/// The newest entry about `subject` of this kind.
pub fn newest_entry(tx: &mut Tx, ledger: &str, subject: &str, kind: &str) -> Result<Option<EntryRow>, StoreError> {
    let of_kind = entry_index::subject.eq(subject).and(entry_index::kind.eq(kind));
    Ok(entry_index::table
        .filter(entry_index::ledger.eq(ledger).and(of_kind))
        .order(entry_index::seq.desc())
        .select(EntryRow::as_select())
        .first(tx)
        .optional()?)
}

/// A pattern for what contains `text`. Both sides in lower case: SQLite's LIKE ignores the case of a–z, PostgreSQL's does
/// not.
fn containing(text: &str) -> String {
    format!("%{}%", text.to_ascii_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

/// Lots, newest notice first.
pub fn lots(tx: &mut Tx, filter: &LotFilter, limit: i64) -> Result<Vec<LotRow>, StoreError> {
    let mut query = lot_view::table.into_boxed();
    if let Some(category) = &filter.category {
        query = query.filter(lot_view::category.eq(category));
    }
    if let Some(method) = &filter.method {
        query = query.filter(lot_view::method.eq(method));
    }
    if !filter.phases.is_empty() {
        query = query.filter(lot_view::phase.eq_any(&filter.phases));
    }
    if let Some(owner) = &filter.owner {
        query = query.filter(lot_view::owner.eq(owner));
    }
    if let Some(place) = &filter.place {
        query = query.filter(lower(lot_view::place).like(containing(place)).escape('\\'));
    }
    if let Some(text) = &filter.text {
        let pattern = containing(text);
        query = query.filter(
            lower(lot_view::title)
                .like(pattern.clone())
                .escape('\\')
                .or(lower(lot_view::code).like(pattern.clone()).escape('\\'))
                .or(lower(lot_view::place).like(pattern.clone()).escape('\\'))
                .or(lower(lot_view::owner_name).like(pattern).escape('\\')),
        );
    }
    if let Some(least) = filter.estimate_min {
        query = query.filter(lot_view::estimate.ge(least));
    }
    if let Some(most) = filter.estimate_max {
        query = query.filter(lot_view::estimate.le(most));
    }
    if let Some((at, lot)) = &filter.after {
        query = query.filter(lot_view::noticed_at.lt(*at).or(lot_view::noticed_at.eq(*at).and(lot_view::lot.lt(lot))));
    }
    let rows = query.order((lot_view::noticed_at.desc(), lot_view::lot.desc())).limit(limit);
    Ok(rows.select(LotRow::as_select()).load(tx)?)
}

/// How many lots stand in which phase.
pub fn phases(tx: &mut Tx, ledger: &str) -> Result<Vec<(String, i64)>, StoreError> {
    Ok(lot_view::table
        .filter(lot_view::ledger.eq(ledger))
        .group_by(lot_view::phase)
        .select((lot_view::phase, diesel::dsl::count_star()))
        .load(tx)?)
}

/// Awards by month and category, oldest month first. Months are China's (UTC+8). A project counts once: where its first
/// lot was awarded.
pub fn awards_by_month(tx: &mut Tx, ledger: &str) -> Result<Vec<MonthRow>, StoreError> {
    let month = match tx {
        Tx::Sqlite(_) => "strftime('%Y-%m', awarded_at / 1000000 + 28800, 'unixepoch')",
        Tx::Postgres(_) => "to_char(to_timestamp(awarded_at / 1000000 + 28800) AT TIME ZONE 'UTC', 'YYYY-MM')",
    };
    // The names of months and categories are ASCII: their order needs no collation. PostgreSQL's sums are numeric.
    Ok(diesel::sql_query(format!(
        "SELECT {month} AS month, category, count(*) AS lots,
                count(CASE WHEN turn = 1 THEN 1 END) AS projects,
                CAST(coalesce(sum(awarded), 0) AS BIGINT) AS awarded,
                CAST(sum(estimate) AS BIGINT) AS estimate, CAST(sum(start) AS BIGINT) AS start
         FROM (SELECT *, row_number() OVER (PARTITION BY project ORDER BY awarded_at, lot) AS turn
               FROM lot_view WHERE ledger = $1 AND awarded_at IS NOT NULL) AS awards
         GROUP BY month, category ORDER BY month, category"
    ))
    .bind::<Text, _>(ledger)
    .load(tx)?)
}

/// Projects with at least one awarded lot, and the sum of all awards in 分.
pub fn award_totals(tx: &mut Tx, ledger: &str) -> Result<(i64, i64), StoreError> {
    let (projects, sum): (i64, Option<i64>) = lot_view::table
        .filter(lot_view::ledger.eq(ledger).and(lot_view::awarded_at.is_not_null()))
        .select((sql::<BigInt>("count(DISTINCT project)"), sql::<Nullable<BigInt>>("CAST(sum(awarded) AS BIGINT)")))
        .first(tx)?;
    Ok((projects, sum.unwrap_or(0)))
}

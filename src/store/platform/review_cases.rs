//! Reviewers' cases on lots.

use diesel::prelude::*;

use super::Tx;
use super::schema::review_case;
use crate::base::{Id, Micros};
use crate::store::StoreError;

#[derive(Debug, Clone, Queryable)]
pub struct ReviewCaseRow {
    pub id: Id,
    pub reviewer: Id,
    pub lot: Id,
    pub reason: String,
    pub opened_at: Micros,
    pub closed_at: Option<Micros>,
}

pub fn insert(tx: &mut Tx, row: &ReviewCaseRow) -> Result<(), StoreError> {
    diesel::insert_into(review_case::table)
        .values((
            review_case::id.eq(row.id.to_string()),
            review_case::reviewer.eq(row.reviewer.to_string()),
            review_case::lot.eq(row.lot.to_string()),
            review_case::reason.eq(&row.reason),
            review_case::opened_at.eq(row.opened_at.get()),
            review_case::closed_at.eq(row.closed_at.map(Micros::get)),
        ))
        .execute(tx)?;
    Ok(())
}

pub fn by_id(tx: &mut Tx, id: Id) -> Result<Option<ReviewCaseRow>, StoreError> {
    Ok(review_case::table.find(id.to_string()).get_result(tx).optional()?)
}

pub fn close(tx: &mut Tx, id: Id, at: Micros) -> Result<(), StoreError> {
    diesel::update(review_case::table.find(id.to_string())).set(review_case::closed_at.eq(at.get())).execute(tx)?;
    Ok(())
}

/// The lots on which the reviewer has an open case.
pub fn open_lots(tx: &mut Tx, reviewer: Id) -> Result<Vec<Id>, StoreError> {
    let open = review_case::reviewer.eq(reviewer.to_string()).and(review_case::closed_at.is_null());
    Ok(review_case::table.filter(open).order(review_case::lot).select(review_case::lot).load(tx)?)
}

/// Up to `limit` cases of the reviewer, newest first, opened before the case `before`.
pub fn page(tx: &mut Tx, reviewer: Id, before: Option<Id>, limit: usize) -> Result<Vec<ReviewCaseRow>, StoreError> {
    // '~' sorts behind every letter of an id.
    let before = before.map_or_else(|| "~".to_owned(), |id| id.to_string());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows =
        review_case::table.filter(review_case::reviewer.eq(reviewer.to_string()).and(review_case::id.lt(before)));
    Ok(rows.order(review_case::id.desc()).limit(limit).load(tx)?)
}

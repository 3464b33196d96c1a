//! The append-only record of security events; the schema's triggers refuse every change of it.

use diesel::prelude::*;

use super::Tx;
use super::schema::security_event;
use crate::base::{Id, Micros};
use crate::store::StoreError;

#[derive(Debug, Clone, Queryable)]
pub struct SecurityEventRow {
    pub id: i64,
    pub at: Micros,
    pub kind: String,
    pub actor: Option<Id>,
    pub subject: Option<Id>,
    pub network: String,
    pub detail: String,
}

/// Appends the event; the number in `row.id` is ignored, the database gives the next.
pub fn append(tx: &mut Tx, row: &SecurityEventRow) -> Result<(), StoreError> {
    diesel::insert_into(security_event::table)
        .values((
            security_event::at.eq(row.at.get()),
            security_event::kind.eq(&row.kind),
            security_event::actor.eq(row.actor.map(|id| id.to_string())),
            security_event::subject.eq(row.subject.map(|id| id.to_string())),
            security_event::network.eq(&row.network),
            security_event::detail.eq(&row.detail),
        ))
        .execute(tx)?;
    Ok(())
}

/// Up to `limit` events, newest first, before the event numbered `before`.
pub fn page(tx: &mut Tx, before: Option<i64>, limit: usize) -> Result<Vec<SecurityEventRow>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = security_event::table.filter(security_event::id.lt(before.unwrap_or(i64::MAX)));
    Ok(rows.order(security_event::id.desc()).limit(limit).load(tx)?)
}

//! Recorders in processes of their own: which of them records under which name, and what they say of their cameras.

use diesel::prelude::*;

use super::Tx;
use super::evidence_schema::{camera_report, recorder};
use crate::store::StoreError;

/// What a recorder last said of a camera.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = camera_report)]
pub struct ReportRow {
    pub camera: String,
    pub recorder: String,
    pub seen_at: i64,
    pub body: String,
}

/// Takes or keeps the name for `holder`; answers whether it is theirs. Another holder loses it when it was last seen before
/// `silent_since`. Within a transaction that holds the write lock, as all upserts here.
pub fn claim(tx: &mut Tx, name: &str, holder: &str, now: i64, silent_since: i64) -> Result<bool, StoreError> {
    let held: Option<(String, i64)> =
        recorder::table.find(name).select((recorder::holder, recorder::seen_at)).first(tx).optional()?;
    let new = (recorder::holder.eq(holder), recorder::seen_at.eq(now));
    match held {
        None => {
            diesel::insert_into(recorder::table).values((recorder::name.eq(name), new.0, new.1)).execute(tx)?;
        }
        Some((other, seen_at)) if other != holder && seen_at >= silent_since => return Ok(false),
        Some(_) => {
            diesel::update(recorder::table.find(name)).set(new).execute(tx)?;
        }
    }
    Ok(true)
}

/// Whether `holder` has kept the name since `since`.
pub fn holds(tx: &mut Tx, name: &str, holder: &str, since: i64) -> Result<bool, StoreError> {
    let kept = recorder::table.find(name).filter(recorder::holder.eq(holder).and(recorder::seen_at.ge(since)));
    Ok(kept.select(recorder::name).first::<String>(tx).optional()?.is_some())
}

pub fn put_reports(tx: &mut Tx, rows: &[ReportRow]) -> Result<(), StoreError> {
    use camera_report as r;
    for row in rows {
        let new = (r::recorder.eq(&row.recorder), r::seen_at.eq(row.seen_at), r::body.eq(&row.body));
        if diesel::update(r::table.find(&row.camera)).set(new).execute(tx)? == 0 {
            diesel::insert_into(r::table).values(row).execute(tx)?;
        }
    }
    Ok(())
}

/// What was said of the camera since `since`.
pub fn report(tx: &mut Tx, camera: &str, since: i64) -> Result<Option<ReportRow>, StoreError> {
    let fresh = camera_report::table.find(camera).filter(camera_report::seen_at.ge(since));
    Ok(fresh.first(tx).optional()?)
}

pub fn reports(tx: &mut Tx, since: i64) -> Result<Vec<ReportRow>, StoreError> {
    Ok(camera_report::table.filter(camera_report::seen_at.ge(since)).order(camera_report::camera).load(tx)?)
}

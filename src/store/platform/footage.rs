//! Views of the ledger's evidence entries: which footage there is, where it is missing, clips, alarms, holds.

use diesel::prelude::*;

use super::Tx;
use super::evidence_schema::{camera_alarm, clip, footage_hold, media_gap, media_stretch};
use crate::store::StoreError;

/// Consecutive segments of one run that one entry announced.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = media_stretch)]
pub struct StretchRow {
    pub ledger: String,
    pub seq: i64,
    pub camera: String,
    pub run: String,
    pub first: i64,
    pub count: i64,
    pub starts_at: i64,
    pub ends_at: i64,
    pub deleted_at: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = media_gap)]
pub struct GapRow {
    pub ledger: String,
    pub seq: i64,
    pub camera: String,
    pub starts_at: i64,
    pub ends_at: i64,
    pub cause: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = clip)]
pub struct ClipRow {
    pub id: String,
    pub ledger: String,
    pub camera: String,
    pub room: String,
    pub lot: String,
    pub about: i64,
    pub about_kind: String,
    pub starts_at: i64,
    pub ends_at: i64,
    pub status: String,
    pub seq: Option<i64>,
    pub keep_until: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = camera_alarm)]
pub struct AlarmRow {
    pub ledger: String,
    pub seq: i64,
    pub camera: String,
    pub kind: String,
    pub raised_at: i64,
    pub cleared_at: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = footage_hold)]
pub struct HoldRow {
    pub id: String,
    pub ledger: String,
    pub camera: String,
    pub starts_at: i64,
    pub ends_at: i64,
    pub lifted_at: Option<i64>,
}

/// Forgets everything read from `ledger`.
pub fn clear(tx: &mut Tx, ledger: &str) -> Result<(), StoreError> {
    diesel::delete(media_stretch::table.filter(media_stretch::ledger.eq(ledger))).execute(tx)?;
    diesel::delete(media_gap::table.filter(media_gap::ledger.eq(ledger))).execute(tx)?;
    diesel::delete(clip::table.filter(clip::ledger.eq(ledger))).execute(tx)?;
    diesel::delete(camera_alarm::table.filter(camera_alarm::ledger.eq(ledger))).execute(tx)?;
    diesel::delete(footage_hold::table.filter(footage_hold::ledger.eq(ledger))).execute(tx)?;
    Ok(())
}

pub fn insert_stretch(tx: &mut Tx, row: &StretchRow) -> Result<(), StoreError> {
    diesel::insert_into(media_stretch::table).values(row).execute(tx)?;
    Ok(())
}

pub fn insert_gap(tx: &mut Tx, row: &GapRow) -> Result<(), StoreError> {
    diesel::insert_into(media_gap::table).values(row).execute(tx)?;
    Ok(())
}

/// Stretches of `camera` that touch `from..to`, in order of time.
pub fn stretches(tx: &mut Tx, ledger: &str, camera: &str, from: i64, to: i64) -> Result<Vec<StretchRow>, StoreError> {
    let touching = media_stretch::ends_at.gt(from).and(media_stretch::starts_at.lt(to));
    let rows = media_stretch::table
        .filter(media_stretch::ledger.eq(ledger).and(media_stretch::camera.eq(camera)).and(touching));
    Ok(rows.order((media_stretch::starts_at, media_stretch::first)).load(tx)?)
}

/// Stretches that are still there and ended between `after` and `before`, oldest first.
pub fn oldest(
    tx: &mut Tx,
    ledger: &str,
    camera: &str,
    (after, before): (i64, i64),
    limit: i64,
) -> Result<Vec<StretchRow>, StoreError> {
    let old = media_stretch::ends_at
        .gt(after)
        .and(media_stretch::ends_at.lt(before))
        .and(media_stretch::deleted_at.is_null());
    let rows =
        media_stretch::table.filter(media_stretch::ledger.eq(ledger).and(media_stretch::camera.eq(camera)).and(old));
    Ok(rows.order(media_stretch::ends_at).limit(limit).load(tx)?)
}

/// The stretch that the segment belongs to.
pub fn stretch_of(tx: &mut Tx, ledger: &str, run: &str, number: i64) -> Result<Option<StretchRow>, StoreError> {
    let before = media_stretch::run.eq(run).and(media_stretch::first.le(number));
    let rows = media_stretch::table.filter(media_stretch::ledger.eq(ledger).and(before));
    let row: Option<StretchRow> = rows.order(media_stretch::first.desc()).first(tx).optional()?;
    Ok(row.filter(|row| number < row.first + row.count))
}

/// The number of the first segment of `run` that no entry has announced yet.
pub fn next_segment(tx: &mut Tx, ledger: &str, run: &str) -> Result<i64, StoreError> {
    let rows = media_stretch::table.filter(media_stretch::ledger.eq(ledger).and(media_stretch::run.eq(run)));
    let last: Option<(i64, i64)> = rows
        .order(media_stretch::first.desc())
        .select((media_stretch::first, media_stretch::count))
        .first(tx)
        .optional()?;
    Ok(last.map_or(0, |(first, count)| first + count))
}

/// Until when `camera` is accounted for, by footage or by a gap.
pub fn accounted_until(tx: &mut Tx, ledger: &str, camera: &str) -> Result<Option<i64>, StoreError> {
    let stretches = media_stretch::table
        .filter(media_stretch::ledger.eq(ledger).and(media_stretch::camera.eq(camera)))
        .select(diesel::dsl::max(media_stretch::ends_at));
    let gaps = media_gap::table
        .filter(media_gap::ledger.eq(ledger).and(media_gap::camera.eq(camera)))
        .select(diesel::dsl::max(media_gap::ends_at));
    let footage: Option<i64> = stretches.first(tx)?;
    let missing: Option<i64> = gaps.first(tx)?;
    Ok(footage.max(missing))
}

pub fn mark_deleted(tx: &mut Tx, ledger: &str, run: &str, first: i64, at: i64) -> Result<(), StoreError> {
    let row = media_stretch::table
        .filter(media_stretch::ledger.eq(ledger).and(media_stretch::run.eq(run)).and(media_stretch::first.eq(first)));
    diesel::update(row).set(media_stretch::deleted_at.eq(at)).execute(tx)?;
    Ok(())
}

/// Gaps of `camera` that touch `from..to`, in order of time.
pub fn gaps(tx: &mut Tx, ledger: &str, camera: &str, from: i64, to: i64) -> Result<Vec<GapRow>, StoreError> {
    let touching = media_gap::ends_at.gt(from).and(media_gap::starts_at.lt(to));
    let rows = media_gap::table.filter(media_gap::ledger.eq(ledger).and(media_gap::camera.eq(camera)).and(touching));
    Ok(rows.order((media_gap::starts_at, media_gap::seq)).load(tx)?)
}

pub fn insert_clip(tx: &mut Tx, row: &ClipRow) -> Result<(), StoreError> {
    diesel::insert_into(clip::table).values(row).execute(tx)?;
    Ok(())
}

pub fn clip(tx: &mut Tx, id: &str) -> Result<Option<ClipRow>, StoreError> {
    Ok(clip::table.find(id).get_result(tx).optional()?)
}

pub fn resolve_clip(tx: &mut Tx, id: &str, status: &str, seq: i64) -> Result<(), StoreError> {
    diesel::update(clip::table.find(id)).set((clip::status.eq(status), clip::seq.eq(seq))).execute(tx)?;
    Ok(())
}

/// Footage of the stretch was deleted: the clips that show some of it have expired.
pub fn expire_clips(tx: &mut Tx, ledger: &str, run: &str, first: i64) -> Result<(), StoreError> {
    let of_run = media_stretch::ledger.eq(ledger).and(media_stretch::run.eq(run)).and(media_stretch::first.eq(first));
    let found: Option<StretchRow> = media_stretch::table.filter(of_run).first(tx).optional()?;
    let Some(stretch) = found else { return Ok(()) };
    let shown = clip::camera.eq(&stretch.camera).and(clip::ends_at.gt(stretch.starts_at));
    let shown = shown.and(clip::starts_at.lt(stretch.ends_at)).and(clip::status.ne("pending"));
    let rows = clip::table.filter(clip::ledger.eq(ledger).and(shown));
    diesel::update(rows).set(clip::status.eq("expired")).execute(tx)?;
    Ok(())
}

/// Clips that wait for their last segment, oldest first.
pub fn pending_clips(tx: &mut Tx, ledger: &str, limit: i64) -> Result<Vec<ClipRow>, StoreError> {
    let rows = clip::table.filter(clip::ledger.eq(ledger).and(clip::status.eq("pending")));
    Ok(rows.order(clip::ends_at).limit(limit).load(tx)?)
}

pub fn clips_of(tx: &mut Tx, ledger: &str, lot: &str, limit: i64) -> Result<Vec<ClipRow>, StoreError> {
    let rows = clip::table.filter(clip::ledger.eq(ledger).and(clip::lot.eq(lot)));
    Ok(rows.order((clip::about, clip::camera)).limit(limit).load(tx)?)
}

/// Clips of `camera` that touch `from..to`, whatever has become of them.
pub fn clips_over(tx: &mut Tx, ledger: &str, camera: &str, from: i64, to: i64) -> Result<Vec<ClipRow>, StoreError> {
    let touching = clip::ends_at.gt(from).and(clip::starts_at.lt(to));
    let rows = clip::table.filter(clip::ledger.eq(ledger).and(clip::camera.eq(camera)).and(touching));
    Ok(rows.order(clip::starts_at).load(tx)?)
}

/// Whether `lot` has a clip about an entry of that kind already.
pub fn has_clip(tx: &mut Tx, ledger: &str, lot: &str, kind: &str) -> Result<bool, StoreError> {
    let rows = clip::table
        .filter(clip::ledger.eq(ledger).and(clip::lot.eq(lot)).and(clip::about_kind.eq(kind)))
        .select(clip::id)
        .first::<String>(tx);
    Ok(rows.optional()?.is_some())
}

pub fn insert_alarm(tx: &mut Tx, row: &AlarmRow) -> Result<(), StoreError> {
    diesel::insert_into(camera_alarm::table).values(row).execute(tx)?;
    Ok(())
}

/// Clears what is still raised of that kind at that camera.
pub fn clear_alarm(tx: &mut Tx, ledger: &str, camera: &str, kind: &str, at: i64) -> Result<(), StoreError> {
    let raised =
        camera_alarm::camera.eq(camera).and(camera_alarm::kind.eq(kind)).and(camera_alarm::cleared_at.is_null());
    let rows = camera_alarm::table.filter(camera_alarm::ledger.eq(ledger).and(raised));
    diesel::update(rows).set(camera_alarm::cleared_at.eq(at)).execute(tx)?;
    Ok(())
}

/// Alarms that stand, newest first.
pub fn alarms(tx: &mut Tx, ledger: &str, limit: i64) -> Result<Vec<AlarmRow>, StoreError> {
    let rows = camera_alarm::table.filter(camera_alarm::ledger.eq(ledger).and(camera_alarm::cleared_at.is_null()));
    Ok(rows.order(camera_alarm::seq.desc()).limit(limit).load(tx)?)
}

pub fn insert_hold(tx: &mut Tx, row: &HoldRow) -> Result<(), StoreError> {
    diesel::insert_into(footage_hold::table).values(row).execute(tx)?;
    Ok(())
}

pub fn lift_hold(tx: &mut Tx, id: &str, at: i64) -> Result<(), StoreError> {
    diesel::update(footage_hold::table.find(id)).set(footage_hold::lifted_at.eq(at)).execute(tx)?;
    Ok(())
}

pub fn hold(tx: &mut Tx, id: &str) -> Result<Option<HoldRow>, StoreError> {
    Ok(footage_hold::table.find(id).get_result(tx).optional()?)
}

/// Holds that stand, newest first.
pub fn holds(tx: &mut Tx, ledger: &str, limit: i64) -> Result<Vec<HoldRow>, StoreError> {
    let rows = footage_hold::table.filter(footage_hold::ledger.eq(ledger).and(footage_hold::lifted_at.is_null()));
    Ok(rows.order(footage_hold::id.desc()).limit(limit).load(tx)?)
}

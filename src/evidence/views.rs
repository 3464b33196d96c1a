//! What the tables of footage take out of entries, as the ledger's other tables do: all of it can be read again.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::clips;
use crate::base::limits::BOOKINGS_MAX;
use crate::base::{Id, Micros};
use crate::ledger::Payload;
use crate::ledger::media::{
    ALARM_CLEARED, ALARM_RAISED, Alarm, CLIP_REFERENCED, CLIP_REQUESTED, ClipReferenced, ClipRequested, ClipStatus,
    FOOTAGE_DELETED, FootageDeleted, HOLD_LIFTED, HOLD_PLACED, HoldLifted, HoldPlaced, SEGMENTS_RECORDED,
    SegmentsRecorded,
};
use crate::store::platform::footage::{self, AlarmRow, ClipRow, GapRow, HoldRow, StretchRow};
use crate::store::platform::rooms;
use crate::store::platform::views::EntryRow;
use crate::store::{StoreError, Tx};

/// How the kinds of evidence begin.
pub const KINDS: &str = "evidence.";

/// The lots that sit in a room at some time of a stretch of the ledger: only their entries get clips.
pub struct Sitting(BTreeSet<String>);

impl Sitting {
    pub fn between(tx: &mut Tx, from: i64, to: i64) -> Result<Self, StoreError> {
        let bookings = rooms::bookings(tx, from, to.saturating_add(1), BOOKINGS_MAX)?;
        Ok(Self(bookings.into_iter().map(|booking| booking.lot).collect()))
    }
}

/// Takes in an entry, within the transaction that moves the tables on. What is no evidence is passed over; what
/// cannot be read of it is the verifier's business.
pub fn take(tx: &mut Tx, sitting: &Sitting, row: &EntryRow, payload: Option<&[u8]>) -> Result<(), StoreError> {
    let ledger = row.ledger.as_str();
    if clips::SHOWN.contains(&row.kind.as_str()) {
        let lot =
            row.subject.strip_prefix("lot/").filter(|lot| sitting.0.contains(*lot)).and_then(|lot| lot.parse().ok());
        let place = (u64::try_from(row.seq).ok(), Micros::new(row.at));
        return match (lot, place) {
            (Some(lot), (Some(seq), Some(at))) => clips::begin(tx, ledger, lot, seq, at, &row.kind),
            _ => Ok(()),
        };
    }
    let Some(payload) = payload.filter(|_| row.kind.starts_with(KINDS)).and_then(|bytes| Payload::parse(bytes).ok())
    else {
        return Ok(());
    };
    evidence(tx, row, payload)
}

/// What is no record of its kind is the verifier's business.
fn evidence(tx: &mut Tx, row: &EntryRow, payload: Payload) -> Result<(), StoreError> {
    fn read<T: DeserializeOwned>(data: Value) -> Option<T> {
        serde_json::from_value(data).ok()
    }
    let Payload { kind, data, .. } = payload;
    let ledger = row.ledger.as_str();
    match kind.as_str() {
        SEGMENTS_RECORDED => read(data).map_or(Ok(()), |data| segments(tx, ledger, row.seq, &data)),
        CLIP_REQUESTED => read(data).map_or(Ok(()), |data| requested(tx, row, &data)),
        CLIP_REFERENCED => read(data).map_or(Ok(()), |data: ClipReferenced| {
            footage::resolve_clip(tx, &text(data.clip), data.status.name(), row.seq)
        }),
        FOOTAGE_DELETED => read(data).map_or(Ok(()), |data: FootageDeleted| {
            data.runs.iter().try_for_each(|run| {
                let (name, first) = (text(run.run), int(run.first));
                footage::mark_deleted(tx, ledger, &name, first, row.at)?;
                footage::expire_clips(tx, ledger, &name, first)
            })
        }),
        HOLD_PLACED => read(data).map_or(Ok(()), |data: HoldPlaced| {
            let (id, camera) = (text(data.hold), text(data.camera));
            let (starts_at, ends_at) = (at(data.from), at(data.to));
            let ledger = ledger.to_owned();
            footage::insert_hold(tx, &HoldRow { id, ledger, camera, starts_at, ends_at, lifted_at: None })
        }),
        HOLD_LIFTED => read(data).map_or(Ok(()), |data: HoldLifted| footage::lift_hold(tx, &text(data.hold), row.at)),
        ALARM_RAISED => read(data).map_or(Ok(()), |alarm: Alarm| {
            let camera = alarm.camera.map(text).unwrap_or_default();
            let (kind, raised_at) = (alarm.alarm.name().to_owned(), alarm.since.get());
            let row = AlarmRow { ledger: ledger.to_owned(), seq: row.seq, camera, kind, raised_at, cleared_at: None };
            footage::insert_alarm(tx, &row)
        }),
        ALARM_CLEARED => read(data).map_or(Ok(()), |alarm: Alarm| {
            let camera = alarm.camera.map(text).unwrap_or_default();
            footage::clear_alarm(tx, ledger, &camera, alarm.alarm.name(), row.at)
        }),
        _ => Ok(()),
    }
}

fn requested(tx: &mut Tx, row: &EntryRow, data: &ClipRequested) -> Result<(), StoreError> {
    let Some(lot) = row.subject.strip_prefix("lot/") else { return Ok(()) };
    footage::insert_clip(
        tx,
        &ClipRow {
            id: text(data.clip),
            ledger: row.ledger.clone(),
            camera: text(data.camera),
            room: text(data.room),
            lot: lot.to_owned(),
            about: int(data.about),
            about_kind: "evidence.clip_requested".to_owned(),
            starts_at: at(data.from),
            ends_at: at(data.to),
            status: ClipStatus::Pending.name().to_owned(),
            seq: None,
            keep_until: at(data.to.plus(clips::KEPT.span())),
        },
    )
}

fn segments(tx: &mut Tx, ledger: &str, seq: i64, data: &SegmentsRecorded) -> Result<(), StoreError> {
    for stretch in &data.stretches {
        footage::insert_stretch(
            tx,
            &StretchRow {
                ledger: ledger.to_owned(),
                seq,
                camera: text(stretch.camera),
                run: text(stretch.run),
                first: int(stretch.first),
                count: int(stretch.next() - stretch.first),
                starts_at: stretch.from.get(),
                ends_at: stretch.to().get(),
                deleted_at: None,
            },
        )?;
    }
    for gap in &data.gaps {
        footage::insert_gap(
            tx,
            &GapRow {
                ledger: ledger.to_owned(),
                seq,
                camera: text(gap.camera),
                starts_at: at(gap.from),
                ends_at: at(gap.to),
                cause: gap.cause.name().to_owned(),
            },
        )?;
    }
    Ok(())
}

fn text(id: Id) -> String {
    id.to_string()
}

fn at(time: Micros) -> i64 {
    time.get()
}

fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

//! Rooms, their cameras, their bookings, and who may look at which footage just now.

use diesel::prelude::*;

use super::Tx;
use super::evidence_schema::{camera, room, room_booking, viewing};
use crate::store::StoreError;

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = room)]
pub struct RoomRow {
    pub id: String,
    pub name: String,
    pub place: String,
    pub created_at: i64,
}

/// Without its credentials, which only the recorder asks for.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct CameraRow {
    pub id: String,
    pub room: String,
    pub name: String,
    pub source: String,
    pub address: String,
    pub retention: String,
    pub created_at: i64,
    pub retired_at: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = room_booking)]
pub struct BookingRow {
    pub id: String,
    pub room: String,
    pub lot: String,
    pub starts_at: i64,
    pub ends_at: i64,
    pub created_at: i64,
    pub cancelled_at: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = viewing)]
pub struct ViewingRow {
    pub id: String,
    pub account: String,
    pub camera: String,
    pub clip: Option<String>,
    pub starts_at: i64,
    pub ends_at: i64,
    pub expires_at: i64,
    pub seq: i64,
}

pub fn insert_room(tx: &mut Tx, row: &RoomRow) -> Result<(), StoreError> {
    diesel::insert_into(room::table).values(row).execute(tx)?;
    Ok(())
}

pub fn rooms(tx: &mut Tx, limit: i64) -> Result<Vec<RoomRow>, StoreError> {
    Ok(room::table.order(room::name).limit(limit).load(tx)?)
}

pub fn room(tx: &mut Tx, id: &str) -> Result<Option<RoomRow>, StoreError> {
    Ok(room::table.find(id).get_result(tx).optional()?)
}

pub fn insert_camera(tx: &mut Tx, row: &CameraRow, credentials: Option<&[u8]>) -> Result<(), StoreError> {
    diesel::insert_into(camera::table)
        .values((
            camera::id.eq(&row.id),
            camera::room.eq(&row.room),
            camera::name.eq(&row.name),
            camera::source.eq(&row.source),
            camera::address.eq(&row.address),
            camera::credentials.eq(credentials),
            camera::retention.eq(&row.retention),
            camera::created_at.eq(row.created_at),
            camera::retired_at.eq(row.retired_at),
        ))
        .execute(tx)?;
    Ok(())
}

const SHOWN: (
    camera::id,
    camera::room,
    camera::name,
    camera::source,
    camera::address,
    camera::retention,
    camera::created_at,
    camera::retired_at,
) = (
    camera::id,
    camera::room,
    camera::name,
    camera::source,
    camera::address,
    camera::retention,
    camera::created_at,
    camera::retired_at,
);

/// All cameras that are not retired, by room and name.
pub fn cameras(tx: &mut Tx, limit: i64) -> Result<Vec<CameraRow>, StoreError> {
    let rows = camera::table.filter(camera::retired_at.is_null()).order((camera::room, camera::name)).limit(limit);
    Ok(rows.select(SHOWN).load(tx)?)
}

/// Those of a room that stood there at `at`.
pub fn cameras_in(tx: &mut Tx, room: &str, at: i64) -> Result<Vec<CameraRow>, StoreError> {
    let stood = camera::created_at.le(at).and(camera::retired_at.is_null().or(camera::retired_at.gt(at)));
    let rows = camera::table.filter(camera::room.eq(room).and(stood)).order(camera::id);
    Ok(rows.select(SHOWN).load(tx)?)
}

/// Retired ones too.
pub fn camera(tx: &mut Tx, id: &str) -> Result<Option<CameraRow>, StoreError> {
    Ok(camera::table.find(id).select(SHOWN).get_result(tx).optional()?)
}

/// Sealed, as they rest here.
pub fn credentials(tx: &mut Tx, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let row: Option<Option<Vec<u8>>> = camera::table.find(id).select(camera::credentials).get_result(tx).optional()?;
    Ok(row.flatten())
}

pub fn retire_camera(tx: &mut Tx, id: &str, at: i64) -> Result<bool, StoreError> {
    let open = camera::table.filter(camera::id.eq(id).and(camera::retired_at.is_null()));
    let none: Option<Vec<u8>> = None;
    let changed = diesel::update(open).set((camera::retired_at.eq(at), camera::credentials.eq(none))).execute(tx)?;
    Ok(changed == 1)
}

pub fn insert_booking(tx: &mut Tx, row: &BookingRow) -> Result<(), StoreError> {
    diesel::insert_into(room_booking::table).values(row).execute(tx)?;
    Ok(())
}

pub fn booking(tx: &mut Tx, id: &str) -> Result<Option<BookingRow>, StoreError> {
    Ok(room_booking::table.find(id).get_result(tx).optional()?)
}

pub fn cancel_booking(tx: &mut Tx, id: &str, at: i64) -> Result<bool, StoreError> {
    let open = room_booking::table.filter(room_booking::id.eq(id).and(room_booking::cancelled_at.is_null()));
    Ok(diesel::update(open).set(room_booking::cancelled_at.eq(at)).execute(tx)? == 1)
}

/// Bookings that stand and touch `from..to`, in order of time.
pub fn bookings(tx: &mut Tx, from: i64, to: i64, limit: i64) -> Result<Vec<BookingRow>, StoreError> {
    let touching = room_booking::starts_at.lt(to).and(room_booking::ends_at.gt(from));
    let rows = room_booking::table.filter(touching.and(room_booking::cancelled_at.is_null()));
    Ok(rows.order((room_booking::starts_at, room_booking::id)).limit(limit).load(tx)?)
}

/// Bookings of `lot` that stand at `at`.
pub fn bookings_of(tx: &mut Tx, lot: &str, at: i64) -> Result<Vec<BookingRow>, StoreError> {
    let standing = room_booking::starts_at.le(at).and(room_booking::ends_at.ge(at));
    let rows =
        room_booking::table.filter(room_booking::lot.eq(lot).and(standing).and(room_booking::cancelled_at.is_null()));
    Ok(rows.order(room_booking::id).load(tx)?)
}

pub fn insert_viewing(tx: &mut Tx, row: &ViewingRow) -> Result<(), StoreError> {
    diesel::insert_into(viewing::table).values(row).execute(tx)?;
    Ok(())
}

pub fn viewing(tx: &mut Tx, id: &str) -> Result<Option<ViewingRow>, StoreError> {
    Ok(viewing::table.find(id).get_result(tx).optional()?)
}

/// Forgets permissions that have run out.
pub fn sweep_viewings(tx: &mut Tx, now: i64) -> Result<usize, StoreError> {
    Ok(diesel::delete(viewing::table.filter(viewing::expires_at.le(now))).execute(tx)?)
}

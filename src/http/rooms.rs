//! `/rooms` and `/cameras`: rooms, what sees and hears them, who sits in them when, and how the cameras are doing.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Query};
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use zeroize::Zeroizing;

use super::extract::{Body, Who};
use super::offload::at_desk;
use super::private::{Answer, done, json};
use super::problem::Problem;
use crate::base::{Code, Id, Micros, Span};
use crate::desk::{Desk, NewCamera, Rooms};
use crate::engine::Refusal;
use crate::evidence::{Phase, RECORDED_HERE, Status};
use crate::ledger::media::Retention;
use crate::store::platform::rooms::{BookingRow, CameraRow};

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(add_room).service(add_camera).service(retire_camera);
    config.service(book_room).service(cancel_booking);
}

/// Which bookings are asked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Unless told otherwise: now.
    #[param(value_type = Option<String>)]
    from: Option<Micros>,
    /// Unless told otherwise: a week later.
    #[param(value_type = Option<String>)]
    to: Option<Micros>,
}

#[derive(Serialize, ToSchema)]
pub struct RoomList {
    items: Vec<RoomView>,
}

#[derive(Serialize, ToSchema)]
pub struct RoomView {
    id: Id,
    name: String,
    place: String,
    cameras: Vec<CameraView>,
    bookings: Vec<BookingView>,
}

#[derive(Serialize, ToSchema)]
pub struct CameraView {
    id: Id,
    name: String,
    /// Without user and password; only for those who set cameras up.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// `rtsp`: recorded here; otherwise the system that records it.
    source: String,
    #[schema(value_type = String)]
    retention: Retention,
    state: CameraState,
}

#[derive(Serialize, ToSchema)]
pub struct CameraState {
    /// `unwatched`, `connecting`, `recording`, `down`.
    phase: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Micros>,
    /// Why it is down: `camera_gone`, `network`, `recorder_restarted`, `disk_full`, `clock_step`, `not_committed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<String>,
    /// Until when there is footage.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Micros>,
    /// How far its times may be off, either way; microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    uncertainty: Option<Span>,
    /// Sound level in hundredths of a decibel of full scale.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    has_audio: Option<bool>,
    /// Nothing has been heard for longer than a pause lasts.
    silent: bool,
    /// The picture has not changed for longer than a still room's does.
    frozen: bool,
}

#[derive(Serialize, ToSchema)]
pub struct BookingView {
    id: Id,
    lot: Id,
    starts_at: Micros,
    ends_at: Micros,
}

fn corrupt<E>(_: E) -> Refusal {
    Code::Internal.into()
}

fn time(micros: i64) -> Result<Micros, Refusal> {
    Micros::new(micros).ok_or_else(|| Code::Internal.into())
}

fn camera_view(row: &CameraRow, status: Option<&Status>, now: Micros) -> Result<CameraView, Refusal> {
    Ok(CameraView {
        id: row.id.parse().map_err(corrupt)?,
        name: row.name.clone(),
        address: Some(row.address.clone()).filter(|address| !address.is_empty()),
        source: row.source.clone(),
        retention: row.retention.parse().map_err(corrupt)?,
        state: state_view(status, now),
    })
}

fn state_view(status: Option<&Status>, now: Micros) -> CameraState {
    let (phase, cause, what) = match status.map(|status| &status.phase) {
        None => ("unwatched", None, None),
        Some(Phase::Connecting) => ("connecting", None, None),
        Some(Phase::Recording) => ("recording", None, None),
        Some(Phase::Down { cause, what }) => ("down", Some(cause.name()), Some(what.clone())),
    };
    CameraState {
        phase,
        since: status.map(|status| status.since),
        cause,
        what,
        until: status.and_then(|status| status.until),
        uncertainty: status.and_then(|status| status.uncertainty),
        level: status.and_then(|status| status.level),
        has_audio: status.and_then(|status| status.has_audio),
        silent: status.is_some_and(|status| status.is_silent(now)),
        frozen: status.is_some_and(|status| status.is_frozen(now)),
    }
}

fn booking_view(row: &BookingRow) -> Result<BookingView, Refusal> {
    Ok(BookingView {
        id: row.id.parse().map_err(corrupt)?,
        lot: row.lot.parse().map_err(corrupt)?,
        starts_at: time(row.starts_at)?,
        ends_at: time(row.ends_at)?,
    })
}

fn room_views(found: &Rooms, now: Micros) -> Result<Vec<RoomView>, Refusal> {
    let view = |room: &crate::store::platform::rooms::RoomRow| {
        let cameras = found.cameras.iter().filter(|(camera, _)| camera.room == room.id);
        let bookings = found.bookings.iter().filter(|booking| booking.room == room.id);
        Ok(RoomView {
            id: room.id.parse().map_err(corrupt)?,
            name: room.name.clone(),
            place: room.place.clone(),
            cameras: cameras.map(|(row, status)| camera_view(row, status.as_ref(), now)).collect::<Result<_, _>>()?,
            bookings: bookings.map(booking_view).collect::<Result<_, _>>()?,
        })
    };
    found.rooms.iter().map(view).collect()
}

/// All rooms with their cameras, how these are doing, and bookings.
#[utoipa::path(operation_id = "list_rooms", tag = "evidence", params(Window),
    responses((status = 200, body = RoomList), (status = 401, body = Problem), (status = 403, body = Problem)))]
#[get("/rooms")]
pub async fn list(desk: Data<Desk>, who: Who, window: Query<Window>) -> Answer {
    let now = desk.now();
    let from = window.from.unwrap_or(now);
    let to = window.to.unwrap_or_else(|| from.plus(Span::days(7)));
    let items = at_desk(&desk, move |desk| room_views(&desk.rooms(&who.0, from, to)?, now)).await?;
    Ok(json(StatusCode::OK, &RoomList { items }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRoom {
    name: String,
    place: String,
}

#[derive(Serialize, ToSchema)]
pub struct Made {
    id: Id,
}

/// Adds a room.
#[utoipa::path(operation_id = "add_room", tag = "evidence", request_body = NewRoom,
    responses((status = 201, body = Made), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
#[post("/rooms")]
pub async fn add_room(desk: Data<Desk>, who: Who, body: Body<NewRoom>) -> Answer {
    let NewRoom { name, place } = body.value;
    let id = at_desk(&desk, move |desk| desk.add_room(&who.0, &name, &place)).await?;
    Ok(json(StatusCode::CREATED, &Made { id }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CameraForm {
    name: String,
    /// `rtsp`: recorded here. `mediamtx`, `frigate`, `onvif`, `gb28181`: that system records it, and clips refer to it.
    #[serde(default = "recorded_here")]
    source: String,
    /// In a network that cameras may be in, without user and password. `rtsp://host[:port]/path`; for `MediaMTX`
    /// `http://host:9996/path` of its playback server, for Frigate `http://host:5000/camera`; for the others a template
    /// with `{start}` and `{end}` (also `{start_unix}`, `{start_compact}`, `{duration}`).
    address: String,
    /// Empty where the camera asks for none.
    #[serde(default)]
    user: String,
    #[serde(default)]
    #[schema(value_type = String)]
    password: Zeroizing<String>,
    /// `days_7`, `days_90`, `years_10`, `years_15`: how long footage is kept that nothing refers to.
    #[schema(value_type = String)]
    retention: Retention,
}

fn recorded_here() -> String {
    RECORDED_HERE.to_owned()
}

/// Adds a camera; it is recorded from the next second on. User and password are sealed and never shown again.
#[utoipa::path(operation_id = "add_camera", tag = "evidence", params(("room" = Id, Path)), request_body = CameraForm,
    responses((status = 201, body = Made), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
#[post("/rooms/{room}/cameras")]
pub async fn add_camera(desk: Data<Desk>, who: Who, room: Path<Id>, body: Body<CameraForm>) -> Answer {
    let CameraForm { name, source, address, user, password, retention } = body.value;
    let camera = NewCamera { room: *room, name, source, address, user, password, retention };
    let id = at_desk(&desk, move |desk| desk.add_camera(&who.0, &camera)).await?;
    Ok(json(StatusCode::CREATED, &Made { id }))
}

/// Ends a camera. Its footage is kept for as long as it has to be.
#[utoipa::path(operation_id = "retire_camera", tag = "evidence", params(("camera" = Id, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
#[post("/cameras/{camera}/retire")]
pub async fn retire_camera(desk: Data<Desk>, who: Who, camera: Path<Id>) -> Answer {
    at_desk(&desk, move |desk| Ok(desk.retire_camera(&who.0, *camera)?)).await?;
    Ok(done())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBooking {
    lot: Id,
    starts_at: Micros,
    ends_at: Micros,
}

/// Books a room for a lot's session.
#[utoipa::path(operation_id = "book_room", tag = "evidence", params(("room" = Id, Path)), request_body = NewBooking,
    responses((status = 201, body = Made), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/rooms/{room}/bookings")]
pub async fn book_room(desk: Data<Desk>, who: Who, room: Path<Id>, body: Body<NewBooking>) -> Answer {
    let NewBooking { lot, starts_at, ends_at } = body.value;
    let id = at_desk(&desk, move |desk| desk.book_room(&who.0, *room, lot, starts_at, ends_at)).await?;
    Ok(json(StatusCode::CREATED, &Made { id }))
}

/// Gives a booking up.
#[utoipa::path(operation_id = "cancel_booking", tag = "evidence", params(("booking" = Id, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
#[post("/bookings/{booking}/cancel")]
pub async fn cancel_booking(desk: Data<Desk>, who: Who, booking: Path<Id>) -> Answer {
    at_desk(&desk, move |desk| Ok(desk.cancel_booking(&who.0, *booking)?)).await?;
    Ok(done())
}

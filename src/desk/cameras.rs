//! Rooms, their cameras, and who sits in them when.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Desk;
use crate::base::limits::{BOOKINGS_MAX, CAMERA_TEXT_MAX_BYTES, CAMERAS_MAX, PERIOD_MAX, ROOMS_MAX, TITLE_MAX_CHARS};
use crate::base::{Code, Id, Micros};
use crate::engine::Refusal;
use crate::evidence::{Address, AddressError, Elsewhere, Login, Logins, RECORDED_HERE, Status};
use crate::identity::entropy::fresh_id;
use crate::identity::{Action, Identity, ObjectRef, Viewer, may};
use crate::ledger::media::Retention;
use crate::store::Platform;
use crate::store::platform::rooms::{self, BookingRow, CameraRow, RoomRow};

/// A camera as somebody sets it up.
pub struct NewCamera {
    pub room: Id,
    pub name: String,
    /// `rtsp`: recorded here; otherwise the system that records it.
    pub source: String,
    pub address: String,
    /// Empty: the camera asks for none.
    pub user: String,
    pub password: Zeroizing<String>,
    pub retention: Retention,
}

/// Everything that stands, in order of names and times.
pub struct Rooms {
    pub rooms: Vec<RoomRow>,
    pub cameras: Vec<(CameraRow, Option<Status>)>,
    pub bookings: Vec<BookingRow>,
}

/// As it is sealed.
#[derive(Serialize, Deserialize)]
struct Sealed {
    user: String,
    password: Zeroizing<String>,
}

fn purpose(camera: Id) -> String {
    format!("camera {camera}")
}

fn field(name: &str, text: &str, most: usize) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > most || text.chars().any(char::is_control) {
        return Err(Refusal::with(Code::InvalidField, format!("{name}: 1 to {most} characters")));
    }
    Ok(text.to_owned())
}

/// The camera's address, if its source may have such a one.
fn address_of(camera: &NewCamera) -> Result<Address, String> {
    let text = camera.address.trim();
    if camera.source == RECORDED_HERE {
        return text.parse().map_err(|error: AddressError| error.to_string());
    }
    Elsewhere::of(&camera.source, text).map(|elsewhere| elsewhere.address().clone()).map_err(|error| error.to_string())
}

impl Desk {
    /// Rooms with cameras, and the bookings that touch `from..to`. Only those who set cameras up are told addresses.
    pub fn rooms(&self, viewer: &Viewer, from: Micros, to: Micros) -> Result<Rooms, Code> {
        may(viewer, Action::CamerasRead, ObjectRef::NONE)?;
        let manages = may(viewer, Action::CameraManage, ObjectRef::NONE);
        let (rooms, cameras, bookings) = self.platform.read(|tx| {
            let bookings = rooms::bookings(tx, from.get(), to.get(), BOOKINGS_MAX)?;
            Ok::<_, Code>((rooms::rooms(tx, ROOMS_MAX)?, rooms::cameras(tx, CAMERAS_MAX)?, bookings))
        })?;
        let statuses = self.evidence.statuses()?;
        let seen = |mut row: CameraRow| {
            if manages.is_err() {
                row.address.clear();
            }
            let status = row.id.parse::<Id>().ok().and_then(|id| statuses.get(&id).cloned());
            (row, status)
        };
        Ok(Rooms { rooms, cameras: cameras.into_iter().map(seen).collect(), bookings })
    }

    pub fn add_room(&self, viewer: &Viewer, name: &str, place: &str) -> Result<Id, Refusal> {
        may(viewer, Action::CameraManage, ObjectRef::NONE)?;
        let now = self.now();
        let id = fresh_id(&*self.entropy, now);
        let (name, place) = (field("name", name, TITLE_MAX_CHARS)?, field("place", place, TITLE_MAX_CHARS)?);
        let row = RoomRow { id: id.to_string(), name, place, created_at: now.get() };
        self.platform.write(|tx| {
            if i64::try_from(rooms::rooms(tx, ROOMS_MAX)?.len()).unwrap_or(ROOMS_MAX) >= ROOMS_MAX {
                return Err(Code::TooMany);
            }
            rooms::insert_room(tx, &row).map_err(|e| if e.is_duplicate() { Code::RoomExists } else { e.into() })
        })?;
        Ok(id)
    }

    /// Takes the camera on; the recorder finds it within a second. Refuses with `camera_address`, `room_unknown`,
    /// `invalid_field`.
    pub fn add_camera(&self, viewer: &Viewer, camera: &NewCamera) -> Result<Id, Refusal> {
        may(viewer, Action::CameraManage, ObjectRef::NONE)?;
        let address = address_of(camera).map_err(|why| Refusal::with(Code::CameraAddress, why))?;
        let networks = &self.evidence.settings.networks;
        address.check(networks).map_err(|error| Refusal::with(Code::CameraAddress, error.to_string()))?;
        let too_long = camera.user.len().max(camera.password.len()) > CAMERA_TEXT_MAX_BYTES;
        // They stand between quotes in a header.
        let odd = camera.user.chars().any(|c| c.is_control() || c == '"' || c == '\\');
        if too_long || odd {
            return Err(Refusal::with(Code::InvalidField, "user or password: too long, or with quotes"));
        }
        let now = self.now();
        let id = fresh_id(&*self.entropy, now);
        let credentials = if camera.user.is_empty() {
            None
        } else {
            let sealed = Sealed { user: camera.user.clone(), password: camera.password.clone() };
            let bytes = Zeroizing::new(serde_json::to_vec(&sealed).map_err(|_| Code::Internal)?);
            Some(self.identity.seal(&purpose(id), &bytes)?)
        };
        let row = CameraRow {
            id: id.to_string(),
            room: camera.room.to_string(),
            name: field("name", &camera.name, TITLE_MAX_CHARS)?,
            source: camera.source.clone(),
            address: address.to_string(),
            retention: camera.retention.name().into(),
            created_at: now.get(),
            retired_at: None,
        };
        self.platform.write(|tx| {
            rooms::room(tx, &row.room)?.ok_or(Code::RoomUnknown)?;
            if i64::try_from(rooms::cameras(tx, CAMERAS_MAX)?.len()).unwrap_or(CAMERAS_MAX) >= CAMERAS_MAX {
                return Err(Code::TooMany);
            }
            Ok(rooms::insert_camera(tx, &row, credentials.as_deref())?)
        })?;
        Ok(id)
    }

    /// Ends a camera; its footage stays for as long as it has to. Its login is forgotten at once.
    pub fn retire_camera(&self, viewer: &Viewer, camera: Id) -> Result<(), Code> {
        may(viewer, Action::CameraManage, ObjectRef::NONE)?;
        let now = self.now().get();
        let retired = self.platform.write(|tx| Ok::<_, Code>(rooms::retire_camera(tx, &camera.to_string(), now)?))?;
        if retired { Ok(()) } else { Err(Code::CameraUnknown) }
    }

    /// Books a room for a lot's session: its cameras then see that lot. Refuses with `room_unknown`, `lot_unknown`,
    /// `room_taken`, `invalid_field`.
    pub fn book_room(&self, viewer: &Viewer, room: Id, lot: Id, from: Micros, to: Micros) -> Result<Id, Refusal> {
        may(viewer, Action::RoomBook, ObjectRef::NONE)?;
        if to <= from || to.since(from) > PERIOD_MAX {
            return Err(Refusal::with(Code::InvalidField, "ends_at: after starts_at, within a year"));
        }
        if !self.sequencer.read(|committed| committed.state.lots.contains_key(&lot)) {
            return Err(Code::LotUnknown.into());
        }
        let now = self.now();
        let id = fresh_id(&*self.entropy, now);
        let row = BookingRow {
            id: id.to_string(),
            room: room.to_string(),
            lot: lot.to_string(),
            starts_at: from.get(),
            ends_at: to.get(),
            created_at: now.get(),
            cancelled_at: None,
        };
        self.platform.write(|tx| {
            rooms::room(tx, &row.room)?.ok_or(Code::RoomUnknown)?;
            let others = rooms::bookings(tx, row.starts_at, row.ends_at, BOOKINGS_MAX)?;
            if others.iter().any(|other| other.room == row.room) {
                return Err(Code::RoomTaken);
            }
            Ok(rooms::insert_booking(tx, &row)?)
        })?;
        Ok(id)
    }

    pub fn cancel_booking(&self, viewer: &Viewer, booking: Id) -> Result<(), Code> {
        may(viewer, Action::RoomBook, ObjectRef::NONE)?;
        let now = self.now().get();
        let cancelled =
            self.platform.write(|tx| Ok::<_, Code>(rooms::cancel_booking(tx, &booking.to_string(), now)?))?;
        if cancelled { Ok(()) } else { Err(Code::BookingUnknown) }
    }
}

/// Logins of cameras as they rest in the database, sealed.
pub struct SealedLogins {
    identity: Arc<Identity>,
    platform: Platform,
}

impl SealedLogins {
    pub fn new(identity: Arc<Identity>, platform: Platform) -> Self {
        Self { identity, platform }
    }
}

impl Logins for SealedLogins {
    fn login(&self, camera: Id) -> Option<Login> {
        let read = self.platform.read(|tx| rooms::credentials(tx, &camera.to_string()));
        let sealed = read.inspect_err(|error| tracing::error!(%error, "a camera's login")).ok()??;
        let opened = self.identity.unseal(&purpose(camera), &sealed);
        let opened =
            opened.inspect_err(|_| tracing::error!(%camera, "a camera's login was sealed with other keys")).ok()?;
        let Sealed { user, password } = serde_json::from_slice(&opened).ok()?;
        Some(Login { user, password })
    }
}

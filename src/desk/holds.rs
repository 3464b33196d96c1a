//! Legal holds: footage that is not deleted, however old it gets, until the hold is lifted. Each is an entry.

use super::Desk;
use super::footage::reason;
use crate::base::limits::{HOLDS_MAX, PERIOD_MAX};
use crate::base::{Code, Id, Micros};
use crate::engine::Refusal;
use crate::identity::entropy::fresh_id;
use crate::identity::{Action, ObjectRef, Viewer, may};
use crate::ledger::media::{HOLD_LIFTED, HOLD_PLACED, HoldLifted, HoldPlaced};
use crate::sequencer::Outcome;
use crate::store::platform::footage::{self, HoldRow};
use crate::store::platform::rooms;

/// Footage that somebody wants kept.
pub struct HoldWish {
    pub camera: Id,
    pub from: Micros,
    pub to: Micros,
    pub reason: String,
}

impl Desk {
    /// Holds that stand, newest first.
    pub fn holds(&self, viewer: &Viewer) -> Result<Vec<HoldRow>, Code> {
        may(viewer, Action::CamerasRead, ObjectRef::NONE)?;
        Ok(self.platform.read(|tx| footage::holds(tx, &self.ledger_name, HOLDS_MAX))?)
    }

    /// Refuses with `camera_unknown`, `reason_missing`, `invalid_field`, `too_many`.
    pub fn place_hold(&self, viewer: &Viewer, wish: &HoldWish) -> Result<(Id, Outcome), Refusal> {
        may(viewer, Action::HoldPlace, ObjectRef::NONE)?;
        if wish.to <= wish.from || wish.to.since(wish.from) > PERIOD_MAX {
            return Err(Refusal::with(Code::InvalidField, "to: after from, within a year"));
        }
        let (camera, standing) = self
            .platform
            .read(|tx| {
                let camera = rooms::camera(tx, &wish.camera.to_string())?;
                Ok::<_, Code>((camera, footage::holds(tx, &self.ledger_name, HOLDS_MAX)?.len()))
            })
            .map_err(Refusal::from)?;
        camera.ok_or(Code::CameraUnknown)?;
        if i64::try_from(standing).unwrap_or(HOLDS_MAX) >= HOLDS_MAX {
            return Err(Code::TooMany.into());
        }
        let hold = fresh_id(&*self.entropy, self.now());
        let (camera, reason) = (wish.camera, reason(&wish.reason)?);
        let data = HoldPlaced { camera, from: wish.from, hold, reason, to: wish.to };
        let outcome = self.write_record(viewer, HOLD_PLACED, format!("camera/{camera}"), &data)?;
        Ok((hold, outcome))
    }

    /// Refuses with `footage_hold_unknown`, `footage_hold_lifted`, `reason_missing`.
    pub fn lift_hold(&self, viewer: &Viewer, hold: Id, why: &str) -> Result<Outcome, Refusal> {
        may(viewer, Action::HoldLift, ObjectRef::NONE)?;
        let row = self.platform.read(|tx| footage::hold(tx, &hold.to_string())).map_err(Code::from)?;
        let row = row.ok_or(Code::KeepingUnknown)?;
        if row.lifted_at.is_some() {
            return Err(Code::KeepingLifted.into());
        }
        let data = HoldLifted { hold, reason: reason(why)? };
        self.write_record(viewer, HOLD_LIFTED, format!("camera/{}", row.camera), &data)
    }
}

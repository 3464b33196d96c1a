//! Alarms: each is an entry when it is raised and another when it is over, so that nobody can say later that nobody knew.

use std::collections::BTreeMap;

use super::host::Orders;
use super::recording::Recording;
use super::status::Phase;
use crate::base::limits::{CAMERA_DOWN_MAX, CLOCK_UNCERTAINTY_MAX, FOOTAGE_SPACE_LOW_BYTES};
use crate::base::{Code, Id, Micros};
use crate::ledger::media::{ALARM_CLEARED, ALARM_RAISED, Alarm, AlarmKind, to_data};
use crate::sequencer::Record;

/// What one is about: a camera, or the recorder as a whole.
type Key = (Option<Id>, AlarmKind);

/// The alarms that stand, as this recorder has written them.
#[derive(Default)]
pub struct Alarms(BTreeMap<Key, Alarm>);

impl Alarms {
    /// Those that an earlier life of the recorder raised and did not clear.
    pub fn standing(orders: &Orders) -> Self {
        Self(orders.alarms.iter().map(|alarm| ((alarm.camera, alarm.alarm), alarm.clone())).collect())
    }

    /// What has changed, as entries to be written; [`Alarms::written`] takes note of each.
    pub fn changes(&self, recording: &Recording, orders: &Orders) -> Result<Vec<(Alarm, Record)>, Code> {
        let due = due(recording, orders);
        let raised = due.iter().filter(|(key, _)| !self.0.contains_key(key)).map(|(_, alarm)| (ALARM_RAISED, alarm));
        let over = self.0.iter().filter(|(key, _)| !due.contains_key(key)).map(|(_, alarm)| (ALARM_CLEARED, alarm));
        raised.chain(over).map(|(kind, alarm)| Ok((alarm.clone(), record(recording, kind, alarm)?))).collect()
    }

    pub fn written(&mut self, alarm: Alarm) {
        let key = (alarm.camera, alarm.alarm);
        if self.0.remove(&key).is_none() {
            self.0.insert(key, alarm);
        }
    }
}

fn record(recording: &Recording, kind: &str, alarm: &Alarm) -> Result<Record, Code> {
    let actor = recording.own_name();
    let subject = alarm.camera.map_or_else(|| actor.clone(), |camera| format!("camera/{camera}"));
    let data = to_data(alarm).map_err(|_| Code::Internal)?;
    Ok(Record { kind: kind.into(), subject, actor, data })
}

/// What is wrong just now.
fn due(recording: &Recording, orders: &Orders) -> BTreeMap<Key, Alarm> {
    let now = recording.now();
    let mut found = BTreeMap::new();
    for (camera, status) in recording.monitor.statuses() {
        let room = orders.cameras.iter().find(|order| order.camera == camera).map(|order| order.room);
        let mut raise = |alarm: AlarmKind, since: Micros, detail: String| {
            found.insert((Some(camera), alarm), Alarm { alarm, camera: Some(camera), detail, room, since });
        };
        if let Phase::Down { what, .. } = &status.phase
            && now.since(status.since) >= CAMERA_DOWN_MAX
        {
            raise(AlarmKind::CameraDown, status.since, what.clone());
        }
        if let Some(since) = status.silent_since.filter(|_| status.is_silent(now)) {
            let what = if status.has_audio == Some(false) { "the camera sends no sound" } else { "nothing is heard" };
            raise(AlarmKind::MicrophoneSilent, since, what.into());
        }
        if let Some(since) = status.frozen_since.filter(|_| status.is_frozen(now)) {
            raise(AlarmKind::PictureFrozen, since, "the picture does not change".into());
        }
        if let Some(uncertainty) = status.uncertainty.filter(|uncertainty| *uncertainty > CLOCK_UNCERTAINTY_MAX) {
            let detail = format!("times may be off by {} ms", uncertainty.get() / 1_000);
            raise(AlarmKind::ClockUncertain, now, detail);
        }
    }
    if let Ok(Some(space)) = recording.store.space()
        && space.free_bytes < FOOTAGE_SPACE_LOW_BYTES
    {
        let (alarm, detail) =
            (AlarmKind::DiskNearlyFull, format!("{} MiB are left for footage", space.free_bytes >> 20));
        found.insert((None, alarm), Alarm { alarm, camera: None, detail, room: None, since: now });
    }
    found
}

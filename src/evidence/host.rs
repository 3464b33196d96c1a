//! What a recorder asks of the platform that it records for: what to record, and to write what it recorded.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Evidence, Login, Report};
use crate::base::limits::{
    ALARMS_MAX, ANNOUNCE_LATE_MAX, BOOKINGS_MAX, CAMERAS_MAX, RECORDER_AHEAD_MAX, RECORDER_CLAIM_EVERY,
    RECORDER_SILENCE_MAX,
};
use crate::base::{Code, Hash, Id, Micros};
use crate::ledger::media::{
    ALARM_CLEARED, ALARM_RAISED, Alarm, AlarmKind, Retention, SEGMENTS_RECORDED, SegmentsRecorded, Stretch,
};
use crate::sequencer::{Once, Record, Sequencer, Submission};
use crate::store::platform::recorders::{self, ReportRow};
use crate::store::platform::{footage, rooms, views};

/// The platform as a recorder sees it.
pub trait Host: Send + Sync {
    /// What to record just now, and what the ledger knows; `reports`: how the cameras are doing. `holder` names the folder
    /// of the recorder's notes.
    ///
    /// # Errors
    /// `recorder_taken`: another holder records under this name. Anything else: ask again, and go on as before.
    fn look(&self, holder: Id, reports: &[Report]) -> Result<Orders, Code>;

    /// What it was told when somebody last answered, for a recorder that nobody answers when it starts.
    fn told_last(&self) -> Option<Orders> {
        None
    }

    /// `None`: the camera asks for none.
    fn login(&self, camera: Id) -> Option<Login>;

    /// The number of the first segment of the run that no entry announces.
    fn next_segment(&self, run: Id) -> Result<u64, Code>;

    /// Has the record written; the same record is written once, however often it is sent.
    ///
    /// # Errors
    /// [`is_final`] tells whether it will never be written.
    fn write(&self, record: &Record) -> Result<(), Code>;
}

/// What a recorder has to know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orders {
    pub cameras: Vec<Order>,
    /// Whether a room is booked for now.
    pub in_session: bool,
    /// Alarms that stand.
    pub alarms: Vec<Alarm>,
    /// Whether all of this is as new as the ledger.
    pub is_level: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub camera: Id,
    pub room: Id,
    pub address: String,
    /// Up to when the ledger accounts for the camera, by footage or by a gap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounted: Option<Micros>,
    /// How long its footage is kept; a server that does not say so leaves it to its own deletions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
}

/// Whether a refusal means that the record was not written and never will be.
pub fn is_final(code: Code) -> bool {
    matches!(code, Code::FootageLate | Code::InvalidField | Code::Malformed | Code::TooLarge)
}

/// The same process writes the ledger.
pub struct Inside {
    pub evidence: Arc<Evidence>,
    pub sequencer: Sequencer,
}

impl Host for Inside {
    fn look(&self, holder: Id, _: &[Report]) -> Result<Orders, Code> {
        let size = self.sequencer.read(|committed| committed.size);
        // Screens of this process see the cameras themselves.
        self.evidence.orders(&self.evidence.settings.name, holder, &[], size)
    }

    fn login(&self, camera: Id) -> Option<Login> {
        self.evidence.logins.login(camera)
    }

    fn next_segment(&self, run: Id) -> Result<u64, Code> {
        self.evidence.next_segment(run)
    }

    fn write(&self, record: &Record) -> Result<(), Code> {
        let name = &self.evidence.settings.name;
        self.evidence.write_of_recorder(&self.sequencer, name, record).map(drop)
    }
}

impl Evidence {
    /// What the recorder `name` has to know, if it is `holder` who records under that name; see [`Host::look`]. `size`:
    /// how many entries the ledger has.
    pub fn orders(&self, name: &str, holder: Id, reports: &[Report], size: u64) -> Result<Orders, Code> {
        let now = self.now();
        let rows = reports.iter().map(|report| {
            let body = serde_json::to_string(report).map_err(|_| Code::Internal)?;
            Ok(ReportRow { camera: report.camera.to_string(), recorder: name.to_owned(), seen_at: now.get(), body })
        });
        let rows = rows.collect::<Result<Vec<_>, Code>>()?;
        let silent_since = now.minus(RECORDER_SILENCE_MAX).get();
        // A recorder that asks each second need not say each second that it is there.
        let said_since = now.minus(RECORDER_CLAIM_EVERY).get();
        let holder_name = holder.to_string();
        let is_fresh = self.platform.read(|tx| recorders::holds(tx, name, &holder_name, said_since))?;
        if is_fresh && rows.is_empty() {
            return self.orders_now(now, size);
        }
        self.platform.write(|tx| {
            if !recorders::claim(tx, name, &holder_name, now.get(), silent_since)? {
                return Err(Code::RecorderTaken);
            }
            Ok(recorders::put_reports(tx, &rows)?)
        })?;
        self.orders_now(now, size)
    }

    fn orders_now(&self, now: Micros, size: u64) -> Result<Orders, Code> {
        let (cameras, bookings, alarms, next) = self.platform.read(|tx| {
            let cameras = rooms::cameras(tx, CAMERAS_MAX)?;
            let bookings = rooms::bookings(tx, now.get(), now.get().saturating_add(1), BOOKINGS_MAX)?;
            let alarms = footage::alarms(tx, &self.ledger, ALARMS_MAX)?;
            Ok::<_, Code>((cameras, bookings, alarms, views::next_seq(tx, &self.ledger)?))
        })?;
        let mut orders = Orders {
            in_session: !bookings.is_empty(),
            alarms: alarms.iter().filter_map(standing).collect(),
            is_level: u64::try_from(next).is_ok_and(|next| next >= size),
            cameras: Vec::new(),
        };
        for row in cameras.into_iter().filter(|row| row.source == "rtsp") {
            let (Ok(camera), Ok(room)) = (row.id.parse(), row.room.parse()) else { continue };
            let accounted = self.platform.read(|tx| footage::accounted_until(tx, &self.ledger, &row.id))?;
            orders.cameras.push(Order {
                camera,
                room,
                address: row.address,
                accounted: accounted.and_then(Micros::new),
                retention: row.retention.parse().ok(),
            });
        }
        Ok(orders)
    }

    /// See [`Host::next_segment`].
    pub fn next_segment(&self, run: Id) -> Result<u64, Code> {
        let next = self.platform.read(|tx| footage::next_segment(tx, &self.ledger, &run.to_string()))?;
        Ok(u64::try_from(next).unwrap_or(0))
    }

    /// Writes what the recorder `name` says, once. Nobody else's words, and nothing that came too late: digests prove only
    /// that footage existed when they came.
    pub fn write_of_recorder(&self, sequencer: &Sequencer, name: &str, record: &Record) -> Result<u64, Code> {
        let is_own = record.actor == super::actor(name);
        match record.kind.as_str() {
            SEGMENTS_RECORDED if is_own => {
                let data: SegmentsRecorded =
                    serde_json::from_value(record.data.clone()).map_err(|_| Code::InvalidField)?;
                if !self.is_in_time(&data.stretches)? {
                    return Err(Code::FootageLate);
                }
            }
            ALARM_RAISED | ALARM_CLEARED if is_own => {
                let _: Alarm = serde_json::from_value(record.data.clone()).map_err(|_| Code::InvalidField)?;
            }
            _ => return Err(Code::InvalidField),
        }
        let body = serde_json::to_vec(&record.data).map_err(|_| Code::Internal)?;
        // Its times make a record unique, so what it says is its name.
        let key = Hash::of_parts(&[b"recorder\0", record.kind.as_bytes(), record.subject.as_bytes(), &body]);
        let once = Once { key, body: key, reused: Code::KeyReused };
        let outcome = sequencer.submit(Submission::record(record.clone()).once(once)).wait();
        outcome.map(|outcome| outcome.first).map_err(|refusal| refusal.code)
    }

    /// Whether every segment comes while it may, or came before and is only told again.
    fn is_in_time(&self, stretches: &[Stretch]) -> Result<bool, Code> {
        let now = self.now();
        for stretch in stretches {
            let early = stretch.to() > now.plus(stretch.uncertainty).plus(RECORDER_AHEAD_MAX);
            let first = stretch.timed().next().map(|(_, from, segment)| from.plus(segment.span));
            let late = first.is_none_or(|end| end.plus(ANNOUNCE_LATE_MAX) < now);
            if early || late && self.next_segment(stretch.run)? < stretch.next() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn standing(row: &footage::AlarmRow) -> Option<Alarm> {
    let alarm: AlarmKind = row.kind.parse().ok()?;
    let since = Micros::new(row.raised_at)?;
    Some(Alarm { alarm, camera: row.camera.parse().ok(), detail: String::new(), room: None, since })
}

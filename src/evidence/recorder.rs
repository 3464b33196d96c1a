//! The recorder: a watch a camera, and one entry for all of them every few seconds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::alarms::Alarms;
use super::camera::{Camera, Stop};
use super::status::Watched;
use super::{Evidence, lock};
use crate::base::limits::{ANNOUNCE_EVERY, ANNOUNCE_EVERY_IDLE, BOOKINGS_MAX, CAMERAS_MAX};
use crate::base::{Code, Id, Micros, Span};
use crate::ledger::media::{Gap, SEGMENTS_RECORDED, to_data};
use crate::sequencer::{Record, Sequencer, Submission};
use crate::store::StoreError;
use crate::store::platform::{footage, rooms, views};

/// How often it looks at its list of cameras and at what waits.
const LOOK_EVERY: Span = Span::secs(1);
/// How long a start waits for the tables to be level with the ledger.
const LEVEL_MAX: Duration = Duration::from_secs(30);

/// A running recorder; dropping it ends it, and announces what is there.
pub struct Recorder {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    pub fn start(evidence: Arc<Evidence>, sequencer: Sequencer) -> std::io::Result<Self> {
        let stop = Arc::new(Stop::default());
        let own =
            Work { evidence, sequencer, stop: Arc::clone(&stop), watches: BTreeMap::new(), resolved: BTreeSet::new() };
        let thread = thread::Builder::new().name("recorder".into()).spawn(move || own.run())?;
        Ok(Self { stop, thread: Some(thread) })
    }

    pub fn stop(&mut self) {
        self.stop.set();
        if let Some(thread) = self.thread.take() {
            // A panic in it was logged; there is nothing left to wait for.
            let _ = thread.join();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Watch {
    stop: Arc<Stop>,
    address: String,
    thread: JoinHandle<()>,
}

struct Work {
    evidence: Arc<Evidence>,
    sequencer: Sequencer,
    stop: Arc<Stop>,
    watches: BTreeMap<Id, Watch>,
    /// Clips whose references are written.
    resolved: BTreeSet<Id>,
}

impl Work {
    fn run(mut self) {
        self.wait_for_tables();
        if let Err(error) = self.recover() {
            tracing::error!(%error, "what an earlier recorder left cannot be read");
        }
        let mut announced = Instant::now();
        let mut alarms = Alarms::standing(&self.evidence).unwrap_or_default();
        while !self.stop.wait(LOOK_EVERY) {
            if let Err(error) = self.follow_list() {
                tracing::error!(%error, "the list of cameras cannot be read");
            }
            let every = if self.is_in_session() { ANNOUNCE_EVERY } else { ANNOUNCE_EVERY_IDLE };
            if announced.elapsed() >= Duration::from_micros(every.get()) {
                self.announce_all();
                announced = Instant::now();
            }
            self.tend(&mut alarms);
        }
        for watch in self.watches.values() {
            watch.stop.set();
        }
        for (_, watch) in std::mem::take(&mut self.watches) {
            // A panic was logged by its thread.
            let _ = watch.thread.join();
        }
        self.announce_all();
    }

    /// Alarms, and clips whose footage is in. What the ledger does not take now is due again at the next look.
    fn tend(&mut self, alarms: &mut Alarms) {
        let changes = alarms.changes(&self.evidence).unwrap_or_else(|code| {
            tracing::error!(%code, "alarms cannot be looked at");
            Vec::new()
        });
        for (alarm, record) in changes {
            if self.submit(record).is_ok() {
                alarms.written(alarm);
            }
        }
        let due = self.evidence.due_clips(&*self.sequencer.reader()).unwrap_or_else(|code| {
            tracing::error!(%code, "clips cannot be resolved");
            Vec::new()
        });
        for (clip, record) in due {
            // The tables learn of it a moment later than the ledger.
            if !self.resolved.contains(&clip) && self.submit(record).is_ok() {
                self.resolved.insert(clip);
            }
        }
    }

    /// What was announced is known from the tables, which follow the ledger.
    fn wait_for_tables(&self) {
        let began = Instant::now();
        let ledger = &self.evidence.ledger;
        let size = i64::try_from(self.sequencer.read(|committed| committed.size)).unwrap_or(i64::MAX);
        while began.elapsed() < LEVEL_MAX && !self.stop.is_set() {
            let reach = self.evidence.platform.read(|tx| views::next_seq(tx, ledger));
            if reach.is_ok_and(|next| next >= size) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Segments that are on disk and in no entry wait again; those that are too late become gaps when their turn comes.
    fn recover(&self) -> Result<(), Box<dyn std::error::Error>> {
        let ledger = &self.evidence.ledger;
        let mut ends = BTreeMap::new();
        let mut left = BTreeMap::new();
        for recorded in self.evidence.journals.left()? {
            left.entry(recorded.run).or_insert_with(Vec::new).push(recorded);
        }
        for (run, segments) in left {
            let next = self.evidence.platform.read(|tx| footage::next_segment(tx, ledger, &run.to_string()))?;
            let next = u64::try_from(next).unwrap_or(0);
            for recorded in segments.into_iter().filter(|recorded| recorded.number >= next) {
                let end = ends.entry(recorded.camera).or_insert_with(|| recorded.to());
                *end = (*end).max(recorded.to());
                self.evidence.pending.segment(recorded);
            }
            lock(&self.evidence.ended).push(run);
        }
        *lock(&self.evidence.recovered) = ends;
        Ok(())
    }

    fn follow_list(&mut self) -> Result<(), StoreError> {
        let rows = self.evidence.platform.read(|tx| rooms::cameras(tx, CAMERAS_MAX))?;
        let wanted: BTreeMap<Id, String> = rows
            .into_iter()
            .filter(|row| row.source == "rtsp")
            .filter_map(|row| Some((row.id.parse().ok()?, row.address)))
            .collect();
        let gone: Vec<Id> =
            self.watches.iter().filter(|(id, w)| wanted.get(id) != Some(&w.address)).map(|(id, _)| *id).collect();
        for id in gone {
            if let Some(watch) = self.watches.remove(&id) {
                watch.stop.set();
                let _ = watch.thread.join();
                lock(&self.evidence.watched).remove(&id);
            }
        }
        for (id, address) in wanted {
            if !self.watches.contains_key(&id)
                && let Some(watch) = self.begin(id, address)?
            {
                self.watches.insert(id, watch);
            }
        }
        Ok(())
    }

    fn begin(&self, id: Id, address: String) -> Result<Option<Watch>, StoreError> {
        let known =
            self.evidence.platform.read(|tx| footage::accounted_until(tx, &self.evidence.ledger, &id.to_string()))?;
        let known = known.and_then(Micros::new).max(lock(&self.evidence.recovered).get(&id).copied());
        let watched = Arc::new(Watched::new(known, self.evidence.now()));
        lock(&self.evidence.watched).insert(id, Arc::clone(&watched));
        let stop = Arc::new(Stop::default());
        let (evidence, own) = (Arc::clone(&self.evidence), Arc::clone(&stop));
        let camera = Camera { id, address: address.clone(), evidence, watched, stop: own };
        match thread::Builder::new().name("camera".into()).spawn(move || camera.watch()) {
            Ok(thread) => Ok(Some(Watch { stop, address, thread })),
            Err(error) => {
                tracing::error!(%error, camera = %id, "a camera's watch cannot be started");
                Ok(None)
            }
        }
    }

    /// Whether a room is booked for now.
    fn is_in_session(&self) -> bool {
        let now = self.evidence.now().get();
        let found = self.evidence.platform.read(|tx| rooms::bookings(tx, now, now.saturating_add(1), BOOKINGS_MAX));
        found.is_ok_and(|bookings: Vec<_>| !bookings.is_empty())
    }

    fn announce_all(&self) {
        let now = self.evidence.now();
        for (camera, watched) in lock(&self.evidence.watched).iter() {
            if let Some((cause, from, to)) = watched.missing(now) {
                self.evidence.pending.gap(Gap { camera: *camera, cause, from, to });
            }
        }
        while let Some(announcement) = self.evidence.pending.announcement(self.evidence.now()) {
            match self.announce(&announcement.data) {
                Ok(()) => self.evidence.pending.announced(&announcement),
                Err(code) => {
                    tracing::warn!(%code, "footage waits: the ledger does not take its digests");
                    return;
                }
            }
        }
        self.forget_ended();
    }

    fn announce(&self, data: &crate::ledger::media::SegmentsRecorded) -> Result<(), Code> {
        let name = self.evidence.own_name();
        let data = to_data(data).map_err(|error| {
            tracing::error!(%error, "an announcement has no form");
            Code::Internal
        })?;
        self.submit(Record { kind: SEGMENTS_RECORDED.into(), subject: name.clone(), actor: name, data })
    }

    fn submit(&self, record: Record) -> Result<(), Code> {
        self.sequencer.submit(Submission::record(record)).wait().map(drop).map_err(|refusal| refusal.code)
    }

    /// Journals of runs that are over and wholly announced have done their work.
    fn forget_ended(&self) {
        lock(&self.evidence.ended).retain(|run| {
            if self.evidence.pending.waits(*run) {
                return true;
            }
            self.evidence.pending.forget(*run);
            if let Err(error) = self.evidence.journals.end(*run) {
                tracing::warn!(%error, "a journal cannot be removed");
            }
            false
        });
    }
}

//! The recorder: a watch a camera, and one entry for all of them every few seconds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::alarms::Alarms;
use super::camera::{Camera, Stop};
use super::host::{Order, Orders, is_final};
use super::lock;
use super::pending::Announcement;
use super::recording::{Equipment, Recording};
use super::status::Watched;
use crate::base::limits::{ANNOUNCE_EVERY, ANNOUNCE_EVERY_IDLE};
use crate::base::{Code, Id, Micros, Span};
use crate::ledger::media::{Gap, SEGMENTS_RECORDED, SegmentsRecorded, to_data};
use crate::sequencer::Record;

/// How often it looks at its list of cameras and at what waits.
const LOOK_EVERY: Span = Span::secs(1);
/// The same before it has begun.
const LOOK_AGAIN: Span = Span::micros(300_000);
/// How long a recorder that ends tries to have its last words written.
const LAST_WORDS_MAX: Duration = Duration::from_secs(5);

/// A running recorder; dropping it ends it, and announces what is there.
pub struct Recorder {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Fails where another recorder uses the folder of notes.
    pub fn start(equipment: Equipment) -> std::io::Result<Self> {
        let recording = Arc::new(Recording::open(equipment)?);
        let stop = Arc::new(Stop::default());
        let own = Work {
            alarms: Alarms::default(),
            recording,
            stop: Arc::clone(&stop),
            orders: Orders::default(),
            watches: BTreeMap::new(),
            in_flight: None,
        };
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
    recording: Arc<Recording>,
    stop: Arc<Stop>,
    orders: Orders,
    watches: BTreeMap<Id, Watch>,
    alarms: Alarms,
    /// An announcement without an answer yet: until there is one, nothing else is announced.
    in_flight: Option<(Announcement, Record)>,
}

impl Work {
    fn run(mut self) {
        if !self.begin() {
            return;
        }
        let mut announced = Instant::now();
        while !self.stop.wait(LOOK_EVERY) {
            let is_ours = self.look();
            self.follow_list(is_ours);
            let every = if self.orders.in_session { ANNOUNCE_EVERY } else { ANNOUNCE_EVERY_IDLE };
            if announced.elapsed() >= Duration::from_micros(every.get()) {
                self.announce_all();
                announced = Instant::now();
            }
            if is_ours {
                self.tend();
            }
        }
        self.follow_list(false);
        let ending = Instant::now();
        while !self.announce_all() && ending.elapsed() < LAST_WORDS_MAX {
            thread::sleep(Duration::from_secs(1));
        }
    }

    /// Waits until the name is ours and what the ledger knows is known here, then takes up what an earlier life left.
    fn begin(&mut self) -> bool {
        loop {
            let known = self.look() && self.orders.is_level;
            if known {
                match self.recover() {
                    Ok(()) => break,
                    Err(error) => tracing::error!(%error, "what an earlier recorder left cannot be taken up yet"),
                }
            }
            if self.stop.wait(LOOK_AGAIN) {
                return false;
            }
        }
        self.alarms = Alarms::standing(&self.orders);
        self.follow_list(true);
        true
    }

    /// Asks what to do; answers whether this recorder has its name. While nobody answers, everything stays as it was.
    fn look(&mut self) -> bool {
        let reports = self.recording.monitor.reports();
        match self.recording.host.look(self.recording.journals.holder, &reports) {
            Ok(orders) => self.orders = orders,
            Err(Code::RecorderTaken) => {
                tracing::warn!("another recorder records under this name");
                return false;
            }
            Err(code) => tracing::warn!(%code, "the recorder is told nothing and goes on as before"),
        }
        true
    }

    /// Alarms. What the ledger does not take now is due again at the next look.
    fn tend(&mut self) {
        let changes = self.alarms.changes(&self.recording, &self.orders).unwrap_or_else(|code| {
            tracing::error!(%code, "alarms cannot be looked at");
            Vec::new()
        });
        for (alarm, record) in changes {
            if self.recording.host.write(&record).is_ok() {
                self.alarms.written(alarm);
            }
        }
    }

    /// Segments that are on disk and in no entry wait again; those that are too late become gaps when their turn comes.
    fn recover(&mut self) -> Result<(), Box<dyn std::error::Error>> {
        let recording = &self.recording;
        // The last announcement may have been written although nobody heard so; sent again, it is written once.
        let mut told: BTreeMap<Id, u64> = BTreeMap::new();
        if let Some(record) = recording.journals.sent()? {
            let written = recording.host.write(&record);
            match written {
                Ok(()) => {
                    let data: SegmentsRecorded = serde_json::from_value(record.data)?;
                    told.extend(data.stretches.iter().map(|stretch| (stretch.run, stretch.next())));
                }
                Err(code) if is_final(code) => {}
                Err(code) => return Err(code.en().into()),
            }
        }
        let mut ends = BTreeMap::new();
        let mut left = BTreeMap::new();
        for recorded in recording.journals.left()? {
            left.entry(recorded.run).or_insert_with(Vec::new).push(recorded);
        }
        let mut waiting = Vec::new();
        for (run, segments) in &left {
            let known = recording.host.next_segment(*run).map_err(Code::en)?;
            let next = known.max(told.get(run).copied().unwrap_or(0));
            waiting.extend(segments.iter().filter(|recorded| recorded.number >= next).cloned());
        }
        for recorded in waiting {
            let end = ends.entry(recorded.camera).or_insert_with(|| recorded.to());
            *end = (*end).max(recorded.to());
            recording.pending.segment(recorded);
        }
        lock(&recording.ended).extend(left.keys());
        *lock(&recording.recovered) = ends;
        Ok(())
    }

    /// Watches the cameras of the list, or none while the name is not ours.
    fn follow_list(&mut self, is_ours: bool) {
        let orders = std::mem::take(&mut self.orders.cameras);
        let wanted: BTreeMap<Id, &Order> =
            orders.iter().filter(|_| is_ours).map(|order| (order.camera, order)).collect();
        let gone: Vec<Id> = self
            .watches
            .iter()
            .filter(|(id, watch)| wanted.get(id).is_none_or(|order| order.address != watch.address))
            .map(|(id, _)| *id)
            .collect();
        // All of them first, so that their last segments come together.
        for id in &gone {
            if let Some(watch) = self.watches.get(id) {
                watch.stop.set();
            }
        }
        for id in gone {
            if let Some(watch) = self.watches.remove(&id) {
                // A panic was logged by its thread.
                let _ = watch.thread.join();
                self.recording.monitor.forget(id);
            }
        }
        for (id, order) in wanted {
            if !self.watches.contains_key(&id)
                && let Some(watch) = self.watch(order)
            {
                self.watches.insert(id, watch);
            }
        }
        self.orders.cameras = orders;
    }

    fn watch(&self, order: &Order) -> Option<Watch> {
        let id = order.camera;
        let known = order.accounted.max(lock(&self.recording.recovered).get(&id).copied());
        let watched = Arc::new(Watched::new(known, self.recording.now()));
        self.recording.monitor.watch(id, Arc::clone(&watched));
        let stop = Arc::new(Stop::default());
        let (recording, own) = (Arc::clone(&self.recording), Arc::clone(&stop));
        let address = order.address.clone();
        let camera = Camera { id, address: address.clone(), recording, watched, stop: own };
        match thread::Builder::new().name("camera".into()).spawn(move || camera.watch()) {
            Ok(thread) => Some(Watch { stop, address, thread }),
            Err(error) => {
                tracing::error!(%error, camera = %id, "a camera's watch cannot be started");
                None
            }
        }
    }

    /// Announces what waits; answers whether nothing waits any more.
    fn announce_all(&mut self) -> bool {
        let now = self.recording.now();
        for (camera, watched) in self.recording.monitor.all() {
            if let Some((cause, from, to)) = watched.missing(now) {
                self.recording.pending.gap(Gap { camera, cause, from, to });
            }
        }
        loop {
            let next = self.in_flight.take().or_else(|| self.next(self.recording.now()));
            let Some((announcement, record)) = next else { break };
            match self.recording.host.write(&record) {
                Ok(()) => self.recording.pending.announced(&announcement),
                Err(code) if is_final(code) => {
                    // What was too late is a gap when it is looked at again.
                    tracing::warn!(%code, "the ledger refuses the digests of footage");
                    return false;
                }
                Err(code) => {
                    tracing::warn!(%code, "footage waits: the ledger does not take its digests");
                    self.in_flight = Some((announcement, record));
                    return false;
                }
            }
        }
        self.forget_ended();
        true
    }

    /// The next announcement, noted on disk before it is sent.
    fn next(&self, now: Micros) -> Option<(Announcement, Record)> {
        let announcement = self.recording.pending.announcement(now)?;
        let data = to_data(&announcement.data);
        let data = data.inspect_err(|error| tracing::error!(%error, "an announcement has no form")).ok()?;
        let name = self.recording.own_name();
        let record = Record { kind: SEGMENTS_RECORDED.into(), subject: name.clone(), actor: name, data };
        if let Err(error) = self.recording.journals.sending(&record) {
            // Without the note, a recorder that died now might announce it twice.
            tracing::error!(%error, "footage waits: the recorder cannot note what it announces");
            return None;
        }
        Some((announcement, record))
    }

    /// Journals of runs that are over and wholly announced have done their work.
    fn forget_ended(&self) {
        let recording = &self.recording;
        lock(&recording.ended).retain(|run| {
            if recording.pending.waits(*run) {
                return true;
            }
            recording.pending.forget(*run);
            if let Err(error) = recording.journals.end(*run) {
                tracing::warn!(%error, "a journal cannot be removed");
            }
            false
        });
    }
}

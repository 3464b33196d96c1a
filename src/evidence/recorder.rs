//! The recorder: a watch a camera, and one entry for all of them every few seconds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::alarms::Alarms;
use super::camera::{Camera, Stop};
use super::host::{Order, Orders, is_final};
use super::journal::Recorded;
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
            left: None,
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
    /// What an earlier life left, until the ledger was asked how much of it it knows. Nothing is announced before.
    left: Option<Left>,
    /// An announcement without an answer yet: until there is one, nothing else is announced.
    in_flight: Option<(Announcement, Record)>,
}

/// What an earlier life of the recorder left.
struct Left {
    /// By runs, each in order.
    segments: BTreeMap<Id, Vec<Recorded>>,
    /// Its last announcement: written perhaps, although nobody heard so.
    sent: Option<Record>,
}

/// What came of asking.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// Whether all that it was told is as new as the ledger.
    Orders { is_level: bool },
    /// Whoever records goes on as before.
    NoAnswer,
    /// The server does not know this recorder. Whoever records goes on: the server may have been set up wrongly just now.
    Stranger,
    /// Another recorder has the name.
    Taken,
}

impl Work {
    fn run(mut self) {
        if !self.begin() {
            return;
        }
        let mut announced = Instant::now();
        while !self.stop.wait(LOOK_EVERY) {
            let heard = self.look();
            self.follow_list(heard != Heard::Taken);
            let is_known = self.catch_up(heard);
            let every = if self.orders.in_session { ANNOUNCE_EVERY } else { ANNOUNCE_EVERY_IDLE };
            if is_known && announced.elapsed() >= Duration::from_micros(every.get()) {
                self.announce_all();
                announced = Instant::now();
            }
            if is_known && heard != Heard::Taken {
                self.tend();
            }
        }
        self.follow_list(false);
        let ending = Instant::now();
        while !(self.is_known() && self.announce_all()) && ending.elapsed() < LAST_WORDS_MAX {
            thread::sleep(Duration::from_secs(1));
        }
    }

    /// Waits until it is known what to record: because the name is ours and somebody says so, or, while nobody answers,
    /// because it was said last time. What an earlier life left is read before this one writes anything.
    fn begin(&mut self) -> bool {
        while self.left.is_none() {
            match self.look_back() {
                Ok(left) => self.left = Some(left),
                Err(error) => {
                    tracing::error!(%error, "what an earlier recorder left cannot be read yet");
                    if self.stop.wait(LOOK_AGAIN) {
                        return false;
                    }
                }
            }
        }
        loop {
            let heard = self.look();
            if self.catch_up(heard) {
                break;
            }
            if heard == Heard::NoAnswer
                && let Some(orders) = self.recording.host.told_last()
            {
                tracing::warn!(
                    cameras = orders.cameras.len(),
                    "nobody answers: recording what was to be recorded last"
                );
                self.orders = orders;
                break;
            }
            if self.stop.wait(LOOK_AGAIN) {
                return false;
            }
        }
        self.follow_list(true);
        true
    }

    /// Asks what to do.
    fn look(&mut self) -> Heard {
        let reports = self.recording.monitor.reports();
        match self.recording.host.look(self.recording.journals.holder, &reports) {
            Ok(orders) => {
                let is_level = orders.is_level;
                self.orders = orders;
                Heard::Orders { is_level }
            }
            Err(Code::RecorderTaken) => {
                tracing::warn!("another recorder records under this name");
                Heard::Taken
            }
            Err(code @ (Code::NotSignedIn | Code::Forbidden)) => {
                tracing::warn!(%code, "the server does not know this recorder");
                Heard::Stranger
            }
            Err(code) => {
                tracing::warn!(%code, "the recorder is told nothing and goes on as before");
                Heard::NoAnswer
            }
        }
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

    /// What an earlier life left; of each camera that is accounted for up to there.
    fn look_back(&self) -> std::io::Result<Left> {
        let journals = &self.recording.journals;
        let (mut segments, mut ends) = (BTreeMap::new(), BTreeMap::new());
        for recorded in journals.left()? {
            let end = ends.entry(recorded.camera).or_insert_with(|| recorded.to());
            *end = (*end).max(recorded.to());
            segments.entry(recorded.run).or_insert_with(Vec::new).push(recorded);
        }
        *lock(&self.recording.recovered) = ends;
        Ok(Left { segments, sent: journals.sent()? })
    }

    /// Takes up what an earlier life left as soon as what the ledger knows of it is known here. Answers whether that is done.
    fn catch_up(&mut self, heard: Heard) -> bool {
        let Some(left) = &self.left else { return true };
        if heard != (Heard::Orders { is_level: true }) {
            return false;
        }
        if let Err(code) = self.recover(left) {
            tracing::error!(%code, "what an earlier recorder left cannot be taken up yet");
            return false;
        }
        self.left = None;
        self.alarms = Alarms::standing(&self.orders);
        true
    }

    fn is_known(&mut self) -> bool {
        self.left.is_none() || {
            let heard = self.look();
            self.catch_up(heard)
        }
    }

    /// Segments that are on disk and in no entry wait again; those that are too late become gaps when their turn comes.
    fn recover(&self, left: &Left) -> Result<(), Code> {
        let recording = &self.recording;
        // The last announcement may have been written although nobody heard so; sent again, it is written once.
        let mut told: BTreeMap<Id, u64> = BTreeMap::new();
        if let Some(record) = &left.sent {
            match recording.host.write(record) {
                Ok(()) => {
                    let data: SegmentsRecorded =
                        serde_json::from_value(record.data.clone()).map_err(|_| Code::Internal)?;
                    told.extend(data.stretches.iter().map(|stretch| (stretch.run, stretch.next())));
                }
                Err(code) if is_final(code) => {}
                Err(code) => return Err(code),
            }
        }
        let mut waiting = Vec::new();
        for (run, segments) in &left.segments {
            let known = recording.host.next_segment(*run)?;
            let next = known.max(told.get(run).copied().unwrap_or(0));
            waiting.extend(segments.iter().filter(|recorded| recorded.number >= next).cloned());
        }
        // Older than anything of this life.
        recording.pending.earlier(waiting);
        lock(&recording.ended).extend(left.segments.keys());
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
        let (address, retention) = (order.address.clone(), order.retention);
        let camera = Camera { id, address: address.clone(), retention, recording, watched, stop: own };
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

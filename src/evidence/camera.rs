//! One camera, watched for as long as it is there: read it, cut what comes, keep it, and when it ends say why.

use std::io::BufReader;
use std::process::Child;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::ffmpeg::{self, Sign};
use super::journal::{Journal, Recorded};
use super::media_clock::MediaClock;
use super::mp4::Tracks;
use super::relay::{Behind, Hook, Relay};
use super::rtsp::{self, CameraError};
use super::splitter::{Cut, Piece, Splitter};
use super::status::{Footage, Watched};
use super::{Address, Recording, lock};
use crate::base::limits::{CLOCK_STEP_MIN, GAP_MIN};
use crate::base::{Hash, Id, Micros, Span};
use crate::ledger::media::{Cause, FileName, Gap, Retention, Segment, run_link, segment_link};

/// What is read from ffmpeg at a time, and how many such pieces may wait.
const READ_BYTES: usize = 64 * 1_024;
const READS_WAITING: usize = 64;
/// ffmpeg that is asked to end gets this long; and with a camera that sends, something whole comes out within this.
const END_MAX: Duration = Duration::from_secs(3);
const PIECE_MAX: Duration = Duration::from_secs(40);

/// Ends a watch from outside.
#[derive(Default)]
pub struct Stop {
    state: Mutex<Stopping>,
    changed: std::sync::Condvar,
}

#[derive(Default)]
struct Stopping {
    is_set: bool,
    relay: Option<Hook>,
}

impl Stop {
    pub fn set(&self) {
        let mut state = lock(&self.state);
        state.is_set = true;
        // ffmpeg then writes what it has and ends.
        if let Some(relay) = &state.relay {
            relay.shut();
        }
        self.changed.notify_all();
    }

    pub fn is_set(&self) -> bool {
        lock(&self.state).is_set
    }

    /// Waits; answers whether it was told to stop meanwhile.
    pub fn wait(&self, span: Span) -> bool {
        let state = lock(&self.state);
        let waited = self.changed.wait_timeout_while(state, Duration::from_micros(span.get()), |state| !state.is_set);
        waited.map_or(true, |(state, _)| state.is_set)
    }

    fn hold(&self, relay: Option<Hook>) {
        let mut state = lock(&self.state);
        if state.is_set
            && let Some(relay) = &relay
        {
            relay.shut();
        }
        state.relay = relay;
    }
}

/// A camera under watch.
pub struct Camera {
    pub id: Id,
    pub address: String,
    pub retention: Option<Retention>,
    pub recording: Arc<Recording>,
    pub watched: Arc<Watched>,
    pub stop: Arc<Stop>,
}

impl Camera {
    /// Until it is told to stop.
    pub fn watch(&self) {
        use crate::base::limits::{CAMERA_RETRY_MAX, CAMERA_RETRY_MIN};
        let mut wait = CAMERA_RETRY_MIN;
        while !self.stop.is_set() {
            let (error, segments) = match self.run() {
                Ok(ended) => ended,
                Err(error) => (error, 0),
            };
            if segments > 0 {
                wait = CAMERA_RETRY_MIN;
            }
            if self.stop.is_set() {
                break;
            }
            tracing::warn!(camera = %self.id, cause = %error.cause, what = %error.what, segments, "a camera's run ended");
            self.watched.down(error, self.recording.now());
            if self.stop.wait(wait) {
                break;
            }
            wait = Span::micros(wait.get() * 2).min(CAMERA_RETRY_MAX);
        }
    }

    /// Until when what is recorded now must be kept.
    fn keep_until(&self) -> Option<Micros> {
        self.retention.map(|retention| self.recording.now().plus(retention.span()))
    }

    /// One uninterrupted reading. Answers why it ended and how many segments it brought.
    fn run(&self) -> Result<(CameraError, u64), CameraError> {
        self.recording.check_space().map_err(|what| CameraError { cause: Cause::DiskFull, what })?;
        let address: Address = self.address.parse().map_err(|error| CameraError::gone(format!("{error}")))?;
        let uri = address.to_string();
        let camera = address.resolve(&self.recording.networks);
        let camera = camera.map_err(|error| CameraError::network(error.to_string()))?;
        let login = self.recording.host.login(self.id);
        let offer = rtsp::look(camera, &uri, login.as_ref())?;
        let secret = self.recording.fresh_id().to_string();
        let ours = |error: std::io::Error| CameraError { cause: Cause::RecorderRestarted, what: error.to_string() };
        let relay = Relay::open(Behind { camera, uri, login }, &secret).map_err(ours)?;
        self.stop.hold(Some(relay.hook()));
        let mut command = ffmpeg::command(&self.recording.ffmpeg, &relay.url, &offer);
        let child = command.spawn().map_err(|error| {
            let what = format!("{} cannot be started: {error}", self.recording.ffmpeg.display());
            CameraError { cause: Cause::RecorderRestarted, what }
        });
        let read = child.map(|mut child| {
            let mut run = Run::new(self);
            let ended = run.read(&mut child);
            end(&mut child);
            (ended, run.finish())
        });
        self.stop.hold(None);
        let behind = relay.close();
        let ((ended, said), segments) = read?;
        // Who ended first names the cause; ffmpeg's own last words are the least telling.
        let error = ended.or(behind).unwrap_or_else(|| CameraError {
            cause: Cause::RecorderRestarted,
            what: said.unwrap_or_else(|| "ffmpeg ended".into()),
        });
        Ok((error, segments))
    }
}

fn end(child: &mut Child) {
    let began = Instant::now();
    while began.elapsed() < END_MAX {
        if let Ok(Some(_)) = child.try_wait() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    // It may have ended just now.
    let _ = child.kill();
    let _ = child.wait();
}

/// One run on its way.
struct Run<'a> {
    camera: &'a Camera,
    splitter: Option<Splitter>,
    clock: MediaClock,
    began: (Instant, Micros),
    open: Option<Open>,
    /// The loudest second since the last segment.
    level: Arc<Mutex<Option<i32>>>,
}

/// A run whose init segment is on disk.
struct Open {
    run: Id,
    tracks: Tracks,
    init: Hash,
    journal: Journal,
    next: u64,
    link: Hash,
}

impl<'a> Run<'a> {
    fn new(camera: &'a Camera) -> Self {
        Self {
            camera,
            splitter: Some(Splitter::default()),
            clock: MediaClock::default(),
            began: (Instant::now(), camera.recording.now()),
            open: None,
            level: Arc::default(),
        }
    }

    /// Reads until ffmpeg's output ends or may not go on. Answers why, if it was our own decision, and ffmpeg's last words.
    fn read(&mut self, child: &mut Child) -> (Option<CameraError>, Option<String>) {
        let (Some(mut output), Some(errors)) = (child.stdout.take(), child.stderr.take()) else { return (None, None) };
        let (give, take) = sync_channel(READS_WAITING);
        let (level, watched) = (Arc::clone(&self.level), Arc::clone(&self.camera.watched));
        thread::scope(|scope| {
            let said = scope.spawn(move || listen(BufReader::new(errors), &level, &watched));
            scope.spawn(move || pump(&mut output, &give));
            let ended = self.take_all(&take);
            // The pump waits for room in the channel, or for ffmpeg.
            drop(take);
            if ended.is_some() {
                let _ = child.kill();
            }
            (ended, said.join().ok().flatten())
        })
    }

    fn take_all(&mut self, take: &Receiver<Vec<u8>>) -> Option<CameraError> {
        let mut last = Instant::now();
        loop {
            let bytes = match take.recv_timeout(Duration::from_secs(1)) {
                Ok(bytes) => bytes,
                Err(RecvTimeoutError::Timeout) if last.elapsed() < PIECE_MAX => continue,
                Err(RecvTimeoutError::Timeout) => return Some(CameraError::gone("no key frame comes from the camera")),
                Err(RecvTimeoutError::Disconnected) => return None,
            };
            let pieces = match self.splitter.as_mut().map(|splitter| splitter.feed(&bytes)) {
                Some(Ok(pieces)) => pieces,
                Some(Err(error)) => return Some(CameraError::gone(error.to_string())),
                None => return None,
            };
            for piece in pieces {
                last = Instant::now();
                if let Err(error) = self.keep(piece) {
                    // What follows would have no place in the chain.
                    self.splitter = None;
                    return Some(error);
                }
            }
        }
    }

    /// The last, short segment; then how many there were.
    fn finish(mut self) -> u64 {
        if let Some(cut) = self.splitter.take().and_then(Splitter::finish)
            && let Err(error) = self.keep(Piece::Segment(cut))
        {
            tracing::warn!(camera = %self.camera.id, what = %error.what, "the last segment of a run is lost");
        }
        self.camera.watched.run_ended();
        self.open.map_or(0, |open| {
            lock(&self.camera.recording.ended).push(open.run);
            open.next
        })
    }

    fn keep(&mut self, piece: Piece) -> Result<(), CameraError> {
        match piece {
            Piece::Init { bytes, tracks } => self.begin(&bytes, tracks),
            Piece::Segment(cut) => self.segment(&cut),
        }
    }

    fn begin(&mut self, bytes: &[u8], tracks: Tracks) -> Result<(), CameraError> {
        let recording = &self.camera.recording;
        let run = recording.fresh_id();
        let init = Hash::of(bytes);
        let name = FileName { run, number: None };
        recording.store.put(name, bytes, self.camera.keep_until()).map_err(|error| disk(&error))?;
        let journal = recording.journals.begin(run).map_err(|error| disk(&error))?;
        let link = run_link(self.camera.id, run, init);
        self.open = Some(Open { run, tracks, init, journal, next: 0, link });
        Ok(())
    }

    fn segment(&mut self, cut: &Cut) -> Result<(), CameraError> {
        let recording = &self.camera.recording;
        let now = recording.now();
        self.check_clock(now)?;
        recording.check_space().map_err(|what| CameraError { cause: Cause::DiskFull, what })?;
        let Some(open) = &mut self.open else { return Err(CameraError::gone("a segment without a beginning")) };
        if recording.pending.is_broken(open.run) {
            return Err(CameraError { cause: Cause::NotCommitted, what: "the ledger did not take it in time".into() });
        }
        self.clock.arrived(cut.to, now);
        let wall = |media| self.clock.wall(media);
        let Some(from) = wall(cut.from) else { return Ok(()) };
        let level = lock(&self.level).take().filter(|_| open.tracks.has_audio);
        let span = Span::micros(cut.to.get().saturating_sub(cut.from.get()));
        let segment = Segment { digest: Hash::of(&cut.bytes), level, span };
        let name = FileName { run: open.run, number: Some(open.next) };
        recording.store.put(name, &cut.bytes, self.camera.keep_until()).map_err(|error| disk(&error))?;
        let link = segment_link(open.link, open.next, &segment);
        let recorded = Recorded {
            camera: self.camera.id,
            codecs: open.tracks.codecs.clone(),
            init: open.init,
            run: open.run,
            number: open.next,
            from: from.at,
            uncertainty: from.uncertainty,
            link,
            segment,
        };
        open.journal.append(&recorded).map_err(|error| disk(&error))?;
        // From here on it is there, whatever happens next.
        (open.next, open.link) = (open.next + 1, link);
        let hole = cut.hole.and_then(|(a, b)| Some((wall(a)?.at, wall(b)?.at)));
        let gaps =
            self.camera.watched.recorded(Footage { recorded: recorded.clone(), has_audio: open.tracks.has_audio }, now);
        let hole = hole.map(|(from, to)| (Cause::Network, from, to));
        for (cause, from, to) in gaps.into_iter().chain(hole).filter(|(_, from, to)| to.since(*from) >= GAP_MIN) {
            recording.pending.gap(Gap { camera: self.camera.id, cause, from, to });
        }
        recording.pending.segment(recorded);
        Ok(())
    }

    /// Times before and after a step do not compare, so the run ends.
    fn check_clock(&self, now: Micros) -> Result<(), CameraError> {
        let (instant, wall) = self.began;
        let passed = Span::micros(u64::try_from(instant.elapsed().as_micros()).unwrap_or(u64::MAX));
        let due = wall.plus(passed);
        if due.get().abs_diff(now.get()) < CLOCK_STEP_MIN.get() {
            return Ok(());
        }
        let what = format!("the recorder's clock was set: {now} came where {due} was due");
        Err(CameraError { cause: Cause::ClockStep, what })
    }
}

fn disk(error: &std::io::Error) -> CameraError {
    CameraError { cause: Cause::DiskFull, what: format!("footage cannot be kept: {error}") }
}

/// From ffmpeg into the channel, until either ends.
fn pump(output: &mut impl std::io::Read, give: &SyncSender<Vec<u8>>) {
    loop {
        let mut bytes = vec![0; READ_BYTES];
        match output.read(&mut bytes) {
            Ok(0) | Err(_) => return,
            Ok(count) => bytes.truncate(count),
        }
        if give.send(bytes).is_err() {
            return;
        }
    }
}

/// Ffmpeg's signs, and its last words.
fn listen(errors: impl std::io::BufRead, level: &Mutex<Option<i32>>, watched: &Watched) -> Option<String> {
    let mut last = None;
    for line in errors.lines().map_while(Result::ok) {
        match ffmpeg::read(&line) {
            Some(Sign::Level(heard)) => {
                let mut loudest = lock(level);
                *loudest = Some(loudest.map_or(heard, |before| before.max(heard)));
            }
            Some(Sign::Picture(hash)) => watched.picture(&hash),
            Some(Sign::Said(words)) => last = Some(words),
            None => {}
        }
    }
    last
}

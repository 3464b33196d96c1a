//! A platform on this machine's clock, with rooms and cameras; its recorder is started and stopped by the test.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mingjian::base::{Id, Micros};
use mingjian::cli::open::{Running, Setup, Storage, open_watching};
use mingjian::cli::sources::Stored;
use mingjian::config::EvidenceSettings;
use mingjian::desk::NewCamera;
use mingjian::engine::calendar::{CityPeriods, Holidays};
use mingjian::engine::code::CodeFormat;
use mingjian::engine::event::PlatformConfigured;
use mingjian::evidence::{Directory, Phase, Recorder, Status};
use mingjian::identity::{Role, Viewer};
use mingjian::ledger::Payload;
use mingjian::ledger::media::{Gap, Retention, SEGMENTS_RECORDED, SegmentsRecorded, Stretch};
use mingjian::review::{InSequence, Options, Report, Trust, verify};
use mingjian::sequencer::{StoredPayload, SystemClock};
use mingjian::store::{DataDir, SqliteReader};
use tempfile::TempDir;

pub const WAIT_MAX: Duration = Duration::from_secs(40);

/// Waits for what must come true, with a deadline.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < WAIT_MAX, "{what}: not within {WAIT_MAX:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub struct World {
    running: Running,
    recorder: Option<Recorder>,
    pub room: Id,
    dir: TempDir,
}

pub fn settings(media: Option<PathBuf>) -> EvidenceSettings {
    EvidenceSettings { networks: vec!["127.0.0.0/8".into()], media, ..EvidenceSettings::default() }
}

pub fn operator() -> Viewer {
    Viewer { account: Some(Id::from_u128(1)), role: Role::Operator, ..Viewer::public() }
}

impl World {
    pub fn start() -> Self {
        Self::with(&settings(None))
    }

    pub fn with(settings: &EvidenceSettings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let running = open(dir.path(), settings);
        let room = running.desk.add_room(&operator(), "开标一室", "明江市公共资源交易中心二层").unwrap();
        Self { running, recorder: None, room, dir }
    }

    pub fn add(&self, address: String, login: Option<(&str, &str)>) -> Id {
        let (user, password) = login.unwrap_or_default();
        let camera = NewCamera {
            room: self.room,
            name: "全景".into(),
            address,
            user: user.into(),
            password: password.to_owned().into(),
            retention: Retention::Days7,
        };
        self.running.desk.add_camera(&operator(), &camera).unwrap()
    }

    pub fn record(&mut self) {
        let (evidence, sequencer) = (Arc::clone(&self.running.desk.evidence), self.running.desk.sequencer.clone());
        self.recorder = Some(Recorder::start(evidence, sequencer).unwrap());
    }

    /// Ends the recorder; it announces what it has.
    pub fn stop(&mut self) {
        self.recorder = None;
    }

    pub fn status(&self, camera: Id) -> Option<Status> {
        self.running.desk.evidence.status(camera)
    }

    /// Waits until there is footage of more than `seconds` after `since`.
    pub fn recorded(&self, camera: Id, since: Micros, seconds: u64) {
        until("footage comes", || {
            let status = self.status(camera);
            let until = status.filter(|s| s.phase == Phase::Recording).and_then(|s| s.until);
            until.is_some_and(|until| until.since(since).get() > seconds * 1_000_000)
        });
    }

    pub fn now(&self) -> Micros {
        self.running.desk.now()
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn media(&self) -> PathBuf {
        self.data().join("media")
    }

    /// Everything that recorders announced, in order.
    pub fn announced(&self) -> Announced {
        let reader = &self.running.desk.reader;
        let mut found = Announced::default();
        for seq in 0..reader.size().unwrap() {
            let StoredPayload::Present(bytes) = reader.payload(seq).unwrap() else { continue };
            let payload = Payload::parse(&bytes).unwrap();
            if payload.kind == SEGMENTS_RECORDED {
                let data: SegmentsRecorded = serde_json::from_value(payload.data).unwrap();
                found.stretches.extend(data.stretches);
                found.gaps.extend(data.gaps);
            }
        }
        found
    }

    /// Ends the platform; its directory stays.
    pub fn close(mut self) -> TempDir {
        self.stop();
        self.running.desk.sequencer.shutdown();
        drop(self.running);
        self.dir
    }
}

#[derive(Default)]
pub struct Announced {
    pub stretches: Vec<Stretch>,
    pub gaps: Vec<Gap>,
}

fn open(dir: &Path, settings: &EvidenceSettings) -> Running {
    let genesis = PlatformConfigured {
        code_format: CodeFormat::default(),
        holidays: Holidays::default(),
        periods: CityPeriods::default(),
    };
    let setup =
        Setup { origin: "ledger.mingjiang.example/trade".into(), totp_required: false, genesis, cosigners: None };
    let data = DataDir::open(dir.join("data")).unwrap();
    open_watching(data, Storage::Embedded, setup, settings, Arc::new(SystemClock)).unwrap()
}

/// A full verification of the ledger in `data`, with the footage in `media`.
pub fn verified(data: &Path, media: &Path) -> Report {
    let ledger = DataDir::open_read_only(data).unwrap().ledger_path("main").unwrap();
    let reader = SqliteReader::open(&ledger).unwrap();
    let mut source = Stored::whole(reader).with_media(Directory::existing(media));
    verify(&mut source, &Trust::default(), Options::default(), &InSequence, |_, _| {}).unwrap()
}

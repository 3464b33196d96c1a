//! A platform on this machine's clock, with rooms and cameras; its recorder is started and stopped by the test.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use mingjian::base::{Id, Micros, Span};
use mingjian::cli::open::{Running, Setup, Storage, open_watching};
use mingjian::config::EvidenceSettings;
use mingjian::desk::{Desk, NewCamera, Stored};
use mingjian::engine::calendar::{CityPeriods, Holidays};
use mingjian::engine::code::CodeFormat;
use mingjian::engine::event::PlatformConfigured;
use mingjian::evidence::{Directory, Equipment, Inside, Keeper, MediaStore, Phase, RECORDED_HERE, Recorder, Status};
use mingjian::identity::accounts::NewAccount;
use mingjian::identity::password::Passwords;
use mingjian::identity::{OrganisationKind, Role, Viewer};
use mingjian::ledger::Payload;
use mingjian::ledger::media::{Gap, Retention, SEGMENTS_RECORDED, SegmentsRecorded, Stretch};
use mingjian::review::{InSequence, Options, Report, Trust, verify};
use mingjian::sequencer::{Clock, StoredPayload, SystemClock};
use mingjian::sim::{ManualClock, SeededEntropy};
use mingjian::store::{DataDir, SqliteReader};
use serde::de::DeserializeOwned;
use tempfile::TempDir;

pub const WAIT_MAX: Duration = Duration::from_secs(90);

/// Waits for what must come true, with a deadline.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < WAIT_MAX, "{what}: not within {WAIT_MAX:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Stands where the test puts it, and runs on from there once it is let.
pub struct HandClock {
    hand: ManualClock,
    since: OnceLock<Instant>,
}

impl HandClock {
    pub fn held(hand: &ManualClock) -> Arc<Self> {
        Arc::new(Self { hand: hand.clone(), since: OnceLock::new() })
    }

    pub fn running(hand: &ManualClock) -> Arc<Self> {
        let clock = Self::held(hand);
        clock.run();
        clock
    }

    pub fn run(&self) {
        self.since.set(Instant::now()).unwrap();
    }
}

impl Clock for HandClock {
    fn now(&self) -> Micros {
        let passed = self.since.get().map_or(0, |since| u64::try_from(since.elapsed().as_micros()).unwrap());
        self.hand.now().plus(Span::micros(passed))
    }
}

pub struct World {
    desk: Arc<Desk>,
    recorder: Option<Recorder>,
    keeper: Option<Keeper>,
    pub room: Id,
    /// A reviewer who is known by name.
    pub account: Id,
    dir: TempDir,
}

pub fn settings(media: Option<PathBuf>) -> EvidenceSettings {
    EvidenceSettings { networks: vec!["127.0.0.0/8".into()], media, ..EvidenceSettings::default() }
}

/// This morning, as far as a test is concerned.
pub fn morning() -> ManualClock {
    ManualClock::at(Micros::new(1_795_395_600_000_000).unwrap())
}

pub fn supervisor() -> Viewer {
    Viewer { account: Some(Id::from_u128(9)), role: Role::Supervisor, ..Viewer::public() }
}

pub fn operator() -> Viewer {
    Viewer { account: Some(Id::from_u128(1)), role: Role::Operator, ..Viewer::public() }
}

impl World {
    pub fn start() -> Self {
        Self::with(&settings(None))
    }

    pub fn with(settings: &EvidenceSettings) -> Self {
        Self::on(settings, Arc::new(SystemClock))
    }

    pub fn on(settings: &EvidenceSettings, clock: Arc<dyn Clock>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let desk = Arc::new(open(dir.path(), settings, clock).desk);
        let room = desk.add_room(&operator(), "开标一室", "明江市公共资源交易中心二层").unwrap();
        let authority = OrganisationKind::Authority;
        let organisation =
            desk.identity.seed_organisation(authority, "明江市公共资源交易监督管理局", None, desk.now()).unwrap();
        let new = NewAccount { login: "reviewer", name: "复核员", organisation: Some(organisation) };
        let passwords = Passwords::cheap_for_demonstration(&SeededEntropy::new(1)).unwrap();
        let word = "seven rivers meet in the plain";
        let account = desk.identity.seed_account(new, Role::Reviewer, word, &passwords, desk.now()).unwrap();
        Self { desk, recorder: None, keeper: None, room, account, dir }
    }

    pub fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// The data of all entries of a kind.
    pub fn records<T: DeserializeOwned>(&self, kind: &str) -> Vec<T> {
        let reader = &self.desk.reader;
        let payload = |seq| match reader.payload(seq).unwrap() {
            StoredPayload::Present(bytes) => Payload::parse(&bytes).ok(),
            _ => None,
        };
        let payloads = (0..reader.size().unwrap()).filter_map(payload).filter(|payload| payload.kind == kind);
        payloads.map(|payload| serde_json::from_value(payload.data).unwrap()).collect()
    }

    pub fn add(&self, address: String, login: Option<(&str, &str)>) -> Id {
        self.add_from(RECORDED_HERE, address, login)
    }

    pub fn add_from(&self, source: &str, address: String, login: Option<(&str, &str)>) -> Id {
        let (user, password) = login.unwrap_or_default();
        let camera = NewCamera {
            room: self.room,
            name: "全景".into(),
            source: source.into(),
            address,
            user: user.into(),
            password: password.to_owned().into(),
            retention: Retention::Days7,
        };
        self.desk.add_camera(&operator(), &camera).unwrap()
    }

    pub fn record(&mut self) {
        self.record_into(Arc::clone(&self.desk.evidence.store));
    }

    pub fn record_into(&mut self, store: Arc<dyn MediaStore>) {
        self.keep();
        let evidence = &self.desk.evidence;
        let host = Inside { evidence: Arc::clone(evidence), sequencer: self.desk.sequencer.clone() };
        let equipment = Equipment {
            settings: evidence.settings.clone(),
            store,
            notes: self.data().join("recorder"),
            host: Arc::new(host),
            clock: Arc::clone(&evidence.clock),
            entropy: Arc::clone(&evidence.entropy),
            monitor: Arc::clone(&evidence.monitor),
        };
        self.recorder = Some(Recorder::start(equipment).unwrap());
    }

    /// Resolves clips and buries what is over, with or without a recorder.
    pub fn keep(&mut self) {
        let (evidence, sequencer) = (Arc::clone(&self.desk.evidence), self.desk.sequencer.clone());
        self.keeper = Some(Keeper::start(evidence, sequencer).unwrap());
    }

    /// Ends the recorder; it announces what it has.
    pub fn stop(&mut self) {
        self.recorder = None;
        self.keeper = None;
    }

    pub fn status(&self, camera: Id) -> Option<Status> {
        self.desk.evidence.status(camera).unwrap()
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
        self.desk.now()
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn media(&self) -> PathBuf {
        self.data().join("media")
    }

    /// Everything that recorders announced, in order.
    pub fn announced(&self) -> Announced {
        let mut found = Announced::default();
        for SegmentsRecorded { gaps, stretches } in self.records(SEGMENTS_RECORDED) {
            found.gaps.extend(gaps);
            found.stretches.extend(stretches);
        }
        found
    }

    /// The same by runs, each from its first segment to its last.
    pub fn runs(&self) -> Vec<Stretch> {
        let mut runs: Vec<Stretch> = Vec::new();
        for stretch in self.announced().stretches {
            match runs.iter_mut().find(|run| run.run == stretch.run && run.next() == stretch.first) {
                Some(run) => {
                    run.segments.extend(stretch.segments);
                    run.head = stretch.head;
                }
                None => runs.push(stretch),
            }
        }
        runs
    }

    /// Ends the platform; its directory stays.
    pub fn close(mut self) -> TempDir {
        self.stop();
        self.desk.sequencer.shutdown();
        drop(self.desk);
        // A thread of its own may still be on its way out, and with it the directory's lock.
        until("the directory is free", || DataDir::open(self.dir.path().join("data")).is_ok());
        self.dir
    }
}

#[derive(Default)]
pub struct Announced {
    pub stretches: Vec<Stretch>,
    pub gaps: Vec<Gap>,
}

fn open(dir: &Path, settings: &EvidenceSettings, clock: Arc<dyn Clock>) -> Running {
    let genesis = PlatformConfigured {
        code_format: CodeFormat::default(),
        holidays: Holidays::default(),
        periods: CityPeriods::default(),
    };
    let setup =
        Setup { origin: "ledger.mingjiang.example/trade".into(), totp_required: false, genesis, cosigners: None };
    let data = DataDir::open(dir.join("data")).unwrap();
    open_watching(data, Storage::Embedded, setup, settings, clock).unwrap()
}

/// A full verification of the ledger in `data`, with the footage in `media`.
pub fn verified(data: &Path, media: &Path) -> Report {
    let ledger = DataDir::open_read_only(data).unwrap().ledger_path("main").unwrap();
    let reader = SqliteReader::open(&ledger).unwrap();
    let mut source = Stored::whole(&reader).with_media(Directory::existing(media));
    verify(&mut source, &Trust::default(), Options::default(), &InSequence, |_, _| {}).unwrap()
}

//! A recorder in a process of its own, and servers that come and go beside it: `mingjian record`, `mingjian serve`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use mingjian::base::{Id, Micros, Span};
use mingjian::ledger::Payload;
use mingjian::ledger::media::{Cause, Gap, SEGMENTS_RECORDED, SegmentsRecorded, Stretch};
use mingjian::review::{CheckName, Language};
use mingjian::sequencer::{Clock as _, LedgerReader, StoredPayload, SystemClock};
use mingjian::store::platform::rooms::{self, BookingRow, CameraRow, RoomRow};
use mingjian::store::{DataDir, Platform, Postgres, SqliteReader};
use tempfile::{NamedTempFile, TempDir};

use crate::camera::Camera;
use crate::footage::{PASSWORD, files};
use crate::servers::{Postgres as Database, free_port, signal};
use crate::world::{World, until, verified};

const RECORDER: &str = "hall";

/// A child that dies with the test, and what it says.
struct Process(Child, NamedTempFile);

impl Process {
    fn start(arguments: &[&str], settings: &[(&str, String)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mingjian"));
        command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        for (name, value) in settings {
            command.env(format!("MINGJIAN_{name}"), value);
        }
        let log = NamedTempFile::new().unwrap();
        command.env("MINGJIAN_LOG__FILTER", "warn").stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(log.reopen().unwrap());
        Self(command.spawn().unwrap(), log)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.1.path()).unwrap()
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Asks it to end, and waits until it has.
    fn end(mut self) {
        signal(self.0.id(), "TERM");
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already, perhaps.
        let _ = self.0.kill();
        let _ = self.0.wait();
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

/// A room with one camera.
fn furnish(platform: &Platform, camera: &Camera) -> Id {
    let now = SystemClock.now();
    let (room, id) = (Id::new(now, [1; 10]), Id::new(now, [2; 10]));
    let text = |id: Id| id.to_string();
    platform
        .write(|tx| {
            rooms::insert_room(
                tx,
                &RoomRow { id: text(room), name: "开标三室".into(), place: "二层".into(), created_at: now.get() },
            )?;
            let row = CameraRow {
                id: text(id),
                room: text(room),
                name: "全景".into(),
                source: "rtsp".into(),
                address: camera.address(),
                retention: "days_7".into(),
                created_at: now.get(),
                retired_at: None,
            };
            rooms::insert_camera(tx, &row, None)
        })
        .unwrap();
    book(platform, room);
    id
}

/// The room is booked for now, so that its recorder speaks every ten seconds.
fn book(platform: &Platform, room: Id) {
    let now = SystemClock.now();
    let booking = BookingRow {
        id: Id::new(now, [3; 10]).to_string(),
        room: room.to_string(),
        lot: Id::new(now, [4; 10]).to_string(),
        starts_at: now.minus(Span::hours(1)).get(),
        ends_at: now.plus(Span::hours(1)).get(),
        created_at: now.get(),
        cancelled_at: None,
    };
    platform.write(|tx| rooms::insert_booking(tx, &booking)).unwrap();
}

/// What recorders have announced so far, out of the stored ledger.
fn announced(reader: &dyn LedgerReader) -> (Vec<Stretch>, Vec<Gap>) {
    let (mut stretches, mut gaps) = (Vec::new(), Vec::new());
    for seq in 0..reader.size().unwrap() {
        let StoredPayload::Present(bytes) = reader.payload(seq).unwrap() else { continue };
        let payload = Payload::parse(&bytes).unwrap();
        if payload.kind == SEGMENTS_RECORDED {
            assert_eq!(payload.actor, format!("recorder/{RECORDER}"));
            let data: SegmentsRecorded = serde_json::from_value(payload.data).unwrap();
            stretches.extend(data.stretches);
            gaps.extend(data.gaps);
        }
    }
    (stretches, gaps)
}

/// Waits until footage from after `since` is announced.
fn announced_since(reader: &dyn LedgerReader, since: Micros) {
    until("an announcement", || announced(reader).0.iter().any(|stretch| stretch.to() > since));
}

/// Every run is told without a hole and without telling anything twice.
fn assert_told_once(stretches: &[Stretch]) {
    let mut runs = std::collections::BTreeMap::new();
    for stretch in stretches {
        let next = runs.entry(stretch.run).or_insert(0);
        assert_eq!(stretch.first, *next, "{stretch:?}");
        *next = stretch.next();
    }
}

fn assert_holds(data: &Path, media: &Path) {
    let report = verified(data, media);
    assert!(report.holds(), "{}", report.to_text(Language::En));
    let check = report.checked.iter().find(|check| check.name == CheckName::Footage).unwrap();
    assert!(check.count > 0, "{check:?}");
}

/// A server and a recorder beside it, each with a directory of its own.
struct Site {
    data: PathBuf,
    own: PathBuf,
    port: u16,
    token: String,
    /// Goes with the rest.
    _dir: TempDir,
}

impl Site {
    /// For the platform in the folder `data` of `dir`; starts its server.
    fn open(dir: TempDir) -> (Self, Process) {
        let (data, own) = (dir.path().join("data"), dir.path().join("recorder"));
        fs::create_dir(&own).unwrap();
        let mut site = Self { data, own, port: free_port(), token: String::new(), _dir: dir };
        let server = site.serve();
        let token = Command::new(env!("CARGO_BIN_EXE_mingjian"))
            .args(["keys", "--data", site.data.to_str().unwrap(), "--recorder", RECORDER])
            .output()
            .unwrap();
        String::from_utf8(token.stdout).unwrap().trim().clone_into(&mut site.token);
        (site, server)
    }

    fn reader(&self) -> SqliteReader {
        SqliteReader::open(&self.data.join("ledger/main.sqlite")).unwrap()
    }

    /// Waits until it serves.
    fn serve(&self) -> Process {
        let listen = format!("127.0.0.1:{}", self.port);
        let settings = [("EVIDENCE__RECORD", "false".to_owned()), ("EVIDENCE__RECORDERS", format!("[\"{RECORDER}\"]"))];
        let server = Process::start(&["serve", "--data", self.data.to_str().unwrap(), "--listen", &listen], &settings);
        until("the server serves", || ureq::get(format!("http://{listen}/readyz")).call().is_ok());
        server
    }

    fn record(&self, token: &str) -> Process {
        let (server, own) = (format!("http://127.0.0.1:{}", self.port), self.own.to_str().unwrap());
        let settings = [("EVIDENCE__TOKEN", token.to_owned()), ("EVIDENCE__NETWORKS", "[\"127.0.0.0/8\"]".to_owned())];
        Process::start(&["record", "--data", own, "--server", &server, "--name", RECORDER], &settings)
    }

    fn media(&self) -> PathBuf {
        self.own.join("media")
    }

    /// How many segments are on the recorder's disk.
    fn segments(&self) -> usize {
        let is_segment = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "m4s");
        if self.media().exists() { files(&self.media()).iter().filter(|path| is_segment(path)).count() } else { 0 }
    }
}

fn told(reader: &dyn LedgerReader) -> usize {
    announced(reader).0.iter().map(|stretch| stretch.segments.len()).sum()
}

#[test]
fn a_recorder_of_its_own_outlives_its_server_and_its_own_death() {
    let camera = Camera::start(&[]);
    let dir = tempfile::tempdir().unwrap();
    furnish(&Platform::open(Arc::new(DataDir::open(dir.path().join("data")).unwrap())).unwrap(), &camera);
    let (site, mut server) = Site::open(dir);
    let reader = site.reader();
    // Somebody without the right token is told nothing, and records nothing.
    let stranger = site.record("hall.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    until("the stranger is refused", || stranger.log().contains("the server does not know this recorder"));
    drop(stranger);
    assert_eq!(site.segments(), 0);

    let began = SystemClock.now();
    let mut recorder = site.record(&site.token);
    announced_since(&reader, began);
    // What it recorded since its last word is on its disk alone when it is killed; the next word is due in ten seconds.
    until("footage that is not announced", || site.segments() > told(&reader));
    let killed = SystemClock.now();
    recorder.kill();
    assert!(site.segments() > told(&reader), "it spoke again before it was killed");
    std::thread::sleep(Duration::from_secs(1));
    let back = SystemClock.now();
    let recorder = site.record(&site.token);
    announced_since(&reader, back);
    let (stretches, gaps) = announced(&reader);
    let [gap] = gaps[..] else { panic!("{gaps:?}") };
    assert_eq!(gap.cause, Cause::RecorderRestarted);
    // Up to the last segment that was whole when it died.
    assert!(gap.from <= killed && gap.from > killed.minus(Span::secs(5)), "{gap:?}, killed at {killed}");
    assert!(gap.to > back.minus(Span::secs(1)) && gap.to < back.plus(Span::secs(8)), "{gap:?}, back at {back}");
    let near = |at: Micros| at.get().abs_diff(gap.from.get()) < 100_000;
    assert!(stretches.iter().any(|stretch| near(stretch.to())), "{gap:?}");

    // The server is killed and comes back: nothing of the camera is missing for that.
    let away = SystemClock.now();
    server.kill();
    until("it records without its server", || recorder.log().contains("is told nothing and goes on as before"));
    let server = site.serve();
    announced_since(&reader, SystemClock.now());
    recorder.end();
    server.end();
    let (stretches, gaps) = announced(&reader);
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    let last = stretches.last().unwrap().run;
    let since = stretches.iter().filter(|stretch| stretch.to() > away).map(|stretch| stretch.run);
    assert!(since.into_iter().all(|run| run == last), "one run from before the server's death to the end");
    assert_told_once(&stretches);
    drop(reader);
    assert_holds(&site.data, &site.media());
}

/// It knows its cameras and their logins from last time, records, and announces when the server is there.
#[test]
fn a_recorder_that_starts_before_its_server() {
    let secrets = tempfile::tempdir().unwrap();
    let password = secrets.path().join("password");
    fs::write(&password, PASSWORD).unwrap();
    let camera = Camera::start(&["--user", "watcher", "--password-file", password.to_str().unwrap()]);
    let world = World::start();
    world.add(camera.address(), Some(("watcher", PASSWORD)));
    book(&world.desk().platform, world.room);
    let (site, server) = Site::open(world.close());
    let reader = site.reader();
    let began = SystemClock.now();
    let recorder = site.record(&site.token);
    announced_since(&reader, began);
    recorder.end();
    server.end();
    let (before, _) = announced(&reader);
    assert_eq!(told(&reader), site.segments(), "it said everything before it ended");

    // Both are away, for longer than what the clocks' uncertainty covers; the recorder comes back first.
    std::thread::sleep(Duration::from_secs(1));
    let started = SystemClock.now();
    let recorder = site.record(&site.token);
    until("it records", || site.segments() > told(&reader) + 2);
    let log = recorder.log();
    assert!(log.contains("nobody answers: recording what was to be recorded last"), "{log}");
    let back = SystemClock.now();
    let server = site.serve();
    announced_since(&reader, SystemClock.now());
    let log = recorder.log();
    recorder.end();
    server.end();

    let (stretches, gaps) = announced(&reader);
    assert_told_once(&stretches);
    let run = stretches.last().unwrap().run;
    let first = stretches.iter().find(|stretch| stretch.run == run).unwrap();
    assert!(first.from > started.minus(Span::secs(1)) && first.from < back, "{first:?}, {started} to {back}");
    // From its last word to its first picture: nothing is passed over in silence.
    let [gap] = gaps[..] else { panic!("{gaps:?}") };
    assert_eq!((gap.cause, gap.to), (Cause::RecorderRestarted, first.from));
    assert_eq!(Some(gap.from), before.iter().map(Stretch::to).max());
    for path in files(&site.own) {
        let bytes = fs::read(&path).unwrap();
        let leaked = bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes());
        assert!(!leaked, "{} holds the camera's password", path.display());
    }
    assert!(!log.contains(PASSWORD));
    drop(reader);
    assert_holds(&site.data, &site.media());
}

/// The recorder of a node that follows: its entries go to the node that writes, whichever that is.
#[test]
fn a_node_that_follows_records() {
    let camera = Camera::start(&[]);
    let database = Database::start();
    let url = database.database("platform");
    let postgres = Postgres::open(&url, None, 2).unwrap();
    furnish(&Platform::shared(postgres.clone()), &camera);
    let reader = postgres.reader("main").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let data = |number: usize| dir.path().join(format!("node{number}"));
    let (ports, media) = ([free_port(), free_port()], dir.path().join("media"));
    let node = |number: usize, records: bool| {
        let settings = [
            ("DATABASE__URL", url.clone()),
            ("NODE__NAME", format!("node{number}")),
            ("EVIDENCE__RECORD", records.to_string()),
            ("EVIDENCE__NAME", RECORDER.to_owned()),
            ("EVIDENCE__MEDIA", media.to_str().unwrap().to_owned()),
            ("EVIDENCE__NETWORKS", "[\"127.0.0.0/8\"]".to_owned()),
        ];
        let listen = format!("127.0.0.1:{}", ports[number]);
        Process::start(&["serve", "--data", data(number).to_str().unwrap(), "--listen", &listen], &settings)
    };
    let metrics = |number: usize| {
        let answer = ureq::get(format!("http://127.0.0.1:{}/metrics", ports[number])).call();
        answer.ok().and_then(|mut answer| answer.body_mut().read_to_string().ok()).unwrap_or_default()
    };
    let writes = |number: usize| metrics(number).contains("\nmingjian_ledger_running 1\n");
    let mut writer = node(0, false);
    until("the first node writes", || writes(0));
    let keys = DataDir::open(data(1)).unwrap().keys_path();
    fs::copy(data(0).join("keys/server.json"), keys.join("server.json")).unwrap();
    let began = SystemClock.now();
    let follower = node(1, true);
    announced_since(&reader, began);
    assert!(writes(0) && !writes(1), "it recorded while it followed");

    writer.kill();
    until("the node that records writes", || writes(1));
    announced_since(&reader, SystemClock.now());
    follower.end();
    let (stretches, gaps) = announced(&reader);
    assert_eq!(gaps, [], "nothing is missing while the writer changes");
    assert_told_once(&stretches);
    assert!(stretches.iter().all(|stretch| stretch.run == stretches[0].run), "{stretches:?}");
    for stretch in &stretches {
        for (number, _, segment) in stretch.timed() {
            let bytes = fs::read(media.join(format!("{}/{number:08}.m4s", stretch.run))).unwrap();
            assert_eq!(mingjian::base::Hash::of(&bytes), segment.digest);
        }
    }
}

//! What recording costs, against ffmpeg alone doing the same in the same run: processor time and memory a camera, for 1, 4
//! and 16 cameras of 640×360, and entries a camera-hour. `cargo bench --bench evidence -- [--seconds 30] [--cameras 1,4,16]`.
//!
//! Every camera is a connection of its own to one synthetic camera, whose encoder is not counted. ffmpeg alone copies the
//! stream into HLS segments of two seconds; the recorder copies, hashes, syncs, announces, measures sound and looks at key
//! frames, with its ffmpeg processes counted in.
#![allow(clippy::unwrap_used, clippy::cast_precision_loss, clippy::float_arithmetic, clippy::indexing_slicing)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Parser;
use mingjian::base::{Id, Span};
use mingjian::cli::open::{Setup, Storage, open_watching};
use mingjian::config::EvidenceSettings;
use mingjian::desk::{Desk, NewCamera};
use mingjian::engine::calendar::{CityPeriods, Holidays};
use mingjian::engine::code::CodeFormat;
use mingjian::engine::event::PlatformConfigured;
use mingjian::evidence::{Equipment, Inside, Phase, RECORDED_HERE, Recorder};
use mingjian::identity::{Role, Viewer};
use mingjian::ledger::media::Retention;
use mingjian::sequencer::{Clock, SystemClock};
use mingjian::store::DataDir;
use mingjian::store::platform::rooms::{self, BookingRow};

#[derive(Parser)]
struct Args {
    /// How long each side is measured.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 16])]
    cameras: Vec<usize>,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Ends with the measurement.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What processes have used.
#[derive(Clone, Copy, Default)]
struct Used {
    seconds: f64,
    /// Proportional set size: shared pages are shared out.
    megabytes: f64,
}

fn used(pids: &[u32]) -> Used {
    let mut used = Used::default();
    for pid in pids {
        for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let stat = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            used.seconds += stat.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9;
        }
        let memory = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let pss = memory.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB"));
        used.megabytes += pss.and_then(|kb| kb.trim().parse::<f64>().ok()).unwrap_or(0.0) / 1024.0;
    }
    used
}

/// The ffmpeg processes that this process has started.
fn children() -> Vec<u32> {
    let own = std::process::id();
    let pids = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_ours = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let Some((name, rest)) = stat.rsplit_once(") ") else { return false };
        name.ends_with("(ffmpeg") && rest.split(' ').nth(1) == Some(&own.to_string())
    };
    pids.filter(is_ours).collect()
}

/// Processor seconds a camera-second in thousandths, and megabytes a camera.
fn measure(seconds: u64, cameras: usize, before: Used, pids: &[u32]) -> (f64, f64) {
    let (start, began) = (used(pids), Instant::now());
    sleep(Duration::from_secs(seconds));
    let (end, passed) = (used(pids), began.elapsed().as_secs_f64());
    let count = cameras as f64;
    ((end.seconds - start.seconds) / passed / count * 1e3, (end.megabytes - before.megabytes) / count)
}

fn alone(url: &str, cameras: usize, seconds: u64) -> (f64, f64) {
    let dir = tempfile::tempdir().unwrap();
    let start = |number: usize| {
        let folder = dir.path().join(number.to_string());
        fs::create_dir(&folder).unwrap();
        let mut ffmpeg = Command::new("/usr/bin/ffmpeg");
        ffmpeg.args(["-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", url, "-c", "copy", "-f", "hls"]);
        ffmpeg.args(["-hls_time", "2", "-hls_segment_type", "fmp4", "-hls_list_size", "0"]).arg(folder.join("a.m3u8"));
        Started(ffmpeg.stdin(Stdio::null()).spawn().unwrap())
    };
    let running: Vec<Started> = (0..cameras).map(start).collect();
    let began = Instant::now();
    let records = |number: usize| dir.path().join(number.to_string()).join("a.m3u8").exists();
    while !(0..cameras).all(records) {
        assert!(began.elapsed() < Duration::from_mins(1), "ffmpeg does not record");
        sleep(Duration::from_millis(100));
    }
    let pids: Vec<u32> = running.iter().map(|one| one.0.id()).collect();
    measure(seconds, cameras, Used::default(), &pids)
}

fn open(dir: &Path, settings: &EvidenceSettings) -> Desk {
    let genesis = PlatformConfigured {
        code_format: CodeFormat::default(),
        holidays: Holidays::default(),
        periods: CityPeriods::default(),
    };
    let origin = "ledger.mingjiang.example/trade".into();
    let setup = Setup { origin, totp_required: false, genesis, cosigners: None };
    let data = DataDir::open(dir.join("data")).unwrap();
    open_watching(data, Storage::Embedded, setup, settings, Arc::new(SystemClock)).unwrap().desk
}

/// The same two figures of the recorder, and entries a camera-hour.
fn ours(url: &str, cameras: usize, seconds: u64) -> (f64, f64, f64) {
    let dir = tempfile::tempdir().unwrap();
    let settings = EvidenceSettings { networks: vec!["127.0.0.0/8".into()], ..EvidenceSettings::default() };
    let desk = open(dir.path(), &settings);
    let operator = Viewer { account: Some(Id::from_u128(1)), role: Role::Operator, ..Viewer::public() };
    let room = desk.add_room(&operator, "开标一室", "二层").unwrap();
    let add = |number: usize| {
        let camera = NewCamera {
            room,
            name: format!("camera {number}"),
            source: RECORDED_HERE.into(),
            address: url.into(),
            user: String::new(),
            password: String::new().into(),
            retention: Retention::Days7,
        };
        desk.add_camera(&operator, &camera).unwrap()
    };
    let ids: Vec<Id> = (0..cameras).map(add).collect();
    let now = SystemClock.now();
    let booking = BookingRow {
        id: Id::from_u128(2).to_string(),
        room: room.to_string(),
        lot: Id::from_u128(3).to_string(),
        starts_at: now.get(),
        ends_at: now.plus(Span::hours(1)).get(),
        created_at: now.get(),
        cancelled_at: None,
    };
    desk.platform.write(|tx| rooms::insert_booking(tx, &booking)).unwrap();
    let own = std::process::id();
    let before = Used { seconds: 0.0, megabytes: used(&[own]).megabytes };
    let evidence = Arc::clone(&desk.evidence);
    let recorder = Recorder::start(Equipment {
        settings: evidence.settings.clone(),
        store: Arc::clone(&evidence.store),
        notes: dir.path().join("recorder"),
        host: Arc::new(Inside { evidence: Arc::clone(&evidence), sequencer: desk.sequencer.clone() }),
        clock: Arc::clone(&evidence.clock),
        entropy: Arc::clone(&evidence.entropy),
        monitor: Arc::clone(&evidence.monitor),
    });
    let recorder = recorder.unwrap();
    let records = |id: &Id| {
        evidence.status(*id).unwrap().is_some_and(|status| status.phase == Phase::Recording && status.until.is_some())
    };
    let began = Instant::now();
    while !ids.iter().all(records) {
        assert!(began.elapsed() < Duration::from_mins(1), "the recorder does not record");
        sleep(Duration::from_millis(100));
    }
    let mut pids = children();
    assert_eq!(pids.len(), cameras, "one ffmpeg a camera");
    pids.push(own);
    let size = || desk.sequencer.read(|committed| committed.size);
    let (first, began) = (size(), Instant::now());
    let (processor, memory) = measure(seconds, cameras, before, &pids);
    let entries = (size() - first) as f64 / began.elapsed().as_secs_f64() * 3_600.0 / cameras as f64;
    drop(recorder);
    desk.sequencer.shutdown();
    (processor, memory, entries)
}

fn main() {
    let args = Args::parse();
    let mut camera = Command::new("/usr/bin/python3");
    camera.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/ops/cameras/camera.py"));
    let mut camera = Started(camera.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap());
    let mut port = String::new();
    BufReader::new(camera.0.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let url = format!("rtsp://127.0.0.1:{}/live", port.trim());
    println!("{:>7} | {:^26} | {:^26} | {:^15} | entries a", "cameras", "ffmpeg alone", "recorder", "ratio");
    println!(
        "{:>7} | {:>12} {:>13} | {:>12} {:>13} | {:>7} {:>7} | camera-hour",
        "", "‰ of a core", "MB", "‰ of a core", "MB", "cpu", "memory"
    );
    for cameras in args.cameras {
        let (bare, bare_memory) = alone(&url, cameras, args.seconds);
        let (own, own_memory, entries) = ours(&url, cameras, args.seconds);
        println!(
            "{cameras:>7} | {bare:>12.2} {bare_memory:>13.1} | {own:>12.2} {own_memory:>13.1} | {:>7.2} {:>7.2} | {entries:.0}",
            own / bare,
            own_memory / bare_memory
        );
    }
}

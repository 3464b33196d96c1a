//! What goes wrong leaves a gap with the right cause and bounds, and nothing that was announced is lost.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use mingjian::base::{Id, Micros, Span};
use mingjian::config::EvidenceSettings;
use mingjian::evidence::{Directory, MediaStore, Phase};
use mingjian::ledger::media::{Cause, FileName, Gap};
use mingjian::review::{CheckName, Language};
use mingjian::sequencer::Clock as _;
use mingjian::store::data_dir::Space;

use crate::camera::Camera;
use crate::world::{HandClock, World, morning, settings, until, verified};

/// Footage before and after.
const FOOTAGE_SECONDS: u64 = 3;

fn start(settings: &EvidenceSettings) -> (World, Camera, Id) {
    start_in(World::with(settings))
}

fn start_in(mut world: World) -> (World, Camera, Id) {
    let camera = Camera::start(&[]);
    let id = world.add(camera.address(), None);
    let began = world.now();
    world.record();
    world.recorded(id, began, FOOTAGE_SECONDS);
    (world, camera, id)
}

/// Waits for footage after the fault, ends, and answers with the one gap; everything else must hold.
fn gap_after(world: World, id: Id, cause: Cause) -> Gap {
    let media = world.media();
    gap_with(world, id, cause, &media)
}

fn gap_with(mut world: World, id: Id, cause: Cause, media: &Path) -> Gap {
    let now = world.now();
    world.recorded(id, now, FOOTAGE_SECONDS);
    world.stop();
    let announced = world.announced();
    let runs = announced.stretches.iter().filter(|stretch| stretch.first == 0).count();
    assert_eq!(runs, 2, "{:?}", announced.stretches);
    let [gap] = announced.gaps[..] else { panic!("{:?}", announced.gaps) };
    assert_eq!((gap.camera, gap.cause), (id, cause));
    // Footage and gap meet: nothing is unaccounted for, and nothing is claimed twice.
    let near = |a: Micros, b: Micros| a.get().abs_diff(b.get()) < 100_000;
    assert!(announced.stretches.iter().any(|stretch| near(stretch.to(), gap.from)), "{gap:?}");
    assert!(announced.stretches.iter().any(|stretch| near(stretch.from, gap.to)), "{gap:?}");
    let data = world.data();
    let _dir = world.close();
    // Nothing that was announced is lost, and none of it differs from its digest.
    let report = verified(&data, media);
    assert!(report.holds(), "{}", report.to_text(Language::En));
    let check = report.checked.iter().find(|check| check.name == CheckName::Footage).unwrap();
    let segments: usize = announced.stretches.iter().map(|stretch| stretch.segments.len()).sum();
    assert_eq!(check.count, segments as u64 + 2, "{check:?}");
    gap
}

/// Within the uncertainty of footage, the key frames that end a segment, and what a busy machine adds.
fn about(at: Micros, expected: Micros, what: &str) {
    let off = at.get().abs_diff(expected.get());
    assert!(off < 2_500_000, "{what}: {at}, expected about {expected}");
}

#[test]
fn a_camera_that_dies_and_comes_back() {
    let (world, mut camera, id) = start(&settings(None));
    let died = world.now();
    camera.kill();
    std::thread::sleep(Duration::from_secs(2));
    camera.restart();
    let back = world.now();
    let gap = gap_after(world, id, Cause::CameraGone);
    about(gap.from, died, "the gap begins");
    assert!(gap.to > back.minus(Span::secs(1)) && gap.to < back.plus(Span::secs(6)), "{gap:?}");
}

#[test]
fn a_camera_that_falls_silent_for_five_seconds() {
    let (world, camera, id) = start(&settings(None));
    let silent = world.now();
    camera.signal("-STOP");
    std::thread::sleep(Duration::from_secs(5));
    camera.signal("-CONT");
    let back = world.now();
    let gap = gap_after(world, id, Cause::Network);
    about(gap.from, silent, "the gap begins");
    assert!(gap.to > back.minus(Span::secs(1)) && gap.to < back.plus(Span::secs(10)), "{gap:?}");
}

#[test]
fn ffmpeg_is_killed() {
    let own = tempfile::tempdir().unwrap();
    let ffmpeg = own.path().join("ffmpeg");
    symlink("/usr/bin/ffmpeg", &ffmpeg).unwrap();
    let (world, _camera, id) = start(&EvidenceSettings { ffmpeg: ffmpeg.clone(), ..settings(None) });
    let name = ffmpeg.to_str().unwrap().as_bytes();
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let ours = |pid: &String| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words.starts_with(name));
    let pid = processes.filter(|name| name.bytes().all(|b| b.is_ascii_digit())).find(ours).unwrap();
    let killed = world.now();
    assert!(Command::new("/bin/kill").args(["-KILL", &pid]).status().unwrap().success());
    let gap = gap_after(world, id, Cause::RecorderRestarted);
    about(gap.from, killed, "the gap begins");
    assert!(gap.to < killed.plus(Span::secs(6)), "{gap:?}");
}

/// A disk of its own for footage; it goes with the test.
struct Disk(tempfile::TempDir);

impl Disk {
    /// `None` where the machine does not let us mount one.
    fn mount(megabytes: u32) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "none"]).arg(dir.path());
        mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success()).then_some(Self(dir))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the recorder may still hold a file.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn the_disk_is_full() {
    let Some(disk) = Disk::mount(300) else {
        println!("NOT TESTED: a full disk, for this machine lets nobody mount one");
        return;
    };
    let (world, _camera, id) = start(&settings(Some(disk.0.path().join("media"))));
    let ballast = disk.0.path().join("ballast");
    let full = world.now();
    // Below what a recorder leaves free.
    fs::write(&ballast, vec![1; 64 * 1_024 * 1_024]).unwrap();
    until("the recorder stops for want of room", || {
        matches!(world.status(id).map(|status| status.phase), Some(Phase::Down { cause: Cause::DiskFull, .. }))
    });
    let stopped = world.now();
    fs::remove_file(&ballast).unwrap();
    let media = disk.0.path().join("media");
    let gap = gap_with(world, id, Cause::DiskFull, &media);
    about(gap.from, full, "the gap begins");
    assert!(gap.to > stopped.minus(Span::secs(1)) && gap.to < stopped.plus(Span::secs(8)), "{gap:?}");
}

/// Writes fail in the midst of a segment, and the disk has as much room as it is told to say.
pub struct Failing {
    store: Directory,
    pub fails: AtomicBool,
    pub free_bytes: AtomicU64,
}

impl Failing {
    pub fn over(media: PathBuf) -> Arc<Self> {
        let (store, free_bytes) = (Directory::open(media).unwrap(), AtomicU64::new(1 << 40));
        Arc::new(Self { store, fails: AtomicBool::new(false), free_bytes })
    }
}

impl MediaStore for Failing {
    fn put(&self, name: FileName, bytes: &[u8], keep_until: Option<Micros>) -> io::Result<()> {
        if self.fails.load(Ordering::SeqCst) {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            self.store.put(name, bytes, keep_until)
        }
    }

    fn get(&self, name: FileName) -> io::Result<Option<Vec<u8>>> {
        self.store.get(name)
    }

    fn delete(&self, name: FileName) -> io::Result<()> {
        self.store.delete(name)
    }

    fn files(&self, run: Id) -> io::Result<Vec<FileName>> {
        self.store.files(run)
    }

    fn runs(&self) -> io::Result<Vec<Id>> {
        self.store.runs()
    }

    fn space(&self) -> io::Result<Option<Space>> {
        let free_bytes = self.free_bytes.load(Ordering::SeqCst);
        Ok(Some(Space { free_bytes, size_bytes: 1 << 40 }))
    }
}

#[test]
fn a_write_fails_for_want_of_room() {
    let camera = Camera::start(&[]);
    let mut world = World::start();
    let id = world.add(camera.address(), None);
    let store = Failing::over(world.media());
    let began = world.now();
    world.record_into(Arc::<Failing>::clone(&store));
    world.recorded(id, began, FOOTAGE_SECONDS);
    let full = world.now();
    store.fails.store(true, Ordering::SeqCst);
    until("the recorder stops for want of room", || {
        matches!(world.status(id).map(|status| status.phase), Some(Phase::Down { cause: Cause::DiskFull, .. }))
    });
    store.fails.store(false, Ordering::SeqCst);
    let gap = gap_after(world, id, Cause::DiskFull);
    about(gap.from, full, "the gap begins");
}

#[test]
fn the_recorder_is_away() {
    let (mut world, _camera, id) = start(&settings(None));
    world.stop();
    let away = world.now();
    std::thread::sleep(Duration::from_secs(2));
    let back = world.now();
    world.record();
    until("the recorder is back", || world.status(id).is_some());
    let gap = gap_after(world, id, Cause::RecorderRestarted);
    about(gap.from, away, "the gap begins");
    assert!(gap.to > back.minus(Span::secs(1)) && gap.to < back.plus(Span::secs(6)), "{gap:?}");
}

/// Times before and after do not compare, so another run begins, and what lies between is nobody's footage.
#[test]
fn the_clock_is_set() {
    let hand = morning();
    let (world, _camera, id) = start_in(World::on(&settings(None), HandClock::running(&hand)));
    let before = world.now();
    hand.set(hand.now().plus(Span::secs(5)));
    let after = world.now();
    let gap = gap_after(world, id, Cause::ClockStep);
    about(gap.from, before, "the gap begins");
    assert!(gap.to > after.minus(Span::secs(1)) && gap.to < after.plus(Span::secs(8)), "{gap:?}");
}

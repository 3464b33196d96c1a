//! What goes wrong leaves a gap with the right cause and bounds, and nothing that was announced is lost.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use mingjian::base::{Id, Micros, Span};
use mingjian::config::EvidenceSettings;
use mingjian::ledger::media::{Cause, Gap};
use mingjian::review::Language;

use crate::camera::Camera;
use crate::world::{World, settings, until, verified};

/// Footage before and after.
const FOOTAGE_SECONDS: u64 = 3;

fn start(settings: &EvidenceSettings) -> (World, Camera, Id) {
    let camera = Camera::start(&[]);
    let mut world = World::with(settings);
    let id = world.add(camera.address(), None);
    let began = world.now();
    world.record();
    world.recorded(id, began, FOOTAGE_SECONDS);
    (world, camera, id)
}

/// Waits for footage after the fault, ends, and answers with the one gap; everything else must hold.
fn gap_after(mut world: World, id: Id, cause: Cause) -> Gap {
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
    let (data, media) = (world.data(), world.media());
    let _dir = world.close();
    let report = verified(&data, &media);
    assert!(report.holds(), "{}", report.to_text(Language::En));
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
    assert!(std::process::Command::new("/bin/kill").args(["-KILL", &pid]).status().unwrap().success());
    let gap = gap_after(world, id, Cause::RecorderRestarted);
    about(gap.from, killed, "the gap begins");
    assert!(gap.to < killed.plus(Span::secs(6)), "{gap:?}");
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

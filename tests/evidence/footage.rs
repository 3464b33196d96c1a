//! Recorded, announced, verified; and what was done to footage afterwards is found and named.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mingjian::base::{Hash, Span};
use mingjian::ledger::media::{FileName, run_link, segment_link};
use mingjian::review::{CheckName, Failure, Language};

use crate::camera::Camera;
use crate::world::{World, verified};

pub const PASSWORD: &str = "tall-herons-94";

/// The path of a file, writable: whoever tampers has the rights to.
fn taken(media: &Path, name: FileName) -> PathBuf {
    let path = media.join(name.to_string());
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "the test's own files")]
    permissions.set_readonly(false);
    fs::set_permissions(&path, permissions).unwrap();
    path
}

/// Every file under `dir`.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .flat_map(|p| if p.is_dir() { files(&p) } else { vec![p] })
        .collect()
}

#[test]
fn a_camera_is_recorded_and_every_alteration_is_named() {
    let secrets = tempfile::tempdir().unwrap();
    let password = secrets.path().join("password");
    fs::write(&password, PASSWORD).unwrap();
    let camera = Camera::start(&["--user", "watcher", "--password-file", password.to_str().unwrap()]);
    let mut world = World::start();
    let id = world.add(camera.address(), Some(("watcher", PASSWORD)));
    let began = world.now();
    world.record();
    world.recorded(id, began, 7);
    world.stop();
    let ended = world.now();

    assert_eq!(world.announced().gaps, []);
    let stretch = world.runs().into_iter().next().unwrap();
    assert!(stretch.codecs.starts_with("avc1.42") && stretch.codecs.ends_with(",mp4a.40.2"), "{}", stretch.codecs);
    assert!(stretch.segments.len() >= 3, "{}", stretch.segments.len());
    assert!(stretch.from > began.minus(Span::secs(1)) && stretch.to() < ended.plus(Span::secs(1)), "{stretch:?}");
    let [whole @ .., _last] = &stretch.segments[..] else { panic!() };
    for segment in whole {
        assert!((1_900_000..=2_200_000).contains(&segment.span.get()), "{segment:?}");
    }
    // A sine of 0.2 of full scale: 20 log (0.2 / √2) = −17.0 dB.
    let level = stretch.segments[1].level.unwrap();
    assert!((-1_800..=-1_600).contains(&level), "{level}");
    let start = run_link(id, stretch.run, stretch.init);
    let head = stretch.timed().fold(start, |link, (number, _, segment)| segment_link(link, number, segment));
    assert_eq!(head, stretch.head);

    let (data, media) = (world.data(), world.media());
    let dir = world.close();
    for path in files(dir.path()) {
        // The database takes its own helpers along when its last connection closes.
        let Ok(bytes) = fs::read(&path) else { continue };
        let leaked = bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes());
        assert!(!leaked, "{} holds the camera's password", path.display());
    }
    let report = verified(&data, &media);
    assert!(report.holds(), "{}", report.to_text(Language::En));
    let check = report.checked.iter().find(|check| check.name == CheckName::Footage).unwrap();
    assert_eq!((check.count, check.why_not.as_ref()), (stretch.segments.len() as u64 + 1, None));

    let name = |number| FileName { run: stretch.run, number: Some(number) };
    let fails = |what: &str| -> Failure {
        let report = verified(&data, &media);
        assert_eq!(report.exit_code(), 1, "{what} is not noticed");
        let failure = report.first_failure.unwrap();
        assert_eq!(failure.check, CheckName::Footage, "{what}: {failure:?}");
        failure
    };
    let (first, second) = (taken(&media, name(1)), taken(&media, name(2)));
    let (one, two) = (fs::read(&first).unwrap(), fs::read(&second).unwrap());

    let mut flipped = one.clone();
    *flipped.last_mut().unwrap() ^= 1;
    fs::write(&first, &flipped).unwrap();
    let failure = fails("a flipped byte");
    assert!(failure.rule == "segment_bytes" && failure.expected.contains(&name(1).to_string()), "{failure:?}");

    fs::write(&first, &two).unwrap();
    fs::write(&second, &one).unwrap();
    let failure = fails("two swapped segments");
    assert!(
        failure.expected.contains(&name(1).to_string()) && failure.found.contains(&name(2).to_string()),
        "{failure:?}"
    );
    fs::write(&second, &two).unwrap();

    fs::write(&first, reencoded(&media, stretch.init, &one, name(1))).unwrap();
    let failure = fails("a segment made anew");
    assert!(failure.expected.contains(&name(1).to_string()) && failure.found.contains("made anew"), "{failure:?}");

    fs::remove_file(&first).unwrap();
    let failure = fails("a deleted segment");
    assert!(failure.rule == "segment_gone" && failure.found.contains(&name(1).to_string()), "{failure:?}");

    fs::write(&first, &one).unwrap();
    // Somebody's own footage beside the recorded one is noticed for what it is.
    fs::write(media.join(name(90).to_string()), &one).unwrap();
    let report = verified(&data, &media);
    assert!(report.holds(), "{}", report.to_text(Language::En));
    let check = report.checked.iter().find(|check| check.name == CheckName::Footage).unwrap();
    assert!(check.why_not.as_ref().unwrap().en.contains("1 files at hand are announced by no entry"), "{check:?}");
}

/// The segment decoded and encoded again: it plays as well as the original.
fn reencoded(media: &Path, init: Hash, segment: &[u8], name: FileName) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let (whole, made) = (dir.path().join("whole.mp4"), dir.path().join("made.mp4"));
    let head = fs::read(media.join(FileName { number: None, ..name }.to_string())).unwrap();
    assert_eq!(Hash::of(&head), init);
    fs::write(&whole, [&head[..], segment].concat()).unwrap();
    let mut ffmpeg = Command::new("/usr/bin/ffmpeg");
    ffmpeg.args(["-loglevel", "error", "-i"]).arg(&whole).args([
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-c:a",
        "aac",
    ]);
    ffmpeg.args(["-f", "mp4", "-movflags", "+empty_moov+default_base_moof+frag_keyframe"]).arg(&made);
    assert!(ffmpeg.status().unwrap().success());
    fs::read(&made).unwrap()
}

//! What time does to footage: what comes late proves nothing, and what is over is deleted with a word.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use mingjian::base::{Hash, Id, Micros, Span};
use mingjian::ledger::media::{
    FOOTAGE_DELETED, FootageDeleted, HOLD_PLACED, HoldPlaced, SEGMENTS_RECORDED, Segment, SegmentsRecorded, Stretch,
    run_link, segment_link, to_data,
};
use mingjian::review::{CheckName, Language};
use mingjian::sequencer::{Clock, Record, Submission};
use mingjian::sim::ManualClock;

use crate::camera::Camera;
use crate::world::{World, settings, until, verified};

/// Runs from where it is put.
struct RunningClock {
    hand: ManualClock,
    since: OnceLock<Instant>,
}

impl Clock for RunningClock {
    fn now(&self) -> Micros {
        let since = self.since.get_or_init(Instant::now);
        self.hand.now().plus(Span::micros(u64::try_from(since.elapsed().as_micros()).unwrap()))
    }
}

fn write<T: serde::Serialize>(world: &World, kind: &str, subject: String, data: &T) {
    let record = Record { kind: kind.into(), subject, actor: "recorder/main".into(), data: to_data(data).unwrap() };
    world.desk().sequencer.submit(Submission::record(record)).wait().unwrap();
}

/// One segment that claims to end at `end`.
fn announcement(end: Micros) -> SegmentsRecorded {
    let (camera, run, init) = (Id::from_u128(1), Id::from_u128(2), Hash::of(b"init"));
    let segment = Segment { digest: Hash::of(b"made at leisure"), level: None, span: Span::secs(2) };
    let head = segment_link(run_link(camera, run, init), 0, &segment);
    let (codecs, uncertainty) = ("avc1.42c01e".into(), Span::micros(500_000));
    let from = end.minus(segment.span);
    let stretch = Stretch { camera, codecs, first: 0, from, head, init, run, segments: vec![segment], uncertainty };
    SegmentsRecorded { gaps: Vec::new(), stretches: vec![stretch] }
}

#[test]
fn footage_that_comes_late_cannot_be_passed_off() {
    for (end, rule) in [
        (|now: Micros| now.minus(Span::secs(170)), None),
        (|now: Micros| now.minus(Span::secs(190)), Some("announced_late")),
        (|now: Micros| now.minus(Span::hours(1)), Some("announced_late")),
        (|now: Micros| now.plus(Span::secs(30)), Some("announced_early")),
    ] as [(fn(Micros) -> Micros, Option<&str>); 4]
    {
        let world = World::start();
        let end = end(world.now());
        write(&world, SEGMENTS_RECORDED, "recorder/main".into(), &announcement(end));
        let (data, nowhere) = (world.data(), world.data().join("nowhere"));
        let _dir = world.close();
        let failure = verified(&data, &nowhere).first_failure;
        assert_eq!(failure.as_ref().map(|failure| failure.rule.as_str()), rule, "{end}: {failure:?}");
        assert!(failure.is_none_or(|failure| failure.check == CheckName::Footage));
    }
}

#[test]
fn footage_goes_when_its_time_is_over_and_leaves_a_word() {
    let camera = Camera::start(&[]);
    let hand = ManualClock::at(Micros::new(1_795_395_600_000_000).unwrap());
    let clock = Arc::new(RunningClock { hand: hand.clone(), since: OnceLock::new() });
    let mut world = World::on(&settings(None), clock);
    let id = world.add(camera.address(), None);
    // Two runs, the second of which somebody holds.
    for seconds in [3, 5] {
        let began = world.now();
        world.record();
        world.recorded(id, began, seconds);
        world.stop();
    }
    let runs = world.runs();
    let [first, second] = &runs[..] else { panic!("{runs:?}") };
    let hold = HoldPlaced {
        camera: id,
        from: second.from,
        hold: Id::from_u128(9),
        reason: "诉讼保全".into(),
        to: second.to(),
    };
    write(&world, HOLD_PLACED, format!("camera/{id}"), &hold);

    // The camera keeps footage for seven days.
    hand.set(hand.now().plus(Span::days(8)));
    let folder = |stretch: &Stretch| world.media().join(stretch.run.to_string());
    let (going, staying) = (folder(first), folder(second));
    assert!(going.is_dir() && staying.is_dir());
    world.record();
    until("footage whose time is over goes", || !going.exists());
    assert!(staying.is_dir());
    world.stop();
    let [tombstone] = &world.records::<FootageDeleted>(FOOTAGE_DELETED)[..] else { panic!() };
    assert!(tombstone.camera == id && tombstone.runs.iter().all(|deleted| deleted.run == first.run), "{tombstone:?}");
    assert_eq!(tombstone.runs.iter().map(|deleted| deleted.count).sum::<u64>(), first.next());

    let (data, media) = (world.data(), world.media());
    let _dir = world.close();
    let report = verified(&data, &media);
    assert!(report.holds(), "{}", report.to_text(Language::En));
    let check = report.checked.iter().find(|check| check.name == CheckName::Footage).unwrap();
    assert!(check.why_not.as_ref().unwrap().en.contains("segments were deleted, as entries say"), "{check:?}");
}

//! What time does to footage: what comes late proves nothing, and what is over is deleted with a word.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mingjian::base::{Code, Hash, Id, Micros, Span};
use mingjian::desk::HoldWish;
use mingjian::identity::{Role, Viewer};
use mingjian::ledger::media::{
    CLIP_REFERENCED, ClipReferenced, ClipStatus, FOOTAGE_DELETED, FootageDeleted, SEGMENTS_RECORDED, Segment,
    SegmentsRecorded, Stretch, run_link, segment_link, to_data,
};
use mingjian::review::{CheckName, Language};
use mingjian::sequencer::{Clock as _, Record, Submission};
use mingjian::store::platform::footage::{self, ClipRow};

use crate::camera::Camera;
use crate::world::{HandClock, World, morning, settings, supervisor, until, verified};

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
    let hand = morning();
    let mut world = World::on(&settings(None), HandClock::running(&hand));
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
    let desk = Arc::clone(world.desk());
    let supervisor = supervisor();
    let wish = HoldWish { camera: id, from: second.from, to: second.to(), reason: "诉讼保全".into() };
    let bidder = Viewer { role: Role::Bidder, ..supervisor.clone() };
    assert_eq!(desk.place_hold(&bidder, &wish).unwrap_err().code, Code::Forbidden);
    let silent = HoldWish { reason: " ".into(), ..wish };
    assert_eq!(desk.place_hold(&supervisor, &silent).unwrap_err().code, Code::ReasonMissing);
    let (hold, _) = desk.place_hold(&supervisor, &HoldWish { reason: "诉讼保全".into(), ..silent }).unwrap();
    world.keep();
    // A clip of the first run whose own time is over as well.
    let shown = clip_of(&world, first, hand.now().plus(Span::hours(1)));
    until("the clip is resolved", || status(&world, shown) == "complete");

    // The camera keeps footage for seven days.
    hand.set(hand.now().plus(Span::days(8)));
    let folder = |stretch: &Stretch| world.media().join(stretch.run.to_string());
    let (going, staying) = (folder(first), folder(second));
    assert!(going.is_dir() && staying.is_dir());
    world.record();
    until("footage whose time is over goes", || !going.exists());
    assert!(staying.is_dir());
    until("the clip has expired", || status(&world, shown) == "expired");
    // Asked for only now, it is a reference to digests and a tombstone.
    let late = clip_of(&world, first, hand.now().plus(Span::days(9)));
    until("the late clip is resolved", || status(&world, late) == "expired");
    let references: Vec<ClipReferenced> = world.records(CLIP_REFERENCED);
    assert_eq!(
        references.iter().map(|one| one.status).collect::<Vec<_>>(),
        [ClipStatus::Complete, ClipStatus::Expired]
    );
    assert_eq!(references[1].parts.len(), 1, "what there was is still said");
    world.stop();
    let [tombstone] = &world.records::<FootageDeleted>(FOOTAGE_DELETED)[..] else { panic!() };
    assert!(tombstone.camera == id && tombstone.runs.iter().all(|deleted| deleted.run == first.run), "{tombstone:?}");
    assert_eq!(tombstone.runs.iter().map(|deleted| deleted.count).sum::<u64>(), first.next());

    // The hold is lifted, and the rest goes.
    assert_eq!(desk.holds(&supervisor).unwrap().len(), 1);
    assert_eq!(desk.lift_hold(&supervisor, hold, "诉讼已结").unwrap_err().code, Code::ReauthRequired);
    let recent = Viewer { proved_recently: true, ..supervisor };
    desk.lift_hold(&recent, hold, "诉讼已结").unwrap();
    until("the hold is lifted", || desk.holds(&recent).unwrap().is_empty());
    assert_eq!(desk.lift_hold(&recent, hold, "再次").unwrap_err().code, Code::KeepingLifted);
    world.keep();
    until("what nobody holds any more goes", || !staying.exists());
    world.stop();

    let (data, media) = (world.data(), world.media());
    drop(desk);
    let _dir = world.close();
    let report = verified(&data, &media);
    assert!(report.holds(), "{}", report.to_text(Language::En));
    let check = |name| report.checked.iter().find(|check| check.name == name).unwrap().why_not.clone().unwrap().en;
    assert!(check(CheckName::Footage).contains("segments were deleted, as entries say"));
    assert_eq!(check(CheckName::Clips).matches("footage deleted, as entry").count(), 2);
}

/// A clip that shows the middle of a run.
pub fn clip_of(world: &World, run: &Stretch, keep_until: Micros) -> Id {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let id = Id::from_u128(COUNT.fetch_add(1, Ordering::Relaxed).into());
    let from = run.from.plus(Span::secs(1));
    let row = ClipRow {
        id: id.to_string(),
        ledger: "main".into(),
        camera: run.camera.to_string(),
        room: world.room.to_string(),
        lot: Id::from_u128(77).to_string(),
        about: 1,
        about_kind: "auction.opened".into(),
        starts_at: from.get(),
        ends_at: from.plus(Span::secs(1)).get(),
        status: "pending".into(),
        seq: None,
        keep_until: keep_until.get(),
    };
    world.desk().platform.write(|tx| footage::insert_clip(tx, &row)).unwrap();
    id
}

fn status(world: &World, clip: Id) -> String {
    world.desk().platform.read(|tx| footage::clip(tx, &clip.to_string())).unwrap().unwrap().status
}

//! An auction before a camera: clips attach by themselves, resolve when their footage is in, and are looked at, by who may.

use std::io::{Cursor, Read as _};
use std::sync::Arc;

use mingjian::base::{Code, Hash, Id, Span};
use mingjian::desk::{ClipWish, Footage, Wanted};
use mingjian::engine::event::PublicityStarted;
use mingjian::engine::{Action, Actor};
use mingjian::evidence::clips::SHOWN;
use mingjian::identity::{Role, Viewer};
use mingjian::ledger::Leaf;
use mingjian::ledger::media::{
    ALARM_RAISED, Alarm, AlarmKind, CLIP_REFERENCED, ClipReferenced, ClipStatus, FileName, Interval, VIEWED, Viewed,
    playlist,
};
use mingjian::review::case::{CaseReader, verify};
use mingjian::review::{CheckName, InSequence, Language, Options, Trust};
use mingjian::sequencer::{Clock as _, SystemClock};
use mingjian::sim::hall::{Hall, HallRules, World as Trade, run};

use crate::camera::Camera;
use crate::light;
use crate::world::{HandClock, World, operator, settings, until, verified};

fn viewer(role: Role, cases: &[Id]) -> Viewer {
    Viewer { account: Some(Id::from_u128(role as u128 + 100)), role, cases: cases.to_vec(), ..Viewer::public() }
}

#[test]
fn what_the_room_saw_stands_beside_the_trade() {
    // Its brightness says when each picture was taken.
    let camera = Camera::start(&["--light-clock"]);
    // A second one that nobody hears, and whose picture never changes.
    let still = Camera::start(&["--frozen", "--no-audio", "--pattern", "red"]);
    let trade = Trade::new(7);
    let clock = HandClock::held(&trade.clock);
    let mut world = World::on(&settings(None), Arc::<HandClock>::clone(&clock));
    let sequencer = world.desk().sequencer.clone();
    let rules = HallRules { free: Span::secs(12), window: Span::secs(10), ..HallRules::default() };
    let hall = Hall::announce(&trade, &sequencer, rules).unwrap();
    let (seeing, quiet) = (world.add(camera.address(), None), world.add(still.address(), None));
    let opens = hall.opens;
    trade.go_to(&sequencer, opens.minus(Span::secs(20))).unwrap();
    let desk = Arc::clone(world.desk());
    desk.book_room(&operator(), world.room, hall.lot, opens.minus(Span::minutes(5)), opens.plus(Span::hours(1)))
        .unwrap();
    let taken = desk.book_room(&operator(), world.room, hall.lot, opens, opens.plus(Span::hours(1)));
    assert_eq!(taken.unwrap_err().code, Code::RoomTaken);

    clock.run();
    world.record();
    until("the auction opens", || world.now() > opens);
    run_bid(&trade, &hall, &world, 0);
    let operator_of_room = Actor::Operator(Id::from_u128(1));
    run(&sequencer, hall.command(operator_of_room, Action::Suspend { reason: "核对设备".into() })).unwrap();
    run(&sequencer, hall.command(operator_of_room, Action::Resume { reason: "设备正常".into() })).unwrap();
    run_bid(&trade, &hall, &world, 1);
    // Within the limited window, so that it is extended; then nobody bids any more, and it closes.
    until("the limited window", || world.now() > opens.plus(Span::secs(14)));
    run_bid(&trade, &hall, &world, 2);

    let supervisor = viewer(Role::Supervisor, &[]);
    let clips = || desk.clips(&supervisor, hall.lot).unwrap();
    until("clips are resolved", || {
        let clips = clips();
        let is_over = clips.iter().any(|clip| clip.about_kind == "auction.closed");
        is_over && clips.iter().all(|clip| clip.status != "pending")
    });
    let found = clips();
    let references: Vec<ClipReferenced> = world.records(CLIP_REFERENCED);
    for kind in SHOWN.iter().filter(|kind| **kind != "lot.awarded") {
        // One for each camera, and one of the first bid alone.
        assert_eq!(found.iter().filter(|clip| clip.about_kind == *kind).count(), 2, "{kind}: {found:?}");
        let seen = references.iter().find(|one| one.about_kind == *kind && one.camera == seeing).unwrap();
        assert_shows_its_entry(&world, seen);
    }

    let opening =
        found.iter().find(|clip| clip.about_kind == "auction.opened" && clip.camera == seeing.to_string()).unwrap();
    let clip: Id = opening.id.parse().unwrap();
    let reference = references.iter().find(|reference| reference.clip == clip).unwrap();
    assert!(reference.audio.present && reference.audio.level.is_some_and(|level| level > -1_900));
    assert!(reference.clock.offset.is_some() && reference.clock.uncertainty.get() >= 500_000);

    // Rights: nobody who is not meant to, not even the operator of the room; a reviewer with a case on this lot alone.
    let other = Id::from_u128(5);
    for (who, allowed) in [
        (viewer(Role::Supervisor, &[]), true),
        (viewer(Role::Reviewer, &[hall.lot]), true),
        (viewer(Role::Reviewer, &[other]), false),
        (viewer(Role::Reviewer, &[]), false),
        (operator(), false),
        (viewer(Role::Bidder, &[]), false),
        (Viewer::public(), false),
    ] {
        let looked = desk.view(&who, &Wanted::Clip(clip), "核查开标过程");
        assert_eq!(looked.is_ok(), allowed, "{:?} {:?}", who.role, looked.err());
        assert_eq!(desk.clips(&who, hall.lot).is_ok(), allowed, "{:?}", who.role);
    }
    let reviewer = viewer(Role::Reviewer, &[hall.lot]);
    assert_eq!(desk.view(&reviewer, &Wanted::Live(seeing), "看").err().unwrap().code, Code::Forbidden);
    assert_eq!(desk.view(&reviewer, &Wanted::Clip(clip), " ").err().unwrap().code, Code::ReasonMissing);

    // One look is one entry, however many files are read.
    let before = world.records::<Viewed>(VIEWED).len();
    let viewing = desk.view(&reviewer, &Wanted::Clip(clip), "举报称开标迟延").unwrap();
    let text = desk.playlist(&reviewer, viewing.id).unwrap();
    assert_eq!(text, playlist(&reference.parts));
    assert_eq!(Hash::of(text.as_bytes()), reference.playlist);
    let sight = desk.sight(&reviewer, viewing.id).unwrap();
    assert!(sight.files.len() > 14, "{}", sight.files.len());
    for shown in &sight.files {
        let bytes = desk.footage_file(&reviewer, viewing.id, shown.name).unwrap();
        assert_eq!(Hash::of(&bytes), shown.digest);
        assert!(shown.seq.is_some());
    }
    let views: Vec<Viewed> = world.records(VIEWED);
    assert_eq!(views.len(), before + 1);
    assert_eq!((views[before].reason.as_str(), views[before].mode.as_str()), ("举报称开标迟延", "clip"));
    // Nothing beyond the clip, nothing on somebody else's leave, nothing when the case is closed.
    let beyond = FileName { number: Some(999), ..sight.files[1].name };
    assert_eq!(desk.footage_file(&reviewer, viewing.id, beyond).unwrap_err().code, Code::NotFound);
    assert_eq!(desk.playlist(&supervisor, viewing.id).unwrap_err().code, Code::ViewingOver);
    let closed = Viewer { cases: vec![other], ..reviewer.clone() };
    assert_eq!(desk.playlist(&closed, viewing.id).unwrap_err().code, Code::Forbidden);

    // Live, for supervisors.
    let live = desk.view(&supervisor, &Wanted::Live(seeing), "现场监督").unwrap();
    let text = desk.playlist(&supervisor, live.id).unwrap();
    assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:") && !text.contains("ENDLIST"), "{text}");
    let newest = desk.sight(&supervisor, live.id).unwrap().files.last().unwrap().name;
    assert!(!desk.footage_file(&supervisor, live.id, newest).unwrap().is_empty());

    // Taken along: the manifest says who and when, and its digest is an entry.
    let zip = desk.export_clip(&reviewer, clip, "附卷").unwrap_err();
    assert_eq!(zip.code, Code::NotFound, "this reviewer is nobody in the accounts");
    let known = Viewer { account: Some(world.account), ..reviewer.clone() };
    let mut zip = zip::ZipArchive::new(Cursor::new(desk.export_clip(&known, clip, "附卷").unwrap())).unwrap();
    let mut manifest = Vec::new();
    zip.by_name("manifest.json").unwrap().read_to_end(&mut manifest).unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(listed["exported_by_name"], "复核员");
    for file in listed["files"].as_array().unwrap() {
        let mut bytes = Vec::new();
        zip.by_name(file["name"].as_str().unwrap()).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(file["sha256"], Hash::of(&bytes).to_string());
    }
    assert_eq!(world.records::<Viewed>(VIEWED).last().unwrap().manifest, Some(Hash::of(&manifest)));

    assert_case_takes_footage_along(&world, &reviewer, hall.lot);

    // The clock in the picture agrees with what the clip claims, as far as it claims to know.
    let mut part = Vec::new();
    for (name, _) in reference.files() {
        zip.by_name(&name.to_string()).unwrap().read_to_end(&mut part).unwrap();
    }
    let ahead = world.now().get() - SystemClock.now().get();
    let off = light::off(&part, reference.parts[0].from.get() - ahead);
    let stated = i64::try_from(reference.clock.uncertainty.get()).unwrap();
    assert!(off.len() > 300, "{} pictures", off.len());
    let worst = off.iter().map(|off| off.abs()).max().unwrap();
    assert!(worst <= stated, "a picture is {worst} µs off, {stated} stated");

    // By hand, to any entry.
    let (from, to) = (opens.minus(Span::secs(4)), opens.plus(Span::secs(4)));
    let wish = ClipWish { lot: hall.lot, about: 3, camera: seeing, from, to, reason: "复核开标前".into() };
    let (asked, _) = desk.ask_for_clip(&supervisor, &wish).unwrap();
    until("the clip asked for is resolved", || {
        clips().iter().any(|clip| clip.id == asked.to_string() && clip.status == "complete")
    });

    let alarms: Vec<Alarm> = world.records(ALARM_RAISED);
    for kind in [AlarmKind::MicrophoneSilent, AlarmKind::PictureFrozen] {
        assert!(alarms.iter().any(|alarm| alarm.alarm == kind && alarm.camera == Some(quiet)), "{kind}: {alarms:?}");
    }
    assert!(alarms.iter().all(|alarm| alarm.camera == Some(quiet)), "{alarms:?}");

    let (data, media) = (world.data(), world.media());
    drop(desk);
    drop(sequencer);
    let _dir = world.close();
    let report = verified(&data, &media);
    assert!(report.holds(), "{}", report.to_text(Language::En));
    let checked = report.checked.iter().find(|check| check.name == CheckName::Clips).unwrap();
    assert!(checked.count >= 9, "{checked:?}");
}

/// The case file holds the footage of every clip that is in the ledger, and that it was taken along is an entry.
fn assert_case_takes_footage_along(world: &World, reviewer: &Viewer, lot: Id) {
    let room = || Cursor::new(Vec::new());
    let desk = world.desk();
    let asked = |footage: &Footage| desk.case_file(reviewer, lot, None, footage, (room(), room()));
    let unsaid = asked(&Footage::TakenAlong { reason: " ".into() });
    assert_eq!(unsaid.unwrap_err().code, Code::ReasonMissing);
    let before = world.records::<Viewed>(VIEWED).len();
    for (footage, along) in [(Footage::LeftHere, false), (Footage::TakenAlong { reason: "附卷备查".into() }, true)]
    {
        let mut case = CaseReader::open(asked(&footage).unwrap()).unwrap();
        let report = verify(&mut case, &Trust::default(), Options::default(), &InSequence, |_, _| {}).unwrap();
        assert!(report.faults.is_empty() && report.clips >= 8, "{report:?}");
        assert_eq!((report.media > 14, report.media_absent > 0), (along, !along), "{report:?}");
    }
    let views: Vec<Viewed> = world.records(VIEWED);
    assert_eq!(views.len(), before + 1, "nothing is taken along without the footage");
    let last = &views[before];
    assert_eq!((last.mode.as_str(), last.reason.as_str(), last.camera, last.clip), ("case", "附卷备查", None, None));
}

/// The clip is whole, from ten seconds before its entry to twenty after it.
fn assert_shows_its_entry(world: &World, reference: &ClipReferenced) {
    let leaf = world.desk().reader.leaf(reference.about).unwrap().unwrap();
    let at = Leaf::parse(&leaf).unwrap().time;
    let (from, to) = (at.minus(Span::secs(10)), at.plus(Span::secs(20)));
    assert_eq!(reference.asked, Interval { from, to }, "{}", reference.about_kind);
    assert_eq!((reference.status, &reference.gaps[..]), (ClipStatus::Complete, &[][..]), "{reference:?}");
    let served = reference.served.unwrap();
    assert!(served.from <= from && served.to >= to, "{}: {served:?} of {from} to {to}", reference.about_kind);
}

/// Days after the auction, with another booking of the room.
#[test]
fn the_award_gets_its_clip_as_well() {
    let camera = Camera::start(&[]);
    let trade = Trade::new(8);
    let clock = HandClock::held(&trade.clock);
    let mut world = World::on(&settings(None), Arc::<HandClock>::clone(&clock));
    let sequencer = world.desk().sequencer.clone();
    let hall = Hall::open(&trade, &sequencer, HallRules::default()).unwrap();
    for bidder in [0, 1] {
        run_bid(&trade, &hall, &world, bidder);
    }
    trade.go_to(&sequencer, hall.opens.plus(Span::hours(1))).unwrap();
    let over = hall.opens.plus(Span::days(12));
    let publicity = Action::StartPublicity(PublicityStarted { until: over });
    run(&sequencer, hall.command(Actor::Operator(Id::from_u128(1)), publicity)).unwrap();
    trade.go_to(&sequencer, over).unwrap();

    let seeing = world.add(camera.address(), None);
    let (from, to) = (over.minus(Span::minutes(5)), over.plus(Span::hours(1)));
    world.desk().book_room(&operator(), world.room, hall.lot, from, to).unwrap();
    clock.run();
    world.record();
    until("there is footage from before", || {
        let live = world.desk().evidence.live(seeing).unwrap().map(|live| live.segments).unwrap_or_default();
        let ends = live.first().zip(live.last());
        ends.is_some_and(|(first, last)| last.to().since(first.from) > Span::secs(12))
    });
    run(&sequencer, hall.command(Actor::Owner(hall.owner), Action::Award)).unwrap();
    until("the clip is resolved", || !world.records::<ClipReferenced>(CLIP_REFERENCED).is_empty());
    let references: Vec<ClipReferenced> = world.records(CLIP_REFERENCED);
    let [reference] = &references[..] else { panic!("{references:?}") };
    assert_eq!(reference.about_kind, "lot.awarded");
    assert_shows_its_entry(&world, reference);
}

fn run_bid(trade: &Trade, hall: &Hall, world: &World, bidder: usize) {
    let steps = i64::try_from(bidder).unwrap() + 1;
    let bid = hall.bid(&hall.bidders[bidder], steps, world.now(), trade.nonce());
    assert_eq!(world.desk().sequencer.submit(bid).wait().unwrap().rule, None);
}

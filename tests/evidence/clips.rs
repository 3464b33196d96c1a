//! An auction before a camera: clips attach by themselves, resolve when their footage is in, and are looked at, by who may.

use std::io::{Cursor, Read as _};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use mingjian::base::{Code, Hash, Id, Micros, Span};
use mingjian::desk::{ClipWish, Wanted};
use mingjian::engine::{Action, Actor};
use mingjian::identity::{Role, Viewer};
use mingjian::ledger::media::{
    ALARM_RAISED, Alarm, AlarmKind, CLIP_REFERENCED, ClipReferenced, ClipStatus, FileName, VIEWED, Viewed, playlist,
};
use mingjian::review::{CheckName, Language};
use mingjian::sequencer::{Clock, SystemClock};
use mingjian::sim::ManualClock;
use mingjian::sim::hall::{Hall, HallRules, World as Trade, run};

use crate::camera::Camera;
use crate::light;
use crate::world::{World, operator, settings, until, verified};

/// Stands where it is put until it is let run.
struct HeldClock {
    hand: ManualClock,
    since: OnceLock<Instant>,
}

impl Clock for HeldClock {
    fn now(&self) -> Micros {
        let passed = self.since.get().map_or(0, |since| u64::try_from(since.elapsed().as_micros()).unwrap());
        self.hand.now().plus(Span::micros(passed))
    }
}

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
    let clock = Arc::new(HeldClock { hand: trade.clock.clone(), since: OnceLock::new() });
    let mut world = World::on(&settings(None), Arc::<HeldClock>::clone(&clock));
    let sequencer = world.desk().sequencer.clone();
    let rules = HallRules { free: Span::secs(12), window: Span::secs(10), ..HallRules::default() };
    let hall = Hall::announce(&trade, &sequencer, rules).unwrap();
    let (seeing, quiet) = (world.add(camera.address(), None), world.add(still.address(), None));
    let opens = hall.opens;
    trade.go_to(&sequencer, opens.minus(Span::secs(14))).unwrap();
    let desk = Arc::clone(world.desk());
    desk.book_room(&operator(), world.room, hall.lot, opens.minus(Span::minutes(5)), opens.plus(Span::hours(1)))
        .unwrap();
    let taken = desk.book_room(&operator(), world.room, hall.lot, opens, opens.plus(Span::hours(1)));
    assert_eq!(taken.unwrap_err().code, Code::RoomTaken);

    clock.since.set(Instant::now()).unwrap();
    world.record();
    until("the auction opens", || world.now() > opens);
    run_bid(&trade, &hall, &world, 0);
    let operator_of_room = Actor::Operator(Id::from_u128(1));
    run(&sequencer, hall.command(operator_of_room, Action::Suspend { reason: "核对设备".into() })).unwrap();
    run(&sequencer, hall.command(operator_of_room, Action::Resume { reason: "设备正常".into() })).unwrap();
    run_bid(&trade, &hall, &world, 1);

    let supervisor = viewer(Role::Supervisor, &[]);
    let clips = || desk.clips(&supervisor, hall.lot).unwrap();
    until("clips are resolved", || {
        let clips = clips();
        clips.len() >= 8 && clips.iter().all(|clip| clip.status != "pending")
    });
    let found = clips();
    for kind in ["auction.opened", "auction.bid_accepted", "lot.suspended", "lot.resumed"] {
        // One for each camera, and one of the first bid alone.
        assert_eq!(found.iter().filter(|clip| clip.about_kind == kind).count(), 2, "{kind}: {found:?}");
    }

    let opening =
        found.iter().find(|clip| clip.about_kind == "auction.opened" && clip.camera == seeing.to_string()).unwrap();
    let clip: Id = opening.id.parse().unwrap();
    let references: Vec<ClipReferenced> = world.records(CLIP_REFERENCED);
    let reference = references.iter().find(|reference| reference.clip == clip).unwrap();
    assert_eq!((reference.status, &reference.gaps[..]), (ClipStatus::Complete, &[][..]));
    let served = reference.served.unwrap();
    assert!(served.from <= opens.minus(Span::secs(9)) && served.to >= opens.plus(Span::secs(20)), "{served:?}");
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

fn run_bid(trade: &Trade, hall: &Hall, world: &World, bidder: usize) {
    let steps = i64::try_from(bidder).unwrap() + 1;
    let bid = hall.bid(&hall.bidders[bidder], steps, world.now(), trade.nonce());
    assert_eq!(world.desk().sequencer.submit(bid).wait().unwrap().rule, None);
}

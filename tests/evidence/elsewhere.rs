//! Cameras that another system records: clips refer to what that system says and serves. The stand-in gives the answers that
//! `MediaMTX` documents for its playback server.

use mingjian::base::{Code, Hash, Id, Micros, Span};
use mingjian::desk::Wanted;
use mingjian::ledger::media::{CLIP_REFERENCED, Cause, ClipReferenced, ClipStatus};
use mingjian::review::{CheckName, Language};
use mingjian::store::platform::footage::{self, ClipRow};

use crate::web::{Reply, Request, Web};
use crate::world::{World, supervisor, until, verified};

const FOOTAGE: &[u8] = b"what the other recorder has of it";

/// `/list` and `/get`; it has recorded the path `hall` from `from` to `to`, and asks for a login.
fn mediamtx(from: Micros, to: Micros) -> Web {
    let spans = |request: &Request, from: Micros, to: Micros| {
        let wanted = |name| request.query(name).unwrap().parse::<Micros>().unwrap();
        (from < wanted("end") && to > wanted("start")).then(|| {
            let span = to.since(from).get();
            let (start, duration) =
                (from.to_string().replace('Z', "+00:00"), format!("{}.{:06}", span / 1_000_000, span % 1_000_000));
            format!(r#"[{{"start":"{start}","duration":{duration},"url":"http://x/get?path=hall"}}]"#)
        })
    };
    Web::start(move |request| {
        if request.header("authorization") != Some("Basic d2F0Y2hlcjp0YWxsLWhlcm9ucw==") {
            return Reply::of(401, "");
        }
        match request.path.split('?').next().unwrap() {
            _ if request.query("path").as_deref() != Some("hall") => Reply::of(404, r#"{"error":"no"}"#),
            "/list" => match spans(request, from, to) {
                Some(list) => Reply::of(200, list),
                None => Reply::of(404, r#"{"error":"no recording segments found"}"#),
            },
            "/get" => {
                assert_eq!(request.query("format").as_deref(), Some("mp4"));
                Reply::of(200, FOOTAGE)
            }
            _ => Reply::of(400, ""),
        }
    })
}

fn clip(world: &World, number: u128, camera: Id, from: Micros, to: Micros) -> Id {
    let id = Id::from_u128(number);
    let row = ClipRow {
        id: id.to_string(),
        ledger: "main".into(),
        camera: camera.to_string(),
        room: world.room.to_string(),
        lot: Id::from_u128(77).to_string(),
        about: 1,
        about_kind: "auction.opened".into(),
        starts_at: from.get(),
        ends_at: to.get(),
        status: "pending".into(),
        seq: None,
        keep_until: to.plus(Span::days(1)).get(),
    };
    world.desk().platform.write(|tx| footage::insert_clip(tx, &row)).unwrap();
    id
}

#[test]
fn clips_refer_to_what_another_recorder_keeps() {
    let mut world = World::start();
    let now = world.now();
    let before = |seconds| now.minus(Span::secs(seconds));
    let web = mediamtx(before(1_000), before(10));
    let login = Some(("watcher", "tall-herons"));
    let hall = world.add_from("mediamtx", format!("http://{}/hall", web.address), login);
    let other = world.add_from("mediamtx", format!("http://{}/other", web.address), login);
    let nobody = world.add_from("frigate", "http://127.0.0.1:1/hall".into(), None);
    let replayed =
        world.add_from("onvif", "rtsp://127.0.0.1:1/replay?from={start_compact}&to={end_compact}".into(), None);

    let whole = clip(&world, 1, hall, before(60), before(30));
    // Long enough ago that nobody waits any more for what is not there.
    let partly = clip(&world, 2, hall, before(1_020), before(990));
    let nothing = clip(&world, 3, other, before(760), before(730));
    let unanswered = clip(&world, 4, nobody, before(760), before(730));
    let referred = clip(&world, 5, replayed, before(60), before(30));
    world.keep();
    until("all clips are resolved", || world.records::<ClipReferenced>(CLIP_REFERENCED).len() == 5);
    let references: Vec<ClipReferenced> = world.records(CLIP_REFERENCED);
    let of = |clip: Id| references.iter().find(|reference| reference.clip == clip).unwrap();

    let external = of(whole).external.clone().unwrap();
    assert_eq!((of(whole).status, external.system.as_str()), (ClipStatus::Complete, "mediamtx"));
    assert_eq!(external.digest, Some(Hash::of(FOOTAGE)));
    assert!(
        external.url.contains("/get?path=hall&start=") && external.url.contains("duration=30.000000"),
        "{external:?}"
    );
    assert!(!external.url.contains("herons") && of(whole).parts.is_empty());
    assert_eq!((of(whole).served, of(whole).clock.source.as_str()), (Some(of(whole).asked), "external"));

    let [gap] = of(partly).gaps[..] else { panic!("{:?}", of(partly).gaps) };
    assert_eq!((gap.from, gap.to, gap.cause), (before(1_020), before(1_000), Cause::CameraGone));
    assert_eq!((of(partly).status, of(partly).served.unwrap().from), (ClipStatus::Gap, before(1_000)));
    for (clip, cause) in [(nothing, Cause::CameraGone), (unanswered, Cause::Network)] {
        let reference = of(clip);
        let [gap] = reference.gaps[..] else { panic!("{:?}", reference.gaps) };
        assert_eq!((gap.from, gap.to, gap.cause), (reference.asked.from, reference.asked.to, cause));
        assert_eq!((reference.status, reference.served), (ClipStatus::Gap, None));
    }
    let external = of(referred).external.clone().unwrap();
    assert!(external.digest.is_none() && external.url.starts_with("rtsp://127.0.0.1:1/replay?from=20"), "{external:?}");

    // It is played through here, for who may look, as that system gives it now.
    let desk = world.desk();
    let look = |clip: Id| desk.view(&supervisor(), &Wanted::Clip(clip), "核查").map(|viewing| viewing.id);
    assert_eq!(look(whole).err().unwrap().code, Code::LotUnknown, "nobody looks at what belongs to no lot");
    assert_eq!(desk.evidence.fetch(of(whole)).unwrap(), FOOTAGE);
    for silent in [unanswered, referred] {
        assert_eq!(desk.evidence.fetch(of(silent)).unwrap_err(), Code::ElsewhereSilent);
    }
    // Its login goes nowhere else, whatever a reference says.
    let mut led_astray = of(whole).clone();
    led_astray.external.as_mut().unwrap().url = format!("http://127.0.0.1:{}9/get?path=hall", web.address.port());
    assert_eq!(desk.evidence.fetch(&led_astray).unwrap_err(), Code::ElsewhereSilent);

    // There is nothing live of it here.
    let live = world.desk().view(&supervisor(), &Wanted::Live(hall), "看").err().unwrap();
    assert_eq!(live.code, Code::CameraElsewhere);

    let (data, media) = (world.data(), world.media());
    let _dir = world.close();
    let report = verified(&data, &media);
    assert!(report.holds(), "{}", report.to_text(Language::En));
    let check = report.checked.iter().find(|check| check.name == CheckName::Clips).unwrap();
    let said = check.why_not.as_ref().unwrap().en.as_str();
    assert!(check.count == 5 && said.contains("kept by mediamtx, which nothing here vouches for"), "{check:?}");
    assert!(said.contains("(camera_gone)") && said.contains("(network)"), "{said}");
}

#[test]
fn an_address_that_leads_elsewhere_is_not_followed() {
    let mut world = World::with(&mingjian::config::EvidenceSettings {
        networks: vec!["10.0.0.0/8".into()],
        ..crate::world::settings(None)
    });
    let now = world.now();
    let web = mediamtx(now.minus(Span::hours(1)), now);
    // A name that the fence has to judge, not the address that somebody typed.
    let address = format!("http://localhost:{}/hall", web.address.port());
    let camera = world.add_from("mediamtx", address, Some(("watcher", "tall-herons")));
    clip(&world, 1, camera, now.minus(Span::secs(760)), now.minus(Span::secs(730)));
    world.keep();
    until("the clip is given up", || world.records::<ClipReferenced>(CLIP_REFERENCED).len() == 1);
    let reference = world.records::<ClipReferenced>(CLIP_REFERENCED).remove(0);
    assert_eq!((reference.status, reference.gaps[0].cause), (ClipStatus::Gap, Cause::Network));
    assert!(web.asked.lock().unwrap().is_empty(), "nobody may be asked there");
}

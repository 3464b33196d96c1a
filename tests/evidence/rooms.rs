//! What an operator sets up: rooms, cameras where they may be, logins that nobody sees again, and who sits where when.

use std::sync::Arc;

use mingjian::base::{Code, Id, Span};
use mingjian::desk::NewCamera;
use mingjian::identity::{Role, Viewer};
use mingjian::ledger::media::Retention;
use mingjian::sim::hall::{Hall, HallRules, World as Trade};

use crate::world::{HandClock, World, operator, settings, supervisor};

#[test]
fn a_camera_is_where_cameras_may_be() {
    let world = World::start();
    let desk = world.desk();
    let camera = |source: &str, address: &str| NewCamera {
        room: world.room,
        name: "全景".into(),
        source: source.into(),
        address: address.into(),
        user: "watcher".into(),
        password: "tall-herons".to_owned().into(),
        retention: Retention::Days90,
    };
    for (source, address, code) in [
        ("rtsp", "rtsp://127.0.0.1:8554/live", None),
        ("rtsp", "rtsp://watcher:tall-herons@127.0.0.1/live", Some(Code::CameraAddress)),
        ("rtsp", "http://127.0.0.1/live", Some(Code::CameraAddress)),
        ("rtsp", "file:///etc/passwd", Some(Code::CameraAddress)),
        ("rtsp", "rtsp://8.8.8.8/live", Some(Code::CameraAddress)),
        ("rtsp", "rtsp://169.254.169.254/live", Some(Code::CameraAddress)),
        ("rtsp", "rtsp://[::1]/live", Some(Code::CameraAddress)),
        ("mediamtx", "http://127.0.0.1:9996/hall", None),
        ("mediamtx", "http://10.0.0.9:9996/hall", Some(Code::CameraAddress)),
        ("mediamtx", "http://127.0.0.1:9996", Some(Code::CameraAddress)),
        ("gb28181", "http://127.0.0.1/play?from={start_unix}&to={end_unix}", None),
        ("gb28181", "http://127.0.0.1/play", Some(Code::CameraAddress)),
        ("somebody", "rtsp://127.0.0.1/live", Some(Code::CameraAddress)),
    ] {
        let added = desk.add_camera(&operator(), &camera(source, address));
        assert_eq!(added.as_ref().err().map(|refusal| refusal.code), code, "{source} {address}: {added:?}");
    }
    let mut quoted = camera("rtsp", "rtsp://127.0.0.1:8554/live");
    quoted.user = "wat\"cher".into();
    assert_eq!(desk.add_camera(&operator(), &quoted).unwrap_err().code, Code::InvalidField);
    let nowhere = NewCamera { room: Id::from_u128(3), ..camera("rtsp", "rtsp://127.0.0.1:8554/live") };
    assert_eq!(desk.add_camera(&operator(), &nowhere).unwrap_err().code, Code::RoomUnknown);

    // Only operators set cameras up, and nobody else is told where they are.
    for role in [Role::Supervisor, Role::Reviewer, Role::Bidder, Role::Owner, Role::Expert] {
        let viewer = Viewer { account: Some(Id::from_u128(9)), role, ..Viewer::public() };
        let refused = desk.add_camera(&viewer, &camera("rtsp", "rtsp://127.0.0.1:8554/live")).unwrap_err();
        assert_eq!(refused.code, Code::Forbidden, "{role:?}");
    }
    let (now, later) = (world.now(), world.now().plus(Span::hours(1)));
    let shown = |viewer: &Viewer| desk.rooms(viewer, now, later).unwrap().cameras;
    assert!(shown(&operator()).iter().all(|(row, _)| row.address.contains("127.0.0.1")));
    assert!(shown(&supervisor()).iter().all(|(row, _)| row.address.is_empty()));
    assert_eq!(shown(&supervisor()).len(), 3);
    assert_eq!(desk.rooms(&Viewer::public(), now, later).err(), Some(Code::NotSignedIn));

    // Its login is the recorder's alone, and is forgotten when the camera goes.
    let id: Id = shown(&operator())[0].0.id.parse().unwrap();
    let login = || desk.evidence.logins.login(id);
    assert_eq!(login().unwrap().password.as_str(), "tall-herons");
    desk.retire_camera(&operator(), id).unwrap();
    assert!(login().is_none());
    assert_eq!(desk.retire_camera(&operator(), id), Err(Code::CameraUnknown));
    assert_eq!(shown(&operator()).len(), 2);
}

#[test]
fn a_room_has_one_session_at_a_time() {
    let trade = Trade::new(9);
    let world = World::on(&settings(None), HandClock::held(&trade.clock));
    let desk = Arc::clone(world.desk());
    let hall = Hall::announce(&trade, &desk.sequencer, HallRules::default()).unwrap();
    let at = |minutes| hall.opens.plus(Span::minutes(minutes));
    let book = |from, to| desk.book_room(&operator(), world.room, hall.lot, at(from), at(to)).map_err(|no| no.code);
    let first = book(0, 60).unwrap();
    for (from, to, code) in [
        (30, 90, Code::RoomTaken),
        (10, 20, Code::RoomTaken),
        (90, 90, Code::InvalidField),
        (90, 80, Code::InvalidField),
    ] {
        assert_eq!(book(from, to), Err(code), "{from} to {to}");
    }
    book(60, 90).unwrap();
    let other = desk.add_room(&operator(), "开标二室", "二层").unwrap();
    desk.book_room(&operator(), other, hall.lot, at(0), at(60)).unwrap();
    assert_eq!(desk.add_room(&operator(), "开标二室", "三层").unwrap_err().code, Code::RoomExists);
    let nobody = desk.book_room(&operator(), other, Id::from_u128(3), at(60), at(90)).unwrap_err();
    assert_eq!(nobody.code, Code::LotUnknown);
    let nowhere = desk.book_room(&operator(), Id::from_u128(3), hall.lot, at(60), at(90)).unwrap_err();
    assert_eq!(nowhere.code, Code::RoomUnknown);
    // Given up, it is free again.
    desk.cancel_booking(&operator(), first).unwrap();
    assert_eq!(desk.cancel_booking(&operator(), first), Err(Code::BookingUnknown));
    book(10, 20).unwrap();
}

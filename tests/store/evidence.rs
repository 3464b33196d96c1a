//! Tables of rooms, cameras and footage mean the same on both backends.

use mingjian::base::Span;
use mingjian::store::platform::footage::{self, AlarmRow, ClipRow, GapRow, HoldRow, StretchRow};
use mingjian::store::platform::recorders::{self, ReportRow};
use mingjian::store::platform::rooms::{self, BookingRow, CameraRow, RoomRow, ViewingRow};
use mingjian::store::{Platform, StoreError};

use crate::backends::on_each;

const LEDGER: &str = "main";
const SECOND: i64 = 1_000_000;

fn room(id: &str, name: &str) -> RoomRow {
    RoomRow { id: id.into(), name: name.into(), place: "二层".into(), created_at: 1 }
}

fn camera(id: &str, room: &str) -> CameraRow {
    CameraRow {
        id: id.into(),
        room: room.into(),
        name: format!("camera {id}"),
        source: "rtsp".into(),
        address: "rtsp://10.0.0.7:554/live".into(),
        retention: "days_7".into(),
        created_at: 10,
        retired_at: None,
    }
}

fn furnish(platform: &Platform) {
    platform
        .write(|tx| -> Result<(), StoreError> {
            rooms::insert_room(tx, &room("r2", "二室"))?;
            rooms::insert_room(tx, &room("r1", "一室"))?;
            rooms::insert_camera(tx, &camera("c1", "r1"), Some(&[0, 1, 255]))?;
            rooms::insert_camera(tx, &camera("c2", "r1"), None)
        })
        .unwrap();
}

#[test]
fn rooms_cameras_and_bookings() {
    on_each(|name, platform| {
        furnish(platform);
        let twice = platform.write(|tx| rooms::insert_room(tx, &room("r3", "一室"))).unwrap_err();
        assert!(twice.is_duplicate(), "{name}: {twice}");
        assert!(platform.write(|tx| rooms::insert_camera(tx, &camera("c3", "nowhere"), None)).is_err(), "{name}");
        let listed = |limit| platform.read(|tx| rooms::rooms(tx, limit)).unwrap();
        // In the order of the bytes of their names, whatever the database's language.
        assert_eq!(listed(9).iter().map(|room| room.name.as_str()).collect::<Vec<_>>(), ["一室", "二室"], "{name}");
        assert_eq!(listed(1).len(), 1, "{name}");
        assert_eq!(platform.read(|tx| rooms::credentials(tx, "c1")).unwrap(), Some(vec![0, 1, 255]), "{name}");
        assert_eq!(platform.read(|tx| rooms::credentials(tx, "c2")).unwrap(), None, "{name}");

        assert!(platform.write(|tx| rooms::retire_camera(tx, "c1", 50)).unwrap(), "{name}");
        assert!(!platform.write(|tx| rooms::retire_camera(tx, "c1", 60)).unwrap(), "{name}: only once");
        assert_eq!(platform.read(|tx| rooms::credentials(tx, "c1")).unwrap(), None, "{name}: forgotten at once");
        let stood = |at| platform.read(|tx| rooms::cameras_in(tx, "r1", at)).unwrap().len();
        assert_eq!((stood(9), stood(10), stood(49), stood(50)), (0, 2, 2, 1), "{name}");
        let ids = |rows: Vec<CameraRow>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
        assert_eq!(ids(platform.read(|tx| rooms::cameras(tx, 9)).unwrap()), ["c2"], "{name}");
        assert_eq!(ids(platform.read(|tx| rooms::all_cameras(tx, 9)).unwrap()), ["c1", "c2"], "{name}");

        let booking = |id: &str, starts_at, ends_at| BookingRow {
            id: id.into(),
            room: "r1".into(),
            lot: "l1".into(),
            starts_at,
            ends_at,
            created_at: 1,
            cancelled_at: None,
        };
        for row in [booking("b2", 200, 300), booking("b1", 100, 200)] {
            platform.write(|tx| rooms::insert_booking(tx, &row)).unwrap();
        }
        let touching = |from, to| {
            let rows = platform.read(|tx| rooms::bookings(tx, from, to, 9)).unwrap();
            rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        };
        assert_eq!(touching(0, 1_000), ["b1", "b2"], "{name}");
        assert_eq!((touching(200, 250), touching(0, 100)), (vec!["b2".to_owned()], Vec::new()), "{name}: half open");
        assert_eq!(platform.read(|tx| rooms::bookings_of(tx, "l1", 200)).unwrap().len(), 2, "{name}: both ends");
        assert!(platform.write(|tx| rooms::cancel_booking(tx, "b1", 5)).unwrap(), "{name}");
        assert!(!platform.write(|tx| rooms::cancel_booking(tx, "b1", 5)).unwrap(), "{name}");
        assert_eq!(touching(0, 1_000), ["b2"], "{name}");

        let viewing = ViewingRow {
            id: "v1".into(),
            account: "a".into(),
            camera: "c1".into(),
            clip: None,
            starts_at: 1,
            ends_at: 2,
            expires_at: 100,
            seq: 7,
        };
        platform.write(|tx| rooms::insert_viewing(tx, &viewing)).unwrap();
        assert_eq!(platform.read(|tx| rooms::viewing(tx, "v1")).unwrap(), Some(viewing), "{name}");
        assert_eq!(platform.write(|tx| rooms::sweep_viewings(tx, 99)).unwrap(), 0, "{name}");
        assert_eq!(platform.write(|tx| rooms::sweep_viewings(tx, 100)).unwrap(), 1, "{name}");
    });
}

fn stretch(run: &str, first: i64, starts_at: i64) -> StretchRow {
    StretchRow {
        ledger: LEDGER.into(),
        seq: 100 + first,
        camera: "c1".into(),
        run: run.into(),
        first,
        count: 5,
        starts_at,
        ends_at: starts_at + 10 * SECOND,
        deleted_at: None,
    }
}

fn clip(id: &str, starts_at: i64, ends_at: i64) -> ClipRow {
    ClipRow {
        id: id.into(),
        ledger: LEDGER.into(),
        camera: "c1".into(),
        room: "r1".into(),
        lot: "l1".into(),
        about: ends_at,
        about_kind: "auction.opened".into(),
        starts_at,
        ends_at,
        status: "pending".into(),
        seq: None,
        keep_until: ends_at + i64::try_from(Span::days(1).get()).unwrap(),
    }
}

#[test]
fn footage_gaps_and_clips() {
    on_each(|name, platform| {
        let rows = [stretch("run1", 5, 10 * SECOND), stretch("run1", 0, 0), stretch("run2", 0, 40 * SECOND)];
        let gap = GapRow {
            ledger: LEDGER.into(),
            seq: 9,
            camera: "c1".into(),
            starts_at: 20 * SECOND,
            ends_at: 40 * SECOND,
            cause: "network".into(),
        };
        platform
            .write(|tx| -> Result<(), StoreError> {
                rows.iter().try_for_each(|row| footage::insert_stretch(tx, row))?;
                footage::insert_gap(tx, &gap)?;
                [clip("k2", 30 * SECOND, 45 * SECOND), clip("k1", 5 * SECOND, 12 * SECOND)]
                    .iter()
                    .try_for_each(|row| footage::insert_clip(tx, row))
            })
            .unwrap();
        let accounted = |camera: &str| platform.read(|tx| footage::accounted_until(tx, LEDGER, camera)).unwrap();
        assert_eq!((accounted("c1"), accounted("c2")), (Some(50 * SECOND), None), "{name}");
        let next = |run: &str| platform.read(|tx| footage::next_segment(tx, LEDGER, run)).unwrap();
        assert_eq!((next("run1"), next("run2"), next("run3")), (10, 5, 0), "{name}");
        let of = |number| platform.read(|tx| footage::stretch_of(tx, LEDGER, "run1", number)).unwrap();
        assert_eq!(of(7).map(|row| row.first), Some(5), "{name}");
        assert_eq!((of(4).map(|row| row.first), of(10)), (Some(0), None), "{name}");
        let touching = |from, to| platform.read(|tx| footage::stretches(tx, LEDGER, "c1", from, to)).unwrap().len();
        assert_eq!((touching(10 * SECOND, 20 * SECOND), touching(0, 60 * SECOND)), (1, 3), "{name}");
        assert_eq!(platform.read(|tx| footage::gaps(tx, LEDGER, "c1", 0, 21 * SECOND)).unwrap(), [gap], "{name}");
        assert!(platform.read(|tx| footage::gaps(tx, "other", "c1", 0, 21 * SECOND)).unwrap().is_empty(), "{name}");

        let waiting = || {
            let rows = platform.read(|tx| footage::pending_clips(tx, LEDGER, 9)).unwrap();
            rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        };
        assert_eq!(waiting(), ["k1", "k2"], "{name}: the oldest first");
        assert!(platform.read(|tx| footage::has_clip(tx, LEDGER, "l1", "auction.opened")).unwrap(), "{name}");
        assert!(!platform.read(|tx| footage::has_clip(tx, LEDGER, "l2", "auction.opened")).unwrap(), "{name}");
        platform.write(|tx| footage::resolve_clip(tx, "k1", "complete", 77)).unwrap();
        assert_eq!(waiting(), ["k2"], "{name}");
        let status = |id: &str| platform.read(|tx| footage::clip(tx, id)).unwrap().map(|row| (row.status, row.seq));
        assert_eq!(status("k1"), Some(("complete".into(), Some(77))), "{name}");

        // The first stretch goes, and with it the clip that shows some of it; one that waits still waits.
        let old = |before| platform.read(|tx| footage::oldest(tx, LEDGER, "c1", (i64::MIN, before), 9)).unwrap();
        assert_eq!(old(21 * SECOND).iter().map(|row| row.first).collect::<Vec<_>>(), [0, 5], "{name}");
        platform
            .write(|tx| -> Result<(), StoreError> {
                footage::mark_deleted(tx, LEDGER, "run1", 0, 99)?;
                footage::expire_clips(tx, LEDGER, "run1", 0)?;
                footage::expire_clips(tx, LEDGER, "run2", 0)
            })
            .unwrap();
        assert_eq!(old(21 * SECOND).iter().map(|row| row.first).collect::<Vec<_>>(), [5], "{name}");
        assert_eq!(status("k1"), Some(("expired".into(), Some(77))), "{name}");
        assert_eq!(status("k2"), Some(("pending".into(), None)), "{name}");

        platform.write(|tx| footage::clear(tx, LEDGER)).unwrap();
        assert_eq!((accounted("c1"), next("run1"), status("k1")), (None, 0, None), "{name}");
    });
}

#[test]
fn alarms_and_holds() {
    on_each(|name, platform| {
        let alarm = |seq, kind: &str| AlarmRow {
            ledger: LEDGER.into(),
            seq,
            camera: "c1".into(),
            kind: kind.into(),
            raised_at: seq,
            cleared_at: None,
        };
        let hold = |id: &str| HoldRow {
            id: id.into(),
            ledger: LEDGER.into(),
            camera: "c1".into(),
            starts_at: 1,
            ends_at: 2,
            lifted_at: None,
        };
        platform
            .write(|tx| -> Result<(), StoreError> {
                footage::insert_alarm(tx, &alarm(1, "camera_down"))?;
                footage::insert_alarm(tx, &alarm(2, "picture_frozen"))?;
                footage::insert_hold(tx, &hold("h1"))?;
                footage::insert_hold(tx, &hold("h2"))
            })
            .unwrap();
        let standing = || {
            let rows = platform.read(|tx| footage::alarms(tx, LEDGER, 9)).unwrap();
            rows.into_iter().map(|row| row.kind).collect::<Vec<_>>()
        };
        assert_eq!(standing(), ["picture_frozen", "camera_down"], "{name}: the newest first");
        platform.write(|tx| footage::clear_alarm(tx, LEDGER, "c1", "camera_down", 5)).unwrap();
        assert_eq!(standing(), ["picture_frozen"], "{name}");
        platform.write(|tx| footage::lift_hold(tx, "h1", 6)).unwrap();
        let held = platform.read(|tx| footage::holds(tx, LEDGER, 9)).unwrap();
        assert_eq!(held.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["h2"], "{name}");
        let lifted = platform.read(|tx| footage::hold(tx, "h1")).unwrap().unwrap();
        assert_eq!(lifted.lifted_at, Some(6), "{name}");
    });
}

#[test]
fn a_name_has_one_recorder_at_a_time() {
    on_each(|name, platform| {
        let claim =
            |holder: &str, now: i64| platform.write(|tx| recorders::claim(tx, "main", holder, now, now - 10)).unwrap();
        assert!(claim("a", 100) && claim("a", 105), "{name}");
        assert!(!claim("b", 110) && !claim("b", 115), "{name}: it was there just now");
        assert!(claim("b", 116) && !claim("a", 117), "{name}: silent for too long");
        let holds = |holder: &str, since: i64| platform.read(|tx| recorders::holds(tx, "main", holder, since)).unwrap();
        assert!(holds("b", 116) && !holds("b", 117) && !holds("a", 0), "{name}");

        let report = |camera: &str, seen_at: i64| ReportRow {
            camera: camera.into(),
            recorder: "main".into(),
            seen_at,
            body: format!("{{\"{seen_at}\":\"中\"}}"),
        };
        platform.write(|tx| recorders::put_reports(tx, &[report("c2", 1), report("c1", 1)])).unwrap();
        platform.write(|tx| recorders::put_reports(tx, &[report("c1", 9)])).unwrap();
        assert_eq!(
            platform.read(|tx| recorders::reports(tx, 0)).unwrap(),
            [report("c1", 9), report("c2", 1)],
            "{name}"
        );
        assert_eq!(platform.read(|tx| recorders::reports(tx, 5)).unwrap(), [report("c1", 9)], "{name}");
        assert_eq!(platform.read(|tx| recorders::report(tx, "c2", 5)).unwrap(), None, "{name}");
    });
}

//! What supervisors are told: each alarm is an entry when it is raised and another when it is over, and stands in between.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use mingjian::base::Id;
use mingjian::ledger::media::{ALARM_CLEARED, ALARM_RAISED, Alarm, AlarmKind};

use crate::camera::Camera;
use crate::faults::Failing;
use crate::world::{World, supervisor, until};

/// Whether the alarm stands for those who supervise.
fn stands(world: &World, kind: AlarmKind) -> bool {
    world.desk().alarms(&supervisor()).unwrap().iter().any(|alarm| alarm.kind == kind.name())
}

fn assert_said_once(world: &World, kind: AlarmKind, camera: Option<Id>) {
    for entries in [ALARM_RAISED, ALARM_CLEARED] {
        let said: Vec<Alarm> = world.records(entries);
        let said: Vec<_> = said.iter().filter(|alarm| alarm.alarm == kind).collect();
        assert!(matches!(said[..], [alarm] if alarm.camera == camera && !alarm.detail.is_empty()), "{said:?}");
    }
}

#[test]
fn a_camera_that_is_gone_and_a_disk_that_fills() {
    let mut camera = Camera::start(&[]);
    let mut world = World::start();
    let id = world.add(camera.address(), None);
    let store = Failing::over(world.media());
    let began = world.now();
    world.record_into(Arc::<Failing>::clone(&store));
    world.recorded(id, began, 1);
    camera.kill();
    // More than a recorder must leave, and less than one that goes on for long.
    store.free_bytes.store(1 << 30, Ordering::SeqCst);
    until("the disk is said to fill", || stands(&world, AlarmKind::DiskNearlyFull));
    store.free_bytes.store(1 << 40, Ordering::SeqCst);
    until("the disk has room again", || !stands(&world, AlarmKind::DiskNearlyFull));
    until("the camera is said to be gone", || stands(&world, AlarmKind::CameraDown));
    camera.restart();
    until("the camera is back", || !stands(&world, AlarmKind::CameraDown));
    assert_said_once(&world, AlarmKind::DiskNearlyFull, None);
    assert_said_once(&world, AlarmKind::CameraDown, Some(id));
    assert!(!stands(&world, AlarmKind::ClockUncertain));
}

/// Between recorder and camera: what comes from the camera is passed on as late as it is told, in order.
struct Slow {
    address: SocketAddr,
    delay_ms: Arc<AtomicU64>,
}

impl Slow {
    fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, delay_ms) = (listener.local_addr().unwrap(), Arc::<AtomicU64>::default());
        let delay = Arc::clone(&delay_ms);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let delay = Arc::clone(&delay);
                thread::spawn(move || pass(client, TcpStream::connect(("127.0.0.1", port)).unwrap(), &delay));
            }
        });
        Self { address, delay_ms }
    }
}

fn pass(client: TcpStream, camera: TcpStream, delay_ms: &AtomicU64) {
    let (mut to_client, mut from_client) = (client.try_clone().unwrap(), client);
    let (mut to_camera, mut from_camera) = (camera.try_clone().unwrap(), camera);
    let (give, take) = channel::<(Instant, Vec<u8>)>();
    thread::scope(|scope| {
        scope.spawn(move || {
            // Either side may hang up.
            let _ = std::io::copy(&mut from_client, &mut to_camera);
            let _ = to_camera.shutdown(Shutdown::Both);
        });
        scope.spawn(move || {
            let mut buffer = [0; 16 * 1_024];
            while let Ok(count @ 1..) = from_camera.read(&mut buffer) {
                if give.send((Instant::now(), buffer[..count].to_vec())).is_err() {
                    return;
                }
            }
        });
        while let Ok((came, bytes)) = take.recv() {
            while came.elapsed() < Duration::from_millis(delay_ms.load(Ordering::SeqCst)) {
                thread::sleep(Duration::from_millis(5));
            }
            if to_client.write_all(&bytes).is_err() {
                break;
            }
        }
        // It may have hung up.
        let _ = to_client.shutdown(Shutdown::Both);
    });
}

#[test]
fn times_that_cannot_be_relied_on() {
    let camera = Camera::start(&[]);
    let slow = Slow::before(camera.port);
    let mut world = World::start();
    let id = world.add(format!("rtsp://{}/live", slow.address), None);
    let began = world.now();
    world.record();
    world.recorded(id, began, 3);
    // Shorter than what is taken for a broken connection; from here on everything comes that late.
    slow.delay_ms.store(1_800, Ordering::SeqCst);
    until("times are said to be unreliable", || stands(&world, AlarmKind::ClockUncertain));
    slow.delay_ms.store(0, Ordering::SeqCst);
    until("times can be relied on again", || !stands(&world, AlarmKind::ClockUncertain));
    assert_said_once(&world, AlarmKind::ClockUncertain, Some(id));
    assert!(!stands(&world, AlarmKind::CameraDown));
}

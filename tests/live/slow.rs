//! Who does not read is cut off, socket and all, while the others go on.

use std::time::Duration;

use mingjian::live::Limits;

use crate::client::{Client, Seen, assert_same};
use crate::world::{LOT, World, lot};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stopped_is_cut_and_the_others_go_on() {
    let world = World::with(Limits { close_grace: Duration::from_millis(200), ..Limits::default() });
    let mut good = Client::public(&world).await;
    good.subscribe("floor", 1).await;
    let mut stalled = Client::narrow(&world).await;
    stalled.subscribe("floor", 1).await;
    assert!(matches!(stalled.next().await, Seen::Heartbeat(_)));
    world.until_viewers(2).await;

    let mut sent = 0;
    while world.hub.counts().viewers == 2 {
        // About 8 KB on the wire.
        world.commit_of("test.happened", &[&lot(LOT)], 900);
        sent += 1;
        assert!(sent < 4_000, "a stalled reader must not take {sent} frames");
        good.entries(1).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(world.hub.counts().slow_viewers, 1);
    // The socket is dead, not waiting for its reader: what the kernel had already taken, then the reset.
    loop {
        match stalled.next().await {
            Seen::Entry(_) | Seen::Heartbeat(_) => {}
            end => {
                assert_eq!(end, Seen::Cut);
                break;
            }
        }
    }
    world.commit(&[&lot(LOT)]);
    let next = world.hub.size() - 1;
    assert_same(&good.entries(1).await, &world.expected("floor", next));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_write_is_found_by_the_clock_when_little_is_sent() {
    // A budget that is never reached: only the stalled write tells.
    let limits = Limits {
        queue_frames: usize::MAX,
        queue_bytes: usize::MAX,
        stall: Duration::from_millis(400),
        ..Limits::default()
    };
    let world = World::with(limits);
    let mut stalled = Client::narrow(&world).await;
    stalled.subscribe("floor", 1).await;
    assert!(matches!(stalled.next().await, Seen::Heartbeat(_)));
    for _ in 0..200 {
        world.commit_of("test.happened", &[&lot(LOT)], 900);
    }
    world.until_viewers(0).await;
    assert_eq!(world.hub.counts().slow_viewers, 1);
}

#[tokio::test]
async fn one_large_batch_cuts_nobody_off() {
    let world = World::start();
    let mut client = Client::public(&world).await;
    client.subscribe("floor", 1).await;
    assert!(matches!(client.next().await, Seen::Heartbeat(_)));
    let subject = lot(LOT);
    // Over a megabyte, four times the budget.
    world.commit_of("test.happened", &vec![subject.as_str(); 256], 700);
    assert_same(&client.entries(256).await, &world.expected("floor", 1));
}

/// A viewer that stopped for a while is told why it is sent away and resumes where it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_for_too_long_is_told_and_resumes() {
    let limits = Limits {
        queue_frames: 8,
        overdue: Duration::from_millis(200),
        stall: Duration::from_mins(1),
        close_grace: Duration::from_secs(20),
        ..Limits::default()
    };
    let world = World::with(limits);
    let mut slow = Client::narrow(&world).await;
    slow.subscribe("floor", 1).await;
    assert!(matches!(slow.next().await, Seen::Heartbeat(_)));
    while world.hub.counts().slow_viewers == 0 {
        world.commit_of("test.happened", &[&lot(LOT)], 900);
        tokio::task::yield_now().await;
    }
    let mut seen = Vec::new();
    loop {
        match slow.next_but_heartbeats().await {
            Seen::Entry(entry) => seen.push(entry),
            end => {
                assert_eq!(end, Seen::Closed(4008));
                break;
            }
        }
    }
    let next = seen.last().map_or(1, |entry| entry["seq"].as_u64().unwrap() + 1);
    let rest = world.expected("floor", next);
    assert!(!rest.is_empty());
    let mut again = Client::public(&world).await;
    again.subscribe("floor", next).await;
    seen.extend(again.entries(rest.len()).await);
    assert_same(&seen, &world.expected("floor", 1));
}

/// A burst of many times the budget, faster than any server could send it, throws out nobody who reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_leaves_readers_behind_and_they_catch_up() {
    let world = World::with(Limits { queue_frames: 4, ..Limits::default() });
    let mut client = Client::public(&world).await;
    client.subscribe("floor", 1).await;
    assert!(matches!(client.next().await, Seen::Heartbeat(_)));
    for _ in 0..1_000 {
        world.commit(&[&lot(LOT), "project/1"]);
    }
    assert_same(&client.entries(1_000).await, &world.expected("floor", 1));
    assert_eq!(world.hub.counts().slow_viewers, 0);
}

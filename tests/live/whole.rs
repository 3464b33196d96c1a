//! Nothing is lost, nothing comes twice: joining while commits go on, and resuming after cuts anywhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::client::{Client, Seen, assert_same};
use crate::world::{LOT, OTHER_LOT, World, lot};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joining_while_commits_go_on_loses_nothing() {
    let world = Arc::new(World::start());
    let (mine, other) = (lot(LOT), lot(OTHER_LOT));
    for _ in 0..50 {
        world.commit(&[&mine, "project/1", &other, "camera/4"]);
    }
    let left = Arc::new(AtomicUsize::new(1_500));
    let committer = {
        let (world, left) = (world.clone(), left.clone());
        std::thread::spawn(move || {
            while left.fetch_sub(1, Ordering::SeqCst) > 1 {
                world.commit(&[&lot(LOT), &lot(OTHER_LOT), "project/1"]);
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        })
    };
    let mut joins = 0u64;
    while left.load(Ordering::SeqCst) > 200 {
        let scope = [mine.as_str(), "floor", "ledger"][usize::try_from(joins % 3).unwrap()];
        let back = [5, 0, 50, 5_000, 700][usize::try_from(joins % 5).unwrap()];
        let from = world.hub.size().saturating_sub(back);
        let mut client = Client::public(&world).await;
        client.subscribe(scope, from).await;
        let already = world.expected(scope, from).len();
        let seen = client.entries(already + 20).await;
        assert_same(&seen, &world.expected(scope, from)[..already + 20]);
        joins += 1;
    }
    assert!(joins > 20, "{joins} joins");
    committer.join().unwrap();
    assert_eq!(world.hub.counts().slow_viewers, 0);
}

/// The window that a careless join loses: a commit after history was read and before the feed begins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_in_the_middle_of_every_read_of_history() {
    let world = Arc::new(World::start());
    for _ in 0..100 {
        world.commit(&[&lot(LOT), "project/1"]);
    }
    let left = AtomicUsize::new(40);
    let busy = world.clone();
    *world.record.before_read.lock().unwrap() = Some(Box::new(move || {
        if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            // Far more than one page, so that the ring moves on while history is read.
            for _ in 0..10 {
                busy.commit(&[&lot(LOT), "project/1"]);
            }
        }
    }));
    for scope in [lot(LOT).as_str(), "floor", "ledger"] {
        let mut client = Client::public(&world).await;
        client.subscribe(scope, 0).await;
        let mut seen = Vec::new();
        loop {
            match client.next().await {
                Seen::Entry(entry) => seen.push(entry),
                Seen::Heartbeat(_) if seen.len() == world.expected(scope, 0).len() => break,
                Seen::Heartbeat(_) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_same(&seen, &world.expected(scope, 0));
    }
    *world.record.before_read.lock().unwrap() = None;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_anywhere_every_viewer_ends_with_the_ledger() {
    let world = Arc::new(World::start());
    let committer = {
        let world = world.clone();
        std::thread::spawn(move || {
            for _ in 0..400 {
                world.commit(&[&lot(LOT), "project/1", &lot(OTHER_LOT)]);
                std::thread::sleep(std::time::Duration::from_micros(500));
            }
        })
    };
    let mut viewers = Vec::new();
    for seed in 0..8u8 {
        let world = world.clone();
        viewers.push(tokio::spawn(async move {
            let mut cut = usize::from(seed);
            let scope = [lot(LOT), "floor".into(), "ledger".into()][usize::from(seed % 3)].clone();
            let (mut seen, mut next, total) = (Vec::new(), 0, 1_201);
            while world.record.all().len() < total || seen.len() < world.expected(&scope, 0).len() {
                let mut client = Client::public(&world).await;
                client.subscribe(&scope, next).await;
                // Anywhere between nothing and everything that there is.
                cut = (cut * 37 + 11) % 61;
                let there = world.expected(&scope, next).len();
                for entry in client.entries(cut.min(there)).await {
                    next = entry["seq"].as_u64().unwrap() + 1;
                    seen.push(entry);
                }
                // Dropped here, in the middle of whatever the server was sending.
            }
            (scope, seen)
        }));
    }
    committer.join().unwrap();
    for viewer in viewers {
        let (scope, seen) = viewer.await.unwrap();
        assert_same(&seen, &world.expected(&scope, 0));
    }
    world.until_viewers(0).await;
}

#[tokio::test]
async fn a_new_subscription_takes_the_place_of_the_old_one() {
    let world = World::start();
    world.commit(&[&lot(LOT), &lot(OTHER_LOT), &lot(LOT)]);
    let mut client = Client::public(&world).await;
    client.subscribe(&lot(LOT), 0).await;
    assert_same(&client.entries(2).await, &world.expected(&lot(LOT), 0));
    client.subscribe(&lot(OTHER_LOT), 0).await;
    assert_same(&client.entries(1).await, &world.expected(&lot(OTHER_LOT), 0));
    world.commit(&[&lot(LOT), &lot(OTHER_LOT)]);
    assert_same(&client.entries(1).await, &world.expected(&lot(OTHER_LOT), 4));
}

#[tokio::test]
async fn a_commit_that_the_hub_was_not_told_of_is_read_from_history() {
    let world = World::start();
    let mut client = Client::public(&world).await;
    client.subscribe("ledger", 0).await;
    client.entries(1).await;
    world.record.write(&[("test.happened", lot(LOT), 1)]);
    world.commit(&[&lot(LOT)]);
    assert_same(&client.entries(2).await, &world.expected("ledger", 1));
}

#[tokio::test]
async fn recent_entries_come_from_memory() {
    let world = World::start();
    for _ in 0..20 {
        world.commit(&[&lot(LOT)]);
    }
    let mut client = Client::public(&world).await;
    client.subscribe("floor", 1).await;
    assert_same(&client.entries(20).await, &world.expected("floor", 1));
    assert_eq!(world.record.reads.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn beyond_the_head_is_a_reset_and_then_nothing() {
    let world = World::start();
    world.commit(&["project/1"]);
    let mut client = Client::public(&world).await;
    client.subscribe("ledger", 3).await;
    assert_eq!(client.next().await, Seen::Reset(serde_json::json!({"head": 1})));
    world.commit(&["project/1", "project/2"]);
    client.subscribe("ledger", 4).await;
    let Seen::Heartbeat(beat) = client.next().await else { panic!() };
    assert_eq!(beat["head"], 3);
    assert_eq!(beat["checkpoint"], "checkpoint of 4");
    assert!(beat["time"].as_str().unwrap().ends_with('Z'));
}

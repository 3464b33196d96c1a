//! The same frames for those behind proxies: Server-Sent Events and pages.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::client::assert_same;
use crate::world::{CLOSED_LOT, LOT, ORIGIN, OTHER_LOT, SECRET, World, lot};

/// A GET, with what comes back still to be read.
async fn get(world: &World, path: &str, headers: &str) -> (u16, String, BufReader<TcpStream>) {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut head).await.unwrap() > 0, "{head}");
    }
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_lowercase(), stream)
}

async fn get_json(world: &World, path: &str, headers: &str) -> (u16, Value) {
    let (status, _, mut stream) = get(world, path, headers).await;
    let mut body = Vec::new();
    stream.read_to_end(&mut body).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

/// The lines of the events up to the `count`th entry, and the entries.
async fn events(stream: &mut BufReader<TcpStream>, count: usize) -> (Vec<u64>, Vec<Value>) {
    let (mut ids, mut entries) = (Vec::new(), Vec::new());
    while entries.len() < count {
        let mut line = String::new();
        tokio::time::timeout(Duration::from_secs(20), stream.read_line(&mut line)).await.unwrap().unwrap();
        if let Some(id) = line.strip_prefix("id: ") {
            ids.push(id.trim().parse().unwrap());
        }
        let Some(data) = line.strip_prefix("data: ") else { continue };
        let mut data: Value = serde_json::from_str(data).unwrap();
        if data.get("entry").is_some() {
            entries.push(data["entry"].take());
        }
    }
    (ids, entries)
}

#[tokio::test]
async fn events_carry_the_same_frames() {
    let world = World::start();
    world.commit(&[&lot(LOT), &lot(OTHER_LOT), &lot(LOT)]);
    let path = format!("/api/v1/stream?scope=lot/{LOT}&from=0");
    let (status, head, mut stream) = get(&world, &path, &format!("Origin: {ORIGIN}\r\n")).await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    world.commit(&[&lot(LOT)]);
    let (ids, entries) = events(&mut stream, 3).await;
    assert_eq!(ids, [1, 3, 4]);
    assert_same(&entries, &world.expected(&lot(LOT), 0));
    // A browser that lost the connection says where it was, in place of what the address says.
    let (_, _, mut again) = get(&world, &path, "Last-Event-ID: 3\r\n").await;
    assert_same(&events(&mut again, 1).await.1, &world.expected(&lot(LOT), 4));
    drop((stream, again));
    world.until_viewers(0).await;
}

#[tokio::test]
async fn events_refuse_as_problems() {
    let world = World::start();
    for (query, headers, status, code) in [
        ("scope=floor", "Origin: https://elsewhere.example\r\n", 403, "bad_origin"),
        ("scope=nothing", "", 404, "not_found"),
        ("scope=lot/00000000000000000000000099", "", 404, "not_found"),
        (&format!("scope=lot/{CLOSED_LOT}"), "", 403, "forbidden"),
        ("scope=floor", "Last-Event-ID: x\r\n", 400, "malformed"),
    ] {
        let (found, problem) = get_json(&world, &format!("/api/v1/stream?{query}"), headers).await;
        assert_eq!((found, &problem["code"]), (status, &code.into()), "{query}");
    }
    world.until_viewers(0).await;
}

#[tokio::test]
async fn a_shutdown_ends_events() {
    let world = World::start();
    let (_, _, mut stream) = get(&world, "/api/v1/stream?scope=ledger&from=0", "").await;
    events(&mut stream, 1).await;
    world.hub.drain();
    let mut rest = String::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut rest)).await.unwrap().unwrap();
    assert!(rest.contains("event: close\ndata: {\"code\":1001}\n\n"), "{rest}");
}

#[tokio::test]
async fn pages_go_through_a_scope_once() {
    let world = World::start();
    for _ in 0..40 {
        world.commit(&[&lot(LOT), "project/1", &lot(OTHER_LOT)]);
    }
    for (scope, limit) in [(lot(LOT), 7), ("floor".into(), 1), ("ledger".into(), 200)] {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/entries?scope={scope}&limit={limit}{after}");
            let (status, page) = get_json(&world, &path, "").await;
            assert_eq!((status, page["head"].as_u64()), (200, Some(120)), "{page}");
            let entries = page["entries"].as_array().unwrap();
            assert!(entries.len() <= limit);
            seen.extend(entries.iter().cloned());
            let next = page["next"].as_u64().unwrap();
            after = format!("&after={next}");
            if next == 120 {
                break;
            }
        }
        assert_same(&seen, &world.expected(&scope, 0));
    }
}

#[tokio::test]
async fn pages_withhold_and_refuse_as_the_stream_does() {
    let world = World::start();
    world.commit_of(SECRET, &[&lot(LOT)], 1);
    let path = "/api/v1/entries?scope=floor";
    // A floor on which nothing can be read looks like an empty one; the whole ledger shows the leaf.
    assert_eq!(get_json(&world, path, "").await.1["entries"], serde_json::json!([]));
    let (_, whole) = get_json(&world, "/api/v1/entries?scope=ledger&after=0", "").await;
    assert_eq!(whole["entries"][0]["withheld"], "not_yet_readable");
    let (_, page) = get_json(&world, path, "X-Member: 1\r\n").await;
    assert_same(page["entries"].as_array().unwrap(), &world.expected("floor", 0));
    let (_, beyond) = get_json(&world, "/api/v1/entries?scope=floor&after=900", "").await;
    assert_eq!(beyond, serde_json::json!({"entries": [], "next": 900, "head": 1}));
    assert_eq!(get_json(&world, "/api/v1/entries?scope=nothing", "").await.0, 404);
    assert_eq!(get_json(&world, &format!("/api/v1/entries?scope=lot/{CLOSED_LOT}"), "").await.0, 403);
}

//! Who gets in, and what gets one thrown out.

use std::time::Duration;

use futures_util::SinkExt as _;
use mingjian::base::Id;
use mingjian::live::Limits;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::client::{Client, Seen, handshake, open};
use crate::world::{CLOSED_LOT, ORIGIN, World, lot};

#[tokio::test]
async fn origins_and_protocols() {
    let world = World::start();
    let ticket = || format!("mingjian.v1, ticket.{}", world.record.ticket());
    let public = || "mingjian.v1".to_owned();
    for (protocol, origin, refused) in [
        (Some(public()), Some(ORIGIN), None),
        // A program, not a browser.
        (Some(public()), None, None),
        (Some(ticket()), Some(ORIGIN), None),
        (Some(ticket()), None, Some((403, "bad_origin"))),
        (Some(ticket()), Some("https://elsewhere.example"), Some((403, "bad_origin"))),
        (Some(public()), Some("https://elsewhere.example"), Some((403, "bad_origin"))),
        (Some(public()), Some("null"), Some((403, "bad_origin"))),
        (Some(public()), Some("https://jy.mingjiang.example.elsewhere.example"), Some((403, "bad_origin"))),
        (Some(public()), Some("https://jy.mingjiang.example:8443"), Some((403, "bad_origin"))),
        (Some(public()), Some("http://jy.mingjiang.example"), Some((403, "bad_origin"))),
        (None, Some(ORIGIN), Some((400, "malformed"))),
        (Some("mingjian.v2".to_owned()), Some(ORIGIN), Some((400, "malformed"))),
    ] {
        let answer = open(&world, handshake(&world, protocol.as_deref(), origin)).await;
        match (answer, refused) {
            (Ok(client), None) => {
                let echoed: Vec<_> = client.answer.headers().get_all("Sec-WebSocket-Protocol").iter().collect();
                assert_eq!(echoed, ["mingjian.v1"], "the ticket is never sent back");
            }
            (Err((status, body)), Some((expected, code))) => {
                assert_eq!(status, expected, "{protocol:?} {origin:?}");
                assert!(body.contains(code), "{body}");
            }
            (Ok(_), Some(_)) => panic!("{protocol:?} {origin:?} must be refused"),
            (Err(refused), None) => panic!("{protocol:?} {origin:?}: {refused:?}"),
        }
    }
}

#[tokio::test]
async fn a_ticket_is_good_once() {
    let world = World::start();
    let ticket = world.record.ticket();
    let protocol = format!("mingjian.v1, ticket.{ticket}");
    let mut first = open(&world, handshake(&world, Some(&protocol), Some(ORIGIN))).await.unwrap();
    first.subscribe(&lot(CLOSED_LOT), 0).await;
    assert!(matches!(first.next().await, Seen::Heartbeat(_)));
    for protocol in [protocol.as_str(), "mingjian.v1, ticket.", "mingjian.v1, ticket.AAAA"] {
        let mut again = open(&world, handshake(&world, Some(protocol), Some(ORIGIN))).await.unwrap();
        assert_eq!(again.next().await, Seen::Closed(4001), "{protocol}");
    }
    assert_eq!(world.hub.counts().viewers, 1);
}

#[tokio::test]
async fn what_clients_say() {
    let world = World::start();
    let unknown = lot(Id::from_u128(99));
    let subscribe = |scope: &str| format!(r#"{{"subscribe":{{"scope":"{scope}","from":0}}}}"#);
    for (said, code) in [
        ("", 1008),
        ("nonsense", 1008),
        ("[]", 1008),
        ("{}", 1008),
        (r#"{"subscribe":{}}"#, 1008),
        (r#"{"subscribe":{"scope":"floor","from":-1}}"#, 1008),
        (r#"{"subscribe":{"scope":"floor","from":1.5}}"#, 1008),
        (r#"{"subscribe":{"scope":"floor","from":99999999999999999999}}"#, 1008),
        (r#"{"subscribe":{"scope":"floor","from":0,"as":"admin"}}"#, 1008),
        (r#"{"subscribe":{"scope":"floor"},"ack":1}"#, 1008),
        (r#"{"shout":1}"#, 1008),
        (&subscribe("everything"), 4004),
        (&subscribe("lot/"), 4004),
        (&subscribe("lot/not-an-id"), 4004),
        (&subscribe(&unknown), 4004),
        (&subscribe(&lot(CLOSED_LOT)), 4003),
        (&"x".repeat(4_097), 1009),
    ] {
        let mut client = Client::public(&world).await;
        client.say(said).await;
        assert_eq!(client.next().await, Seen::Closed(code), "{said:?}");
    }
    world.until_viewers(0).await;
}

#[tokio::test]
async fn frames_that_are_not_text() {
    let world = World::start();
    let continued = |opcode, last| Message::Frame(Frame::message(vec![b' '; 2_000], OpCode::Data(opcode), last));
    for (messages, code) in [
        (vec![Message::binary(vec![1, 2, 3])], 1008),
        (vec![Message::Frame(Frame::message(vec![0xFF, 0xFE], OpCode::Data(Data::Text), true))], 1008),
        (vec![continued(Data::Text, false), continued(Data::Continue, false), continued(Data::Continue, true)], 1009),
        (vec![continued(Data::Continue, true)], 1008),
    ] {
        let mut client = Client::public(&world).await;
        for message in messages {
            let _ = client.socket.send(message).await;
        }
        assert_eq!(client.next().await, Seen::Closed(code));
    }
    // A subscription in two pieces is one message.
    let mut client = Client::public(&world).await;
    let (first, second) = (r#"{"subscribe":{"sco"#, r#"pe":"floor","from":0}}"#);
    for (piece, opcode, last) in [(first, Data::Text, false), (second, Data::Continue, true)] {
        let frame = Frame::message(piece.as_bytes().to_vec(), OpCode::Data(opcode), last);
        client.socket.send(Message::Frame(frame)).await.unwrap();
    }
    assert!(matches!(client.next().await, Seen::Heartbeat(_)));
}

#[tokio::test]
async fn pings_are_answered_and_a_goodbye_is_too() {
    let world = World::start();
    let mut client = Client::public(&world).await;
    client.socket.send(Message::Ping(b"are you there".as_slice().into())).await.unwrap();
    assert_eq!(client.next().await, Seen::Pong(b"are you there".to_vec()));
    client.socket.close(None).await.unwrap();
    assert_eq!(client.next().await, Seen::Closed(1000));
    world.until_viewers(0).await;
}

#[tokio::test]
async fn too_many_messages() {
    let world = World::start();
    let mut client = Client::public(&world).await;
    client.subscribe("floor", 0).await;
    for _ in 0..1_000 {
        client.say(r#"{"ack":0}"#).await;
    }
    assert_eq!(client.next_but_heartbeats().await, Seen::Closed(4029));
}

#[tokio::test]
async fn all_seats_taken() {
    let world = World::with(Limits { viewers: 2, ..Limits::default() });
    let first = Client::public(&world).await;
    let _second = Client::public(&world).await;
    world.until_viewers(2).await;
    let mut third = Client::public(&world).await;
    assert_eq!(third.next().await, Seen::Closed(4029));
    drop(first);
    world.until_viewers(1).await;
    let mut fourth = Client::public(&world).await;
    fourth.subscribe("floor", 0).await;
    assert!(matches!(fourth.next().await, Seen::Heartbeat(_)));
}

#[tokio::test]
async fn who_subscribes_to_nothing_is_let_go() {
    let world = World::with(Limits { subscribe_wait: Duration::from_millis(100), ..Limits::default() });
    let mut client = Client::public(&world).await;
    assert_eq!(client.next().await, Seen::Closed(1008));
    world.until_viewers(0).await;
}

#[tokio::test]
async fn a_shutdown_sends_everybody_away() {
    let world = World::start();
    let mut client = Client::public(&world).await;
    client.subscribe("ledger", 0).await;
    client.entries(1).await;
    world.hub.drain();
    assert_eq!(client.next_but_heartbeats().await, Seen::Closed(1001));
    let mut late = Client::public(&world).await;
    assert_eq!(late.next().await, Seen::Closed(1001));
    world.until_viewers(0).await;
}

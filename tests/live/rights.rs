//! Each viewer gets the payloads that it may read, and rights that end, end on the stream as well.

use std::time::Duration;

use mingjian::live::Limits;

use crate::client::{Client, Seen, assert_same};
use crate::world::{LOT, MEMBER, SECRET, World, lot};

#[tokio::test]
async fn payloads_are_withheld_per_reader() {
    let world = World::start();
    let subject = lot(LOT);
    world.commit_of(SECRET, &[&subject], 2);
    // Once from history and the ring, once live.
    let (mut member, mut public) = (Client::member(&world).await, Client::public(&world).await);
    member.subscribe("ledger", 0).await;
    public.subscribe("ledger", 0).await;
    let (mut of_member, mut of_public) = (member.entries(2).await, public.entries(2).await);
    world.commit_of(SECRET, &[&subject], 2);
    world.commit(&[&subject]);
    of_member.extend(member.entries(2).await);
    of_public.extend(public.entries(2).await);

    let expected = world.expected("ledger", 0);
    assert_same(&of_member, &expected);
    for (seen, entry) in of_public.iter().zip(&expected) {
        // The leaf and its links are everybody's.
        assert_eq!(seen["leaf"].as_str().unwrap().as_bytes(), entry.leaf);
        assert_eq!(seen["hash"], entry.hash.to_base64());
        if entry.kind == SECRET {
            assert_eq!(seen["payload"], serde_json::Value::Null);
            assert_eq!(seen["withheld"], "not_yet_readable");
        } else {
            assert_eq!(seen["payload"].as_str().unwrap().as_bytes(), entry.payload);
        }
    }
}

/// 招标投标法 art. 22: whoever follows one lot must not be able to count what is withheld of it.
#[tokio::test]
async fn a_narrow_scope_does_not_show_that_anything_is_withheld() {
    let world = World::start();
    let subject = lot(LOT);
    world.commit_of(SECRET, &[&subject], 2);
    world.commit(&[&subject]);
    for scope in [subject.as_str(), "floor"] {
        let (mut member, mut public) = (Client::member(&world).await, Client::public(&world).await);
        member.subscribe(scope, 0).await;
        public.subscribe(scope, 0).await;
        let expected = world.expected(scope, 0);
        let open: Vec<_> = expected.iter().filter(|entry| entry.kind != SECRET).cloned().collect();
        assert_same(&member.entries(expected.len()).await, &expected);
        assert_same(&public.entries(open.len()).await, &open);
        // And once live.
        world.commit_of(SECRET, &[&subject], 2);
        world.commit(&[&subject]);
        let live = world.expected(scope, expected.last().unwrap().seq + 1);
        assert_same(&member.entries(2).await, &live);
        assert_same(&public.entries(1).await, &live[1..]);
    }
}

#[tokio::test]
async fn an_erased_payload_says_so() {
    let world = World::start();
    world.commit(&[&lot(LOT)]);
    world.record.erased.lock().unwrap().insert(0);
    let mut client = Client::public(&world).await;
    client.subscribe("ledger", 0).await;
    let seen = client.entries(2).await;
    assert_eq!((&seen[0]["payload"], &seen[0]["withheld"]), (&serde_json::Value::Null, &"erased".into()));
    assert_same(&seen[1..], &world.expected("ledger", 1));
}

#[tokio::test]
async fn a_session_that_ends_ends_the_stream_when_told() {
    let world = World::start();
    let (mut member, mut public) = (Client::member(&world).await, Client::public(&world).await);
    member.subscribe("floor", 0).await;
    public.subscribe("floor", 0).await;
    assert!(matches!(member.next().await, Seen::Heartbeat(_)));
    assert!(matches!(public.next().await, Seen::Heartbeat(_)));
    world.hub.recheck(MEMBER);
    world.commit(&[&lot(LOT)]);
    member.entries(1).await;
    world.record.sessions_over.lock().unwrap().insert(MEMBER);
    world.hub.recheck(MEMBER);
    assert_eq!(member.next_but_heartbeats().await, Seen::Closed(4009));
    world.commit(&[&lot(LOT)]);
    assert_same(&public.entries(2).await, &world.expected("floor", 0));
}

#[tokio::test]
async fn a_session_that_ends_ends_the_stream_by_itself() {
    let world = World::with(Limits { recheck: Duration::from_millis(100), ..Limits::default() });
    let mut member = Client::member(&world).await;
    member.subscribe("floor", 0).await;
    assert!(matches!(member.next().await, Seen::Heartbeat(_)));
    world.record.sessions_over.lock().unwrap().insert(MEMBER);
    assert_eq!(member.next_but_heartbeats().await, Seen::Closed(4009));
}

#[tokio::test]
async fn a_quiet_viewer_hears_where_the_head_is() {
    let world = World::with(Limits { heartbeat: Duration::from_millis(50), ..Limits::default() });
    let mut client = Client::public(&world).await;
    client.subscribe(&lot(LOT), 0).await;
    world.commit(&["project/1", "project/2"]);
    loop {
        let Seen::Heartbeat(beat) = client.next().await else { panic!("only heartbeats concern this viewer") };
        if beat["head"] == 2 {
            assert_eq!(beat["checkpoint"], "checkpoint of 3");
            break;
        }
    }
}

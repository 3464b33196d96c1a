//! A viewer.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use mingjian::sequencer::CommittedEntry;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{Request, Response};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::world::{ORIGIN, World};

pub struct Client {
    pub socket: WebSocketStream<TcpStream>,
    pub answer: Response<Option<Vec<u8>>>,
}

/// One thing that happened to a viewer.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    Entry(Value),
    Heartbeat(Value),
    Reset(Value),
    Pong(Vec<u8>),
    Closed(u16),
    /// The connection ended without a close frame.
    Cut,
}

pub fn handshake(world: &World, protocol: Option<&str>, origin: Option<&str>) -> Request<()> {
    let mut request = format!("ws://{}/api/v1/live", world.address).into_client_request().unwrap();
    if let Some(protocol) = protocol {
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol.parse().unwrap());
    }
    if let Some(origin) = origin {
        request.headers_mut().insert("Origin", origin.parse().unwrap());
    }
    request
}

/// Opens the connection; `Err` with the status where there is no upgrade.
pub async fn open(world: &World, request: Request<()>) -> Result<Client, (u16, String)> {
    let stream = TcpStream::connect(world.address).await.unwrap();
    finish(stream, request).await
}

async fn finish(stream: TcpStream, request: Request<()>) -> Result<Client, (u16, String)> {
    match client_async(request, stream).await {
        Ok((socket, answer)) => Ok(Client { socket, answer }),
        Err(Error::Http(response)) => {
            let body = response.body().clone().unwrap_or_default();
            Err((response.status().as_u16(), String::from_utf8_lossy(&body).into_owned()))
        }
        Err(error) => panic!("{error}"),
    }
}

impl Client {
    /// Somebody who did not sign in.
    pub async fn public(world: &World) -> Self {
        open(world, handshake(world, Some("mingjian.v1"), Some(ORIGIN))).await.unwrap()
    }

    /// Somebody who did.
    pub async fn member(world: &World) -> Self {
        let protocol = format!("mingjian.v1, ticket.{}", world.record.ticket());
        open(world, handshake(world, Some(&protocol), Some(ORIGIN))).await.unwrap()
    }

    /// Somebody whose kernel takes little from the server.
    pub async fn narrow(world: &World) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let stream = socket.connect(world.address).await.unwrap();
        finish(stream, handshake(world, Some("mingjian.v1"), None)).await.unwrap()
    }

    pub async fn say(&mut self, text: impl Into<String>) {
        // The server may have closed already; what it said is read afterwards.
        let _ = self.socket.send(Message::text(text.into())).await;
    }

    pub async fn subscribe(&mut self, scope: &str, from: u64) {
        self.say(json!({"subscribe": {"scope": scope, "from": from}}).to_string()).await;
    }

    pub async fn next(&mut self) -> Seen {
        let next = tokio::time::timeout(Duration::from_secs(30), self.socket.next()).await;
        match next.expect("nothing came for 30 s") {
            Some(Ok(Message::Text(text))) => {
                let mut value: Value = serde_json::from_str(&text).unwrap();
                let members: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
                let [member] = members.as_slice() else { panic!("{text}") };
                let inner = value[member].take();
                match member.as_str() {
                    "entry" => Seen::Entry(inner),
                    "heartbeat" => Seen::Heartbeat(inner),
                    "reset" => Seen::Reset(inner),
                    _ => panic!("{text}"),
                }
            }
            Some(Ok(Message::Pong(bytes))) => Seen::Pong(bytes.to_vec()),
            Some(Ok(Message::Close(frame))) => Seen::Closed(frame.map_or(1005, |frame| frame.code.into())),
            Some(Ok(other)) => panic!("{other:?}"),
            Some(Err(_)) | None => Seen::Cut,
        }
    }

    /// The next thing that is not a heartbeat.
    pub async fn next_but_heartbeats(&mut self) -> Seen {
        loop {
            match self.next().await {
                Seen::Heartbeat(_) => {}
                other => return other,
            }
        }
    }

    pub async fn entries(&mut self, count: usize) -> Vec<Value> {
        let mut entries = Vec::new();
        while entries.len() < count {
            match self.next_but_heartbeats().await {
                Seen::Entry(entry) => entries.push(entry),
                other => panic!("{other:?} after {} of {count} entries", entries.len()),
            }
        }
        entries
    }
}

/// The frames are these entries, in this order, byte for byte and open.
pub fn assert_same(seen: &[Value], expected: &[CommittedEntry]) {
    let seqs = |values: &[Value]| values.iter().map(|value| value["seq"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(seqs(seen), expected.iter().map(|entry| entry.seq).collect::<Vec<_>>());
    for (seen, entry) in seen.iter().zip(expected) {
        assert_eq!(seen["leaf"].as_str().unwrap().as_bytes(), entry.leaf);
        assert_eq!(seen["payload"].as_str().unwrap().as_bytes(), entry.payload);
        assert_eq!(seen["prev"], entry.prev.to_base64());
        assert_eq!(seen["hash"], entry.hash.to_base64());
        assert_eq!(seen.get("withheld"), None);
    }
}

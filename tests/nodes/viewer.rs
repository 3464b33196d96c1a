//! Viewers that keep to the protocol: they resume behind the last entry that they have, on whichever node answers.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

/// What one viewer was sent: `seq` and leaf hash.
type Seen = Vec<(u64, String)>;

/// A crowd on its own thread.
pub struct Viewers {
    over: Arc<AtomicBool>,
    seen: Vec<Arc<Mutex<Seen>>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Viewers {
    /// `count` viewers of the whole ledger from its beginning, spread over `ports`.
    pub fn watch(ports: &[u16], count: usize) -> Self {
        let over = Arc::<AtomicBool>::default();
        let seen: Vec<Arc<Mutex<Seen>>> = (0..count).map(|_| Arc::default()).collect();
        let (ports, flag, lists) = (ports.to_vec(), Arc::clone(&over), seen.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let watching = lists.into_iter().enumerate().map(|(number, list)| {
                let (ports, over) = (ports.clone(), Arc::clone(&flag));
                async move {
                    for turn in number.. {
                        if over.load(Ordering::Relaxed) {
                            return;
                        }
                        watch_one(ports[turn % ports.len()], &list, &over).await;
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }
            });
            runtime.block_on(futures_util::future::join_all(watching));
        });
        Self { over, seen, thread: Some(thread) }
    }

    /// How many entries the viewer that has the fewest has.
    pub fn least(&self) -> u64 {
        self.seen.iter().map(|list| list.lock().unwrap().len() as u64).min().unwrap()
    }

    /// What each of them saw, after the last.
    pub fn end(mut self) -> Vec<Seen> {
        self.over.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
        self.seen.iter().map(|list| list.lock().unwrap().clone()).collect()
    }
}

/// One connection, for as long as it lasts.
async fn watch_one(port: u16, list: &Mutex<Seen>, over: &AtomicBool) {
    let from = list.lock().unwrap().len() as u64;
    let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
    let mut request = format!("ws://127.0.0.1:{port}/api/v1/live").into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", "mingjian.v1".parse().unwrap());
    let Ok(Ok((mut socket, _))) = timeout(Duration::from_secs(5), client_async(request, stream)).await else { return };
    let subscribe = json!({"subscribe": {"scope": "ledger", "from": from}}).to_string();
    if socket.send(Message::text(subscribe)).await.is_err() {
        return;
    }
    while !over.load(Ordering::Relaxed) {
        let text = match timeout(Duration::from_millis(500), socket.next()).await {
            Ok(Some(Ok(Message::Text(text)))) => text,
            Err(_) | Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => continue,
            Ok(_) => return,
        };
        let message: Value = serde_json::from_str(&text).unwrap();
        // A node that is behind what this viewer has seen elsewhere says so; a moment later it is not.
        if message.get("reset").is_some() {
            return;
        }
        if let Some(entry) = message.get("entry") {
            let seq = entry["seq"].as_u64().unwrap();
            let mut list = list.lock().unwrap();
            // Not dropped, not mended: what a node sends is held against it.
            assert_eq!(seq, list.len() as u64, "each entry once, in order");
            list.push((seq, entry["hash"].as_str().unwrap().to_owned()));
        }
    }
}

//! Stands between ffmpeg and the camera, on the loopback interface and for one connection: it alone knows the password,
//! connects only where the address was checked, and sees when the camera falls silent and who hung up first.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::lock;
use super::login::{Challenge, Login};
use super::rtsp::{self, CameraError, Item, Items, Message};
use crate::base::limits::{CAMERA_ANSWER_MAX, CAMERA_STALL_MAX};

/// How often it looks whether ffmpeg has come.
const ACCEPT_EVERY: Duration = Duration::from_millis(5);

/// A camera sends some sixty packets a second; passed on one by one, each of them would wake this process and ffmpeg. So
/// what comes within this is passed on together, unless it is much.
const REST: Duration = Duration::from_millis(150);
const REST_BELOW_BYTES: usize = 24 * 1_024;

/// Which camera, and how to prove ourselves to it.
pub struct Behind {
    pub camera: SocketAddr,
    /// As the camera knows it.
    pub uri: String,
    pub login: Option<Login>,
}

/// A relay that waits for its one client, or serves it.
pub struct Relay {
    /// Where the client finds it; the path is a secret of this run.
    pub url: String,
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

/// Ends a relay from elsewhere.
#[derive(Clone)]
pub struct Hook(Arc<Shared>);

impl Hook {
    /// As if the client had hung up.
    pub fn shut(&self) {
        let _ = self.0.first.set(None);
        self.0.shut();
    }
}

struct Shared {
    /// Which side ended first: the camera's, and why; `None`: ours.
    first: OnceLock<Option<CameraError>>,
    /// Both sockets, to be shut at the end.
    sockets: Mutex<Vec<TcpStream>>,
    turn: Mutex<Turn>,
}

/// The request that waits for its answer, and under which challenge requests are answered.
#[derive(Default)]
struct Turn {
    last: Option<Message>,
    is_second_try: bool,
    challenge: Option<Challenge>,
    count: u32,
}

impl Relay {
    pub fn open(behind: Behind, secret: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let url = format!("rtsp://{}/{secret}", listener.local_addr()?);
        let shared = Arc::new(Shared { first: OnceLock::new(), sockets: Mutex::default(), turn: Mutex::default() });
        let (own, known_as) = (Arc::clone(&shared), url.clone());
        let thread =
            thread::Builder::new().name("relay".into()).spawn(move || own.serve(&listener, &behind, &known_as))?;
        Ok(Self { url, shared, thread })
    }

    pub fn hook(&self) -> Hook {
        Hook(Arc::clone(&self.shared))
    }

    /// Ends both connections and says why the camera's side had ended, if that was before.
    pub fn close(self) -> Option<CameraError> {
        let ended = self.shared.first.get_or_init(|| None).clone();
        self.shared.shut();
        // A panic in it has shut the sockets as well.
        let _ = self.thread.join();
        ended
    }
}

impl Shared {
    fn shut(&self) {
        for socket in lock(&self.sockets).iter() {
            // It may have ended by itself.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn end(&self, error: CameraError) {
        // The other side may have been first.
        let _ = self.first.set(Some(error));
    }

    fn serve(self: &Arc<Self>, listener: &TcpListener, behind: &Behind, url: &str) {
        let Some(client) = accept(listener) else { return };
        let camera = match rtsp::connect(behind.camera) {
            Ok(camera) => camera,
            Err(error) => return self.end(error),
        };
        let clones = (client.try_clone(), camera.try_clone(), client.try_clone(), camera.try_clone());
        let (Ok(to_client), Ok(from_camera), Ok(client_end), Ok(camera_end)) = clones else { return };
        lock(&self.sockets).extend([client_end, camera_end]);
        let camera = Arc::new(Mutex::new(camera));
        thread::scope(|scope| {
            scope.spawn(|| {
                self.answers(from_camera, to_client, behind, &camera);
                self.shut();
            });
            self.requests(client, behind, url, &camera);
            let _ = self.first.set(None);
            self.shut();
        });
    }

    /// From ffmpeg to the camera, until ffmpeg hangs up.
    fn requests(&self, client: TcpStream, behind: &Behind, url: &str, camera: &Mutex<TcpStream>) {
        let mut items = Items::new(client);
        while let Ok(Some(item)) = items.next() {
            let written = match item {
                Item::Packets(packets) => lock(camera).write_all(&packets),
                Item::Message(mut message) => {
                    if !rename(&mut message, url, &behind.uri) {
                        return;
                    }
                    let mut turn = lock(&self.turn);
                    turn.last = Some(message.clone());
                    turn.is_second_try = false;
                    turn.prove(&mut message, behind);
                    drop(turn);
                    message.write(&mut *lock(camera))
                }
            };
            if let Err(error) = written {
                return self.end(CameraError::of_io(&error));
            }
        }
    }

    /// From the camera to ffmpeg, until the camera hangs up or falls silent.
    fn answers(&self, from: TcpStream, mut client: TcpStream, behind: &Behind, camera: &Mutex<TcpStream>) {
        let silence = from.try_clone();
        let mut items = Items::new(from);
        let mut flows = false;
        loop {
            let item = match items.next() {
                Ok(Some(item)) => item,
                Ok(None) => return self.end(CameraError::gone("the camera hung up")),
                Err(error) if flows && matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    return self.end(CameraError::network("nothing comes through from the camera any more"));
                }
                Err(error) => return self.end(CameraError::of_io(&error)),
            };
            let passed = match item {
                Item::Packets(packets) => {
                    if !flows && let Ok(silence) = &silence {
                        flows = silence.set_read_timeout(Some(Duration::from_micros(CAMERA_STALL_MAX.get()))).is_ok();
                    }
                    let passed = client.write_all(&packets);
                    if packets.len() < REST_BELOW_BYTES {
                        thread::sleep(REST);
                    }
                    passed
                }
                Item::Message(answer) => match self.again(&answer, behind) {
                    Some(request) => request.write(&mut *lock(camera)),
                    None if matches!(answer.status(), Some(300..=399)) => {
                        return self.end(CameraError::gone("the camera sends us elsewhere, which is not followed"));
                    }
                    None => answer.write(&mut client),
                },
            };
            if passed.is_err() {
                // ffmpeg is gone; the other direction notices.
                return;
            }
        }
    }

    /// The request once more, with proof, if the camera asked for that and had not been given it.
    fn again(&self, answer: &Message, behind: &Behind) -> Option<Message> {
        if answer.status() != Some(401) || behind.login.is_none() {
            return None;
        }
        let mut turn = lock(&self.turn);
        if std::mem::replace(&mut turn.is_second_try, true) {
            return None;
        }
        turn.challenge = Some(Challenge::strongest(answer.headers("WWW-Authenticate"))?);
        turn.count = 0;
        let mut request = turn.last.clone()?;
        turn.prove(&mut request, behind);
        Some(request)
    }
}

impl Turn {
    fn prove(&mut self, request: &mut Message, behind: &Behind) {
        let (Some(challenge), Some(login)) = (&self.challenge, &behind.login) else { return };
        let Some((method, uri)) = request.request() else { return };
        self.count += 1;
        let answer = challenge.answer(login, method, uri, self.count, &format!("{:08x}", self.count));
        request.set("Authorization", answer);
    }
}

fn accept(listener: &TcpListener) -> Option<TcpStream> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_micros(CAMERA_ANSWER_MAX.get()) {
        match listener.accept() {
            Ok((client, _)) => {
                client.set_nonblocking(false).ok()?;
                client.set_nodelay(true).ok()?;
                return Some(client);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(ACCEPT_EVERY),
            Err(_) => return None,
        }
    }
    None
}

/// Our own address becomes the camera's. A request for anything else than what lies behind is not passed on.
fn rename(message: &mut Message, url: &str, uri: &str) -> bool {
    let Some((method, target)) = message.request() else { return true };
    let renamed = if let Some(rest) = target.strip_prefix(url) {
        format!("{}{rest}", if rest.is_empty() { uri } else { uri.trim_end_matches('/') })
    } else {
        // The camera named its tracks by its own address.
        let authority = |uri: &str| uri.split('/').nth(2).map(str::to_owned);
        let same_port_or_none = authority(target).zip(authority(uri));
        let own = target == "*" || same_port_or_none.is_some_and(|(a, b)| host(&a) == host(&b));
        if !own {
            return false;
        }
        target.to_owned()
    };
    message.start = format!("{method} {renamed} RTSP/1.0");
    true
}

fn host(authority: &str) -> &str {
    authority
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(authority, |(h, _)| h)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _};

    use zeroize::Zeroizing;

    use super::*;
    use crate::ledger::media::Cause;

    fn relay(camera: &TcpListener, login: Option<Login>) -> Relay {
        let address = camera.local_addr().unwrap();
        Relay::open(Behind { camera: address, uri: format!("rtsp://{address}/live"), login }, "secret").unwrap()
    }

    fn client(relay: &Relay) -> TcpStream {
        TcpStream::connect(relay.url.split('/').nth(2).unwrap()).unwrap()
    }

    fn request(from: &mut BufReader<TcpStream>) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(from.read_line(&mut head).unwrap() > 0, "{head}");
        }
        head
    }

    #[test]
    fn the_login_is_added_here_and_the_client_never_sees_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let login = Login { user: "camera".into(), password: Zeroizing::new("hush".into()) };
        let relay = relay(&listener, Some(login));
        let mut ffmpeg = client(&relay);
        write!(ffmpeg, "DESCRIBE {} RTSP/1.0\r\nCSeq: 1\r\n\r\n", relay.url).unwrap();
        let (mut camera, _) = listener.accept().unwrap();
        let mut from = BufReader::new(camera.try_clone().unwrap());
        let first = request(&mut from);
        assert!(
            first.starts_with("DESCRIBE rtsp://127.0.0.1:")
                && first.contains("/live RTSP/1.0")
                && !first.contains("secret")
        );
        assert!(!first.contains("Authorization"));
        camera
            .write_all(b"RTSP/1.0 401 No\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n\r\n")
            .unwrap();
        let second = request(&mut from);
        assert!(second.contains("CSeq: 1") && second.contains("Authorization: Digest username=\"camera\""), "{second}");
        assert!(!second.contains("hush"));
        camera.write_all(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n$\x00\x00\x01x").unwrap();
        let mut got = vec![0; 36];
        ffmpeg.read_exact(&mut got[..33]).unwrap();
        assert!(got.starts_with(b"RTSP/1.0 200 OK") && got[..33].ends_with(b"$\x00\x00\x01x"), "{got:?}");
        drop((camera, from));
        assert_eq!(ffmpeg.read(&mut got).unwrap(), 0);
        assert_eq!(relay.close().unwrap().cause, Cause::CameraGone);
    }

    #[test]
    fn a_camera_that_falls_silent_is_told_from_one_that_hangs_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = relay(&listener, None);
        let mut ffmpeg = client(&relay);
        let (mut camera, _) = listener.accept().unwrap();
        camera.write_all(b"$\x00\x00\x01x").unwrap();
        let mut rest = Vec::new();
        ffmpeg.read_to_end(&mut rest).unwrap();
        assert_eq!(relay.close().unwrap().cause, Cause::Network);
    }

    #[test]
    fn who_asks_for_something_else_is_not_served() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = relay(&listener, None);
        let mut ffmpeg = client(&relay);
        ffmpeg.write_all(b"DESCRIBE rtsp://10.0.0.1/other RTSP/1.0\r\nCSeq: 1\r\n\r\n").unwrap();
        let mut rest = Vec::new();
        // A reset says it as well.
        let _ = ffmpeg.read_to_end(&mut rest);
        assert_eq!(rest, b"");
        assert_eq!(relay.close(), None);
    }
}

//! A TCP proxy of our own: what passes through it is delayed, cut, or closed on one side, at any byte, as a seed throws.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Chances that a seed decides (the generator «splitmix64»).
pub struct Dice(AtomicU64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// 0 up to, not including, `n`.
    pub fn below(&self, n: u64) -> u64 {
        let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed).wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }

    pub fn index(&self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }
}

/// What befell the connections of a wire.
#[derive(Debug, Default)]
pub struct Harm {
    pub cut: AtomicU64,
    pub half_closed: AtomicU64,
    pub delayed: AtomicU64,
}

struct Shared {
    target: AtomicU16,
    /// One chunk in so many is harmed; 0: none.
    one_in: AtomicU64,
    over: AtomicBool,
    dice: Dice,
    harm: Harm,
    open: Mutex<Vec<TcpStream>>,
}

/// One listening port in front of one server.
pub struct Wire {
    pub port: u16,
    shared: Arc<Shared>,
}

impl Wire {
    pub fn before(target: u16, seed: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            target: AtomicU16::new(target),
            one_in: AtomicU64::new(0),
            over: AtomicBool::new(false),
            dice: Dice::new(seed),
            harm: Harm::default(),
            open: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.over.load(Ordering::Relaxed) {
                    return;
                }
                let target = accepting.target.load(Ordering::Relaxed);
                // A server that is not there: the client sees its connection closed.
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)) else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { continue };
                    let shared = Arc::clone(&accepting);
                    std::thread::spawn(move || shared.pump(from, to));
                }
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                let mut open = accepting.open.lock().unwrap_or_else(PoisonError::into_inner);
                open.retain(|stream| stream.peer_addr().is_ok());
                open.push(client);
            }
        });
        Self { port, shared }
    }

    /// The server came back on another port.
    pub fn lead_to(&self, target: u16) {
        self.shared.target.store(target, Ordering::Relaxed);
    }

    /// One chunk in `one_in` is harmed from now on; 0: none.
    pub fn harm(&self, one_in: u64) {
        self.shared.one_in.store(one_in, Ordering::Relaxed);
    }

    /// Cuts whatever passes through it now.
    pub fn cut_all(&self) {
        for stream in self.shared.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
            self.shared.harm.cut.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn harmed(&self) -> &Harm {
        &self.shared.harm
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        self.cut_all();
        // Wakes the listener, so that it sees that it is over.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Shared {
    fn pump(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 8_192];
        loop {
            let read = from.read(&mut buffer).unwrap_or(0);
            if read == 0 {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            let one_in = self.one_in.load(Ordering::Relaxed);
            let passed = if one_in > 0 && self.dice.below(one_in) == 0 { self.dice.index(read + 1) } else { read };
            let harmed = one_in > 0 && passed < read;
            if to.write_all(&buffer[..passed]).is_err() {
                let _ = from.shutdown(Shutdown::Both);
                return;
            }
            if harmed {
                match self.dice.below(4) {
                    0 => {
                        self.harm.half_closed.fetch_add(1, Ordering::Relaxed);
                        // This direction ends here; the other one goes on for as long as it can.
                        let _ = (to.shutdown(Shutdown::Write), from.shutdown(Shutdown::Read));
                        return;
                    }
                    1 => {
                        self.harm.cut.fetch_add(1, Ordering::Relaxed);
                        let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
                        return;
                    }
                    _ => {
                        self.harm.delayed.fetch_add(1, Ordering::Relaxed);
                        std::thread::sleep(Duration::from_millis(self.dice.below(400)));
                        if to.write_all(&buffer[passed..read]).is_err() {
                            let _ = from.shutdown(Shutdown::Both);
                            return;
                        }
                    }
                }
            }
        }
    }
}

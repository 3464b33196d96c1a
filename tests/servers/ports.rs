//! Ports for servers that must know theirs before they start, or come back on the same one.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the range that systems hand out for outgoing connections (Linux: `ip_local_port_range`, from 32,768 on): a port
/// from up there can be somebody's connection by the time that a server asks for it, or asks again after its restart.
const FIRST: u32 = 10_000;
const LAST: u32 = 32_000;
/// What each process tries before it comes to the ports of others.
const SHARE: u32 = 100;

/// One that nobody listens on, and that this process has not named before.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let shares = (LAST - FIRST) / SHARE;
    let mine = FIRST + std::process::id() % shares * SHARE;
    (0..LAST - FIRST)
        .map(|_| FIRST + (mine - FIRST + NEXT.fetch_add(1, Ordering::Relaxed)) % (LAST - FIRST))
        .map(|port| u16::try_from(port).unwrap())
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("a free port")
}

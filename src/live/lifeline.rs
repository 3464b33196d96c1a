//! A second handle on a viewer's socket. Ending the stream politely does not close a socket whose peer has stopped
//! reading: the close frame waits behind everything else. This handle ends it whatever state it is in.

use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::time::Duration;

use socket2::{SockRef, Socket};

use super::duration;
use crate::base::limits;

/// Ends a connection from outside.
#[derive(Debug)]
pub struct Lifeline(Socket);

impl Lifeline {
    /// Keeps a handle on `socket`.
    pub fn keep(socket: &impl AsFd) -> io::Result<Self> {
        SockRef::from(socket).try_clone().map(Self)
    }

    /// Fits the socket for a viewer: little in the kernel's buffers, and an end when nothing is acknowledged.
    pub fn arm(&self) -> io::Result<()> {
        self.0.set_send_buffer_size(limits::VIEWER_SEND_BUFFER_BYTES)?;
        self.0.set_tcp_nodelay(true)?;
        // RFC 5482; in Linux it also bounds how long the peer's window may stay closed.
        #[cfg(target_os = "linux")]
        self.0.set_tcp_user_timeout(Some(duration(limits::VIEWER_STALL_MAX)))?;
        Ok(())
    }

    /// Ends the connection now. Unsent bytes are dropped: with a linger of zero the last close resets the connection
    /// instead of waiting for a reader that does not read.
    pub fn cut(&self) {
        // Both fail only on a socket that is dead already.
        let _ = self.0.set_linger(Some(Duration::ZERO));
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

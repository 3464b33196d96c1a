//! One Redis, with nothing kept on disk: it is never the record.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Mutex;
use std::time::Duration;

use super::{Directory, Running, START_MAX, answers, as_servant, free_port, program, signal, wait_for};

pub struct Redis {
    // Dropped in this order: first the server, then its directory.
    running: Mutex<Option<Running>>,
    port: u16,
    directory: Directory,
}

impl Redis {
    pub fn start() -> Self {
        let server = Self { running: Mutex::new(None), port: free_port(), directory: Directory::fresh("redis") };
        server.resume();
        server
    }

    /// Starts it, empty, on the same port after a kill.
    pub fn resume(&self) {
        let mut command = as_servant(&program("redis-server", "redis-server", &[]));
        let (port, dir) = (self.port.to_string(), self.directory.path.to_str().unwrap());
        command.args(["--bind", "127.0.0.1", "--port", &port, "--dir", dir, "--save", "", "--appendonly", "no"]);
        let running = Running::start(&command, "KILL", &self.directory.path.join("log"));
        wait_for("Redis", START_MAX, || running.is_alive() && answers(self.port) && self.try_ask("PING").is_some());
        *self.running.lock().unwrap() = Some(running);
    }

    /// SIGKILL.
    pub fn kill(&self) {
        self.running.lock().unwrap().take().expect("it runs").signal_and_wait("KILL");
    }

    /// Such as `STOP` and `CONT`.
    pub fn signal(&self, name: &str) {
        signal(self.running.lock().unwrap().as_ref().expect("it runs").pid, name);
    }

    pub fn flush_all(&self) {
        assert_eq!(self.try_ask("FLUSHALL").as_deref(), Some("+OK"));
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// One inline command and the first line of its answer.
    pub fn try_ask(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\r\n") {
            stream.read_exact(&mut byte).ok()?;
            answer.extend_from_slice(&byte);
        }
        Some(String::from_utf8_lossy(&answer).trim_end().to_owned())
    }
}

//! The binary on a free port.

#[path = "../servers/ports.rs"]
mod ports;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use ports::free_port;

const START_MAX: Duration = Duration::from_secs(30);

/// Waits for what must come true, with a deadline.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < START_MAX, "{what}: not within {START_MAX:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub struct Server {
    child: Child,
    pub port: u16,
    log: Arc<Mutex<Vec<String>>>,
    _data: TempDir,
}

impl Server {
    /// With more settings in its environment.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut command = Command::new(env!("CARGO_BIN_EXE_mingjian"));
        command.env_clear().envs(settings.iter().copied());
        command.args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data"]).arg(data.path().join("data"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (lines, kept) = (BufReader::new(child.stderr.take().unwrap()).lines(), Arc::clone(&log));
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| kept.lock().unwrap().push(line)));
        let server = Self { child, port, log, _data: data };
        until("the server starts", || {
            server.try_ask("GET", "/readyz", &[], "").is_some_and(|said| said.contains(" 200 "))
        });
        server
    }

    /// Head and body of the answer, as they came over the wire.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
        self.try_ask(method, path, headers, body).unwrap()
    }

    fn try_ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(START_MAX)).ok()?;
        let headers: String = headers.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// Waits for a line of the log that satisfies.
    pub fn logged(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let mut found = None;
        until(what, || {
            found = self.log.lock().unwrap().iter().find(|line| wanted(line)).cloned();
            found.is_some()
        });
        found.unwrap()
    }

    pub fn whole_log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already when it ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! The binary as a child process.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mingjian::base::{Code, Id};
use serde_json::{Value, json};
use ureq::Agent;

pub use crate::servers::free_port;

/// A debug build on a busy machine needs a while.
pub const START_MAX: Duration = Duration::from_secs(30);

/// What the server said about a bid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    pub seq: u64,
    /// The rule that it broke; `None`: accepted.
    pub rule: Option<Code>,
}

pub struct Server {
    pub child: Mutex<Child>,
    pub port: u16,
    agent: Agent,
    /// What it wrote to its log so far.
    log: Arc<Mutex<Vec<String>>>,
}

pub struct Answer {
    pub status: u16,
    pub body: String,
}

pub fn command(data: &Path, port: u16) -> Command {
    command_under(&[], data, port)
}

/// The server as the last argument of `wrapper`, which must become it: the child is the server.
fn command_under(wrapper: &[&str], data: &Path, port: u16) -> Command {
    let mut words = wrapper.iter().copied().chain([env!("CARGO_BIN_EXE_mingjian")]);
    let mut command = Command::new(words.next().unwrap());
    command
        .args(words)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .arg("serve")
        .arg("--data")
        .arg(data)
        .arg("--listen")
        .arg(format!("127.0.0.1:{port}"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

impl Server {
    /// Starts it and waits until it takes bids.
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// With more arguments on its command line.
    pub fn start_with(data: &Path, arguments: &[&str]) -> Self {
        Self::start_under(&[], data, arguments)
    }

    /// The same under another program, which must become the server in the end, as `strace -D` and `sh -c 'exec "$@"'` do.
    pub fn start_under(wrapper: &[&str], data: &Path, arguments: &[&str]) -> Self {
        Self::try_start_under(wrapper, data, arguments).expect("the server ended instead of starting")
    }

    /// `None` when it ended instead of starting.
    pub fn try_start_under(wrapper: &[&str], data: &Path, arguments: &[&str]) -> Option<Self> {
        let port = free_port();
        let mut child = command_under(wrapper, data, port).args(arguments).spawn().unwrap();
        // Read to the end, so that it never waits for a full pipe; shown when a test fails.
        let errors = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::<Mutex<Vec<String>>>::default();
        let lines = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                println!("server: {line}");
                lines.lock().unwrap().push(line);
            }
        });
        let agent = Agent::config_builder().http_status_as_error(false).timeout_global(Some(START_MAX)).build();
        let server = Self { child: Mutex::new(child), port, agent: agent.new_agent(), log };
        let began = Instant::now();
        while server.try_get("/readyz").is_none_or(|answer| answer.status != 200) {
            if server.child.lock().unwrap().try_wait().unwrap().is_some() {
                return None;
            }
            assert!(began.elapsed() < START_MAX, "the server does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(server)
    }

    pub fn try_get(&self, path: &str) -> Option<Answer> {
        self.try_get_at(&format!("127.0.0.1:{}", self.port), path)
    }

    /// As somebody who calls it by the name `host`.
    pub fn try_get_at(&self, host: &str, path: &str) -> Option<Answer> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let mut response = self.agent.get(url).header("host", host).call().ok()?;
        Some(Answer { status: response.status().as_u16(), body: response.body_mut().read_to_string().ok()? })
    }

    /// Whether this process writes the ledger, by its own account.
    pub fn writes(&self) -> bool {
        self.try_get("/metrics").is_some_and(|answer| answer.body.contains("\nmingjian_ledger_running 1\n"))
    }

    pub fn wait_until_it_writes(&self) {
        let began = Instant::now();
        while !self.writes() {
            assert!(began.elapsed() < START_MAX, "the server does not come to write");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.try_get(path).unwrap()
    }

    /// Waits until a line of its log contains `words`, and answers that line.
    pub fn logged(&self, words: &str) -> String {
        let began = Instant::now();
        loop {
            if let Some(line) = self.log.lock().unwrap().iter().find(|line| line.contains(words)) {
                return line.clone();
            }
            assert!(began.elapsed() < START_MAX, "the log never says {words:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Hands a statement in; `None` when no answer came.
    pub fn hand_in(&self, lot: Id, statement: &str) -> Option<(u16, Value)> {
        let url = format!("http://127.0.0.1:{}/api/v1/lots/{lot}/bids", self.port);
        let mut response = self.agent.post(url).send_json(json!({ "statement": statement })).ok()?;
        Some((response.status().as_u16(), response.body_mut().read_json().ok()?))
    }

    /// Places a bid; `None` when no answer came, or one that the outcome is unknown: that is being told nothing.
    pub fn place(&self, lot: Id, statement: &str) -> Option<Told> {
        let (status, body) = self.hand_in(lot, statement)?;
        if status == 503 {
            return None;
        }
        let seq = body["seq"].as_u64().unwrap_or_else(|| panic!("{status} {body}"));
        Some(Told { seq, rule: body["code"].as_str().map(|code| code.parse().unwrap()) })
    }

    /// SIGKILL.
    pub fn kill(&self) {
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM; its exit code.
    pub fn terminate(&self) -> Option<i32> {
        let mut child = self.child.lock().unwrap();
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        child.wait().unwrap().code()
    }
}

/// A child that ends with the test, whatever becomes of it.
pub struct Ending(pub Child);

impl Drop for Ending {
    fn drop(&mut self) {
        // Already gone, in most cases.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone, in most cases.
        let Ok(child) = self.child.get_mut() else { return };
        let _ = child.kill();
        let _ = child.wait();
    }
}

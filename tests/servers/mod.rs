//! PostgreSQL and Redis of a test's own: started from the machine's programs on free loopback ports in a temporary
//! directory, fsync on. For any test binary: `#[path = "../servers/mod.rs"] mod servers;`.
//!
//! Each runs under a small shell that holds one end of a pipe: when the test ends, panics or is itself killed, the pipe
//! closes, and the shell ends the server and removes its directory.
#![allow(dead_code, unused_imports, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod ports;
mod postgres;
mod redis;

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub use ports::free_port;
pub use postgres::Postgres;
pub use redis::Redis;

/// A busy machine needs a while.
const START_MAX: Duration = Duration::from_mins(1);

/// Waits until `done`, and says `what` was waited for when it takes longer than `max`.
pub fn wait_for(what: &str, max: Duration, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < max, "waited {max:?} for: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a signal such as `KILL`, `STOP`, `CONT` to one process.
pub fn signal(pid: u32, name: &str) {
    let done = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().unwrap();
    assert!(done.success(), "kill -{name} {pid}");
}

/// The program `name`, or what to install.
fn program(name: &str, package: &str, places: &[PathBuf]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        places.iter().cloned().chain(std::env::split_paths(&path)).map(|dir| dir.join(name)).find(|p| p.exists());
    found.unwrap_or_else(|| panic!("{name} is missing: run ops/ci/install as root, or install the package {package}"))
}

/// Who the servers run as: PostgreSQL refuses to be root.
fn servant() -> Option<(u32, u32)> {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let id = |flag: &str, user: &str| {
        let output = Command::new("id").args([flag, user]).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().parse().unwrap())
    };
    let user = if id("-u", "postgres").is_some() { "postgres" } else { "nobody" };
    Some((id("-u", user).unwrap(), id("-g", user).unwrap()))
}

/// Gives a secret file to the servant, who is the only one to read it.
fn hand_to_servant(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    if let Some((uid, gid)) = servant() {
        chown(path, Some(uid), Some(gid)).unwrap();
    }
}

/// `command` as the servant runs it.
fn as_servant(program: &Path) -> Command {
    let Some((uid, gid)) = servant() else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".into()]).arg(program);
    command
}

/// A fresh directory that belongs to the servant. Its [`Running`] removes it.
fn fresh_dir(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let dir = std::env::temp_dir().join(format!("mingjian-{name}-{}-{number}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o700)).unwrap();
    if let Some((uid, gid)) = servant() {
        chown(&dir, Some(uid), Some(gid)).unwrap();
    }
    dir
}

/// A server under its watching shell.
struct Running {
    shell: Child,
    pid: u32,
}

impl Running {
    /// `quit` is the signal that ends it at once. With `dir`, that directory goes when the server does.
    fn start(server: &Command, quit: &str, log: &Path) -> Self {
        let script = format!(
            r#"log=$1; shift; "$@" </dev/null >>"$log" 2>&1 & pid=$!; echo $pid; read -r _; kill -{quit} $pid 2>/dev/null; wait $pid 2>/dev/null"#
        );
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, "sh"]).arg(log).arg(server.get_program()).args(server.get_args());
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir("/").spawn().unwrap();
        let mut line = String::new();
        BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { shell, pid: line.trim().parse().unwrap() }
    }

    fn is_alive(&self) -> bool {
        // A process that has ended and was not waited for is a zombie: state Z in the third field.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
    }

    fn signal_and_wait(&self, name: &str) {
        signal(self.pid, name);
        wait_for("the server's end", START_MAX, || !self.is_alive());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// Removes a server's directory after the server, also when the test process is killed.
struct Directory {
    path: PathBuf,
    shell: Child,
}

impl Directory {
    fn fresh(name: &str) -> Self {
        let path = fresh_dir(name);
        let mut shell = Command::new("sh");
        // The servers' shells see the same end of the test; two tries cover one that still writes.
        shell.args(["-c", r#"read -r _; rm -rf "$1" 2>/dev/null || { sleep 1; rm -rf "$1"; }"#, "sh"]).arg(&path);
        let shell = shell.stdin(Stdio::piped()).spawn().unwrap();
        Self { path, shell }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

fn answers(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

//! Disks that fail under the real server: full ones, and ones that answer a sync with an error. Nobody is told «accepted»
//! for what is not on disk, the server stops taking bids and says why, and after a restart every acknowledged bid is there
//! once.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::auction::Auction;
use crate::home::Home;
use crate::server::Server;
use crate::{Notebook, ask_again, audit};

/// Set in the process that stands in a mount namespace of its own.
const INSIDE: &str = "MINGJIAN_IN_OWN_NAMESPACE";
/// What the tmpfs holds, and what of it is free when the bidding begins.
const DISK_BYTES: u64 = 64 << 20;
const FREE_BYTES: u64 = 3 << 20;

/// Says so where a passing test's output is shown as well: what was not tested must not look as if it had been.
fn not_tested(what: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "NOT TESTED: {what}: {why}");
}

/// Bids from all sides until the server refuses to take more.
fn bid_until_it_stops(auction: &Auction, server: &Server, notebook: &Mutex<Notebook>, steps: &AtomicI64) {
    std::thread::scope(|scope| {
        for index in 0..auction.bidders() {
            scope.spawn(move || {
                loop {
                    let statement = auction.statement(index, steps.fetch_add(1, Ordering::Relaxed) + 1);
                    let answer = server.place(auction.lot(), &statement);
                    notebook.lock().unwrap().write(&statement, answer);
                    if answer.is_none() {
                        return;
                    }
                }
            });
        }
    });
}

/// Not ready, with the reason; every further bid is refused as such; the ledger that it shows stands still.
fn assert_stopped(auction: &Auction, server: &Server, notebook: &Mutex<Notebook>, steps: &AtomicI64, reason: &str) {
    let ready = server.get("/readyz");
    assert_eq!(ready.status, 503, "{}", ready.body);
    assert!(ready.body.contains("the ledger has stopped") && ready.body.contains(reason), "{}", ready.body);
    assert!(server.logged("the ledger has stopped").contains(reason));
    let shown = server.get("/ledger/main/checkpoint").body;
    for index in 0..auction.bidders() {
        let statement = auction.statement(index, steps.fetch_add(1, Ordering::Relaxed) + 1);
        let (status, problem) = server.hand_in(auction.lot(), &statement).expect("an answer");
        assert_eq!((status, problem["code"].as_str()), (503, Some("ledger_stopped")), "{problem}");
        notebook.lock().unwrap().write(&statement, None);
    }
    assert_eq!(server.get("/ledger/main/checkpoint").body, shown);
    assert_eq!(server.get("/healthz").status, 200, "whoever reads is still served");
}

/// A server on a sound disk finds every acknowledged bid once, and takes bids again.
fn assert_recovers(data: &Path, auction: &Auction, notebook: Mutex<Notebook>, earlier: &str) {
    let server = Server::start(data);
    ask_again(auction, &server, &notebook);
    assert_eq!(server.terminate(), Some(0));
    let notebook = notebook.into_inner().unwrap();
    assert!(notebook.told.values().any(|told| told.rule.is_none()), "nothing was accepted");
    audit::of(&Home::embedded(data), auction, &notebook.told, earlier);
}

/// The whole story under one kind of failing disk. `relieve` makes the disk sound again.
fn story(data: &Path, wrapper: &[&str], reason: &str, fill: impl FnOnce(), relieve: impl FnOnce()) {
    let auction = Auction::prepare(data, 21);
    let (notebook, steps) = (Mutex::<Notebook>::default(), AtomicI64::new(0));
    fill();
    let mut earlier = String::new();
    // Started again without anybody having mended the disk, it stops again.
    for _ in 0..2 {
        let server = Server::start_under(wrapper, data, &[]);
        earlier = server.get("/ledger/main/checkpoint").body;
        bid_until_it_stops(&auction, &server, &notebook, &steps);
        assert_stopped(&auction, &server, &notebook, &steps, reason);
        server.kill();
    }
    relieve();
    println!("{} answers before the disk failed", notebook.lock().unwrap().told.len());
    assert_recovers(data, &auction, notebook, &earlier);
}

/// A file system with room for a few thousand bids, in a mount namespace that ends with this process.
#[test]
fn a_full_disk() {
    const NAME: &str = "disk::a_full_disk";
    if std::env::var_os(INSIDE).is_some() {
        return on_a_small_disk();
    }
    let namespace: &[&str] = &["--user", "--map-root-user", "--mount", "--propagation", "private"];
    // Whoever is root already may do without a user namespace, which some systems forbid.
    let Some(namespace) = [&namespace[2..], namespace].into_iter().find(|flags| can_mount(flags)) else {
        return not_tested(
            "a full disk",
            "this system gives no mount namespace (root, or user namespaces, are needed)",
        );
    };
    let mut inside = Command::new("unshare");
    inside
        .args(namespace)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(INSIDE, "1");
    let output = inside.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "it failed in its namespace");
}

fn can_mount(namespace: &[&str]) -> bool {
    let mut command = Command::new("unshare");
    command.args(namespace).args(["mount", "-t", "tmpfs", "-o", "size=64k", "none", "/mnt"]);
    command.output().is_ok_and(|output| output.status.success())
}

fn on_a_small_disk() {
    let dir = tempfile::tempdir().unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", &format!("size={DISK_BYTES}"), "none"]).arg(dir.path());
    assert!(mount.status().unwrap().success());
    let (data, ballast) = (dir.path().join("data"), dir.path().join("ballast"));
    let fill = || {
        let free = free_bytes(dir.path());
        let full = vec![0; usize::try_from(free.saturating_sub(FREE_BYTES)).unwrap()];
        fs::write(&ballast, full).unwrap();
    };
    story(&data, &[], "disk is full", fill, || fs::remove_file(&ballast).unwrap());
    // Lazily: threads that read still hold files; the last one to end, or the namespace, takes the disk with it.
    assert!(Command::new("umount").arg("--lazy").arg(dir.path()).status().unwrap().success());
}

fn free_bytes(path: &Path) -> u64 {
    let output = Command::new("df").args(["--output=avail", "-B1"]).arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().nth(1).unwrap().trim().parse().unwrap()
}

/// The file system's own limit on a file, which needs nobody's permission: writes beyond it fail.
#[test]
fn a_file_that_may_not_grow() {
    let dir = tempfile::tempdir().unwrap();
    // In blocks of 512 bytes. The signal that would end the process is ignored, so that `write` says EFBIG.
    let limited = ["sh", "-c", "trap '' XFSZ; ulimit -f 4096; exec \"$@\"", "sh"];
    story(&dir.path().join("data"), &limited, "disk I/O error", || (), || ());
}

/// From the committer's fortieth sync on the disk answers EIO.
#[test]
fn a_sync_that_fails() {
    let Err(refused) = can_trace() else {
        let dir = tempfile::tempdir().unwrap();
        // SQLite is free to use either call. Counted for each thread by itself.
        let inject = "inject=fsync,fdatasync:error=EIO:when=40+";
        let log = dir.path().join("strace");
        let strace =
            ["strace", "-D", "-f", "-qq", "-o", log.to_str().unwrap(), "-e", "trace=fsync,fdatasync", "-e", inject];
        story(&dir.path().join("data"), &strace, "disk I/O error", || (), || ());
        let log = fs::read_to_string(&log).unwrap();
        return assert!(log.contains("EIO (Input/output error) (INJECTED)"), "nothing was injected: {log}");
    };
    not_tested("a sync that fails", &refused);
}

/// Whether strace is there and may trace.
fn can_trace() -> Result<(), String> {
    let output = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    let output = output.map_err(|error| format!("strace cannot be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("strace may not trace here: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

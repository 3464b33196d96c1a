//! A witness killed at the points between its check and its reply. The process that dies is this test's own binary, started
//! again with a book that stops at a named point.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use mingjian::base::{Hash, Micros};
use mingjian::store::WitnessBook;
use mingjian::witness::{Alarm, AlarmKind, Book, BookError, Seen};

use crate::log::{Book as Entries, ORIGIN, log};
use crate::server::TestWitness;

const POINT: &str = "WITNESS_TEST_STOPS_AT";
const BOOK: &str = "WITNESS_TEST_BOOK";

/// Where the process stops for ever, to be killed there.
const BEFORE_STORE: &str = "before_store";
const AFTER_STORE: &str = "after_store";

/// A book that stops the process at the named point of the second `replace`.
struct Stopping {
    inner: WitnessBook,
    point: String,
}

impl Stopping {
    fn pass(&self, point: &str, before: Option<(u64, Hash)>) {
        if self.point == point && before.is_some() {
            println!("at {point}");
            loop {
                std::thread::park();
            }
        }
    }
}

impl Book for Stopping {
    fn seen(&self, origin: &str) -> Result<Option<Seen>, BookError> {
        self.inner.seen(origin)
    }

    fn replace(&self, origin: &str, before: Option<(u64, Hash)>, new: &Seen) -> Result<bool, BookError> {
        self.pass(BEFORE_STORE, before);
        let done = self.inner.replace(origin, before, new);
        self.pass(AFTER_STORE, before);
        done
    }

    fn raise(&self, alarm: &Alarm) -> Result<(), BookError> {
        self.inner.raise(alarm)
    }

    fn settle(&self, origin: &str, kind: AlarmKind, at: Micros) -> Result<(), BookError> {
        self.inner.settle(origin, kind, at)
    }

    fn alarms(&self, origin: &str, limit: i64) -> Result<Vec<Alarm>, BookError> {
        self.inner.alarms(origin, limit)
    }
}

/// The process that is killed; a plain run of the tests has nothing to do here but to see that it is not it.
#[test]
fn the_process_that_is_killed() {
    let (Ok(point), Ok(book)) = (std::env::var(POINT), std::env::var(BOOK)) else {
        assert!(std::env::var(POINT).is_err(), "a stopping point without a book");
        return;
    };
    let book = Stopping { inner: WitnessBook::open(&PathBuf::from(book)).unwrap(), point };
    let witness = TestWitness::with("w.example/1", Arc::new(book), vec![log(None)]);
    println!("serving {}", witness.address);
    loop {
        std::thread::park();
    }
}

/// Starts the process, has it cosign size 5, hands in size 9, and kills it at `point`. Whatever it answered is returned.
fn killed_at(point: &str, book: &Path) -> Vec<u8> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["process::the_process_that_is_killed", "--exact", "--nocapture", "--test-threads=1"])
        .env(POINT, point)
        .env(BOOK, book)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    // The harness may have begun the line with the test's name.
    let address = lines.find_map(|line| line.split_once("serving ").map(|(_, address)| address.to_owned())).unwrap();
    let entries = Entries::of(9, u64::MAX);
    let send = |old, new| {
        let body = entries.request(old, new).to_string();
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(
            stream,
            "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        stream
    };
    let mut first = String::new();
    send(0, 5).read_to_string(&mut first).unwrap();
    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    let mut stream = send(5, 9);
    lines.find(|line| line.ends_with(&format!("at {point}"))).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let mut answered = Vec::new();
    // A reset is as good as an end: nothing came.
    let _ = stream.read_to_end(&mut answered);
    answered
}

#[test]
fn killed_between_check_and_store_it_has_promised_nothing() {
    for (point, remembered) in [(BEFORE_STORE, 5), (AFTER_STORE, 9)] {
        let dir = tempfile::tempdir().unwrap();
        let book = dir.path().join("witness.sqlite");
        let answered = killed_at(point, &book);
        assert!(
            answered.is_empty(),
            "{point}: a signature left before the reply: {}",
            String::from_utf8_lossy(&answered)
        );

        let witness = TestWitness::at("w.example/1", &book);
        let seen = witness.watch.witness().book().seen(ORIGIN).unwrap().unwrap();
        assert_eq!(seen.size, remembered, "{point}");
        let entries = Entries::of(12, u64::MAX);
        // Another history of what it may have signed is refused either way, and the true one goes on.
        let other = Entries::of(12, 7);
        assert_eq!(
            witness.add(other.request(remembered, 12).to_string()).status,
            if remembered == 9 { 422 } else { 200 }
        );
        if remembered == 9 {
            assert_eq!(witness.add(entries.request(9, 12).to_string()).status, 200);
        } else {
            // Nobody had got a signature on size 9, so this history is as good as the other one was: but only one of them.
            assert_eq!(witness.add(entries.request(5, 12).to_string()).status, 409);
        }
    }
}

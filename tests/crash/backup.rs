//! Backups taken while bids come in, and what a restored one may do: an old copy must not sign on.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use mingjian::ledger::SignedCheckpoint;
use mingjian::sequencer::StoredPayload;
use serde_json::Value;

use crate::auction::Auction;
use crate::home::Home;
use crate::server::{self, Server};
use crate::servers::wait_for;

fn mingjian(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mingjian")).env_clear().args(arguments).output().unwrap()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn done(output: &Output) {
    assert!(output.status.success(), "{output:?}");
}

/// Tries to serve, and is refused; what was said.
fn refused(data: &Path, arguments: &[&str]) -> String {
    let child = server::command(data, server::free_port()).args(arguments).spawn().unwrap();
    // One that serves after all would do so for ever.
    let mut child = server::Ending(child);
    wait_for("a refusal", server::START_MAX, || child.0.try_wait().unwrap().is_some());
    assert_eq!(child.0.wait().unwrap().code(), Some(2));
    let mut said = String::new();
    child.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    said
}

fn size(note: &str) -> u64 {
    SignedCheckpoint::parse(note).unwrap().unverified().size
}

#[test]
fn a_restored_old_backup_does_not_fork_the_ledger() {
    let temp = tempfile::tempdir().unwrap();
    let at = |name: &str| temp.path().join(name);
    let data = at("data");
    let auction = Auction::prepare(&data, 7);
    let server = Server::start(&data);

    // A backup under load: every bid acknowledged before it began is in it.
    let (over, steps) = (AtomicBool::new(false), AtomicI64::new(0));
    let before = std::thread::scope(|scope| {
        for index in 0..auction.bidders() {
            let (auction, server, over, steps) = (&auction, &server, &over, &steps);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let step = steps.fetch_add(1, Ordering::Relaxed) + 1;
                    server.place(auction.lot(), &auction.statement(index, step)).unwrap();
                }
            });
        }
        while steps.load(Ordering::Relaxed) < 40 {
            std::thread::yield_now();
        }
        let before = size(&server.get("/ledger/main/checkpoint").body);
        done(&mingjian(&["backup", "--data", path(&data), "--out", path(&at("old"))]));
        over.store(true, Ordering::Relaxed);
        before
    });
    server.place(auction.lot(), &auction.statement(0, 100_000)).unwrap();
    let newest = server.get("/ledger/main/checkpoint").body;
    fs::write(at("newest"), &newest).unwrap();
    done(&mingjian(&["backup", "--data", path(&data), "--out", path(&at("new"))]));
    server.kill();

    for name in ["old", "new"] {
        let restored = at(&format!("restored-{name}"));
        let restore = mingjian(&["restore", "--from", path(&at(name)), "--data", path(&restored)]);
        done(&restore);
        assert!(String::from_utf8_lossy(&restore.stdout).contains("server.json"), "the keys are asked for");
        assert!(refused(&restored, &["--newest-checkpoint", path(&at("newest"))]).contains("server.json"));
        fs::copy(data.join("keys/server.json"), restored.join("keys/server.json")).unwrap();
        assert!(refused(&restored, &[]).contains("--newest-checkpoint"), "nothing was shown");
        assert!(refused(&restored, &["--newest-checkpoint", "/nowhere"]).contains("/nowhere"));
    }

    // The old one lacks entries that were signed: both sizes are named, and nothing is written.
    let old = at("restored-old");
    let stored = Home::embedded(&old).reader().size().unwrap();
    assert!(stored >= before && stored < size(&newest), "{before} ≤ {stored} < {}", size(&newest));
    let said = refused(&old, &["--newest-checkpoint", path(&at("newest"))]);
    for number in [stored, size(&newest), size(&newest) - stored] {
        assert!(said.contains(&number.to_string()), "{said} should name {number}");
    }
    assert_eq!(Home::embedded(&old).reader().size().unwrap(), stored);

    // The new one has everything that was ever signed; it goes on, and says in the ledger that it was restored.
    let new = at("restored-new");
    let stored = Home::embedded(&new).reader().size().unwrap();
    let server = Server::start_with(&new, &["--newest-checkpoint", path(&at("newest"))]);
    server.place(auction.lot(), &auction.statement(1, 100_001)).unwrap();
    assert_eq!(server.terminate(), Some(0));
    let said = (stored..).find_map(|seq| match Home::embedded(&new).reader().payload(seq).unwrap() {
        StoredPayload::Present(bytes) => {
            let payload: Value = serde_json::from_slice(&bytes).unwrap();
            (payload["kind"] == "ledger.restored").then_some(payload)
        }
        other => panic!("the ledger does not say that it was restored: {other:?}"),
    });
    let said = said.unwrap();
    assert_eq!((&said["data"]["entries"], &said["data"]["newest_checkpoint"]), (&stored.into(), &size(&newest).into()));
    let report = Home::embedded(&new).verify(&newest);
    assert!(report["first_failure"].is_null(), "{report}");
    assert_eq!(Server::start(&new).terminate(), Some(0), "shown once is enough");

    // Two copies of one ledger that both went on: whoever holds the other's checkpoint stops this one.
    let other = Server::start(&data);
    other.place(auction.lot(), &auction.statement(2, 100_002)).unwrap();
    while size(&other.get("/ledger/main/checkpoint").body) < Home::embedded(&new).reader().size().unwrap() {
        other.place(auction.lot(), &auction.statement(2, 100_003)).unwrap();
    }
    let fork = other.get("/ledger/main/checkpoint").body;
    assert_eq!(other.terminate(), Some(0));
    fs::write(at("fork"), fork).unwrap();
    let said = refused(&new, &["--newest-checkpoint", path(&at("fork"))]);
    assert!(said.contains("forked") || said.contains("missing here"), "{said}");
}

#[test]
fn whoever_is_configured_to_know_the_newest_checkpoint_is_asked_at_every_start() {
    let temp = tempfile::tempdir().unwrap();
    let at = |name: &str| temp.path().join(name);
    let data = at("data");
    let server = Server::start(&data);
    let note = server.get("/ledger/main/checkpoint").body;
    assert_eq!(server.terminate(), Some(0));
    fs::write(at("kept"), &note).unwrap();
    let config = at("mingjian.toml");
    let sources = |sources: &[&str]| fs::write(&config, format!("checkpoint_sources = {sources:?}")).unwrap();
    let with_config = ["--config", path(&config)];

    // A mirror that is away stops nobody.
    sources(&[path(&at("kept")), "http://127.0.0.1:9/checkpoint"]);
    assert_eq!(Server::start_with(&data, &with_config).terminate(), Some(0));

    // Signed by whom it may be, it is not ours; and one that is ours and cannot be read is no proof of anything.
    let foreign = note.replace("ledger.mingjiang.example/trade", "ledger.other.example/trade");
    let size = note.lines().nth(1).unwrap();
    let larger = note.replacen(&format!("\n{size}\n"), "\n9\n", 1);
    assert_ne!(larger, note);
    for text in [foreign.as_str(), "nonsense", &larger] {
        fs::write(at("kept"), text).unwrap();
        let said = refused(&data, &with_config);
        assert!(said.contains("not a checkpoint of this ledger"), "{said}");
    }

    // The disk was set back behind our backs, as a snapshot of a machine does: no mark, but a mirror that knows better.
    fs::write(at("kept"), &note).unwrap();
    let auction = temp.path().join("grown");
    let grown = Auction::prepare(&auction, 8);
    done(&mingjian(&["backup", "--data", path(&auction), "--out", path(&at("snapshot"))]));
    let server = Server::start(&auction);
    server.place(grown.lot(), &grown.statement(0, 1)).unwrap();
    fs::write(at("kept"), server.get("/ledger/main/checkpoint").body).unwrap();
    assert_eq!(server.terminate(), Some(0));
    set_back(&auction, &at("snapshot"));
    // The whole machine was: what the installation itself remembers went with it.
    fs::remove_file(auction.join("newest-checkpoint")).unwrap();
    let said = refused(&auction, &with_config);
    assert!(said.contains("would fork the ledger") && said.contains(path(&at("kept"))), "{said}");
}

/// An older database in the place of the one that is there.
fn set_back(data: &Path, backup: &Path) {
    for ending in ["-wal", "-shm", ""] {
        let _ = fs::remove_file(data.join(format!("ledger/main.sqlite{ending}")));
    }
    fs::copy(backup.join("ledger/main.sqlite"), data.join("ledger/main.sqlite")).unwrap();
}

#[test]
fn a_database_that_was_set_back_by_hand_is_not_signed_on() {
    let temp = tempfile::tempdir().unwrap();
    let (data, snapshot) = (temp.path().join("data"), temp.path().join("snapshot"));
    let auction = Auction::prepare(&data, 9);
    done(&mingjian(&["backup", "--data", path(&data), "--out", path(&snapshot)]));
    let server = Server::start(&data);
    server.place(auction.lot(), &auction.statement(0, 1)).unwrap();
    let newest = size(&server.get("/ledger/main/checkpoint").body);
    // Nothing is written down at the end of a process that is killed: it must have been before.
    let remembered = || fs::read_to_string(data.join("newest-checkpoint")).is_ok_and(|note| size(&note) >= newest);
    wait_for("the newest checkpoint in the data directory", server::START_MAX, remembered);
    server.kill();
    assert_eq!(Server::start(&data).terminate(), Some(0), "nothing is missing");

    // After a restore one's own memory is not enough: others may have seen more.
    done(&mingjian(&["restore", "--mark", "--data", path(&data)]));
    assert!(refused(&data, &[]).contains("--newest-checkpoint"));
    let own = data.join("newest-checkpoint");
    assert_eq!(Server::start_with(&data, &["--newest-checkpoint", path(&own)]).terminate(), Some(0));

    set_back(&data, &snapshot);
    let stored = Home::embedded(&data).reader().size().unwrap();
    let said = refused(&data, &[]);
    assert!(said.contains("would fork the ledger") && said.contains("newest-checkpoint"), "{said}");
    assert_eq!(Home::embedded(&data).reader().size().unwrap(), stored, "nothing was written");

    // None at all in its place is no fresh installation either: the keys have signed.
    fs::remove_file(data.join("ledger/main.sqlite")).unwrap();
    let said = refused(&data, &[]);
    assert!(said.contains("ends at 0 entries"), "{said}");
}

//! A mirror of the real application: a whole copy, checked before it is kept, that outlives the platform.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, mpsc};

use actix_web::web::{self, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use mingjian::cli::mirror::serve;
use mingjian::http::mirror::Shelved;
use mingjian::http::witness::origin_hash;
use mingjian::ledger::note::SignatureType;
use mingjian::ledger::{Policy, SeedSigner, SignedCheckpoint, Signer as _, VerifierKey};
use mingjian::mirror::{Mirror, MirrorError, Owner, Source, Standing};
use mingjian::sequencer::{LedgerReader as _, StoredPayload};
use mingjian::store::{SqliteReader, SqliteShelf, WitnessBook};
use mingjian::witness::Log;
use serde_json::{Value, json};

use crate::client::{Answer, send};
use crate::hall::Hall;
use crate::world::{ORIGIN, PASSWORD, World};

const NAME: &str = "archive.mingjiang.example/mirror";
const SEED: [u8; 32] = [7; 32];

fn mirror_key() -> VerifierKey {
    VerifierKey::new(NAME, SignatureType::Cosignature, SeedSigner::new(&SEED).public()).unwrap()
}

/// A mirror of what is served at `log`, with its files in `dir`.
fn mirror(world: &World, log: SocketAddr, owner: Option<&str>, dir: &Path) -> Arc<Mirror> {
    let url = format!("http://{log}/ledger/main");
    let keys = vec![world.desk.verifier_key.clone()];
    let owner = owner.map(|login| Owner::new(&format!("http://{log}"), login, PASSWORD.to_owned().into(), None));
    let source = Source { log: Log { origin: ORIGIN.into(), keys, url: Some(url) }, policy: None, owner };
    std::fs::create_dir_all(dir.join("ledger")).unwrap();
    let shelf = Arc::new(SqliteShelf::open(&dir.join("ledger/main.sqlite")).unwrap());
    let book = Arc::new(WitnessBook::open(&dir.join("alarms.sqlite")).unwrap());
    let signer = Box::new(SeedSigner::new(&SEED));
    Arc::new(Mirror::new(NAME, signer, source, shelf, book, Arc::new(world.clock.clone())).unwrap())
}

/// Runs a server on a thread of its own until the process ends.
fn background<F>(start: F) -> SocketAddr
where
    F: FnOnce() -> (SocketAddr, actix_web::dev::Server) + Send + 'static,
{
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let (address, server) = start();
            tell.send(address).unwrap();
            server.await.unwrap();
        });
    });
    told.recv().unwrap()
}

fn served(mirror: &Arc<Mirror>) -> SocketAddr {
    let shelved = Data::new(Shelved::open(Arc::clone(mirror), "main").unwrap());
    background(move || serve(shelved, "档案馆", ([127, 0, 0, 1], 0).into()).unwrap())
}

fn get(address: SocketAddr, path: &str) -> Answer {
    send(address, "GET", path, &[], None)
}

/// `mingjian verify … --json`: exit code and report.
fn verify(source: &str, more: &[&str]) -> (Option<i32>, Value) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_mingjian")).args(["verify", source, "--json"]).args(more).output().unwrap();
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), report)
}

#[test]
fn a_mirror_outlives_the_platform() {
    let world = World::start();
    let dir = tempfile::tempdir().unwrap();
    let mut hall = Hall::signed_up(&world, 3);
    hall.confirm_deposits();
    let question = json!({ "id": world.id(), "text": "保证金为何迟到？", "due": world.now().plus(mingjian::base::Span::hours(1)),
        "open": false, "entry": 1 });
    world.person("supervisor").post(&hall.path("/questions"), question).ok();

    let mirror = mirror(&world, world.address, Some("supervisor"), dir.path());
    assert_eq!(mirror.look().unwrap(), world.size());
    // The supervisor may read what the public may not; nobody may read which numbers were dealt.
    let (asked, dealt) = (world.of_kind("feedback.question_raised")[0], world.of_kind("lot.number_dealt")[0]);
    let standing = |seq| mirror.shelf().standing(seq).unwrap();
    assert_eq!(
        (standing(0), standing(asked), standing(dealt)),
        (Standing::Open, Standing::Private, Standing::Withheld)
    );
    let reader = mirror.shelf().reader();
    assert!(matches!(reader.payload(asked).unwrap(), StoredPayload::Present(_)));

    // It follows, and what opens with the auction is fetched then.
    world.go_to(hall.opens);
    hall.bid(0, 0).ok();
    hall.bid(1, 2).ok();
    assert_eq!(mirror.look().unwrap(), world.size());
    assert_eq!(standing(dealt), Standing::Open);

    // Byte for byte what the platform serves, by its paths and by those of C2SP tlog-mirror.
    let (size, hash, copy) = (world.size(), origin_hash(ORIGIN), served(&mirror));
    let mut paths = vec![format!("proof/consistency?old=3&new={size}"), format!("tile/0/000.p/{size}")];
    paths.push(format!("tile/entries/000.p/{size}"));
    paths.extend((0..size).map(|seq| format!("payload/{seq}")));
    let mut open = 0;
    for path in &paths {
        let theirs = get(world.address, &format!("/ledger/main/{path}"));
        for prefix in ["/ledger/main".to_owned(), format!("/{hash}")] {
            let ours = get(copy, &format!("{prefix}/{path}"));
            assert_eq!(ours.status, theirs.status, "{path}");
            if ours.status == 200 {
                assert_eq!(ours.body, theirs.body, "{path}");
                open += 1;
            }
        }
    }
    assert!(open > 20, "{open}");
    assert_eq!(get(copy, &format!("/ledger/main/payload/{asked}")).status, 403, "not for the public");
    let text = |answer: &Answer| SignedCheckpoint::parse(answer.text()).unwrap().note().text().to_owned();
    let (theirs, ours) = (get(world.address, "/ledger/main/checkpoint"), get(copy, &format!("/{hash}/checkpoint")));
    assert_eq!(text(&ours), text(&theirs));
    let cosigned = Policy::new(world.desk.verifier_key.clone(), vec![mirror_key()], 1).unwrap();
    assert!(SignedCheckpoint::parse(ours.text()).unwrap().verify(&cosigned).is_ok());

    // The platform's data vanish, with the platform.
    let key = world.desk.verifier_key.to_string();
    world.desk.sequencer.shutdown();
    drop(hall);
    drop(world);
    assert!(mirror.look().is_err());
    let ours = mirror_key().to_string();
    let trust = ["--key", key.as_str(), "--witness", ours.as_str()];
    let (code, report) = verify(&format!("http://{copy}/ledger/main"), &trust);
    assert_eq!((code, report["size"].as_u64()), (Some(0), Some(size)), "{report:#}");
    let public = report["missing_payloads"]["withheld"].as_u64().unwrap();
    let receipt = get(copy, "/ledger/main/proof/5");
    let leaf = reader.leaf(5).unwrap().unwrap();
    assert!(mingjian::ledger::Proof::parse(receipt.text()).unwrap().verify(&leaf, &cosigned).is_ok());
    let page = get(copy, "/");
    assert!(page.text().contains("副本完好") && page.text().contains(&format!("<b>{size}</b>")), "{}", page.text());

    // On its own disk the owner has more than what it serves.
    let (code, report) = verify(dir.path().to_str().unwrap(), &trust);
    let owned = report["missing_payloads"]["withheld"].as_u64().unwrap();
    assert_eq!((code, report["missing_payloads"]["erased"].as_u64()), (Some(0), Some(0)), "{report:#}");
    assert!(0 < owned && owned < public, "{owned} of {public}");
}

type Lie = fn(&str, Vec<u8>) -> Vec<u8>;
type Expected = fn(&MirrorError) -> bool;

/// Passes everything on from `to`, changed.
fn liar(to: SocketAddr, lie: Lie) -> SocketAddr {
    let answer = move |request: HttpRequest| async move {
        let path = request.uri().path_and_query().unwrap().to_string();
        let asked = path.clone();
        let answer = web::block(move || get(to, &asked)).await.unwrap();
        let status = actix_web::http::StatusCode::from_u16(answer.status).unwrap();
        HttpResponse::build(status).body(lie(&path, answer.body))
    };
    background(move || {
        let server = HttpServer::new(move || App::new().default_service(web::to(answer)))
            .workers(1)
            .disable_signals()
            .bind("127.0.0.1:0")
            .unwrap();
        (server.addrs()[0], server.run())
    })
}

#[test]
fn nothing_false_is_kept() {
    let world = World::start();
    let hall = Hall::open(&world, 3);
    hall.bid(0, 0).ok();
    let cases: [(&str, Lie, Expected); 5] = [
        (
            "another payload",
            |path, mut body| {
                if path.ends_with("/payload/2") {
                    body[20] ^= 1;
                }
                body
            },
            |error| matches!(error, MirrorError::Payload(2)),
        ),
        (
            "another leaf",
            |path, mut body| {
                if path.contains("/tile/entries/") {
                    let last = body.len() - 30;
                    body[last] ^= 1;
                }
                body
            },
            |error| matches!(error, MirrorError::Entry(_) | MirrorError::Forked),
        ),
        (
            "another time of the last leaf, well formed",
            |path, mut body| {
                if path.contains("/tile/entries/") {
                    let at = body.windows(2).rposition(|pair| pair == b"Z\"").unwrap() - 1;
                    body[at] = if body[at] == b'9' { b'8' } else { body[at] + 1 };
                }
                body
            },
            |error| matches!(error, MirrorError::Forked),
        ),
        (
            "one entry fewer",
            |path, mut body| {
                if path.contains("/tile/entries/") {
                    let at = body.windows(10).rposition(|some| some == b"{\"ledger\":").unwrap() - 2;
                    body.truncate(at);
                }
                body
            },
            |error| matches!(error, MirrorError::NotServed(_)),
        ),
        (
            "a checkpoint that the log did not sign",
            |path, body| {
                if path.ends_with("/checkpoint") {
                    let text = String::from_utf8(body).unwrap();
                    let size: u64 = text.lines().nth(1).unwrap().parse().unwrap();
                    return text.replacen(&format!("\n{size}\n"), &format!("\n{}\n", size - 1), 1).into_bytes();
                }
                body
            },
            |error| matches!(error, MirrorError::NotSigned),
        ),
    ];
    for (what, lie, is_expected) in cases {
        let dir = tempfile::tempdir().unwrap();
        let mirror = mirror(&world, liar(world.address, lie), None, dir.path());
        let error = mirror.look().unwrap_err();
        assert!(is_expected(&error), "{what}: {error:?}");
        assert_eq!(mirror.newest().unwrap(), None, "{what}");
        let reader = SqliteReader::open(&dir.path().join("ledger/main.sqlite")).unwrap();
        assert_eq!(reader.size().unwrap(), 0, "{what}");
        assert!(mirror.sight().trouble.is_some(), "{what}");
    }
    // The same through a liar who has no lie to tell.
    let dir = tempfile::tempdir().unwrap();
    let mirror = mirror(&world, liar(world.address, |_, body| body), None, dir.path());
    assert_eq!(mirror.look().unwrap(), world.size());
}

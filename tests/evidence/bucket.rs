//! Footage in a bucket. The stand-in speaks the part of S3 that is used, checks each request's signature form and checksum as
//! a bucket with object lock does, and keeps every version. What a real store does with a lock that has run out cannot be tested here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mingjian::base::{Hash, Id, Micros, Span};
use mingjian::config::{BucketSettings, EvidenceSettings, Secret};
use mingjian::desk::HoldWish;
use mingjian::evidence::{Bucket, Directory, Location, LockMode, MediaStore};
use mingjian::ledger::media::FileName;
use mingjian::review::Language;

use crate::camera::Camera;
use crate::late::clip_of;
use crate::web::{Reply, Request, Web};
use crate::world::{World, supervisor, until, verified};

/// Every version of every object that was ever put, the newest last; `None`: a mark that it was deleted.
type Versions = BTreeMap<String, Vec<Option<Vec<u8>>>>;

/// What object lock knows of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Lock {
    mode: String,
    until: String,
    is_held: bool,
}

#[derive(Default)]
struct Kept {
    versions: Versions,
    locks: BTreeMap<String, Lock>,
}

#[derive(Clone, Default)]
struct Stand(Arc<Mutex<Kept>>);

impl Stand {
    fn locks(&self) -> BTreeMap<String, Lock> {
        self.0.lock().unwrap().locks.clone()
    }

    fn answer(&self, request: &Request) -> Reply {
        let signed = request.header("authorization").unwrap_or_default();
        if !signed.starts_with("AWS4-HMAC-SHA256 Credential=key-of-ours/") || !signed.contains("/s3/aws4_request") {
            return Reply::of(403, "");
        }
        let path = request.path.split('?').next().unwrap().strip_prefix("/footage").unwrap();
        let key = path.trim_start_matches('/').to_owned();
        let Kept { versions, locks } = &mut *self.0.lock().unwrap();
        let newest = versions.get(&key).and_then(|all| all.last().cloned()).flatten();
        if let Some((_, what @ ("retention" | "legal-hold"))) = request.path.split_once('?') {
            return beside(locks.get_mut(&key), what, request, signed);
        }
        match request.method.as_str() {
            "PUT" => {
                // S3 refuses a file for a locked bucket that comes without one.
                let sum = STANDARD.encode(Hash::of(&request.body).0);
                if request.header("x-amz-checksum-sha256") != Some(&sum) || !signed.contains("x-amz-checksum-sha256") {
                    return Reply::of(400, "<Error><Code>InvalidRequest</Code></Error>");
                }
                if request.header("if-none-match") == Some("*") && newest.is_some() {
                    return Reply::of(412, "<Error><Code>PreconditionFailed</Code></Error>");
                }
                if let Some(mode) = request.header("x-amz-object-lock-mode") {
                    // What is not signed is not believed.
                    let until = request.header("x-amz-object-lock-retain-until-date").unwrap();
                    assert!(signed.contains("x-amz-object-lock-mode;x-amz-object-lock-retain-until-date"), "{signed}");
                    locks.insert(key.clone(), Lock { mode: mode.into(), until: until.into(), is_held: false });
                }
                versions.entry(key).or_default().push(Some(request.body.clone()));
                Reply { headers: vec![("etag", "\"1\"".into())], ..Reply::of(200, "") }
            }
            "GET" if request.query("list-type").is_some() => list(versions, request),
            "GET" | "HEAD" => match newest {
                Some(bytes) => Reply {
                    headers: vec![("etag", "\"1\"".into()), ("last-modified", "Mon, 23 Nov 2026 04:05:06 GMT".into())],
                    ..Reply::of(200, bytes)
                },
                None => Reply::of(404, "<Error><Code>NoSuchKey</Code></Error>"),
            },
            "DELETE" => {
                versions.entry(key).or_default().push(None);
                Reply::of(204, "")
            }
            _ => Reply::of(405, ""),
        }
    }
}

/// Retention and legal hold of an object: the first is never made shorter.
fn beside(lock: Option<&mut Lock>, what: &str, request: &Request, signed: &str) -> Reply {
    let Some(lock) = lock else { return Reply::of(404, "<Error><Code>NoSuchObjectLockConfiguration</Code></Error>") };
    let body = std::str::from_utf8(&request.body).unwrap();
    let within = |element: &str| {
        let (_, rest) = body.split_once(&format!("<{element}>")).unwrap();
        rest.split_once("</").unwrap().0.to_owned()
    };
    if request.method == "GET" {
        let Lock { mode, until, .. } = lock;
        return Reply::of(
            200,
            format!("<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>"),
        );
    }
    let sum = STANDARD.encode(Hash::of(&request.body).0);
    if request.header("x-amz-checksum-sha256") != Some(&sum) || !signed.contains("x-amz-checksum-sha256") {
        return Reply::of(400, "<Error><Code>InvalidRequest</Code></Error>");
    }
    if what == "legal-hold" {
        lock.is_held = within("Status") == "ON";
    } else if within("RetainUntilDate") < lock.until || within("Mode") != lock.mode {
        return Reply::of(403, "<Error><Code>AccessDenied</Code></Error>");
    } else {
        lock.until = within("RetainUntilDate");
    }
    Reply::of(200, "")
}

fn list(versions: &Versions, request: &Request) -> Reply {
    let prefix = request.query("prefix").unwrap_or_default();
    let there = versions.iter().filter(|(_, all)| matches!(all.last(), Some(Some(_))));
    let keys: Vec<&String> = there.map(|(key, _)| key).filter(|key| key.starts_with(&prefix)).collect();
    let mut body = String::from("<ListBucketResult><IsTruncated>false</IsTruncated>");
    if request.query("delimiter").is_some() {
        let folder = |key: &&String| key[prefix.len()..].split_once('/').map(|(name, _)| format!("{prefix}{name}/"));
        let folders: std::collections::BTreeSet<String> = keys.iter().filter_map(folder).collect();
        for folder in folders {
            write!(body, "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>").unwrap();
        }
    } else {
        for key in keys {
            let rest = "<LastModified>2026-11-23T04:05:06.000Z</LastModified><ETag>1</ETag><Size>4</Size>";
            write!(body, "<Contents><Key>{key}</Key>{rest}</Contents>").unwrap();
        }
    }
    Reply { headers: vec![("content-type", "application/xml".into())], ..Reply::of(200, body + "</ListBucketResult>") }
}

fn settings(lock: Option<LockMode>) -> (Stand, BucketSettings) {
    let stand = Stand::default();
    let own = stand.clone();
    let web = Web::start(move |request| own.answer(request));
    let settings = BucketSettings {
        endpoint: format!("http://{}", web.address),
        region: "us-east-1".into(),
        bucket: "footage".into(),
        prefix: "hall/east".into(),
        access_key: Secret("key-of-ours".into()),
        secret_key: Secret("hush".into()),
        lock,
    };
    (stand, settings)
}

fn bucket(lock: Option<LockMode>) -> (Stand, Bucket) {
    let (stand, settings) = settings(lock);
    (stand, Bucket::open(&settings.bucket()).unwrap())
}

/// What every home of footage promises.
fn keeps(store: &dyn MediaStore) {
    let (run, other): (Id, Id) =
        ("01JD9Z5T8Q3W6V2K4M7N0P1R2S".parse().unwrap(), "01JD9Z5T8Q3W6V2K4M7N0P1R2T".parse().unwrap());
    let (init, first) = (FileName { run, number: None }, FileName { run, number: Some(0) });
    assert_eq!(store.get(first).unwrap(), None);
    store.put(init, b"init", None).unwrap();
    store.put(first, b"first", None).unwrap();
    store.put(FileName { run: other, number: Some(7) }, b"other", None).unwrap();
    assert_eq!(store.put(first, b"another", None).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(store.get(first).unwrap().as_deref(), Some(&b"first"[..]));
    assert_eq!((store.files(run).unwrap(), store.runs().unwrap()), (vec![init, first], vec![run, other]));
    for name in [init, first, first] {
        store.delete(name).unwrap();
    }
    assert_eq!((store.get(first).unwrap(), store.runs().unwrap()), (None, vec![other]));
}

#[test]
fn a_bucket_keeps_what_a_directory_keeps() {
    let dir = tempfile::tempdir().unwrap();
    keeps(&Directory::open(dir.path().join("media")).unwrap());
    let (stand, bucket) = bucket(None);
    keeps(&bucket);
    let Kept { versions, locks } = &*stand.0.lock().unwrap();
    assert!(locks.is_empty(), "a bucket without object lock refuses what asks for it");
    let name = "hall/east/01JD9Z5T8Q3W6V2K4M7N0P1R2S/00000000.m4s";
    // Deleted is marked, and a locked version is still there.
    assert_eq!(versions[name].first(), Some(&Some(b"first".to_vec())));
}

#[test]
fn a_bucket_that_does_not_answer_is_an_error_and_no_absence() {
    let location = Location {
        endpoint: "http://127.0.0.1:1".into(),
        region: "us-east-1".into(),
        bucket: "footage".into(),
        prefix: String::new(),
        access_key: "a".to_owned().into(),
        secret_key: "b".to_owned().into(),
        lock: None,
    };
    let bucket = Bucket::open(&location).unwrap();
    let name = FileName { run: Id::from_u128(1), number: None };
    assert!(bucket.get(name).is_err() && bucket.put(name, b"x", None).is_err());
}

#[test]
fn a_bucket_with_object_lock_is_told_for_how_long() {
    let (stand, bucket) = bucket(Some(LockMode::Compliance));
    let run: Id = "01JD9Z5T8Q3W6V2K4M7N0P1R2S".parse().unwrap();
    let name = FileName { run, number: Some(0) };
    let at = |text: &str| text.parse::<Micros>().unwrap();
    let lock = || stand.locks()["hall/east/01JD9Z5T8Q3W6V2K4M7N0P1R2S/00000000.m4s"].clone();
    bucket.put(name, b"first", Some(at("2026-12-01T00:00:00.000001Z"))).unwrap();
    let put = Lock { mode: "COMPLIANCE".into(), until: "2026-12-01T00:00:01Z".into(), is_held: false };
    assert_eq!(lock(), put);
    // Shorter is asked of nobody, for a lock is never made shorter.
    bucket.keep(name, at("2026-11-30T00:00:00.000000Z")).unwrap();
    assert_eq!(lock(), put);
    bucket.keep(name, at("2041-12-01T00:00:00.000000Z")).unwrap();
    assert_eq!(lock(), Lock { until: "2041-12-01T00:00:00Z".into(), ..put.clone() });
    bucket.hold(name).unwrap();
    assert!(lock().is_held);
    bucket.delete(name).unwrap();
    assert!(!lock().is_held);
    // What is not there needs no lock.
    let absent = FileName { run, number: Some(9) };
    bucket.keep(absent, at("2041-12-01T00:00:00.000000Z")).unwrap();
    bucket.hold(absent).unwrap();
}

#[test]
fn a_camera_is_recorded_into_a_bucket() {
    let camera = Camera::start(&[]);
    let (stand, settings) = settings(Some(LockMode::Governance));
    let bucket = Bucket::open(&settings.bucket()).unwrap();
    let mut world = World::with(&EvidenceSettings { s3: Some(settings), ..crate::world::settings(None) });
    let id = world.add(camera.address(), None);
    let began = world.now();
    world.record();
    world.recorded(id, began, 5);
    world.stop();
    // Its class keeps footage for seven days; a clip keeps what it shows for longer, and a hold without an end.
    let (locks, week) = (stand.locks(), |from: Micros| from.plus(Span::days(7)).to_string()[..19].to_owned());
    let (from, to) = (week(began), week(world.now().plus(Span::secs(1))));
    assert!(locks.len() >= 3 && locks.values().all(|lock| lock.until >= from && lock.until[..19] <= *to), "{locks:?}");
    let run = world.runs().remove(0);
    let wish = HoldWish { camera: id, from: run.from, to: run.to(), reason: "诉讼保全".into() };
    world.desk().place_hold(&supervisor(), &wish).unwrap();
    clip_of(&world, &run, world.now().plus(Span::days(400)));
    world.keep();
    let long = world.now().plus(Span::days(399)).to_string();
    let marked = |is: &dyn Fn(&Lock) -> bool| -> Vec<String> {
        let locks = stand.locks().into_iter().filter(|(_, lock)| is(lock));
        locks.map(|(key, _)| key.rsplit_once('/').unwrap().1.to_owned()).collect()
    };
    let segment = |number: u64| format!("{number:08}.m4s");
    until("what the clip shows is kept", || {
        let kept = marked(&|lock| lock.until > long);
        [segment(0), "init.mp4".into()].iter().all(|name| kept.contains(name))
    });
    assert!(!marked(&|lock| lock.until > long).contains(&segment(run.next() - 1)), "and nothing else");
    until("what is held is held there", || marked(&|lock| lock.is_held).len() == locks.len());
    world.stop();

    // Taken out of the bucket, it is what was announced.
    let (data, media) = (world.data(), tempfile::tempdir().unwrap());
    let copy = Directory::open(media.path()).unwrap();
    for run in bucket.runs().unwrap() {
        for name in bucket.files(run).unwrap() {
            copy.put(name, &bucket.get(name).unwrap().unwrap(), None).unwrap();
        }
    }
    let segments: u64 = world.runs().iter().map(|run| run.segments.len() as u64).sum();
    let _dir = world.close();
    let report = verified(&data, media.path());
    assert!(report.holds(), "{}", report.to_text(Language::En));
    let check = report.checked.iter().find(|check| check.name == mingjian::review::CheckName::Footage).unwrap();
    assert!(segments >= 2 && check.count == segments + 1, "{check:?}");
}

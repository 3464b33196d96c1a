//! Footage in a bucket. The stand-in speaks the part of S3 that is used, checks each request's signature form and checksum as
//! a bucket with object lock does, and keeps every version. What a real store's object lock does cannot be tested here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mingjian::base::{Hash, Id};
use mingjian::evidence::{Bucket, Directory, Location, MediaStore};
use mingjian::ledger::media::FileName;
use mingjian::review::Language;

use crate::camera::Camera;
use crate::web::{Reply, Request, Web};
use crate::world::{World, verified};

/// Every version of every object that was ever put, the newest last; `None`: a mark that it was deleted.
type Versions = BTreeMap<String, Vec<Option<Vec<u8>>>>;

#[derive(Clone, Default)]
struct Stand(Arc<Mutex<Versions>>);

impl Stand {
    fn answer(&self, request: &Request) -> Reply {
        let signed = request.header("authorization").unwrap_or_default();
        if !signed.starts_with("AWS4-HMAC-SHA256 Credential=key-of-ours/") || !signed.contains("/s3/aws4_request") {
            return Reply::of(403, "");
        }
        let path = request.path.split('?').next().unwrap().strip_prefix("/footage").unwrap();
        let key = path.trim_start_matches('/').to_owned();
        let mut versions = self.0.lock().unwrap();
        let newest = versions.get(&key).and_then(|all| all.last().cloned()).flatten();
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
                versions.entry(key).or_default().push(Some(request.body.clone()));
                Reply { headers: vec![("etag", "\"1\"".into())], ..Reply::of(200, "") }
            }
            "GET" if request.query("list-type").is_some() => list(&versions, request),
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

fn bucket() -> (Stand, Bucket) {
    let stand = Stand::default();
    let own = stand.clone();
    let web = Web::start(move |request| own.answer(request));
    let location = Location {
        endpoint: format!("http://{}", web.address),
        region: "us-east-1".into(),
        bucket: "footage".into(),
        prefix: "hall/east".into(),
        access_key: "key-of-ours".to_owned().into(),
        secret_key: "hush".to_owned().into(),
    };
    (stand, Bucket::open(&location).unwrap())
}

/// What every home of footage promises.
fn keeps(store: &dyn MediaStore) {
    let (run, other): (Id, Id) =
        ("01JD9Z5T8Q3W6V2K4M7N0P1R2S".parse().unwrap(), "01JD9Z5T8Q3W6V2K4M7N0P1R2T".parse().unwrap());
    let (init, first) = (FileName { run, number: None }, FileName { run, number: Some(0) });
    assert_eq!(store.get(first).unwrap(), None);
    store.put(init, b"init").unwrap();
    store.put(first, b"first").unwrap();
    store.put(FileName { run: other, number: Some(7) }, b"other").unwrap();
    assert_eq!(store.put(first, b"another").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
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
    let (stand, bucket) = bucket();
    keeps(&bucket);
    let versions = stand.0.lock().unwrap();
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
    };
    let bucket = Bucket::open(&location).unwrap();
    let name = FileName { run: Id::from_u128(1), number: None };
    assert!(bucket.get(name).is_err() && bucket.put(name, b"x").is_err());
}

#[test]
fn a_camera_is_recorded_into_a_bucket() {
    let camera = Camera::start(&[]);
    let (_stand, bucket) = bucket();
    let bucket = Arc::new(bucket);
    let mut world = World::start();
    let id = world.add(camera.address(), None);
    let began = world.now();
    world.record_into(Arc::<Bucket>::clone(&bucket));
    world.recorded(id, began, 5);
    world.stop();
    // Taken out of the bucket, it is what was announced.
    let (data, media) = (world.data(), tempfile::tempdir().unwrap());
    let copy = Directory::open(media.path()).unwrap();
    for run in bucket.runs().unwrap() {
        for name in bucket.files(run).unwrap() {
            copy.put(name, &bucket.get(name).unwrap().unwrap()).unwrap();
        }
    }
    let segments: u64 = world.runs().iter().map(|run| run.segments.len() as u64).sum();
    let _dir = world.close();
    let report = verified(&data, media.path());
    assert!(report.holds(), "{}", report.to_text(Language::En));
    let check = report.checked.iter().find(|check| check.name == mingjian::review::CheckName::Footage).unwrap();
    assert!(segments >= 2 && check.count == segments + 1, "{check:?}");
}

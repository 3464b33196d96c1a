//! Footage in a bucket of an S3-compatible store. What protects it there is the store's: with object lock and a default
//! retention on the bucket, nobody, this platform included, removes a version before its time; such buckets take a file only
//! with a checksum, so every file is sent with its SHA-256. A file is put under a condition: no name is ever used twice.

use std::fmt;
use std::io;

use futures_util::TryStreamExt as _;
use http_body_util::BodyExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum, S3ConditionalPut};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, Error, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions, RetryConfig,
};
use tokio::runtime::Runtime;
use ureq::Agent;
use zeroize::Zeroizing;

use super::MediaStore;
use crate::base::Id;
use crate::base::limits::{BUCKET_ANSWER_MAX, BUCKET_RETRIES, SEGMENT_MAX_BYTES};
use crate::ledger::media::FileName;
use crate::store::data_dir::Space;

/// Which bucket, and how to prove ourselves to it.
#[derive(Clone)]
pub struct Location {
    pub endpoint: String,
    pub region: String,
    pub bucket: String,
    /// In front of every name; empty: none.
    pub prefix: String,
    pub access_key: Zeroizing<String>,
    pub secret_key: Zeroizing<String>,
}

/// The bucket cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    #[error("evidence.s3: {0}")]
    Settings(Box<Error>),
    #[error("evidence.s3: {0}")]
    Runtime(#[from] io::Error),
}

pub struct Bucket {
    store: AmazonS3,
    prefix: Path,
    /// Drives one request at a time for each caller; its threads are the callers' own.
    runtime: Runtime,
}

impl Bucket {
    pub fn open(location: &Location) -> Result<Self, BucketError> {
        let retries = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: BUCKET_RETRIES,
            retry_timeout: BUCKET_ANSWER_MAX,
        };
        let store = AmazonS3Builder::new()
            .with_endpoint(location.endpoint.as_str())
            .with_allow_http(location.endpoint.starts_with("http://"))
            .with_region(location.region.as_str())
            .with_bucket_name(location.bucket.as_str())
            .with_access_key_id(location.access_key.as_str())
            .with_secret_access_key(location.secret_key.as_str())
            .with_checksum_algorithm(Checksum::SHA256)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_disable_bulk_delete(true)
            .with_retry(retries)
            .with_http_connector(Connector)
            .build()
            .map_err(|error| BucketError::Settings(Box::new(error)))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        Ok(Self { store, prefix: Path::from(location.prefix.as_str()), runtime })
    }

    fn path(&self, name: FileName) -> Path {
        name.to_string().split('/').fold(self.prefix.clone(), Path::join)
    }

    fn name(&self, path: &Path) -> Option<FileName> {
        let parts: Vec<_> = path.prefix_match(&self.prefix)?.map(|part| part.as_ref().to_owned()).collect();
        parts.join("/").parse().ok()
    }
}

fn failed(error: Error) -> io::Error {
    let kind = match &error {
        Error::AlreadyExists { .. } | Error::Precondition { .. } => io::ErrorKind::AlreadyExists,
        Error::NotFound { .. } => io::ErrorKind::NotFound,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

impl MediaStore for Bucket {
    fn put(&self, name: FileName, bytes: &[u8]) -> io::Result<()> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let path = self.path(name);
        let put = self.store.put_opts(&path, bytes.to_vec().into(), options);
        match self.runtime.block_on(put).map_err(failed) {
            Ok(_) => Ok(()),
            // A request whose answer was lost is sent again: then it is our own file that is there.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && self.get(name)?.as_deref() == Some(bytes) => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn get(&self, name: FileName) -> io::Result<Option<Vec<u8>>> {
        let read = async { self.store.get(&self.path(name)).await?.bytes().await };
        match self.runtime.block_on(read).map_err(failed) {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn delete(&self, name: FileName) -> io::Result<()> {
        match self.runtime.block_on(self.store.delete(&self.path(name))).map_err(failed) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn files(&self, run: Id) -> io::Result<Vec<FileName>> {
        let folder = self.prefix.clone().join(run.to_string());
        let listed = self.store.list(Some(&folder)).try_collect::<Vec<_>>();
        let listed = self.runtime.block_on(listed).map_err(failed)?;
        let mut found: Vec<FileName> = listed.iter().filter_map(|object| self.name(&object.location)).collect();
        found.sort_unstable();
        Ok(found)
    }

    fn runs(&self) -> io::Result<Vec<Id>> {
        let listed = self.runtime.block_on(self.store.list_with_delimiter(Some(&self.prefix))).map_err(failed)?;
        let run = |path: &Path| path.filename().and_then(|name| name.parse().ok());
        let mut found: Vec<Id> = listed.common_prefixes.iter().filter_map(run).collect();
        found.sort_unstable();
        Ok(found)
    }

    /// A bucket does not say.
    fn space(&self) -> io::Result<Option<Space>> {
        Ok(None)
    }
}

/// The platform's own HTTP client under the store's.
#[derive(Debug)]
struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .allow_non_standard_methods(true)
            .timeout_global(Some(BUCKET_ANSWER_MAX))
            .build()
            .new_agent();
        Ok(HttpClient::new(Client(agent)))
    }
}

struct Client(Agent);

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client(…)")
    }
}

#[async_trait::async_trait]
impl HttpService for Client {
    /// Waits on the caller's own thread, which is all that waits for the answer.
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let bytes = body.collect().await?.to_bytes();
        let request = ureq::http::Request::from_parts(parts, &bytes[..]);
        let mut answer = self.0.run(request).map_err(unanswered)?;
        let limit = u64::try_from(2 * SEGMENT_MAX_BYTES).unwrap_or(u64::MAX);
        let body = answer.body_mut().with_config().limit(limit).read_to_vec().map_err(unanswered)?;
        let (parts, _) = answer.into_parts();
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::from(body)))
    }
}

fn unanswered(error: ureq::Error) -> HttpError {
    let kind = match &error {
        ureq::Error::Timeout(_) => HttpErrorKind::Timeout,
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => HttpErrorKind::Connect,
        ureq::Error::Io(_) => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, error)
}

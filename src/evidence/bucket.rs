//! Footage in a bucket of an S3-compatible store. Where the bucket has object lock, every file is put with a date before which
//! nobody, this platform included, removes it: its camera's class, later that of the clips that show it; and legal holds are
//! the store's as well (`docs/operations.md`). Such buckets take a file only with a checksum, so every file is sent with its
//! SHA-256. A file is put under a condition: no name is ever used twice.

use std::fmt;
use std::io;
use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::TryStreamExt as _;
use http_body_util::BodyExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsAuthorizer, AwsCredential, Checksum, S3ConditionalPut};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody,
    HttpService,
};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, Error, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions, RetryConfig,
};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use ureq::Agent;
use ureq::http::{HeaderValue, Request};
use zeroize::Zeroizing;

use super::MediaStore;
use super::external::{encoded, rfc3339};
use crate::base::limits::{BUCKET_ANSWER_MAX, BUCKET_RETRIES, SEGMENT_MAX_BYTES};
use crate::base::{Hash, Id, Micros, Span};
use crate::ledger::media::FileName;
use crate::store::data_dir::Space;

const XML_SPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

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
    /// How its object lock is used; `None`: the bucket has none, or its default retention is enough.
    pub lock: Option<LockMode>,
}

/// Who may end a lock before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockMode {
    /// Whoever the store gives a right of its own for that.
    Governance,
    /// Nobody.
    Compliance,
}

impl LockMode {
    const fn name(self) -> &'static str {
        match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
        }
    }
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
    /// For what the library has no words for.
    client: Client,
    /// `https://host[:port]/bucket`.
    base: String,
    lock: Option<LockMode>,
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
        let client = Client::new(location);
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
            .with_http_connector(Connector(client.clone()))
            .build()
            .map_err(|error| BucketError::Settings(Box::new(error)))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let base = format!("{}/{}", location.endpoint.trim_end_matches('/'), location.bucket);
        let prefix = Path::from(location.prefix.as_str());
        Ok(Self { store, client, base, lock: location.lock, prefix, runtime })
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

/// Object lock, for which the library has no words: requests of our own under its signature.
impl Bucket {
    /// Reads, or sets, what the bucket knows of a file beside its bytes; `None` where there is nothing.
    fn beside(&self, name: FileName, what: &str, set: Option<String>) -> io::Result<Option<String>> {
        let key = self.path(name).parts().map(|part| encoded(part.as_ref())).collect::<Vec<_>>().join("/");
        let mut request = Request::builder().uri(format!("{}/{key}?{what}", self.base));
        if let Some(body) = &set {
            let sum = STANDARD.encode(Hash::of(body.as_bytes()).0);
            request = request.method("PUT").header("x-amz-checksum-sha256", sum);
        }
        let request = request.body(HttpRequestBody::from(set.unwrap_or_default())).map_err(io::Error::other)?;
        let answer = self.runtime.block_on(async {
            let answer = self.client.call(self.client.signed(request)?).await?;
            let status = answer.status().as_u16();
            Ok::<_, HttpError>((status, answer.into_body().bytes().await?))
        });
        let (status, bytes) = answer.map_err(io::Error::other)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match status {
            200..=299 => Ok(Some(text)),
            404 => Ok(None),
            _ => Err(io::Error::other(format!("{name}, {what}: status {status}: {text}"))),
        }
    }

    fn set_hold(&self, name: FileName, status: &str) -> io::Result<()> {
        let body = format!("<LegalHold xmlns=\"{XML_SPACE}\"><Status>{status}</Status></LegalHold>");
        self.beside(name, "legal-hold", Some(body)).map(drop)
    }
}

/// What stands within the only element of that name.
fn within<'a>(xml: &'a str, element: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{element}>"))?;
    Some(rest.split_once(&format!("</{element}>"))?.0)
}

/// A whole second that is no earlier, as S3 writes it.
fn date(until: Micros) -> String {
    let text: String = until.plus(Span::micros(999_999)).to_string().chars().take(19).collect();
    format!("{text}Z")
}

impl MediaStore for Bucket {
    fn put(&self, name: FileName, bytes: &[u8], keep_until: Option<Micros>) -> io::Result<()> {
        let mut options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        if let Some((mode, until)) = self.lock.zip(keep_until) {
            options.extensions.insert(Locked { mode, until });
        }
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
        if self.locks() {
            self.set_hold(name, "OFF")?;
        }
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

    fn locks(&self) -> bool {
        self.lock.is_some()
    }

    fn keep(&self, name: FileName, until: Micros) -> io::Result<()> {
        let Some(mode) = self.lock else { return Ok(()) };
        let known = self.beside(name, "retention", None)?.unwrap_or_default();
        // A lock can be made longer, and never shorter.
        if within(&known, "RetainUntilDate").and_then(rfc3339).is_some_and(|kept| kept >= until) {
            return Ok(());
        }
        let (mode, until) = (within(&known, "Mode").unwrap_or(mode.name()), date(until));
        let body = format!(
            "<Retention xmlns=\"{XML_SPACE}\"><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>"
        );
        self.beside(name, "retention", Some(body)).map(drop)
    }

    fn hold(&self, name: FileName) -> io::Result<()> {
        if self.locks() { self.set_hold(name, "ON") } else { Ok(()) }
    }
}

/// A file that is put under a lock; it goes with the request, whose headers the library chooses.
#[derive(Debug, Clone, Copy)]
struct Locked {
    mode: LockMode,
    until: Micros,
}

/// The platform's own HTTP client under the store's.
#[derive(Debug)]
struct Connector(Client);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

#[derive(Clone)]
struct Client {
    agent: Agent,
    credential: Arc<AwsCredential>,
    region: String,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client(…)")
    }
}

impl Client {
    fn new(location: &Location) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .allow_non_standard_methods(true)
            .timeout_global(Some(BUCKET_ANSWER_MAX))
            .build()
            .new_agent();
        let (key_id, secret_key) = (location.access_key.to_string(), location.secret_key.to_string());
        let credential = Arc::new(AwsCredential { key_id, secret_key, token: None });
        Self { agent, credential, region: location.region.clone() }
    }

    /// S3 believes no header of its own that the signature leaves out, so a request that gets some is signed again.
    fn signed(&self, mut request: HttpRequest) -> Result<HttpRequest, HttpError> {
        request.headers_mut().remove("authorization");
        let signer = AwsAuthorizer::new(&self.credential, "s3", &self.region);
        signer.try_authorize(&mut request, None).map_err(|error| HttpError::new(HttpErrorKind::Request, error))?;
        Ok(request)
    }

    fn locked(&self, mut request: HttpRequest, locked: Locked) -> Result<HttpRequest, HttpError> {
        let until = HeaderValue::from_str(&date(locked.until));
        let until = until.map_err(|error| HttpError::new(HttpErrorKind::Request, error))?;
        let headers = request.headers_mut();
        headers.insert("x-amz-object-lock-mode", HeaderValue::from_static(locked.mode.name()));
        headers.insert("x-amz-object-lock-retain-until-date", until);
        self.signed(request)
    }
}

#[async_trait::async_trait]
impl HttpService for Client {
    /// Waits on the caller's own thread, which is all that waits for the answer.
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let bytes = body.collect().await?.to_bytes();
        let mut request = HttpRequest::from_parts(parts, HttpRequestBody::from(bytes.clone()));
        if let Some(locked) = request.extensions().get::<Locked>().copied() {
            request = self.locked(request, locked)?;
        }
        let mut answer = self.agent.run(request.map(|_| bytes.to_vec())).map_err(unanswered)?;
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

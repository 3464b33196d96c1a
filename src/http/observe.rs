//! What stands around every request: its id, its line in the log, its place in the figures.
//!
//! The line names no address, no lot and no query: who signs up or bids, and where, must not be read out of a log before
//! the opening (招标投标法 art. 22). Sign-ins and refusals with their networks are security events, for the auditor.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _};
use tracing::Instrument as _;

use super::extract::{Holder, HttpSettings, network};
use super::problem::Problem;
use crate::base::limits::REQUEST_ID_MAX_CHARS;
use crate::sequencer::Histogram;

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Bounds of the histogram of answers, microseconds.
const ANSWER_BOUNDS: &[u64] =
    &[500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000];

/// Requests that cost alike and that one worries about together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Bid,
    /// Until the stream stands; how long it lasts says nothing.
    Stream,
    Read,
    Write,
    Ledger,
    Web,
    Operations,
}

impl Class {
    pub const ALL: [Self; 7] =
        [Self::Bid, Self::Stream, Self::Read, Self::Write, Self::Ledger, Self::Web, Self::Operations];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Bid => "bid",
            Self::Stream => "stream",
            Self::Read => "read",
            Self::Write => "write",
            Self::Ledger => "ledger",
            Self::Web => "web",
            Self::Operations => "operations",
        }
    }

    fn of(method: &Method, path: &str) -> Self {
        if let Some(path) = path.strip_prefix("/api/v1/") {
            return match path {
                "live" | "events" => Self::Stream,
                _ if *method == Method::POST && path.ends_with("/bids") => Self::Bid,
                _ if method.is_safe() => Self::Read,
                _ => Self::Write,
            };
        }
        match path {
            "/healthz" | "/readyz" | "/metrics" => Self::Operations,
            _ if path.starts_with("/ledger/") => Self::Ledger,
            _ => Self::Web,
        }
    }
}

/// Status classes: 1xx to 5xx.
pub const STATUSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The figures of one class.
pub struct Measured {
    pub answers: Histogram,
    /// By the first digit of the status; see [`STATUSES`].
    pub statuses: [AtomicU64; 5],
}

/// All requests since the start; app data, shared by all workers.
pub struct Traffic {
    classes: [Measured; Class::ALL.len()],
    /// Tells the ids of this process from those of its last life.
    life: u64,
    requests: AtomicU64,
}

impl Default for Traffic {
    fn default() -> Self {
        let measured = |_| Measured { answers: Histogram::new(ANSWER_BOUNDS), statuses: Default::default() };
        let life = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { classes: Class::ALL.map(measured), life, requests: AtomicU64::new(0) }
    }
}

impl Traffic {
    pub fn classes(&self) -> impl Iterator<Item = (Class, &Measured)> {
        Class::ALL.into_iter().zip(&self.classes)
    }

    fn record(&self, class: Class, status: u16, micros: u64) {
        let Some((_, measured)) = self.classes().find(|(of, _)| *of == class) else { return };
        measured.answers.record(micros);
        if let Some(count) = measured.statuses.get(usize::from(status / 100).wrapping_sub(1)) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// A proxy's own id, so that its log and ours name a request alike; otherwise the next of ours. A client's is never
    /// taken: it could give two requests one name.
    fn request_id(&self, request: &ServiceRequest) -> HeaderValue {
        let behind_proxy = request.app_data::<Data<HttpSettings>>().is_some_and(|settings| settings.behind_proxy);
        let given = request.headers().get(REQUEST_ID).filter(|value| {
            let bytes = value.as_bytes();
            let plain = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-';
            !bytes.is_empty() && bytes.len() <= REQUEST_ID_MAX_CHARS && bytes.iter().all(plain)
        });
        if let Some(given) = given.filter(|_| behind_proxy) {
            return given.clone();
        }
        let own = format!("{:x}-{:x}", self.life, self.requests.fetch_add(1, Relaxed));
        // Hexadecimal digits and a hyphen always are a header's value.
        HeaderValue::try_from(own).unwrap_or_else(|_| HeaderValue::from_static("none"))
    }
}

/// Gives the request its id, and when it is answered measures it and writes its one line.
pub async fn observe<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let Some(traffic) = request.app_data::<Data<Traffic>>().cloned() else { return next.call(request).await };
    let began = Instant::now();
    let id = traffic.request_id(&request);
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let class = Class::of(&method, &path);
    // What is logged on the request's way carries the id as well.
    let span = tracing::error_span!("request", id = id.to_str().unwrap_or_default());
    let mut response = next.call(request).instrument(span.clone()).await?;
    let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    let status = response.status().as_u16();
    traffic.record(class, status, micros);
    response.headers_mut().insert(REQUEST_ID, id);
    let _entered = span.enter();
    if status == 403 {
        log_denied(&response);
    }
    log(&Line { class, method: &method, path: &path, status, micros, code: code_of(&response) });
    Ok(response)
}

/// The stable code of a refusal.
fn code_of<B>(response: &ServiceResponse<B>) -> &'static str {
    let problem = response.response().error().and_then(|error| error.as_error::<Problem>());
    problem.map_or("", |problem| problem.code().name())
}

/// Who was refused a right, and from where (ASVS 16.3.2). What is allowed to bidders needs no right of a session's, so this
/// tells nothing about them.
fn log_denied<B>(response: &ServiceResponse<B>) {
    let request = response.request();
    let account = request.extensions().get::<Holder>().map(|holder| holder.0.to_string()).unwrap_or_default();
    let (network, route) = (network(request), route(request.path()));
    let network = network.as_str();
    tracing::warn!(target: "mingjian::denied", account, network, route, code = code_of(response), "refused a right");
}

struct Line<'a> {
    class: Class,
    method: &'a Method,
    path: &'a str,
    status: u16,
    micros: u64,
    code: &'static str,
}

fn log(line: &Line) {
    let Line { class, method, status, micros, code, .. } = line;
    let (class, route) = (class.name(), || route(line.path));
    if *status >= 500 {
        tracing::warn!(target: "mingjian::request", class, %method, route = route(), status, code, micros);
    } else if line.class == Class::Operations {
        tracing::debug!(target: "mingjian::request", class, %method, route = route(), status, code, micros);
    } else {
        tracing::info!(target: "mingjian::request", class, %method, route = route(), status, code, micros);
    }
}

/// The path with every segment that could name somebody or something replaced by a star: what is left are our routes.
fn route(path: &str) -> String {
    let literal =
        |segment: &str| segment == "v1" || segment.bytes().all(|b| b.is_ascii_lowercase() || b"-._".contains(&b));
    let segments = path.split('/').take(SEGMENTS_MAX).map(|segment| if literal(segment) { segment } else { "*" });
    segments.collect::<Vec<_>>().join("/")
}

/// Our deepest route has eight.
const SEGMENTS_MAX: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_their_classes() {
        for (method, path, class) in [
            (Method::POST, "/api/v1/lots/01K/bids", Class::Bid),
            (Method::GET, "/api/v1/lots/01K/bids", Class::Read),
            (Method::POST, "/api/v1/lots/01K/sign-ups", Class::Write),
            (Method::GET, "/api/v1/live", Class::Stream),
            (Method::GET, "/ledger/main/checkpoint", Class::Ledger),
            (Method::GET, "/metrics", Class::Operations),
            (Method::GET, "/", Class::Web),
        ] {
            assert_eq!(Class::of(&method, path), class, "{method} {path}");
        }
    }

    #[test]
    fn a_route_names_nobody() {
        for (path, shown) in [
            ("/api/v1/lots/01KAY3XQ5T0000000000000000/bids", "/api/v1/lots/*/bids"),
            ("/ledger/main/tile/0/x001/234.p/5", "/ledger/main/tile/*/*/*/*"),
            ("/assets/index-B4f.js", "/assets/*"),
            ("/%0Aforged", "/*"),
            ("/", "/"),
        ] {
            assert_eq!(route(path), shown);
        }
    }

    #[test]
    fn statuses_are_counted_by_their_class() {
        let traffic = Traffic::default();
        traffic.record(Class::Bid, 201, 700);
        traffic.record(Class::Bid, 409, 2_000_000);
        traffic.record(Class::Bid, 999, 1);
        let (_, bid) = traffic.classes().next().unwrap();
        let counts: Vec<u64> = bid.statuses.iter().map(|count| count.load(Relaxed)).collect();
        assert_eq!(counts, [0, 1, 0, 1, 0]);
        assert_eq!((bid.answers.count(), bid.answers.sum()), (3, 2_000_701));
    }
}

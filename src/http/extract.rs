//! What handlers ask for: a whole JSON body with its digest, the idempotency key, who is asking.

use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, Data};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::base::limits::IDEMPOTENCY_KEY_MAX_CHARS;
use crate::base::{Code, Hash, Id};
use crate::desk::Desk;
use crate::identity::{Network, Viewer};

/// The session's cookie. `__Host-`: this host alone, HTTPS (or loopback) alone, the whole site (RFC 6265bis §4.1.3.2).
pub const SESSION_COOKIE: &str = "__Host-mingjian";
/// Carries the CSRF token of the session on everything that changes something.
pub const CSRF_HEADER: &str = "X-CSRF-Token";
pub const IDEMPOTENCY_HEADER: &str = "Idempotency-Key";

/// A JSON body, read whole and within the limit.
pub struct Body<T> {
    pub value: T,
    /// Of method, path and body bytes: what an idempotency key stands for.
    pub digest: Hash,
}

impl<T: DeserializeOwned> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_json = kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
        let what = format!("{} {}\n", request.method(), request.path());
        let bytes = Bytes::from_request(request, payload);
        Box::pin(async move {
            if !is_json {
                return Err(Code::UnsupportedMedia.into());
            }
            let bytes = bytes.await.map_err(|error| {
                let too_large = error.as_response_error().status_code() == 413;
                if too_large { Code::TooLarge } else { Code::Malformed }
            })?;
            let value =
                serde_json::from_slice(&bytes).map_err(|error| Problem::new(Code::Malformed, error.to_string()))?;
            Ok(Self { value, digest: Hash::of_parts(&[what.as_bytes(), &bytes]) })
        })
    }
}

/// The client's own name for this request: the same key with the same body gets the same answer.
pub struct Key(pub String);

impl FromRequest for Key {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let key = request.headers().get(IDEMPOTENCY_HEADER).and_then(|value| value.to_str().ok());
        ready(match key {
            None | Some("") => Err(Code::KeyMissing.into()),
            Some(key) if key.len() > IDEMPOTENCY_KEY_MAX_CHARS => {
                Err(Problem::new(Code::InvalidField, "Idempotency-Key: at most 64 characters"))
            }
            Some(key) => Ok(Self(key.to_owned())),
        })
    }
}

/// Who is asking: the holder of the session, or the public. On a method that changes something a session counts only
/// with its CSRF token, which no other site can send.
pub struct Who(pub Viewer);

impl FromRequest for Who {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let desk = request.app_data::<Data<Desk>>().ok_or(Code::Internal.into());
        ready(desk.and_then(|desk| who(request, desk)).map(Self))
    }
}

/// The viewer behind a request's session cookie; the public without one.
pub fn who(request: &HttpRequest, desk: &Desk) -> Result<Viewer, Problem> {
    let Some(cookie) = request.cookie(SESSION_COOKIE) else { return Ok(Viewer::public()) };
    let viewer = desk.identity.viewer_of(cookie.value(), desk.now())?;
    if let Some(account) = viewer.account {
        request.extensions_mut().insert(Holder(account));
    }
    if !request.method().is_safe() {
        let csrf = request.headers().get(CSRF_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        desk.identity.check_csrf(&viewer, csrf)?;
    }
    Ok(viewer)
}

/// The account behind a request's session, for the log of what it was refused.
#[derive(Debug, Clone, Copy)]
pub struct Holder(pub Id);

/// What routes need to know of the deployment; app data.
#[derive(Debug, Clone, Default)]
pub struct HttpSettings {
    /// Whether a reverse proxy in front sets `X-Forwarded-For`.
    pub behind_proxy: bool,
    /// Exact `Origin` values that browsers may open the stream from.
    pub web_origins: Vec<String>,
}

/// The network that a request comes from, for throttling. Behind a proxy the last hop that it added counts.
pub fn network(request: &HttpRequest) -> Network {
    Network::of(address(request).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
}

/// The address that a request comes from.
pub fn address(request: &HttpRequest) -> Option<IpAddr> {
    let behind_proxy = request.app_data::<Data<HttpSettings>>().is_some_and(|settings| settings.behind_proxy);
    let forwarded = || {
        let header = request.headers().get_all("X-Forwarded-For").last()?.to_str().ok()?;
        header.rsplit(',').next()?.trim().parse().ok()
    };
    let peer = request.peer_addr().map(|address| address.ip());
    if behind_proxy { forwarded().or(peer) } else { peer }
}

/// The token of the request's session, as its cookie carries it.
pub fn session_token(request: &HttpRequest) -> Option<String> {
    request.cookie(SESSION_COOKIE).map(|cookie| cookie.value().to_owned())
}

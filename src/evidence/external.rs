//! Footage that other systems record and keep. A clip of theirs is a reference: where it lies, what was served when it was
//! asked for, and what the other system says is missing. Nothing of it is vouched for but the digest of what came then.

use std::fmt;
use std::io::Read as _;
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::address::{ASKED, REFERRED};
use super::{Address, AddressError, Login, Networks};
use crate::base::limits::{ELSEWHERE_ANSWER_MAX, ELSEWHERE_LIST_MAX_BYTES, EXPORT_MAX_BYTES, GAP_MIN};
use crate::base::{Hash, Id, Micros, Span};
use crate::ledger::media::{Cause, External, Gap, Interval};

/// What a camera's row says when the camera is recorded here.
pub const RECORDED_HERE: &str = "rtsp";

/// A camera that another system records, and how that system is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    system: System,
    address: Address,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    /// Its playback server: `/list` says what there is, `/get` gives it. The address is that server's with the stream's path.
    MediaMtx,
    /// Its address with the camera's name as path.
    Frigate,
    /// Video platforms of ONVIF (profile G) and GB/T 28181, which have one address for each interval: a template.
    Onvif,
    Gb28181,
}

impl System {
    const ALL: [Self; 4] = [Self::MediaMtx, Self::Frigate, Self::Onvif, Self::Gb28181];

    const fn name(self) -> &'static str {
        match self {
            Self::MediaMtx => "mediamtx",
            Self::Frigate => "frigate",
            Self::Onvif => "onvif",
            Self::Gb28181 => "gb28181",
        }
    }
}

/// What the other system answered about an interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub external: External,
    /// What it says that it has of the interval; `None` when it does not say.
    pub served: Option<Interval>,
    /// From to, and why.
    pub gaps: Vec<(Micros, Micros, Cause)>,
}

/// Why a source is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ElsewhereError {
    #[error("{0:?}: one of rtsp, mediamtx, frigate, onvif, gb28181")]
    Source(String),
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error("the address must end with the name of the stream or camera")]
    NoName,
    #[error(
        "the address must say where the time goes: {{start}}, {{start_unix}} or {{start_compact}}, and the same for the end"
    )]
    NoTime,
}

impl Elsewhere {
    /// `source` as a camera's row has it; not for cameras that are recorded here.
    pub fn of(source: &str, address: &str) -> Result<Self, ElsewhereError> {
        let known = System::ALL.into_iter().find(|system| system.name() == source);
        let system = known.ok_or_else(|| ElsewhereError::Source(source.to_owned()))?;
        let is_template = matches!(system, System::Onvif | System::Gb28181);
        let address = Address::of(address, if is_template { REFERRED } else { ASKED })?;
        if !is_template && address.path().trim_matches('/').is_empty() {
            return Err(ElsewhereError::NoName);
        }
        if is_template && !(address.path().contains("{start") && address.path().contains("{end")) {
            return Err(ElsewhereError::NoTime);
        }
        Ok(Self { system, address })
    }

    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Asks for the interval. What cannot be had is a gap, with the reason.
    pub fn ask(&self, asked: Interval, networks: &Networks, login: Option<&Login>) -> Answer {
        let away = Asking::new(networks, login);
        match self.system {
            System::MediaMtx => self.of_mediamtx(asked, &away),
            _ => self.of_one_address(asked, &away),
        }
    }

    fn of_mediamtx(&self, asked: Interval, away: &Asking) -> Answer {
        let (base, path) = (self.address.base(), encoded(self.address.path().trim_matches('/')));
        let (start, end) = (encoded(&asked.from.to_string()), encoded(&asked.to.to_string()));
        let listed = away.list(&format!("{base}/list?path={path}&start={start}&end={end}"));
        let listed = listed.unwrap_or_else(|why| {
            tracing::warn!(%why, system = "mediamtx", "another recorder cannot be asked what it has");
            Err(Cause::Network)
        });
        let get = |served: Interval| {
            let (start, span) = (encoded(&served.from.to_string()), served.to.since(served.from));
            format!("{base}/get?path={path}&start={start}&duration={}&format=mp4", seconds(span))
        };
        let (held, cause) = match listed {
            Ok(spans) => (within(&spans, asked), Cause::CameraGone),
            Err(cause) => (Vec::new(), cause),
        };
        let Some(first) = held.first().copied() else {
            let external = External { digest: None, system: self.system.name().into(), url: get(asked) };
            return Answer { external, served: None, gaps: vec![(asked.from, asked.to, cause)] };
        };
        // It gives what hangs together, so a clip is the first stretch of it, and the rest a gap.
        let mut gaps = missing(&[first], asked);
        let url = get(first);
        let digest = away.digest(&url);
        if digest.is_none() {
            gaps = vec![(asked.from, asked.to, Cause::Network)];
        }
        let served = digest.is_some().then_some(first);
        Answer { external: External { digest, system: self.system.name().into(), url }, served, gaps }
    }

    /// What the other system gives now for a reference that it gave before. The login goes to that system only.
    pub fn fetch(&self, url: &str, networks: &Networks, login: Option<&Login>) -> Option<Vec<u8>> {
        if self.address.scheme == "rtsp" || !url.starts_with(&format!("{}/", self.address.base())) {
            return None;
        }
        let read = || -> Result<Vec<u8>, String> {
            let mut answer = Asking::new(networks, login).get(url)?;
            if answer.status().as_u16() != 200 {
                return Err(format!("status {}", answer.status().as_u16()));
            }
            let limit = u64::try_from(EXPORT_MAX_BYTES).unwrap_or(u64::MAX);
            answer.body_mut().with_config().limit(limit).read_to_vec().map_err(|error| error.to_string())
        };
        read().inspect_err(|why| tracing::warn!(%why, "another recorder's footage cannot be played")).ok()
    }

    /// Systems that have one address for an interval and say nothing beyond it.
    fn of_one_address(&self, asked: Interval, away: &Asking) -> Answer {
        let url = self.filled(asked);
        let system = self.system.name().to_owned();
        if self.address.scheme == "rtsp" {
            // A stream has no bytes of its own to be hashed.
            return Answer { external: External { digest: None, system, url }, served: None, gaps: Vec::new() };
        }
        let digest = away.digest(&url);
        let gaps = if digest.is_none() { vec![(asked.from, asked.to, Cause::Network)] } else { Vec::new() };
        let served = digest.is_some().then_some(asked);
        Answer { external: External { digest, system, url }, served, gaps }
    }

    fn filled(&self, asked: Interval) -> String {
        if self.system == System::Frigate {
            let (base, camera) = (self.address.base(), self.address.path().trim_matches('/'));
            let (start, end) = (unix(asked.from), unix(asked.to.plus(Span::micros(999_999))));
            return format!("{base}/api/{camera}/start/{start}/end/{end}/clip.mp4");
        }
        let mut url = self.address.to_string();
        for (name, at) in [("start", asked.from), ("end", asked.to)] {
            let text = at.to_string();
            let compact: String = text.chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
            url = url.replace(&format!("{{{name}_unix}}"), &unix(at).to_string());
            url = url.replace(&format!("{{{name}_compact}}"), &format!("{compact}Z"));
            url = url.replace(&format!("{{{name}}}"), &encoded(&text));
        }
        url.replace("{duration}", &seconds(asked.to.since(asked.from)))
    }
}

/// Gaps of a camera as a clip lists them.
pub fn gaps_of(camera: Id, gaps: &[(Micros, Micros, Cause)]) -> Vec<Gap> {
    gaps.iter().map(|(from, to, cause)| Gap { camera, cause: *cause, from: *from, to: *to }).collect()
}

const fn unix(at: Micros) -> i64 {
    at.get().div_euclid(1_000_000)
}

fn seconds(span: Span) -> String {
    format!("{}.{:06}", span.get() / 1_000_000, span.get() % 1_000_000)
}

/// RFC 3986 §2.1; what needs no escape is what §2.3 leaves alone.
pub fn encoded(text: &str) -> String {
    use fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// The parts of `spans` that lie within, in order of time.
fn within(spans: &[Interval], asked: Interval) -> Vec<Interval> {
    let cut = |span: &Interval| Interval { from: span.from.max(asked.from), to: span.to.min(asked.to) };
    let mut found: Vec<Interval> = spans.iter().map(cut).filter(|span| span.from < span.to).collect();
    found.sort_unstable_by_key(|span| span.from);
    found
}

/// What of the interval none of `held` covers; a moment less than a gap's least length is unevenness.
fn missing(held: &[Interval], asked: Interval) -> Vec<(Micros, Micros, Cause)> {
    let mut at = asked.from;
    let mut gaps = Vec::new();
    for span in held.iter().chain([&Interval { from: asked.to, to: asked.to }]) {
        if span.from > at && span.from.since(at) >= GAP_MIN {
            gaps.push((at, span.from, Cause::CameraGone));
        }
        at = at.max(span.to);
    }
    gaps
}

/// As `MediaMTX` lists it.
#[derive(Deserialize)]
struct Listed {
    start: String,
    /// Seconds.
    duration: serde_json::Number,
}

/// A time as other systems write it.
pub fn rfc3339(text: &str) -> Option<Micros> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Micros::new(i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000)).ok()?)
}

impl Listed {
    fn interval(&self) -> Option<Interval> {
        let from = rfc3339(&self.start)?;
        Some(Interval { from, to: from.plus(span(&self.duration.to_string())?) })
    }
}

/// `12.34` as microseconds.
fn span(text: &str) -> Option<Span> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let whole = whole.parse::<u64>().ok()?.checked_mul(1_000_000)?;
    Some(Span::micros(whole.checked_add(fraction.parse().ok()?)?))
}

/// Names are resolved here, and lead nowhere but into the networks that cameras may be in.
struct Fenced {
    networks: Networks,
    dns: DefaultResolver,
}

impl fmt::Debug for Fenced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fenced({:?})", self.networks)
    }
}

impl Resolver for Fenced {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.dns.resolve(uri, config, timeout)?;
        let mut allowed = self.empty();
        for address in found.iter().filter(|address| self.networks.contain(address.ip())) {
            allowed.push(*address);
        }
        if allowed.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(allowed) }
    }
}

/// A way to other systems, with the login that they ask for (RFC 7617).
struct Asking {
    agent: Agent,
    authorization: Option<zeroize::Zeroizing<String>>,
}

impl Asking {
    fn new(networks: &Networks, login: Option<&Login>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_micros(ELSEWHERE_ANSWER_MAX.get())))
            .build();
        let fenced = Fenced { networks: networks.clone(), dns: DefaultResolver::default() };
        let authorization = login.map(|Login { user, password }| {
            let pair = zeroize::Zeroizing::new(format!("{user}:{}", password.as_str()));
            zeroize::Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
        });
        Self { agent: Agent::with_parts(config, DefaultConnector::default(), fenced), authorization }
    }

    fn get(&self, url: &str) -> Result<ureq::http::Response<ureq::Body>, String> {
        let mut request = self.agent.get(url);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization.as_str());
        }
        request.call().map_err(|error| error.to_string())
    }

    /// What it says that it has; the inner error is a cause that it names itself: nothing recorded.
    fn list(&self, url: &str) -> Result<Result<Vec<Interval>, Cause>, String> {
        let mut answer = self.get(url)?;
        match answer.status().as_u16() {
            200 => {}
            // It knows the path and has nothing in the interval.
            404 => return Ok(Err(Cause::CameraGone)),
            status => return Err(format!("status {status}")),
        }
        let bytes = answer.body_mut().with_config().limit(ELSEWHERE_LIST_MAX_BYTES).read_to_vec();
        let listed: Vec<Listed> =
            serde_json::from_slice(&bytes.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
        let spans = listed.iter().map(|one| one.interval().ok_or("a span of time that cannot be read"));
        Ok(Ok(spans.collect::<Result<_, _>>()?))
    }

    /// SHA-256 of what is served, read through once; `None` when it cannot be had whole.
    fn digest(&self, url: &str) -> Option<Hash> {
        let read = || -> Result<Hash, String> {
            let mut answer = self.get(url)?;
            if answer.status().as_u16() != 200 {
                return Err(format!("status {}", answer.status().as_u16()));
            }
            let limit = u64::try_from(EXPORT_MAX_BYTES).unwrap_or(u64::MAX);
            let mut body = answer.body_mut().with_config().limit(limit).reader();
            let (mut digest, mut buffer, mut size) = (Sha256::new(), vec![0; 64 * 1_024], 0_usize);
            loop {
                let count = body.read(&mut buffer).map_err(|error| error.to_string())?;
                let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
                digest.update(bytes);
                size += count;
            }
            if size == 0 { Err("nothing was served".into()) } else { Ok(Hash(digest.finalize().into())) }
        };
        read().inspect_err(|why| tracing::warn!(%why, "another recorder's footage cannot be read")).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Micros {
        text.parse().unwrap()
    }

    fn asked() -> Interval {
        Interval { from: at("2026-11-23T04:05:06.500000Z"), to: at("2026-11-23T04:05:36.500000Z") }
    }

    #[test]
    fn addresses_of_an_interval() {
        for (source, address, url) in [
            (
                "frigate",
                "http://10.0.0.9:5000/hall",
                "http://10.0.0.9:5000/api/hall/start/1795406706/end/1795406737/clip.mp4",
            ),
            (
                "gb28181",
                "https://10.0.0.9/playback/34020000001320000001?startTime={start_unix}&endTime={end_unix}",
                "https://10.0.0.9:443/playback/34020000001320000001?startTime=1795406706&endTime=1795406736",
            ),
            (
                "onvif",
                "rtsp://10.0.0.9/replay?range={start_compact}-{end_compact}&for={duration}",
                "rtsp://10.0.0.9:554/replay?range=20261123T040506Z-20261123T040536Z&for=30.000000",
            ),
        ] {
            assert_eq!(Elsewhere::of(source, address).unwrap().filled(asked()), url);
        }
        for (source, address) in [
            ("rtsp", "rtsp://10.0.0.9/live"),
            ("mediamtx", "http://10.0.0.9:9996"),
            ("mediamtx", "rtsp://10.0.0.9/hall"),
            ("frigate", "http://u:p@10.0.0.9/hall"),
            ("onvif", "http://10.0.0.9/replay"),
        ] {
            assert!(Elsewhere::of(source, address).is_err(), "{source} {address}");
        }
    }

    #[test]
    fn what_a_list_leaves_open_is_a_gap() {
        let listed = r#"[{"start":"2026-11-23T12:04:00.5+08:00","duration":70.25,"url":"x"},
            {"start":"2026-11-23T04:05:20Z","duration":60}]"#;
        let listed: Vec<Listed> = serde_json::from_str(listed).unwrap();
        let spans: Vec<Interval> = listed.iter().map(|one| one.interval().unwrap()).collect();
        assert_eq!(spans[0].to, at("2026-11-23T04:05:10.750000Z"));
        let held = within(&spans, asked());
        assert_eq!(
            missing(&held, asked()),
            [(at("2026-11-23T04:05:10.750000Z"), at("2026-11-23T04:05:20.000000Z"), Cause::CameraGone)]
        );
        let first = missing(&held[..1], asked());
        assert_eq!(first, [(at("2026-11-23T04:05:10.750000Z"), asked().to, Cause::CameraGone)]);
        assert_eq!(span("1e9"), None);
    }
}

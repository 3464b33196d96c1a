//! A recorder's host in another process: the same questions over HTTP, with a token that names the recorder. Whichever node
//! of a deployment is asked, the one that writes answers.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use ureq::Agent;
use zeroize::Zeroizing;

use super::host::{Host, Orders};
use super::kept::Kept;
use super::{Login, Report};
use crate::base::limits::{RECORDER_ANSWER_MAX, REPORTS_PER_REQUEST_MAX};
use crate::base::{Code, Entropy, Id};
use crate::ledger::media::SEGMENTS_RECORDED;
use crate::sequencer::Record;

/// Orders for some hundred cameras.
const ANSWER_MAX_BYTES: u64 = 1_024 * 1_024;

/// What a recorder says of itself when it asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    pub holder: Id,
    pub reports: Vec<Report>,
}

/// A camera's login on its way to the recorder that needs it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentLogin {
    pub user: String,
    pub password: Zeroizing<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextSegment {
    pub next: u64,
}

/// The record that a recorder wants written; its author is the recorder that the token names.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToWrite {
    pub kind: String,
    pub subject: String,
    pub data: serde_json::Value,
}

/// The way to the server.
pub struct Remote {
    agent: Agent,
    /// `http://host:port/api/v1/recorder`.
    base: String,
    token: Zeroizing<String>,
    /// Which of the centres behind that address is meant, where the address does not say.
    centre: Option<String>,
    /// Orders and logins as they were last given: cameras are read while the server is away, too.
    kept: Kept,
}

/// RFC 9457, of which the code is enough.
#[derive(Deserialize)]
struct OfProblem {
    code: String,
}

/// Why a server's address is not accepted.
#[derive(Debug, thiserror::Error)]
#[error("{0}: expected https://host, or http:// on this machine: what goes there is a password")]
pub struct NotAServer(String);

impl Remote {
    /// `server`: `https://host[:port]`, or `http://` on the loopback interface.
    pub fn new(server: &str, token: Zeroizing<String>) -> Result<Self, NotAServer> {
        let bad = || NotAServer(server.to_owned());
        let uri: ureq::http::Uri = server.parse().map_err(|_| bad())?;
        let host = uri.host().ok_or_else(bad)?.trim_matches(['[', ']']);
        let is_here = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        if uri.scheme_str() != Some("https") && !(uri.scheme_str() == Some("http") && is_here) {
            return Err(bad());
        }
        Ok(Self::at(server, None, token))
    }

    /// The server of this very process, on the address that it listens on.
    pub fn on_this_machine(listen: SocketAddr, centre: Option<String>, token: Zeroizing<String>) -> Self {
        let ip = match listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        Self::at(&format!("http://{}", SocketAddr::new(ip, listen.port())), centre, token)
    }

    fn at(server: &str, centre: Option<String>, token: Zeroizing<String>) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_micros(RECORDER_ANSWER_MAX.get())))
            .build()
            .new_agent();
        let base = format!("{}/api/v1/recorder", server.trim_end_matches('/'));
        Self { agent, base, token, centre, kept: Kept::in_memory() }
    }

    /// Keeps what it is told in `folder` as well, so that a recorder that starts while its server is away knows its cameras.
    pub fn keeping(self, folder: &Path, entropy: Arc<dyn Entropy>) -> io::Result<Self> {
        Ok(Self { kept: Kept::open(folder, &self.token, entropy)?, ..self })
    }

    fn ask<T: DeserializeOwned>(&self, path: &str, body: Option<&impl Serialize>) -> Result<T, Code> {
        let uri = format!("{}/{path}", self.base);
        let authorization = Zeroizing::new(format!("Bearer {}", self.token.as_str()));
        let method = if body.is_some() { "POST" } else { "GET" };
        let mut request = ureq::http::Request::builder().method(method).uri(&uri);
        request = request.header("Authorization", authorization.as_str());
        if let Some(centre) = &self.centre {
            request = request.header("Host", centre);
        }
        let sent = match body.map(serde_json::to_vec).transpose().map_err(|_| Code::Internal)? {
            None => self.agent.run(request.body(()).map_err(|_| Code::Internal)?),
            Some(bytes) => {
                let request = request.header("Content-Type", "application/json");
                self.agent.run(request.body(bytes).map_err(|_| Code::Internal)?)
            }
        };
        let unanswered = |error: ureq::Error| {
            tracing::debug!(%error, "the server does not answer");
            Code::OutcomeUnknown
        };
        let mut answer = sent.map_err(unanswered)?;
        let is_good = answer.status().is_success();
        let bytes = answer.body_mut().with_config().limit(ANSWER_MAX_BYTES).read_to_vec().map_err(unanswered)?;
        if is_good {
            return serde_json::from_slice(&bytes).map_err(|_| Code::OutcomeUnknown);
        }
        let code = serde_json::from_slice::<OfProblem>(&bytes).ok().and_then(|problem| problem.code.parse().ok());
        Err(code.unwrap_or(Code::OutcomeUnknown))
    }
}

impl Host for Remote {
    fn look(&self, holder: Id, reports: &[Report]) -> Result<Orders, Code> {
        let mut orders = None;
        // Also without a report there is something to ask.
        let chunks = reports.chunks(REPORTS_PER_REQUEST_MAX).chain(reports.is_empty().then_some(&[][..]));
        for reports in chunks {
            let look = Look { holder, reports: reports.to_vec() };
            orders = Some(self.ask("look", Some(&look))?);
        }
        let orders = orders.ok_or(Code::Internal)?;
        self.kept.tell(&orders);
        Ok(orders)
    }

    fn told_last(&self) -> Option<Orders> {
        self.kept.orders()
    }

    fn login(&self, camera: Id) -> Option<Login> {
        match self.ask::<Option<SentLogin>>(&format!("cameras/{camera}/login"), None::<&()>) {
            Ok(sent) => {
                let login = sent.map(|SentLogin { user, password }| Login { user, password });
                self.kept.keep_login(camera, login.as_ref());
                login
            }
            Err(code) => {
                tracing::warn!(%code, %camera, "a camera's login is not told; the last one known is used");
                self.kept.login(camera)
            }
        }
    }

    fn next_segment(&self, run: Id) -> Result<u64, Code> {
        let answer: NextSegment = self.ask(&format!("runs/{run}"), None::<&()>)?;
        Ok(answer.next)
    }

    fn write(&self, record: &Record) -> Result<(), Code> {
        let Record { kind, subject, data, .. } = record.clone();
        let written: Written = self.ask("entries", Some(&ToWrite { kind, subject, data }))?;
        tracing::debug!(seq = written.seq, kind = record.kind, "written");
        if record.kind == SEGMENTS_RECORDED
            && let Ok(data) = serde_json::from_value(record.data.clone())
        {
            self.kept.written(&data);
        }
        Ok(())
    }
}

/// Where a record stands.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    pub seq: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_goes_over_a_network_in_the_clear() {
        for (server, good) in [
            ("https://trade.example.org", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("http://localhost:8080/", true),
            ("http://10.0.0.7:8080", false),
            ("http://trade.example.org", false),
            ("ftp://127.0.0.1", false),
            ("127.0.0.1:8080", false),
        ] {
            assert_eq!(Remote::new(server, Zeroizing::default()).is_ok(), good, "{server}");
        }
    }
}

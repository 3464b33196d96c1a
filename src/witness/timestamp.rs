//! A timestamp authority (RFC 3161), which has nothing to do with the log: it says at what time it was shown a checkpoint.

use std::time::Duration;

use ureq::Agent;

use crate::base::Micros;
use crate::base::limits::{TIMESTAMP_MAX_BYTES, WITNESS_ANSWER_MAX};
use crate::ledger::token::{Certificate, TokenError, answered, certificates_of, request};

/// Why there is no timestamp.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoTimestamp {
    #[error("the timestamp authority does not answer: {0}")]
    Silent(String),
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// A token and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timestamp {
    /// RFC 3161 `TimeStampToken` in DER, as it came.
    pub token: Vec<u8>,
    /// The authority's clock.
    pub at: Micros,
}

/// Whoever puts the time on what he is shown.
pub struct Authority {
    agent: Agent,
    url: String,
    certificate: Certificate,
}

impl Authority {
    /// `certificate` is the authority's own, in PEM.
    pub fn new(url: &str, certificate: &[u8]) -> Result<Self, TokenError> {
        let own = certificates_of(certificate)?.swap_remove(0);
        let wait = Duration::from_micros(WITNESS_ANSWER_MAX.get());
        let agent = Agent::config_builder().http_status_as_error(false).timeout_global(Some(wait)).build().into();
        Ok(Self { agent, url: url.to_owned(), certificate: own })
    }

    /// Shows the authority the hash of `text`. `nonce` must be fresh: it keeps an old answer from being taken for a new one.
    pub fn stamp(&self, text: &[u8], nonce: [u8; 8]) -> Result<Timestamp, NoTimestamp> {
        let query = request(text, nonce)?;
        let lost = |error: ureq::Error| NoTimestamp::Silent(error.to_string());
        let request = self.agent.post(&self.url).header("content-type", "application/timestamp-query");
        let answer = request.send(&query[..]).map_err(lost)?;
        if answer.status().as_u16() != 200 {
            return Err(NoTimestamp::Silent(format!("status {}", answer.status())));
        }
        let limit = u64::try_from(TIMESTAMP_MAX_BYTES).unwrap_or(u64::MAX);
        let bytes = answer.into_body().into_with_config().limit(limit).read_to_vec().map_err(lost)?;
        let (token, at) = answered(&bytes, text, nonce, &self.certificate)?;
        Ok(Timestamp { token, at })
    }
}

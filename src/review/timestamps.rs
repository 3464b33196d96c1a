//! What a verifier must be told about timestamps (RFC 3161): whose they are. What can be told from the ledger alone, that each
//! is of a tree which this ledger had and fits its times, is `verify`'s.

use std::fmt::Debug;

#[cfg(feature = "timestamps")]
use x509_cert::Certificate;

use crate::base::Micros;
#[cfg(feature = "timestamps")]
use crate::ledger::token::{self, TokenError, certificates_of};

/// Authorities whose certificates the verifier brought.
pub trait Authorities: Debug + Send + Sync {
    /// When one of them was shown `text`, by `token`, a `TimeStampToken` in DER.
    fn time_of(&self, token: &[u8], text: &[u8]) -> Result<Micros, NotTimed>;
}

/// The token does not say when.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTimed {
    /// It names a certificate that is not at hand: nothing can be said of it.
    #[error("of an authority whose certificate is not at hand")]
    Stranger,
    #[error("{0}")]
    Bad(String),
}

/// The certificates of authorities that a verifier believes.
#[cfg(feature = "timestamps")]
#[derive(Debug, Clone, Default)]
pub struct Certificates(Vec<Certificate>);

#[cfg(feature = "timestamps")]
impl Certificates {
    /// Takes those of a file in PEM, one or several, beside those that are there.
    pub fn add(&mut self, pem: &[u8]) -> Result<(), TokenError> {
        self.0.extend(certificates_of(pem)?);
        Ok(())
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(feature = "timestamps")]
impl Authorities for Certificates {
    fn time_of(&self, token: &[u8], text: &[u8]) -> Result<Micros, NotTimed> {
        let mut verdict = NotTimed::Stranger;
        for certificate in &self.0 {
            match token::time_of(token, text, certificate) {
                Ok(at) => return Ok(at),
                Err(TokenError::Stranger) => {}
                Err(error) => verdict = NotTimed::Bad(error.to_string()),
            }
        }
        Err(verdict)
    }
}

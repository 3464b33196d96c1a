//! Authorities by their certificates: what a verifier brings that can check RFC 3161 tokens.

use super::timestamps::{Authorities, NotTimed};
use crate::base::Micros;
use crate::ledger::token::{self, Certificate, TokenError, certificates_of};

/// The certificates of authorities that a verifier believes.
#[derive(Debug, Clone, Default)]
pub struct Certificates(Vec<Certificate>);

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

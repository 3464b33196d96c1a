//! What a verifier must be told about timestamps (RFC 3161): whose they are. What can be told from the ledger alone, that each
//! is of a tree which this ledger had and fits its times, is `verify`'s.

use std::fmt::Debug;

use crate::base::Micros;

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

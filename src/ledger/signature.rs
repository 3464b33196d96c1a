//! The one rule by which an Ed25519 signature holds, in the server, the verifier and the browser: RFC 8032 without
//! cofactor, S below the group order, R and the key canonically encoded and neither of small order, one signature at a
//! time. Batch verification is never used: it accepts what single verification refuses.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use super::note::{NoteSignature, VerifierKey};
use crate::base::Jwk;

pub const PUBLIC_KEY_BYTES: usize = 32;
pub const SIGNATURE_BYTES: usize = 64;

/// A key that the rule admits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// The bytes are not the canonical encoding of a curve point, or the point has small order, for which signatures hold
/// that nobody made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a usable Ed25519 public key")]
pub struct WeakKey;

/// The signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not hold")]
pub struct BadSignature;

impl PublicKey {
    pub fn from_bytes(bytes: &[u8; PUBLIC_KEY_BYTES]) -> Result<Self, WeakKey> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| WeakKey)?;
        // Decompression takes y modulo p and a sign for x = 0; compressing again tells such spellings apart.
        let canonical = key.to_edwards().compress().as_bytes() == bytes;
        if canonical && !key.is_weak() { Ok(Self(key)) } else { Err(WeakKey) }
    }

    pub fn as_bytes(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        self.0.as_bytes()
    }

    /// The key of a JWK, unless it is a weak one.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, WeakKey> {
        Self::from_bytes(&jwk.0)
    }

    pub fn jwk(&self) -> Jwk {
        Jwk(*self.as_bytes())
    }

    /// Whether `signature` over `message` holds.
    pub fn verify(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> Result<(), BadSignature> {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).map_err(|_| BadSignature)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", STANDARD.encode(self.as_bytes()))
    }
}

/// Holds a private key somewhere: in memory, in a file's seed, in a device. The platform asks for nothing but these, so
/// that a hardware module can take a file's place.
pub trait Signer: Send + Sync {
    fn public(&self) -> PublicKey;
    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SignerError>;

    /// Lines of other kinds that the holder of this key puts beside that of the log's key under each note.
    fn further_lines(&self, _text: &str, _log: &VerifierKey) -> Result<Vec<NoteSignature>, SignerError> {
        Ok(Vec::new())
    }
}

/// The private key could not be used; nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot sign: {0}")]
pub struct SignerError(pub String);

/// A private key in memory.
#[derive(Clone)]
pub struct SeedSigner {
    key: SigningKey,
    public: PublicKey,
}

impl SeedSigner {
    /// From the 32-byte seed of RFC 8032 §5.1.5.
    pub fn new(seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        // A clamped scalar is a multiple of 8 below 2^255 and at least 2^254: its point is canonical, never of small
        // order, so it need not go through `PublicKey::from_bytes`.
        let public = PublicKey(key.verifying_key());
        Self { key, public }
    }
}

impl Signer for SeedSigner {
    fn public(&self) -> PublicKey {
        self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SignerError> {
        Ok(self.key.sign(message).to_bytes())
    }
}

/// Never shows the private half.
impl fmt::Debug for SeedSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SeedSigner({:?})", self.public)
    }
}

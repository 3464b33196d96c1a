//! RFC 8037 keys (`OKP`, `Ed25519`) and their RFC 7638 thumbprints.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::signature::{PUBLIC_KEY_BYTES, PublicKey, WeakKey};
use crate::base::Hash;

/// A public key as it stands in JSON: `{"crv":"Ed25519","kty":"OKP","x":"…"}`, exactly these members. It may still be a
/// weak one: [`Jwk::public_key`] decides.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Jwk {
    x: [u8; PUBLIC_KEY_BYTES],
}

/// The SHA-256 of a key's canonical JSON (RFC 7638), spelled in base64url: the `kid` of a statement.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thumbprint(pub Hash);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    crv: String,
    kty: String,
    x: String,
}

impl Jwk {
    pub fn new(key: &PublicKey) -> Self {
        Self { x: *key.as_bytes() }
    }

    pub fn public_key(&self) -> Result<PublicKey, WeakKey> {
        PublicKey::from_bytes(&self.x)
    }

    pub fn thumbprint(&self) -> Thumbprint {
        let x = URL_SAFE_NO_PAD.encode(self.x);
        Thumbprint(Hash::of(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#).as_bytes()))
    }
}

impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jwk({})", URL_SAFE_NO_PAD.encode(self.x))
    }
}

impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Members { crv: "Ed25519".to_owned(), kty: "OKP".to_owned(), x: URL_SAFE_NO_PAD.encode(self.x) }.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Jwk {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let Members { crv, kty, x } = Members::deserialize(d)?;
        if crv != "Ed25519" || kty != "OKP" {
            return Err(D::Error::custom("expected an OKP key on the curve Ed25519"));
        }
        decode_32(&x).map(|x| Self { x }).ok_or_else(|| D::Error::custom("expected 32 bytes of base64url"))
    }
}

fn decode_32(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

impl Thumbprint {
    pub fn parse(text: &str) -> Option<Self> {
        decode_32(text).map(|bytes| Self(Hash(bytes)))
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

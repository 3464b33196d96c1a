//! RFC 8037 keys (`OKP`, `Ed25519`) and their RFC 7638 thumbprints.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::Hash;

/// The 32 bytes of a public key, in JSON `{"crv":"Ed25519","kty":"OKP","x":"…"}`, exactly these members. It may be a
/// weak one: `ledger::signature::PublicKey` decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Jwk(pub [u8; 32]);

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
    pub fn thumbprint(&self) -> Thumbprint {
        let x = URL_SAFE_NO_PAD.encode(self.0);
        Thumbprint(Hash::of(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#).as_bytes()))
    }
}

impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jwk({})", URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Members { crv: "Ed25519".to_owned(), kty: "OKP".to_owned(), x: URL_SAFE_NO_PAD.encode(self.0) }.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Jwk {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let Members { crv, kty, x } = Members::deserialize(d)?;
        if crv != "Ed25519" || kty != "OKP" {
            return Err(D::Error::custom("expected an OKP key on the curve Ed25519"));
        }
        decode_32(&x).map(Self).ok_or_else(|| D::Error::custom("expected 32 bytes of base64url"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbprint_of_the_published_vector() {
        // ledger-format vectors, key "lot".
        let jwk: Jwk =
            serde_json::from_str(r#"{"crv":"Ed25519","kty":"OKP","x":"0IZ4IsaXG3anDb6aN8o3ngv2ZoP-oO5nk4e4GNbZAVk"}"#)
                .unwrap();
        assert_eq!(jwk.thumbprint().to_string(), "JQKwDl2GLbBLMtg-cfAhL9rUgtTic0v1lH59WmNesTk");
    }
}

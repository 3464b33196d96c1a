//! An Ed25519 public key as a JWK (RFC 8037 §2): `{"crv":"Ed25519","kty":"OKP","x":"<base64url>"}` and nothing else.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::Hash;

/// The 32 bytes of an Ed25519 public key. Says nothing about whether they are a usable point: `ledger::signature` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Jwk(pub [u8; 32]);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    crv: String,
    kty: String,
    x: String,
}

impl Jwk {
    /// RFC 7638 thumbprint, base64url without padding: the `kid` of statements made with this key.
    pub fn thumbprint(&self) -> String {
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, URL_SAFE_NO_PAD.encode(self.0));
        URL_SAFE_NO_PAD.encode(Hash::of(canonical.as_bytes()).0)
    }
}

impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Wire { crv: "Ed25519".into(), kty: "OKP".into(), x: URL_SAFE_NO_PAD.encode(self.0) }.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Jwk {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(d)?;
        if wire.crv != "Ed25519" || wire.kty != "OKP" {
            return Err(D::Error::custom("only OKP keys on Ed25519 are accepted"));
        }
        let bytes = URL_SAFE_NO_PAD.decode(&wire.x).map_err(D::Error::custom)?;
        bytes.try_into().map(Self).map_err(|_| D::Error::custom("an Ed25519 key has 32 bytes"))
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
        assert_eq!(jwk.thumbprint(), "JQKwDl2GLbBLMtg-cfAhL9rUgtTic0v1lH59WmNesTk");
    }
}

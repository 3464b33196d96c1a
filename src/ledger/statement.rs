//! Ledger format §5: what a bidder signs. A JWS in compact form (RFC 7515, `EdDSA` by RFC 8037), of which exactly one
//! spelling is read: header and claims canonical, exactly the known keys, no choice of algorithm.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::jcs;
use super::origin::Origin;
use super::signature::{PublicKey, SIGNATURE_BYTES, Signer, SignerError, WeakKey};
use crate::base::limits::STATEMENT_MAX_BYTES;
use crate::base::{Code, Fen, Hash, Id, Jwk, Micros, Thumbprint};

/// The newest checkpoint that the bidder's client had verified: with each bid the bidder vouches for that history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    pub root: Hash,
    pub size: u64,
}

/// A bid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BidStatement {
    /// 分 on the price rung; on a later rung its unit, still a decimal string.
    pub amount: Fen,
    pub issued_at: Micros,
    pub ledger: Origin,
    pub lot: Id,
    pub nonce: Nonce,
    /// The bidder's number on this lot.
    pub number: u32,
    /// Absent on the price rung; otherwise the place on the lot's ladder, so that no amount is ever taken for a quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rung: Option<NonZeroU32>,
    pub seen: Seen,
}

/// That a bidder who quoted takes part in the timed auction which follows a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmStatement {
    pub issued_at: Micros,
    pub ledger: Origin,
    pub lot: Id,
    pub nonce: Nonce,
    pub number: u32,
}

/// That a lot key is a company's: signed by its identity key and shown to reviewers only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyBinding {
    pub issued_at: Micros,
    /// The lot key.
    pub key: Jwk,
    pub ledger: Origin,
    pub lot: Id,
}

/// What can be signed as a statement.
pub trait Claims: Serialize + DeserializeOwned {
    /// The header's `typ`: a statement of one type is never read as another.
    const TYPE: &'static str;

    fn ledger(&self) -> &Origin;
    fn lot(&self) -> Id;

    /// Refuses a statement that was made for another ledger or lot.
    fn made_for(&self, ledger: &Origin, lot: Id) -> Result<(), StatementError> {
        if self.ledger() == ledger && self.lot() == lot { Ok(()) } else { Err(StatementError::Mismatch) }
    }
}

macro_rules! claims {
    ($($claims:ty: $name:literal;)*) => {
        $(impl Claims for $claims {
            const TYPE: &'static str = $name;

            fn ledger(&self) -> &Origin {
                &self.ledger
            }

            fn lot(&self) -> Id {
                self.lot
            }
        })*
    };
}

claims! {
    BidStatement: "mj-bid+jws";
    ConfirmStatement: "mj-confirm+jws";
    KeyBinding: "mj-lot-key+jws";
}

/// Why a statement was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    #[error("the statement is not in its one canonical form: {0}")]
    Malformed(&'static str),
    #[error("the statement names another key than the one it is checked against")]
    KeyUnknown,
    #[error("the key is of small order or not canonically encoded")]
    KeyWeak,
    #[error("the statement's signature does not hold")]
    SignatureInvalid,
    #[error("the statement was made for another ledger or lot")]
    Mismatch,
}

impl StatementError {
    pub const fn code(&self) -> Code {
        match self {
            Self::Malformed(_) => Code::StatementMalformed,
            Self::KeyUnknown => Code::KeyUnknown,
            Self::KeyWeak => Code::KeyWeak,
            Self::SignatureInvalid => Code::SignatureInvalid,
            Self::Mismatch => Code::StatementMismatch,
        }
    }
}

impl From<WeakKey> for StatementError {
    fn from(_: WeakKey) -> Self {
        Self::KeyWeak
    }
}

/// A statement that was read and is not believed yet.
#[derive(Debug, Clone)]
pub struct Decoded<'a, C> {
    claims: C,
    kid: Thumbprint,
    signed: &'a str,
    signature: [u8; SIGNATURE_BYTES],
}

/// Reads a statement without believing it.
pub fn decode<C: Claims>(text: &str) -> Result<Decoded<'_, C>, StatementError> {
    let malformed = StatementError::Malformed;
    if text.len() > STATEMENT_MAX_BYTES {
        return Err(malformed("too long"));
    }
    let (signed, signature) = text.rsplit_once('.').ok_or(malformed("not three parts"))?;
    let (header, claims) = signed.split_once('.').ok_or(malformed("not three parts"))?;
    let kid = parse_header(header, C::TYPE).ok_or(malformed("header"))?;
    let signature = base64url(signature).and_then(|s| s.try_into().ok()).ok_or(malformed("signature"))?;
    let bytes = base64url(claims).ok_or(malformed("claims"))?;
    let claims: C = serde_json::from_slice(&bytes).map_err(|_| malformed("claims"))?;
    // What was read must be what was written: no other order, spacing, spelling, `null` or duplicate.
    if jcs::to_canonical(&claims).ok().as_ref() == Some(&bytes) {
        Ok(Decoded { claims, kid, signed, signature })
    } else {
        Err(malformed("claims"))
    }
}

impl<C> Decoded<'_, C> {
    /// Which key it says it was signed with.
    pub fn kid(&self) -> Thumbprint {
        self.kid
    }

    /// What it says; not to be acted upon before [`Decoded::verify`].
    pub fn unverified(&self) -> &C {
        &self.claims
    }

    /// What it says, if `key` signed it.
    pub fn verify(self, key: &PublicKey) -> Result<C, StatementError> {
        if key.jwk().thumbprint() != self.kid {
            return Err(StatementError::KeyUnknown);
        }
        key.verify(self.signed.as_bytes(), &self.signature).map_err(|_| StatementError::SignatureInvalid)?;
        Ok(self.claims)
    }
}

/// The compact JWS of `claims`.
pub fn sign<C: Claims>(claims: &C, signer: &dyn Signer) -> Result<String, SignerError> {
    let kid = signer.public().jwk().thumbprint();
    let header = header(kid, C::TYPE);
    let claims = jcs::to_canonical(claims).map_err(|error| SignerError(error.to_string()))?;
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = signer.sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn header(kid: Thumbprint, typ: &str) -> String {
    format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"{typ}"}}"#)
}

/// The key that the header names, if it is the one header that a statement of this type has.
fn parse_header(encoded: &str, typ: &str) -> Option<Thumbprint> {
    let text = String::from_utf8(base64url(encoded)?).ok()?;
    let (kid, _) = text.strip_prefix(r#"{"alg":"EdDSA","kid":""#)?.split_once('"')?;
    Thumbprint::parse(kid).filter(|kid| header(*kid, typ) == text)
}

/// Refuses padding, other alphabets and left-over bits, so each sequence of bytes has one spelling.
fn base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// A UUID of version 7 (RFC 9562 §5.7) in lower case with hyphens. The same nonce again is the same statement again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce([u8; 16]);

/// The text or the bytes are not a UUID of version 7 in its one spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a nonce: expected a UUID of version 7 in lower case")]
pub struct NotANonce;

impl Nonce {
    /// From a time and ten random bytes, of which six bits give way to version and variant.
    pub fn new(at: Micros, random: [u8; 10]) -> Self {
        let millis = u64::try_from(at.get() / 1_000).unwrap_or(0);
        let [_, _, m0, m1, m2, m3, m4, m5] = millis.to_be_bytes();
        let [r0, r1, r2, rest @ ..] = random;
        let [r3, r4, r5, r6, r7, r8, r9] = rest;
        Self([m0, m1, m2, m3, m4, m5, 0x70 | r0 & 0x0f, r1, 0x80 | r2 & 0x3f, r3, r4, r5, r6, r7, r8, r9])
    }

    pub fn from_bytes(bytes: [u8; 16]) -> Result<Self, NotANonce> {
        let [_, _, _, _, _, _, version, _, variant, ..] = bytes;
        if version >> 4 == 7 && variant >> 6 == 0b10 { Ok(Self(bytes)) } else { Err(NotANonce) }
    }

    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            let hyphen = if matches!(i, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{hyphen}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Nonce {
    type Err = NotANonce;

    fn from_str(text: &str) -> Result<Self, NotANonce> {
        let digits = text.bytes().filter(|byte| *byte != b'-').collect::<Vec<u8>>();
        let (pairs, rest) = digits.as_chunks::<2>();
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
        let nonce = Self::from_bytes(bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(NotANonce)?)?;
        // Compared with its own spelling: hyphens stand where they belong and letters are small.
        if rest.is_empty() && nonce.to_string() == text { Ok(nonce) } else { Err(NotANonce) }
    }
}

impl Serialize for Nonce {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Nonce {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(D::Error::custom)
    }
}

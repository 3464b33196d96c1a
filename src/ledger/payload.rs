//! Ledger format §2: what happened. The stored bytes are the truth; they are hashed and served as they are.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::Value;

use super::jcs::{self, JcsError};
use crate::base::limits::PAYLOAD_MAX_BYTES;

/// A payload that was read from its bytes. To write one, use [`encode`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// Who caused it: a role-scoped id such as `bidder/3`.
    pub actor: String,
    /// Event type, `area.past_tense`.
    pub kind: String,
    /// What it happened to, such as `lot/01JD…`.
    pub subject: String,
    /// Keeps a hidden payload from being guessed from its hash.
    pub salt: [u8; 16],
    /// The event's own fields, always an object.
    pub data: Value,
}

/// Why bytes are not a payload, or why an event cannot become one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    #[error("payload: {0}")]
    Jcs(#[from] JcsError),
    #[error("payload: larger than {PAYLOAD_MAX_BYTES} bytes")]
    TooLarge,
    #[error("payload: not an object with exactly the keys actor, data, kind, salt, subject")]
    Shape,
    #[error("payload: salt is not 22 characters of base64url")]
    Salt,
}

/// The canonical bytes of an event; `data` must serialise to an object.
pub fn encode<T: Serialize + ?Sized>(
    actor: &str,
    kind: &str,
    data: &T,
    salt: &[u8; 16],
    subject: &str,
) -> Result<Vec<u8>, PayloadError> {
    let data = jcs::to_value(data)?;
    if !data.is_object() {
        return Err(PayloadError::Shape);
    }
    let mut out = Vec::with_capacity(1_536);
    out.extend_from_slice(br#"{"actor":"#);
    jcs::write_string(&mut out, actor);
    out.extend_from_slice(br#","data":"#);
    jcs::write_value(&mut out, &data, 1)?;
    out.extend_from_slice(br#","kind":"#);
    jcs::write_string(&mut out, kind);
    out.extend_from_slice(br#","salt":"#);
    jcs::write_string(&mut out, &URL_SAFE_NO_PAD.encode(salt));
    out.extend_from_slice(br#","subject":"#);
    jcs::write_string(&mut out, subject);
    out.push(b'}');
    if out.len() > PAYLOAD_MAX_BYTES { Err(PayloadError::TooLarge) } else { Ok(out) }
}

impl Payload {
    /// Reads the bytes of a payload, and only those that [`encode`] could have written.
    pub fn parse(bytes: &[u8]) -> Result<Self, PayloadError> {
        if bytes.len() > PAYLOAD_MAX_BYTES {
            return Err(PayloadError::TooLarge);
        }
        let Value::Object(mut members) = jcs::parse_canonical(bytes)? else { return Err(PayloadError::Shape) };
        let mut text = |key| match members.remove(key) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(PayloadError::Shape),
        };
        let (actor, kind, salt, subject) = (text("actor")?, text("kind")?, text("salt")?, text("subject")?);
        let data = members.remove("data").filter(Value::is_object).ok_or(PayloadError::Shape)?;
        if !members.is_empty() {
            return Err(PayloadError::Shape);
        }
        let salt = URL_SAFE_NO_PAD.decode(salt).ok().and_then(|salt| salt.try_into().ok()).ok_or(PayloadError::Salt)?;
        Ok(Self { actor, kind, subject, salt, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const GOOD: &str =
        r#"{"actor":"bidder/3","data":{"n":1},"kind":"lot.noticed","salt":"AAAAAAAAAAAAAAAAAAAAAA","subject":"lot/1"}"#;

    #[test]
    fn exactly_the_five_keys() {
        assert_eq!(Payload::parse(GOOD.as_bytes()).unwrap().data, json!({"n": 1}));
        for (from, to) in [
            (r#"{"actor""#, r#"{"a":1,"actor""#),
            (r#""actor":"bidder/3","#, ""),
            (r#"{"n":1}"#, "[1]"),
            (r#"{"n":1}"#, "null"),
            (r#""lot/1""#, "1"),
            // 22 characters hold 132 bits: the last four must be zero, or one salt would have 16 spellings.
            ("AAAAAA\"", "AAAAAB\""),
            ("AAAAAA\"", "AAAAA\""),
            ("AAAAAA\"", "AAAAAA==\""),
        ] {
            let bad = GOOD.replacen(from, to, 1);
            assert_ne!(bad, GOOD);
            assert!(Payload::parse(bad.as_bytes()).is_err(), "{bad} must be refused");
        }
    }

    #[test]
    fn size_is_bounded_both_ways() {
        let data = |length: usize| json!({"t": "x".repeat(length)});
        let around = encode("a", "k", &data(0), &[0; 16], "s").unwrap().len();
        let largest = encode("a", "k", &data(PAYLOAD_MAX_BYTES - around), &[0; 16], "s").unwrap();
        assert_eq!(largest.len(), PAYLOAD_MAX_BYTES);
        assert!(Payload::parse(&largest).is_ok());
        let over = encode("a", "k", &data(PAYLOAD_MAX_BYTES - around + 1), &[0; 16], "s");
        assert_eq!(over, Err(PayloadError::TooLarge));
        assert_eq!(encode("a", "k", &"text", &[0; 16], "s"), Err(PayloadError::Shape));
    }
}

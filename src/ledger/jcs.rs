//! Ledger format §0: RFC 8785 (JCS) for the subset that the ledger speaks: no floats, integers within ±(2^53 − 1),
//! bounded depth. Two programs that agree on a value then agree on its bytes, and whatever has two spellings is refused.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::base::limits::JSON_DEPTH_MAX;

/// Largest integer that every JSON reader keeps exact (RFC 7493 §2.2).
pub const INTEGER_MAX: i64 = (1 << 53) - 1;

/// Why a value has no canonical form here, or bytes are not in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JcsError {
    #[error("not JSON: {0}")]
    NotJson(String),
    #[error("not the canonical form (RFC 8785) of what it says")]
    NotCanonical,
    #[error("a number that is not an integer within ±(2^53 − 1); write it as a decimal string")]
    Number,
    #[error("nested deeper than {JSON_DEPTH_MAX} levels")]
    TooDeep,
}

/// The canonical bytes of `value`.
pub fn canonical(value: &Value) -> Result<Vec<u8>, JcsError> {
    let mut out = Vec::with_capacity(256);
    write_value(&mut out, value, 0)?;
    Ok(out)
}

/// The canonical bytes of whatever `value` serialises to.
pub fn to_canonical<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, JcsError> {
    canonical(&to_value(value)?)
}

/// Reads bytes that are exactly the canonical form of a value; duplicate keys, spaces and other spellings are refused.
pub fn parse_canonical(bytes: &[u8]) -> Result<Value, JcsError> {
    let value: Value = serde_json::from_slice(bytes).map_err(|e| JcsError::NotJson(e.to_string()))?;
    if canonical(&value)? == bytes { Ok(value) } else { Err(JcsError::NotCanonical) }
}

pub(super) fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, JcsError> {
    serde_json::to_value(value).map_err(|e| JcsError::NotJson(e.to_string()))
}

/// Appends the canonical form of `value`, which lies inside `depth` arrays and objects.
pub(super) fn write_value(out: &mut Vec<u8>, value: &Value, depth: usize) -> Result<(), JcsError> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => {
            let integer = number.as_i64().filter(|n| (-INTEGER_MAX..=INTEGER_MAX).contains(n));
            out.extend_from_slice(integer.ok_or(JcsError::Number)?.to_string().as_bytes());
        }
        Value::String(text) => write_string(out, text),
        Value::Array(items) => {
            let inside = deeper(depth)?;
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_value(out, item, inside)?;
            }
            out.push(b']');
        }
        Value::Object(members) => write_object(out, members, deeper(depth)?)?,
    }
    Ok(())
}

fn deeper(depth: usize) -> Result<usize, JcsError> {
    if depth < JSON_DEPTH_MAX { Ok(depth + 1) } else { Err(JcsError::TooDeep) }
}

/// RFC 8785 §3.2.3: members in the order of their names' UTF-16 code units, which differs from the order of UTF-8 bytes
/// once a name leaves the Basic Multilingual Plane.
fn write_object(out: &mut Vec<u8>, members: &Map<String, Value>, inside: usize) -> Result<(), JcsError> {
    let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
    sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    out.push(b'{');
    for (i, (name, value)) in sorted.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_string(out, name);
        out.push(b':');
        write_value(out, value, inside)?;
    }
    out.push(b'}');
    Ok(())
}

/// RFC 8785 §3.2.2.2: the short escapes where JSON has them, `\u00xx` for other controls, everything else verbatim.
pub(super) fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for run in text.as_bytes().split_inclusive(|byte| needs_escape(*byte)) {
        match run.split_last() {
            Some((last, plain)) if needs_escape(*last) => {
                out.extend_from_slice(plain);
                write_escape(out, *last);
            }
            _ => out.extend_from_slice(run),
        }
    }
    out.push(b'"');
}

const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn write_escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        b'"' | b'\\' => byte,
        _ => return out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn order_and_escapes_follow_the_rfc() {
        // RFC 8785 §3.2.3: the order of UTF-16 code units.
        let value = json!({"\u{20ac}": 1, "\r": 2, "\u{fb33}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7});
        let bytes = canonical(&value).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert_eq!(text, "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}");
        assert_eq!(parse_canonical(&bytes).unwrap(), value);
        // §3.2.2.2.
        let value = json!("\u{20ac}$\u{f}\nA'B\"\\\\\"/\u{7f}\u{8}\u{c}\t\r\u{1f}");
        let text = String::from_utf8(canonical(&value).unwrap()).unwrap();
        assert_eq!(text, "\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\u{7f}\\b\\f\\t\\r\\u001f\"");
    }

    #[test]
    fn only_exact_integers() {
        for (value, ok) in [
            (json!(INTEGER_MAX), true),
            (json!(-INTEGER_MAX), true),
            (json!(INTEGER_MAX + 1), false),
            (json!(-INTEGER_MAX - 1), false),
            (json!(u64::MAX), false),
            (json!(1.0), false),
            (json!(0.5), false),
        ] {
            assert_eq!(canonical(&value).is_ok(), ok, "{value}");
        }
    }

    #[test]
    fn one_spelling_per_value() {
        assert!(parse_canonical(br#"{"a":[1,"x",null,true,{}],"b":-7}"#).is_ok());
        for bytes in [
            &br#"{"a":1,"a":1}"#[..],
            br#"{"b":1,"a":2}"#,
            br#"{"a": 1}"#,
            br#"{"a":1} "#,
            br#"{"a":1.0}"#,
            br#"{"a":1e0}"#,
            br#"{"a":-0}"#,
            br#"{"a":01}"#,
            br#"{"a":9007199254740992}"#,
            br#"{"a":123456789012345678901234567890}"#,
            br#""\u0041""#,
            br#""\/""#,
            br#""\u000A""#,
            br#""\ud800""#,
            b"\"\xff\"",
            b"\xef\xbb\xbf{}",
            b"",
        ] {
            assert!(parse_canonical(bytes).is_err(), "{} must be refused", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(parse_canonical(&nested(JSON_DEPTH_MAX)).is_ok());
        assert_eq!(parse_canonical(&nested(JSON_DEPTH_MAX + 1)), Err(JcsError::TooDeep));
        assert!(parse_canonical(&nested(100_000)).is_err());
    }
}

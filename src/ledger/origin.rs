//! Ledger format §1: the name of a ledger, a schemeless URL without trailing slash.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::base::limits::ORIGIN_MAX_BYTES;

/// Cheap to clone. Its characters need no escape in JSON and no care in a signed note.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(Arc<str>);

/// The text cannot name a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an origin: expected a URL without scheme and trailing slash, such as ledger.example/trade")]
pub struct NotAnOrigin;

impl Origin {
    /// 1 to 255 of the characters `a-z A-Z 0-9 . - _ ~ : / [ ]`, no slash at either end and none beside another.
    pub fn new(text: &str) -> Result<Self, NotAnOrigin> {
        let permitted = |byte: u8| byte.is_ascii_alphanumeric() || b".-_~:/[]".contains(&byte);
        let well_formed = (1..=ORIGIN_MAX_BYTES).contains(&text.len())
            && text.bytes().all(permitted)
            && text.split('/').all(|part| !part.is_empty());
        if well_formed { Ok(Self(text.into())) } else { Err(NotAnOrigin) }
    }
}

impl Deref for Origin {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({self})")
    }
}

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        Self::new(text)
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_schemeless_urls() {
        for text in ["ledger.mingjiang.example/trade", "localhost:8080/ledger/main", "[::1]:8080/ledger/main", "a"] {
            assert_eq!(&*Origin::new(text).unwrap(), text);
        }
        let long = "a".repeat(ORIGIN_MAX_BYTES + 1);
        for text in ["", "/", "a/", "/a", "https://a/b", "a b", "a+b", "a\"b", "a\\b", "a\nb", "明江", &long] {
            assert!(Origin::new(text).is_err(), "{text:?} must be refused");
        }
    }
}

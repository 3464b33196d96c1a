//! Money: whole 分 (1/100 yuan) in a checked `i64`. There is no other representation and no rounding anywhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::limits::AMOUNT_MAX_FEN;

/// An amount in 分. On the wire always a decimal string, so that no reader can lose digits above 2^53 − 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Fen(i64);

/// The text is not a decimal integer of 分 within ±[`AMOUNT_MAX_FEN`], or is not in its one canonical spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an amount: expected whole 分 as a decimal string without sign, spaces or leading zeros")]
pub struct NotAnAmount;

impl Fen {
    pub const ZERO: Self = Self(0);

    /// Returns `None` outside 0..=[`AMOUNT_MAX_FEN`].
    pub const fn new(fen: i64) -> Option<Self> {
        if fen < 0 || fen > AMOUNT_MAX_FEN { None } else { Some(Self(fen)) }
    }

    /// Whole yuan, for tables in code. Returns `None` outside the permitted range.
    pub const fn yuan(yuan: i64) -> Option<Self> {
        match yuan.checked_mul(100) {
            Some(fen) => Self::new(fen),
            None => None,
        }
    }

    /// 分.
    pub const fn get(self) -> i64 {
        self.0
    }

    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).and_then(Self::new)
    }

    /// `None` when the result would be negative.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).and_then(Self::new)
    }

    pub fn checked_mul(self, times: i64) -> Option<Self> {
        self.0.checked_mul(times).and_then(Self::new)
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Fen {
    type Err = NotAnAmount;

    /// Accepts exactly what [`fmt::Display`] writes: one spelling per amount, since the bytes are signed.
    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        let digits_only = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits_only || (text.len() > 1 && text.starts_with('0')) {
            return Err(NotAnAmount);
        }
        text.parse().ok().and_then(Self::new).ok_or(NotAnAmount)
    }
}

impl Serialize for Fen {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fen {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_per_amount() {
        for (text, fen) in [
            ("0", Some(0)),
            ("1", Some(1)),
            ("123450000", Some(123_450_000)),
            ("100000000000000000", Some(100_000_000_000_000_000)),
        ] {
            assert_eq!(text.parse::<Fen>().ok().map(Fen::get), fen, "{text}");
        }
        for text in ["", "-1", "+1", "01", "1.0", "1e3", " 1", "1 ", "１", "100000000000000001", "99999999999999999999"]
        {
            assert!(text.parse::<Fen>().is_err(), "{text:?} must be refused");
        }
    }

    #[test]
    fn arithmetic_never_leaves_the_range() {
        let max = Fen::new(AMOUNT_MAX_FEN).unwrap();
        let one = Fen::new(1).unwrap();
        assert_eq!(max.checked_add(one), None);
        assert_eq!(Fen::ZERO.checked_sub(one), None);
        assert_eq!(max.checked_mul(2), None);
        assert_eq!(one.checked_mul(-1), None);
    }
}

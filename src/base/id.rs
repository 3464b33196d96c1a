//! Ids: ULIDs (48 bits of milliseconds, 80 random bits) in Crockford's base 32, upper case, 26 characters.
//! Randomness and time come from outside, so the same inputs give the same ids.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::Micros;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 26;

/// The id of a project, lot, account, question …
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(u128);

/// The text is not a canonical ULID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected 26 characters 0-9 A-Z without I, L, O, U")]
pub struct NotAnId;

impl Id {
    pub fn new(at: Micros, random: [u8; 10]) -> Self {
        let millis = u128::from(u64::try_from(at.get() / 1000).unwrap_or(0)) & ((1 << 48) - 1);
        let low = random.iter().fold(0u128, |sum, b| (sum << 8) | u128::from(*b));
        Self((millis << 80) | low)
    }

    pub const fn from_u128(raw: u128) -> Self {
        Self(raw)
    }

    pub const fn to_u128(self) -> u128 {
        self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in (0..LENGTH).rev() {
            let digit = (self.0 >> (5 * place)) & 31;
            let letter = usize::try_from(digit).ok().and_then(|d| ALPHABET.get(d)).copied().ok_or(fmt::Error)?;
            write!(f, "{}", char::from(letter))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Id {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        // 26 × 5 = 130 bits: the first character carries only three of them.
        if text.len() != LENGTH || !text.starts_with(|c: char| ('0'..='7').contains(&c)) {
            return Err(NotAnId);
        }
        text.bytes()
            .try_fold(0u128, |sum, byte| {
                let digit = ALPHABET.iter().position(|letter| *letter == byte)?;
                Some((sum << 5) | u128::try_from(digit).ok()?)
            })
            .map(Self)
            .ok_or(NotAnId)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_round_trips_and_is_canonical() {
        for text in ["01JD9Z5T8Q3W6V2K4M7N0P1R2S", "00000000000000000000000000", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"] {
            assert_eq!(text.parse::<Id>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "01jd9z5t8q3w6v2k4m7n0p1r2s",
            "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
            "01JD9Z5T8Q3W6V2K4M7N0P1R2",
            "01JD9Z5T8Q3W6V2K4M7N0P1R2I",
        ] {
            assert!(text.parse::<Id>().is_err(), "{text:?} must be refused");
        }
    }
}

//! The unified social credit code of a legal person: GB 32100-2015, 18 characters, the last one a check.

use std::fmt;
use std::str::FromStr;

use crate::base::Code;

/// The digits and letters of the standard, each worth its place; I, O, S, V and Z are left out.
const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const LENGTH: usize = 18;
/// GB 32100 §5: characters 3 to 8 are the administrative division, digits only.
const DIVISION: std::ops::Range<usize> = 2..8;

/// A code whose form and check character hold. Whether it was ever given to anybody is for the registers to say.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CreditCode(String);

impl CreditCode {
    /// The code that starts with these 17 characters; [`Code::InvalidField`] when they are none of a code's.
    pub fn with_check(body: &str) -> Result<Self, Code> {
        let check = check_character(body.as_bytes()).ok_or(Code::InvalidField)?;
        Ok(Self(format!("{body}{}", char::from(check))))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CreditCode {
    type Err = Code;

    fn from_str(text: &str) -> Result<Self, Code> {
        let body = text.get(..LENGTH - 1).ok_or(Code::InvalidField)?;
        let code = Self::with_check(body)?;
        if code.0 == text { Ok(code) } else { Err(Code::InvalidField) }
    }
}

impl fmt::Display for CreditCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// GB 32100 §6: weights are the powers of 3 modulo 31, and the weighted sum of all 18 is divisible by 31.
fn check_character(body: &[u8]) -> Option<u8> {
    if body.len() != LENGTH - 1 || !body.get(DIVISION)?.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut weight = 1;
    let mut sum = 0;
    for letter in body {
        sum += ALPHABET.iter().position(|known| known == letter)? * weight;
        weight = weight * 3 % 31;
    }
    ALPHABET.get((31 - sum % 31) % 31).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_character_finds_each_single_error_and_each_swap_of_neighbours() {
        // Invented: no place has the division code 999999.
        let code = CreditCode::with_check("91999999MA0K4R7TX").unwrap();
        let text = code.as_str();
        assert_eq!(text.len(), 18);
        assert_eq!(text.parse::<CreditCode>().unwrap(), code);
        for place in 0..LENGTH {
            for letter in ALPHABET {
                let mut wrong = text.as_bytes().to_vec();
                if wrong[place] != *letter {
                    wrong[place] = *letter;
                    assert!(std::str::from_utf8(&wrong).unwrap().parse::<CreditCode>().is_err());
                }
            }
            let mut swapped = text.as_bytes().to_vec();
            if place > 0 && swapped[place] != swapped[place - 1] {
                swapped.swap(place, place - 1);
                assert!(std::str::from_utf8(&swapped).unwrap().parse::<CreditCode>().is_err());
            }
        }
    }

    #[test]
    fn forms_that_are_none_of_a_code() {
        for text in ["", "9199", "91999999ma0k4r7tx0", "91999999MA0K4R7TI0", "91A99999MA0K4R7TX0", "明明明明明明"]
        {
            assert!(text.parse::<CreditCode>().is_err(), "{text:?} must be refused");
        }
    }

    /// The rule worked by hand: only the first character counts, 9 × 1 = 9, so the check is worth 31 − 9 = 22: 'N'.
    #[test]
    fn a_sum_worked_by_hand() {
        assert_eq!(CreditCode::with_check("90000000000000000").unwrap().as_str(), "90000000000000000N");
        assert_eq!(CreditCode::with_check("00000000000000000").unwrap().as_str(), "000000000000000000");
    }
}

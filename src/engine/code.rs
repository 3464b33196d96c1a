//! The unified project code: a configurable pattern whose last character checks the others.

use serde::{Deserialize, Serialize};

use super::rules::Category;

/// ISO/IEC 7064 MOD 37,36 works on these, value = position.
const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// How project codes look: `C` the category's letter, `Y` a digit of the year, `9` a digit, `X` a digit or capital,
/// `#` the check character (ISO/IEC 7064 MOD 37,36 over all letters and digits before it); anything else stands for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CodeFormat(pub String);

impl Default for CodeFormat {
    /// `A330299-2026-00031-K`: category, six digits of the place, year, serial number, check character.
    fn default() -> Self {
        Self("C999999-YYYY-99999-#".into())
    }
}

impl CodeFormat {
    /// Whether the pattern can be used: one `#`, and it is the last place.
    pub fn is_usable(&self) -> bool {
        self.0.len() <= 40
            && self.0.is_ascii()
            && self.0.ends_with('#')
            && self.0.matches('#').count() == 1
            && self.0.contains('C')
    }

    /// Whether `code` has this form, names `category` and carries the right check character.
    pub fn admits(&self, code: &str, category: Category) -> bool {
        if code.len() != self.0.len() || !code.is_ascii() {
            return false;
        }
        let fits = self.0.bytes().zip(code.bytes()).all(|(place, byte)| match place {
            b'C' => char::from(byte) == category.letter(),
            b'Y' | b'9' => byte.is_ascii_digit(),
            b'X' | b'#' => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
            other => byte == other,
        });
        let (body, check) = code.split_at(code.len().saturating_sub(1));
        fits && check_character(body).is_some_and(|expected| check == expected.to_string())
    }

    /// Fills the pattern from the right with `serial`, from the left with category, `place` digits and year.
    /// Returns `None` when a part has too many or too few digits for its places.
    pub fn make(&self, category: Category, place: &str, year: u32, serial: u64) -> Option<String> {
        let nines = self.0.matches('9').count();
        let serial = format!("{serial:0width$}", width = nines.checked_sub(place.len())?);
        let year = format!("{year:04}");
        let digits = format!("{place}{serial}");
        if digits.len() != nines || self.0.matches('Y').count() != year.len() {
            return None;
        }
        let (mut digits, mut years) = (digits.chars(), year.chars());
        let mut code = String::with_capacity(self.0.len());
        for place in self.0.chars() {
            code.push(match place {
                'C' => category.letter(),
                '9' | 'X' => digits.next()?,
                'Y' => years.next()?,
                '#' => check_character(&code)?,
                other => other,
            });
        }
        Some(code)
    }
}

/// ISO/IEC 7064 MOD 37,36 (hybrid system): finds any single wrong character and any swap of neighbours.
/// Separators do not count. Returns `None` for characters outside 0–9 A–Z.
pub fn check_character(body: &str) -> Option<char> {
    let mut product = 36u32;
    for byte in body.bytes().filter(|b| *b != b'-' && *b != b'.' && *b != b'/') {
        let value = ALPHABET.iter().position(|letter| *letter == byte)?;
        let mut sum = (product + u32::try_from(value).ok()?) % 36;
        if sum == 0 {
            sum = 36;
        }
        product = (sum * 2) % 37;
    }
    let check = (37 - product % 37) % 36;
    ALPHABET.get(usize::try_from(check).ok()?).map(|letter| char::from(*letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_single_wrong_character_and_swap_is_found() {
        let format = CodeFormat::default();
        let code = format.make(Category::A, "330299", 2026, 31).unwrap();
        assert!(format.admits(&code, Category::A), "{code}");
        assert!(!format.admits(&code, Category::D), "another category");
        for place in 0..code.len() {
            for other in ALPHABET {
                let mut wrong = code.clone().into_bytes();
                if wrong[place] == *other || wrong[place] == b'-' {
                    continue;
                }
                wrong[place] = *other;
                let wrong = String::from_utf8(wrong).unwrap();
                assert!(!format.admits(&wrong, Category::A), "{wrong} passed for {code}");
            }
        }
    }

    #[test]
    fn the_published_example_of_the_standard() {
        // ISO/IEC 7064, hybrid system MOD 37,36, as used by the Global Release Identifier: A1-2425G-ABC1234002-M.
        assert_eq!(check_character("A12425GABC1234002"), Some('M'));
    }

    #[test]
    fn unusable_patterns_are_refused() {
        for pattern in ["", "C999", "#C99", "C9#9#", "999-#"] {
            assert!(!CodeFormat(pattern.into()).is_usable(), "{pattern}");
        }
    }
}

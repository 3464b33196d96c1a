//! The second factor: RFC 6238 with HMAC-SHA-1, 30-second steps, six digits, one step of drift, no code twice.

use ring::hmac;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::entropy::random;
use super::sealing;
use crate::base::limits::{TOTP_DRIFT_STEPS, TOTP_STEP};
use crate::base::{Code, Entropy, Id, Micros};

/// RFC 4226 §4 R6 recommends 160 bits.
const SECRET_BYTES: usize = 20;
const DIGITS: usize = 6;
const MODULUS: u32 = 1_000_000;

/// A shared secret, erased from memory after use.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Zeroizing::new(random::<SECRET_BYTES>(entropy).to_vec()))
    }

    /// From what [`Secret::uri`] shows as `secret`.
    pub fn from_base32(text: &str) -> Option<Self> {
        let bytes = from_base32(text).filter(|bytes| !bytes.is_empty())?;
        Some(Self(Zeroizing::new(bytes)))
    }

    /// What an authenticator app scans (the `otpauth` key URI), for `login` at `issuer`.
    pub fn uri(&self, issuer: &str, login: &str) -> Zeroizing<String> {
        let (issuer, login) = (percent_encoded(issuer), percent_encoded(login));
        let secret = Zeroizing::new(base32(&self.0));
        Zeroizing::new(format!("otpauth://totp/{issuer}:{login}?secret={}&issuer={issuer}", *secret))
    }

    /// The code of the given time, six digits.
    pub fn code_at(&self, now: Micros) -> String {
        self.code(step_of(now))
    }

    /// The step whose code `code` is, if it lies within the drift around `now` and after `used`.
    /// Every candidate is compared in full, whichever matches.
    pub fn accept(&self, code: &str, now: Micros, used: i64) -> Option<i64> {
        let current = step_of(now);
        let mut accepted = None;
        for step in (current - TOTP_DRIFT_STEPS)..=(current + TOTP_DRIFT_STEPS) {
            let equal = bool::from(self.code(step).as_bytes().ct_eq(code.as_bytes()));
            if equal && step > used {
                accepted = accepted.max(Some(step));
            }
        }
        accepted
    }

    fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let number = dynamic_truncation(hmac::sign(&key, &step.to_be_bytes()).as_ref()) % MODULUS;
        format!("{number:0DIGITS$}")
    }

    /// The secret as it rests in the database: nonce, ciphertext, tag. Bound to its account, so that a row moved to
    /// another account opens nothing.
    pub fn seal(&self, key: &[u8; 32], account: Id, entropy: &dyn Entropy) -> Result<Vec<u8>, Code> {
        sealing::seal(key, &purpose(account), &self.0, entropy)
    }

    /// Opens what [`Secret::seal`] made.
    pub fn open(sealed: &[u8], key: &[u8; 32], account: Id) -> Result<Self, Code> {
        sealing::open(key, &purpose(account), sealed).map(Self)
    }
}

fn step_of(now: Micros) -> i64 {
    now.get().div_euclid(i64::try_from(TOTP_STEP.get()).unwrap_or(i64::MAX))
}

/// RFC 4226 §5.3.
fn dynamic_truncation(mac: &[u8]) -> u32 {
    let offset = mac.last().map_or(0, |byte| usize::from(byte & 0x0f));
    mac.get(offset..offset + 4)
        .and_then(|word| word.try_into().ok())
        .map_or(0, |word| u32::from_be_bytes(word) & 0x7fff_ffff)
}

fn purpose(account: Id) -> String {
    format!("totp {account}")
}

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// RFC 4648 §6, without padding.
fn base32(bytes: &[u8]) -> String {
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |place| (byte >> place) & 1)).collect();
    let letter = |five: &[u8]| {
        let value = five.iter().chain([0; 5].iter()).take(5).fold(0, |sum, bit| (sum << 1) | usize::from(*bit));
        ALPHABET.get(value).copied().map(char::from)
    };
    bits.chunks(5).filter_map(letter).collect()
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let value = |letter: u8| ALPHABET.iter().position(|known| *known == letter.to_ascii_uppercase());
    let values: Vec<usize> = text.trim_end_matches('=').bytes().map(value).collect::<Option<_>>()?;
    let bits: Vec<usize> = values.iter().flat_map(|five| (0..5).rev().map(move |place| (five >> place) & 1)).collect();
    let byte = |eight: &[usize]| u8::try_from(eight.iter().fold(0, |sum, bit| (sum << 1) | bit)).ok();
    bits.chunks_exact(8).map(byte).collect()
}

/// RFC 3986 §2.1.
fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::entropy::SystemEntropy;
    use super::*;

    fn at(seconds: i64) -> Micros {
        Micros::new(seconds * 1_000_000).unwrap()
    }

    fn rfc_secret() -> Secret {
        Secret(Zeroizing::new(b"12345678901234567890".to_vec()))
    }

    /// RFC 6238, appendix B, SHA-1; the last six of its eight digits.
    #[test]
    fn codes_of_the_rfc() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(rfc_secret().code_at(at(seconds)), code);
        }
    }

    #[test]
    fn one_step_of_drift_and_no_code_twice() {
        let secret = rfc_secret();
        let code = secret.code_at(at(3000));
        for (now, used, accepted) in [
            (3000, -1, Some(100)),
            (3029, -1, Some(100)),
            (3030, -1, Some(100)),
            (3059, -1, Some(100)),
            (3060, -1, None),
            (2970, -1, Some(100)),
            (2969, -1, None),
            (3000, 99, Some(100)),
            (3000, 100, None),
            (3000, 101, None),
        ] {
            assert_eq!(secret.accept(&code, at(now), used), accepted, "at {now} with {used} used");
        }
        for wrong in ["", "00000", "0000000", "abcdef", "１２３４５６"] {
            assert_eq!(secret.accept(wrong, at(3000), -1), None);
        }
    }

    #[test]
    fn a_sealed_secret_opens_for_its_account_and_key_only() {
        let entropy = SystemEntropy::new();
        let (mine, other) = (Id::from_u128(1), Id::from_u128(2));
        let sealed = rfc_secret().seal(&[7; 32], mine, &entropy).unwrap();
        assert_eq!(Secret::open(&sealed, &[7; 32], mine).unwrap().0, rfc_secret().0);
        assert!(Secret::open(&sealed, &[8; 32], mine).is_err());
        assert!(Secret::open(&sealed, &[7; 32], other).is_err());
        for length in 0..sealed.len() {
            assert!(Secret::open(&sealed[..length], &[7; 32], mine).is_err());
        }
    }

    #[test]
    fn the_uri_is_what_authenticators_read() {
        let uri = rfc_secret().uri("Mingjian 明鉴", "li@example.com");
        let expected = "otpauth://totp/Mingjian%20%E6%98%8E%E9%89%B4:li%40example.com\
                        ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Mingjian%20%E6%98%8E%E9%89%B4";
        assert_eq!(*uri, expected);
    }

    /// RFC 4648 §10.
    #[test]
    fn base32_of_the_rfc() {
        for (bytes, text) in [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")] {
            assert_eq!(base32(bytes.as_bytes()), text);
            assert_eq!(from_base32(text).unwrap(), bytes.as_bytes());
        }
    }
}

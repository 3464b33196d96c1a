//! Passwords: Argon2id, a minimum of length, and a list of what everybody chooses. Composition is free, nothing is
//! trimmed or folded, nothing expires (ASVS 6.2).

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};

use super::entropy::random;
use crate::base::limits::{
    PASSWORD_LANES, PASSWORD_MAX_CHARS, PASSWORD_MEMORY_KIB, PASSWORD_MIN_CHARS, PASSWORD_PASSES,
};
use crate::base::{Code, Entropy};

/// Common passwords of twelve characters and more, one a line, in lower case.
const COMMON: &str = include_str!("common_passwords.txt");
/// ASVS 6.1.2: words that suggest themselves here. Alone, repeated or with digits around them they are no password.
const CONTEXT: [&str; 8] = ["mingjian", "mingjiang", "明鉴", "明江", "ledger", "auction", "password", "administrator"];

/// Hashes and checks passwords. Each call keeps a core busy for some 25 ms and takes 19 MiB: the caller bounds how many
/// run at a time.
pub struct Passwords {
    argon2: Argon2<'static>,
    /// The hash of a password that nobody knows, checked when there is no account, so that both cost the same.
    decoy: String,
}

impl Passwords {
    /// With the parameters of `base::limits`.
    pub fn new(entropy: &dyn Entropy) -> Result<Self, Code> {
        let params = Params::new(PASSWORD_MEMORY_KIB, PASSWORD_PASSES, PASSWORD_LANES, None);
        Self::with(params.map_err(|_| Code::Internal)?, entropy)
    }

    /// With next to no work a password, for tests and for demonstration accounts whose passwords are printed anyway.
    pub fn cheap_for_demonstration(entropy: &dyn Entropy) -> Result<Self, Code> {
        let params = Params::new(Params::MIN_M_COST, Params::MIN_T_COST, 1, None);
        Self::with(params.map_err(|_| Code::Internal)?, entropy)
    }

    fn with(params: Params, entropy: &dyn Entropy) -> Result<Self, Code> {
        let mut passwords =
            Self { argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params), decoy: String::new() };
        passwords.decoy = passwords.hash_bytes(&random::<32>(entropy), entropy)?;
        Ok(passwords)
    }

    /// The PHC string of `password`, with a fresh salt.
    pub fn hash(&self, password: &str, entropy: &dyn Entropy) -> Result<String, Code> {
        self.hash_bytes(password.as_bytes(), entropy)
    }

    fn hash_bytes(&self, password: &[u8], entropy: &dyn Entropy) -> Result<String, Code> {
        let hash = self.argon2.hash_password_with_salt(password, &random::<16>(entropy));
        hash.map(|phc| phc.to_string()).map_err(|_| Code::Internal)
    }

    /// Whether `password` is the one that was hashed to `stored`. Without `stored` the answer is no, at the same cost.
    pub fn verify(&self, password: &str, stored: Option<&str>) -> bool {
        // Longer ones were never accepted; the work stays bounded whatever a client sends.
        let candidate = if password.chars().count() > PASSWORD_MAX_CHARS { "" } else { password };
        let matches = PasswordHash::new(stored.unwrap_or(&self.decoy))
            .is_ok_and(|phc| self.argon2.verify_password(candidate.as_bytes(), &phc).is_ok());
        matches && stored.is_some()
    }
}

/// Whether `password` may be chosen by somebody who goes by these `names` (login, organisation);
/// [`Code::WeakPassword`] otherwise.
pub fn check_new(password: &str, names: &[&str]) -> Result<(), Code> {
    let length = password.chars().count();
    let folded = password.to_lowercase();
    let weak = !(PASSWORD_MIN_CHARS..=PASSWORD_MAX_CHARS).contains(&length)
        || COMMON.lines().any(|common| common == folded)
        || repeats(&folded)
        || runs(&folded)
        || CONTEXT.iter().copied().chain(names.iter().copied()).any(|word| rests_on(&folded, &word.to_lowercase()));
    if weak { Err(Code::WeakPassword) } else { Ok(()) }
}

/// The same one to four characters over and over.
fn repeats(password: &str) -> bool {
    let letters: Vec<char> = password.chars().collect();
    (1..=4).any(|period| letters.iter().zip(letters.iter().skip(period)).all(|(a, b)| a == b))
}

/// One run up or down the alphabet or the digits; 9 is followed by 0.
fn runs(password: &str) -> bool {
    let follows = |a: char, b: char| u32::from(a) + 1 == u32::from(b) || (a == '9' && b == '0');
    let up = password.chars().zip(password.chars().skip(1)).all(|(a, b)| follows(a, b));
    let down = password.chars().zip(password.chars().skip(1)).all(|(a, b)| follows(b, a));
    up || down
}

/// Nothing is left of the password but digits and signs once the word is taken out.
fn rests_on(password: &str, word: &str) -> bool {
    word.chars().count() >= 2
        && password.contains(word)
        && password.replace(word, "").chars().all(|c| !c.is_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::super::entropy::SystemEntropy;
    use super::*;

    #[test]
    fn a_password_verifies_and_no_other_does() {
        let entropy = SystemEntropy::new();
        let passwords = Passwords::cheap_for_demonstration(&entropy).unwrap();
        let stored = passwords.hash("correct horse 电池 staple", &entropy).unwrap();
        assert!(passwords.verify("correct horse 电池 staple", Some(&stored)));
        for wrong in ["", "correct horse 电池 staple ", "Correct horse 电池 staple", &"x".repeat(100_000)] {
            assert!(!passwords.verify(wrong, Some(&stored)));
            assert!(!passwords.verify(wrong, None));
        }
        assert!(!passwords.verify("anything", Some("not a hash")));
        assert_ne!(stored, passwords.hash("correct horse 电池 staple", &entropy).unwrap(), "salts are fresh");
    }

    #[test]
    fn the_parameters_are_the_advised_ones_and_travel_with_the_hash() {
        let entropy = SystemEntropy::new();
        let full = Passwords::new(&entropy).unwrap();
        let stored = full.hash("correct horse battery", &entropy).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        let cheap = Passwords::cheap_for_demonstration(&entropy).unwrap();
        assert!(cheap.verify("correct horse battery", Some(&stored)));
    }

    #[test]
    fn what_may_be_chosen() {
        for (password, good) in [
            ("correct horse battery", true),
            ("这是一个足够长的中文口令吧", true),
            ("tKx9-wqv2-Lm7b", true),
            ("short", false),
            ("elevenchars", false),
            ("Password1234", false),
            ("qwertyuiop123", false),
            ("aaaaaaaaaaaaaaaa", false),
            ("abcabcabcabcabc", false),
            ("1234567890123", false),
            ("zyxwvutsrqpon", false),
            ("Mingjian2026!", false),
            ("mingjian-mingjian", false),
            ("Wanhe-2026-01", false),
            ("wanhe likes green tea", true),
            (&"x1".repeat(200), false),
        ] {
            assert_eq!(check_new(password, &["wanhe"]).is_ok(), good, "{password}");
        }
    }
}

//! Randomness of the operating system, by way of ring.

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::base::{Entropy, Id, Micros};

/// The operating system's generator.
#[derive(Debug)]
pub struct SystemEntropy(SystemRandom);

impl SystemEntropy {
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Default for SystemEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) {
        if self.0.fill(out).is_err() {
            // Guessable keys and tokens would be worse than no service, and no caller could do better.
            tracing::error!("the operating system gives no random bytes");
            std::process::abort();
        }
    }
}

/// `N` random bytes.
pub(super) fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// A fresh id.
pub fn fresh_id(entropy: &dyn Entropy, now: Micros) -> Id {
    Id::new(now, random(entropy))
}

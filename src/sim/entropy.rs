//! Bytes that look random and are the same for the same seed.

use std::sync::{Mutex, PoisonError};

use crate::base::{Entropy, Hash};

/// SHA-256 in counter mode over the seed. For simulations and tests only: whoever knows the seed knows every salt.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: Hash,
    counter: Mutex<u64>,
}

impl SeededEntropy {
    pub fn new(seed: u64) -> Self {
        Self { seed: Hash::of_parts(&[b"mingjian/sim/entropy", &seed.to_be_bytes()]), counter: Mutex::new(0) }
    }

    /// The next `N` bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) {
        let mut counter = self.counter.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in out.chunks_mut(32) {
            let block = Hash::of_parts(&[&self.seed.0, &counter.to_be_bytes()]);
            chunk.iter_mut().zip(block.0).for_each(|(byte, random)| *byte = random);
            *counter += 1;
        }
    }
}

//! Chances that a seed decides.

use crate::sim::SeededEntropy;

/// The same seed throws the same.
#[derive(Debug)]
pub struct Dice(SeededEntropy);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    /// 0 up to, not including, `n`; 0 for 0.
    pub fn below(&self, n: u64) -> u64 {
        u64::from_be_bytes(self.0.bytes()).checked_rem(n).unwrap_or(0)
    }

    pub fn index(&self, length: usize) -> usize {
        usize::try_from(self.below(u64::try_from(length).unwrap_or(u64::MAX))).unwrap_or(0)
    }

    pub fn percent(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Copy>(&self, among: &[T]) -> Option<T> {
        among.get(self.index(among.len())).copied()
    }

    /// An index, each as likely as its weight.
    pub fn weighted(&self, weights: &[u64]) -> usize {
        let mut left = self.below(weights.iter().sum());
        for (index, weight) in weights.iter().enumerate() {
            match left.checked_sub(*weight) {
                None => return index,
                Some(rest) => left = rest,
            }
        }
        0
    }
}

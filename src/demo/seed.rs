//! Where everything that looks like chance comes from: a small generator for what is told, and a master secret for what
//! must not be guessed (keys, salts, nonces). The same seed tells the same story whatever the secrets are.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::{Entropy, Hash, Id, Micros};
use crate::ledger::SeedSigner;

/// `SplitMix64` (Steele, Lea, Flood 2014): tells stories, keeps no secrets.
#[derive(Debug, Clone)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// Every label has its own sequence, so that a change in one place does not shift all others.
    pub fn new(seed: u64, label: &str) -> Self {
        let Hash(hash) = Hash::of_parts(&[&seed.to_be_bytes(), label.as_bytes()]);
        Self { state: first_eight(&hash) }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 ≤ result < `bound`; 0 when `bound` is 0. The bias is below `bound` / 2^64.
    pub fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// `low` ≤ result ≤ `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// An index of a collection of `len`.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(u64::try_from(len).unwrap_or(0))).unwrap_or(0)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `from`; the type's default when there is none.
    pub fn pick<T: Copy + Default>(&mut self, from: &[T]) -> T {
        from.get(self.index(from.len())).copied().unwrap_or_default()
    }

    /// Fisher–Yates.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }

    pub fn hash(&mut self) -> Hash {
        Hash::of(&self.next().to_be_bytes())
    }

    pub fn id(&mut self, at: Micros) -> Id {
        let Hash(bytes) = self.hash();
        Id::new(at, ten(&bytes))
    }
}

fn first_eight(bytes: &[u8; 32]) -> u64 {
    bytes.iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

/// The first ten of 32 bytes, as ids and nonces want them.
pub fn ten(bytes: &[u8; 32]) -> [u8; 10] {
    let mut out = [0; 10];
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = *from;
    }
    out
}

/// What keys, salts and nonces of a demonstration are derived from.
#[derive(Clone)]
pub struct Secrets([u8; 32]);

impl Secrets {
    /// The same for the same seed: for tests and for comparing ledgers byte for byte. Anyone can guess them.
    pub fn fixed(seed: u64) -> Self {
        Self(Hash::of_parts(&[b"mingjian demonstration, fixed", &seed.to_be_bytes()]).0)
    }

    pub fn fresh(entropy: &dyn Entropy) -> Self {
        let mut master = [0; 32];
        entropy.fill(&mut master);
        Self(master)
    }

    /// To be kept with the demonstration's data when another process shall go on with its keys.
    pub const fn master(&self) -> [u8; 32] {
        self.0
    }

    pub const fn from_master(master: [u8; 32]) -> Self {
        Self(master)
    }

    /// 32 bytes for one purpose, one thing, one place.
    pub fn derive(&self, purpose: &str, id: Id, n: u64) -> [u8; 32] {
        Hash::of_parts(&[&self.0, purpose.as_bytes(), &[0], &id.to_u128().to_be_bytes(), &n.to_be_bytes()]).0
    }

    /// The seed of the key with which the platform signs the ledger's checkpoints.
    pub fn log_key(&self) -> [u8; 32] {
        self.derive("log key", Id::from_u128(0), 0)
    }

    /// The seed of a company's identity key.
    pub fn identity_key(&self, account: Id) -> [u8; 32] {
        self.derive("identity key", account, 0)
    }

    /// The seed of the fresh key with which `account` bids on `lot`.
    pub fn lot_key(&self, lot: Id, account: Id) -> [u8; 32] {
        Hash::of_parts(&[&self.derive("lot key", lot, 0), &self.derive("lot key", account, 0)]).0
    }

    pub fn lot_signer(&self, lot: Id, account: Id) -> SeedSigner {
        SeedSigner::new(&self.lot_key(lot, account))
    }
}

/// Never shows the secret.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

/// Randomness for the sequencer (salts) in counter mode over the secrets: the same secrets, the same salts.
#[derive(Debug)]
pub struct DerivedEntropy {
    secrets: Secrets,
    drawn: AtomicU64,
}

impl DerivedEntropy {
    pub fn new(secrets: &Secrets) -> Self {
        Self { secrets: secrets.clone(), drawn: AtomicU64::new(0) }
    }
}

impl Entropy for DerivedEntropy {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let block = self.secrets.derive("salts", Id::from_u128(0), self.drawn.fetch_add(1, Ordering::Relaxed));
            for (to, from) in chunk.iter_mut().zip(block) {
                *to = from;
            }
        }
    }
}

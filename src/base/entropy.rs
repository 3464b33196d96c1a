//! Randomness comes in from outside, as time does: the rooms that need it are handed one of these.

/// A source of bytes that nobody can predict. A test hands in one that it can.
pub trait Entropy: Send + Sync {
    /// Fills the whole of `out`. A source that cannot do so must stop the process: there is no safe way to go on.
    fn fill(&self, out: &mut [u8]);
}

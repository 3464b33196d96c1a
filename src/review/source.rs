//! Where a verifier's bytes come from, and how its work is spread: the two things that it does not decide itself.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

use crate::ledger::media::FileName;

/// One entry as it was stored or served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub leaf: Vec<u8>,
    pub payload: Result<Vec<u8>, Missing>,
}

/// Why a payload is not at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// This reader may not read it, or not yet.
    Withheld,
    /// It was erased by law; its hash remains.
    Erased,
    /// What is stored there is not what the leaf names, so nobody can tell who may read it.
    Damaged,
}

/// A ledger, wherever it lies.
pub trait Source {
    type Error: Display;

    /// The newest signed checkpoint, as text.
    fn checkpoint(&mut self) -> Result<String, Self::Error>;

    /// Older signed checkpoints that the source itself keeps, in any order.
    fn earlier(&mut self) -> Result<Vec<String>, Self::Error> {
        Ok(Vec::new())
    }

    /// Up to `count` entries from `seq` on; fewer only where the source ends.
    fn entries(&mut self, seq: u64, count: usize) -> Result<Vec<Entry>, Self::Error>;

    /// The stored bytes of the full hash tile, if the source stores or serves tiles.
    fn tile(&mut self, _level: u8, _index: u64) -> Result<Option<Vec<u8>>, Self::Error> {
        Ok(None)
    }

    /// Shows the timestamps that are kept beside the ledger, each with the text of the checkpoint that it is of.
    fn timestamps(&mut self, _visit: &mut dyn FnMut(&str, &[u8])) -> Result<(), Self::Error> {
        Ok(())
    }

    /// The footage that lies beside the ledger, if any does.
    fn media(&self) -> Option<&dyn Media> {
        None
    }
}

/// Footage at hand.
pub trait Media {
    /// `Ok(None)` where there is no such file; the error is for people.
    fn read(&self, name: FileName) -> Result<Option<Vec<u8>>, String>;

    /// Every file there is.
    fn list(&self) -> Vec<FileName>;
}

/// Spreads pure work over whatever the caller has: threads, or nothing.
pub trait Spread: Sync {
    /// Applies `work` to every item; the results keep the items' order.
    fn map<T: Send, R: Send>(&self, items: Vec<T>, work: impl Fn(T) -> R + Sync + Send) -> Vec<R>;

    /// Does both, at the same time where it can.
    fn both<A: Send, B: Send>(&self, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B);
}

/// One after another, on the caller's thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct InSequence;

impl Spread for InSequence {
    fn map<T: Send, R: Send>(&self, items: Vec<T>, work: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
        items.into_iter().map(work).collect()
    }

    fn both<A: Send, B: Send>(&self, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
        (a(), b())
    }
}

//! The body of `add-checkpoint` (C2SP tlog-witness): an old size, a consistency proof, an empty line, and a checkpoint.

use std::fmt;

use super::{Note, TreeHead};
use crate::base::Hash;
use crate::base::limits::{WITNESS_PROOF_MAX_HASHES, WITNESS_REQUEST_MAX_BYTES};

/// A checkpoint handed in for cosigning. [`fmt::Display`] writes the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the checkpoint that the witness is believed to know; 0 for none.
    pub old: u64,
    /// RFC 6962 §2.1.2, from the old size to the checkpoint's.
    pub proof: Vec<Hash>,
    pub note: Note,
    /// What the note says.
    pub head: TreeHead,
}

impl AddCheckpoint {
    /// `None` for whatever is not of that form.
    pub fn parse(body: &[u8]) -> Option<Self> {
        if body.len() > WITNESS_REQUEST_MAX_BYTES {
            return None;
        }
        let (lines, note) = std::str::from_utf8(body).ok()?.split_once("\n\n")?;
        let mut lines = lines.split('\n');
        let digits = lines.next()?.strip_prefix("old ")?;
        let old: u64 = digits.parse().ok()?;
        if old.to_string() != digits {
            return None;
        }
        let proof: Vec<Hash> =
            lines.take(WITNESS_PROOF_MAX_HASHES + 1).map(|line| line.parse().ok()).collect::<Option<_>>()?;
        let note = Note::parse(note).ok()?;
        let head = note.text().parse().ok()?;
        (proof.len() <= WITNESS_PROOF_MAX_HASHES).then_some(Self { old, proof, note, head })
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.note)
    }
}

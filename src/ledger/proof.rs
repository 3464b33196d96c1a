//! C2SP tlog-proof: a leaf's inclusion and the checkpoint that it is included in, in one text. With the leaf it is the
//! receipt that a bidder keeps.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use super::leaf::{decimal, leaf_hash};
use super::policy::Policy;
use super::tree::{BadProof, verify_inclusion};
use crate::base::Hash;
use crate::base::limits::{NOTE_MAX_BYTES, PROOF_EXTRA_MAX_BYTES};

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// A path in a tree that a `u64` can count.
const PATH_MAX: usize = 64;
const PROOF_MAX_BYTES: usize = NOTE_MAX_BYTES + 2 * PROOF_EXTRA_MAX_BYTES + 64 * PATH_MAX;

/// A receipt. [`fmt::Display`] writes the very bytes that were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Not authenticated by anything; our ledgers write none.
    pub extra: Option<Vec<u8>>,
    /// The leaf's `seq`.
    pub index: u64,
    /// From the leaf's sibling up.
    pub path: Vec<Hash>,
    pub checkpoint: SignedCheckpoint,
}

/// Why a receipt was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("not a tlog-proof")]
    Malformed,
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("the leaf is not in the checkpoint's tree at that index")]
    NotIncluded(#[from] BadProof),
}

impl Proof {
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        if text.len() > PROOF_MAX_BYTES {
            return Err(ProofError::Malformed);
        }
        let (head, checkpoint) = text.split_once("\n\n").ok_or(ProofError::Malformed)?;
        let (extra, index, path) = parse_head(head).ok_or(ProofError::Malformed)?;
        Ok(Self { extra, index, path, checkpoint: SignedCheckpoint::parse(checkpoint)? })
    }

    /// That `leaf`, the bytes of a leaf, stands at [`Proof::index`] of a tree that the policy's keys vouch for. Returns the
    /// checkpoint.
    pub fn verify(&self, leaf: &[u8], policy: &Policy) -> Result<&Checkpoint, ProofError> {
        let checkpoint = self.checkpoint.verify(policy)?;
        verify_inclusion(leaf_hash(leaf), self.index, checkpoint.size, &self.path, checkpoint.root)?;
        Ok(checkpoint)
    }
}

type Head = (Option<Vec<u8>>, u64, Vec<Hash>);

fn parse_head(head: &str) -> Option<Head> {
    let mut lines = head.split('\n').peekable();
    lines.next().filter(|line| *line == HEADER)?;
    let extra = match lines.next_if(|line| line.starts_with("extra ")) {
        Some(line) => {
            let bytes = STANDARD.decode(line.strip_prefix("extra ")?).ok()?;
            Some(Some(bytes).filter(|bytes| !bytes.is_empty() && bytes.len() <= PROOF_EXTRA_MAX_BYTES)?)
        }
        None => None,
    };
    let index = decimal(lines.next()?.strip_prefix("index ")?)?;
    let path: Vec<Hash> = lines.take(PATH_MAX + 1).map(|line| line.parse().ok()).collect::<Option<_>>()?;
    (path.len() <= PATH_MAX).then_some((extra, index, path))
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

//! C2SP tlog-checkpoint: the root of the tree at a size, signed by the log and cosigned by witnesses.

use std::fmt;
use std::str::FromStr;

use super::cosignature;
use super::leaf::decimal;
use super::note::{Note, NoteError, NoteSignature, SignatureType, VerifierKey};
use super::origin::Origin;
use super::signature::{Signer, SignerError};
use crate::base::Hash;

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: Origin,
    pub size: u64,
    pub root: Hash,
}

/// Why a checkpoint was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error("checkpoint: {0}")]
    Note(#[from] NoteError),
    #[error("checkpoint: not the three lines origin, size, root")]
    Malformed,
    #[error("checkpoint: of another ledger")]
    Origin,
    #[error("checkpoint: {found} of {required} required cosignatures")]
    Cosignatures { required: usize, found: usize },
}

impl Checkpoint {
    /// Signs as the log; the key's name is the origin.
    pub fn sign(&self, signer: &dyn Signer) -> Result<SignedCheckpoint, SignerError> {
        let text = self.to_string();
        let line = NoteSignature::sign(&text, &self.origin, signer)?;
        let note = Note::new(text, vec![line]).map_err(|error| SignerError(error.to_string()))?;
        Ok(SignedCheckpoint { checkpoint: self.clone(), note })
    }
}

/// The text that is signed: three lines.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, self.root)
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    /// Extension lines, which nobody could audit, are refused: our ledgers write none.
    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        parse_lines(text).ok_or(CheckpointError::Malformed)
    }
}

fn parse_lines(text: &str) -> Option<Checkpoint> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    let checkpoint = Checkpoint { origin: Origin::new(origin).ok()?, size: decimal(size)?, root: root.parse().ok()? };
    lines.next().is_none().then_some(checkpoint)
}

/// A checkpoint with its signatures. Reading one believes nothing yet: see [`SignedCheckpoint::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let note = Note::parse(text)?;
        Ok(Self { checkpoint: note.text().parse()?, note })
    }

    /// What it says, whoever may have signed it.
    pub fn unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }

    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Adds a witness's line, which need not hold: [`SignedCheckpoint::verify`] examines it.
    pub fn add(&mut self, cosignature: NoteSignature) -> Result<(), NoteError> {
        self.note.add(cosignature)
    }

    /// What it says, if the log signed it and as many witnesses cosigned it as the policy wants.
    pub fn verify(&self, policy: &Policy) -> Result<&Checkpoint, CheckpointError> {
        if *self.checkpoint.origin != *policy.log.name() {
            return Err(CheckpointError::Origin);
        }
        self.note.verify(&policy.log)?;
        let mut found = 0;
        for witness in &policy.witnesses {
            match cosignature::verify(&self.note, witness) {
                Ok(_) => found += 1,
                Err(NoteError::Unsigned) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let required = policy.quorum;
        if found < required { Err(CheckpointError::Cosignatures { required, found }) } else { Ok(&self.checkpoint) }
    }
}

/// The very bytes that were read.
impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

/// Whom to believe: the log's key, and how many of which witnesses. Leaf 0 names one (`verifier_key`, `witnesses`,
/// `policy`), but a verifier takes its own from elsewhere: a forged ledger names forged keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    log: VerifierKey,
    witnesses: Vec<VerifierKey>,
    quorum: usize,
}

/// The keys and the quorum do not make a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a policy: the log key has type 0x01, each witness a key of type 0x04 of its own, and the quorum can be met"
)]
pub struct NotAPolicy;

impl Policy {
    /// `quorum` is the number of witnesses that must have cosigned.
    pub fn new(log: VerifierKey, witnesses: Vec<VerifierKey>, quorum: usize) -> Result<Self, NotAPolicy> {
        let distinct = witnesses
            .iter()
            .enumerate()
            .all(|(i, key)| witnesses.iter().skip(i + 1).all(|other| other.public() != key.public()));
        let well_formed = log.kind() == SignatureType::Ed25519
            && Origin::new(log.name()).is_ok()
            && witnesses.iter().all(|key| key.kind() == SignatureType::Cosignature)
            && distinct
            && quorum <= witnesses.len();
        if well_formed { Ok(Self { log, witnesses, quorum }) } else { Err(NotAPolicy) }
    }

    /// From the spelling in leaf 0: `none`, `any`, `all`, or a decimal number of witnesses.
    pub fn named(log: VerifierKey, witnesses: Vec<VerifierKey>, policy: &str) -> Result<Self, NotAPolicy> {
        let quorum = match policy {
            "none" => 0,
            "any" => 1,
            "all" => witnesses.len(),
            number => decimal(number).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0).ok_or(NotAPolicy)?,
        };
        Self::new(log, witnesses, quorum)
    }

    /// Only the log's own signature.
    pub fn log_only(log: VerifierKey) -> Result<Self, NotAPolicy> {
        Self::new(log, Vec::new(), 0)
    }

    pub fn log(&self) -> &VerifierKey {
        &self.log
    }

    pub fn witnesses(&self) -> &[VerifierKey] {
        &self.witnesses
    }

    pub fn quorum(&self) -> usize {
        self.quorum
    }
}

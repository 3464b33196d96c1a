//! C2SP tlog-checkpoint: the root of the tree at a size, signed by the log and cosigned by witnesses.

use std::fmt;
use std::str::FromStr;

use super::cosignature;
use super::leaf::decimal;
use super::note::{Note, NoteError, NoteSignature, SignatureType, VerifierKey};
use super::origin::Origin;
use super::policy::Policy;
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
    #[error("checkpoint: the quorum is not met: {found} cosignatures, at least {required} are needed")]
    Cosignatures { required: usize, found: usize },
}

impl Checkpoint {
    /// Signs as the log; the key's name is the origin.
    pub fn sign(&self, signer: &dyn Signer) -> Result<SignedCheckpoint, SignerError> {
        let text = self.to_string();
        let key = VerifierKey::new(&self.origin, SignatureType::Ed25519, signer.public());
        let key = key.map_err(|error| SignerError(error.to_string()))?;
        let mut lines = vec![NoteSignature::sign(&text, &self.origin, signer)?];
        lines.extend(signer.further_lines(&text, &key)?);
        let note = Note::new(text, lines).map_err(|error| SignerError(error.to_string()))?;
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

/// What the checkpoint of any log says, ours or not: an origin may be any line, and extension lines are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeHead {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

impl FromStr for TreeHead {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        parse_head(text).ok_or(CheckpointError::Malformed)
    }
}

fn parse_head(text: &str) -> Option<TreeHead> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    let size = Some(size).filter(|size| !size.is_empty()).and_then(decimal)?;
    let head = TreeHead { origin: origin.to_owned(), size, root: root.parse().ok()? };
    (!origin.is_empty() && lines.all(|extension| !extension.is_empty())).then_some(head)
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
        if *self.checkpoint.origin != *policy.log().name() {
            return Err(CheckpointError::Origin);
        }
        self.note.verify(policy.log())?;
        let cosigned = self.cosigned(policy)?;
        if policy.quorum().is_met(&|place| cosigned.get(place).is_some_and(Option::is_some)) {
            return Ok(&self.checkpoint);
        }
        let found = cosigned.iter().flatten().count();
        Err(CheckpointError::Cosignatures { required: policy.quorum().least(), found })
    }

    /// When each witness of the policy cosigned, in their order: seconds of UTC since 1970. A line of one of them that does
    /// not hold refuses the whole.
    pub fn cosigned(&self, policy: &Policy) -> Result<Vec<Option<u64>>, NoteError> {
        let cosigned = policy.witnesses().iter().map(|witness| match cosignature::verify(&self.note, witness) {
            Ok(seconds) => Ok(Some(seconds)),
            Err(NoteError::Unsigned) => Ok(None),
            Err(error) => Err(error),
        });
        cosigned.collect()
    }
}

/// The very bytes that were read.
impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

//! C2SP signed-note: a text, a blank line, and one line for each signature.

use std::fmt;
use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::signature::{PUBLIC_KEY_BYTES, PublicKey, SIGNATURE_BYTES, Signer, SignerError};
use crate::base::Hash;
use crate::base::limits::{NOTE_MAX_BYTES, NOTE_SIGNATURES_MAX};

/// The first bytes of a hash of name, type and key: tells keys apart and proves nothing.
pub type KeyId = [u8; 4];

/// The signature types of the note that we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureType {
    /// 0x01: Ed25519 over the note text; a log's signature.
    Ed25519,
    /// 0x04: Ed25519 `cosignature/v1` with a time; a witness's signature.
    Cosignature,
}

impl SignatureType {
    const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
        }
    }
}

/// `name+hash+base64(type ‖ key)`: whom to believe, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: SignatureType,
    public: PublicKey,
}

/// Why a note or a verifier key was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("not a verifier key: expected name+hash+base64 of an Ed25519 key of type 0x01 or 0x04")]
    VerifierKey,
    #[error("not a signed note")]
    Malformed,
    #[error("a note of more than {NOTE_MAX_BYTES} bytes or {NOTE_SIGNATURES_MAX} signatures")]
    TooLarge,
    #[error("the note is not signed by the key that was asked for")]
    Unsigned,
    #[error("a signature of a known key does not hold")]
    BadSignature,
}

impl VerifierKey {
    /// Refuses a name that is empty or holds a space, a control character or a plus.
    pub fn new(name: &str, kind: SignatureType, public: PublicKey) -> Result<Self, NoteError> {
        if is_key_name(name) { Ok(Self { name: name.to_owned(), kind, public }) } else { Err(NoteError::VerifierKey) }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn kind(&self) -> SignatureType {
        self.kind
    }

    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// SHA-256(name ‖ "\n" ‖ type ‖ key)[..4].
    pub fn id(&self) -> KeyId {
        let [a, b, c, d, ..] =
            Hash::of_parts(&[self.name.as_bytes(), b"\n", &[self.kind.byte()], self.public.as_bytes()]).0;
        [a, b, c, d]
    }
}

fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut material = vec![self.kind.byte()];
        material.extend_from_slice(self.public.as_bytes());
        write!(f, "{}+{:08x}+{}", self.name, u32::from_be_bytes(self.id()), STANDARD.encode(material))
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        parse_verifier_key(text).filter(|key| key.to_string() == text).ok_or(NoteError::VerifierKey)
    }
}

fn parse_verifier_key(text: &str) -> Option<VerifierKey> {
    let (name, rest) = text.split_once('+')?;
    let (_, material) = rest.split_once('+')?;
    let material = STANDARD.decode(material).ok()?;
    let (kind, key) = material.split_first()?;
    let kind = [SignatureType::Ed25519, SignatureType::Cosignature].into_iter().find(|known| known.byte() == *kind)?;
    let key: &[u8; PUBLIC_KEY_BYTES] = key.try_into().ok()?;
    VerifierKey::new(name, kind, PublicKey::from_bytes(key).ok()?).ok()
}

/// One signature line. Its bytes mean something only together with the key that they name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    pub name: String,
    pub id: KeyId,
    pub bytes: Vec<u8>,
}

impl NoteSignature {
    /// A log's signature (type 0x01) over `text` under the key name `name`.
    pub fn sign(text: &str, name: &str, signer: &dyn Signer) -> Result<Self, SignerError> {
        let key = VerifierKey::new(name, SignatureType::Ed25519, signer.public())
            .map_err(|_| SignerError(format!("{name:?} cannot name a key")))?;
        let bytes = signer.sign(text.as_bytes())?.to_vec();
        Ok(Self { name: key.name.clone(), id: key.id(), bytes })
    }

    pub(super) fn is_by(&self, key: &VerifierKey) -> bool {
        self.name == key.name && self.id == key.id()
    }

    /// Parses one line, without its newline.
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        let (name, material) =
            line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or(NoteError::Malformed)?;
        let material = STANDARD.decode(material).map_err(|_| NoteError::Malformed)?;
        let (id, bytes) = material.split_first_chunk::<4>().ok_or(NoteError::Malformed)?;
        if !is_key_name(name) || bytes.is_empty() {
            return Err(NoteError::Malformed);
        }
        Ok(Self { name: name.to_owned(), id: *id, bytes: bytes.to_vec() })
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = [&self.id[..], &self.bytes].concat();
        writeln!(f, "— {} {}", self.name, STANDARD.encode(material))
    }
}

/// A text with its signatures; [`fmt::Display`] writes the very bytes that were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// `text` ends in a newline and has no control characters but newlines; there is at least one signature.
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Result<Self, NoteError> {
        let clean = text.chars().all(|c| c == '\n' || c >= ' ');
        if !clean || !text.ends_with('\n') || signatures.is_empty() {
            return Err(NoteError::Malformed);
        }
        if text.len() > NOTE_MAX_BYTES || signatures.len() > NOTE_SIGNATURES_MAX {
            return Err(NoteError::TooLarge);
        }
        Ok(Self { text, signatures })
    }

    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_MAX_BYTES {
            return Err(NoteError::TooLarge);
        }
        // The last empty line parts the text from the signatures.
        let at = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
        let (text, lines) = note.split_at_checked(at + 1).ok_or(NoteError::Malformed)?;
        let lines = lines.strip_prefix('\n').and_then(|l| l.strip_suffix('\n')).ok_or(NoteError::Malformed)?;
        let signatures: Vec<_> =
            lines.split('\n').take(NOTE_SIGNATURES_MAX + 1).map(NoteSignature::parse).collect::<Result<_, _>>()?;
        Self::new(text.to_owned(), signatures)
    }

    /// What was signed, with its last newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds a signature line unless it stands there already.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        if self.signatures.contains(&signature) {
            return Ok(());
        }
        if self.signatures.len() >= NOTE_SIGNATURES_MAX {
            return Err(NoteError::TooLarge);
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// Whether `key`, of type 0x01, signed this note. Lines of other keys are passed over; a line of this key that does
    /// not hold refuses the note.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), NoteError> {
        let mut outcome = Err(NoteError::Unsigned);
        for line in self.signatures.iter().filter(|line| key.kind == SignatureType::Ed25519 && line.is_by(key)) {
            let signature: &[u8; SIGNATURE_BYTES] =
                line.bytes.as_slice().try_into().map_err(|_| NoteError::BadSignature)?;
            key.public.verify(self.text.as_bytes(), signature).map_err(|_| NoteError::BadSignature)?;
            outcome = Ok(());
        }
        outcome
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        f.write_str("\n")?;
        self.signatures.iter().try_for_each(|line| write!(f, "{line}"))
    }
}

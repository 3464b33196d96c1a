//! A second signature of the log for those who must rely on the national algorithms (国密): SM2 with SM3 (GM/T 0003-2012,
//! GM/T 0004-2012) over the text of the note, in a line of type 0xff with an identifier of its own, as C2SP signed-note sets
//! aside. Whoever does not know it passes over it; it never takes the place of the Ed25519 line.

use std::fmt;
use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sm2::dsa::signature::{Signer as _, Verifier as _};
use sm2::dsa::{Signature, SigningKey, VerifyingKey};

use super::note::{KeyId, Note, NoteError, NoteSignature, VerifierKey};
use super::signature::{PublicKey, SIGNATURE_BYTES, Signer, SignerError};
use crate::base::Hash;

/// signed-note: the byte 0xff is followed by a longer identifier.
const TYPE: &[u8] = b"\xffmingjian/sm2-with-sm3/v1";
/// GM/T 0009-2012 §10: the signer's identity where none was agreed upon.
const IDENTITY: &str = "1234567812345678";
/// SEC 1 §2.3.3, uncompressed.
const POINT_BYTES: usize = 65;

/// `name+hash+base64(0xff ‖ identifier ‖ point)`: whom to believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sm2Key {
    name: String,
    point: [u8; POINT_BYTES],
}

impl Sm2Key {
    fn of(name: &str, key: &VerifyingKey) -> Option<Self> {
        let point = key.to_sec1_bytes().as_ref().try_into().ok()?;
        Some(Self { name: name.to_owned(), point })
    }

    fn verifying(&self) -> Option<VerifyingKey> {
        VerifyingKey::from_sec1_bytes(IDENTITY, &self.point).ok()
    }

    /// SHA-256(name ‖ "\n" ‖ 0xff ‖ identifier ‖ point)[..4].
    pub fn id(&self) -> KeyId {
        let [a, b, c, d, ..] = Hash::of_parts(&[self.name.as_bytes(), b"\n", TYPE, &self.point]).0;
        [a, b, c, d]
    }

    /// Whether this key signed the note: [`NoteError::Unsigned`] without a line of its own, [`NoteError::BadSignature`] when
    /// one of them does not hold.
    pub fn verify(&self, note: &Note) -> Result<(), NoteError> {
        let key = self.verifying().ok_or(NoteError::VerifierKey)?;
        let id = self.id();
        let mut found = Err(NoteError::Unsigned);
        for line in note.signatures().iter().filter(|line| line.name == self.name && line.id == id) {
            let signature = Signature::from_slice(&line.bytes).map_err(|_| NoteError::BadSignature)?;
            key.verify(note.text().as_bytes(), &signature).map_err(|_| NoteError::BadSignature)?;
            found = Ok(());
        }
        found
    }
}

impl fmt::Display for Sm2Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = STANDARD.encode([TYPE, &self.point].concat());
        write!(f, "{}+{:08x}+{material}", self.name, u32::from_be_bytes(self.id()))
    }
}

impl FromStr for Sm2Key {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let parse = || {
            let (name, rest) = text.split_once('+')?;
            let material = STANDARD.decode(rest.split_once('+')?.1).ok()?;
            let point = material.strip_prefix(TYPE)?.try_into().ok()?;
            let key = Self { name: name.to_owned(), point };
            key.verifying().filter(|_| !name.is_empty())?;
            Some(key)
        };
        parse().filter(|key| key.to_string() == text).ok_or(NoteError::VerifierKey)
    }
}

/// A private SM2 key in memory.
pub struct Sm2Signer(SigningKey);

impl Sm2Signer {
    /// From the 32 bytes of the private number; refuses one that is none.
    pub fn new(scalar: &[u8; 32]) -> Option<Self> {
        SigningKey::from_slice(IDENTITY, scalar).ok().map(Self)
    }

    /// The public half, under the ledger's name.
    pub fn key(&self, name: &str) -> Result<Sm2Key, SignerError> {
        Sm2Key::of(name, self.0.verifying_key()).ok_or_else(|| SignerError("an SM2 point of unexpected length".into()))
    }

    fn line(&self, text: &str, name: &str) -> Result<NoteSignature, SignerError> {
        let signature: Signature = self.0.try_sign(text.as_bytes()).map_err(|error| SignerError(error.to_string()))?;
        Ok(NoteSignature { name: name.to_owned(), id: self.key(name)?.id(), bytes: signature.to_bytes().to_vec() })
    }
}

/// A log's signer that adds an SM2 line to each note.
pub struct WithSm2 {
    pub log: Box<dyn Signer>,
    pub sm2: Sm2Signer,
}

impl Signer for WithSm2 {
    fn public(&self) -> PublicKey {
        self.log.public()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], SignerError> {
        self.log.sign(message)
    }

    fn further_lines(&self, text: &str, log: &VerifierKey) -> Result<Vec<NoteSignature>, SignerError> {
        Ok(vec![self.sm2.line(text, log.name())?])
    }
}

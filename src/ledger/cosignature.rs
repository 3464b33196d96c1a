//! C2SP tlog-cosignature, `cosignature/v1`: a witness says when it saw a checkpoint as the newest consistent one.

use super::note::{Note, NoteError, NoteSignature, SignatureType, VerifierKey};
use super::signature::{SIGNATURE_BYTES, Signer, SignerError};

/// A cosignature's seconds fit an `i64`, says the specification.
const SECONDS_MAX: u64 = i64::MAX as u64;

/// The bytes that a witness signs: two lines of its own, then the checkpoint's text.
pub fn message(text: &str, seconds: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {seconds}\n{text}").into_bytes()
}

/// A witness's line under the checkpoint `text`. `seconds` of UTC since 1970.
pub fn cosign(text: &str, name: &str, seconds: u64, signer: &dyn Signer) -> Result<NoteSignature, SignerError> {
    let key = VerifierKey::new(name, SignatureType::Cosignature, signer.public())
        .map_err(|_| SignerError(format!("{name:?} cannot name a key")))?;
    if seconds > SECONDS_MAX {
        return Err(SignerError("the time does not fit".to_owned()));
    }
    let mut bytes = seconds.to_be_bytes().to_vec();
    bytes.extend_from_slice(&signer.sign(&message(text, seconds))?);
    Ok(NoteSignature { name: name.to_owned(), id: key.id(), bytes })
}

/// The latest time, in seconds of UTC since 1970, at which `key`, of type 0x04, cosigned this note. A line of this key
/// that does not hold refuses the note.
pub fn verify(note: &Note, key: &VerifierKey) -> Result<u64, NoteError> {
    let mut latest = None;
    for line in note.signatures().iter().filter(|line| key.kind() == SignatureType::Cosignature && line.is_by(key)) {
        let (time, signature) = line.bytes.split_first_chunk::<8>().ok_or(NoteError::BadSignature)?;
        let seconds = u64::from_be_bytes(*time);
        let signature: &[u8; SIGNATURE_BYTES] = signature.try_into().map_err(|_| NoteError::BadSignature)?;
        if seconds > SECONDS_MAX {
            return Err(NoteError::BadSignature);
        }
        key.public().verify(&message(note.text(), seconds), signature).map_err(|_| NoteError::BadSignature)?;
        latest = latest.max(Some(seconds));
    }
    latest.ok_or(NoteError::Unsigned)
}

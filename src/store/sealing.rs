//! Secrets at rest: nonce, ciphertext, tag, under a key of whoever keeps them (ChaCha20-Poly1305). What a secret is for is
//! part of the seal, so that a row moved elsewhere opens nothing.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::base::{Code, Entropy};

/// Seals `secret` for `purpose`.
pub fn seal(key: &[u8; 32], purpose: &str, secret: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, Code> {
    let mut nonce = [0; NONCE_LEN];
    entropy.fill(&mut nonce);
    let mut sealed = secret.to_vec();
    aead(key)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose), &mut sealed)
        .map_err(|_| Code::Internal)?;
    Ok([&nonce[..], &sealed].concat())
}

/// Opens what [`seal`] made for the same purpose.
pub fn open(key: &[u8; 32], purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Code> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Code::Internal)?;
    let mut bytes = Zeroizing::new(sealed.to_vec());
    let opened = aead(key)?
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(purpose), &mut bytes)
        .map_err(|_| Code::Internal)?
        .len();
    bytes.truncate(opened);
    Ok(bytes)
}

fn aead(key: &[u8; 32]) -> Result<LessSafeKey, Code> {
    UnboundKey::new(&CHACHA20_POLY1305, key).map(LessSafeKey::new).map_err(|_| Code::Internal)
}

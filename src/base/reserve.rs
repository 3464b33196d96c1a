//! The commitment to a lot's hidden reserve price (ledger format, «reserve»).

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Fen, Hash, Id};

/// SHA-256 of the JCS bytes of `{"amount":"<分>","lot":"<id>","nonce":"<base64 of 32 random bytes>"}`.
pub fn commitment(lot: Id, amount: Fen, nonce: &[u8; 32]) -> Hash {
    let nonce = STANDARD.encode(nonce);
    Hash::of(format!(r#"{{"amount":"{amount}","lot":"{lot}","nonce":"{nonce}"}}"#).as_bytes())
}

//! A lot's hidden reserve: committed to in the notice, disclosed later (ledger format §5).

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Fen, Hash, Id};

/// SHA-256 of the canonical JSON `{"amount":"<分>","lot":"<id>","nonce":"<base64>"}`. The 32 random bytes keep the few
/// plausible amounts from being tried one by one; the lot keeps a commitment from serving twice.
pub fn reserve_commitment(lot: Id, amount: Fen, nonce: &[u8; 32]) -> Hash {
    let nonce = STANDARD.encode(nonce);
    Hash::of(format!(r#"{{"amount":"{amount}","lot":"{lot}","nonce":"{nonce}"}}"#).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commitment_is_fixed_for_ever() {
        let lot: Id = "01JD9Z5T8Q3W6V2K4M7N0P1R2S".parse().unwrap();
        let amount = Fen::new(1_600_000_000_000).unwrap();
        let text = r#"{"amount":"1600000000000","lot":"01JD9Z5T8Q3W6V2K4M7N0P1R2S","nonce":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}"#;
        assert_eq!(reserve_commitment(lot, amount, &[0; 32]), Hash::of(text.as_bytes()));
        // The example of docs/ledger-format.md §5.
        assert_eq!(Hash::of(text.as_bytes()).to_base64(), "9ogJ6td5+1NkTjGJnD/xBbuDgCO3p6GPJ5xHFCPJaeE=");
        assert_ne!(reserve_commitment(lot, amount, &[1; 32]), Hash::of(text.as_bytes()));
    }
}

//! Every single flipped bit of what is signed or chained is found. Not a sample: all of them.

use mingjian::base::Hash;
use mingjian::ledger::statement::{self, BidStatement};
use mingjian::ledger::tree::verify_inclusion;
use mingjian::ledger::{Chain, Leaf, Payload, Proof, SignedCheckpoint, Signer as _, leaf_hash};

use crate::vectors::{leaf, origin, payload, policy, signer, statement, text};

/// Asserts that `accepts` takes the original and refuses it with any one bit flipped.
fn no_bit_is_free(original: &[u8], accepts: impl Fn(&[u8]) -> bool) {
    assert!(accepts(original));
    let mut bytes = original.to_vec();
    for bit in 0..original.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(!accepts(&bytes), "bit {bit} is free: {}", String::from_utf8_lossy(&bytes));
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn leaf_bytes() {
    let receipt = Proof::parse(text("/receipt_of_3")).unwrap();
    let checkpoint = receipt.checkpoint.verify(&policy()).unwrap();
    for seq in 0..4 {
        // Found at its own place, or at the next, whose `prev` no longer fits.
        no_bit_is_free(leaf(seq), |bytes| {
            let mut chain = Chain::new(origin());
            (0..5).all(|at| match chain.check(if at == seq { bytes } else { leaf(at) }) {
                Ok(_) => true,
                Err(error) => {
                    assert!(error.seq == seq as u64 || error.seq == seq as u64 + 1, "{error}");
                    false
                }
            })
        });
    }
    no_bit_is_free(leaf(3), |bytes| {
        let path = &receipt.path;
        verify_inclusion(leaf_hash(bytes), 3, 5, path, checkpoint.root).is_ok()
    });
}

#[test]
fn payload_bytes() {
    for seq in 0..5 {
        let leaf = Leaf::parse(leaf(seq)).unwrap();
        no_bit_is_free(payload(seq), |bytes| Hash::of(bytes) == leaf.payload && Payload::parse(bytes).is_ok());
    }
}

#[test]
fn checkpoint() {
    no_bit_is_free(text("/checkpoint").as_bytes(), |bytes| {
        std::str::from_utf8(bytes).is_ok_and(|text| {
            SignedCheckpoint::parse(text).is_ok_and(|checkpoint| checkpoint.verify(&policy()).is_ok())
        })
    });
}

#[test]
fn receipt() {
    no_bit_is_free(text("/receipt_of_3").as_bytes(), |bytes| {
        std::str::from_utf8(bytes)
            .is_ok_and(|text| Proof::parse(text).is_ok_and(|proof| proof.verify(leaf(3), &policy()).is_ok()))
    });
}

#[test]
fn bid_statement() {
    let key = signer("lot").public();
    no_bit_is_free(statement(3).as_bytes(), |bytes| {
        std::str::from_utf8(bytes)
            .is_ok_and(|text| statement::decode::<BidStatement>(text).is_ok_and(|decoded| decoded.verify(&key).is_ok()))
    });
}

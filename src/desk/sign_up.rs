//! Signing up for a lot: the company's identity key vouches for the fresh lot key, and nobody but the company (and later a
//! reviewer with a case) learns that it did.

use super::Desk;
use crate::base::{Code, Id, Jwk};
use crate::engine::event::SignedUp;
use crate::engine::{Action, Refusal, Subject};
use crate::identity::{Action as Right, ObjectRef, Viewer, may};
use crate::ledger::PublicKey;
use crate::ledger::statement::{KeyBinding, decode};

/// Letters and digits that nobody confuses on a bank form.
const REFERENCE_ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 12 × 5 = 60 random bits: references cannot be guessed, so confirming one reveals nothing about others.
const REFERENCE_CHARS: usize = 12;

impl Desk {
    /// What a sign-up comes to. Refuses with `not_signed_in`, `forbidden`, `key_weak`, `signature_invalid`, `statement_mismatch` when the binding is not
    /// for this lot key, lot and ledger, `key_unknown` when the company has no identity key that signed it.
    pub fn sign_up(
        &self,
        viewer: &Viewer,
        lot: Id,
        key: Jwk,
        binding: String,
    ) -> Result<(Right, Subject, Action), Refusal> {
        let account = viewer.account.ok_or(Code::NotSignedIn)?;
        // Whoever may not sign up is told so, and nothing about keys.
        may(viewer, Right::SignUp, ObjectRef { lot: Some(lot), ..ObjectRef::NONE.of_bidder(account) })?;
        let organisation = viewer.organisation.ok_or(Code::Forbidden)?;
        PublicKey::from_jwk(&key).map_err(|_| Code::KeyWeak)?;
        self.check_binding(account, lot, &key, &binding)?;
        let company = self.identity.organisation(organisation)?;
        let fact = SignedUp {
            account,
            company: company.name,
            credit_code: company.credit_code.ok_or(Code::Forbidden)?,
            reference: self.fresh_reference(),
            key,
            binding,
            random: self.draw(),
        };
        Ok((Right::SignUp, Subject::Lot(lot), Action::SignUp(fact)))
    }

    fn check_binding(&self, account: Id, lot: Id, key: &Jwk, binding: &str) -> Result<(), Refusal> {
        let refuse = |error: crate::ledger::StatementError| Refusal::with(error.code(), error.to_string());
        let decoded = decode::<KeyBinding>(binding).map_err(refuse)?;
        let identity_key = self.identity.identity_key_at(account, self.now())?;
        let identity_key =
            identity_key.ok_or_else(|| Refusal::with(Code::KeyUnknown, "register an identity key first"))?;
        let public = PublicKey::from_bytes(&identity_key.public_key).map_err(|_| Code::KeyWeak)?;
        let claims = decoded.verify(&public).map_err(refuse)?;
        if claims.ledger != self.origin || claims.lot != lot || claims.key != *key {
            return Err(Code::StatementMismatch.into());
        }
        Ok(())
    }

    fn fresh_reference(&self) -> String {
        let mut random = [0; REFERENCE_CHARS];
        self.entropy.fill(&mut random);
        let letter = |byte: &u8| REFERENCE_ALPHABET.get(usize::from(byte % 32)).copied().map_or('0', char::from);
        random.iter().map(letter).collect()
    }
}

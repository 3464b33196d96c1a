//! What the simulated bidders sign: real statements with real keys over history that is really there.

use super::cast::Company;
use super::seed::{Secrets, ten};
use crate::base::{Fen, Id, Jwk, Micros, Span};
use crate::engine::command::{Bid, Entry};
use crate::ledger::statement::sign;
use crate::ledger::{BidStatement, ConfirmStatement, KeyBinding, Nonce, Origin, SeedSigner, Seen, Signer, SignerError};

/// One bidder at one lot.
pub struct Hand<'a> {
    pub secrets: &'a Secrets,
    pub origin: &'a Origin,
    pub company: &'a Company,
    pub lot: Id,
    pub number: u32,
}

/// A statement is made a moment before it arrives.
const ON_THE_WAY: Span = Span::micros(180_000);

impl Hand<'_> {
    fn signer(&self) -> SeedSigner {
        self.secrets.lot_signer(self.lot, self.company.person.account)
    }

    fn nonce(&self, at: Micros, count: u64) -> Nonce {
        Nonce::new(at, ten(&self.secrets.derive("nonce", self.lot, count)))
    }

    /// The lot key, and the company's word that it is its own.
    pub fn binding(&self, at: Micros) -> Result<(Jwk, String), SignerError> {
        let key = self.signer().public().jwk();
        let claims = KeyBinding { issued_at: at.minus(ON_THE_WAY), key, ledger: self.origin.clone(), lot: self.lot };
        let identity = SeedSigner::new(&self.secrets.identity_key(self.company.person.account));
        Ok((key, sign(&claims, &identity)?))
    }

    pub fn bid(&self, amount: Fen, rung: Option<u32>, at: Micros, seen: Seen, count: u64) -> Result<Bid, SignerError> {
        let issued_at = at.minus(ON_THE_WAY);
        let claims = BidStatement {
            amount,
            issued_at,
            ledger: self.origin.clone(),
            lot: self.lot,
            nonce: self.nonce(issued_at, count),
            number: self.number,
            rung: rung.and_then(std::num::NonZeroU32::new),
            seen,
        };
        let signer = self.signer();
        let statement = sign(&claims, &signer)?;
        Ok(Bid { number: self.number, amount, rung, key: signer.public().jwk(), statement })
    }

    pub fn confirmation(&self, at: Micros, count: u64) -> Result<Entry, SignerError> {
        let issued_at = at.minus(ON_THE_WAY);
        let claims = ConfirmStatement {
            issued_at,
            ledger: self.origin.clone(),
            lot: self.lot,
            nonce: self.nonce(issued_at, count),
            number: self.number,
        };
        let signer = self.signer();
        let statement = sign(&claims, &signer)?;
        Ok(Entry { number: self.number, key: signer.public().jwk(), statement })
    }
}

//! The way of a bid: the statement is read and its signature checked beside the queue, while the place in the queue was
//! taken before. No session is asked for: who signed with the lot key is the bidder, and nobody loses a bid in the last
//! second because a login ran out.

use super::Desk;
use crate::base::{Code, Hash, Id, Jwk, Micros};
use crate::engine::command::{Bid, Entry};
use crate::engine::{Action, Actor, Command, Lot, Refusal, Subject};
use crate::ledger::StatementError;
use crate::ledger::statement::{BidStatement, ConfirmStatement, Nonce, decode};
use crate::sequencer::{Once, Outcome, Slot, Submission, Work};

/// What became of a bid that is now in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BidAnswer {
    /// The entry that accepts or refuses it.
    pub seq: u64,
    /// Its leaf time: when the whole request had arrived.
    pub at: Micros,
    /// The rule that it broke, if it was refused.
    pub rule: Option<Code>,
    /// The same statement was sent before; this is the first answer again.
    pub replayed: bool,
}

impl From<Outcome> for BidAnswer {
    fn from(outcome: Outcome) -> Self {
        Self { seq: outcome.first, at: outcome.at, rule: outcome.rule, replayed: outcome.replayed }
    }
}

impl Desk {
    /// Checks and places a bid. `slot` was reserved when the whole request had arrived.
    ///
    /// Refuses, leaving no trace in the ledger, what no registered key stands behind: `statement_malformed`,
    /// `statement_mismatch`, `lot_unknown`, `number_unknown`, `key_unknown`, `signature_invalid`, `seen_unknown`, and
    /// `nonce_reused` when the nonce was spent on another bid. A bid that breaks a rule of the auction is recorded.
    pub async fn place_bid(&self, slot: Slot, lot: Id, statement: &str) -> Result<BidAnswer, Refusal> {
        let decoded = decode::<BidStatement>(statement).map_err(refusal)?;
        let (claimed_number, claimed_lot) = (decoded.unverified().number, decoded.unverified().lot);
        let key = self.lot_key(lot, claimed_lot, claimed_number)?;
        let claims = decoded.verify(&self.lot_keys.decode(&key).map_err(|_| Code::KeyWeak)?).map_err(refusal)?;
        if claims.ledger != self.origin {
            return Err(Refusal::with(Code::StatementMismatch, format!("ledger: expected {}", self.origin)));
        }
        if !self.tree.had_root(claims.seen.size, claims.seen.root) {
            return Err(Code::SeenUnknown.into());
        }
        let bid = Bid {
            number: claims.number,
            amount: claims.amount,
            rung: claims.rung.map(std::num::NonZero::get),
            key,
            statement: statement.to_owned(),
        };
        let once = once("bid", lot, claims.number, &claims.nonce, statement);
        self.submit_signed(slot, lot, claims.number, Action::Bid(bid), once).await
    }

    /// 挂牌: confirms that a number enters the timed auction. Refusals as for [`Desk::place_bid`].
    pub async fn confirm_entry(&self, slot: Slot, lot: Id, statement: &str) -> Result<BidAnswer, Refusal> {
        let decoded = decode::<ConfirmStatement>(statement).map_err(refusal)?;
        let (number, claimed_lot) = (decoded.unverified().number, decoded.unverified().lot);
        let key = self.lot_key(lot, claimed_lot, number)?;
        let claims = decoded.verify(&self.lot_keys.decode(&key).map_err(|_| Code::KeyWeak)?).map_err(refusal)?;
        if claims.ledger != self.origin {
            return Err(Refusal::with(Code::StatementMismatch, format!("ledger: expected {}", self.origin)));
        }
        let entry = Entry { number, key, statement: statement.to_owned() };
        let once = once("confirm", lot, number, &claims.nonce, statement);
        self.submit_signed(slot, lot, number, Action::ConfirmEntry(entry), once).await
    }

    async fn submit_signed(
        &self,
        slot: Slot,
        lot: Id,
        number: u32,
        action: Action,
        once: Once,
    ) -> Result<BidAnswer, Refusal> {
        let command = Command { actor: Actor::Bidder(number), subject: Subject::Lot(lot), action };
        let outcome = slot.submit(Submission { work: Work::Command(command), once: Some(once) }).await?;
        Ok(outcome.into())
    }

    /// The key registered for a number on the lot of the URL, which must be the lot of the statement.
    fn lot_key(&self, lot: Id, claimed: Id, number: u32) -> Result<Jwk, Refusal> {
        if claimed != lot {
            return Err(Refusal::with(Code::StatementMismatch, "lot"));
        }
        self.sequencer.read(|committed| {
            let lot: &Lot = committed.state.lots.get(&lot).ok_or(Code::LotUnknown)?;
            // 招标投标法 art. 22: until the opening a stranger who tries numbers gets the answer that a wrong key gets,
            // or the answers would count the bidders.
            let public = lot.numbers_are_public();
            let unknown = || if public { Code::NumberUnknown.into() } else { refusal(StatementError::KeyUnknown) };
            Ok(lot.roster.get(&number).ok_or_else(unknown)?.key)
        })
    }
}

/// A nonce belongs to one number on one lot: sent again with the same bytes it gets the same answer.
fn once(sort: &str, lot: Id, number: u32, nonce: &Nonce, statement: &str) -> Once {
    let scope = format!("{sort}/{lot}/{number}");
    Once::new(&scope, nonce.as_bytes(), Hash::of(statement.as_bytes()), Code::NonceReplayed)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refusal(error: StatementError) -> Refusal {
    let detail = error.to_string();
    Refusal::with(error.code(), detail)
}

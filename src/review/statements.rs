//! Check 4: what bidders signed. Reading and verifying need no state but the registered key, so that it can be done for
//! many entries at once; what a statement must agree with is checked in order, by replay.

use crate::base::{Fen, Hash, Id, Jwk};
use crate::engine::{Actor, Event, Fact, Subject};
use crate::ledger::statement::{self, Claims};
use crate::ledger::{BidStatement, ConfirmStatement, Nonce, Origin, PublicKey, Seen, StatementError};

/// A statement that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub said: Said,
    /// The key under which the signature holds; `None` when it was not checked.
    pub signed_by: Option<Jwk>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Bid(BidStatement),
    Confirm(ConfirmStatement),
}

/// Whose word an event carries: the statement, the lot and the number. `None` when it carries nobody's.
pub fn carried(event: &Event) -> Option<(&str, Id, u32)> {
    let statement = match &event.fact {
        Fact::BidAccepted(fact) => &fact.statement,
        Fact::BidRefused(fact) => &fact.statement,
        Fact::EntryConfirmed(fact) => &fact.statement,
        _ => return None,
    };
    match (event.subject, event.actor) {
        (Subject::Lot(lot), Actor::Bidder(number)) => Some((statement, lot, number)),
        _ => None,
    }
}

/// Reads the statement that `event` carries and, given the registered key, verifies its signature.
pub fn hear(event: &Event, key: Option<&PublicKey>) -> Option<Result<Heard, StatementError>> {
    let (text, _, _) = carried(event)?;
    let signed_by = key.map(PublicKey::jwk);
    let heard = match event.fact {
        Fact::EntryConfirmed(_) => read(text, key).map(Said::Confirm),
        _ => read(text, key).map(Said::Bid),
    };
    Some(heard.map(|said| Heard { said, signed_by }))
}

fn read<C: Claims + Clone>(text: &str, key: Option<&PublicKey>) -> Result<C, StatementError> {
    let decoded = statement::decode::<C>(text)?;
    match key {
        Some(key) => decoded.verify(key),
        None => Ok(decoded.unverified().clone()),
    }
}

/// The first thing in which a statement and its entry disagree: what was expected, what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    pub what: &'static str,
    pub expected: String,
    pub found: String,
}

impl Said {
    pub const fn nonce(&self) -> Nonce {
        match self {
            Self::Bid(bid) => bid.nonce,
            Self::Confirm(confirm) => confirm.nonce,
        }
    }

    const fn seen(&self) -> Option<Seen> {
        match self {
            Self::Bid(bid) => Some(bid.seen),
            Self::Confirm(_) => None,
        }
    }

    /// Ledger, lot, number and amount are those of the entry; what the bidder had seen is the truth about this ledger.
    pub fn agrees(
        &self,
        event: &Event,
        ledger: &Origin,
        root_at: impl Fn(u64) -> Option<Hash>,
    ) -> Result<(), Disagreement> {
        let Some((_, lot, number)) = carried(event) else { return Ok(()) };
        let (said_ledger, said_lot, said_number) = match self {
            Self::Bid(bid) => (&bid.ledger, bid.lot, bid.number),
            Self::Confirm(confirm) => (&confirm.ledger, confirm.lot, confirm.number),
        };
        same("statement_ledger", ledger, said_ledger)?;
        same("statement_lot", &lot, &said_lot)?;
        same("statement_number", &number, &said_number)?;
        if let (Self::Bid(bid), Some(amount)) = (self, amount_of(event)) {
            same("statement_amount", &amount, &bid.amount)?;
        }
        let Some(seen) = self.seen() else { return Ok(()) };
        match root_at(seen.size) {
            Some(root) => same("statement_seen", &root, &seen.root),
            None => Err(Disagreement {
                what: "statement_seen",
                expected: "a checkpoint before this entry".into(),
                found: format!("size {}", seen.size),
            }),
        }
    }
}

const fn amount_of(event: &Event) -> Option<Fen> {
    match &event.fact {
        Fact::BidAccepted(fact) => Some(fact.amount),
        Fact::BidRefused(fact) => Some(fact.amount),
        _ => None,
    }
}

fn same<T: PartialEq + ToString>(what: &'static str, expected: &T, found: &T) -> Result<(), Disagreement> {
    if expected == found {
        return Ok(());
    }
    Err(Disagreement { what, expected: expected.to_string(), found: found.to_string() })
}

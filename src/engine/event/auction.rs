//! The auction itself: bids, countdowns, periods and rungs, its end, and the hidden reserve.

use serde::{Deserialize, Serialize};

use crate::base::{Code, Fen, Hash, Micros};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuctionOpened {
    pub numbers: Vec<u32>,
    pub until: Micros,
}

/// Cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BidAccepted {
    pub amount: Fen,
    /// What the bidder signed, byte for byte.
    pub statement: String,
}

/// Cause. A bid of a registered bidder that broke a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BidRefused {
    pub amount: Fen,
    pub rule: Code,
    pub statement: String,
}

/// The countdown starts again from the bid before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountdownReset {
    pub until: Micros,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimedPeriodStarted {
    pub until: Micros,
}

/// 挂牌: those who quoted may now confirm that they enter the timed auction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmationOpened {
    pub eligible: Vec<u32>,
    pub until: Micros,
}

/// Cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryConfirmed {
    pub statement: String,
}

/// The price stands at its cap; from here on amounts count the rung's unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RungStarted {
    /// 1 is the first rung past the price.
    pub rung: u32,
    pub until: Micros,
}

/// A place in the ranking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    pub number: u32,
    pub amount: Fen,
    /// 0 for the price, else the rung that `amount` counts.
    pub rung: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuctionClosed {
    /// Best first; empty when nobody bid.
    pub ranking: Vec<Standing>,
    /// Until when the owner must disclose the hidden reserve, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve_due: Option<Micros>,
}

/// Cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReserveDisclosed {
    pub amount: Fen,
    /// 32 bytes, as committed.
    pub nonce: Hash,
}

/// The owner did not disclose in time: the best bid stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReserveLapsed {}

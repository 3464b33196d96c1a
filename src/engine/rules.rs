//! What a notice fixes for a lot and nobody can change afterwards.

use serde::{Deserialize, Serialize};

use crate::base::{Fen, Hash, Micros, Span};

/// The four categories of a public-resource trading centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Category {
    /// 工程建设, engineering and construction.
    A,
    /// 土地矿业权, land-use and mining rights.
    B,
    /// 国有产权, state-owned property.
    C,
    /// 政府采购, government procurement.
    D,
}

impl Category {
    pub const ALL: [Self; 4] = [Self::A, Self::B, Self::C, Self::D];

    pub const fn letter(self) -> char {
        match self {
            Self::A => 'A',
            Self::B => 'B',
            Self::C => 'C',
            Self::D => 'D',
        }
    }
}

/// The rules of one lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    pub method: Method,
    /// Fewer admitted bidders when the auction should open: the lot fails (招标投标法 art. 28, 条例 art. 44: three).
    pub min_bidders: u32,
    pub deposit: Fen,
    pub timetable: Timetable,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve: Option<Reserve>,
    /// Who may match the leading price and then leads (优先购买权人): unified social credit codes as the notice names them,
    /// the first right first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub priority: Vec<String>,
    /// The price at which the price phase ends: a ceiling when prices rise, a floor when they fall.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Fen>,
    /// What is bid for after the price has reached its cap, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ladder: Vec<Rung>,
}

impl Rules {
    /// Rank of the right of priority that the notice gives to this company, 1 first.
    pub fn priority_of(&self, credit_code: &str) -> Option<u32> {
        let place = self.priority.iter().position(|holder| holder == credit_code)?;
        u32::try_from(place).ok()?.checked_add(1)
    }
}

/// When what begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timetable {
    pub sign_up_opens: Micros,
    pub sign_up_closes: Micros,
    /// Deposits confirmed later do not admit.
    pub deposit_due: Micros,
    pub auction_opens: Micros,
}

/// A hidden reserve price: committed by hash, disclosed by the owner after the close. The platform never holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reserve {
    /// [`crate::base::reserve_commitment`] of lot, amount and nonce.
    pub commitment: Hash,
    /// How long after the close the owner may take; after that the reserve lapses and the best bid stands.
    pub disclosure: Span,
}

/// How the lot is traded. Adding a method: its file in `methods/`, its line here and in [`Method::rulebook`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum Method {
    Ascending(PriceRules),
    Descending(PriceRules),
    Listing(ListingRules),
}

/// 网络竞价 (upwards) and 反向竞价 (downwards).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceRules {
    /// Start price, or ceiling price when prices fall.
    pub start: Fen,
    pub step: Fen,
    /// The most steps that one bid may take.
    pub max_steps: u32,
    /// The free period: bids do not move its end.
    pub free: Span,
    /// The timed period: every valid bid resets the countdown to this, counted from that bid.
    pub window: Span,
}

/// 挂牌: a long quoting period, then a timed auction among those who confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListingRules {
    pub start: Fen,
    pub step: Fen,
    pub max_steps: u32,
    /// The quoting period; at least [`crate::base::limits::LISTING_QUOTING_MIN`].
    pub quoting: Span,
    /// How long those who quoted may confirm that they enter the timed auction.
    pub confirm: Span,
    pub window: Span,
}

/// What is bid for once the price stands at its cap: more of a quantity, at the capped price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// What is offered, such as 配建保障房面积.
    pub name: String,
    /// The unit that amounts on this rung count, such as 平方米.
    pub unit: String,
    pub start: Fen,
    pub step: Fen,
    pub max_steps: u32,
    /// Reaching it ends the rung.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Fen>,
    pub window: Span,
}

/// A document of the notice; the ledger holds its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    pub name: String,
    pub sha256: Hash,
    pub bytes: u64,
}

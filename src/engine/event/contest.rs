//! What happens when a result or a rule is contested: objections to owner and centre, complaints to the supervisor.

use serde::{Deserialize, Serialize};

use crate::base::{Id, Micros};

/// What an objection is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// The notice and its documents.
    Rules,
    /// The opening and the running of the auction.
    Opening,
    /// The result.
    Result,
}

/// Cause. Only the company itself, and later a reviewer with a case, may read who objected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectionFiled {
    pub objection: Id,
    pub account: Id,
    pub ground: Ground,
    pub text: String,
    /// Whether the public may read objection and answer.
    pub open: bool,
}

/// What everyone else is told of an objection: all but whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectionReceived {
    pub objection: Id,
    pub ground: Ground,
    pub text: String,
    /// By when it must be answered.
    pub due: Micros,
    pub open: bool,
}

/// Cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectionAnswered {
    pub objection: Id,
    pub text: String,
    pub upheld: bool,
    pub late: bool,
    pub open: bool,
}

/// Writes itself when the time for the answer passes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectionOverdue {
    pub objection: Id,
    pub open: bool,
}

/// Cause. Known by its objection; only the company itself, and later a reviewer with a case, may read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComplaintFiled {
    pub objection: Id,
    pub account: Id,
    pub text: String,
    pub open: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComplaintReceived {
    pub objection: Id,
    pub text: String,
    /// By when the supervisor must say whether it takes the complaint up.
    pub due: Micros,
    pub open: bool,
}

/// Cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, as the supervisor said them")]
pub struct ComplaintAdmitted {
    pub objection: Id,
    pub admitted: bool,
    pub reason: String,
    /// Whether the lot stands still until the decision.
    pub suspend: bool,
    /// By when it must be decided, if it is taken up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Micros>,
    /// When the standstill ends by law without a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_until: Option<Micros>,
    pub late: bool,
    pub open: bool,
}

/// Cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComplaintDecided {
    pub objection: Id,
    pub upheld: bool,
    pub text: String,
    pub late: bool,
    pub open: bool,
}

/// Writes itself when the supervisor's time passes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComplaintOverdue {
    pub objection: Id,
    pub open: bool,
}

/// The standstill of a complaint has lasted as long as the law allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComplaintHoldLapsed {
    pub objection: Id,
    pub open: bool,
}

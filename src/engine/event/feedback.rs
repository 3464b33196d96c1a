//! What supervision says about a lot, and what it is answered: questions, pauses, notes.

use serde::{Deserialize, Serialize};

use crate::base::{Id, Micros};

/// Cause. The centre must answer until `due`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionRaised {
    pub question: Id,
    /// The ledger entry that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    pub text: String,
    pub due: Micros,
    /// Whether the public may read question and answer.
    pub open: bool,
}

/// Cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionAnswered {
    pub question: Id,
    pub text: String,
    pub late: bool,
    pub open: bool,
}

/// Writes itself when the due time passes without an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionOverdue {
    pub question: Id,
    pub open: bool,
}

/// Cause. The lot stands still at once; the centre must answer until `due`, and only the supervisor lifts the pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseOrdered {
    pub order: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    pub reason: String,
    pub due: Micros,
    pub open: bool,
}

/// Cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseLifted {
    pub order: Id,
    pub reason: String,
    pub open: bool,
}

/// Cause. What a supervisor or reviewer remarks on an entry; it asks for nothing and changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoteAttached {
    /// The ledger entry that it is about.
    pub entry: u64,
    pub text: String,
    /// Whether the public may read it.
    pub open: bool,
}

//! What entries about the ledger itself say: the `data` of `ledger.created` and `ledger.policy_set` (ledger format §3).

use serde::{Deserialize, Serialize};

/// The kind of leaf 0.
pub const CREATED: &str = "ledger.created";
/// The kind of an entry that sets who must cosign from here on.
pub const POLICY_SET: &str = "ledger.policy_set";
/// What all of them are about.
pub const SUBJECT: &str = "ledger";

/// Leaf 0's `data`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Created {
    pub format: u64,
    pub origin: String,
    pub policy: String,
    pub verifier_key: String,
    pub witnesses: Vec<String>,
}

/// Who must cosign checkpoints from here on, and how long a missing witness holds back what is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySet {
    /// A C2SP tlog-policy.
    pub policy: String,
    /// 0: nothing is held back.
    pub wait_seconds: u64,
}

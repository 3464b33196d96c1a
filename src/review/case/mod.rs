//! A lot's case in one file, for a reviewer who need not trust us: `docs/case-format.md`. It holds a whole bundle, unchanged,
//! and beside it what is about the one lot: receipts, consistency proofs, clips, findings, a verifier to open it with.

mod read;
mod write;

pub use read::{CaseReader, CaseReport, verify};
pub use write::{Contents, write};

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::report::MissingPayloads;
use crate::base::{Hash, Id};
use crate::ledger::Origin;

const MANIFEST: &str = "case.json";
const LEDGER: &str = "ledger.zip";
const TYPE: &str = "mingjian-case";
const FORMAT: u32 = 1;
/// The log's key and its witnesses, as the ledger itself names them: a C2SP tlog-policy.
const POLICY: &str = "policy";
/// Receipts of the lot's bids: `<seq>.json`, and the bare proof in `<seq>.tlog-proof`.
const RECEIPTS: &str = "receipts/";
/// Consistency proofs: `<old>-<new>`.
const CONSISTENCY: &str = "consistency/";
/// Clips by the [`hex`] of their SHA-256.
const MEDIA: &str = "media/";

/// `case.json`, in JCS form: every other file of the case with its digest, and what the case is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Every file but this one: the SHA-256 of its bytes.
    pub files: BTreeMap<String, Hash>,
    pub format: u32,
    /// Entries about the lot whose payloads are in the case.
    pub entries: u64,
    pub lot: Id,
    /// Payloads of the whole ledger that are not in the case.
    pub missing: MissingPayloads,
    pub origin: Origin,
    /// For which class of readers it was made.
    pub reader: String,
    pub root: Hash,
    pub size: u64,
    pub r#type: String,
    /// The log's key as the exporter knows it; compare it with a copy of your own.
    pub verifier_key: String,
}

/// Whether a file of the case lies in it uncompressed: what is packed already.
fn is_stored(name: &str) -> bool {
    name == LEDGER || name.starts_with(MEDIA)
}

/// Lower-case hexadecimal.
fn hex(hash: Hash) -> String {
    hash.0.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

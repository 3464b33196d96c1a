//! A lot's case in one file, for a reviewer who need not trust us: `docs/case-format.md`. It holds a whole bundle, unchanged,
//! and beside it what is about the one lot: receipts, consistency proofs, clips, findings, a verifier to open it with.

mod part;
mod read;
mod report;
mod summary;
mod write;

pub use part::Part;
pub use read::{CaseReader, Clip, verify};
pub use report::{CaseReport, Enclosed};
pub use summary::{Printer, Summary, Told};
pub use write::{Contents, write};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::report::MissingPayloads;
use crate::base::{Hash, Id};
use crate::ledger::Origin;
use crate::ledger::media::ClipReferenced;

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
/// The references to clips: `<seq>.json`, the payload of that entry, and `<seq>.m3u8`, the playlist that it commits to.
const CLIPS: &str = "clips/";
/// Files of clips by the hexadecimal of their SHA-256.
const MEDIA: &str = "media/";
const VERIFIER: &str = "verify.html";
/// The report for people.
const PRINTED: &str = "report.pdf";

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

/// Where a file of a clip lies.
fn media_name(digest: Hash) -> String {
    format!("{MEDIA}{}", digest.to_hex())
}

/// The digests of the files that a clip refers to, in the order in which they are played.
fn files_of(clip: &ClipReferenced) -> impl Iterator<Item = Hash> {
    let of_part = |part: &crate::ledger::media::Part| -> Vec<Hash> {
        std::iter::once(part.init).chain(part.segments.iter().map(|segment| segment.digest)).collect()
    };
    clip.parts.iter().flat_map(of_part)
}

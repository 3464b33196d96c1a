//! A ledger in one file, for a reader without a network: `docs/bundle-format.md`. The bytes are those that the ledger
//! serves; a bundle adds only the names under which they lie.

mod read;
mod write;

pub use read::BundleReader;
pub(super) use read::{open_archive, unpack};
pub use write::{About, write};

use serde::{Deserialize, Serialize};

use super::report::MissingPayloads;
use super::source::Missing;
use crate::base::Hash;
use crate::base::limits::PAYLOAD_MAX_BYTES;
use crate::ledger::Origin;
use crate::ledger::tile::{TILE_WIDTH, TileKind, TilePath};

pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const CHECKPOINT: &str = "checkpoint";
pub(super) const README: &str = "README.md";
const TYPE: &str = "mingjian-bundle";
const FORMAT: u32 = 1;

/// `manifest.json`, in JCS form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Sizes of the earlier checkpoints that lie in `checkpoints/`, rising.
    pub checkpoints: Vec<u64>,
    pub format: u32,
    pub missing: MissingPayloads,
    pub origin: Origin,
    /// For which class of readers it was made: what that class may not read is marked as withheld.
    pub reader: String,
    /// Extensions without which the bundle cannot be understood. This version knows none.
    pub requires: Vec<String>,
    pub root: Hash,
    pub size: u64,
    pub r#type: String,
    /// The log's key as the exporter knows it: a hint to compare with one's own copy, not something to believe.
    pub verifier_key: String,
}

/// Why a bundle was refused or could not be written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("not a bundle: {0}")]
    Zip(#[from] zip::result::ZipError),
    #[error("bundle: {0}")]
    Io(#[from] std::io::Error),
    #[error("bundle: {name}: {why}")]
    Refused { name: String, why: &'static str },
    /// Only what is written can be: a reader calls it refused.
    #[error("{0}")]
    TooLarge(&'static str),
    #[error("bundle: the ledger could not be read: {0}")]
    Source(String),
}

pub(super) fn refused(name: impl Into<String>, why: &'static str) -> BundleError {
    BundleError::Refused { name: name.into(), why }
}

/// The tiles that hold `size` entries: all full but perhaps the last.
fn tiles(size: u64) -> impl Iterator<Item = TilePath> {
    let width = u64::from(TILE_WIDTH);
    (0..size.div_ceil(width)).map(move |index| {
        let rest = size - index * width;
        let width = u16::try_from(rest).unwrap_or(TILE_WIDTH).min(TILE_WIDTH);
        TilePath { kind: TileKind::Entries, index, width }
    })
}

/// Where the payloads of the entries of a tile lie: `payload/…` for `tile/entries/…`.
fn payload_name(tile: TilePath) -> String {
    tile.to_string().replacen("tile/entries/", "payload/", 1)
}

fn checkpoint_name(size: u64) -> String {
    format!("checkpoints/{size}")
}

/// A length that no payload has says why there is none.
const fn mark(missing: Missing) -> u16 {
    match missing {
        Missing::Withheld => u16::MAX,
        Missing::Erased => u16::MAX - 1,
        Missing::Damaged => u16::MAX - 2,
    }
}

/// Each payload behind its length as a big-endian uint16; a [`mark`] where there is none.
fn encode_payloads(payloads: &[Result<Vec<u8>, Missing>]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for payload in payloads {
        match payload {
            Ok(bytes) if bytes.len() <= PAYLOAD_MAX_BYTES => {
                out.extend_from_slice(&u16::try_from(bytes.len()).ok()?.to_be_bytes());
                out.extend_from_slice(bytes);
            }
            Ok(_) => return None,
            Err(missing) => out.extend_from_slice(&mark(*missing).to_be_bytes()),
        }
    }
    Some(out)
}

/// What [`encode_payloads`] wrote for `count` entries; `None` for anything else.
fn decode_payloads(bytes: &[u8], count: usize) -> Option<Vec<Result<Vec<u8>, Missing>>> {
    let mut payloads = Vec::with_capacity(count.min(usize::from(TILE_WIDTH)));
    let mut rest = bytes;
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let length = u16::from_be_bytes(*length);
        rest = after;
        let all = [Missing::Withheld, Missing::Erased, Missing::Damaged];
        let missing = all.into_iter().find(|missing| mark(*missing) == length);
        if let Some(missing) = missing {
            payloads.push(Err(missing));
            continue;
        }
        let length = Some(usize::from(length)).filter(|length| *length <= PAYLOAD_MAX_BYTES)?;
        let (payload, after) = rest.split_at_checked(length)?;
        rest = after;
        payloads.push(Ok(payload.to_vec()));
    }
    rest.is_empty().then_some(payloads)
}

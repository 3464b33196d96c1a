//! The engine's state as bytes. A snapshot is no part of the ledger, only a shorter way to what the ledger says: one that
//! cannot be read is passed over, and the ledger is replayed from its beginning.

use serde::{Deserialize, Serialize};

use super::journal::StoredSnapshot;
use crate::base::Hash;
use crate::engine::State;

/// Raise it whenever the shape of [`State`] changes, or what `apply` makes of an event.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Written<'a> {
    format: u32,
    size: u64,
    state: &'a State,
}

#[derive(Deserialize)]
struct Read {
    format: u32,
    size: u64,
    state: State,
}

/// Why a snapshot is passed over.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("its digest does not match")]
    Digest,
    #[error("it was written in another format")]
    Format,
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

/// The state after `size` entries, behind its SHA-256.
pub fn encode(size: u64, state: &State) -> Result<StoredSnapshot, SnapshotError> {
    let json = serde_json::to_vec(&Written { format: FORMAT, size, state })?;
    let mut bytes = Hash::of(&json).0.to_vec();
    bytes.extend_from_slice(&json);
    Ok(StoredSnapshot { size, bytes })
}

pub fn decode(snapshot: &StoredSnapshot) -> Result<State, SnapshotError> {
    let (digest, json) = snapshot.bytes.split_first_chunk::<32>().ok_or(SnapshotError::Digest)?;
    if Hash::of(json).0 != *digest {
        return Err(SnapshotError::Digest);
    }
    let read: Read = serde_json::from_slice(json)?;
    if read.format == FORMAT && read.size == snapshot.size { Ok(read.state) } else { Err(SnapshotError::Format) }
}

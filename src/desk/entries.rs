//! Entries as readers get them: which payload opens for whom is decided here for every route, stream and export.

use bytes::Bytes;

use super::Desk;
use crate::base::{Code, Hash, Micros};
use crate::engine::{Audience, Event, Fact, audience};
use crate::identity::{Viewer, may_read};
use crate::ledger::{Leaf, Payload, leaf_hash};
use crate::sequencer::StoredPayload;

/// An entry with what this reader may see of it.
#[derive(Debug, Clone)]
pub struct Entry {
    pub seq: u64,
    pub at: Micros,
    pub hash: Hash,
    pub leaf: Bytes,
    pub payload: Result<Bytes, Code>,
}

/// The engine's event in a payload; `None` for records and for what cannot be read.
pub fn event_of(payload: &[u8]) -> Option<Event> {
    let payload = Payload::parse(payload).ok()?;
    let fact = Fact::read(&payload.kind, payload.data).ok()??;
    Some(Event { actor: payload.actor.parse().ok()?, subject: payload.subject.parse().ok()?, fact })
}

impl Desk {
    /// The payload of entry `seq`, if `viewer` may read it now: `not_found`, `erased`, `not_yet_readable` otherwise.
    pub fn payload(&self, viewer: &Viewer, seq: u64) -> Result<Bytes, Code> {
        match self.reader.payload(seq).map_err(|_| Code::Internal)? {
            StoredPayload::Missing => Err(Code::NotFound),
            StoredPayload::Erased => Err(Code::Erased),
            StoredPayload::Present(bytes) => {
                if may_read(viewer, &self.audience_of(&bytes)) {
                    Ok(bytes)
                } else {
                    Err(Code::NotYetReadable)
                }
            }
        }
    }

    /// Entries of the whole ledger from `from` on, in order, as `viewer` may see them.
    pub fn entries(&self, viewer: &Viewer, from: u64, limit: usize) -> Result<Vec<Entry>, Code> {
        let stored = self.reader.entries(from, limit).map_err(|_| Code::Internal)?;
        stored
            .into_iter()
            .map(|entry| {
                let leaf = Leaf::parse(&entry.leaf).map_err(|_| Code::Internal)?;
                let payload = match entry.payload {
                    None => Err(Code::Erased),
                    Some(bytes) if may_read(viewer, &self.audience_of(&bytes)) => Ok(bytes),
                    Some(_) => Err(Code::NotYetReadable),
                };
                Ok(Entry { seq: entry.seq, at: leaf.time, hash: leaf_hash(&entry.leaf), leaf: entry.leaf, payload })
            })
            .collect()
    }

    fn audience_of(&self, payload: &[u8]) -> Audience {
        match event_of(payload) {
            Some(event) => self.sequencer.read(|committed| audience(&event, &committed.state)),
            None => Payload::parse(payload).map_or(Audience::Sealed, |payload| audience_of_record(&payload.kind)),
        }
    }
}

/// Entries that are not trade, by their kind. What is not named here is for supervision only.
pub fn audience_of_record(kind: &str) -> Audience {
    match kind {
        "ledger.created"
        | "ledger.restored"
        | "ledger.policy_set"
        | "ledger.key_rotated"
        | "ledger.verifier_published"
        | "checkpoint.timestamped" => Audience::Public,
        _ => Audience::Supervision,
    }
}

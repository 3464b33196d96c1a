//! Entries as readers get them: which payload opens for whom is decided here for every route, stream and export.

use bytes::Bytes;

use super::Desk;
use crate::base::Code;
use crate::engine::{Audience, Event, Fact, audience};
use crate::identity::{Viewer, may_read};
use crate::ledger::Payload;
use crate::sequencer::StoredPayload;

/// The engine's event in a payload; `None` for records and for what cannot be read.
pub fn event_of(payload: &[u8]) -> Option<Event> {
    let payload = Payload::parse(payload).ok()?;
    let fact = Fact::read(&payload.kind, payload.data).ok()??;
    Some(Event { actor: payload.actor.parse().ok()?, subject: payload.subject.parse().ok()?, fact })
}

impl Desk {
    /// The payload of entry `seq`, if `viewer` may read it now: `not_found`, `erased`, `not_yet_readable` otherwise, and
    /// `entry_damaged` where nobody can tell any more for whom it was.
    pub fn payload(&self, viewer: &Viewer, seq: u64) -> Result<Bytes, Code> {
        match self.reader.payload(seq).map_err(|_| Code::Internal)? {
            StoredPayload::Missing => Err(Code::NotFound),
            StoredPayload::Erased => Err(Code::Erased),
            StoredPayload::Present(bytes) => {
                if may_read(viewer, &self.audience_of(&bytes)?) {
                    Ok(bytes)
                } else {
                    Err(Code::NotYetReadable)
                }
            }
        }
    }

    fn audience_of(&self, payload: &[u8]) -> Result<Audience, Code> {
        if let Some(event) = event_of(payload) {
            return Ok(self.sequencer.read(|committed| audience(&event, &committed.state)));
        }
        let payload = Payload::parse(payload).map_err(|_| Code::EntryDamaged)?;
        Ok(audience_of_record(&payload.kind))
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

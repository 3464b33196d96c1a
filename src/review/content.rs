//! What a payload says, read as strictly as the platform writes it.

use serde::Deserialize;

use super::footage::{self, Evidence};
use crate::engine::{Event, Fact};
use crate::ledger::PolicyText;
use crate::ledger::payload::{self, Payload};

pub use crate::ledger::record::{
    CREATED, Created, KEY_ROTATED, KeyRotated, POLICY_SET, PolicySet, TIMESTAMPED, Timestamped, VERIFIER_PUBLISHED,
    VerifierPublished,
};

/// A payload by who answers for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Created(Created),
    /// Who must cosign from here on.
    PolicySet(PolicySet),
    /// Another key signs from here on; both signatures hold.
    KeyRotated(KeyRotated),
    /// An authority put its time on an earlier checkpoint.
    Timestamped(Timestamped),
    /// The offline verifier that the platform hands out from here on.
    VerifierPublished(VerifierPublished),
    /// The engine's: replay decides it again.
    Event(Box<Event>),
    /// Footage: replay passes over it, and a check of its own looks at it.
    Evidence(Box<Evidence>),
    /// Another room's: replay passes over it.
    Record {
        kind: String,
        subject: String,
    },
}

/// The kind that a payload names; empty for what is no payload.
pub fn kind_of(bytes: &[u8]) -> String {
    Payload::parse(bytes).map(|payload| payload.kind).unwrap_or_default()
}

/// Reads a payload. The bytes of an engine event must be exactly those that the event is written as: no field that the
/// rules do not know, no second spelling. The error says what does not fit.
pub fn read(bytes: &[u8]) -> Result<Content, String> {
    let payload = Payload::parse(bytes).map_err(|error| error.to_string())?;
    if let Some(evidence) = footage::read(&payload, bytes)? {
        return Ok(Content::Evidence(Box::new(evidence)));
    }
    let Payload { actor, kind, subject, salt, data } = payload;
    if kind == CREATED {
        return Created::deserialize(data).map(Content::Created).map_err(|error| format!("{kind}: {error}"));
    }
    if kind == POLICY_SET {
        let set = PolicySet::deserialize(data).map_err(|error| format!("{kind}: {error}"))?;
        set.policy.parse::<PolicyText>().map_err(|error| format!("{kind}: {error}"))?;
        return Ok(Content::PolicySet(set));
    }
    if kind == KEY_ROTATED {
        let rotated = KeyRotated::deserialize(data).map_err(|error| format!("{kind}: {error}"))?;
        rotated.check().map_err(|error| format!("{kind}: {error}"))?;
        return Ok(Content::KeyRotated(rotated));
    }
    if kind == TIMESTAMPED {
        let stamped = Timestamped::deserialize(data).map_err(|error| format!("{kind}: {error}"))?;
        stamped.token().ok_or_else(|| format!("{kind}: its token is no base64"))?;
        return Ok(Content::Timestamped(stamped));
    }
    if kind == VERIFIER_PUBLISHED {
        return VerifierPublished::deserialize(data)
            .map(Content::VerifierPublished)
            .map_err(|error| format!("{kind}: {error}"));
    }
    let Some(fact) = Fact::read(&kind, data).map_err(|error| format!("{kind}: {error}"))? else {
        return Ok(Content::Record { kind, subject });
    };
    if payload::encode(&actor, &kind, &fact, &salt, &subject).ok().as_deref() != Some(bytes) {
        return Err(format!("{kind}: holds more, or in another form, than the event that it is read as"));
    }
    let unknown = |name: &str| format!("{kind}: {name:?} names nobody and nothing that the rules know");
    let event = Event {
        actor: actor.parse().map_err(|_| unknown(&actor))?,
        subject: subject.parse().map_err(|_| unknown(&subject))?,
        fact,
    };
    Ok(Content::Event(Box::new(event)))
}

//! The digest of the offline verifier that this build hands out, as an entry of the ledger: whoever holds a `verify.html` can
//! tell whether it is the one that the platform answers for.

use std::sync::Arc;
use std::time::Duration;

use crate::base::limits::{FOLLOWER_REST, LEASE_LOOK_EVERY};
use crate::base::{Code, Hash, Span};
use crate::desk::Desk;
use crate::engine::Actor;
use crate::http::web_files;
use crate::ledger::Payload;
use crate::ledger::record::{SUBJECT, VERIFIER_PUBLISHED, VerifierPublished};
use crate::sequencer::{LedgerReader, Record, Sequencer, StoredPayload, Submission};
use crate::store::platform::views;
use crate::store::{Platform, StoreError};

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Writes the digest down unless it stands there already, on a thread of its own: while another node writes the ledger it
/// waits for its turn or for the other to have done it.
pub(super) fn start(desk: &Desk) -> Result<(), Failed> {
    let Some(page) = web_files::verifier() else { return Ok(()) };
    let published = Publication {
        sequencer: desk.sequencer.clone(),
        reader: Arc::clone(&desk.reader),
        platform: desk.platform.clone(),
        ledger: desk.ledger_name.clone(),
        before: desk.sequencer.read(|committed| committed.size),
        now: VerifierPublished {
            bytes: u64::try_from(page.len())?,
            sha256: Hash::of(&page),
            version: env!("CARGO_PKG_VERSION").into(),
        },
    };
    let work = move || {
        loop {
            match published.step() {
                Ok(Step::Done) => return,
                Ok(Step::Again(after)) => std::thread::sleep(Duration::from_micros(after.get())),
                Err(error) => return tracing::warn!(%error, "the verifier's digest is not in the ledger"),
            }
        }
    };
    std::thread::Builder::new().name("verifier".into()).spawn(work)?;
    Ok(())
}

enum Step {
    Done,
    Again(Span),
}

struct Publication {
    sequencer: Sequencer,
    reader: Arc<dyn LedgerReader>,
    platform: Platform,
    ledger: String,
    /// Entries that there were at the start; the index is asked when it knows them all, or it might not know the newest digest.
    before: u64,
    now: VerifierPublished,
}

impl Publication {
    fn step(&self) -> Result<Step, Failed> {
        let (indexed, newest) = self.platform.read(|tx| -> Result<_, StoreError> {
            let indexed = views::next_seq(tx, &self.ledger)?;
            Ok((indexed, views::newest_entry(tx, &self.ledger, SUBJECT, VERIFIER_PUBLISHED)?))
        })?;
        if u64::try_from(indexed)? < self.before {
            return Ok(Step::Again(FOLLOWER_REST));
        }
        if let Some(row) = newest
            && let StoredPayload::Present(bytes) = self.reader.payload(u64::try_from(row.seq)?)?
            && serde_json::from_value::<VerifierPublished>(Payload::parse(&bytes)?.data).ok().as_ref()
                == Some(&self.now)
        {
            return Ok(Step::Done);
        }
        let (kind, subject) = (VERIFIER_PUBLISHED.into(), SUBJECT.into());
        let record = Record { kind, subject, actor: Actor::System.to_string(), data: serde_json::to_value(&self.now)? };
        match self.sequencer.submit(Submission::record(record)).wait() {
            Ok(_) => Ok(Step::Done),
            Err(refusal) if refusal.code == Code::NotLeader => Ok(Step::Again(LEASE_LOOK_EVERY)),
            Err(refusal) => Err(refusal.code.to_string().into()),
        }
    }
}

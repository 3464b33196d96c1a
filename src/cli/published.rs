//! The digest of the offline verifier that this build hands out, as an entry of the ledger: whoever holds a `verify.html` can
//! tell whether it is the one that the platform answers for.

use std::time::Duration;

use crate::base::limits::LEASE_LOOK_EVERY;
use crate::base::{Code, Hash};
use crate::desk::Desk;
use crate::engine::Actor;
use crate::http::web_files;
use crate::ledger::Payload;
use crate::ledger::record::{SUBJECT, VERIFIER_PUBLISHED, VerifierPublished};
use crate::sequencer::{LedgerReader, Record, Sequencer, StoredPayload, Submission};
use crate::store::Platform;
use crate::store::platform::views;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Entries about the ledger itself that are looked through for the last digest.
const LOOKED_THROUGH: i64 = 1_000;

/// Writes the digest down unless it stands there already, on a thread of its own: while another node writes the ledger it
/// waits for its turn or for the other to have done it.
pub(super) fn start(desk: &Desk) -> Result<(), Failed> {
    let Some(page) = web_files::verifier() else { return Ok(()) };
    let now = VerifierPublished {
        bytes: u64::try_from(page.len())?,
        sha256: Hash::of(&page),
        version: env!("CARGO_PKG_VERSION").into(),
    };
    let (sequencer, reader) = (desk.sequencer.clone(), std::sync::Arc::clone(&desk.reader));
    let (platform, ledger) = (desk.platform.clone(), desk.ledger_name.clone());
    let work = move || {
        loop {
            match write(&sequencer, &*reader, &platform, &ledger, &now) {
                Ok(Some(Code::NotLeader)) => std::thread::sleep(Duration::from_micros(LEASE_LOOK_EVERY.get())),
                Ok(None) => return,
                Ok(Some(code)) => return tracing::warn!(%code, "the verifier's digest is not in the ledger"),
                Err(error) => return tracing::warn!(%error, "the verifier's digest is not in the ledger"),
            }
        }
    };
    std::thread::Builder::new().name("verifier".into()).spawn(work)?;
    Ok(())
}

/// Why it does not stand there now.
fn write(
    sequencer: &Sequencer,
    reader: &dyn LedgerReader,
    platform: &Platform,
    ledger: &str,
    now: &VerifierPublished,
) -> Result<Option<Code>, Failed> {
    let rows = platform.read(|tx| views::entries_of(tx, ledger, SUBJECT, 0, LOOKED_THROUGH))?;
    if let Some(row) = rows.iter().rev().find(|row| row.kind == VERIFIER_PUBLISHED)
        && let StoredPayload::Present(bytes) = reader.payload(u64::try_from(row.seq)?)?
        && serde_json::from_value::<VerifierPublished>(Payload::parse(&bytes)?.data).ok().as_ref() == Some(now)
    {
        return Ok(None);
    }
    let (kind, subject) = (VERIFIER_PUBLISHED.into(), SUBJECT.into());
    let record = Record { kind, subject, actor: Actor::System.to_string(), data: serde_json::to_value(now)? };
    Ok(sequencer.submit(Submission::record(record)).wait().err().map(|refusal| refusal.code))
}

//! Has the newest checkpoint stamped by an authority again and again: the token is kept beside the ledger, and logged as a
//! later entry, so that it is in every copy.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::base::Entropy;
use crate::engine::Actor;
use crate::ledger::SignedCheckpoint;
use crate::ledger::record::{SUBJECT, TIMESTAMPED, Timestamped};
use crate::sequencer::{Record, Sequencer, Status, Submission};
use crate::witness::timestamp::Authority;

/// The folder of tokens and the texts that they stamp, in a data directory.
pub const TIMESTAMPS: &str = "timestamps";

/// What it takes to have checkpoints stamped.
pub struct Stamping {
    pub authority: Authority,
    pub every: Duration,
    /// Where tokens and the texts that they stamp are kept.
    pub dir: PathBuf,
}

impl Stamping {
    /// On a thread that ends with the process.
    pub fn start(self, sequencer: Sequencer, entropy: Arc<dyn Entropy>) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.dir)?;
        std::thread::Builder::new().name("timestamps".into()).spawn(move || {
            let mut stamped = None;
            loop {
                // A node that follows leaves it to the one that writes.
                let writes = matches!(sequencer.status(), Status::Running);
                let size = sequencer.read(|committed| committed.size);
                // The entry that logs a timestamp is no reason for another one.
                if writes && stamped.is_none_or(|last| size > last + 1) {
                    match self.stamp(&sequencer, &*entropy) {
                        Ok(size) => stamped = Some(size),
                        Err(error) => tracing::warn!(%error, "no timestamp; it is asked for again"),
                    }
                }
                std::thread::sleep(self.every);
            }
        })?;
        Ok(())
    }

    /// The size of the checkpoint that was stamped.
    pub fn stamp(&self, sequencer: &Sequencer, entropy: &dyn Entropy) -> Result<u64, Box<dyn std::error::Error>> {
        let signed = SignedCheckpoint::parse(&sequencer.checkpoint())?;
        let (text, head) = (signed.note().text(), signed.unverified());
        let mut nonce = [0; 8];
        entropy.fill(&mut nonce);
        let timestamp = self.authority.stamp(text.as_bytes(), nonce)?;
        std::fs::write(self.dir.join(format!("{}.txt", head.size)), text)?;
        std::fs::write(self.dir.join(format!("{}.tst", head.size)), &timestamp.token)?;
        let data = Timestamped {
            root: head.root,
            size: head.size,
            time: timestamp.at,
            token: STANDARD.encode(&timestamp.token),
        };
        let data = serde_json::to_value(&data)?;
        let actor = Actor::System.to_string();
        let record = Record { kind: TIMESTAMPED.into(), subject: SUBJECT.into(), actor, data };
        sequencer.submit(Submission::record(record)).wait().map_err(|refusal| refusal.to_string())?;
        Ok(head.size)
    }
}

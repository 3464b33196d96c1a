//! Whether this ledger may be signed on from where it stands. An old copy that went on signing would fork the ledger:
//! two different entries under one number, both signed. So before anything is signed, those who may know of more are
//! asked, and what they show must lie within what is stored here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use ureq::Agent;

use super::memory;
use crate::base::Code;
use crate::base::limits::NOTE_MAX_BYTES;
use crate::engine::{Actor, Refusal};
use crate::identity::{KeyFileError, ServerKeys, SystemEntropy};
use crate::ledger::checkpoint::CheckpointError;
use crate::ledger::{NoteError, Origin, Policy, SignedCheckpoint, VerifierKey};
use crate::sequencer::{LedgerReader, LedgerTree, ReadError, Record, Sequencer, Submission};
use crate::store::backup::{self, Restored, Shown};
use crate::store::{DataDir, StoreError};

/// Somebody who may hold a newer checkpoint of the ledger than we do.
pub trait CheckpointSource {
    /// As the log names it.
    fn name(&self) -> String;
    /// The signed note of the newest checkpoint that it knows.
    fn newest(&self) -> Result<String, String>;
}

/// A note in a file, such as a monitor keeps.
struct Kept(PathBuf);

impl CheckpointSource for Kept {
    fn name(&self) -> String {
        self.0.display().to_string()
    }

    fn newest(&self) -> Result<String, String> {
        std::fs::read_to_string(&self.0).map_err(|error| error.to_string())
    }
}

/// A URL that answers with the note: a mirror's, a witness's, an archive's.
struct Published(String);

/// A start waits no longer than this for one source.
const ANSWER_MAX: Duration = Duration::from_secs(10);

impl CheckpointSource for Published {
    fn name(&self) -> String {
        self.0.clone()
    }

    fn newest(&self) -> Result<String, String> {
        let agent: Agent = Agent::config_builder().max_redirects(0).timeout_global(Some(ANSWER_MAX)).build().into();
        let limit = u64::try_from(NOTE_MAX_BYTES).unwrap_or(u64::MAX);
        let answer = agent.get(&self.0).call().map_err(|error| error.to_string())?;
        answer.into_body().into_with_config().limit(limit).read_to_string().map_err(|error| error.to_string())
    }
}

/// From a setting: a URL, or the name of a file.
pub fn source(spelling: &str) -> Box<dyn CheckpointSource> {
    if spelling.starts_with("http://") || spelling.starts_with("https://") {
        Box::new(Published(spelling.to_owned()))
    } else {
        Box::new(Kept(spelling.into()))
    }
}

/// Why the ledger may not be signed on.
#[derive(Debug, thiserror::Error)]
pub enum Discontinued {
    #[error(
        "this copy of the ledger ends at {stored} entries, but {source_name} shows a signed checkpoint over {published}: \
         {} entries are missing here. Going on would fork the ledger. Restore a newer backup, or bring the missing entries \
         back from the old disk",
        published - stored
    )]
    Behind { source_name: String, stored: u64, published: u64 },
    #[error(
        "the first {size} entries here are not those that {source_name} shows a signed checkpoint over: the ledger has been \
         forked or altered. Serve nothing; keep both copies as evidence"
    )]
    Forked { source_name: String, size: u64 },
    #[error("{source_name}: not a checkpoint of this ledger, signed with its key: {why}")]
    NotOurs { source_name: String, why: CheckpointError },
    #[error("{source_name}: {why}")]
    Silent { source_name: String, why: String },
    #[error(
        "this data directory was restored on {} from a backup of {} and ends at {stored} entries. It is served only when it \
         is sure that nothing newer was signed: get the newest checkpoint that anybody holds (witnesses, mirrors, people who \
         watched) and start with --newest-checkpoint FILE",
        .mark.restored_at, .mark.backup_made_at
    )]
    NotShown { mark: Restored, stored: u64 },
    #[error("the keys are missing: put the server.json of this installation back into {}", .0.display())]
    NoKeys(PathBuf),
    #[error("the ledger does not take the entry that says that it was restored: {0}")]
    NotWritten(Refusal),
    #[error("origin: {0:?} cannot be the name of a ledger")]
    Origin(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// Asks everybody who may know more than the stored ledger that `reader` reads, if there is one yet. `shown` is what the
/// operator brings along.
///
/// Without a mark of a restore, a source that does not answer is passed over with a warning: losing a mirror must not
/// stop a platform. After a restore every source must answer, and there must be one at least; what this installation
/// remembers itself is asked as well and is none of them, for others may know more.
pub fn check(
    dir: &DataDir,
    reader: Option<&dyn LedgerReader>,
    origin: &str,
    sources: &[String],
    shown: Option<&Path>,
) -> Result<(), Discontinued> {
    let mark = backup::restored(dir)?.filter(|mark| mark.shown.is_none());
    let own = memory::remembered(dir).map(Kept);
    let sources: Vec<_> = sources
        .iter()
        .map(|spelling| source(spelling))
        .chain(shown.map(|file| Box::new(Kept(file.to_owned())) as _))
        .collect();
    if mark.is_none() && own.is_none() && sources.is_empty() {
        return Ok(());
    }
    let keys = dir.keys_path();
    if !ServerKeys::exist(&keys) {
        // Without keys and without a ledger nothing was ever signed here.
        return if reader.is_some() { Err(Discontinued::NoKeys(keys)) } else { Ok(()) };
    }
    let stored = reader.map_or(Ok(0), LedgerReader::size)?;
    let name = Origin::new(origin).map_err(|_| Discontinued::Origin(origin.to_owned()))?;
    let keys = super::keys::of_log(&ServerKeys::load_or_create(&keys, &SystemEntropy::new())?, &name)?;
    if let Some(own) = own {
        ask(&own, reader, stored, &keys)?;
    }
    let mut newest = None;
    for source in &sources {
        let must_answer = mark.is_some() || shown.is_some_and(|file| *file == *source.name());
        match ask(source.as_ref(), reader, stored, &keys) {
            Ok(size) => newest = newest.max(Some(size)),
            Err(Discontinued::Silent { source_name, why }) if !must_answer => {
                tracing::warn!(source = source_name, why, "a source of checkpoints does not answer");
            }
            Err(refusal) => return Err(refusal),
        }
    }
    match (mark, newest) {
        (None, _) => Ok(()),
        (Some(mark), Some(newest)) => {
            let shown = Some(Shown { stored, newest });
            Ok(backup::mark(dir, &Restored { shown, ..mark })?)
        }
        (Some(mark), None) => Err(Discontinued::NotShown { mark, stored }),
    }
}

/// The size of the source's newest checkpoint, which lies within the ledger; no `reader`: nothing is stored.
pub(super) fn ask(
    source: &dyn CheckpointSource,
    reader: Option<&dyn LedgerReader>,
    stored: u64,
    keys: &[VerifierKey],
) -> Result<u64, Discontinued> {
    let source_name = source.name();
    let note = match source.newest() {
        Ok(note) => note,
        Err(why) => return Err(Discontinued::Silent { source_name, why }),
    };
    // Witnesses' lines may be missing from a note that somebody kept; the log's own signature is what convicts us.
    // Whichever of our keys it was at that time.
    let verify = |signed: &SignedCheckpoint| {
        let mut result = Err(CheckpointError::Note(NoteError::Unsigned));
        for key in keys {
            let policy = Policy::log_only(key.clone()).map_err(|_| NoteError::Malformed)?;
            result = signed.verify(&policy).cloned();
            if result.is_ok() {
                break;
            }
        }
        result
    };
    let checkpoint = match SignedCheckpoint::parse(&note).and_then(|signed| verify(&signed)) {
        Ok(checkpoint) => checkpoint,
        Err(why) => return Err(Discontinued::NotOurs { source_name, why }),
    };
    if checkpoint.size > stored {
        return Err(Discontinued::Behind { source_name, stored, published: checkpoint.size });
    }
    if let Some(reader) = reader
        && (LedgerTree { reader, size: checkpoint.size }).root()? != checkpoint.root
    {
        return Err(Discontinued::Forked { source_name, size: checkpoint.size });
    }
    Ok(checkpoint.size)
}

/// Refuses a restored directory that has been shown nothing yet, whoever opens it.
pub fn refuse_unshown(dir: &DataDir, reader: &dyn LedgerReader) -> Result<(), Discontinued> {
    match backup::restored(dir)? {
        Some(mark) if mark.shown.is_none() => Err(Discontinued::NotShown { mark, stored: reader.size()? }),
        _ => Ok(()),
    }
}

/// Has a ledger that goes on after a restore say so, for all to read; then takes the mark away.
pub fn settle(dir: &DataDir, sequencer: &Sequencer) -> Result<(), Discontinued> {
    let Some(Restored { backup_made_at, restored_at, shown: Some(shown) }) = backup::restored(dir)? else {
        return Ok(());
    };
    let record = Record {
        kind: "ledger.restored".into(),
        subject: "ledger".into(),
        actor: Actor::System.to_string(),
        data: json!({
            "backup_made_at": backup_made_at.to_string(),
            "entries": shown.stored,
            "newest_checkpoint": shown.newest,
            "restored_at": restored_at.to_string(),
        }),
    };
    let pending = sequencer.submit(Submission::record(record));
    // On a thread of its own: the start of a server runs on one that must not wait.
    let written = std::thread::scope(|scope| scope.spawn(|| pending.wait()).join());
    written.unwrap_or_else(|_| Err(Code::Internal.into())).map_err(Discontinued::NotWritten)?;
    Ok(backup::settle(dir)?)
}

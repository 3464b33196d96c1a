//! What this installation remembers of its ledger apart from it: the newest checkpoint that it signed or followed, in a file
//! of the data directory. A database that was set back without this file (a backup brought back by hand, a standby that
//! lacked the last commits, an empty database in its place) is noticed at the next start (`continuity`). While a node runs, it
//! knows by itself where the ledger ended.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::base::limits::REMEMBER_EVERY;
use crate::sequencer::Sequencer;
use crate::store::data_dir::write_whole;
use crate::store::{DataDir, StoreError};

const FILE: &str = "newest-checkpoint";

/// The file, if it is there.
pub(super) fn remembered(dir: &DataDir) -> Option<PathBuf> {
    Some(dir.path().join(FILE)).filter(|path| path.exists())
}

/// Keeps the file current until it is dropped.
pub(super) struct Memory {
    /// Dropped to end the thread.
    running: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Memory {
    pub fn start(dir: &Path, sequencer: Sequencer) -> io::Result<Self> {
        let (running, ended) = channel::<()>();
        let dir = dir.to_owned();
        let mut size = 0;
        let work = move || {
            loop {
                let over = ended.recv_timeout(Duration::from_micros(REMEMBER_EVERY.get()));
                if let Err(error) = remember(&dir, &sequencer, &mut size) {
                    tracing::warn!(%error, "the newest checkpoint cannot be kept in the data directory");
                }
                if over == Err(RecvTimeoutError::Disconnected) {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("memory".into()).spawn(work)?;
        Ok(Self { running: Some(running), thread: Some(thread) })
    }
}

impl Drop for Memory {
    /// Waits for the last checkpoint to be kept.
    fn drop(&mut self) {
        self.running = None;
        if let Some(thread) = self.thread.take() {
            // Its panic was logged where it happened.
            let _ = thread.join();
        }
    }
}

fn remember(dir: &Path, sequencer: &Sequencer, kept: &mut u64) -> Result<(), StoreError> {
    let (size, note) = sequencer.read(|committed| (committed.size, committed.checkpoint.clone()));
    if size > *kept {
        write_whole(dir, FILE, note.as_bytes())?;
        *kept = size;
    }
    Ok(())
}

//! Brings the write-ahead log of a ledger's file back into the file beside the writer, so that no commit waits for it.
//! SQLite would do it inside the commit that fills the log's thousandth page: every bid of that batch would wait for the
//! pages of all the batches before it.

use std::path::Path;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use diesel::connection::SimpleConnection as _;

use super::data_dir::io_error;
use super::{StoreError, connection};
use crate::base::limits::{WAL_MAX_PAGES, WAL_REST_BYTES};

/// The writer's side.
pub struct Checkpointer {
    written: usize,
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts a thread with a connection of its own to the file at `path`.
    pub fn start(path: &Path) -> Result<Self, StoreError> {
        let mut connection = connection::open(path)?;
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::Builder::new().name("wal".into()).spawn(move || {
            while woken.recv() == Ok(()) {
                // PASSIVE waits for nobody. What fails here stays in the log, from which it is read and tried again.
                if let Err(error) = connection.batch_execute("PRAGMA wal_checkpoint(PASSIVE)") {
                    tracing::warn!(%error, "the write-ahead log cannot be brought into the ledger's file");
                }
            }
        });
        let thread = thread.map_err(|error| io_error(path, error))?;
        Ok(Self { written: 0, wake: Some(wake), thread: Some(thread) })
    }

    /// What the writer's own connection is told: to do it by itself only when the log has grown too far.
    pub fn pragma() -> String {
        format!("PRAGMA wal_autocheckpoint = {WAL_MAX_PAGES}")
    }

    /// So many more bytes lie in the log.
    pub fn wrote(&mut self, bytes: usize) {
        self.written += bytes;
        if self.written >= WAL_REST_BYTES
            && let Some(wake) = &self.wake
        {
            self.written = 0;
            // Full: it is awake already. Disconnected: the writer's own bound holds.
            if let Err(TrySendError::Disconnected(())) = wake.try_send(()) {
                self.wake = None;
            }
        }
    }
}

/// The file is closed when this returns.
impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpointer has panicked");
        }
    }
}

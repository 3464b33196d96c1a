//! What only the node that writes the ledger does with footage: clips are resolved when their last segment is in, and what
//! is over is buried. It works whether or not a recorder runs in the same process.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Evidence;
use super::camera::Stop;
use super::clips::Asked;
use super::locks::Held;
use crate::base::limits::RETENTION_EVERY;
use crate::base::{Code, Id, Span};
use crate::sequencer::{Record, Sequencer, Status, Submission};

/// How often it looks for clips that can be resolved.
const LOOK_EVERY: Span = Span::secs(1);

/// A running keeper; dropping it ends it.
pub struct Keeper {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub fn start(evidence: Arc<Evidence>, sequencer: Sequencer) -> std::io::Result<Self> {
        let stop = Arc::new(Stop::default());
        let own = Work {
            evidence,
            sequencer,
            stop: Arc::clone(&stop),
            resolved: BTreeSet::new(),
            asked: Asked::new(),
            held: Held::new(),
        };
        let thread = thread::Builder::new().name("footage".into()).spawn(move || own.run())?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.set();
        if let Some(thread) = self.thread.take() {
            // A panic in it was logged; there is nothing left to wait for.
            let _ = thread.join();
        }
    }
}

struct Work {
    evidence: Arc<Evidence>,
    sequencer: Sequencer,
    stop: Arc<Stop>,
    /// Clips whose references are written.
    resolved: BTreeSet<Id>,
    asked: Asked,
    held: Held,
}

impl Work {
    fn run(mut self) {
        let mut buried: Option<Instant> = None;
        while !self.stop.wait(LOOK_EVERY) {
            if self.sequencer.status() != Status::Running {
                continue;
            }
            self.resolve();
            // What a store does not take now is due again at the next look.
            if let Err(code) = self.evidence.hold_footage(&mut self.held) {
                tracing::error!(%code, "footage that is held waits for its lock");
            }
            if buried.is_none_or(|at| at.elapsed() >= Duration::from_micros(RETENTION_EVERY.get())) {
                self.bury();
                buried = Some(Instant::now());
            }
        }
    }

    /// What the ledger does not take now is due again at the next look.
    fn resolve(&mut self) {
        let due = self.evidence.due_clips(&*self.sequencer.reader(), &mut self.asked).unwrap_or_else(|code| {
            tracing::error!(%code, "clips cannot be resolved");
            Vec::new()
        });
        for (clip, record) in due {
            // The tables learn of it a moment later than the ledger.
            if !self.resolved.contains(&clip) && self.submit(record).is_ok() {
                self.resolved.insert(clip);
            }
        }
    }

    /// Deletes footage whose time is over, each page after the entry that says so.
    fn bury(&self) {
        let due = self.evidence.due_burials().unwrap_or_else(|code| {
            tracing::error!(%code, "footage whose time is over cannot be looked for");
            Vec::new()
        });
        for burial in due {
            if self.submit(burial.record.clone()).is_ok()
                && let Err(error) = self.evidence.bury(&burial)
            {
                tracing::error!(%error, "footage whose time is over cannot be deleted");
            }
        }
    }

    fn submit(&self, record: Record) -> Result<(), Code> {
        self.sequencer.submit(Submission::record(record)).wait().map(drop).map_err(|refusal| refusal.code)
    }
}

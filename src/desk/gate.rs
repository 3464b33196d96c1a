//! Answers the live stream's one question: may this reader have this payload.

use super::entries::audience_of_record;
use crate::engine::audience;
use crate::identity::{Viewer, may_read};
use crate::sequencer::{CommittedEntry, Sequencer};

/// Asks the same two functions as every other way out: `engine::audience` and `identity::may_read`.
pub struct ReadGate {
    pub sequencer: Sequencer,
}

impl ReadGate {
    pub fn may_read(&self, viewer: &Viewer, entry: &CommittedEntry) -> bool {
        let class = match &entry.event {
            Some(event) => self.sequencer.read(|committed| audience(event, &committed.state)),
            None => audience_of_record(&entry.kind),
        };
        may_read(viewer, &class)
    }
}

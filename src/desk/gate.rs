//! Whom the live stream lets in and what they may read: the same two functions as every other way out,
//! `engine::audience` and `identity::may_read`.

use std::sync::{Arc, OnceLock};

use super::entries::audience_of_record;
use crate::base::Id;
use crate::engine::audience;
use crate::engine::state::Lot;
use crate::identity::{Identity, Viewer, may_read};
use crate::live::scope::lot_of;
use crate::live::{Denied, Gate, Reader, Scope};
use crate::sequencer::{Clock, CommittedEntry, Sequencer};

/// What readers of the stream ask. The hub is made before the sequencer that it listens to, hence the late handle;
/// without it nothing but the ledger's own public records opens.
#[derive(Clone)]
pub struct ReadGate {
    identity: Arc<Identity>,
    clock: Arc<dyn Clock>,
    sequencer: Arc<OnceLock<Sequencer>>,
}

impl ReadGate {
    pub fn new(identity: Arc<Identity>, clock: Arc<dyn Clock>) -> Self {
        Self { identity, clock, sequencer: Arc::default() }
    }

    /// To be called once, when the sequencer runs.
    pub fn open(&self, sequencer: Sequencer) {
        // A second call would be a second ledger behind one gate; the first one stays.
        let _already_open = self.sequencer.set(sequencer);
    }

    /// A reader with the rights of `viewer`.
    pub fn reader(&self, viewer: Viewer) -> Arc<dyn Reader> {
        Arc::new(StreamReader { gate: self.clone(), viewer })
    }
}

impl Gate for ReadGate {
    fn public(&self) -> Arc<dyn Reader> {
        self.reader(Viewer::public())
    }

    fn redeem(&self, ticket: &str) -> Option<Arc<dyn Reader>> {
        let viewer = self.identity.redeem_ticket(ticket, self.clock.now()).ok()?;
        Some(self.reader(viewer))
    }
}

struct StreamReader {
    gate: ReadGate,
    viewer: Viewer,
}

impl Reader for StreamReader {
    fn account(&self) -> Option<Id> {
        self.viewer.account
    }

    fn may_read(&self, entry: &CommittedEntry) -> bool {
        let class = match (&entry.event, self.gate.sequencer.get()) {
            (Some(event), Some(sequencer)) => sequencer.read(|committed| audience(event, &committed.state)),
            (Some(_), None) => return false,
            (None, _) => audience_of_record(&entry.kind),
        };
        may_read(&self.viewer, &class)
    }

    /// 招标投标法 art. 22: before the opening its mere presence among a lot's entries could tell that somebody signed up.
    fn may_know(&self, damaged: &CommittedEntry) -> bool {
        let lot = lot_of(&damaged.subject);
        self.gate.sequencer.get().zip(lot).is_some_and(|(sequencer, lot)| {
            sequencer.read(|committed| committed.state.lots.get(&lot).is_some_and(Lot::numbers_are_public))
        })
    }

    /// Proceedings are public (product: everyone sees auction bids live, under numbers); what of a frame is not public
    /// is decided entry by entry. Only a lot that does not exist cannot be followed.
    fn may_follow(&self, scope: Scope) -> Result<(), Denied> {
        match (scope, self.gate.sequencer.get()) {
            (Scope::Lot(lot), Some(sequencer)) => {
                let known = sequencer.read(|committed| committed.state.lots.contains_key(&lot));
                if known { Ok(()) } else { Err(Denied::Unknown) }
            }
            _ => Ok(()),
        }
    }

    fn renewed(&self) -> Option<Arc<dyn Reader>> {
        let viewer = self.gate.identity.renewed(&self.viewer, self.gate.clock.now()).ok()?;
        Some(self.gate.reader(viewer))
    }
}

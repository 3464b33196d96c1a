//! What a recorder's threads share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::journal::Journals;
use super::pending::Pending;
use super::{Host, MediaStore, Monitor, Networks, Settings, actor};
use crate::base::limits::FOOTAGE_SPACE_MIN_BYTES;
use crate::base::{Entropy, Id, Micros};
use crate::sequencer::Clock;

/// What a recorder is made of.
pub struct Equipment {
    pub settings: Settings,
    pub store: Arc<dyn MediaStore>,
    /// The folder of its own notes, which no other recorder may use meanwhile.
    pub notes: PathBuf,
    pub host: Arc<dyn Host>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub monitor: Arc<Monitor>,
}

/// One recorder's work in progress.
pub struct Recording {
    name: String,
    pub(super) ffmpeg: PathBuf,
    pub(super) networks: Networks,
    pub(super) store: Arc<dyn MediaStore>,
    pub(super) host: Arc<dyn Host>,
    pub(super) monitor: Arc<Monitor>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    pub(super) journals: Journals,
    pub(super) pending: Pending,
    /// Runs that are over; their journals go when all of them is announced.
    pub(super) ended: Mutex<Vec<Id>>,
    /// Up to when footage was found that an earlier life of the recorder did not announce.
    pub(super) recovered: Mutex<BTreeMap<Id, Micros>>,
}

impl Recording {
    pub fn open(equipment: Equipment) -> std::io::Result<Self> {
        let Equipment { settings, store, notes, host, clock, entropy, monitor } = equipment;
        Ok(Self {
            name: settings.name,
            ffmpeg: settings.ffmpeg,
            networks: settings.networks,
            store,
            host,
            monitor,
            clock,
            journals: Journals::open(notes, &*entropy)?,
            entropy,
            pending: Pending::default(),
            ended: Mutex::default(),
            recovered: Mutex::default(),
        })
    }

    /// Under which name its entries stand.
    pub(super) fn own_name(&self) -> String {
        actor(&self.name)
    }

    /// The wall clock.
    pub(super) fn now(&self) -> Micros {
        self.clock.now()
    }

    pub(super) fn fresh_id(&self) -> Id {
        let mut random = [0; 10];
        self.entropy.fill(&mut random);
        Id::new(self.now(), random)
    }

    /// Why nothing more can be recorded, if that is so.
    pub(super) fn check_space(&self) -> Result<(), String> {
        match self.store.space() {
            Ok(Some(space)) if space.free_bytes < FOOTAGE_SPACE_MIN_BYTES => {
                Err(format!("the disk of the footage is full: {} MiB are left", space.free_bytes >> 20))
            }
            Ok(_) => Ok(()),
            Err(error) => Err(format!("the disk of the footage cannot be read: {error}")),
        }
    }
}

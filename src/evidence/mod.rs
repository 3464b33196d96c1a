//! Lives here: cameras and what becomes of them: the recorder, segments on disk, their announcement in the ledger, clips,
//! playback, retention.
//! Must never know: HTTP, SQL, who may do what, trading rules.
//! Start reading at `recorder`, then `camera` (one camera's life) and `pending` (how footage gets into the ledger).
//!
//! The way of a picture: camera → `relay` (login, silence) → ffmpeg (copies) → `splitter` (segments) → `media_clock` (when)
//! → `storage` (durable) → `journal` → `pending` → one entry of the ledger, which commits to all of it.

pub mod address;
mod alarms;
mod camera;
pub mod clips;
mod ffmpeg;
pub mod journal;
pub mod live;
pub mod login;
pub mod media_clock;
pub mod mp4;
mod pending;
pub mod recorder;
mod relay;
mod rtsp;
pub mod splitter;
pub mod status;
pub mod storage;
pub mod views;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use address::{Address, AddressError, Networks};
pub use live::Live;
pub use login::Login;
pub use recorder::Recorder;
pub use status::{Phase, Status};
pub use storage::{Directory, MediaStore};

use crate::base::limits::FOOTAGE_SPACE_MIN_BYTES;
use crate::base::{Entropy, Id, Micros};
use crate::sequencer::Clock;
use crate::store::Platform;
use journal::Journals;
use pending::Pending;
use status::Watched;

/// What differs between recorders.
#[derive(Debug, Clone)]
pub struct Settings {
    /// As its entries name it.
    pub name: String,
    pub ffmpeg: PathBuf,
    pub networks: Networks,
}

/// Where user and password of a camera come from.
pub trait Logins: Send + Sync {
    /// `None`: it needs none.
    fn login(&self, camera: Id) -> Option<Login>;
}

/// The room's door: what recorder, desk and routes share.
pub struct Evidence {
    pub settings: Settings,
    pub store: Arc<dyn MediaStore>,
    pub platform: Platform,
    pub ledger: String,
    pub logins: Arc<dyn Logins>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    journals: Journals,
    pending: Pending,
    watched: Mutex<BTreeMap<Id, Arc<Watched>>>,
    /// Runs that are over; their journals go when all of them is announced.
    ended: Mutex<Vec<Id>>,
    /// Up to when footage was found that an earlier life of the recorder did not announce.
    recovered: Mutex<BTreeMap<Id, Micros>>,
}

/// What an [`Evidence`] is made of.
pub struct Making {
    pub settings: Settings,
    pub store: Arc<dyn MediaStore>,
    /// Where the recorder keeps its own notes.
    pub journals: PathBuf,
    pub platform: Platform,
    pub ledger: String,
    pub logins: Arc<dyn Logins>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

impl Evidence {
    pub fn open(making: Making) -> std::io::Result<Self> {
        let Making { settings, store, journals, platform, ledger, logins, clock, entropy } = making;
        let journals = Journals::open(journals)?;
        Ok(Self {
            settings,
            store,
            platform,
            ledger,
            logins,
            clock,
            entropy,
            journals,
            pending: Pending::default(),
            watched: Mutex::default(),
            ended: Mutex::default(),
            recovered: Mutex::default(),
        })
    }

    /// Under which name its entries stand.
    fn own_name(&self) -> String {
        format!("recorder/{}", self.settings.name)
    }

    /// The camera as of now; `None` while nobody watches it here.
    pub fn live(&self, camera: Id) -> Option<Live> {
        lock(&self.watched).get(&camera).map(|watched| watched.live())
    }

    /// The wall clock.
    pub fn now(&self) -> Micros {
        self.clock.now()
    }

    fn fresh_id(&self) -> Id {
        let mut random = [0; 10];
        self.entropy.fill(&mut random);
        Id::new(self.now(), random)
    }

    /// How the camera is doing; `None` while nobody watches it here.
    pub fn status(&self, camera: Id) -> Option<Status> {
        lock(&self.watched).get(&camera).map(|watched| watched.status())
    }

    /// Why nothing more can be recorded, if that is so.
    fn check_space(&self) -> Result<(), String> {
        match self.store.space() {
            Ok(Some(space)) if space.free_bytes < FOOTAGE_SPACE_MIN_BYTES => {
                Err(format!("the disk of the footage is full: {} MiB are left", space.free_bytes >> 20))
            }
            Ok(_) => Ok(()),
            Err(error) => Err(format!("the disk of the footage cannot be read: {error}")),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Lives here: cameras and what becomes of them: the recorder, segments on disk, their announcement in the ledger, clips,
//! playback, retention.
//! Must never know: routes, SQL, who may do what, trading rules.
//! Start reading at `recorder`, then `camera` (one camera's life) and `pending` (how footage gets into the ledger).
//!
//! The way of a picture: camera → `relay` (login, silence) → ffmpeg (copies) → `splitter` (segments) → `media_clock` (when)
//! → `storage` (durable) → `journal` → `pending` → one entry of the ledger, which commits to all of it.
//!
//! A ledger has one writer, so a recorder never opens it. It asks its [`Host`] to write, in the same process ([`Inside`]) or
//! over HTTP ([`Remote`]: `mingjian record`, and nodes that share a database, of which any may be the one that writes). It
//! goes on recording while nobody answers, and one that starts then records what it was told last. What only the writer can do with footage, resolving clips and burying what is
//! over, is the [`Keeper`]'s.

pub mod address;
mod alarms;
mod bucket;
mod camera;
pub mod clips;
mod external;
mod ffmpeg;
pub mod host;
pub mod journal;
mod keeper;
mod kept;
pub mod live;
mod locks;
pub mod login;
pub mod media_clock;
pub mod monitor;
pub mod mp4;
mod pending;
pub mod recorder;
mod recording;
mod relay;
pub mod remote;
pub mod retention;
mod rtsp;
pub mod splitter;
pub mod status;
pub mod storage;
pub mod views;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use address::{Address, AddressError, Networks};
pub use bucket::{Bucket, BucketError, Location, LockMode};
pub use external::{Elsewhere, RECORDED_HERE};
pub use host::{Host, Inside, Orders};
pub use keeper::Keeper;
pub use live::Live;
pub use login::Login;
pub use monitor::{Monitor, Report};
pub use recorder::Recorder;
pub use recording::{Equipment, Recording};
pub use remote::Remote;
pub use status::{Phase, Status};
pub use storage::{Directory, MediaStore};

use crate::base::{Code, Entropy, Id, Micros};
use crate::sequencer::Clock;
use crate::store::Platform;

/// What differs between recorders.
#[derive(Debug, Clone)]
pub struct Settings {
    /// As its entries name it.
    pub name: String,
    pub ffmpeg: PathBuf,
    pub networks: Networks,
    /// Recorders in processes of their own that may write here.
    pub others: Vec<String>,
}

/// Where user and password of a camera come from.
pub trait Logins: Send + Sync {
    /// `None`: it needs none.
    fn login(&self, camera: Id) -> Option<Login>;
}

/// The room's door on the platform's side: what desk, routes and keeper share.
pub struct Evidence {
    pub settings: Settings,
    pub store: Arc<dyn MediaStore>,
    pub platform: Platform,
    pub ledger: String,
    pub logins: Arc<dyn Logins>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// The cameras that a recorder in this process watches.
    pub monitor: Arc<Monitor>,
}

impl Evidence {
    /// Under which name its entries stand.
    fn own_name(&self) -> String {
        actor(&self.settings.name)
    }

    /// The wall clock.
    pub fn now(&self) -> Micros {
        self.clock.now()
    }

    /// The camera as of now; `None` while nobody watches it.
    pub fn live(&self, camera: Id) -> Result<Option<Live>, Code> {
        if let Some(watched) = self.monitor.of(camera) {
            return Ok(Some(watched.live()));
        }
        Ok(self.reported(camera)?.map(|report| report.live))
    }

    /// How the camera is doing; `None` while nobody watches it.
    pub fn status(&self, camera: Id) -> Result<Option<Status>, Code> {
        if let Some(watched) = self.monitor.of(camera) {
            return Ok(Some(watched.status()));
        }
        Ok(self.reported(camera)?.map(|report| report.status))
    }

    /// How all cameras that somebody watches are doing.
    pub fn statuses(&self) -> Result<BTreeMap<Id, Status>, Code> {
        let mut found: BTreeMap<Id, Status> =
            self.all_reported()?.into_iter().map(|report| (report.camera, report.status)).collect();
        found.extend(self.monitor.statuses());
        Ok(found)
    }
}

/// Under which name the entries of a recorder stand.
pub fn actor(recorder: &str) -> String {
    format!("recorder/{recorder}")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

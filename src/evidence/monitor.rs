//! How all cameras of a recorder are doing, for screens of the same process; and the same as a report, for screens of others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::status::{Status, Watched};
use super::{Evidence, Live, lock};
use crate::base::limits::RECORDER_SILENCE_MAX;
use crate::base::{Code, Id};
use crate::store::platform::recorders;

/// The cameras that this process watches.
#[derive(Default)]
pub struct Monitor(Mutex<BTreeMap<Id, Arc<Watched>>>);

/// A camera as its recorder sees it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    pub camera: Id,
    pub status: Status,
    pub live: Live,
}

impl Monitor {
    pub(super) fn watch(&self, camera: Id, watched: Arc<Watched>) {
        lock(&self.0).insert(camera, watched);
    }

    pub(super) fn forget(&self, camera: Id) {
        lock(&self.0).remove(&camera);
    }

    pub(super) fn of(&self, camera: Id) -> Option<Arc<Watched>> {
        lock(&self.0).get(&camera).cloned()
    }

    pub(super) fn all(&self) -> Vec<(Id, Arc<Watched>)> {
        lock(&self.0).iter().map(|(id, watched)| (*id, Arc::clone(watched))).collect()
    }

    pub fn statuses(&self) -> BTreeMap<Id, Status> {
        self.all().into_iter().map(|(id, watched)| (id, watched.status())).collect()
    }

    pub fn reports(&self) -> Vec<Report> {
        let report = |(camera, watched): (Id, Arc<Watched>)| {
            let (status, live) = (watched.status(), watched.live());
            Report { camera, status, live }
        };
        self.all().into_iter().map(report).collect()
    }
}

impl Evidence {
    /// What another process last said of the camera, if that was just now.
    pub(super) fn reported(&self, camera: Id) -> Result<Option<Report>, Code> {
        let since = self.now().minus(RECORDER_SILENCE_MAX).get();
        let row = self.platform.read(|tx| recorders::report(tx, &camera.to_string(), since))?;
        row.map(|row| read(&row.body)).transpose()
    }

    pub(super) fn all_reported(&self) -> Result<Vec<Report>, Code> {
        let since = self.now().minus(RECORDER_SILENCE_MAX).get();
        let rows = self.platform.read(|tx| recorders::reports(tx, since))?;
        rows.iter().map(|row| read(&row.body)).collect()
    }
}

fn read(body: &str) -> Result<Report, Code> {
    serde_json::from_str(body).map_err(|error| {
        tracing::error!(%error, "a recorder's report cannot be read");
        Code::Internal
    })
}

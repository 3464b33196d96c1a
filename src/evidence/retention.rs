//! How long footage stays: as long as its camera's class says, longer where a clip or a hold needs it. What goes leaves its
//! digests in the ledger and an entry that says so; the entry comes first, so nothing is ever missing without a word.

use std::collections::BTreeMap;

use super::Evidence;
use crate::base::limits::{CAMERAS_MAX, HOLDS_MAX, RETENTION_PAGE_ROWS};
use crate::base::{Code, Id, Micros};
use crate::ledger::media::{DeletedRun, FOOTAGE_DELETED, FileName, FootageDeleted, Retention, to_data};
use crate::sequencer::Record;
use crate::store::StoreError;
use crate::store::platform::footage::{self, StretchRow};
use crate::store::platform::rooms::{self, CameraRow};

/// Why footage goes, as its entry says it.
const REASON: &str = "retention";

/// Footage that is to go: the entry to be written first, and the files.
pub struct Burial {
    pub record: Record,
    files: Vec<FileName>,
}

impl Evidence {
    /// The oldest footage whose time is over, camera by camera; a page of each at a time.
    pub fn due_burials(&self) -> Result<Vec<Burial>, Code> {
        let now = self.now();
        let cameras = self.platform.read(|tx| rooms::all_cameras(tx, CAMERAS_MAX))?;
        let mut due = Vec::new();
        for camera in &cameras {
            let retention: Retention = camera.retention.parse().map_err(|_| Code::Internal)?;
            let rows = self.expired(camera, now.minus(retention.span()), now)?;
            if !rows.is_empty() {
                due.push(self.burial(camera, &rows)?);
            }
        }
        Ok(due)
    }

    /// A page of stretches that ended before `before` and that nothing needs any more. What is needed is passed over.
    fn expired(&self, camera: &CameraRow, before: Micros, now: Micros) -> Result<Vec<StretchRow>, Code> {
        let mut after = i64::MIN;
        loop {
            let span = (after, before.get());
            let read = |tx: &mut _| footage::oldest(tx, &self.ledger, &camera.id, span, RETENTION_PAGE_ROWS);
            let rows = self.platform.read(read)?;
            let Some(last) = rows.last().map(|row| row.ends_at) else { return Ok(rows) };
            let free = self.unneeded(camera, rows, now)?;
            if !free.is_empty() {
                return Ok(free);
            }
            after = last;
        }
    }

    fn unneeded(&self, camera: &CameraRow, mut rows: Vec<StretchRow>, now: Micros) -> Result<Vec<StretchRow>, Code> {
        let first = rows.iter().map(|row| row.starts_at).min().unwrap_or_default();
        let last = rows.iter().map(|row| row.ends_at).max().unwrap_or_default();
        let (holds, clips) = self.platform.read(|tx| {
            let clips = footage::clips_over(tx, &self.ledger, &camera.id, first, last)?;
            Ok::<_, StoreError>((footage::holds(tx, &self.ledger, HOLDS_MAX)?, clips))
        })?;
        rows.retain(|row| {
            let touches = |from: i64, to: i64| row.ends_at > from && row.starts_at < to;
            let held = holds.iter().any(|hold| hold.camera == camera.id && touches(hold.starts_at, hold.ends_at));
            let shown = |clip: &footage::ClipRow| clip.keep_until > now.get() && touches(clip.starts_at, clip.ends_at);
            !held && !clips.iter().any(shown)
        });
        Ok(rows)
    }

    fn burial(&self, camera: &CameraRow, rows: &[StretchRow]) -> Result<Burial, Code> {
        let mut runs: BTreeMap<&str, Vec<&StretchRow>> = BTreeMap::new();
        for row in rows {
            runs.entry(&row.run).or_default().push(row);
        }
        let (mut deleted, mut files) = (Vec::new(), Vec::new());
        for (run, mut rows) in runs {
            let run: Id = run.parse().map_err(|_| Code::Internal)?;
            rows.sort_by_key(|row| row.first);
            for row in rows {
                let number = |n: i64| u64::try_from(n).map_err(|_| Code::Internal);
                let (first, count) = (number(row.first)?, number(row.count)?);
                deleted.push(DeletedRun { count, first, run });
                files.extend((first..first + count).map(|number| FileName { run, number: Some(number) }));
            }
        }
        let data = FootageDeleted {
            camera: camera.id.parse().map_err(|_| Code::Internal)?,
            reason: REASON.into(),
            runs: deleted,
        };
        let subject = format!("camera/{}", camera.id);
        let data = to_data(&data).map_err(|_| Code::Internal)?;
        Ok(Burial { record: Record { kind: FOOTAGE_DELETED.into(), subject, actor: self.own_name(), data }, files })
    }

    /// Its entry is durable: the files go. An init segment goes with the last of its run.
    pub fn bury(&self, burial: &Burial) -> std::io::Result<()> {
        for name in &burial.files {
            self.store.delete(*name)?;
        }
        for run in burial.files.iter().map(|name| name.run).collect::<std::collections::BTreeSet<_>>() {
            let init = FileName { run, number: None };
            // A run that is still written has segments, for it has fresh ones.
            if self.store.files(run).is_ok_and(|left| left == [init]) {
                self.store.delete(init)?;
            }
        }
        Ok(())
    }
}

//! Who may look at what the cameras saw. A look is an entry before anything is shown: one a viewing, not one a segment.

use std::io::{Cursor, Write as _};

use serde::Serialize;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::Desk;
use super::commands::actor_of;
use crate::base::limits::{CLIP_SPAN_MAX, CLIPS_PER_LOT_MAX, EXPORT_MAX_BYTES, TEXT_MAX_CHARS, VIEWING_MAX};
use crate::base::{Code, Hash, Id, Micros, Span};
use crate::engine::Refusal;
use crate::evidence::RECORDED_HERE;
use crate::identity::entropy::fresh_id;
use crate::identity::{Action, ObjectRef, Viewer, may};
use crate::ledger::Payload;
use crate::ledger::media::{
    CLIP_REQUESTED, ClipReferenced, ClipRequested, ClipStatus, FileName, Gap, VIEWED, Viewed, playlist, to_data,
};
use crate::sequencer::{Outcome, Record, StoredPayload, Submission};
use crate::store::platform::footage::{self, AlarmRow, ClipRow};
use crate::store::platform::rooms::{self, ViewingRow};

/// What somebody wants to look at.
pub enum Wanted {
    /// A camera as it is now.
    Live(Id),
    Clip(Id),
}

/// Leave to look, and the entry that says so.
pub struct Viewing {
    pub id: Id,
    pub seq: u64,
    pub until: Micros,
}

/// A file of a viewing, with what the ledger says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub name: FileName,
    pub digest: Hash,
    pub from: Micros,
    pub span: Span,
    pub level: Option<i32>,
    /// The entry that announced it; `None` while it waits for one.
    pub seq: Option<u64>,
}

/// Everything that a viewing may show.
pub struct Sight {
    pub files: Vec<Shown>,
    pub gaps: Vec<Gap>,
    pub uncertainty: Span,
    /// Of a clip: its reference, and the entry that holds it.
    pub reference: Option<(u64, ClipReferenced)>,
    /// Of a clip: how it stands now; it may have expired since the reference was written.
    pub status: Option<ClipStatus>,
}

/// A clip that somebody asks for.
pub struct ClipWish {
    pub lot: Id,
    /// The entry that it is to show.
    pub about: u64,
    pub camera: Id,
    pub from: Micros,
    pub to: Micros,
    pub reason: String,
}

fn id(text: &str) -> Result<Id, Code> {
    text.parse().map_err(|_| Code::Internal)
}

pub(super) fn time(micros: i64) -> Result<Micros, Code> {
    Micros::new(micros).ok_or(Code::Internal)
}

pub(super) fn reason(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(Code::ReasonMissing.into()),
        count if count > TEXT_MAX_CHARS => Err(Code::TooLarge.into()),
        _ => Ok(text.to_owned()),
    }
}

impl Desk {
    /// The clips of a lot, in order of what they show. For supervisors, and reviewers with a case.
    pub fn clips(&self, viewer: &Viewer, lot: Id) -> Result<Vec<ClipRow>, Refusal> {
        self.may_view(viewer, lot)?;
        let read = |tx: &mut _| footage::clips_of(tx, &self.ledger_name, &lot.to_string(), CLIPS_PER_LOT_MAX);
        Ok(self.platform.read(read).map_err(Code::from)?)
    }

    /// Alarms that stand.
    pub fn alarms(&self, viewer: &Viewer) -> Result<Vec<AlarmRow>, Code> {
        may(viewer, Action::CamerasRead, ObjectRef::NONE)?;
        let most = crate::base::limits::ALARMS_MAX;
        Ok(self.platform.read(|tx| footage::alarms(tx, &self.ledger_name, most))?)
    }

    fn may_view(&self, viewer: &Viewer, lot: Id) -> Result<(), Refusal> {
        let owner = self.sequencer.read(|committed| committed.state.lots.get(&lot).map(|lot| lot.owner));
        let object = owner.map_or(ObjectRef::NONE, |owner| ObjectRef::lot(lot, owner));
        may(viewer, Action::EvidenceView, object)?;
        owner.map(drop).ok_or(Code::LotUnknown.into())
    }

    /// Keeps an interval beside an entry. Answers with the clip, which is resolved when its last segment is in.
    pub fn ask_for_clip(&self, viewer: &Viewer, wish: &ClipWish) -> Result<(Id, Outcome), Refusal> {
        self.may_view(viewer, wish.lot)?;
        if wish.to <= wish.from || wish.to.since(wish.from) > CLIP_SPAN_MAX {
            let most = CLIP_SPAN_MAX.get() / 1_000_000;
            return Err(Refusal::with(Code::InvalidField, format!("to: after from, by at most {most} seconds")));
        }
        if wish.about >= self.sequencer.read(|committed| committed.size) {
            return Err(Refusal::with(Code::InvalidField, "about: no such entry"));
        }
        let camera = self.platform.read(|tx| rooms::camera(tx, &wish.camera.to_string())).map_err(Code::from)?;
        let camera = camera.ok_or(Code::CameraUnknown)?;
        let clip = fresh_id(&*self.entropy, self.now());
        let data = ClipRequested {
            about: wish.about,
            camera: wish.camera,
            clip,
            from: wish.from,
            reason: reason(&wish.reason)?,
            room: id(&camera.room)?,
            to: wish.to,
        };
        let outcome = self.write_record(viewer, CLIP_REQUESTED, format!("lot/{}", wish.lot), &data)?;
        Ok((clip, outcome))
    }

    pub(super) fn write_record<T: Serialize>(
        &self,
        viewer: &Viewer,
        kind: &str,
        subject: String,
        data: &T,
    ) -> Result<Outcome, Refusal> {
        let actor = actor_of(viewer)?.to_string();
        let data = to_data(data).map_err(|_| Code::Internal)?;
        let record = Record { kind: kind.into(), subject, actor, data };
        self.sequencer.submit(Submission::record(record)).wait()
    }

    /// Leave to look, for the reason given, which is an entry from now on.
    pub fn view(&self, viewer: &Viewer, wanted: &Wanted, why: &str) -> Result<Viewing, Refusal> {
        let now = self.now();
        let (camera, clip, from, to, subject) = match wanted {
            Wanted::Live(camera) => {
                may(viewer, Action::EvidenceLive, ObjectRef::NONE)?;
                let known = self.platform.read(|tx| rooms::camera(tx, &camera.to_string())).map_err(Code::from)?;
                if known.ok_or(Code::CameraUnknown)?.source != RECORDED_HERE {
                    return Err(Code::CameraElsewhere.into());
                }
                (*camera, None, now, now.plus(VIEWING_MAX), format!("camera/{camera}"))
            }
            Wanted::Clip(clip) => {
                let row = self.clip_row(viewer, *clip)?;
                row.seq.ok_or(Code::ClipPending)?;
                let (from, to) = (time(row.starts_at)?, time(row.ends_at)?);
                (id(&row.camera)?, Some(*clip), from, to, format!("lot/{}", row.lot))
            }
        };
        let mode = if clip.is_some() { "clip" } else { "live" };
        let data =
            Viewed { camera: Some(camera), clip, from, manifest: None, mode: mode.into(), reason: reason(why)?, to };
        let outcome = self.write_record(viewer, VIEWED, subject, &data)?;
        let (id, until) = (fresh_id(&*self.entropy, now), now.plus(VIEWING_MAX));
        let row = ViewingRow {
            id: id.to_string(),
            account: viewer.account.ok_or(Code::NotSignedIn)?.to_string(),
            camera: camera.to_string(),
            clip: clip.map(|clip| clip.to_string()),
            starts_at: from.get(),
            ends_at: to.get(),
            expires_at: until.get(),
            seq: i64::try_from(outcome.first).map_err(|_| Code::Internal)?,
        };
        self.platform.write(|tx| {
            rooms::sweep_viewings(tx, now.get())?;
            Ok::<_, Code>(rooms::insert_viewing(tx, &row)?)
        })?;
        Ok(Viewing { id, seq: outcome.first, until })
    }

    /// The clip, if this viewer may look at its lot's footage. To everybody else there is no such clip.
    fn clip_row(&self, viewer: &Viewer, clip: Id) -> Result<ClipRow, Refusal> {
        // Who may look at nothing is told that first.
        let supervises = may(viewer, Action::EvidenceLive, ObjectRef::NONE);
        if supervises.is_err() && viewer.cases.is_empty() {
            may(viewer, Action::EvidenceView, ObjectRef::NONE)?;
        }
        let row = self.platform.read(|tx| footage::clip(tx, &clip.to_string())).map_err(Code::from)?;
        let row = row.ok_or(Code::ClipUnknown)?;
        self.may_view(viewer, id(&row.lot)?)?;
        Ok(row)
    }

    /// The viewing, if it is this viewer's, has not run out, and would still be given.
    fn viewing(&self, viewer: &Viewer, viewing: Id) -> Result<ViewingRow, Refusal> {
        let account = viewer.account.ok_or(Code::NotSignedIn)?;
        if may(viewer, Action::EvidenceLive, ObjectRef::NONE).is_err() && viewer.cases.is_empty() {
            may(viewer, Action::EvidenceView, ObjectRef::NONE)?;
        }
        let row = self.platform.read(|tx| rooms::viewing(tx, &viewing.to_string())).map_err(Code::from)?;
        let row = row.filter(|row| row.account == account.to_string()).ok_or(Code::ViewingOver)?;
        if row.expires_at <= self.now().get() {
            return Err(Code::ViewingOver.into());
        }
        match &row.clip {
            Some(clip) => drop(self.clip_row(viewer, id(clip)?)?),
            None => may(viewer, Action::EvidenceLive, ObjectRef::NONE)?,
        }
        Ok(row)
    }

    /// Everything that the viewing may show now.
    pub fn sight(&self, viewer: &Viewer, viewing: Id) -> Result<Sight, Refusal> {
        let row = self.viewing(viewer, viewing)?;
        match &row.clip {
            Some(clip) => self.clip_sight(clip),
            None => self.live_sight(&row),
        }
    }

    fn clip_sight(&self, clip: &str) -> Result<Sight, Refusal> {
        let (row, seq, reference) = self.reference(clip)?;
        let status = row.status.parse().map_err(|_| Code::Internal)?;
        let mut files = Vec::new();
        for part in &reference.parts {
            let mut from = part.from;
            files.push(Shown {
                name: FileName { run: part.run, number: None },
                digest: part.init,
                from,
                span: Span::default(),
                level: None,
                seq: self.announced(part.run, part.first)?,
            });
            for (number, segment) in (part.first..).zip(&part.segments) {
                let name = FileName { run: part.run, number: Some(number) };
                let (digest, span, level) = (segment.digest, segment.span, segment.level);
                let seq = self.announced(part.run, number)?;
                files.push(Shown { name, digest, from, span, level, seq });
                from = from.plus(span);
            }
        }
        let (gaps, uncertainty) = (reference.gaps.clone(), reference.clock.uncertainty);
        Ok(Sight { files, gaps, uncertainty, reference: Some((seq, reference)), status: Some(status) })
    }

    /// What the clip refers to, as the ledger has it.
    fn reference(&self, clip: &str) -> Result<(ClipRow, u64, ClipReferenced), Refusal> {
        let row = self.platform.read(|tx| footage::clip(tx, clip)).map_err(Code::from)?.ok_or(Code::ClipUnknown)?;
        let seq = u64::try_from(row.seq.ok_or(Code::ClipPending)?).map_err(|_| Code::Internal)?;
        let StoredPayload::Present(bytes) = self.reader.payload(seq).map_err(|_| Code::Internal)? else {
            return Err(Code::Erased.into());
        };
        let payload = Payload::parse(&bytes).map_err(|_| Code::Internal)?;
        Ok((row, seq, serde_json::from_value(payload.data).map_err(|_| Code::Internal)?))
    }

    fn live_sight(&self, row: &ViewingRow) -> Result<Sight, Refusal> {
        let live = self.evidence.live(id(&row.camera)?)?.ok_or(Code::FootageGone)?;
        let mut files: Vec<Shown> = Vec::new();
        let mut uncertainty = Span::default();
        for recorded in &live.segments {
            let run = recorded.run;
            if files.last().is_none_or(|last| last.name.run != run) {
                let (name, digest) = (FileName { run, number: None }, recorded.init);
                files.push(Shown {
                    name,
                    digest,
                    from: recorded.from,
                    span: Span::default(),
                    level: None,
                    seq: self.announced(run, recorded.number)?,
                });
            }
            let seq = self.announced(run, recorded.number)?;
            uncertainty = uncertainty.max(recorded.uncertainty);
            files.push(Shown {
                name: FileName { run, number: Some(recorded.number) },
                digest: recorded.segment.digest,
                from: recorded.from,
                span: recorded.segment.span,
                level: recorded.segment.level,
                seq,
            });
        }
        Ok(Sight { files, gaps: Vec::new(), uncertainty, reference: None, status: None })
    }

    /// The entry that announced the segment, and with the first one the init segment.
    fn announced(&self, run: Id, number: u64) -> Result<Option<u64>, Refusal> {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let found = self.platform.read(|tx| footage::stretch_of(tx, &self.ledger_name, &run.to_string(), number));
        Ok(found.map_err(Code::from)?.and_then(|stretch| u64::try_from(stretch.seq).ok()))
    }

    /// The HLS playlist of the viewing.
    pub fn playlist(&self, viewer: &Viewer, viewing: Id) -> Result<String, Refusal> {
        let row = self.viewing(viewer, viewing)?;
        match &row.clip {
            Some(clip) => Ok(playlist(&self.reference(clip)?.2.parts)),
            None => Ok(self.evidence.live(id(&row.camera)?)?.ok_or(Code::FootageGone)?.playlist()),
        }
    }

    /// The bytes of a file that the viewing may show.
    pub fn footage_file(&self, viewer: &Viewer, viewing: Id, name: FileName) -> Result<Vec<u8>, Refusal> {
        let row = self.viewing(viewer, viewing)?;
        let is_shown = match &row.clip {
            Some(clip) => self.reference(clip)?.2.holds(name),
            None => self.evidence.live(id(&row.camera)?)?.is_some_and(|live| live.holds(name)),
        };
        if !is_shown {
            return Err(Code::NotFound.into());
        }
        self.stored(name)
    }

    /// The footage of a viewing that another system keeps, as that system gives it now.
    pub fn footage_elsewhere(&self, viewer: &Viewer, viewing: Id) -> Result<Vec<u8>, Refusal> {
        let row = self.viewing(viewer, viewing)?;
        let clip = row.clip.ok_or(Code::NotFound)?;
        Ok(self.evidence.fetch(&self.reference(&clip)?.2)?)
    }

    fn stored(&self, name: FileName) -> Result<Vec<u8>, Refusal> {
        let found = self.evidence.store.get(name).map_err(|error| {
            tracing::error!(%error, %name, "footage cannot be read");
            Code::Internal
        })?;
        Ok(found.ok_or(Code::FootageGone)?)
    }

    /// The clip as files: what was recorded, the reference, and a manifest that says who took it along and when. Its digest
    /// is an entry before the file leaves the house.
    pub fn export_clip(&self, viewer: &Viewer, clip: Id, why: &str) -> Result<Vec<u8>, Refusal> {
        let row = self.clip_row(viewer, clip)?;
        let why = reason(why)?;
        let account = viewer.account.ok_or(Code::NotSignedIn)?;
        let (row, seq, reference) = self.reference(&row.id)?;
        let mut files = vec![("playlist.m3u8".to_owned(), playlist(&reference.parts).into_bytes())];
        let mut size = 0;
        for (name, _) in reference.files() {
            let bytes = self.stored(name)?;
            size += bytes.len();
            if size > EXPORT_MAX_BYTES {
                return Err(Code::TooLarge.into());
            }
            files.push((name.to_string(), bytes));
        }
        let manifest = Manifest {
            kind: "mingjian clip v1",
            ledger: self.origin.to_string(),
            clip: &reference,
            entry: seq,
            checkpoint: &self.sequencer.checkpoint(),
            exported_at: self.now(),
            exported_by: account,
            exported_by_name: self.identity.name_of(account)?,
            reason: &why,
            files: files
                .iter()
                .map(|(name, bytes)| Listed { name, sha256: Hash::of(bytes), bytes: bytes.len() })
                .collect(),
        };
        let manifest = serde_json::to_vec_pretty(&manifest).map_err(|_| Code::Internal)?;
        let viewed = Viewed {
            camera: Some(reference.camera),
            clip: Some(clip),
            from: reference.asked.from,
            manifest: Some(Hash::of(&manifest)),
            mode: "export".into(),
            reason: why,
            to: reference.asked.to,
        };
        self.write_record(viewer, VIEWED, format!("lot/{}", row.lot), &viewed)?;
        files.insert(0, ("manifest.json".to_owned(), manifest));
        Ok(zipped(&files).map_err(|error| {
            tracing::error!(%error, "an export cannot be written");
            Code::Internal
        })?)
    }
}

/// What stands in an export beside the footage.
#[derive(Serialize)]
struct Manifest<'a> {
    kind: &'static str,
    ledger: String,
    clip: &'a ClipReferenced,
    /// Where the reference stands in the ledger.
    entry: u64,
    checkpoint: &'a str,
    exported_at: Micros,
    exported_by: Id,
    exported_by_name: String,
    reason: &'a str,
    files: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    sha256: Hash,
    bytes: usize,
}

/// Footage does not compress, so nothing is.
fn zipped(files: &[(String, Vec<u8>)]) -> zip::result::ZipResult<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(name.as_str(), SimpleFileOptions::default().compression_method(CompressionMethod::Stored))?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

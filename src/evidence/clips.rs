//! Clips: which entries get one by themselves, and what a clip refers to once its last segment is in. A clip is a list of
//! whole recorded segments, never new bytes.

use std::collections::BTreeMap;

use super::Evidence;
use super::external::{Elsewhere, RECORDED_HERE, gaps_of};
use super::mp4::Tracks;
use crate::base::limits::{
    CLIP_AFTER, CLIP_BEFORE, CLIP_WAIT_MAX, CLIPS_AT_ONCE, ELSEWHERE_ASK_AFTER, ELSEWHERE_UNCERTAINTY,
};
use crate::base::{Code, Hash, Id, Micros, Span};
use crate::ledger::Payload;
use crate::ledger::media::{
    Audio, CLIP_REFERENCED, ClipClock, ClipReferenced, ClipStatus, FileName, Gap, Interval, Part, Retention,
    SEGMENTS_RECORDED, SegmentsRecorded, Stretch, playlist, to_data,
};
use crate::sequencer::{LedgerReader, Record, StoredPayload};
use crate::store::platform::footage::{self, ClipRow};
use crate::store::platform::rooms::{self, CameraRow};
use crate::store::{StoreError, Tx};

/// What is kept beside an entry without anybody asking. Of accepted bids only the first of a lot.
pub const SHOWN: [&str; 7] =
    ["auction.opened", FIRST_BID, "auction.extended", "auction.closed", "lot.suspended", "lot.resumed", "lot.awarded"];
const FIRST_BID: &str = "auction.bid_accepted";

/// 政府采购法 art. 42: files of procurement are kept for at least fifteen years; no trade here asks for more.
pub const KEPT: Retention = Retention::Years15;

/// The clips of an entry that deserves some: one for each camera of the lot's room. The ids come out of what they are
/// about, so that reading the ledger again finds the same ones.
pub fn begin(tx: &mut Tx, ledger: &str, lot: Id, seq: u64, at: Micros, kind: &str) -> Result<(), StoreError> {
    let lot = lot.to_string();
    if kind == FIRST_BID && footage::has_clip(tx, ledger, &lot, kind)? {
        return Ok(());
    }
    for booking in rooms::bookings_of(tx, &lot, at.get())? {
        for camera in rooms::cameras_in(tx, &booking.room, at.get())? {
            let id = Hash::of_parts(&[b"clip\0", ledger.as_bytes(), &seq.to_be_bytes(), camera.id.as_bytes()]);
            let id = id.0.first_chunk::<16>().map_or(0, |bytes| u128::from_be_bytes(*bytes));
            let row = ClipRow {
                id: Id::from_u128(id).to_string(),
                ledger: ledger.to_owned(),
                camera: camera.id,
                room: booking.room.clone(),
                lot: lot.clone(),
                about: i64::try_from(seq).unwrap_or(i64::MAX),
                about_kind: kind.to_owned(),
                starts_at: at.minus(CLIP_BEFORE).get(),
                ends_at: at.plus(CLIP_AFTER).get(),
                status: ClipStatus::Pending.name().to_owned(),
                seq: None,
                keep_until: at.plus(KEPT.span()).get(),
            };
            footage::insert_clip(tx, &row)?;
        }
    }
    Ok(())
}

/// When another recorder was last asked for a clip.
pub type Asked = BTreeMap<String, Micros>;

impl Evidence {
    /// The references that can be written now: all of the interval is accounted for, or nobody will account for it.
    pub fn due_clips(&self, reader: &dyn LedgerReader, asked: &mut Asked) -> Result<Vec<(Id, Record)>, Code> {
        let now = self.now();
        let rows = self.platform.read(|tx| footage::pending_clips(tx, &self.ledger, CLIPS_AT_ONCE))?;
        asked.retain(|clip, _| rows.iter().any(|row| row.id == *clip));
        let mut due = Vec::new();
        for row in rows.iter().filter(|row| row.ends_at < now.get()) {
            let camera = self.platform.read(|tx| rooms::camera(tx, &row.camera))?.ok_or(Code::CameraUnknown)?;
            let given_up = now.minus(CLIP_WAIT_MAX).get() > row.ends_at;
            let reference = if camera.source == RECORDED_HERE {
                let accounted = self.platform.read(|tx| footage::accounted_until(tx, &self.ledger, &row.camera))?;
                let is_due = accounted.is_some_and(|until| until >= row.ends_at) || given_up;
                if is_due { Some(self.reference(reader, row)?) } else { None }
            } else {
                let before = asked.get(&row.id).copied().or_else(|| Micros::new(row.ends_at));
                if before.is_some_and(|at| now.since(at) < ELSEWHERE_ASK_AFTER) {
                    continue;
                }
                asked.insert(row.id.clone(), now);
                let reference = self.kept_elsewhere(row, &camera)?;
                Some(reference).filter(|found| found.status == ClipStatus::Complete || given_up)
            };
            if let Some(reference) = reference {
                if let Err(error) = self.keep_clip(&reference) {
                    tracing::error!(%error, clip = %reference.clip, "a clip's footage cannot be kept for its time");
                    // What the entry says is worth more than the lock.
                    if !given_up {
                        continue;
                    }
                }
                let name = self.own_name();
                let data = to_data(&reference).map_err(|_| Code::Internal)?;
                let subject = format!("lot/{}", row.lot);
                due.push((reference.clip, Record { kind: CLIP_REFERENCED.into(), subject, actor: name, data }));
            }
        }
        Ok(due)
    }

    /// A clip of a camera that another system records: nothing of ours, but where it lies and what came when it was asked.
    fn kept_elsewhere(&self, row: &ClipRow, camera: &CameraRow) -> Result<ClipReferenced, Code> {
        let asked = Interval { from: time(row.starts_at)?, to: time(row.ends_at)? };
        let elsewhere = Elsewhere::of(&camera.source, &camera.address).map_err(|error| {
            tracing::error!(%error, camera = camera.id, "a camera's address cannot be asked");
            Code::Internal
        })?;
        let camera = id(&camera.id)?;
        let login = self.logins.login(camera);
        let answer = elsewhere.ask(asked, &self.settings.networks, login.as_ref());
        let mut reference = Announced::default().into_reference(row, asked, gaps_of(camera, &answer.gaps))?;
        reference.clock = ClipClock { offset: None, source: "external".into(), uncertainty: ELSEWHERE_UNCERTAINTY };
        (reference.external, reference.served) = (Some(answer.external), answer.served);
        reference.status = reference.status_due();
        Ok(reference)
    }

    /// The footage of a clip that another system keeps, as that system gives it now. `elsewhere_silent` where it does not.
    pub fn fetch(&self, reference: &ClipReferenced) -> Result<Vec<u8>, Code> {
        let external = reference.external.as_ref().ok_or(Code::NotFound)?;
        let row = self.platform.read(|tx| rooms::camera(tx, &reference.camera.to_string()))?;
        let row = row.ok_or(Code::CameraUnknown)?;
        let elsewhere = Elsewhere::of(&row.source, &row.address).map_err(|_| Code::Internal)?;
        let login = self.logins.login(reference.camera);
        elsewhere.fetch(&external.url, &self.settings.networks, login.as_ref()).ok_or(Code::ElsewhereSilent)
    }

    fn reference(&self, reader: &dyn LedgerReader, row: &ClipRow) -> Result<ClipReferenced, Code> {
        let asked = Interval { from: time(row.starts_at)?, to: time(row.ends_at)? };
        let (stretches, gaps) = self.platform.read(|tx| {
            let stretches = footage::stretches(tx, &self.ledger, &row.camera, row.starts_at, row.ends_at)?;
            Ok::<_, StoreError>((stretches, footage::gaps(tx, &self.ledger, &row.camera, row.starts_at, row.ends_at)?))
        })?;
        let mut found = Announced::default();
        for stretch in &stretches {
            let seq = u64::try_from(stretch.seq).map_err(|_| Code::Internal)?;
            found.take(reader, seq, id(&stretch.run)?, u64::try_from(stretch.first).unwrap_or(0), asked)?;
        }
        let gaps = gaps.iter().map(|gap| {
            let cause = gap.cause.parse().map_err(|_| Code::Internal)?;
            Ok(Gap { camera: id(&gap.camera)?, cause, from: time(gap.starts_at)?, to: time(gap.ends_at)? })
        });
        let gaps = gaps.collect::<Result<Vec<_>, Code>>()?;
        found.offset = found.parts.first().and_then(|part| self.media_zero(part));
        let mut reference = found.into_reference(row, asked, gaps)?;
        if stretches.iter().any(|stretch| stretch.deleted_at.is_some()) {
            // Asked for after its footage had gone: digests and tombstone are what is left.
            reference.status = ClipStatus::Expired;
        }
        Ok(reference)
    }
}

impl Evidence {
    /// Wall time of the zero of a run's media clock, out of the part's first segment.
    fn media_zero(&self, part: &Part) -> Option<Micros> {
        let read = |number| self.store.get(FileName { run: part.run, number }).ok().flatten();
        let pictures = Tracks::read(&read(None)?)?.pictures(&read(Some(part.first))?)?;
        Some(part.from.minus(pictures.from))
    }
}

/// Segments of a clip as they are found, entry by entry.
#[derive(Default)]
struct Announced {
    parts: Vec<Part>,
    codecs: String,
    uncertainty: Span,
    offset: Option<Micros>,
    to: Option<Micros>,
}

impl Announced {
    /// The segments of the stretch that touch the interval.
    fn take(&mut self, reader: &dyn LedgerReader, seq: u64, run: Id, first: u64, asked: Interval) -> Result<(), Code> {
        let Some(stretch) = stretch_at(reader, seq, run, first)? else { return Ok(()) };
        for (number, from, segment) in stretch.timed() {
            let to = from.plus(segment.span);
            if to <= asked.from || from >= asked.to {
                continue;
            }
            self.to = self.to.max(Some(to));
            let continues = |part: &&mut Part| part.run == run && part.next() == number;
            if let Some(part) = self.parts.last_mut().filter(continues) {
                part.segments.push(*segment);
                if part.anchors.last() != Some(&seq) {
                    part.anchors.push(seq);
                }
            } else {
                let (init, segments) = (stretch.init, vec![*segment]);
                self.parts.push(Part { anchors: vec![seq], first: number, from, init, run, segments });
            }
        }
        self.uncertainty = self.uncertainty.max(stretch.uncertainty);
        if self.codecs.is_empty() {
            self.codecs = stretch.codecs;
        }
        Ok(())
    }

    fn into_reference(self, row: &ClipRow, asked: Interval, gaps: Vec<Gap>) -> Result<ClipReferenced, Code> {
        let Self { parts, codecs, uncertainty, offset, to } = self;
        let served = parts.first().map(|part| part.from).zip(to).map(|(from, to)| Interval { from, to });
        let level = parts.iter().flat_map(|part| &part.segments).filter_map(|segment| segment.level).max();
        let mut reference = ClipReferenced {
            about: u64::try_from(row.about).map_err(|_| Code::Internal)?,
            about_kind: row.about_kind.clone(),
            asked,
            audio: Audio { level, present: codecs.contains("mp4a") },
            camera: id(&row.camera)?,
            clip: id(&row.id)?,
            clock: ClipClock { offset, source: "arrival".into(), uncertainty },
            codecs,
            external: None,
            gaps,
            keep_until: time(row.keep_until)?,
            playlist: Hash::of(playlist(&parts).as_bytes()),
            parts,
            room: id(&row.room)?,
            served,
            status: ClipStatus::Gap,
        };
        reference.status = reference.status_due();
        Ok(reference)
    }
}

/// What entry `seq` says of the run from segment `first` on.
pub fn stretch_at(reader: &dyn LedgerReader, seq: u64, run: Id, first: u64) -> Result<Option<Stretch>, Code> {
    let found = reader.payload(seq).map_err(|error| {
        tracing::error!(%error, seq, "an announcement cannot be read");
        Code::Internal
    })?;
    let StoredPayload::Present(bytes) = found else { return Ok(None) };
    let payload = Payload::parse(&bytes).map_err(|_| Code::Internal)?;
    if payload.kind != SEGMENTS_RECORDED {
        return Ok(None);
    }
    let data: SegmentsRecorded = serde_json::from_value(payload.data).map_err(|_| Code::Internal)?;
    Ok(data.stretches.into_iter().find(|stretch| stretch.run == run && stretch.first == first))
}

fn id(text: &str) -> Result<Id, Code> {
    text.parse().map_err(|_| Code::Internal)
}

fn time(micros: i64) -> Result<Micros, Code> {
    Micros::new(micros).ok_or(Code::Internal)
}

//! Check 6 of ledger format §6: what recorders announced hangs together and came in time, what is at hand of it is what was
//! announced, and every clip refers to nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;

use super::report::{CheckName, Failure, Words};
use super::source::{Media, Source};
use crate::base::limits::{ANNOUNCE_LATE_MAX, RECORDER_AHEAD_MAX, REPORT_FAILURES_MAX};
use crate::base::{Hash, Id, Micros};
use crate::ledger::media::{
    self, CLIP_REFERENCED, ClipReferenced, ClipStatus, FOOTAGE_DELETED, FileName, FootageDeleted, Gap, Part,
    SEGMENTS_RECORDED, SegmentsRecorded, Stretch,
};
use crate::ledger::payload::{self, Payload};
use crate::ledger::tile::TILE_WIDTH;

/// Clips of which a report says what they lack, one by one.
const CLIPS_SAID_MAX: usize = 20;

/// What an entry says about footage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    Segments(SegmentsRecorded),
    Clip(Box<ClipReferenced>),
    Deleted(FootageDeleted),
}

impl Evidence {
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Segments(_) => SEGMENTS_RECORDED,
            Self::Clip(_) => CLIP_REFERENCED,
            Self::Deleted(_) => FOOTAGE_DELETED,
        }
    }
}

/// Reads the payloads that this check is about; `None` for all others. As with the engine's events, the bytes must be
/// exactly those that the record is written as.
pub fn read(payload: &Payload, bytes: &[u8]) -> Result<Option<Evidence>, String> {
    fn strict<T: DeserializeOwned + serde::Serialize>(payload: &Payload, bytes: &[u8]) -> Result<T, String> {
        let Payload { actor, kind, subject, salt, data } = payload;
        let value = T::deserialize(data).map_err(|error| format!("{kind}: {error}"))?;
        if payload::encode(actor, kind, &value, salt, subject).ok().as_deref() != Some(bytes) {
            return Err(format!("{kind}: holds more, or in another form, than what it is read as"));
        }
        Ok(value)
    }
    Ok(match payload.kind.as_str() {
        SEGMENTS_RECORDED => Some(Evidence::Segments(strict(payload, bytes)?)),
        CLIP_REFERENCED => Some(Evidence::Clip(Box::new(strict(payload, bytes)?))),
        FOOTAGE_DELETED => Some(Evidence::Deleted(strict(payload, bytes)?)),
        _ => None,
    })
}

/// Where a run stands.
struct Run {
    camera: Id,
    init: Hash,
    next: u64,
    link: Hash,
    deleted: Vec<Tombstone>,
    /// The tiles in which its announcements stand, in order.
    tiles: Vec<u64>,
}

/// A file at hand that is not what was announced.
struct Mismatch {
    seq: u64,
    name: FileName,
    camera: Id,
    expected: Hash,
    found: Hash,
}

/// Segments whose footage is gone, as an entry says.
struct Tombstone {
    seq: u64,
    first: u64,
    next: u64,
}

/// Consecutive announced segments that are not at hand.
struct Absent {
    seq: u64,
    run: Id,
    first: u64,
    next: u64,
}

/// One verification's look at footage.
#[derive(Default)]
pub struct Footage {
    runs: BTreeMap<Id, Run>,
    waiting: Vec<(u64, Stretch)>,
    absent: Vec<Absent>,
    /// As many as a report names.
    mismatches: Vec<Mismatch>,
    clips: Vec<(u64, Box<ClipReferenced>)>,
    /// With the entry that says so.
    gaps: Vec<(u64, Gap)>,
    pub announced: u64,
    /// Files that were at hand and are what was announced.
    pub matched: u64,
    /// Announced, deleted with a tombstone.
    pub expired: u64,
    pub clips_held: u64,
    /// What is said of clips that hold but do not show everything, in order of their entries.
    said: Vec<Words>,
    /// At hand, and announced by no entry.
    pub unannounced: u64,
    pub was_at_hand: bool,
}

impl Footage {
    /// Why not all footage was looked at; `withheld`: payloads that were not at hand.
    pub fn why_not(&self, withheld: u64) -> Option<Words> {
        let mut reasons = Vec::new();
        let (announced, expired, unannounced) = (self.announced, self.expired, self.unannounced);
        if announced == 0 && withheld > 0 {
            reasons.push(Words::new(
                "无权阅读影像入账条目的人不能核对影像",
                "who may not read announcements of footage cannot check it",
            ));
        } else if announced == 0 {
            reasons.push(Words::new("没有影像入账", "no footage was announced"));
        } else if !self.was_at_hand {
            reasons.push(Words::new(
                format!("已入账 {announced} 段，手边没有影像文件"),
                format!("{announced} segments were announced, and no footage is at hand"),
            ));
        }
        if expired > 0 {
            reasons.push(Words::new(
                format!("{expired} 段已删除，账本载明"),
                format!("{expired} segments were deleted, as entries say"),
            ));
        }
        if unannounced > 0 {
            reasons.push(Words::new(
                format!("手边有 {unannounced} 个文件未曾入账，不能证明任何事"),
                format!("{unannounced} files at hand are announced by no entry and prove nothing"),
            ));
        }
        if !self.gaps.is_empty() {
            let gaps = self.gaps.len();
            reasons.push(Words::new(format!("载有 {gaps} 处间断"), format!("{gaps} gaps are recorded")));
        }
        Words::joined(&reasons)
    }

    /// What clips do not show although they hold, a clip each: gaps with their causes, footage that has gone, footage of
    /// other systems; `None` where there is nothing to say.
    pub fn clips_why_not(&self) -> Option<Words> {
        let more = self.said.len().saturating_sub(CLIPS_SAID_MAX);
        let mut said: Vec<Words> = self.said.iter().take(CLIPS_SAID_MAX).cloned().collect();
        if more > 0 {
            said.push(Words::new(format!("另有 {more} 处"), format!("and {more} more")));
        }
        Words::joined(&said)
    }

    /// Takes in entry `seq`, written at `at`.
    pub fn entry(&mut self, seq: u64, at: Micros, evidence: &Evidence) -> Result<(), Failure> {
        match evidence {
            Evidence::Segments(data) => {
                self.gaps.extend(data.gaps.iter().map(|gap| (seq, *gap)));
                data.stretches.iter().try_for_each(|stretch| self.stretch(seq, at, stretch))
            }
            Evidence::Clip(clip) => {
                self.clips.push((seq, clip.clone()));
                Ok(())
            }
            Evidence::Deleted(data) => {
                for deleted in &data.runs {
                    if let Some(run) = self.runs.get_mut(&deleted.run) {
                        let next = deleted.first.saturating_add(deleted.count);
                        run.deleted.push(Tombstone { seq, first: deleted.first, next });
                    }
                }
                Ok(())
            }
        }
    }

    fn stretch(&mut self, seq: u64, at: Micros, stretch: &Stretch) -> Result<(), Failure> {
        let fail = |rule: &str, expected: String, found: String| {
            Err(Failure::at(seq, CheckName::Footage, rule, expected, format!("{found}, camera {}", stretch.camera)))
        };
        let (camera, init) = (stretch.camera, stretch.init);
        let run = self.runs.entry(stretch.run).or_insert_with(|| Run {
            camera,
            init,
            next: 0,
            link: media::run_link(camera, stretch.run, init),
            deleted: Vec::new(),
            tiles: Vec::new(),
        });
        let tile = seq / u64::from(TILE_WIDTH);
        if run.tiles.last() != Some(&tile) {
            run.tiles.push(tile);
        }
        if (run.camera, run.init) != (camera, init) {
            return fail("segment_run", format!("camera {}, init {}", run.camera, run.init), format!("init {init}"));
        }
        if stretch.first != run.next || stretch.segments.is_empty() {
            let name = |number| FileName { run: stretch.run, number: Some(number) }.to_string();
            return fail("segment_order", name(run.next), name(stretch.first));
        }
        for (number, from, segment) in stretch.timed() {
            run.link = media::segment_link(run.link, number, segment);
            let end = from.plus(segment.span);
            let name = FileName { run: stretch.run, number: Some(number) };
            // Whoever has three minutes' time can make pictures of three minutes ago.
            if end.plus(ANNOUNCE_LATE_MAX) < at {
                let expected = format!("announced within {} s of {end}", ANNOUNCE_LATE_MAX.get() / 1_000_000);
                return fail("announced_late", expected, format!("{name} at {at}"));
            }
            if end > at.plus(stretch.uncertainty).plus(RECORDER_AHEAD_MAX) {
                return fail("announced_early", format!("pictures from before {at}"), format!("{name} until {end}"));
            }
        }
        if run.link != stretch.head {
            return fail("segment_chain", run.link.to_string(), stretch.head.to_string());
        }
        run.next = stretch.next();
        self.announced += run.next - stretch.first;
        self.waiting.push((seq, stretch.clone()));
        Ok(())
    }

    /// Compares what was taken in since the last call with the files at hand.
    pub fn compare(&mut self, media: Option<&dyn Media>) -> Vec<Failure> {
        let waiting = std::mem::take(&mut self.waiting);
        let Some(media) = media else { return Vec::new() };
        self.was_at_hand = true;
        let mut failures = Vec::new();
        for (seq, stretch) in &waiting {
            if stretch.first == 0 {
                self.file(
                    *seq,
                    media,
                    FileName { run: stretch.run, number: None },
                    stretch.init,
                    stretch,
                    &mut failures,
                );
            }
            for (number, _, segment) in stretch.timed() {
                let name = FileName { run: stretch.run, number: Some(number) };
                self.file(*seq, media, name, segment.digest, stretch, &mut failures);
            }
        }
        failures
    }

    fn file(
        &mut self,
        seq: u64,
        media: &dyn Media,
        name: FileName,
        digest: Hash,
        stretch: &Stretch,
        failures: &mut Vec<Failure>,
    ) {
        let found = match media.read(name) {
            Ok(Some(bytes)) => Hash::of(&bytes),
            Ok(None) => return self.absent(seq, name),
            Err(error) => {
                let failure = Failure::at(seq, CheckName::Footage, "segment_unreadable", name.to_string(), error);
                return failures.push(failure);
            }
        };
        if found == digest {
            self.matched += 1;
            return;
        }
        if self.mismatches.len() < REPORT_FAILURES_MAX {
            self.mismatches.push(Mismatch { seq, name, camera: stretch.camera, expected: digest, found });
        }
    }

    fn absent(&mut self, seq: u64, name: FileName) {
        // An init segment goes with the first segment.
        let first = name.number.unwrap_or(0);
        let next = name.number.map_or(0, |number| number + 1);
        match self.absent.last_mut() {
            Some(last) if last.run == name.run && last.next == first && last.seq == seq => last.next = next,
            _ => self.absent.push(Absent { seq, run: name.run, first, next }),
        }
    }

    /// Whose bytes lie where others were announced: the run's announcements are read again, for the file that was swapped with
    /// this one may have been announced long before it or after.
    fn mismatched<S: Source>(&mut self, source: &mut S) -> Result<Vec<Failure>, S::Error> {
        let mismatches = std::mem::take(&mut self.mismatches);
        let found: BTreeSet<Hash> = mismatches.iter().map(|one| one.found).collect();
        let runs: BTreeSet<Id> = mismatches.iter().map(|one| one.name.run).collect();
        let tiles: BTreeSet<u64> =
            runs.iter().filter_map(|run| self.runs.get(run)).flat_map(|run| &run.tiles).copied().collect();
        let mut owners = BTreeMap::new();
        for tile in tiles {
            for stretch in announcements(source, tile * u64::from(TILE_WIDTH), TILE_WIDTH.into())? {
                let of_run = |number| FileName { run: stretch.run, number: Some(number) };
                let known = stretch.timed().filter(|(_, _, segment)| found.contains(&segment.digest));
                known.for_each(|(number, _, segment)| {
                    owners.entry(segment.digest).or_insert_with(|| of_run(number));
                });
            }
        }
        let said = |one: Mismatch| {
            let Mismatch { seq, name, camera, expected, found } = one;
            let found = match owners.get(&found) {
                Some(owner) => format!("the bytes of {owner}"),
                None => format!("{found}: altered, or made anew"),
            };
            let expected = format!("{name} with {expected}, camera {camera}");
            Failure::at(seq, CheckName::Footage, "segment_bytes", expected, found)
        };
        Ok(mismatches.into_iter().map(said).collect())
    }

    /// What can be said only at the end: tombstones stand behind what they bury, and clips behind what they refer to.
    pub fn finish<S: Source>(&mut self, source: &mut S) -> Result<Vec<Failure>, S::Error> {
        let mut failures = self.mismatched(source)?;
        for absent in std::mem::take(&mut self.absent) {
            let deleted = self.runs.get(&absent.run).map(|run| run.deleted.as_slice()).unwrap_or_default();
            let is_deleted = |number: u64| deleted.iter().any(|stone| (stone.first..stone.next).contains(&number));
            let missing: Vec<u64> = (absent.first..absent.next).filter(|number| !is_deleted(*number)).collect();
            self.expired += (absent.next - absent.first).saturating_sub(u64::try_from(missing.len()).unwrap_or(0));
            // An init segment may go once something of its run was deleted; what is left of it then names itself.
            let is_init = absent.next == 0 && deleted.is_empty();
            let name = |number| FileName { run: absent.run, number };
            let found = match (is_init, &missing[..]) {
                (true, _) => format!("{} is gone", name(None)),
                (false, []) => continue,
                (false, [only]) => format!("{} is gone", name(Some(*only))),
                (false, [first, .., last]) => format!("{} to {} are gone", name(Some(*first)), name(Some(*last))),
            };
            let expected = "the file, or an entry that says why it was deleted";
            failures.push(Failure::at(absent.seq, CheckName::Footage, "segment_gone", expected, found));
        }
        if let Some(media) = source.media() {
            let ends = &self.runs;
            let stray = |name: &FileName| {
                let run = ends.get(&name.run);
                name.number.is_some_and(|number| run.is_none_or(|run| number >= run.next))
            };
            self.unannounced = u64::try_from(media.list().iter().filter(|name| stray(name)).count()).unwrap_or(0);
        }
        for (seq, clip) in std::mem::take(&mut self.clips) {
            match self.clip(source, seq, &clip)? {
                Ok(()) => {
                    self.clips_held += 1;
                    self.said.extend(self.lacks(seq, &clip));
                }
                Err(failure) => failures.push(*failure),
            }
        }
        Ok(failures)
    }

    /// A clip is a list of announced segments, and says itself what is missing.
    fn clip<S: Source>(
        &self,
        source: &mut S,
        seq: u64,
        clip: &ClipReferenced,
    ) -> Result<Result<(), Box<Failure>>, S::Error> {
        let fail = |rule: &str, expected: String, found: String| {
            Ok(Err(Box::new(Failure::at(seq, CheckName::Clips, rule, expected, found))))
        };
        let playlist = Hash::of(media::playlist(&clip.parts).as_bytes());
        if playlist != clip.playlist {
            return fail("clip_playlist", playlist.to_string(), clip.playlist.to_string());
        }
        for part in &clip.parts {
            let announced = anchored(source, part)?;
            if let Some(other) = announced.iter().find(|one| one.camera != clip.camera || one.init != part.init) {
                return fail("clip_camera", clip.camera.to_string(), other.camera.to_string());
            }
            if let Some(number) = stranger(part, &announced) {
                let name = FileName { run: part.run, number: Some(number) };
                return fail("clip_segment", "a segment that its anchors announce".into(), name.to_string());
            }
        }
        let asked = clip.asked;
        let unsaid = self.gaps.iter().find(|(said_at, gap)| {
            let touches = *said_at < seq && gap.camera == clip.camera && gap.to > asked.from && gap.from < asked.to;
            // A clip that is resolved knows of the gaps that had been announced by then.
            touches
                && !clip
                    .gaps
                    .iter()
                    .any(|said| said.from <= gap.from.max(asked.from) && said.to >= gap.to.min(asked.to))
        });
        match unsaid {
            Some((_, gap)) if clip.external.is_none() => {
                fail("clip_gap", format!("a gap from {} to {} ({})", gap.from, gap.to, gap.cause), "not said".into())
            }
            _ => {
                let gone_before = self.gone(clip).is_some_and(|stone| stone < seq);
                let due = if gone_before { ClipStatus::Expired } else { clip.status_due() };
                if clip.status == due {
                    Ok(Ok(()))
                } else {
                    fail("clip_status", due.to_string(), clip.status.to_string())
                }
            }
        }
    }

    /// The first entry that says that some of the clip's footage was deleted.
    fn gone(&self, clip: &ClipReferenced) -> Option<u64> {
        let buried = |part: &Part| {
            let stones = self.runs.get(&part.run).map(|run| run.deleted.as_slice()).unwrap_or_default();
            let over = stones.iter().filter(|stone| stone.first < part.next() && stone.next > part.first);
            over.map(|stone| stone.seq).min()
        };
        clip.parts.iter().filter_map(buried).min()
    }

    /// What the clip of entry `seq`, which holds, does not show.
    fn lacks(&self, seq: u64, clip: &ClipReferenced) -> Option<Words> {
        let gap = |gap: &Gap| {
            let Gap { from, to, cause, .. } = gap;
            Words::new(format!("{from} 至 {to} 间断（{cause}）"), format!("gap from {from} to {to} ({cause})"))
        };
        let mut reasons: Vec<Words> = clip.gaps.iter().map(gap).collect();
        if let Some(stone) = self.gone(clip) {
            reasons.push(Words::new(
                format!("影像已删除，见第 {stone} 条"),
                format!("footage deleted, as entry {stone} says"),
            ));
        }
        if let Some(kept) = &clip.external {
            let system = &kept.system;
            reasons.push(Words::new(
                format!("由 {system} 保存，此处无从作证"),
                format!("kept by {system}, which nothing here vouches for"),
            ));
        } else if clip.gaps.is_empty() && clip.status == ClipStatus::Gap {
            reasons.push(Words::new("止于所要的时刻之前", "it ends before what was asked for"));
        }
        let Words { zh, en } = Words::joined(&reasons)?;
        let (about, camera) = (clip.about, clip.camera);
        Some(Words::new(
            format!("第 {about} 条的影像，摄像机 {camera}（第 {seq} 条）：{zh}"),
            format!("clip of entry {about} by camera {camera} (entry {seq}): {en}"),
        ))
    }
}

/// The stretches of the part's run in the entries that it names.
fn anchored<S: Source>(source: &mut S, part: &Part) -> Result<Vec<Stretch>, S::Error> {
    let mut found = Vec::new();
    for anchor in &part.anchors {
        found.extend(announcements(source, *anchor, 1)?.into_iter().filter(|stretch| stretch.run == part.run));
    }
    Ok(found)
}

/// What `count` entries from `seq` on announce, where their payloads are at hand.
fn announcements<S: Source>(source: &mut S, seq: u64, count: usize) -> Result<Vec<Stretch>, S::Error> {
    let mut found = Vec::new();
    for entry in source.entries(seq, count)? {
        let Ok(bytes) = entry.payload else { continue };
        let Ok(payload) = Payload::parse(&bytes) else { continue };
        if let Ok(Some(Evidence::Segments(data))) = read(&payload, &bytes) {
            found.extend(data.stretches);
        }
    }
    Ok(found)
}

/// The first segment of the part that none of the stretches announces.
fn stranger(part: &Part, stretches: &[Stretch]) -> Option<u64> {
    let numbered = (part.first..).zip(&part.segments);
    let is_announced = |number: u64, segment: &media::Segment| {
        stretches.iter().flat_map(Stretch::timed).any(|(n, _, announced)| n == number && announced == segment)
    };
    numbered.into_iter().find(|(number, segment)| !is_announced(*number, segment)).map(|(number, _)| number)
}

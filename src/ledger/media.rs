//! Camera evidence in the ledger (`docs/ledger-format.md` §7): what a recorder announces, what a clip refers to, and how the
//! two hang together. Who writes these and who verifies them share this file, so that neither can be more lenient.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::jcs::{self, JcsError};
use crate::base::{Hash, Id, Micros, Span};

pub const SEGMENTS_RECORDED: &str = "evidence.segments_recorded";
pub const CLIP_REQUESTED: &str = "evidence.clip_requested";
pub const CLIP_REFERENCED: &str = "evidence.clip_referenced";
pub const FOOTAGE_DELETED: &str = "evidence.footage_deleted";
pub const HOLD_PLACED: &str = "evidence.hold_placed";
pub const HOLD_LIFTED: &str = "evidence.hold_lifted";
pub const ALARM_RAISED: &str = "evidence.alarm_raised";
pub const ALARM_CLEARED: &str = "evidence.alarm_cleared";
pub const VIEWED: &str = "evidence.viewed";

/// What begins the chain of a run, so that it can be taken for nothing else.
const RUN_DOMAIN: &[u8] = b"mingjian run v1\0";

/// A named set of words that stand in the ledger.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident $word:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$of])* $variant,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|word| word.name() == text).ok_or(UnknownWord)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.name())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                std::borrow::Cow::<'de, str>::deserialize(d)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

/// The text is none of the words that stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a word that is known here")]
pub struct UnknownWord;

words! {
    /// Why there is no footage.
    Cause {
        /// The camera refused, hung up, or stopped sending pictures.
        CameraGone "camera_gone";
        /// It could not be reached, or nothing came through any more.
        Network "network";
        /// The recorder, or the process that it reads the camera with, was away.
        RecorderRestarted "recorder_restarted";
        DiskFull "disk_full";
        /// The recorder's clock was set; times before and after do not compare.
        ClockStep "clock_step";
        /// Footage was there, and the ledger did not take its digests in time: it proves nothing.
        NotCommitted "not_committed";
    }
}

words! {
    ClipStatus {
        /// Its last segment is not in yet.
        Pending "pending";
        /// The whole interval that was asked for is there.
        Complete "complete";
        /// Part of the interval is missing; the reference says where and why.
        Gap "gap";
        /// Retention deleted the footage; digests and tombstone remain.
        Expired "expired";
    }
}

words! {
    AlarmKind {
        CameraDown "camera_down";
        MicrophoneSilent "microphone_silent";
        PictureFrozen "picture_frozen";
        ClockUncertain "clock_uncertain";
        DiskNearlyFull "disk_nearly_full";
    }
}

words! {
    /// How long footage that no clip refers to is kept.
    Retention {
        Days7 "days_7";
        Days90 "days_90";
        /// 拍卖法 art. 55: at least five years; the platform's own rule for online auctions is ten.
        Years10 "years_10";
        /// 政府采购法 art. 42: files of procurement are kept for at least fifteen years.
        Years15 "years_15";
    }
}

impl Retention {
    pub const fn span(self) -> Span {
        match self {
            Self::Days7 => Span::days(7),
            Self::Days90 => Span::days(90),
            // Three leap days at most in ten years, four in fifteen.
            Self::Years10 => Span::days(3_653),
            Self::Years15 => Span::days(5_479),
        }
    }
}

/// `data` of [`SEGMENTS_RECORDED`]: what one recorder recorded since its last entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentsRecorded {
    pub gaps: Vec<Gap>,
    pub stretches: Vec<Stretch>,
}

/// Consecutive segments of one run of one camera. A run is one uninterrupted reading of the camera: one init segment, one
/// media clock, segments numbered from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stretch {
    pub camera: Id,
    /// As in RFC 6381.
    pub codecs: String,
    /// Number of the first segment here.
    pub first: u64,
    /// When the first picture of the first segment was taken, by the recorder's clock.
    pub from: Micros,
    /// The link of the last segment here.
    pub head: Hash,
    /// SHA-256 of the init segment.
    pub init: Hash,
    pub run: Id,
    pub segments: Vec<Segment>,
    /// How far `from` may be off, either way; microseconds.
    pub uncertainty: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// SHA-256 of its bytes.
    pub digest: Hash,
    /// Sound level in hundredths of a decibel of full scale; absent without sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<i32>,
    /// Length on the media clock; microseconds.
    pub span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    pub camera: Id,
    pub cause: Cause,
    pub from: Micros,
    pub to: Micros,
}

impl Stretch {
    /// Number of the first segment behind these.
    pub fn next(&self) -> u64 {
        self.first.saturating_add(u64::try_from(self.segments.len()).unwrap_or(u64::MAX))
    }

    /// When the last picture ends.
    pub fn to(&self) -> Micros {
        self.segments.iter().fold(self.from, |at, segment| at.plus(segment.span))
    }

    /// The segments with number and start.
    pub fn timed(&self) -> impl Iterator<Item = (u64, Micros, &Segment)> {
        let mut at = self.from;
        (self.first..).zip(&self.segments).map(move |(number, segment)| {
            let from = at;
            at = at.plus(segment.span);
            (number, from, segment)
        })
    }
}

impl Part {
    /// Number of the first segment behind these.
    pub fn next(&self) -> u64 {
        self.first.saturating_add(u64::try_from(self.segments.len()).unwrap_or(u64::MAX))
    }
}

/// The link before the first segment of a run.
pub fn run_link(camera: Id, run: Id, init: Hash) -> Hash {
    Hash::of_parts(&[RUN_DOMAIN, &camera.to_u128().to_be_bytes(), &run.to_u128().to_be_bytes(), &init.0])
}

/// The link of segment `number`.
pub fn segment_link(before: Hash, number: u64, segment: &Segment) -> Hash {
    Hash::of_parts(&[&before.0, &number.to_be_bytes(), &segment.digest.0, &segment.span.get().to_be_bytes()])
}

/// `data` of [`CLIP_REQUESTED`]: somebody wants an interval kept beside an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipRequested {
    /// The entry that it shows.
    pub about: u64,
    pub camera: Id,
    pub clip: Id,
    pub from: Micros,
    pub reason: String,
    pub room: Id,
    pub to: Micros,
}

/// `data` of [`CLIP_REFERENCED`]: a list of whole recorded segments, never new bytes. Its subject is the lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipReferenced {
    pub about: u64,
    /// `kind` of that entry.
    pub about_kind: String,
    pub asked: Interval,
    pub audio: Audio,
    pub camera: Id,
    pub clip: Id,
    pub clock: ClipClock,
    pub codecs: String,
    /// Where it lies when another system recorded it; such a clip has no parts of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
    pub gaps: Vec<Gap>,
    pub keep_until: Micros,
    pub parts: Vec<Part>,
    /// SHA-256 of the playlist, which anybody makes of the parts with [`playlist`].
    pub playlist: Hash,
    pub room: Id,
    /// What the parts cover; absent when there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served: Option<Interval>,
    pub status: ClipStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    pub from: Micros,
    pub to: Micros,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audio {
    /// The loudest segment, in hundredths of a decibel of full scale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<i32>,
    pub present: bool,
}

/// How the clip's times were come by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClipClock {
    /// From the media clock of the first part to the wall clock: wall time of the media clock's zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<Micros>,
    /// `arrival`: when pictures reached the recorder, less half the delay that is assumed at most; `external`: as the
    /// other system says.
    pub source: String,
    /// Either way; microseconds.
    pub uncertainty: Span,
}

/// Consecutive segments of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The entries that announced these segments.
    pub anchors: Vec<u64>,
    pub first: u64,
    pub from: Micros,
    pub init: Hash,
    pub run: Id,
    pub segments: Vec<Segment>,
}

/// Footage that another system keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct External {
    /// SHA-256 of what it served when it was asked; absent when it could not be read then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Hash>,
    pub system: String,
    /// Without credentials.
    pub url: String,
}

/// `data` of [`FOOTAGE_DELETED`]: the tombstone of segments whose digests stay in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FootageDeleted {
    pub camera: Id,
    /// `retention`, or `space` when the disk was full.
    pub reason: String,
    pub runs: Vec<DeletedRun>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeletedRun {
    pub count: u64,
    pub first: u64,
    pub run: Id,
}

/// `data` of [`HOLD_PLACED`]: nothing of this interval is deleted until it is lifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldPlaced {
    pub camera: Id,
    pub from: Micros,
    pub hold: Id,
    pub reason: String,
    pub to: Micros,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldLifted {
    pub hold: Id,
    pub reason: String,
}

/// `data` of [`ALARM_RAISED`] and [`ALARM_CLEARED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    pub alarm: AlarmKind,
    /// Absent when it is about the recorder as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<Id>,
    /// For people.
    pub detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Id>,
    pub since: Micros,
}

/// `data` of [`VIEWED`]: written before anything is shown. The actor says who.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Viewed {
    pub camera: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<Id>,
    /// The interval that may be looked at.
    pub from: Micros,
    /// SHA-256 of an export's manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Hash>,
    /// `live`, `clip` or `export`.
    pub mode: String,
    pub reason: String,
    pub to: Micros,
}

impl ClipReferenced {
    /// Whether the file is one of those that it refers to.
    pub fn holds(&self, name: FileName) -> bool {
        self.parts
            .iter()
            .filter(|part| part.run == name.run)
            .any(|part| name.number.is_none_or(|number| number >= part.first && number < part.next()))
    }

    /// The files that it refers to, with their digests, in the order in which they are played.
    pub fn files(&self) -> impl Iterator<Item = (FileName, Hash)> {
        self.parts.iter().flat_map(|part| {
            let init = (FileName { run: part.run, number: None }, part.init);
            let segments = (part.first..).zip(&part.segments);
            let named = segments.map(|(number, one)| (FileName { run: part.run, number: Some(number) }, one.digest));
            std::iter::once(init).chain(named)
        })
    }

    /// What the status must be, given what was asked for and what there is; [`ClipStatus::Expired`] instead where the
    /// footage had been deleted before.
    pub fn status_due(&self) -> ClipStatus {
        let covered = self.served.is_some_and(|served| served.from <= self.asked.from && served.to >= self.asked.to);
        // Another system's footage is as whole as that system says.
        let whole = (covered || self.external.is_some()) && self.gaps.is_empty();
        if whole { ClipStatus::Complete } else { ClipStatus::Gap }
    }
}

/// The HLS playlist (RFC 8216) of a clip: the same bytes for everybody who has the reference.
pub fn playlist(parts: &[Part]) -> String {
    let longest = parts.iter().flat_map(|part| &part.segments).map(|segment| segment.span.get()).max().unwrap_or(0);
    let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    // RFC 8216 §4.3.3.1: no segment, rounded, is longer than this.
    let _ = writeln!(text, "#EXT-X-TARGETDURATION:{}", longest.div_ceil(1_000_000).max(1));
    for (index, part) in parts.iter().enumerate() {
        write_part(&mut text, part, index > 0);
    }
    text.push_str("#EXT-X-ENDLIST\n");
    text
}

/// The lines of one part; shared with the live playlist, which has no end.
pub fn write_part(text: &mut String, part: &Part, after_another: bool) {
    if after_another {
        text.push_str("#EXT-X-DISCONTINUITY\n");
    }
    let _ = writeln!(text, "#EXT-X-MAP:URI=\"{}\"", FileName { run: part.run, number: None });
    let _ = writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{}", part.from);
    for (number, segment) in (part.first..).zip(&part.segments) {
        let span = segment.span.get();
        let _ = writeln!(text, "#EXTINF:{}.{:06},", span / 1_000_000, span % 1_000_000);
        let _ = writeln!(text, "{}", FileName { run: part.run, number: Some(number) });
    }
}

/// The name of a recorded file: `<run>/init.mp4` or `<run>/00000012.m4s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName {
    pub run: Id,
    /// `None`: the init segment.
    pub number: Option<u64>,
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            None => write!(f, "{}/init.mp4", self.run),
            Some(number) => write!(f, "{}/{number:08}.m4s", self.run),
        }
    }
}

impl FromStr for FileName {
    type Err = UnknownWord;

    /// Only the spelling that [`fmt::Display`] writes: a name that came over the wire leads nowhere else.
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let (run, file) = text.split_once('/').ok_or(UnknownWord)?;
        let run = run.parse().map_err(|_| UnknownWord)?;
        let number = match file.strip_suffix(".m4s") {
            None => None,
            Some(digits) => Some(digits.parse().map_err(|_| UnknownWord)?),
        };
        let name = Self { run, number };
        if name.to_string() == text { Ok(name) } else { Err(UnknownWord) }
    }
}

/// `data` in the ledger's own JSON, as a record carries it.
pub fn to_data<T: Serialize>(data: &T) -> Result<serde_json::Value, JcsError> {
    jcs::to_value(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_have_one_spelling() {
        let run: Id = "01JD9Z5T8Q3W6V2K4M7N0P1R2S".parse().unwrap();
        for text in ["01JD9Z5T8Q3W6V2K4M7N0P1R2S/init.mp4", "01JD9Z5T8Q3W6V2K4M7N0P1R2S/00000012.m4s"] {
            assert_eq!(text.parse::<FileName>().unwrap().to_string(), text);
        }
        assert_eq!(FileName { run, number: Some(123_456_789) }.to_string().parse::<FileName>().unwrap().run, run);
        for text in [
            "",
            "init.mp4",
            "../init.mp4",
            "01JD9Z5T8Q3W6V2K4M7N0P1R2S/12.m4s",
            "01JD9Z5T8Q3W6V2K4M7N0P1R2S/+0000012.m4s",
            "01JD9Z5T8Q3W6V2K4M7N0P1R2S/a/init.mp4",
        ] {
            assert!(text.parse::<FileName>().is_err(), "{text:?} must be refused");
        }
    }

    #[test]
    fn a_link_stands_for_place_bytes_and_length() {
        let segment = Segment { digest: Hash::of(b"1"), level: None, span: Span::secs(2) };
        let start = run_link(Id::from_u128(1), Id::from_u128(2), Hash::of(b"init"));
        let link = segment_link(start, 0, &segment);
        assert_ne!(link, segment_link(start, 1, &segment));
        assert_ne!(link, segment_link(start, 0, &Segment { digest: Hash::of(b"2"), ..segment }));
        assert_ne!(link, segment_link(start, 0, &Segment { span: Span::secs(3), ..segment }));
        assert_ne!(start, run_link(Id::from_u128(2), Id::from_u128(1), Hash::of(b"init")));
    }

    #[test]
    fn a_playlist_is_made_of_the_reference_alone() {
        let run: Id = "01JD9Z5T8Q3W6V2K4M7N0P1R2S".parse().unwrap();
        let from = "2026-11-23T04:05:06.000000Z".parse().unwrap();
        let segment = Segment { digest: Hash::of(b"1"), level: Some(-2_310), span: Span::micros(2_040_000) };
        let part = Part { anchors: vec![7], first: 3, from, init: Hash::of(b"i"), run, segments: vec![segment; 2] };
        let text = playlist(&[part.clone(), part]);
        assert_eq!(text.matches("#EXT-X-DISCONTINUITY").count(), 1);
        assert!(text.contains("#EXT-X-TARGETDURATION:3\n") && text.ends_with("#EXT-X-ENDLIST\n"));
        assert!(text.contains("#EXTINF:2.040000,\n01JD9Z5T8Q3W6V2K4M7N0P1R2S/00000004.m4s\n"), "{text}");
    }
}

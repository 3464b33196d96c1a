//! What a recorder announces: segments, the chain that they hang on, and the names of their files.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Cause, UnknownWord};
use crate::base::{Hash, Id, Micros, Span};

/// What begins the chain of a run, so that it can be taken for nothing else.
const RUN_DOMAIN: &[u8] = b"mingjian run v1\0";

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

/// The link before the first segment of a run.
pub fn run_link(camera: Id, run: Id, init: Hash) -> Hash {
    Hash::of_parts(&[RUN_DOMAIN, &camera.to_u128().to_be_bytes(), &run.to_u128().to_be_bytes(), &init.0])
}

/// The link of segment `number`.
pub fn segment_link(before: Hash, number: u64, segment: &Segment) -> Hash {
    Hash::of_parts(&[&before.0, &number.to_be_bytes(), &segment.digest.0, &segment.span.get().to_be_bytes()])
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
}

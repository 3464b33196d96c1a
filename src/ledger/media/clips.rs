//! What a clip refers to, and the playlist that anybody makes of it.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::{ClipStatus, FileName, Gap, Segment};
use crate::base::{Hash, Id, Micros, Span};

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

impl Part {
    /// Number of the first segment behind these.
    pub fn next(&self) -> u64 {
        self.first.saturating_add(u64::try_from(self.segments.len()).unwrap_or(u64::MAX))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

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

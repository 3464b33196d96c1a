//! A camera as of now: its last half minute, for those who may watch it.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::journal::Recorded;
use crate::ledger::media::{FileName, Part, write_part};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Live {
    /// The oldest first.
    pub segments: Vec<Recorded>,
    /// How many segments and runs came before these, since the recorder began.
    pub before: u64,
    pub runs_before: u64,
}

impl Live {
    /// Whether the file is one of these.
    pub fn holds(&self, name: FileName) -> bool {
        let mut ours = self.segments.iter().filter(|segment| segment.run == name.run);
        ours.any(|segment| name.number.is_none_or(|number| number == segment.number))
    }

    /// A playlist without an end (RFC 8216 §6.2.2).
    pub fn playlist(&self) -> String {
        let longest = self.segments.iter().map(|recorded| recorded.segment.span.get()).max().unwrap_or(2_000_000);
        let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "#EXT-X-TARGETDURATION:{}", longest.div_ceil(1_000_000).max(1));
        let _ = writeln!(text, "#EXT-X-MEDIA-SEQUENCE:{}", self.before);
        let _ = writeln!(text, "#EXT-X-DISCONTINUITY-SEQUENCE:{}", self.runs_before);
        for (index, part) in self.parts().iter().enumerate() {
            write_part(&mut text, part, index > 0);
        }
        text
    }

    fn parts(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        for recorded in &self.segments {
            let Recorded { run, number, from, init, segment, .. } = *recorded;
            if let Some(part) = parts.last_mut().filter(|part| part.run == run) {
                part.segments.push(segment);
            } else {
                parts.push(Part { anchors: Vec::new(), first: number, from, init, run, segments: vec![segment] });
            }
        }
        parts
    }
}

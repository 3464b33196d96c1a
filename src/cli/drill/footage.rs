//! Footage for the drill: a recorder's announcement in the ledger, and its files beside it, of made-up bytes.

use super::copy::Copy;
use crate::base::{Hash, Id, Micros, Span};
use crate::ledger::media::{FileName, SEGMENTS_RECORDED, Segment, SegmentsRecorded, Stretch, run_link, segment_link};
use crate::ledger::payload;
use crate::review::Media;
use crate::sequencer::StoredEntry;

type Failed = Box<dyn std::error::Error>;

const RUN: Id = Id::from_u128(2);
const SECONDS: u64 = 2;

/// Files that lie beside a ledger.
#[derive(Clone, Default)]
pub struct Reel(Vec<(FileName, Vec<u8>)>);

impl Media for Reel {
    fn read(&self, name: FileName) -> Result<Option<Vec<u8>>, String> {
        Ok(self.0.iter().find(|(known, _)| *known == name).map(|(_, bytes)| bytes.clone()))
    }

    fn list(&self) -> Vec<FileName> {
        self.0.iter().map(|(name, _)| *name).collect()
    }
}

impl Reel {
    /// The pictures of two segments change places.
    pub fn swap(&mut self) {
        if let [_, (_, one), (_, other)] = self.0.as_mut_slice() {
            std::mem::swap(one, other);
        }
    }
}

/// Writes an entry that announces two segments, just recorded, with these pictures; their files lie beside the copy.
pub fn record(copy: &mut Copy, pictures: [&[u8]; 2]) -> Result<(), Failed> {
    let last = copy.entries.last().cloned().ok_or("the ledger is empty")?;
    let (before, at) = (copy.entries.len(), copy.time_of(copy.entries.len() - 1)?);
    let (camera, init) = (Id::from_u128(1), Hash::of(b"init"));
    let mut head = run_link(camera, RUN, init);
    let mut segments = Vec::new();
    for (number, bytes) in (0..).zip(pictures) {
        let segment = Segment { digest: Hash::of(bytes), level: None, span: Span::secs(SECONDS) };
        head = segment_link(head, number, &segment);
        segments.push(segment);
    }
    let length = i64::try_from(2 * Span::secs(SECONDS).get())?;
    let from = Micros::new(at.get() - length).ok_or("the ledger is too old")?;
    let uncertainty = Span::micros(0);
    let stretch =
        Stretch { camera, codecs: "avc1".into(), first: 0, from, head, init, run: RUN, segments, uncertainty };
    let data = SegmentsRecorded { gaps: Vec::new(), stretches: vec![stretch] };
    let bytes = payload::encode("recorder/drill", SEGMENTS_RECORDED, &data, &[0; 16], "recorder/drill")?;
    copy.entries.push(StoredEntry { payload: Some(bytes.into()), ..last });
    copy.chain_anew(before)?;
    let file = |number, bytes: &[u8]| (FileName { run: RUN, number }, bytes.to_vec());
    let [one, other] = pictures;
    copy.reel = Some(Reel(vec![file(None, b"init"), file(Some(0), one), file(Some(1), other)]));
    Ok(())
}

//! Cuts what ffmpeg writes into an init segment and segments of whole fragments, each of at least two seconds.

use super::mp4::{Pictures, Tracks, box_size};
use crate::base::Span;
use crate::base::limits::{SEGMENT_MAX_BYTES, SEGMENT_MIN};

/// Two seconds of pictures, each rounded to a camera's clock, may come to a little less.
const ROUNDING: Span = Span::micros(20_000);

/// What has become whole.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    Init { bytes: Vec<u8>, tracks: Tracks },
    Segment(Cut),
}

/// A segment: whole fragments, unchanged.
#[derive(Debug, PartialEq, Eq)]
pub struct Cut {
    pub bytes: Vec<u8>,
    pub from: Span,
    pub to: Span,
    /// Missing pictures within it.
    pub hole: Option<(Span, Span)>,
}

/// Why the bytes cannot be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CutError {
    #[error("what ffmpeg writes is no fragmented MP4 with a video that is known here")]
    Form,
    #[error("a segment would be larger than {SEGMENT_MAX_BYTES} bytes: the camera sends no key frames")]
    TooLarge,
}

#[derive(Default)]
pub struct Splitter {
    /// Not cut yet.
    buffer: Vec<u8>,
    init: Vec<u8>,
    tracks: Option<Tracks>,
    /// `moof`, until its `mdat` is there.
    fragment: Vec<u8>,
    open: Option<Cut>,
}

impl Splitter {
    /// Takes in what was read, and gives out what has become whole.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Piece>, CutError> {
        self.buffer.extend_from_slice(bytes);
        let mut pieces = Vec::new();
        loop {
            let size = match box_size(&self.buffer) {
                Some((size, _)) => size,
                // A box of size 0 reaches to the end, which a stream has not.
                None if self.buffer.len() >= 16 => return Err(CutError::Form),
                None => return Ok(pieces),
            };
            if size > SEGMENT_MAX_BYTES {
                return Err(CutError::TooLarge);
            }
            if self.buffer.len() < size {
                return Ok(pieces);
            }
            let rest = self.buffer.split_off(size);
            let whole = std::mem::replace(&mut self.buffer, rest);
            pieces.extend(self.take(whole)?);
        }
    }

    /// The last segment, however short, when nothing more comes.
    pub fn finish(mut self) -> Option<Cut> {
        self.open.take()
    }

    fn take(&mut self, whole: Vec<u8>) -> Result<Option<Piece>, CutError> {
        let kind: [u8; 4] = whole.get(4..8).and_then(|kind| kind.try_into().ok()).ok_or(CutError::Form)?;
        match (&kind, &self.tracks) {
            (b"moov", None) => {
                self.init.extend_from_slice(&whole);
                let tracks = Tracks::read(&self.init).ok_or(CutError::Form)?;
                self.tracks = Some(tracks.clone());
                Ok(Some(Piece::Init { bytes: std::mem::take(&mut self.init), tracks }))
            }
            (b"moof" | b"mdat", None) => Err(CutError::Form),
            (_, None) => {
                self.init.extend_from_slice(&whole);
                if self.init.len() > SEGMENT_MAX_BYTES { Err(CutError::TooLarge) } else { Ok(None) }
            }
            (b"moof", Some(_)) => {
                self.fragment = whole;
                Ok(None)
            }
            (b"mdat", Some(tracks)) => {
                let mut fragment = std::mem::take(&mut self.fragment);
                fragment.extend_from_slice(&whole);
                // Sound alone belongs to the pictures before it.
                let pictures = tracks.pictures(&fragment);
                self.add(fragment, pictures)
            }
            // An index at the end is no footage.
            (_, Some(_)) => Ok(None),
        }
    }

    /// Fragments begin with a key frame, so a segment may end before each of them.
    fn add(&mut self, fragment: Vec<u8>, pictures: Option<Pictures>) -> Result<Option<Piece>, CutError> {
        let Some(open) = &mut self.open else {
            let Some(Pictures { from, to, hole }) = pictures else { return Ok(None) };
            self.open = Some(Cut { bytes: fragment, from, to, hole });
            return Ok(self.full());
        };
        if open.bytes.len() + fragment.len() > SEGMENT_MAX_BYTES {
            return Err(CutError::TooLarge);
        }
        open.bytes.extend_from_slice(&fragment);
        if let Some(pictures) = pictures {
            // Between two fragments pictures may be missing as well.
            let missing = pictures.from.get().saturating_sub(open.to.get()) >= crate::base::limits::GAP_MIN.get();
            open.hole = open.hole.or(missing.then_some((open.to, pictures.from))).or(pictures.hole);
            open.to = open.to.max(pictures.to);
        }
        Ok(self.full())
    }

    fn full(&mut self) -> Option<Piece> {
        let is_full = |cut: &Cut| cut.to.get().saturating_sub(cut.from.get()) + ROUNDING.get() >= SEGMENT_MIN.get();
        self.open.take_if(|cut| is_full(cut)).map(Piece::Segment)
    }
}

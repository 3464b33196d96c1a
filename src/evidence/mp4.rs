//! What the recorder needs to know of fragmented MP4 (ISO/IEC 14496-12): where an init segment and each fragment end, and
//! from when to when a fragment's pictures go by the camera's media clock. Nothing is ever written: footage is kept as
//! ffmpeg wrote it.

use crate::base::Span;

/// A box: its type and what is in it.
type Field<'a> = ([u8; 4], &'a [u8]);

/// The boxes that follow each other in `bytes`; ends at the first that is not whole.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (size, head) = box_size(rest)?;
        let whole = rest.get(..size)?;
        rest = rest.get(size..)?;
        Some((whole.get(4..8)?.try_into().ok()?, whole.get(head..)?))
    })
}

/// Size and length of head of the box that `bytes` begin with.
pub fn box_size(bytes: &[u8]) -> Option<(usize, usize)> {
    let short = usize::try_from(u32_at(bytes, 0)?).ok()?;
    let (size, head) = if short == 1 { (usize::try_from(u64_at(bytes, 8)?).ok()?, 16) } else { (short, 8) };
    (size >= head && bytes.len() >= head).then_some((size, head))
}

fn find<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(bytes, |within, name| boxes(within).find(|(kind, _)| kind == *name).map(|(_, body)| body))
}

fn all<'a>(bytes: &'a [u8], name: &'a [u8; 4]) -> impl Iterator<Item = &'a [u8]> {
    boxes(bytes).filter(move |(kind, _)| kind == name).map(|(_, body)| body)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// What an init segment says of its tracks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracks {
    video: u32,
    /// Units a second of the video's clock.
    timescale: u32,
    /// As in RFC 6381.
    pub codecs: String,
    pub has_audio: bool,
}

impl Tracks {
    /// Of the boxes up to `moov`; `None` when there is no video in them that we know.
    pub fn read(init: &[u8]) -> Option<Self> {
        let mut video = None;
        let mut codecs = Vec::new();
        let mut has_audio = false;
        for track in all(find(init, &[b"moov"])?, b"trak") {
            let media = find(track, &[b"mdia"])?;
            let entries = find(media, &[b"minf", b"stbl", b"stsd"])?.get(8..)?;
            let (kind, entry) = boxes(entries).next()?;
            codecs.push(codec(kind, entry)?);
            match find(media, &[b"hdlr"])?.get(8..12)? {
                b"vide" => {
                    // Version 1 has 64-bit times before these fields.
                    let (head, clock) = (find(track, &[b"tkhd"])?, find(media, &[b"mdhd"])?);
                    let id = u32_at(head, if head.first() == Some(&1) { 20 } else { 12 })?;
                    let timescale = u32_at(clock, if clock.first() == Some(&1) { 20 } else { 12 })?;
                    video = video.or((timescale > 0).then_some((id, timescale)));
                }
                b"soun" => has_audio = true,
                _ => {}
            }
        }
        let (video, timescale) = video?;
        Some(Self { video, timescale, codecs: codecs.join(","), has_audio })
    }

    fn micros(&self, units: u64) -> u64 {
        let micros = u128::from(units) * 1_000_000 / u128::from(self.timescale);
        u64::try_from(micros).unwrap_or(u64::MAX)
    }

    /// From when to when the pictures of a fragment (`moof` and what follows) go.
    pub fn pictures(&self, fragment: &[u8]) -> Option<Pictures> {
        let video = all(find(fragment, &[b"moof"])?, b"traf")
            .find(|track| find(track, &[b"tfhd"]).and_then(|head| u32_at(head, 4)) == Some(self.video))?;
        let start = find(video, &[b"tfdt"])?;
        let start = if start.first() == Some(&1) { u64_at(start, 4)? } else { u64::from(u32_at(start, 4)?) };
        let default = default_duration(find(video, &[b"tfhd"])?);
        let (mut at, mut hole) = (start, None);
        for run in all(video, b"trun") {
            for duration in durations(run, default)? {
                let next = at.checked_add(u64::from(duration))?;
                if self.micros(u64::from(duration)) >= crate::base::limits::GAP_MIN.get() {
                    hole = hole.or(Some((at, next)));
                }
                at = next;
            }
        }
        let span = |units| Span::micros(self.micros(units));
        Some(Pictures { from: span(start), to: span(at), hole: hole.map(|(from, to)| (span(from), span(to))) })
    }
}

/// On the media clock, from its zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pictures {
    pub from: Span,
    pub to: Span,
    /// A picture that stood for so long that pictures are missing behind it.
    pub hole: Option<(Span, Span)>,
}

/// `tfhd`: the optional fields stand in this order, each if its flag is set.
fn default_duration(head: &[u8]) -> u32 {
    let flags = u32_at(head, 0).unwrap_or(0);
    if flags & 0x08 == 0 {
        return 0;
    }
    let before: usize = if flags & 0x01 == 0 { 0 } else { 8 } + if flags & 0x02 == 0 { 0 } else { 4 };
    u32_at(head, 8 + before).unwrap_or(0)
}

/// `trun`: how long each picture stands.
fn durations(run: &[u8], default: u32) -> Option<Vec<u32>> {
    let (flags, count) = (u32_at(run, 0)?, usize::try_from(u32_at(run, 4)?).ok()?);
    let first: usize = 8 + if flags & 0x01 == 0 { 0 } else { 4 } + if flags & 0x04 == 0 { 0 } else { 4 };
    let width = 4 * [0x100, 0x200, 0x400, 0x800].iter().filter(|flag| flags & **flag != 0).count();
    if flags & 0x100 == 0 {
        return (count <= run.len().max(65_536)).then(|| vec![default; count]);
    }
    // Also bounds `count`, which came out of the file.
    let table = run.get(first..first.checked_add(count.checked_mul(width)?)?)?;
    table.chunks_exact(width).map(|sample| u32_at(sample, 0)).collect()
}

/// RFC 6381 §3.3 and ISO/IEC 14496-15 Annex E.
fn codec(kind: [u8; 4], entry: &[u8]) -> Option<String> {
    match &kind {
        b"avc1" => {
            let config = find(entry.get(78..)?, &[b"avcC"])?;
            let (profile, constraints, level) = (config.get(1)?, config.get(2)?, config.get(3)?);
            Some(format!("avc1.{profile:02x}{constraints:02x}{level:02x}"))
        }
        b"hvc1" | b"hev1" => {
            let config = find(entry.get(78..)?, &[b"hvcC"])?;
            let (profile, level) = (config.get(1)?, config.get(12)?);
            let space = ["", "A", "B", "C"].get(usize::from(profile >> 6))?;
            let tier = if profile & 0x20 == 0 { 'L' } else { 'H' };
            let compatible = u32_at(config, 2)?.reverse_bits();
            let constraints = config.get(6).map(|byte| format!(".{byte:X}"))?;
            let name = String::from_utf8_lossy(&kind).into_owned();
            Some(format!("{name}.{space}{}.{compatible:X}.{tier}{level}{constraints}", profile & 0x1f))
        }
        b"mp4a" => Some(format!("mp4a.40.{}", audio_type(find(entry.get(28..)?, &[b"esds"])?).unwrap_or(2))),
        _ => None,
    }
}

/// Out of the decoder's own configuration (ISO/IEC 14496-3 §1.6.2.1), which is descriptor 5 within 4 within 3.
fn audio_type(descriptors: &[u8]) -> Option<u8> {
    let elementary = descriptor(descriptors.get(4..)?, 3)?;
    let decoder = descriptor(elementary.get(3..)?, 4)?;
    let specific = descriptor(decoder.get(13..)?, 5)?;
    Some(specific.first()? >> 3)
}

/// The content of the descriptor `tag`, whose length takes up to four bytes of seven bits.
fn descriptor(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let (first, mut rest) = bytes.split_first()?;
    if *first != tag {
        return None;
    }
    for _ in 0..4 {
        let (byte, after) = rest.split_first()?;
        rest = after;
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(kind: [u8; 4], parts: &[&[u8]]) -> Vec<u8> {
        let body = parts.concat();
        let mut out = u32::try_from(body.len() + 8).unwrap().to_be_bytes().to_vec();
        out.extend_from_slice(&kind);
        out.extend_from_slice(&body);
        out
    }

    fn init() -> Vec<u8> {
        let words = |words: &[u32]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<_>>();
        let avcc = make(*b"avcC", &[&[1, 0x64, 0, 0x1f, 0xff]]);
        let avc1 = make(*b"avc1", &[&[0; 78], &avcc]);
        let stsd = make(*b"stsd", &[&words(&[0, 1]), &avc1]);
        let minf = make(*b"minf", &[&make(*b"stbl", &[&stsd])]);
        let hdlr = make(*b"hdlr", &[&words(&[0, 0]), b"vide", &[0; 13]]);
        let mdia = make(*b"mdia", &[&make(*b"mdhd", &[&words(&[0, 0, 0, 90_000, 0, 0])]), &hdlr, &minf]);
        let trak = make(*b"trak", &[&make(*b"tkhd", &[&words(&[0, 0, 0, 7, 0])]), &mdia]);
        [make(*b"ftyp", &[b"iso5"]), make(*b"moov", &[&trak])].concat()
    }

    fn fragment(track: u32, start: u64, durations: &[u32]) -> Vec<u8> {
        let words = |words: &[u32]| words.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<_>>();
        let tfhd = make(*b"tfhd", &[&words(&[0x02_0000, track])]);
        let tfdt = make(*b"tfdt", &[&[1, 0, 0, 0], &start.to_be_bytes()]);
        let table: Vec<u32> = durations.iter().flat_map(|d| [*d, 100]).collect();
        let count = u32::try_from(durations.len()).unwrap();
        let trun = make(*b"trun", &[&words(&[0x301, count, 0]), &words(&table)]);
        [make(*b"moof", &[&make(*b"traf", &[&tfhd, &tfdt, &trun])]), make(*b"mdat", &[b"xx"])].concat()
    }

    #[test]
    fn tracks_and_times() {
        let tracks = Tracks::read(&init()).unwrap();
        assert_eq!((tracks.codecs.as_str(), tracks.timescale, tracks.video), ("avc1.64001f", 90_000, 7));
        let found = tracks.pictures(&fragment(7, 180_000, &[3_000; 30])).unwrap();
        assert_eq!(found, Pictures { from: Span::secs(2), to: Span::secs(3), hole: None });
        let held = tracks.pictures(&fragment(7, 0, &[3_000, 450_000, 3_000])).unwrap();
        assert_eq!(held.hole.map(|(from, to)| to.get() - from.get()), Some(5_000_000));
        assert_eq!(tracks.pictures(&fragment(8, 0, &[3_000])), None);
    }

    #[test]
    fn broken_bytes_are_no_panic() {
        let (init, fragment) = (init(), fragment(7, 0, &[3_000; 3]));
        let tracks = Tracks::read(&init).unwrap();
        for length in 0..init.len() {
            assert_eq!(Tracks::read(&init[..length]), None);
        }
        for at in 0..fragment.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bad = fragment.clone();
                bad[at] = value;
                let _ = tracks.pictures(&bad);
            }
            let _ = tracks.pictures(&fragment[..at]);
        }
        assert_eq!(box_size(&[0, 0, 0, 0, b'm', b'd', b'a', b't']), None);
    }
}

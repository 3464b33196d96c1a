//! What waits for its entry: segments that are on disk, and gaps. One entry speaks for all cameras of a recorder. Whatever
//! could not be announced in time becomes a gap: footage that comes late into the ledger proves nothing.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::journal::Recorded;
use crate::base::limits::{ANNOUNCE_LATE_MAX, GAPS_PER_ENTRY_MAX, SEGMENTS_PER_ENTRY_MAX, STRETCHES_PER_ENTRY_MAX};
use crate::base::{Id, Micros, Span};
use crate::ledger::media::{Cause, Gap, SegmentsRecorded, Stretch};

/// Before the limit, so that what is sent in time arrives in time.
const MARGIN: Span = Span::secs(15);

#[derive(Debug, Default)]
pub struct Pending(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    segments: Vec<Recorded>,
    gaps: Vec<Gap>,
    /// Runs of which something was not announced in time: their chain is broken, and nothing follows in it.
    broken: BTreeSet<Id>,
}

/// What one entry will say, and what is to be forgotten when it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    pub data: SegmentsRecorded,
    segments: usize,
    gaps: usize,
}

impl Pending {
    fn with<R>(&self, f: impl FnOnce(&mut Waiting) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn segment(&self, recorded: Recorded) {
        self.with(|waiting| waiting.segments.push(recorded));
    }

    /// Of an earlier life of the recorder: their turn comes before that of all others.
    pub fn earlier(&self, recorded: Vec<Recorded>) {
        self.with(|waiting| drop(waiting.segments.splice(..0, recorded)));
    }

    pub fn gap(&self, gap: Gap) {
        self.with(|waiting| waiting.gaps.push(gap));
    }

    /// Whether the run has to end because its chain is broken.
    pub fn is_broken(&self, run: Id) -> bool {
        self.with(|waiting| waiting.broken.contains(&run))
    }

    pub fn forget(&self, run: Id) {
        self.with(|waiting| waiting.broken.remove(&run));
    }

    /// Whether a segment of `run` still waits.
    pub fn waits(&self, run: Id) -> bool {
        self.with(|waiting| waiting.segments.iter().any(|segment| segment.run == run))
    }

    /// The next entry's content; `None` when there is nothing to say.
    pub fn announcement(&self, now: Micros) -> Option<Announcement> {
        self.with(|waiting| {
            waiting.drop_late(now);
            let gaps = waiting.gaps.len().min(GAPS_PER_ENTRY_MAX);
            let (stretches, segments) = stretches(waiting.segments.iter().take(SEGMENTS_PER_ENTRY_MAX));
            if segments + gaps == 0 {
                return None;
            }
            let data = SegmentsRecorded { gaps: waiting.gaps.iter().take(gaps).copied().collect(), stretches };
            Some(Announcement { data, segments, gaps })
        })
    }

    /// Its entry is durable.
    pub fn announced(&self, announcement: &Announcement) {
        self.with(|waiting| {
            waiting.segments.drain(..announcement.segments.min(waiting.segments.len()));
            waiting.gaps.drain(..announcement.gaps.min(waiting.gaps.len()));
        });
    }
}

impl Waiting {
    fn drop_late(&mut self, now: Micros) {
        let oldest = now.minus(Span::micros(ANNOUNCE_LATE_MAX.get() - MARGIN.get()));
        let late = self.segments.iter().filter(|segment| segment.to() < oldest).map(|segment| segment.run);
        self.broken.extend(late.collect::<Vec<_>>());
        let broken = std::mem::take(&mut self.broken);
        self.segments.retain(|segment| {
            let is_kept = !broken.contains(&segment.run);
            if !is_kept {
                let (from, to) = (segment.from, segment.to());
                add(&mut self.gaps, Gap { camera: segment.camera, cause: Cause::NotCommitted, from, to });
            }
            is_kept
        });
        self.broken = broken;
    }
}

/// Joins it to the one before where it goes on from it.
fn add(gaps: &mut Vec<Gap>, gap: Gap) {
    let same = |last: &&mut Gap| last.camera == gap.camera && last.cause == gap.cause && last.to <= gap.to;
    match gaps.iter_mut().rev().find(|last| last.camera == gap.camera).filter(same) {
        Some(last) => last.to = gap.to,
        None => gaps.push(gap),
    }
}

/// Neighbours of one run become one stretch. Answers also how many segments they hold, from the first on.
fn stretches<'a>(segments: impl Iterator<Item = &'a Recorded>) -> (Vec<Stretch>, usize) {
    let mut count = 0;
    let mut found: Vec<Stretch> = Vec::new();
    for recorded in segments {
        if let Some(stretch) = found.iter_mut().find(|stretch| recorded.continues(stretch)) {
            stretch.segments.push(recorded.segment);
            stretch.head = recorded.link;
            stretch.uncertainty = stretch.uncertainty.max(recorded.uncertainty);
            count += 1;
            continue;
        }
        if found.len() >= STRETCHES_PER_ENTRY_MAX {
            break;
        }
        count += 1;
        let Recorded { camera, ref codecs, init, run, number, from, uncertainty, link, segment } = *recorded;
        let codecs = codecs.clone();
        found.push(Stretch {
            camera,
            codecs,
            first: number,
            from,
            head: link,
            init,
            run,
            segments: vec![segment],
            uncertainty,
        });
    }
    (found, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Hash;
    use crate::ledger::media::Segment;

    fn recorded(run: u128, number: u64, from: i64) -> Recorded {
        Recorded {
            camera: Id::from_u128(run / 10),
            codecs: "avc1.64001f,mp4a.40.2".into(),
            init: Hash::of(b"i"),
            run: Id::from_u128(run),
            number,
            from: Micros::new(from).unwrap(),
            uncertainty: Span::micros(500_000 + number),
            link: Hash::of(&number.to_be_bytes()),
            segment: Segment { digest: Hash::of(b"s"), level: Some(-2_000), span: Span::secs(2) },
        }
    }

    #[test]
    fn cameras_share_an_entry_and_neighbours_a_stretch() {
        let pending = Pending::default();
        let now = Micros::new(20_000_000).unwrap();
        for number in 0..3 {
            let from = i64::try_from(number).unwrap() * 2_000_000;
            pending.segment(recorded(10, number, from));
            pending.segment(recorded(20, number + 7, from));
        }
        let announcement = pending.announcement(now).unwrap();
        let [a, b] = &announcement.data.stretches[..] else { panic!() };
        assert_eq!((a.first, a.next(), b.first, b.next()), (0, 3, 7, 10));
        assert_eq!((a.head, a.uncertainty, a.from.get()), (Hash::of(&2u64.to_be_bytes()), Span::micros(500_002), 0));
        // What came in meanwhile is kept for the next one.
        pending.segment(recorded(10, 3, 6_000_000));
        pending.announced(&announcement);
        assert_eq!(pending.announcement(now).unwrap().data.stretches[0].first, 3);
        assert!(pending.waits(Id::from_u128(10)) && !pending.waits(Id::from_u128(20)));
    }

    #[test]
    fn what_is_late_is_a_gap_and_breaks_its_run() {
        let pending = Pending::default();
        for number in 0..2 {
            pending.segment(recorded(10, number, i64::try_from(number).unwrap() * 2_000_000));
        }
        pending.segment(recorded(20, 0, 170_000_000));
        let late = Micros::new(3_000_000 + i64::try_from(ANNOUNCE_LATE_MAX.get()).unwrap()).unwrap();
        let announcement = pending.announcement(late).unwrap();
        let (from, to) = (Micros::new(0).unwrap(), Micros::new(4_000_000).unwrap());
        assert_eq!(announcement.data.gaps, [Gap { camera: Id::from_u128(1), cause: Cause::NotCommitted, from, to }]);
        assert_eq!(announcement.data.stretches.len(), 1);
        assert!(pending.is_broken(Id::from_u128(10)) && !pending.is_broken(Id::from_u128(20)));
        // Nothing more of the run is announced, however fresh.
        pending.segment(recorded(10, 2, late.get()));
        pending.announced(&announcement);
        assert!(pending.announcement(late).unwrap().data.stretches.is_empty());
    }

    #[test]
    fn an_entry_has_a_largest_size() {
        let pending = Pending::default();
        for number in 0..u64::try_from(SEGMENTS_PER_ENTRY_MAX).unwrap() + 5 {
            let mut one = recorded(10, number, 0);
            // As many stretches as there are segments would be the worst, and a recorder has some dozens of cameras.
            one.run = Id::from_u128(u128::from(number % 32));
            one.number = number / 32;
            one.from = Micros::new(i64::try_from(one.number).unwrap() * 2_000_000).unwrap();
            one.segment.level = Some(-12_000);
            pending.segment(one);
        }
        let first = pending.announcement(Micros::new(2_000_000).unwrap()).unwrap();
        let gap = Gap {
            camera: Id::from_u128(1),
            cause: Cause::NotCommitted,
            from: Micros::default(),
            to: Micros::default(),
        };
        let mut full = first.data.clone();
        full.gaps = vec![gap; GAPS_PER_ENTRY_MAX];
        let bytes = crate::ledger::payload::encode(
            "recorder/node",
            "evidence.segments_recorded",
            &full,
            &[0; 16],
            "recorder/node",
        );
        assert!(bytes.is_ok(), "{bytes:?}");
        pending.announced(&first);
        assert_eq!(pending.announcement(Micros::new(2_000_000).unwrap()).unwrap().segments, 5);
    }

    #[test]
    fn no_entry_is_too_large_for_the_ledger() {
        let pending = Pending::default();
        // Every segment of another run: the worst that can come.
        for run in 0..100u32 {
            pending.segment(recorded(u128::from(run) + 1_000, 0, 0));
        }
        let now = Micros::new(2_000_000).unwrap();
        let mut told = 0;
        while let Some(announcement) = pending.announcement(now) {
            assert!(announcement.data.stretches.len() <= STRETCHES_PER_ENTRY_MAX);
            told += announcement.segments;
            pending.announced(&announcement);
        }
        assert_eq!(told, 100);
    }

    #[test]
    fn a_clock_that_was_better_understood_begins_another_stretch() {
        let pending = Pending::default();
        pending.segment(recorded(10, 0, 2_000_000));
        pending.segment(recorded(10, 1, 3_700_000));
        let stretches = pending.announcement(Micros::new(6_000_000).unwrap()).unwrap().data.stretches;
        assert_eq!(
            stretches.iter().map(|s| (s.first, s.from.get())).collect::<Vec<_>>(),
            [(0, 2_000_000), (1, 3_700_000)]
        );
    }
}

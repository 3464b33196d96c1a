//! What is said of footage that is not what was announced, wherever its announcements stand.

use mingjian::base::{Hash, Span};
use mingjian::ledger::media::{
    FileName, SEGMENTS_RECORDED, Segment, SegmentsRecorded, Stretch, run_link, segment_link,
};
use mingjian::review::{CheckName, Entry, Failure, InSequence, Media, Options, Report, Source, Trust, verify};

use crate::book::*;
use crate::cases::Footage;

/// A ledger with footage beside it.
struct Filmed {
    shown: Shown,
    footage: Footage,
}

impl Source for Filmed {
    type Error = std::convert::Infallible;

    fn checkpoint(&mut self) -> Result<String, Self::Error> {
        self.shown.checkpoint()
    }

    fn entries(&mut self, seq: u64, count: usize) -> Result<Vec<Entry>, Self::Error> {
        self.shown.entries(seq, count)
    }

    fn media(&self) -> Option<&dyn Media> {
        Some(&self.footage)
    }
}

const RUN: u128 = 77;

fn name(number: u64) -> FileName {
    FileName { run: id(RUN), number: Some(number) }
}

/// Four segments of one run, announced two by two in entries with more than a chunk of others between them.
fn filmed() -> Filmed {
    let (run, camera, bytes) = (id(RUN), id(78), |n: u8| vec![n; 64]);
    let (init, start) = (Hash::of(&bytes(9)), when(1, 9, 0, 0));
    let mut footage = Footage::default();
    footage.0.insert(FileName { run, number: None }, bytes(9));
    let mut book = Book::new(start);
    let mut head = run_link(camera, run, init);
    for first in [0u8, 2] {
        let numbers = [first, first + 1];
        let segments =
            numbers.map(|n| Segment { digest: Hash::of(&bytes(n)), level: None, span: Span::secs(2) }).to_vec();
        for (n, segment) in numbers.into_iter().zip(&segments) {
            head = segment_link(head, n.into(), segment);
            footage.0.insert(name(n.into()), bytes(n));
        }
        let from = start.plus(Span::secs(2 * u64::from(first)));
        let codecs = "avc1.42c01e".into();
        let uncertainty = Span::micros(500_000);
        let stretch = Stretch { camera, codecs, first: first.into(), from, head, init, run, segments, uncertainty };
        let data = serde_json::to_value(SegmentsRecorded { gaps: Vec::new(), stretches: vec![stretch] }).unwrap();
        book.record(from.plus(Span::secs(4)), SEGMENTS_RECORDED, "recorder/main", &format!("camera/{camera}"), &data);
        for _ in 0..300 {
            book.record(from.plus(Span::secs(4)), "test.noted", "system", "test", &serde_json::json!({}));
        }
    }
    Filmed { shown: book.shown(), footage }
}

fn report(source: &mut Filmed) -> Report {
    let trust = Trust { policy: Some(policy()), ..Trust::default() };
    verify(source, &trust, Options::default(), &InSequence, |_, _| {}).unwrap()
}

fn failures(change: impl FnOnce(&mut Footage)) -> Vec<Failure> {
    let mut source = filmed();
    change(&mut source.footage);
    let failures = report(&mut source).failures;
    assert!(failures.iter().all(|one| (one.check, one.rule.as_str()) == (CheckName::Footage, "segment_bytes")));
    failures
}

/// The file that lies there, and whose bytes it holds.
fn assert_names(failure: &Failure, number: u64, owner: u64) {
    assert!(failure.expected.starts_with(&name(number).to_string()), "{failure:?}");
    assert_eq!(failure.found, format!("the bytes of {}", name(owner)));
}

#[test]
fn footage_that_changed_places_is_named_across_announcements() {
    assert_eq!(report(&mut filmed()).first_failure, None);
    let swapped = failures(|footage| {
        let (one, other) = (footage.0[&name(1)].clone(), footage.0[&name(2)].clone());
        footage.0.extend([(name(1), other), (name(2), one)]);
    });
    assert_eq!(swapped.len(), 2);
    assert_names(&swapped[0], 1, 2);
    assert_names(&swapped[1], 2, 1);
    // A loop: what was seen earlier, shown again.
    let looped = failures(|footage| drop(footage.0.insert(name(3), footage.0[&name(0)].clone())));
    assert_eq!(looped.len(), 1);
    assert_names(&looped[0], 3, 0);
    let altered = failures(|footage| drop(footage.0.insert(name(3), b"another".to_vec())));
    assert!(altered[0].found.ends_with(": altered, or made anew"), "{altered:?}");
}

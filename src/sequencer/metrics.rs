//! What the sequencer counts. Whoever exports it reads the numbers; nothing is locked.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bounds of the batch-size histogram, entries.
const BATCH_BOUNDS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];
/// Bounds of the lateness of timers, microseconds.
const LATENESS_BOUNDS: &[u64] = &[1_000, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000, 2_000_000, 10_000_000];
/// Bounds of the commit-time histogram, microseconds.
const COMMIT_BOUNDS: &[u64] =
    &[100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000];

#[derive(Debug)]
pub struct Metrics {
    /// Entries per commit; its count is the number of commits, its sum the number of entries.
    pub batch: Histogram,
    /// Microseconds of a durable transaction.
    pub commit_micros: Histogram,
    /// Microseconds from a timer's deadline to its decision.
    pub lateness_micros: Histogram,
    /// Submissions answered with a refusal.
    pub refused: AtomicU64,
    /// Submissions answered from memory or storage.
    pub replayed: AtomicU64,
    /// Timers fired.
    pub timers: AtomicU64,
    /// Terms during which this node wrote.
    pub terms: AtomicU64,
    /// The epoch of the lease as last seen, whoever holds it; 0 without one.
    pub epoch: AtomicU64,
    /// When a node that follows last knew all that storage had.
    level_at: Mutex<Option<Instant>>,
    /// Writes of the journal that failed; a failed commit stops the ledger, the others do not.
    pub journal_errors: AtomicU64,
    /// Jumps of the machine's clock against its steady one.
    pub clock_steps: AtomicU64,
}

impl Metrics {
    pub(super) fn is_level(&self) {
        *self.level_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// How long ago a node that follows last knew all that storage had; `None` for one that never followed.
    pub fn lag(&self) -> Option<Duration> {
        self.level_at.lock().unwrap_or_else(PoisonError::into_inner).map(|at| at.elapsed())
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            batch: Histogram::new(BATCH_BOUNDS),
            commit_micros: Histogram::new(COMMIT_BOUNDS),
            lateness_micros: Histogram::new(LATENESS_BOUNDS),
            refused: AtomicU64::new(0),
            replayed: AtomicU64::new(0),
            timers: AtomicU64::new(0),
            terms: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
            level_at: Mutex::default(),
            journal_errors: AtomicU64::new(0),
            clock_steps: AtomicU64::new(0),
        }
    }
}

/// Counts by upper bounds, as Prometheus understands them.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One for each bound, and one beyond the last.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// `bounds` in ascending order.
    pub fn new(bounds: &'static [u64]) -> Self {
        Self { bounds, counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    pub fn record(&self, value: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Relaxed);
        }
        self.sum.fetch_add(value, Relaxed);
    }

    /// Each upper bound (`None`: without) with the number of values up to it.
    pub fn cumulative(&self) -> Vec<(Option<u64>, u64)> {
        let mut total = 0;
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        bounds
            .zip(&self.counts)
            .map(|(bound, count)| {
                total += count.load(Relaxed);
                (bound, total)
            })
            .collect()
    }

    pub fn count(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Relaxed)).sum()
    }

    pub fn sum(&self) -> u64 {
        self.sum.load(Relaxed)
    }
}

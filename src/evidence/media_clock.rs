//! From a camera's media clock to the wall clock. A camera's own time of day is not to be trusted, so times come from when
//! pictures arrived here: a picture arrives after it was taken, by an unknown delay that is never negative. The quickest
//! arrival of the last minutes has the least delay in it; that least delay is taken to lie between nothing and
//! [`CAMERA_DELAY_MAX`], so half of it is subtracted, and half of it is how far the result may be off either way.

use std::collections::VecDeque;

use crate::base::limits::{CAMERA_DELAY_MAX, CLOCK_RECENT_SEGMENTS, CLOCK_WINDOW_SEGMENTS};
use crate::base::{Micros, Span};

#[derive(Debug, Default)]
pub struct MediaClock {
    /// Arrival less media time, of the last segments.
    arrivals: VecDeque<i64>,
}

/// A moment on the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wall {
    pub at: Micros,
    /// Either way.
    pub uncertainty: Span,
}

impl MediaClock {
    /// Pictures up to `media` had arrived at `now`.
    pub fn arrived(&mut self, media: Span, now: Micros) {
        if self.arrivals.len() >= CLOCK_WINDOW_SEGMENTS {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back(now.minus(media).get());
    }

    /// When the picture at `media` was taken; `None` before anything arrived.
    pub fn wall(&self, media: Span) -> Option<Wall> {
        let quickest = *self.arrivals.iter().min()?;
        let lately = *self.arrivals.iter().rev().take(CLOCK_RECENT_SEGMENTS).min()?;
        let half = Span::micros(CAMERA_DELAY_MAX.get() / 2);
        // Pictures that all come late of late: a backlog, or a camera whose clock runs slow.
        let late = u64::try_from(lately - quickest).unwrap_or(0);
        let zero = Micros::new(quickest)?;
        Some(Wall { at: zero.plus(media).minus(half), uncertainty: Span::micros(half.get() + late) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Micros {
        Micros::new(micros).unwrap()
    }

    #[test]
    fn the_quickest_arrival_counts() {
        let mut clock = MediaClock::default();
        assert_eq!(clock.wall(Span::secs(1)), None);
        let start = 1_795_395_600_000_000;
        // The third came quickest: 40 ms after its last picture was taken, if the clock's zero is `start`.
        for (media, delay) in [(2, 300_000), (4, 90_000), (6, 40_000), (8, 700_000)] {
            clock.arrived(Span::secs(media), at(start + i64::try_from(media).unwrap() * 1_000_000 + delay));
        }
        let wall = clock.wall(Span::secs(8)).unwrap();
        let truth = at(start + 8_000_000);
        let off = wall.at.get().abs_diff(truth.get());
        assert!(off <= wall.uncertainty.get(), "{off} µs off, {} stated", wall.uncertainty.get());
        assert_eq!(wall.uncertainty, Span::micros(500_000));
    }

    #[test]
    fn a_backlog_is_admitted() {
        let mut clock = MediaClock::default();
        let start = 1_795_395_600_000_000;
        for n in 1..=60u64 {
            let delay = if n <= 30 { 50_000 } else { 5_000_000 };
            clock.arrived(Span::secs(2 * n), at(start + i64::try_from(2 * n).unwrap() * 1_000_000 + delay));
        }
        assert_eq!(clock.wall(Span::secs(120)).unwrap().uncertainty, Span::micros(500_000 + 4_950_000));
    }
}

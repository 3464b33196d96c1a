//! The one clock by which deadlines are decided.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::base::Micros;
use crate::base::limits::CLOCK_STEP_MIN;

/// Where stamps come from. It may jump either way: the queue never hands out a stamp before its last one.
pub trait Clock: Send + Sync {
    fn now(&self) -> Micros;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    /// A machine that believes to be before 1970 gets 1970, and its stamps then stand still at the last leaf's time.
    fn now(&self) -> Micros {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).ok().and_then(Micros::new).unwrap_or_default()
    }
}

/// Holds the clock against the machine's steady one, which nobody can set: what they differ by, the clock jumped.
#[derive(Debug, Default)]
pub(super) struct SteadyClock {
    last: Option<(Instant, Micros)>,
}

impl SteadyClock {
    /// Microseconds of a jump since the last look, forwards or backwards; `None` for less than [`CLOCK_STEP_MIN`], which
    /// is what NTP's slewing and a busy machine come to.
    pub fn look(&mut self, now: Micros) -> Option<i64> {
        self.look_at(Instant::now(), now)
    }

    fn look_at(&mut self, steady: Instant, now: Micros) -> Option<i64> {
        let (then, before) = self.last.replace((steady, now))?;
        let passed = i64::try_from(steady.duration_since(then).as_micros()).unwrap_or(i64::MAX);
        let step = now.get().saturating_sub(before.get()).saturating_sub(passed);
        (step.unsigned_abs() >= CLOCK_STEP_MIN.get()).then_some(step)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::Span;

    #[test]
    fn a_jump_is_told_from_time_that_passed() {
        let (start, noon) = (Instant::now(), Micros::new(1_795_395_600_000_000).unwrap());
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut clock = SteadyClock::default();
        assert_eq!(clock.look_at(at(0), noon), None, "nothing to compare with yet");
        assert_eq!(clock.look_at(at(1), noon.plus(Span::micros(1_000_900))), None, "slewed");
        assert_eq!(clock.look_at(at(3_601), noon.plus(Span::secs(3_601))), None, "an hour went by");
        assert_eq!(clock.look_at(at(3_602), noon.plus(Span::secs(3_662))), Some(60_000_000));
        assert_eq!(clock.look_at(at(3_603), noon.plus(Span::secs(3_603))), Some(-60_000_000));
    }
}

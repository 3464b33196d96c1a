//! How often somebody may ask: a bucket of tokens that fills again, kept as the one moment at which it would be full (the
//! generic cell rate algorithm).

use super::{Micros, Span};

/// `burst` at once, then one `every` so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub burst: u32,
    pub every: Span,
}

impl Rate {
    /// From empty to full.
    pub const fn refill(self) -> Span {
        Span::micros(self.every.get().saturating_mul(self.burst as u64))
    }

    /// Takes a token of a bucket that is full at `full_at` (never touched: `None`) and answers when it is full then;
    /// `None` when it is empty.
    pub fn take(self, full_at: Option<Micros>, now: Micros) -> Option<Micros> {
        let brim = now.plus(self.refill());
        // No bucket is emptier than empty: a clock that was set back keeps nobody out for longer than a refill.
        let full_at = full_at.unwrap_or(now).min(brim).max(now).plus(self.every);
        (full_at <= brim).then_some(full_at)
    }
}

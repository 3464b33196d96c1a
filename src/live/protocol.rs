//! What clients may say, how often, and with which codes they are sent away.

use std::time::Instant;

use serde::Deserialize;

use crate::base::limits;

/// A client's message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum ClientMessage {
    /// Follow `scope` from entry `from` on; without `from`, from the entry after the present head.
    Subscribe { scope: String, from: Option<u64> },
    /// Everything up to this entry was received.
    Ack(u64),
}

/// Why the server ends a connection (RFC 6455 §7.4; 4000–4999 are ours).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    /// The client said good-bye first.
    Normal,
    /// The server is being restarted.
    Drain,
    /// The client broke the protocol.
    Policy,
    /// A message larger than allowed.
    TooBig,
    BadTicket,
    Forbidden,
    UnknownScope,
    /// The viewer cannot keep up; it resumes by `from`.
    Slow,
    SessionOver,
    /// Too many messages, or too many viewers.
    Rate,
}

impl CloseCode {
    /// In the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Normal,
        Self::Drain,
        Self::Policy,
        Self::TooBig,
        Self::BadTicket,
        Self::Forbidden,
        Self::UnknownScope,
        Self::Slow,
        Self::SessionOver,
        Self::Rate,
    ];

    pub const fn number(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::Drain => 1001,
            Self::Policy => 1008,
            Self::TooBig => 1009,
            Self::BadTicket => 4001,
            Self::Forbidden => 4003,
            Self::UnknownScope => 4004,
            Self::Slow => 4008,
            Self::SessionOver => 4009,
            Self::Rate => 4029,
        }
    }

    pub const fn reason(self) -> &'static str {
        match self {
            Self::Normal => "bye",
            Self::Drain => "restarting",
            Self::Policy => "protocol",
            Self::TooBig => "message too big",
            Self::BadTicket => "bad ticket",
            Self::Forbidden => "forbidden",
            Self::UnknownScope => "unknown scope",
            Self::Slow => "too slow",
            Self::SessionOver => "session over",
            Self::Rate => "too many",
        }
    }
}

/// A token bucket for a viewer's messages, in microseconds of credit so that nothing is rounded away.
#[derive(Debug)]
pub struct Allowance {
    credit_micros: u64,
    at: Instant,
}

const MICROS_PER_MESSAGE: u64 = 1_000_000 / limits::VIEWER_MESSAGES_PER_SECOND as u64;
const CREDIT_MAX: u64 = MICROS_PER_MESSAGE * limits::VIEWER_MESSAGES_BURST as u64;

impl Allowance {
    pub const fn new(now: Instant) -> Self {
        Self { credit_micros: CREDIT_MAX, at: now }
    }

    /// Takes `messages` from the allowance; false when they are not there.
    pub fn take(&mut self, messages: u32, now: Instant) -> bool {
        let earned = u64::try_from(now.saturating_duration_since(self.at).as_micros()).unwrap_or(CREDIT_MAX);
        let credit = self.credit_micros.saturating_add(earned).min(CREDIT_MAX);
        self.at = now;
        let left = credit.checked_sub(MICROS_PER_MESSAGE * u64::from(messages));
        self.credit_micros = left.unwrap_or(credit);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn allowance_is_a_burst_and_then_a_rate() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        for _ in 0..limits::VIEWER_MESSAGES_BURST {
            assert!(allowance.take(1, start));
        }
        assert!(!allowance.take(1, start));
        // A refusal costs nothing, and half the price is not enough.
        let message = Duration::from_micros(MICROS_PER_MESSAGE);
        assert!(!allowance.take(1, start + message / 2));
        assert!(allowance.take(1, start + message));
        assert!(!allowance.take(1, start + message));
        let later = start + Duration::from_hours(1);
        assert!(allowance.take(limits::VIEWER_MESSAGES_BURST, later));
        assert!(!allowance.take(1, later));
    }
}

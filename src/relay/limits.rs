//! How often somebody has asked, over all nodes.

use super::{Relay, key};
use crate::base::{Micros, Rate};

/// As [`Rate::take`]. KEYS: the bucket. ARGV: now, the time of one token, the time from empty to full, microseconds.
const TAKE: &str = "
    local now, every, refill = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
    local full_at = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
    full_at = math.max(math.min(full_at, now + refill), now) + every
    if full_at > now + refill then return 0 end
    redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil(refill / 1000))
    return 1";

impl Relay {
    /// Takes a token of `subject` for `what`; `Some(false)` when there is none, `None` when Redis does not answer.
    pub fn take_token(&self, what: &str, subject: &str, rate: Rate, now: Micros) -> Option<bool> {
        let bucket = key(&["limit", what, subject]);
        self.ask(|connection| {
            let mut take = redis::cmd("EVAL");
            take.arg(TAKE).arg(1).arg(&bucket).arg(now.get()).arg(rate.every.get()).arg(rate.refill().get());
            take.query(connection)
        })
    }
}

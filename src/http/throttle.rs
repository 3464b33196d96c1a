//! A bounded, forgetful count of requests by network, for what strangers may do without an account. Sign-ins have their
//! own, in `identity::lockout`, which must survive a restart; this one need not.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::base::limits::{SIGN_UPS, THROTTLED_NETWORKS_MAX};
use crate::base::{Code, Micros, Rate};
use crate::identity::Network;

/// A token bucket a network. App data, shared by all workers; what nodes share is counted in `identity`.
pub struct Throttle {
    full_at: Mutex<HashMap<String, Micros>>,
    rate: Rate,
    networks_max: usize,
}

impl Throttle {
    /// For companies that sign up.
    pub fn sign_ups() -> Self {
        Self::new(SIGN_UPS, THROTTLED_NETWORKS_MAX)
    }

    /// One that remembers `networks_max` networks at most.
    pub fn new(rate: Rate, networks_max: usize) -> Self {
        Self { full_at: Mutex::default(), rate, networks_max }
    }

    /// Takes a token of `network`, or refuses with [`Code::RateLimited`].
    pub fn admit(&self, network: &Network, now: Micros) -> Result<(), Code> {
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let known = buckets.get(network.as_str()).copied();
        let Some(full_at) = self.rate.take(known, now) else {
            if let Some(kept) = buckets.get_mut(network.as_str()) {
                *kept = (*kept).min(now.plus(self.rate.refill()));
            }
            return Err(Code::RateLimited);
        };
        if known.is_none() && buckets.len() >= self.networks_max {
            make_room(&mut buckets, now);
        }
        buckets.insert(network.as_str().to_owned(), full_at);
        Ok(())
    }
}

/// Forgets the buckets that are full again; if none is, the one that is nearest to it, which loses the least.
fn make_room(buckets: &mut HashMap<String, Micros>, now: Micros) {
    let before = buckets.len();
    buckets.retain(|_, full_at| *full_at > now);
    if buckets.len() == before
        && let Some(fullest) = buckets.iter().min_by_key(|(_, full_at)| **full_at).map(|(network, _)| network.clone())
    {
        buckets.remove(&fullest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;

    const EVERY: Span = Span::secs(10);

    fn throttle(burst: u32, networks_max: usize) -> Throttle {
        Throttle::new(Rate { burst, every: EVERY }, networks_max)
    }

    fn network(n: u8) -> Network {
        Network::of(std::net::IpAddr::from([192, 0, 2, n]))
    }

    fn start() -> Micros {
        "2026-03-02T01:00:00.000000Z".parse().unwrap()
    }

    #[test]
    fn a_burst_then_one_at_a_time() {
        let buckets = throttle(3, 8);
        let after = |seconds| start().plus(Span::secs(seconds));
        for (at, admitted) in [
            (0, true),
            (0, true),
            (0, true),
            (0, false),
            (9, false),
            (10, true),
            (10, false),
            (31, true),
            (31, true),
            (31, false),
            (1_000, true),
            (1_000, true),
            (1_000, true),
            (1_000, false),
        ] {
            assert_eq!(buckets.admit(&network(1), after(at)).is_ok(), admitted, "after {at} s");
        }
        assert_eq!(buckets.admit(&network(2), after(1_000)), Ok(()), "another network has its own bucket");
    }

    #[test]
    fn a_clock_set_back_keeps_nobody_out_for_longer_than_a_refill() {
        let buckets = throttle(1, 8);
        buckets.admit(&network(1), start()).unwrap();
        let earlier = start().minus(Span::days(1));
        assert_eq!(buckets.admit(&network(1), earlier), Err(Code::RateLimited));
        assert_eq!(buckets.admit(&network(1), earlier.plus(EVERY)), Ok(()));
    }

    #[test]
    fn memory_is_bounded_and_the_emptiest_buckets_are_kept() {
        let buckets = throttle(2, 3);
        buckets.admit(&network(1), start()).unwrap();
        buckets.admit(&network(1), start()).unwrap();
        for n in 2..=200 {
            buckets.admit(&network(n), start()).unwrap();
            assert!(buckets.full_at.lock().unwrap().len() <= 3);
        }
        assert_eq!(buckets.admit(&network(1), start()), Err(Code::RateLimited));
        buckets.admit(&network(201), start().plus(Span::days(1))).unwrap();
        assert_eq!(buckets.full_at.lock().unwrap().len(), 1, "full ones are forgotten together");
    }
}

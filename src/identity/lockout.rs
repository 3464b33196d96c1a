//! Throttling of sign-ins that cannot be turned against the holder of an account (ASVS 6.1.1, 6.3.1).
//!
//! Three counters of failures, each with an exponential delay: the account from this network, this network over all
//! accounts, and the account over all networks that it is not known from. From a network where the holder has signed in
//! before only the first one counts, so nobody elsewhere can keep the holder out, however often they fail.
//!
//! An attempt is counted as a failure *before* the password is looked at and forgiven after it proved right: a thousand
//! guesses sent at once are a thousand failures, not one.

use std::net::{IpAddr, Ipv6Addr};

use crate::base::limits::{
    ACCOUNT_DELAY_MAX, ACCOUNT_DELAY_MIN, ACCOUNT_FAILURES_FREE, FAILURE_MEMORY, KNOWN_NETWORK_MEMORY,
    KNOWN_NETWORKS_MAX, NETWORK_DELAY_MAX, NETWORK_DELAY_MIN, NETWORK_FAILURES_FREE, PAIR_DELAY_MAX, PAIR_DELAY_MIN,
    PAIR_FAILURES_FREE,
};
use crate::base::{Code, Hash, Id, Micros, Span};
use crate::store::platform::throttle;
use crate::store::{StoreError, Tx};

/// Where a client comes from, as coarse as one party controls it: an IPv4 address, or an IPv6 network of 64 bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network(String);

impl Network {
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(v4.to_string()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Self(format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
            }
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How one counter delays.
#[derive(Debug, Clone, Copy)]
struct Delay {
    free: u32,
    min: Span,
    max: Span,
}

const PAIR: Delay = Delay { free: PAIR_FAILURES_FREE, min: PAIR_DELAY_MIN, max: PAIR_DELAY_MAX };
const NETWORK: Delay = Delay { free: NETWORK_FAILURES_FREE, min: NETWORK_DELAY_MIN, max: NETWORK_DELAY_MAX };
const ACCOUNT: Delay = Delay { free: ACCOUNT_FAILURES_FREE, min: ACCOUNT_DELAY_MIN, max: ACCOUNT_DELAY_MAX };

impl Delay {
    /// The wait after the last of `failures`: none, then `min`, doubled with each further one, at most `max`.
    fn after(self, failures: i64) -> Span {
        let Some(doublings) = failures.checked_sub(i64::from(self.free)).filter(|over| *over >= 0) else {
            return Span::micros(0);
        };
        let doublings = u32::try_from(doublings).unwrap_or(u32::MAX);
        let wait = 1u64.checked_shl(doublings).and_then(|factor| self.min.get().checked_mul(factor));
        Span::micros(wait.unwrap_or(u64::MAX).min(self.max.get()))
    }
}

/// An attempt that was let through and counted; forgive it when it succeeds.
#[derive(Debug)]
pub(super) struct Attempt {
    subject: Hash,
    network: Network,
    /// Only the pair was counted, so only the pair is forgiven: a sign-in to one's own account must not pay for guesses
    /// at others'.
    known: bool,
}

/// Lets one attempt at `login` through and counts it, or refuses with [`Code::RateLimited`] without counting: waiting
/// out a delay always helps. Logins that do not exist are counted like those that do.
pub(super) fn admit(
    tx: &mut Tx,
    login: &str,
    account: Option<Id>,
    network: &Network,
    now: Micros,
) -> Result<Attempt, Code> {
    let subject = Hash::of(login.as_bytes());
    let known = match account {
        Some(id) => throttle::is_known(tx, id, network.as_str())?,
        None => false,
    };
    let attempt = Attempt { subject, network: network.clone(), known };
    let mut counted = Vec::new();
    for (delay, subject, network) in attempt.counters() {
        let remembered = throttle::failures(tx, subject, network)?.filter(|(_, at)| now.since(*at) < FAILURE_MEMORY);
        let (failures, last) = remembered.unwrap_or((0, now));
        if now < last.plus(delay.after(failures)) {
            return Err(Code::RateLimited);
        }
        counted.push((subject, network, failures.saturating_add(1)));
    }
    for (subject, network, failures) in counted {
        throttle::set_failures(tx, subject, network, failures, now)?;
    }
    Ok(attempt)
}

impl Attempt {
    /// The counters that this attempt has to pass: delay, subject, network.
    fn counters(&self) -> impl Iterator<Item = (Delay, &[u8], &str)> {
        let (subject, network) = (&self.subject.0[..], self.network.as_str());
        let all = [(PAIR, subject, network), (NETWORK, &[][..], network), (ACCOUNT, subject, "")];
        all.into_iter().take(if self.known { 1 } else { 3 })
    }

    /// The attempt succeeded: its own counter starts anew, and the network becomes one that the account is known from.
    pub(super) fn succeeded(&self, tx: &mut Tx, account: Id, now: Micros) -> Result<(), StoreError> {
        self.forgive(tx)?;
        throttle::clear_failures(tx, &self.subject.0, self.network.as_str())?;
        throttle::remember(tx, account, self.network.as_str(), now, KNOWN_NETWORKS_MAX)
    }

    /// The attempt was neither right nor wrong (the one-time code was not given yet): as if it had not been.
    pub(super) fn forgive(&self, tx: &mut Tx) -> Result<(), StoreError> {
        for (_, subject, network) in self.counters() {
            if let Some((failures, last)) = throttle::failures(tx, subject, network)? {
                throttle::set_failures(tx, subject, network, (failures - 1).max(0), last)?;
            }
        }
        Ok(())
    }
}

/// Drops what has been forgotten.
pub(super) fn sweep(tx: &mut Tx, now: Micros) -> Result<usize, StoreError> {
    throttle::sweep(tx, now.minus(FAILURE_MEMORY), now.minus(KNOWN_NETWORK_MEMORY), now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_from_the_first_failure_past_the_free_ones() {
        for (delay, failures, seconds) in [
            (PAIR, 0, 0),
            (PAIR, 2, 0),
            (PAIR, 3, 2),
            (PAIR, 4, 4),
            (PAIR, 5, 8),
            (PAIR, 11, 512),
            (PAIR, 12, 900),
            (PAIR, i64::MAX, 900),
            (NETWORK, 29, 0),
            (NETWORK, 30, 1),
            (NETWORK, 38, 256),
            (NETWORK, 39, 300),
            (ACCOUNT, 9, 0),
            (ACCOUNT, 10, 1),
            (ACCOUNT, 14, 16),
            (ACCOUNT, 15, 30),
        ] {
            assert_eq!(delay.after(failures), Span::secs(seconds), "{delay:?} after {failures}");
        }
    }

    #[test]
    fn networks_are_as_coarse_as_one_party_controls_them() {
        for (address, network) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(Network::of(address.parse().unwrap()).as_str(), network);
        }
    }
}

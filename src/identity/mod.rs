//! Lives here: accounts, roles, rights, sessions, keys, and the record of security events.
//! Must never know: HTTP, SQL, trading rules.
//! Start reading at `role`, then `rights`, then `sign_in`.
//!
//! All methods are synchronous and take the time as an argument. Those that look at a password keep a core busy for some
//! 25 ms and take 19 MiB (`sign_up_company`, `sign_in`, `reauthenticate`, `change_password`, `activate`, `seed_account`):
//! the caller runs them on a bounded number of threads.

pub mod role;

pub mod credit_code;

pub mod viewer;

pub mod rights;

pub mod audience;

pub mod entropy;

pub mod key_file;
pub mod keys;

mod sealing;

pub mod password;

pub mod totp;

pub mod lockout;

pub mod audit;

pub mod seed;
pub mod session;

pub mod sign_in;

pub mod ticket;

pub mod own_account;

pub mod identity_key;

pub mod accounts;

pub mod cases;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use subtle::ConstantTimeEq as _;

pub use accounts::NewAccount;
pub use audience::may_read;
pub use credit_code::CreditCode;
pub use entropy::SystemEntropy;
pub use key_file::KeyFileError;
pub use keys::ServerKeys;
pub use lockout::Network;
pub use rights::{Action, ObjectRef, Scope, may};
pub use role::{OrganisationKind, Role};
pub use sign_in::SignedIn;
pub use viewer::Viewer;

use crate::base::{Code, Entropy, Id, Micros, Rate};
use crate::relay::Relay;
use crate::store::Platform;
use crate::store::platform::throttle;
use entropy::fresh_id;
use password::Passwords;

/// How this deployment proves identities.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Whether everybody but bidders needs a one-time code for their role's work (ASVS 6.3.3). Off only in a
    /// demonstration.
    pub totp_required: bool,
    /// The name that authenticator apps show.
    pub issuer: String,
}

/// The identity room's door: what desk and routes call.
pub struct Identity {
    platform: Platform,
    keys: Arc<ServerKeys>,
    entropy: Arc<dyn Entropy>,
    passwords: Passwords,
    policy: Policy,
    /// Where several nodes share the deployment: what they count together without the database.
    relay: Option<Relay>,
}

impl Identity {
    pub fn new(
        platform: Platform,
        keys: Arc<ServerKeys>,
        entropy: Arc<dyn Entropy>,
        passwords: Passwords,
        policy: Policy,
    ) -> Self {
        Self { platform, keys, entropy, passwords, policy, relay: None }
    }

    /// Keeps tickets and counts in Redis while it answers, for all nodes that share it.
    #[must_use]
    pub fn with_relay(self, relay: Option<Relay>) -> Self {
        Self { relay, ..self }
    }

    pub fn relay(&self) -> Option<&Relay> {
        self.relay.as_ref()
    }

    /// Takes a token of `network` for `what`, over all nodes that share the database; [`Code::RateLimited`] when it has
    /// none. One process alone counts in its own memory (`http::throttle`).
    fn take_token(&self, what: &str, network: &Network, rate: Rate, now: Micros) -> Result<(), Code> {
        if !self.platform.is_shared() {
            return Ok(());
        }
        let in_redis = || self.relay.as_ref()?.take_token(what, network.as_str(), rate, now);
        let taken = match in_redis() {
            Some(taken) => taken,
            None => self.platform.write(|tx| {
                let full_at = rate.take(throttle::full_at(tx, what, network.as_str())?, now);
                if let Some(full_at) = full_at {
                    throttle::set_full_at(tx, what, network.as_str(), full_at)?;
                }
                Ok::<_, Code>(full_at.is_some())
            })?,
        };
        if taken { Ok(()) } else { Err(Code::RateLimited) }
    }

    /// What proves to another node of this deployment that a message comes from one: see [`ServerKeys::node_code`].
    pub fn node_code(&self, parts: &[&[u8]]) -> String {
        self.keys.node_code(parts)
    }

    /// What a recorder in a process of its own proves itself with.
    pub fn recorder_token(&self, name: &str) -> String {
        self.keys.recorder_token(name)
    }

    /// Compares two codes in constant time.
    pub fn is_same_code(&self, own: &str, shown: &str) -> bool {
        own.as_bytes().ct_eq(shown.as_bytes()).into()
    }

    fn fresh_id(&self, now: Micros) -> Id {
        fresh_id(&*self.entropy, now)
    }

    /// Forgets what has run out: sessions, tickets, failed sign-ins. Once in a few minutes is enough, since nothing that
    /// has run out is accepted anyway. Returns how many rows went.
    pub fn sweep(&self, now: Micros) -> Result<usize, Code> {
        self.platform.write(|tx| Ok(session::sweep(tx, now)? + lockout::sweep(tx, now)?))
    }
}

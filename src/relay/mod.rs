//! Lives here: what nodes tell each other quickly through Redis: that a ledger has grown, with the entries themselves for
//! a while; one-use tickets; how often a stranger has asked.
//! Must never know: trading rules, SQL, HTTP. Nothing here is a record: with Redis away, empty or lying, every caller
//! goes to the database, and screens are up to a second later.
//! Start reading at `bell`.
//!
//! Redis' answers are not trusted with the ledger: an entry out of its cache carries a code that only a node can make
//! (`Seal`), and must continue the chain besides.

mod bell;
mod frames;
mod limits;
mod tickets;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::{Client, Connection, RedisResult};

use crate::base::Span;
use crate::base::limits::{REDIS_CONNECTIONS_IDLE_MAX, REDIS_PAUSE, REDIS_WAIT_MAX};

pub use bell::Bell;
pub use frames::{Relayed, Seal};

/// All keys and channels begin with it: other programs may use the same Redis.
const PREFIX: &str = "mingjian";

/// The way to Redis. Cheap to clone.
#[derive(Clone)]
pub struct Relay(Arc<Inner>);

struct Inner {
    client: Client,
    idle: Mutex<Vec<Connection>>,
    /// After a failure nobody tries again before this moment: a Redis that is down costs its callers nothing.
    paused_until: Mutex<Option<Instant>>,
    failures: AtomicU64,
    up: AtomicBool,
}

/// The URL of Redis cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("redis.url: expected redis://[:password@]host:port[/number]")]
pub struct BadUrl;

const fn duration(span: Span) -> Duration {
    Duration::from_micros(span.get())
}

impl Relay {
    /// Does not connect yet: whether Redis is there shows when it is asked.
    pub fn new(url: &str) -> Result<Self, BadUrl> {
        // The library's own error could repeat the URL, and with it a password.
        let client = Client::open(url).map_err(|_| BadUrl)?;
        let inner = Inner {
            client,
            idle: Mutex::default(),
            paused_until: Mutex::default(),
            failures: AtomicU64::new(0),
            up: AtomicBool::new(false),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Whether the last attempt to reach Redis succeeded.
    pub fn is_up(&self) -> bool {
        self.0.up.load(Ordering::Relaxed)
    }

    /// Attempts that failed since the start.
    pub fn failures(&self) -> u64 {
        self.0.failures.load(Ordering::Relaxed)
    }

    /// A connection whose every answer comes within [`REDIS_WAIT_MAX`] or not at all.
    fn connect(&self) -> RedisResult<Connection> {
        let wait = duration(REDIS_WAIT_MAX);
        let connection = self.0.client.get_connection_with_timeout(wait)?;
        connection.set_read_timeout(Some(wait))?;
        connection.set_write_timeout(Some(wait))?;
        Ok(connection)
    }

    /// What Redis says; `None` when it does not say it in time, and for [`REDIS_PAUSE`] after that. `work` may run twice, when
    /// a connection had died, and must bear it.
    fn ask<T>(&self, work: impl Fn(&mut Connection) -> RedisResult<T>) -> Option<T> {
        let paused = || *self.0.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        if paused().is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // One that lay idle may belong to a Redis that is no more; a fresh one is asked before it counts as a failure.
        let of_old = idle.and_then(|mut connection| work(&mut connection).ok().map(|answer| (connection, answer)));
        let answered = match of_old {
            Some(answered) => Ok(answered),
            None => self.connect().and_then(|mut connection| work(&mut connection).map(|answer| (connection, answer))),
        };
        match answered {
            Ok((connection, answer)) => {
                self.0.up.store(true, Ordering::Relaxed);
                let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
                if idle.len() < REDIS_CONNECTIONS_IDLE_MAX {
                    idle.push(connection);
                }
                Some(answer)
            }
            Err(error) => {
                self.failed(&error);
                None
            }
        }
    }

    fn failed(&self, error: &redis::RedisError) {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        *self.0.paused_until.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Instant::now() + duration(REDIS_PAUSE));
        self.0.failures.fetch_add(1, Ordering::Relaxed);
        // Said once for each time that it goes away.
        if self.0.up.swap(false, Ordering::Relaxed) {
            tracing::warn!(%error, "Redis does not answer: the database is asked instead");
        }
    }
}

fn key(parts: &[&str]) -> String {
    let mut key = PREFIX.to_owned();
    for part in parts {
        key.push(':');
        key.push_str(part);
    }
    key
}

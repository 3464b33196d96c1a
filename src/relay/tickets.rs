//! One-use tickets for the live stream. When thousands of viewers come back at once, each wants one, and in the database
//! each would be a transaction under the platform's one write lock.

use super::{Relay, key};
use crate::base::limits::{TICKET_MAX, TICKETS_PER_SESSION_MAX};
use crate::base::{Hash, Id, Micros};

/// KEYS: the ticket, the session's count. ARGV: what the ticket says, its life in milliseconds, the most of one session.
const PUT: &str = "
    if tonumber(redis.call('GET', KEYS[2]) or '0') >= tonumber(ARGV[3]) then return 0 end
    redis.call('INCR', KEYS[2])
    redis.call('PEXPIRE', KEYS[2], ARGV[2])
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    return 1";

impl Relay {
    /// Keeps a ticket; `Some(false)` when the session hoards them, `None` when Redis does not answer.
    pub fn put_ticket(&self, ticket: Hash, session: Id, expires_at: Micros) -> Option<bool> {
        let (ticket, count) = (place(ticket), key(&["tickets", &session.to_string()]));
        let says = format!("{session}.{}", expires_at.get());
        self.ask(|connection| {
            let mut put = redis::cmd("EVAL");
            put.arg(PUT).arg(2).arg(&ticket).arg(&count).arg(&says).arg(TICKET_MAX.get() / 1_000);
            put.arg(TICKETS_PER_SESSION_MAX).query(connection)
        })
    }

    /// Takes a ticket away and answers its session and its end: nobody gets it twice.
    pub fn take_ticket(&self, ticket: Hash) -> Option<(Id, Micros)> {
        let ticket = place(ticket);
        let says = self.ask(|connection| redis::cmd("GETDEL").arg(&ticket).query::<Option<String>>(connection));
        let says = says.flatten()?;
        let (session, expires_at) = says.split_once('.')?;
        let session: Id = session.parse().ok()?;
        // One ticket fewer; a count that has run out stays away.
        let count = key(&["tickets", &session.to_string()]);
        let _ = self.ask(|connection| {
            let script = "if redis.call('EXISTS', KEYS[1]) == 1 then return redis.call('DECR', KEYS[1]) end return 0";
            redis::cmd("EVAL").arg(script).arg(1).arg(&count).query::<i64>(connection)
        });
        Some((session, Micros::new(expires_at.parse().ok()?)?))
    }
}

fn place(ticket: Hash) -> String {
    key(&["ticket", &ticket.to_string()])
}

//! Tickets for the live stream: a browser cannot put its session into a WebSocket's handshake safely, so it fetches a
//! ticket first and shows that. One use, thirty seconds, bound to its session: when the session ends, so do they. They lie
//! in Redis where nodes share one and it answers, else in the database; one that Redis lost is fetched again.

use zeroize::Zeroizing;

use super::Identity;
use super::session::{fresh_token, hash_of};
use super::viewer::Viewer;
use crate::base::limits::{TICKET_MAX, TICKETS_PER_SESSION_MAX};
use crate::base::{Code, Micros};
use crate::store::platform::sessions;

impl Identity {
    /// A ticket for the viewer's session; [`Code::NotSignedIn`] without one, [`Code::RateLimited`] when the session
    /// hoards them.
    pub fn issue_ticket(&self, viewer: &Viewer, now: Micros) -> Result<Zeroizing<String>, Code> {
        let session = viewer.session.ok_or(Code::NotSignedIn)?;
        let (ticket, expires_at) = (fresh_token(&*self.entropy), now.plus(TICKET_MAX));
        let in_redis = || self.relay.as_ref()?.put_ticket(hash_of(&ticket), session.id, expires_at);
        match in_redis() {
            // Whether the session still lives is looked at when the ticket is used.
            Some(true) => return Ok(ticket),
            Some(false) => return Err(Code::RateLimited),
            None => {}
        }
        self.platform.write(|tx| {
            // The session may have ended since the viewer was made.
            sessions::by_id(tx, session.id)?.ok_or(Code::SessionOver)?;
            if sessions::count_tickets(tx, session.id, now)? >= TICKETS_PER_SESSION_MAX {
                return Err(Code::RateLimited);
            }
            Ok(sessions::insert_ticket(tx, hash_of(&ticket), session.id, expires_at)?)
        })?;
        Ok(ticket)
    }

    /// Uses the ticket up and says whose it was; [`Code::BadTicket`] when it is unknown, used, late, or its session over.
    pub fn redeem_ticket(&self, ticket: &str, now: Micros) -> Result<Viewer, Code> {
        // One that was issued while Redis was away lies in the database.
        let taken = match self.relay.as_ref().and_then(|relay| relay.take_ticket(hash_of(ticket))) {
            Some(taken) => Some(taken),
            None => self.platform.write(|tx| sessions::take_ticket(tx, hash_of(ticket)))?,
        };
        let (session, _) = taken.filter(|(_, expires_at)| now < *expires_at).ok_or(Code::BadTicket)?;
        self.platform.read(|tx| {
            let session = sessions::by_id(tx, session)?.ok_or(Code::BadTicket)?;
            self.viewer_in(tx, &session, now).map_err(|code| match code {
                Code::SessionOver => Code::BadTicket,
                other => other,
            })
        })
    }
}

//! Sessions, and the one-use tickets that hang on them.

use diesel::prelude::*;

use super::Tx;
use super::schema::{session, ticket};
use crate::base::{Hash, Id, Micros};
use crate::store::StoreError;

#[derive(Debug, Clone, Queryable)]
pub struct SessionRow {
    pub id: Id,
    pub token_hash: Hash,
    pub account: Id,
    pub network: String,
    pub opened_at: Micros,
    pub seen_at: Micros,
    pub reauth_at: Micros,
}

pub fn insert(tx: &mut Tx, row: &SessionRow) -> Result<(), StoreError> {
    diesel::insert_into(session::table)
        .values((
            session::id.eq(row.id.to_string()),
            session::token_hash.eq(row.token_hash.0.to_vec()),
            session::account.eq(row.account.to_string()),
            session::network.eq(&row.network),
            session::opened_at.eq(row.opened_at.get()),
            session::seen_at.eq(row.seen_at.get()),
            session::reauth_at.eq(row.reauth_at.get()),
        ))
        .execute(tx)?;
    Ok(())
}

pub fn by_id(tx: &mut Tx, id: Id) -> Result<Option<SessionRow>, StoreError> {
    Ok(session::table.find(id.to_string()).get_result(tx).optional()?)
}

pub fn by_token(tx: &mut Tx, token_hash: Hash) -> Result<Option<SessionRow>, StoreError> {
    Ok(session::table.filter(session::token_hash.eq(token_hash.0.to_vec())).get_result(tx).optional()?)
}

/// The sessions of `account`, oldest first.
pub fn of_account(tx: &mut Tx, account: Id) -> Result<Vec<SessionRow>, StoreError> {
    let rows = session::table.filter(session::account.eq(account.to_string()));
    Ok(rows.order((session::opened_at, session::id)).load(tx)?)
}

pub fn touch(tx: &mut Tx, id: Id, seen_at: Micros) -> Result<(), StoreError> {
    diesel::update(session::table.find(id.to_string())).set(session::seen_at.eq(seen_at.get())).execute(tx)?;
    Ok(())
}

/// Ends the session and voids its tickets. Returns whether there was one.
pub fn delete(tx: &mut Tx, id: Id) -> Result<bool, StoreError> {
    Ok(diesel::delete(session::table.find(id.to_string())).execute(tx)? == 1)
}

/// Ends all sessions of `account`; returns how many.
pub fn delete_of_account(tx: &mut Tx, account: Id) -> Result<usize, StoreError> {
    Ok(diesel::delete(session::table.filter(session::account.eq(account.to_string()))).execute(tx)?)
}

/// Forgets what has run out: sessions last seen or opened too long ago, tickets past their time.
pub fn sweep(tx: &mut Tx, seen_before: Micros, opened_before: Micros, now: Micros) -> Result<usize, StoreError> {
    let over = session::seen_at.le(seen_before.get()).or(session::opened_at.le(opened_before.get()));
    let sessions = diesel::delete(session::table.filter(over)).execute(tx)?;
    let tickets = diesel::delete(ticket::table.filter(ticket::expires_at.le(now.get()))).execute(tx)?;
    Ok(sessions + tickets)
}

pub fn insert_ticket(tx: &mut Tx, hash: Hash, session: Id, expires_at: Micros) -> Result<(), StoreError> {
    diesel::insert_into(ticket::table)
        .values((
            ticket::hash.eq(hash.0.to_vec()),
            ticket::session.eq(session.to_string()),
            ticket::expires_at.eq(expires_at.get()),
        ))
        .execute(tx)?;
    Ok(())
}

/// How many unused tickets the session holds.
pub fn count_tickets(tx: &mut Tx, session: Id, now: Micros) -> Result<i64, StoreError> {
    let open = ticket::session.eq(session.to_string()).and(ticket::expires_at.gt(now.get()));
    Ok(ticket::table.filter(open).count().get_result(tx)?)
}

/// Uses the ticket up: whoever deletes the row has it, nobody has it twice. Returns its session and its end.
pub fn take_ticket(tx: &mut Tx, hash: Hash) -> Result<Option<(Id, Micros)>, StoreError> {
    Ok(diesel::delete(ticket::table.find(hash.0.to_vec()))
        .returning((ticket::session, ticket::expires_at))
        .get_result(tx)
        .optional()?)
}

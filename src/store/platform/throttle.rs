//! Failed sign-ins, the networks that an account is known from, and how often strangers have asked.

use diesel::prelude::*;

use super::Tx;
use super::schema::{known_network, rate_limit, sign_in_failure};
use crate::base::{Id, Micros};
use crate::store::StoreError;

/// Failures counted for `subject` (which may be empty) from `network` (which may be empty), and when the last one was.
pub fn failures(tx: &mut Tx, subject: &[u8], network: &str) -> Result<Option<(i64, Micros)>, StoreError> {
    Ok(sign_in_failure::table
        .find((subject, network))
        .select((sign_in_failure::failures, sign_in_failure::last_at))
        .first(tx)
        .optional()?)
}

/// Within a transaction that holds the write lock, as all upserts here.
pub fn set_failures(tx: &mut Tx, subject: &[u8], network: &str, count: i64, at: Micros) -> Result<(), StoreError> {
    use sign_in_failure as f;
    let new = (f::failures.eq(count), f::last_at.eq(at.get()));
    if diesel::update(f::table.find((subject, network))).set(new).execute(tx)? == 0 {
        let row = (f::subject.eq(subject), f::network.eq(network), f::failures.eq(count), f::last_at.eq(at.get()));
        diesel::insert_into(f::table).values(row).execute(tx)?;
    }
    Ok(())
}

pub fn clear_failures(tx: &mut Tx, subject: &[u8], network: &str) -> Result<(), StoreError> {
    diesel::delete(sign_in_failure::table.find((subject, network))).execute(tx)?;
    Ok(())
}

pub fn is_known(tx: &mut Tx, account: Id, network: &str) -> Result<bool, StoreError> {
    let row = known_network::table.find((account.to_string(), network));
    Ok(diesel::select(diesel::dsl::exists(row)).get_result(tx)?)
}

/// Remembers that the account signed in from `network`, and of all its networks the `keep` newest.
pub fn remember(tx: &mut Tx, account: Id, network: &str, at: Micros, keep: i64) -> Result<(), StoreError> {
    use known_network as k;
    let account = account.to_string();
    let known = diesel::update(k::table.find((&account, network))).set(k::last_at.eq(at.get())).execute(tx)?;
    if known == 0 {
        let row = (k::account.eq(&account), k::network.eq(network), k::last_at.eq(at.get()));
        diesel::insert_into(k::table).values(row).execute(tx)?;
    }
    let rows = k::table.filter(k::account.eq(&account)).order(k::last_at.desc()).offset(keep);
    let surplus: Vec<String> = rows.limit(i64::MAX).select(k::network).load(tx)?;
    diesel::delete(k::table.filter(k::account.eq(&account).and(k::network.eq_any(surplus)))).execute(tx)?;
    Ok(())
}

/// When the bucket of `subject` is full again, if anybody has taken a token of it.
pub fn full_at(tx: &mut Tx, what: &str, subject: &str) -> Result<Option<Micros>, StoreError> {
    Ok(rate_limit::table.find((what, subject)).select(rate_limit::full_at).first(tx).optional()?)
}

/// Within a transaction that holds the write lock.
pub fn set_full_at(tx: &mut Tx, what: &str, subject: &str, full_at: Micros) -> Result<(), StoreError> {
    let new = rate_limit::full_at.eq(full_at.get());
    if diesel::update(rate_limit::table.find((what, subject))).set(new).execute(tx)? == 0 {
        let row = (rate_limit::what.eq(what), rate_limit::subject.eq(subject), new);
        diesel::insert_into(rate_limit::table).values(row).execute(tx)?;
    }
    Ok(())
}

/// Forgets failures and known networks older than the given times, and buckets that are full `now`.
pub fn sweep(tx: &mut Tx, failed_before: Micros, known_before: Micros, now: Micros) -> Result<usize, StoreError> {
    let full = diesel::delete(rate_limit::table.filter(rate_limit::full_at.le(now.get()))).execute(tx)?;
    let failures = sign_in_failure::table.filter(sign_in_failure::last_at.le(failed_before.get()));
    let known = known_network::table.filter(known_network::last_at.le(known_before.get()));
    Ok(full + diesel::delete(failures).execute(tx)? + diesel::delete(known).execute(tx)?)
}

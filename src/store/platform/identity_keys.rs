//! Bidders' identity keys with the intervals in which they were valid.

use diesel::prelude::*;

use super::Tx;
use super::schema::identity_key;
use crate::base::{Id, Micros};
use crate::store::StoreError;

#[derive(Debug, Clone, Queryable)]
pub struct IdentityKeyRow {
    pub id: Id,
    pub account: Id,
    pub public_key: Vec<u8>,
    pub valid_from: Micros,
    pub valid_until: Option<Micros>,
}

pub fn insert(tx: &mut Tx, row: &IdentityKeyRow) -> Result<(), StoreError> {
    diesel::insert_into(identity_key::table)
        .values((
            identity_key::id.eq(row.id.to_string()),
            identity_key::account.eq(row.account.to_string()),
            identity_key::public_key.eq(&row.public_key),
            identity_key::valid_from.eq(row.valid_from.get()),
            identity_key::valid_until.eq(row.valid_until.map(Micros::get)),
        ))
        .execute(tx)?;
    Ok(())
}

/// Ends the validity of the account's key, if it has one. Returns that key's id.
pub fn close(tx: &mut Tx, account: Id, until: Micros) -> Result<Option<Id>, StoreError> {
    let valid = identity_key::account.eq(account.to_string()).and(identity_key::valid_until.is_null());
    Ok(diesel::update(identity_key::table.filter(valid))
        .set(identity_key::valid_until.eq(until.get()))
        .returning(identity_key::id)
        .get_result(tx)
        .optional()?)
}

/// The account's keys, oldest first.
pub fn of_account(tx: &mut Tx, account: Id) -> Result<Vec<IdentityKeyRow>, StoreError> {
    let rows = identity_key::table.filter(identity_key::account.eq(account.to_string()));
    Ok(rows.order((identity_key::valid_from, identity_key::id)).load(tx)?)
}

//! Accounts and the organisations that they belong to.

use diesel::prelude::*;

use super::Tx;
use super::schema::{account, organisation};
use crate::base::{Hash, Id, Micros};
use crate::store::StoreError;

#[derive(Debug, Clone, Queryable)]
pub struct OrganisationRow {
    pub id: Id,
    pub kind: String,
    pub name: String,
    pub credit_code: Option<String>,
    pub created_at: Micros,
}

/// One account, secrets included: `identity` turns it into what others may see.
#[derive(Clone, Queryable)]
pub struct AccountRow {
    pub id: Id,
    pub login: String,
    pub name: String,
    pub role: String,
    pub organisation: Option<Id>,
    pub password: Option<String>,
    pub totp_secret: Option<Vec<u8>>,
    pub totp_pending: Option<Vec<u8>>,
    pub totp_step: i64,
    pub activation: Option<Hash>,
    pub activation_until: Micros,
    pub created_at: Micros,
    pub disabled_at: Option<Micros>,
}

pub fn insert_organisation(tx: &mut Tx, row: &OrganisationRow) -> Result<(), StoreError> {
    diesel::insert_into(organisation::table)
        .values((
            organisation::id.eq(row.id.to_string()),
            organisation::kind.eq(&row.kind),
            organisation::name.eq(&row.name),
            organisation::credit_code.eq(row.credit_code.as_ref()),
            organisation::created_at.eq(row.created_at.get()),
        ))
        .execute(tx)?;
    Ok(())
}

/// Organisations of one kind, by name.
pub fn organisations(tx: &mut Tx, kind: &str, limit: i64) -> Result<Vec<OrganisationRow>, StoreError> {
    let rows = organisation::table.filter(organisation::kind.eq(kind));
    Ok(rows.order((organisation::name, organisation::id)).limit(limit).load(tx)?)
}

pub fn organisation(tx: &mut Tx, id: Id) -> Result<Option<OrganisationRow>, StoreError> {
    Ok(organisation::table.find(id.to_string()).get_result(tx).optional()?)
}

/// Adds the account. The caller checks with [`StoreError::is_duplicate`] whether the login name is taken.
pub fn insert(tx: &mut Tx, row: &AccountRow) -> Result<(), StoreError> {
    diesel::insert_into(account::table)
        .values((
            account::id.eq(row.id.to_string()),
            account::login.eq(&row.login),
            account::organisation.eq(row.organisation.map(|id| id.to_string())),
            account::created_at.eq(row.created_at.get()),
            mutable_columns(row),
        ))
        .execute(tx)?;
    Ok(())
}

/// Writes back what may change in an account's life. The row must have been read in the same transaction.
pub fn update(tx: &mut Tx, row: &AccountRow) -> Result<(), StoreError> {
    diesel::update(account::table.find(row.id.to_string())).set(mutable_columns(row)).execute(tx)?;
    Ok(())
}

pub fn by_id(tx: &mut Tx, id: Id) -> Result<Option<AccountRow>, StoreError> {
    Ok(account::table.find(id.to_string()).get_result(tx).optional()?)
}

pub fn by_login(tx: &mut Tx, login: &str) -> Result<Option<AccountRow>, StoreError> {
    Ok(account::table.filter(account::login.eq(login)).get_result(tx).optional()?)
}

/// Up to `limit` accounts in the order of their ids, starting behind `after`.
pub fn page(tx: &mut Tx, after: Option<Id>, limit: usize) -> Result<Vec<AccountRow>, StoreError> {
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(account::table.filter(account::id.gt(after)).order(account::id).limit(limit).load(tx)?)
}

type MutableColumns<'a> = (
    diesel::dsl::Eq<account::name, &'a str>,
    diesel::dsl::Eq<account::role, &'a str>,
    diesel::dsl::Eq<account::password, Option<&'a String>>,
    diesel::dsl::Eq<account::totp_secret, Option<&'a Vec<u8>>>,
    diesel::dsl::Eq<account::totp_pending, Option<&'a Vec<u8>>>,
    diesel::dsl::Eq<account::totp_step, i64>,
    diesel::dsl::Eq<account::activation, Option<Vec<u8>>>,
    diesel::dsl::Eq<account::activation_until, i64>,
    diesel::dsl::Eq<account::disabled_at, Option<i64>>,
);

/// `None` writes NULL: diesel's tuples skip nothing, unlike its derived changesets.
fn mutable_columns(row: &AccountRow) -> MutableColumns<'_> {
    (
        account::name.eq(row.name.as_str()),
        account::role.eq(row.role.as_str()),
        account::password.eq(row.password.as_ref()),
        account::totp_secret.eq(row.totp_secret.as_ref()),
        account::totp_pending.eq(row.totp_pending.as_ref()),
        account::totp_step.eq(row.totp_step),
        account::activation.eq(row.activation.map(|hash| hash.0.to_vec())),
        account::activation_until.eq(row.activation_until.get()),
        account::disabled_at.eq(row.disabled_at.map(Micros::get)),
    )
}

//! `/me/keys`: the identity key that stands for a company (ledger format §5).

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::extract::{Body, Who};
use super::offload::ask;
use super::private::{Answer, json};
use super::problem::Problem;
use crate::base::{Code, Id, Jwk, Micros};
use crate::desk::Desk;
use crate::identity::identity_key::IdentityKey;
use crate::identity::{Action, ObjectRef, may};

pub fn routes(config: &mut ServiceConfig) {
    config.service(own_keys).service(register).service(keys_of);
}

/// All keys that the account ever had, oldest first; their number is bounded, so there is one page.
#[derive(Serialize, ToSchema)]
pub struct IdentityKeys {
    items: Vec<IdentityKeyView>,
}

/// A registered key with the time in which it was valid.
#[derive(Serialize, ToSchema)]
pub struct IdentityKeyView {
    id: Id,
    key: Jwk,
    /// RFC 7638, in base64url: the `kid` of what it signs.
    thumbprint: String,
    valid_from: Micros,
    /// `null`: still valid.
    valid_until: Option<Micros>,
}

impl From<IdentityKey> for IdentityKeyView {
    fn from(key: IdentityKey) -> Self {
        let jwk = Jwk(key.public_key);
        Self {
            id: key.id,
            key: jwk,
            thumbprint: jwk.thumbprint().to_string(),
            valid_from: key.valid_from,
            valid_until: key.valid_until,
        }
    }
}

/// My identity keys.
#[utoipa::path(tag = "keys",
    responses((status = 200, body = IdentityKeys), (status = 401, body = Problem), (status = 403, body = Problem)))]
#[get("/me/keys")]
pub async fn own_keys(desk: Data<Desk>, who: Who) -> Answer {
    let account = who.0.account.ok_or(Code::NotSignedIn)?;
    may(&who.0, Action::AccountSelf, ObjectRef::account(account))?;
    let keys = ask(&desk, move |identity, _| identity.identity_keys(account)).await?;
    let items = keys.into_iter().map(IdentityKeyView::from).collect();
    Ok(json(StatusCode::OK, &IdentityKeys { items }))
}

/// The identity keys of an account, for administrators: which key signs for whom, and since when.
#[utoipa::path(operation_id = "account_keys", tag = "administration", params(("account" = Id, Path)),
    responses((status = 200, body = IdentityKeys), (status = 401, body = Problem), (status = 403, body = Problem)))]
#[get("/accounts/{account}/keys")]
pub async fn keys_of(desk: Data<Desk>, who: Who, account: Path<Id>) -> Answer {
    may(&who.0, Action::AccountsRead, ObjectRef::NONE)?;
    let keys = ask(&desk, move |identity, _| identity.identity_keys(*account)).await?;
    let items = keys.into_iter().map(IdentityKeyView::from).collect();
    Ok(json(StatusCode::OK, &IdentityKeys { items }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    key: Jwk,
}

/// The key is registered, and the ledger says so.
#[derive(Serialize, ToSchema)]
pub struct RegisteredKey {
    #[serde(flatten)]
    key: IdentityKeyView,
    /// The key that it takes the place of.
    replaces: Option<Id>,
    /// The ledger entry that records it.
    seq: u64,
}

/// Registers my identity key, in place of the one before if there is one; that needs a recent proof of identity. The
/// key in use again gets the same answer again.
#[utoipa::path(operation_id = "register_key", tag = "keys", request_body = NewKey,
    responses((status = 201, body = RegisteredKey), (status = 200, body = RegisteredKey, description = "answered before"),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem), (status = 503, body = Problem)))]
#[post("/me/keys")]
pub async fn register(desk: Data<Desk>, who: Who, body: Body<NewKey>) -> Answer {
    let (key, outcome) = desk.register_key(&who.0, body.value.key).await?;
    let status = if outcome.replayed { StatusCode::OK } else { StatusCode::CREATED };
    let replaces = key.replaced.map(|old| old.id);
    Ok(json(status, &RegisteredKey { key: key.key.into(), replaces, seq: outcome.first }))
}

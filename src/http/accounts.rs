//! `/accounts`, `/organisations`, `/security-events`: the three administrators' work (三员). The system administrator
//! makes accounts, the security administrator grants and takes away, the audit administrator reads what both did.
//!
//! What takes rights away also tells the live stream, so that nobody looks on with rights that are gone.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Query};
use actix_web::{delete, get, post, put};
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::companies::{check_credit_code, check_login, check_title, named};
use super::extract::{Body, Who};
use super::offload::ask;
use super::page::{Page, cut};
use super::private::{Answer, done, json};
use super::problem::Problem;
use super::session::Sessions;
use super::stream::Stream;
use crate::base::{Code, Id, Micros};
use crate::desk::Desk;
use crate::identity::accounts::{self, Account, Organisation};
use crate::identity::{Action, ObjectRef, OrganisationKind, Role, may};

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(create).service(one).service(grant);
    config.service(disable).service(enable).service(reset);
    config.service(sessions).service(end_all).service(end_one);
    config.service(create_organisation).service(read_organisation).service(owners).service(security_events);
}

impl PartialSchema for Role {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(Self::ALL.map(Self::name))).into()
    }
}
impl ToSchema for Role {}

impl PartialSchema for OrganisationKind {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(Self::ALL.map(Self::name))).into()
    }
}
impl ToSchema for OrganisationKind {}

#[derive(Serialize, ToSchema)]
pub struct Accounts {
    items: Vec<AccountView>,
    /// Ask for the next page with this; `null` on the last one.
    next: Option<String>,
}

/// An account without its secrets.
#[derive(Serialize, ToSchema)]
pub struct AccountView {
    id: Id,
    login: String,
    name: String,
    #[schema(value_type = Role)]
    role: &'static str,
    organisation: Option<Id>,
    /// Whether its holder has chosen a password.
    activated: bool,
    totp_enrolled: bool,
    created_at: Micros,
    disabled_at: Option<Micros>,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            login: account.login,
            name: account.name,
            role: account.role.name(),
            organisation: account.organisation,
            activated: account.activated,
            totp_enrolled: account.totp_enrolled,
            created_at: account.created_at,
            disabled_at: account.disabled_at,
        }
    }
}

/// All accounts, in the order of their making.
#[utoipa::path(operation_id = "list_accounts", tag = "administration", params(Page),
    responses((status = 200, body = Accounts), (status = 401, body = Problem), (status = 403, body = Problem)))]
#[get("/accounts")]
pub async fn list(desk: Data<Desk>, who: Who, page: Query<Page>) -> Answer {
    let (after, limit) = (page.after()?, page.limit()?);
    let rows = ask(&desk, move |identity, _| identity.accounts(&who.0, after, limit + 1)).await?;
    let (rows, next) = cut(rows, limit, |row| row.id.to_string());
    Ok(json(StatusCode::OK, &Accounts { items: rows.into_iter().map(AccountView::from).collect(), next }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    login: String,
    /// The person.
    name: String,
    organisation: Option<Id>,
}

#[derive(Serialize, ToSchema)]
pub struct CreatedAccount {
    id: Id,
    /// For the holder, who chooses the password with it at `/activation`; shown this once.
    code: String,
}

/// Makes an account without a role, which the security administrator grants.
#[utoipa::path(operation_id = "create_account", tag = "administration", request_body = NewAccount,
    responses((status = 201, body = CreatedAccount), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/accounts")]
pub async fn create(desk: Data<Desk>, who: Who, body: Body<NewAccount>) -> Answer {
    may(&who.0, Action::AccountsCreate, ObjectRef::NONE)?;
    let NewAccount { login, name, organisation } = body.value;
    check_login(&login)?;
    check_title("name", &name)?;
    let made = ask(&desk, move |identity, now| {
        identity.create_account(&who.0, accounts::NewAccount { login: &login, name: &name, organisation }, now)
    });
    let (id, code) = made.await.map_err(|problem| explained("organisation: there is no such one", problem))?;
    Ok(json(StatusCode::CREATED, &CreatedAccount { id, code: code.to_string() }))
}

/// What a field's refusal by the identity room means here.
fn explained(rule: &str, problem: Problem) -> Problem {
    if problem.code() == Code::InvalidField { Problem::new(Code::InvalidField, rule) } else { problem }
}

/// One account: my own, or anybody's for administrators.
#[utoipa::path(operation_id = "read_account", tag = "administration", params(("account" = Id, Path)),
    responses((status = 200, body = AccountView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
#[get("/accounts/{account}")]
pub async fn one(desk: Data<Desk>, who: Who, account: Path<Id>) -> Answer {
    let account = ask(&desk, move |identity, _| identity.account(&who.0, *account)).await?;
    Ok(json(StatusCode::OK, &AccountView::from(account)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    #[schema(value_type = Role)]
    role: String,
}

/// Gives somebody else's account its role, in place of the one before; its sessions end.
#[utoipa::path(operation_id = "grant_role", tag = "administration", params(("account" = Id, Path)), request_body = NewRole,
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
#[put("/accounts/{account}/role")]
pub async fn grant(desk: Data<Desk>, stream: Data<Stream>, who: Who, account: Path<Id>, body: Body<NewRole>) -> Answer {
    let account = *account;
    may(&who.0, Action::RolesGrant, ObjectRef::account(account))?;
    let role: Role = named("role: not one of the roles", body.value.role.parse())?;
    let granted = ask(&desk, move |identity, now| identity.grant_role(&who.0, account, role, now));
    granted.await.map_err(|problem| explained("role: does not fit the account's organisation", problem))?;
    stream.hub.recheck(account);
    Ok(done())
}

/// Shuts an account out; its sessions end.
#[utoipa::path(operation_id = "disable_account", tag = "administration", params(("account" = Id, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
#[post("/accounts/{account}/disable")]
pub async fn disable(desk: Data<Desk>, stream: Data<Stream>, who: Who, account: Path<Id>) -> Answer {
    let account = *account;
    ask(&desk, move |identity, now| identity.disable_account(&who.0, account, now)).await?;
    stream.hub.recheck(account);
    Ok(done())
}

/// Lets a disabled account in again.
#[utoipa::path(operation_id = "enable_account", tag = "administration", params(("account" = Id, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
#[post("/accounts/{account}/enable")]
pub async fn enable(desk: Data<Desk>, who: Who, account: Path<Id>) -> Answer {
    ask(&desk, move |identity, now| identity.enable_account(&who.0, *account, now)).await?;
    Ok(done())
}

#[derive(Serialize, ToSchema)]
pub struct ResetCode {
    /// For the holder, who chooses a new password with it at `/activation`; shown this once.
    code: String,
}

/// Takes password and second factor from an account; its sessions end.
#[utoipa::path(operation_id = "reset_account", tag = "administration", params(("account" = Id, Path)),
    responses((status = 200, body = ResetCode), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
#[post("/accounts/{account}/reset")]
pub async fn reset(desk: Data<Desk>, stream: Data<Stream>, who: Who, account: Path<Id>) -> Answer {
    let account = *account;
    let code = ask(&desk, move |identity, now| identity.reset_account(&who.0, account, now)).await?;
    stream.hub.recheck(account);
    Ok(json(StatusCode::OK, &ResetCode { code: code.to_string() }))
}

/// The live sessions of an account.
#[utoipa::path(operation_id = "account_sessions", tag = "administration", params(("account" = Id, Path)),
    responses((status = 200, body = Sessions), (status = 401, body = Problem), (status = 403, body = Problem)))]
#[get("/accounts/{account}/sessions")]
pub async fn sessions(desk: Data<Desk>, who: Who, account: Path<Id>) -> Answer {
    let views = ask(&desk, move |identity, now| identity.sessions(&who.0, *account, now)).await?;
    Ok(json(StatusCode::OK, &Sessions::of(views)))
}

/// Ends all sessions of an account.
#[utoipa::path(operation_id = "end_account_sessions", tag = "administration", params(("account" = Id, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem)))]
#[delete("/accounts/{account}/sessions")]
pub async fn end_all(desk: Data<Desk>, stream: Data<Stream>, who: Who, account: Path<Id>) -> Answer {
    let account = *account;
    ask(&desk, move |identity, now| identity.revoke_all_sessions(&who.0, account, now)).await?;
    stream.hub.recheck(account);
    Ok(done())
}

/// Ends one session of an account.
#[utoipa::path(operation_id = "end_account_session", tag = "administration", params(("account" = Id, Path), ("session" = Id, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
#[delete("/accounts/{account}/sessions/{session}")]
pub async fn end_one(desk: Data<Desk>, stream: Data<Stream>, who: Who, path: Path<(Id, Id)>) -> Answer {
    let (account, session) = path.into_inner();
    ask(&desk, move |identity, now| identity.revoke_session(&who.0, account, session, now)).await?;
    stream.hub.recheck(account);
    Ok(done())
}

/// An organisation's public particulars.
#[derive(Serialize, ToSchema)]
pub struct OrganisationView {
    id: Id,
    #[schema(value_type = OrganisationKind)]
    kind: &'static str,
    name: String,
    credit_code: Option<String>,
}

impl From<Organisation> for OrganisationView {
    fn from(organisation: Organisation) -> Self {
        Self {
            id: organisation.id,
            kind: organisation.kind.name(),
            name: organisation.name,
            credit_code: organisation.credit_code,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrganisation {
    #[schema(value_type = OrganisationKind)]
    kind: String,
    name: String,
    /// 统一社会信用代码, GB 32100-2015; companies need one.
    credit_code: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct CreatedOrganisation {
    id: Id,
}

/// Makes an organisation, for whose people accounts can then be made.
#[utoipa::path(tag = "administration", request_body = NewOrganisation,
    responses((status = 201, body = CreatedOrganisation), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/organisations")]
pub async fn create_organisation(desk: Data<Desk>, who: Who, body: Body<NewOrganisation>) -> Answer {
    may(&who.0, Action::AccountsCreate, ObjectRef::NONE)?;
    let NewOrganisation { kind, name, credit_code } = body.value;
    let kind: OrganisationKind = named("kind: company, owner, authority or centre", kind.parse())?;
    check_title("name", &name)?;
    let credit_code = credit_code.as_deref().map(check_credit_code).transpose()?;
    let made =
        ask(&desk, move |identity, now| identity.create_organisation(&who.0, kind, &name, credit_code.as_ref(), now));
    let id = made.await.map_err(|problem| explained("credit_code: a company needs one", problem))?;
    Ok(json(StatusCode::CREATED, &CreatedOrganisation { id }))
}

/// An organisation: authorities, owners and the centre for everyone, a company for its own people and administrators.
/// Who takes part in a trade is nobody else's to know (招标投标法 art. 22); where it is, the lot says so.
#[utoipa::path(tag = "administration", params(("organisation" = Id, Path)),
    responses((status = 200, body = OrganisationView), (status = 404, body = Problem)))]
#[get("/organisations/{organisation}")]
pub async fn read_organisation(desk: Data<Desk>, who: Who, organisation: Path<Id>) -> Answer {
    let id = *organisation;
    let entitled = who.0.organisation == Some(id) || may(&who.0, Action::AccountsRead, ObjectRef::NONE).is_ok();
    let found = ask(&desk, move |identity, _| identity.organisation(id)).await?;
    if !entitled && found.kind == OrganisationKind::Company {
        return Err(Code::NotFound.into());
    }
    Ok(json(StatusCode::OK, &OrganisationView::from(found)))
}

#[derive(Serialize, ToSchema)]
pub struct Owners {
    items: Vec<OrganisationView>,
}

/// Organisations that sell or buy, by name.
#[utoipa::path(tag = "projects", responses((status = 200, body = Owners)))]
#[get("/owners")]
pub async fn owners(desk: Data<Desk>) -> Answer {
    let items = ask(&desk, |identity, _| identity.owners()).await?.into_iter().map(OrganisationView::from).collect();
    Ok(json(StatusCode::OK, &Owners { items }))
}

#[derive(Serialize, ToSchema)]
pub struct SecurityEvents {
    items: Vec<SecurityEvent>,
    /// Ask for the next page with this; `null` on the last one.
    next: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct SecurityEvent {
    id: i64,
    time: Micros,
    kind: String,
    /// The account that did it, if one did.
    actor: Option<Id>,
    /// The account that it was done to.
    subject: Option<Id>,
    network: String,
    detail: String,
}

/// What happened to accounts, sessions, keys and cases, newest first; for the audit administrator.
#[utoipa::path(tag = "administration", params(Page),
    responses((status = 200, body = SecurityEvents), (status = 401, body = Problem), (status = 403, body = Problem)))]
#[get("/security-events")]
pub async fn security_events(desk: Data<Desk>, who: Who, page: Query<Page>) -> Answer {
    let (before, limit) = (page.after()?, page.limit()?);
    let rows = ask(&desk, move |identity, _| identity.security_events(&who.0, before, limit + 1)).await?;
    let (rows, next) = cut(rows, limit, |row| row.id.to_string());
    let items = rows.into_iter().map(|row| SecurityEvent {
        id: row.id,
        time: row.at,
        kind: row.kind,
        actor: row.actor,
        subject: row.subject,
        network: row.network,
        detail: row.detail,
    });
    Ok(json(StatusCode::OK, &SecurityEvents { items: items.collect(), next }))
}

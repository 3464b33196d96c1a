//! `/session`: who I am, signing in and out, proving it again, password, second factor, my other sessions.
//!
//! The session is a cookie that no script reads. What changes something carries the session's CSRF token beside it; to
//! sign in there is no session yet, and a JSON body is what no other site's form can send.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::accounts::OrganisationView;
use super::extract::{Body, SESSION_COOKIE, Who, network, session_token};
use super::offload::ask;
use super::private::{Answer, done, json};
use super::problem::Problem;
use super::stream::Stream;
use crate::base::limits::SESSION_MAX;
use crate::base::{Code, Id, Micros};
use crate::desk::Desk;
use crate::identity::{Identity, Role, SignedIn, Viewer, session};

pub use super::offload::HashingPermits;

pub fn routes(config: &mut ServiceConfig) {
    config.service(sign_in).service(who_am_i).service(sign_out).service(prove).service(change_password);
    config.service(begin_totp).service(confirm_totp);
    config.service(own_sessions).service(end_all).service(end_one);
}

/// Who the server takes the client for.
#[derive(Serialize, ToSchema)]
pub struct Session {
    viewer: Myself,
    /// To be sent as `X-CSRF-Token` with everything that changes something; `null` for the public.
    csrf: Option<String>,
}

/// The viewer's own particulars; all empty for the public.
#[derive(Serialize, ToSchema)]
pub struct Myself {
    account: Option<Id>,
    #[schema(value_type = Role)]
    role: &'static str,
    login: Option<String>,
    name: Option<String>,
    organisation: Option<OrganisationView>,
    /// The lots on which this reviewer has an open case.
    cases: Vec<Id>,
    /// Whether the proof of identity is recent enough for sensitive actions.
    proved_recently: bool,
    totp_enrolled: bool,
    /// The role's work waits until a one-time code is enrolled.
    must_enrol_totp: bool,
}

fn myself(identity: &Identity, viewer: &Viewer) -> Result<Myself, Code> {
    let account = match viewer.account.map(|id| identity.account(viewer, id)) {
        Some(Ok(account)) => Some(account),
        // An account that was granted no role yet has not even itself to look at.
        None | Some(Err(Code::Forbidden)) => None,
        Some(Err(code)) => return Err(code),
    };
    let organisation = viewer.organisation.map(|id| identity.organisation(id)).transpose()?;
    Ok(Myself {
        account: viewer.account,
        role: viewer.role.name(),
        login: account.as_ref().map(|account| account.login.clone()),
        totp_enrolled: account.as_ref().is_some_and(|account| account.totp_enrolled),
        name: account.map(|account| account.name),
        organisation: organisation.map(OrganisationView::from),
        cases: viewer.cases.clone(),
        proved_recently: viewer.proved_recently,
        must_enrol_totp: viewer.must_enrol_totp,
    })
}

/// A session that was just opened: its cookie and what its pages need.
fn opened(identity: &Identity, signed_in: SignedIn) -> Result<(Cookie<'static>, Session), Code> {
    let viewer = myself(identity, &signed_in.viewer)?;
    Ok((cookie(&signed_in.token), Session { viewer, csrf: Some(signed_in.csrf) }))
}

fn answered((cookie, session): (Cookie<'static>, Session)) -> HttpResponse {
    let mut response = json(StatusCode::OK, &session);
    set(&mut response, &cookie);
    response
}

/// `__Host-` asks for `Secure` and `Path=/` and forbids a domain (RFC 6265bis §4.1.3.2); browsers take loopback for
/// secure. Nothing but our own pages sends it, and no script reads it.
fn cookie(token: &str) -> Cookie<'static> {
    let lifetime = Duration::microseconds(i64::try_from(SESSION_MAX.get()).unwrap_or(i64::MAX));
    Cookie::build(SESSION_COOKIE, token.to_owned())
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .max_age(lifetime)
        .finish()
}

fn set(response: &mut HttpResponse, cookie: &Cookie<'_>) {
    if let Err(error) = response.add_cookie(cookie) {
        // A base64url token always fits a header.
        tracing::error!(%error, "cannot set the session's cookie");
    }
}

/// Tells the browser to forget its cookie.
fn forget(mut response: HttpResponse) -> HttpResponse {
    let mut gone = cookie("");
    gone.make_removal();
    set(&mut response, &gone);
    response
}

fn token(request: &HttpRequest) -> Result<String, Code> {
    session_token(request).ok_or(Code::NotSignedIn)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    login: String,
    password: String,
    /// The one-time code, where the account has one.
    totp: Option<String>,
}

/// Signs in: sets the session's cookie. A session that the client had before ends.
#[utoipa::path(tag = "session", request_body = Credentials,
    responses((status = 200, body = Session), (status = 401, body = Problem, description = "`bad_credentials`, `totp_required`"),
        (status = 429, body = Problem), (status = 503, body = Problem)))]
#[post("/session")]
pub async fn sign_in(
    desk: Data<Desk>,
    permits: Data<HashingPermits>,
    request: HttpRequest,
    body: Body<Credentials>,
) -> Answer {
    let (network, before) = (network(&request), session_token(&request));
    let Credentials { login, password, totp } = body.value;
    let session = permits.ask(&desk, move |identity, now| {
        let signed_in = identity.sign_in(&login, &password, totp.as_deref(), &network, now)?;
        // Its cookie is about to be overwritten, and nobody could end it any more.
        if let Some(viewer) = before.and_then(|token| identity.viewer_of(&token, now).ok()) {
            identity.sign_out(&viewer, now)?;
        }
        opened(identity, signed_in)
    });
    Ok(answered(session.await?))
}

/// Who I am. A cookie whose session is over is forgotten, and its bearer is the public.
#[utoipa::path(tag = "session", responses((status = 200, body = Session)))]
#[get("/session")]
pub async fn who_am_i(desk: Data<Desk>, who: Result<Who, Problem>) -> Answer {
    let (viewer, over) = match who {
        Ok(Who(viewer)) => (viewer, false),
        Err(problem) if problem.code() == Code::SessionOver => (Viewer::public(), true),
        Err(problem) => return Err(problem),
    };
    let session = ask(&desk, move |identity, _| {
        let csrf = viewer.session.map(|_| identity.csrf_token(&viewer)).transpose()?;
        Ok(Session { viewer: myself(identity, &viewer)?, csrf })
    });
    let response = json(StatusCode::OK, &session.await?);
    Ok(if over { forget(response) } else { response })
}

/// Signs out. Doing so twice is no error.
#[utoipa::path(tag = "session", responses((status = 204), (status = 403, body = Problem)))]
#[delete("/session")]
pub async fn sign_out(desk: Data<Desk>, stream: Data<Stream>, who: Result<Who, Problem>) -> Answer {
    match who {
        Ok(Who(viewer)) => {
            let account = viewer.account;
            ask(&desk, move |identity, now| identity.sign_out(&viewer, now)).await?;
            if let Some(account) = account {
                stream.hub.recheck(account);
            }
        }
        Err(problem) if problem.code() == Code::SessionOver => {}
        Err(problem) => return Err(problem),
    }
    Ok(forget(done()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    password: String,
    /// The one-time code, where the account has one.
    totp: Option<String>,
}

/// Proves again who holds the session, for what asks for a recent proof. Cookie and CSRF token change (ASVS 7.2.4).
#[utoipa::path(operation_id = "prove_identity", tag = "session", request_body = Proof,
    responses((status = 200, body = Session), (status = 401, body = Problem), (status = 429, body = Problem)))]
#[post("/session/proof")]
pub async fn prove(
    desk: Data<Desk>,
    permits: Data<HashingPermits>,
    _who: Who,
    request: HttpRequest,
    body: Body<Proof>,
) -> Answer {
    let (network, token) = (network(&request), token(&request)?);
    let Proof { password, totp } = body.value;
    let session = permits.ask(&desk, move |identity, now| {
        let signed_in = identity.reauthenticate(&token, &password, totp.as_deref(), &network, now)?;
        opened(identity, signed_in)
    });
    Ok(answered(session.await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    current: String,
    /// The one-time code, where the account has one.
    totp: Option<String>,
    new: String,
}

/// Changes the password. All sessions end; the client gets a new one.
#[utoipa::path(tag = "session", request_body = PasswordChange,
    responses((status = 200, body = Session), (status = 401, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem)))]
#[post("/session/password")]
pub async fn change_password(
    desk: Data<Desk>,
    stream: Data<Stream>,
    permits: Data<HashingPermits>,
    who: Who,
    request: HttpRequest,
    body: Body<PasswordChange>,
) -> Answer {
    let account = own(&who)?;
    let (network, token) = (network(&request), token(&request)?);
    let PasswordChange { current, totp, new } = body.value;
    let session = permits.ask(&desk, move |identity, now| {
        let signed_in = identity.change_password(&token, &current, totp.as_deref(), &new, &network, now)?;
        opened(identity, signed_in)
    });
    let response = answered(session.await?);
    stream.hub.recheck(account);
    Ok(response)
}

/// A second factor that waits for its first code.
#[derive(Serialize, ToSchema)]
pub struct Enrolment {
    /// `otpauth://…`, for an authenticator app; shown this once.
    uri: String,
}

/// Makes a new second factor. The one in use stays until the new one has proved itself.
#[utoipa::path(tag = "session", responses((status = 200, body = Enrolment), (status = 403, body = Problem)))]
#[post("/session/totp")]
pub async fn begin_totp(desk: Data<Desk>, who: Who) -> Answer {
    let uri = ask(&desk, move |identity, _| identity.begin_totp(&who.0)).await?;
    Ok(json(StatusCode::OK, &Enrolment { uri: uri.to_string() }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OneTimeCode {
    code: String,
}

/// Puts the new second factor into use; all other sessions of the account end.
#[utoipa::path(tag = "session", request_body = OneTimeCode,
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem)))]
#[put("/session/totp")]
pub async fn confirm_totp(desk: Data<Desk>, who: Who, body: Body<OneTimeCode>) -> Answer {
    ask(&desk, move |identity, now| identity.confirm_totp(&who.0, &body.value.code, now)).await?;
    Ok(done())
}

/// The live sessions of an account, oldest first; their number is bounded, so there is one page.
#[derive(Serialize, ToSchema)]
pub struct Sessions {
    items: Vec<SessionItem>,
}

#[derive(Serialize, ToSchema)]
pub struct SessionItem {
    id: Id,
    /// Where it was opened from: an address, or a network of IPv6.
    network: String,
    opened_at: Micros,
    seen_at: Micros,
    /// The one that this request belongs to.
    current: bool,
}

impl Sessions {
    pub(super) fn of(views: Vec<session::SessionView>) -> Self {
        let item = |view: session::SessionView| SessionItem {
            id: view.id,
            network: view.network,
            opened_at: view.opened_at,
            seen_at: view.seen_at,
            current: view.current,
        };
        Self { items: views.into_iter().map(item).collect() }
    }
}

/// My sessions on all devices.
#[utoipa::path(tag = "session", responses((status = 200, body = Sessions), (status = 401, body = Problem)))]
#[get("/session/all")]
pub async fn own_sessions(desk: Data<Desk>, who: Who) -> Answer {
    let account = own(&who)?;
    let views = ask(&desk, move |identity, now| identity.sessions(&who.0, account, now)).await?;
    Ok(json(StatusCode::OK, &Sessions::of(views)))
}

/// Ends all my sessions, this one included.
#[utoipa::path(operation_id = "end_own_sessions", tag = "session",
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem)))]
#[delete("/session/all")]
pub async fn end_all(desk: Data<Desk>, stream: Data<Stream>, who: Who) -> Answer {
    let account = own(&who)?;
    ask(&desk, move |identity, now| identity.revoke_all_sessions(&who.0, account, now)).await?;
    stream.hub.recheck(account);
    Ok(forget(done()))
}

/// Ends one of my sessions.
#[utoipa::path(operation_id = "end_own_session", tag = "session", params(("session" = Id, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
#[delete("/session/all/{session}")]
pub async fn end_one(desk: Data<Desk>, stream: Data<Stream>, who: Who, session: Path<Id>) -> Answer {
    let (account, session) = (own(&who)?, *session);
    let current = who.0.session.is_some_and(|own| own.id == session);
    ask(&desk, move |identity, now| identity.revoke_session(&who.0, account, session, now)).await?;
    stream.hub.recheck(account);
    Ok(if current { forget(done()) } else { done() })
}

fn own(who: &Who) -> Result<Id, Code> {
    who.0.account.ok_or(Code::NotSignedIn)
}

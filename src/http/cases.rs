//! `/cases`: a reviewer says which lot is under review and why, before anything protected of it opens.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Query};
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::extract::{Body, Who};
use super::offload::ask;
use super::page::{Page, cut};
use super::private::{Answer, done, json};
use super::problem::Problem;
use super::stream::Stream;
use crate::base::{Code, Id, Micros};
use crate::desk::Desk;
use crate::identity::{Action, ObjectRef, may};

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(open).service(close);
}

#[derive(Serialize, ToSchema)]
pub struct Cases {
    items: Vec<CaseView>,
    /// Ask for the next page with this; `null` on the last one.
    next: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct CaseView {
    id: Id,
    lot: Id,
    reason: String,
    opened_at: Micros,
    /// `null`: still open.
    closed_at: Option<Micros>,
}

/// My cases, newest first.
#[utoipa::path(operation_id = "list_cases", tag = "cases", params(Page),
    responses((status = 200, body = Cases), (status = 401, body = Problem), (status = 403, body = Problem)))]
#[get("/cases")]
pub async fn list(desk: Data<Desk>, who: Who, page: Query<Page>) -> Answer {
    let (before, limit) = (page.after()?, page.limit()?);
    let rows = ask(&desk, move |identity, _| identity.cases(&who.0, before, limit + 1)).await?;
    let (rows, next) = cut(rows, limit, |row| row.id.to_string());
    let items = rows.into_iter().map(|row| CaseView {
        id: row.id,
        lot: row.lot,
        reason: row.reason,
        opened_at: row.opened_at,
        closed_at: row.closed_at,
    });
    Ok(json(StatusCode::OK, &Cases { items: items.collect(), next }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCase {
    lot: Id,
    /// Why, in words; kept for ever.
    reason: String,
}

#[derive(Serialize, ToSchema)]
pub struct OpenedCase {
    id: Id,
}

/// Opens a case on a lot. It counts from the next request on, and asks for a recent proof of identity.
#[utoipa::path(operation_id = "open_case", tag = "cases", request_body = NewCase,
    responses((status = 201, body = OpenedCase), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/cases")]
pub async fn open(desk: Data<Desk>, who: Who, body: Body<NewCase>) -> Answer {
    let NewCase { lot, reason } = body.value;
    may(&who.0, Action::CaseOpen, ObjectRef { lot: Some(lot), ..ObjectRef::NONE })?;
    if !desk.sequencer.read(|committed| committed.state.lots.contains_key(&lot)) {
        return Err(Code::LotUnknown.into());
    }
    let id = ask(&desk, move |identity, now| identity.open_case(&who.0, lot, &reason, now)).await?;
    Ok(json(StatusCode::CREATED, &OpenedCase { id }))
}

/// Closes my case; what it opened is closed from the next request on.
#[utoipa::path(operation_id = "close_case", tag = "cases", params(("case" = Id, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
#[post("/cases/{case}/close")]
pub async fn close(desk: Data<Desk>, stream: Data<Stream>, who: Who, case: Path<Id>) -> Answer {
    // Whether there is such a case is for reviewers to know.
    let reviewer = who.0.account.ok_or(Code::NotSignedIn)?;
    may(&who.0, Action::CaseClose, ObjectRef::account(reviewer))?;
    ask(&desk, move |identity, now| identity.close_case(&who.0, *case, now)).await?;
    stream.hub.recheck(reviewer);
    Ok(done())
}

//! Lots and projects as everyone may see them, a bidder's own participation, and signing up.

use actix_web::web::{Data, Json, Path, Query};
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::act::{Empty, Recorded, act};
use super::extract::{Body, Key, Who};
use super::lot_view::{DutyView, LotView, Mine, ProjectView, duty_view, lot_view, mine, project_view};
use super::page::Page;
use super::problem::Problem;
use crate::base::limits::PAGE_MAX_ROWS;
use crate::base::{Code, Fen, Id, Jwk, Micros};
use crate::desk::{Desk, LotFilter, LotRow};
use crate::engine::event::{Hold, SignUpWithdrawn};
use crate::engine::state::State;
use crate::engine::{Action, Subject};
use crate::identity::Action as Right;

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(list_lots)
        .service(list_own)
        .service(show_lot)
        .service(show_mine)
        .service(sign_up)
        .service(withdraw_sign_up)
        .service(show_project);
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// `A` 工程建设, `B` 土地矿业权, `C` 国有产权, `D` 政府采购.
    category: Option<String>,
    /// `ascending`, `descending` or `listing`.
    method: Option<String>,
    /// One or more phases, separated by commas.
    phase: Option<String>,
    /// Lots of this owner's organisation.
    owner: Option<Id>,
    /// Part of the place's name.
    place: Option<String>,
    /// Found in title, code, place or owner's name.
    q: Option<String>,
    /// Estimate at least, 分.
    min: Option<Fen>,
    /// Estimate at most, 分.
    max: Option<Fen>,
    /// `next` of the page before.
    after: Option<String>,
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub struct LotPage {
    items: Vec<LotSummary>,
    /// Ask for the next page with this; `null` on the last one.
    next: Option<String>,
}

/// A lot as lists show it.
#[derive(Serialize, ToSchema)]
pub struct LotSummary {
    id: String,
    project: String,
    code: String,
    category: String,
    method: String,
    phase: String,
    suspended: bool,
    /// Suspended by a supervisor's order alone: the centre cannot resume it.
    ordered: bool,
    title: String,
    owner_name: String,
    place: String,
    estimate: Option<Fen>,
    start: Option<Fen>,
    /// The leading price, or the price awarded.
    price: Option<Fen>,
    bids: i64,
    refused: i64,
    noticed_at: Option<Micros>,
    opens_at: Option<Micros>,
    /// When something is due by itself.
    next_at: Option<Micros>,
    closed_at: Option<Micros>,
    awarded_at: Option<Micros>,
    publicity_until: Option<Micros>,
    /// The step that the law now gives a time for.
    duty: Option<DutyView>,
}

impl LotSummary {
    /// What lists are searched by, and what of the state as it is now somebody has to act on.
    fn new(row: LotRow, state: &State) -> Self {
        let lot = row.lot.parse().ok().and_then(|id: Id| state.lots.get(&id));
        let by_order = |hold: &Hold| matches!(hold, Hold::Order(_));
        Self {
            ordered: lot.is_some_and(|lot| !lot.holds.is_empty() && lot.holds.iter().all(by_order)),
            publicity_until: lot.and_then(|lot| lot.publicity_until),
            duty: lot.and_then(|lot| lot.duty).map(duty_view),
            id: row.lot,
            project: row.project,
            code: row.code,
            category: row.category,
            method: row.method,
            phase: row.phase,
            suspended: row.suspended,
            title: row.title,
            owner_name: row.owner_name,
            place: row.place,
            estimate: Fen::new(row.estimate),
            start: Fen::new(row.start),
            price: row.price.and_then(Fen::new),
            bids: row.bids,
            refused: row.refused,
            noticed_at: Micros::new(row.noticed_at),
            opens_at: Micros::new(row.opens_at),
            next_at: row.next_at.and_then(Micros::new),
            closed_at: row.closed_at.and_then(Micros::new),
            awarded_at: row.awarded_at.and_then(Micros::new),
        }
    }
}

/// Lots, newest notice first, narrowed by what is asked for.
#[utoipa::path(tag = "lots", params(Search), responses((status = 200, body = LotPage), (status = 422, body = Problem)))]
#[get("/lots")]
pub async fn list_lots(desk: Data<Desk>, search: Query<Search>) -> Result<Json<LotPage>, Problem> {
    let search = search.into_inner();
    let limit = Page::of(None, search.limit).limit()?;
    let filter = LotFilter {
        category: search.category,
        method: search.method,
        phases: search.phase.map(|list| list.split(',').map(str::to_owned).collect()).unwrap_or_default(),
        owner: search.owner.map(|id| id.to_string()),
        place: search.place.filter(|place| !place.trim().is_empty()),
        text: search.q.filter(|text| !text.trim().is_empty()),
        estimate_min: search.min.map(Fen::get),
        estimate_max: search.max.map(Fen::get),
        after: search.after.as_deref().map(parse_cursor).transpose()?,
    };
    let rows = desk.find_lots(&filter, limit + 1)?;
    let next = (rows.len() > limit).then(|| rows.get(limit - 1).map(cursor)).flatten();
    let rows = rows.into_iter().take(limit);
    let items = desk.sequencer.read(|committed| rows.map(|row| LotSummary::new(row, &committed.state)).collect());
    Ok(Json(LotPage { items, next }))
}

fn cursor(row: &LotRow) -> String {
    format!("{}.{}", row.noticed_at, row.lot)
}

fn parse_cursor(text: &str) -> Result<(i64, String), Problem> {
    let wrong = || Problem::new(Code::InvalidField, "after: not a cursor of this list");
    let (at, lot) = text.split_once('.').ok_or_else(wrong)?;
    let lot: Id = lot.parse().map_err(|_| wrong())?;
    Ok((at.parse().map_err(|_| wrong())?, lot.to_string()))
}

/// One lot, as everyone may see it now.
#[utoipa::path(tag = "lots", params(("lot" = Id, Path)), responses((status = 200, body = LotView), (status = 404, body = Problem)))]
#[get("/lots/{lot}")]
pub async fn show_lot(desk: Data<Desk>, lot: Path<Id>) -> Result<Json<LotView>, Problem> {
    let now = desk.now();
    Ok(Json(desk.sequencer.read(|committed| lot_view(&committed.state, *lot, now))?))
}

/// A project and its lots.
#[utoipa::path(tag = "projects", params(("project" = Id, Path)), responses((status = 200, body = ProjectView), (status = 404, body = Problem)))]
#[get("/projects/{project}")]
pub async fn show_project(desk: Data<Desk>, project: Path<Id>) -> Result<Json<ProjectView>, Problem> {
    let found = desk.sequencer.read(|c| c.state.projects.get(&*project).map(|known| project_view(*project, known)));
    Ok(Json(found.ok_or(Code::ProjectUnknown)?))
}

/// The viewer's own participation in a lot: deposit, number, key. `not_found` for whoever has none, so that nobody
/// learns who has.
#[utoipa::path(tag = "lots", params(("lot" = Id, Path)), responses((status = 200, body = Mine), (status = 404, body = Problem)))]
#[get("/lots/{lot}/mine")]
pub async fn show_mine(desk: Data<Desk>, who: Who, lot: Path<Id>) -> Result<Json<Mine>, Problem> {
    let account = who.0.account.ok_or(Code::NotSignedIn)?;
    let found = desk.sequencer.read(|c| c.state.lots.get(&*lot).and_then(|lot| lot.applicants.get(&account).map(mine)));
    Ok(Json(found.ok_or(Code::NotFound)?))
}

#[derive(Serialize, ToSchema)]
pub struct OwnLots {
    items: Vec<OwnLot>,
}

#[derive(Serialize, ToSchema)]
pub struct OwnLot {
    lot: LotView,
    mine: Mine,
}

/// The lots that the viewer takes part in.
#[utoipa::path(tag = "lots", responses((status = 200, body = OwnLots), (status = 401, body = Problem)))]
#[get("/me/lots")]
pub async fn list_own(desk: Data<Desk>, who: Who) -> Result<Json<OwnLots>, Problem> {
    let account = who.0.account.ok_or(Code::NotSignedIn)?;
    let now = desk.now();
    let items = desk.sequencer.read(|committed| {
        let lots = committed.state.lots.values().rev();
        let own = lots.filter_map(|lot| Some((lot.id, lot.applicants.get(&account)?)));
        own.take(PAGE_MAX_ROWS)
            .filter_map(|(id, applicant)| {
                Some(OwnLot { lot: lot_view(&committed.state, id, now).ok()?, mine: mine(applicant) })
            })
            .collect()
    });
    Ok(Json(OwnLots { items }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSignUp {
    /// A fresh key, for this lot alone.
    key: Jwk,
    /// The identity key vouches for it: JWS of type `mj-lot-key+jws` (ledger format §5).
    binding: String,
}

/// Signs the viewer's company up for a lot. The deposit's reference is in `/lots/{lot}/mine`.
#[utoipa::path(operation_id = "sign_up_for_lot", tag = "lots", params(("lot" = Id, Path)), request_body = NewSignUp,
    responses((status = 200, body = Recorded), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/lots/{lot}/sign-ups")]
pub async fn sign_up(
    desk: Data<Desk>,
    who: Who,
    key: Key,
    lot: Path<Id>,
    body: Body<NewSignUp>,
) -> Result<Json<Recorded>, Problem> {
    let (right, subject, action) = desk.sign_up(&who.0, *lot, body.value.key, body.value.binding)?;
    act(&desk, who, key, body.digest, right, subject, action).await
}

/// Takes the sign-up back, until the opening; the deposit then goes back at once.
#[utoipa::path(tag = "lots", params(("lot" = Id, Path)), request_body = Empty,
    responses((status = 200, body = Recorded), (status = 409, body = Problem)))]
#[post("/lots/{lot}/withdrawal")]
pub async fn withdraw_sign_up(
    desk: Data<Desk>,
    who: Who,
    key: Key,
    lot: Path<Id>,
    body: Body<Empty>,
) -> Result<Json<Recorded>, Problem> {
    let account = who.0.account.ok_or(Code::NotSignedIn)?;
    let action = Action::WithdrawSignUp(SignUpWithdrawn { account });
    act(&desk, who, key, body.digest, Right::SignUp, Subject::Lot(*lot), action).await
}

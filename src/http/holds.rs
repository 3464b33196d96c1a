//! Legal holds on footage: `/holds`, `/cameras/{camera}/holds`.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::extract::{Body, Who};
use super::footage::{Why, internal, time};
use super::offload::at_desk;
use super::private::{Answer, json};
use super::problem::Problem;
use crate::base::{Id, Micros};
use crate::desk::{Desk, HoldWish};
use crate::engine::Refusal;
use crate::store::platform::footage::HoldRow;

pub fn routes(config: &mut ServiceConfig) {
    config.service(list).service(place).service(lift);
}

#[derive(Serialize, ToSchema)]
pub struct HoldList {
    items: Vec<HoldView>,
}

#[derive(Serialize, ToSchema)]
pub struct HoldView {
    id: Id,
    camera: Id,
    from: Micros,
    to: Micros,
}

fn view(row: &HoldRow) -> Result<HoldView, Refusal> {
    Ok(HoldView {
        id: row.id.parse().map_err(internal)?,
        camera: row.camera.parse().map_err(internal)?,
        from: time(row.starts_at)?,
        to: time(row.ends_at)?,
    })
}

/// Holds that stand, newest first.
#[utoipa::path(operation_id = "list_holds", tag = "evidence",
    responses((status = 200, body = HoldList), (status = 401, body = Problem), (status = 403, body = Problem)))]
#[get("/holds")]
pub async fn list(desk: Data<Desk>, who: Who) -> Answer {
    let rows = at_desk(&desk, move |desk| Ok(desk.holds(&who.0)?)).await?;
    let items = rows.iter().map(view).collect::<Result<_, _>>()?;
    Ok(json(StatusCode::OK, &HoldList { items }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHold {
    from: Micros,
    to: Micros,
    /// Why, in words; kept for ever.
    reason: String,
}

#[derive(Serialize, ToSchema)]
pub struct PlacedHold {
    id: Id,
    /// The entry that says so.
    seq: u64,
}

/// Keeps footage of a camera until the hold is lifted, however old it gets.
#[utoipa::path(operation_id = "place_hold", tag = "evidence", params(("camera" = Id, Path)), request_body = NewHold,
    responses((status = 201, body = PlacedHold), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
#[post("/cameras/{camera}/holds")]
pub async fn place(desk: Data<Desk>, who: Who, camera: Path<Id>, body: Body<NewHold>) -> Answer {
    let NewHold { from, to, reason } = body.value;
    let wish = HoldWish { camera: *camera, from, to, reason };
    let (id, outcome) = at_desk(&desk, move |desk| desk.place_hold(&who.0, &wish)).await?;
    Ok(json(StatusCode::CREATED, &PlacedHold { id, seq: outcome.first }))
}

#[derive(Serialize, ToSchema)]
pub struct LiftedHold {
    /// The entry that says so.
    seq: u64,
}

/// Lifts a hold: from now on its footage goes when its time is over.
#[utoipa::path(operation_id = "lift_hold", tag = "evidence", params(("hold" = Id, Path)), request_body = Why,
    responses((status = 200, body = LiftedHold), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/holds/{hold}/lift")]
pub async fn lift(desk: Data<Desk>, who: Who, hold: Path<Id>, body: Body<Why>) -> Answer {
    let outcome = at_desk(&desk, move |desk| desk.lift_hold(&who.0, *hold, &body.value.reason)).await?;
    Ok(json(StatusCode::OK, &LiftedHold { seq: outcome.first }))
}

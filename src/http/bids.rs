//! Bids and confirmations. The body is the signed statement; nothing else is asked for.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::Body;
use super::problem::Problem;
use crate::base::{Id, Micros};
use crate::desk::{BidAnswer, Desk};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// JWS in compact form, signed with the lot key (ledger format §5).
    statement: String,
}

/// The bid is in the ledger and accepted.
#[derive(Serialize, ToSchema)]
pub struct Accepted {
    /// Its entry.
    seq: u64,
    /// When the whole request had arrived, on the platform's clock: this decides what came before a deadline.
    time: Micros,
    /// Where the receipt is: the proof that the entry is in the tree.
    receipt: String,
    /// The same statement was answered before; this is that answer.
    replayed: bool,
}

/// Places a bid. Answers when the bid is durable, never earlier.
///
/// A bid that breaks a rule of the auction is recorded and answered with a problem that carries `seq` and the rule as
/// its `code`. The same statement again gets the same answer and no second entry.
#[utoipa::path(operation_id = "place_bid", tag = "bids", params(("lot" = Id, Path)), request_body = Signed,
    responses((status = 201, body = Accepted), (status = 200, body = Accepted, description = "answered before"),
        (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem)))]
#[post("/lots/{lot}/bids")]
pub async fn place(desk: Data<Desk>, lot: Path<Id>, body: Body<Signed>) -> Result<HttpResponse, Problem> {
    // The whole request is here: stamp and place in the queue are taken before anything is checked.
    let slot = desk.sequencer.reserve()?;
    let answer = desk.place_bid(slot, *lot, &body.value.statement).await?;
    answered(&desk, answer)
}

/// 挂牌: confirms that a number which quoted enters the timed auction.
#[utoipa::path(operation_id = "confirm_entry", tag = "bids", params(("lot" = Id, Path)), request_body = Signed,
    responses((status = 201, body = Accepted), (status = 200, body = Accepted, description = "answered before"),
        (status = 409, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem)))]
#[post("/lots/{lot}/confirmations")]
pub async fn confirm(desk: Data<Desk>, lot: Path<Id>, body: Body<Signed>) -> Result<HttpResponse, Problem> {
    let slot = desk.sequencer.reserve()?;
    let answer = desk.confirm_entry(slot, *lot, &body.value.statement).await?;
    answered(&desk, answer)
}

fn answered(desk: &Desk, answer: BidAnswer) -> Result<HttpResponse, Problem> {
    if let Some(rule) = answer.rule {
        return Err(Problem::from(rule).recorded(answer.seq, answer.at));
    }
    let accepted = Accepted {
        seq: answer.seq,
        time: answer.at,
        receipt: format!("/ledger/{}/proof/{}", desk.ledger_name, answer.seq),
        replayed: answer.replayed,
    };
    let status = if answer.replayed { StatusCode::OK } else { StatusCode::CREATED };
    Ok(HttpResponse::build(status).json(Json(accepted).into_inner()))
}

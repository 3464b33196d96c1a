//! Between supervisors and the centre: questions with a due time, orders to pause, and what became of them.

use actix_web::web::{Data, Json, Path, Query};
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::act::{Reason, Recorded, act};
use super::extract::{Body, Key, Who};
use super::problem::Problem;
use crate::base::{Code, Id, Micros};
use crate::desk::Desk;
use crate::engine::event::{PauseOrdered, QuestionRaised};
use crate::engine::state::Question;
use crate::engine::{Action, Audience, Subject};
use crate::identity::{Action as Right, may_read};

type Answer = Result<Json<Recorded>, Problem>;

pub fn routes(config: &mut ServiceConfig) {
    config.service(questions).service(raise).service(answer).service(order_pause).service(lift_pause);
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewQuestion {
    /// The client's own ULID.
    id: Id,
    /// The ledger entry that it is about, if one.
    entry: Option<u64>,
    text: String,
    /// Until when the centre must answer.
    due: Micros,
    /// Whether the public may read question and answer.
    #[serde(default)]
    open: bool,
}

/// A supervisor, or a reviewer with a case, asks the centre.
#[utoipa::path(operation_id = "raise_question", tag = "feedback", params(("lot" = Id, Path)), request_body = NewQuestion,
    responses((status = 200, body = Recorded), (status = 422, body = Problem)))]
#[post("/lots/{lot}/questions")]
pub async fn raise(desk: Data<Desk>, who: Who, key: Key, lot: Path<Id>, body: Body<NewQuestion>) -> Answer {
    let NewQuestion { id, entry, text, due, open } = body.value;
    let action = Action::Question(QuestionRaised { question: id, entry, text, due, open });
    act(&desk, who, key, body.digest, Right::QuestionRaise, Subject::Lot(*lot), action).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAnswer {
    text: String,
}

/// The centre answers a question or an order. An answer after the due time is recorded as late.
#[utoipa::path(operation_id = "answer_question", tag = "feedback", params(("question" = Id, Path)), request_body = NewAnswer,
    responses((status = 200, body = Recorded), (status = 409, body = Problem)))]
#[post("/questions/{question}/answer")]
pub async fn answer(desk: Data<Desk>, who: Who, key: Key, question: Path<Id>, body: Body<NewAnswer>) -> Answer {
    let lot = lot_of(&desk, *question)?;
    let action = Action::Answer { question: *question, text: body.value.text };
    act(&desk, who, key, body.digest, Right::QuestionAnswer, Subject::Lot(lot), action).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPause {
    /// The client's own ULID.
    id: Id,
    entry: Option<u64>,
    reason: String,
    /// Until when the centre must answer.
    due: Micros,
    #[serde(default)]
    open: bool,
}

/// Orders a pause: the lot's clock stands still with the entry that records the order.
#[utoipa::path(tag = "feedback", params(("lot" = Id, Path)), request_body = NewPause,
    responses((status = 200, body = Recorded), (status = 422, body = Problem)))]
#[post("/lots/{lot}/pauses")]
pub async fn order_pause(desk: Data<Desk>, who: Who, key: Key, lot: Path<Id>, body: Body<NewPause>) -> Answer {
    let NewPause { id, entry, reason, due, open } = body.value;
    let action = Action::OrderPause(PauseOrdered { order: id, entry, reason, due, open });
    act(&desk, who, key, body.digest, Right::OrderPause, Subject::Lot(*lot), action).await
}

/// Lifts an ordered pause; the lot goes on with equal time credit unless another hold stands.
#[utoipa::path(tag = "feedback", params(("order" = Id, Path)), request_body = Reason,
    responses((status = 200, body = Recorded), (status = 404, body = Problem)))]
#[post("/pauses/{order}/lift")]
pub async fn lift_pause(desk: Data<Desk>, who: Who, key: Key, order: Path<Id>, body: Body<Reason>) -> Answer {
    let lot = lot_of(&desk, *order)?;
    let action = Action::LiftPause { order: *order, reason: body.value.reason };
    act(&desk, who, key, body.digest, Right::OrderLift, Subject::Lot(lot), action).await
}

fn lot_of(desk: &Desk, question: Id) -> Result<Id, Problem> {
    let lot = desk.sequencer.read(|committed| committed.state.questions.get(&question).map(|q| q.lot));
    lot.ok_or_else(|| Code::QuestionUnknown.into())
}

#[derive(Serialize, ToSchema)]
pub struct Questions {
    items: Vec<QuestionView>,
}

#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, as they stand in the ledger")]
pub struct QuestionView {
    id: Id,
    lot: Id,
    due: Micros,
    open: bool,
    /// An order to pause, not a mere question.
    is_order: bool,
    lifted: bool,
    answered: bool,
    overdue: bool,
}

#[derive(Deserialize, IntoParams)]
pub struct Which {
    /// Only those about this lot.
    lot: Option<Id>,
    /// Only those that wait for an answer.
    #[serde(default)]
    pending: bool,
}

/// Questions and orders that the viewer may read. The words stand in the lot's entries.
#[utoipa::path(tag = "feedback", params(Which), responses((status = 200, body = Questions)))]
#[get("/questions")]
pub async fn questions(desk: Data<Desk>, who: Who, which: Query<Which>) -> Json<Questions> {
    let reads_office = may_read(&who.0, &Audience::Office);
    let wanted = |question: &Question| {
        (question.open || reads_office)
            && which.lot.is_none_or(|lot| lot == question.lot)
            && (!which.pending || !question.answered)
    };
    let items = desk.sequencer.read(|committed| {
        let questions = committed.state.questions.iter().filter(|(_, question)| wanted(question));
        questions.map(|(id, question)| view(*id, question)).collect()
    });
    Json(Questions { items })
}

fn view(id: Id, question: &Question) -> QuestionView {
    QuestionView {
        id,
        lot: question.lot,
        due: question.due,
        open: question.open,
        is_order: question.is_order,
        lifted: question.lifted,
        answered: question.answered,
        overdue: question.overdue,
    }
}

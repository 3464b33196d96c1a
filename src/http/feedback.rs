//! Between supervisors and the centre: questions with a due time, orders to pause, and what became of them.

use actix_web::web::{Data, Json, Path, Query};
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::act::{Reason, Recorded, act};
use super::extract::{Body, Key, Who};
use super::offload::run;
use super::page::{Page, cut, newest_first};
use super::problem::Problem;
use crate::base::{Code, Id, Micros};
use crate::desk::Desk;
use crate::engine::event::{NoteAttached, PauseOrdered, QuestionRaised};
use crate::engine::state::Question;
use crate::engine::{Action, Audience, Subject};
use crate::identity::{Action as Right, ObjectRef, may, may_read};
use crate::ledger::Payload;

type Answer = Result<Json<Recorded>, Problem>;

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(questions)
        .service(raise)
        .service(answer)
        .service(order_pause)
        .service(lift_pause)
        .service(attach_note);
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

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNote {
    /// The ledger entry that it is about: one of this lot, which its author may read.
    entry: u64,
    text: String,
    /// Whether the public may read it.
    #[serde(default)]
    open: bool,
}

/// A supervisor, or a reviewer with a case, attaches a note to an entry. It is an entry of its own and asks for nothing.
#[utoipa::path(operation_id = "attach_note", tag = "feedback", params(("lot" = Id, Path)), request_body = NewNote,
    responses((status = 200, body = Recorded), (status = 404, body = Problem), (status = 422, body = Problem)))]
#[post("/lots/{lot}/notes")]
pub async fn attach_note(desk: Data<Desk>, who: Who, key: Key, lot: Path<Id>, body: Body<NewNote>) -> Answer {
    let lot = *lot;
    may(&who.0, Right::NoteAttach, ObjectRef { lot: Some(lot), ..ObjectRef::NONE })?;
    let NewNote { entry, text, open } = body.value;
    // Only of what the author may read: otherwise a note would tell which lot a hidden entry is about.
    let (reading, viewer) = (desk.clone(), who.0.clone());
    let payload = run(move || reading.payload(&viewer, entry)).await?;
    // Records about a lot count too: a clip is what a note is most often about.
    let subject = Subject::Lot(lot).to_string();
    if !Payload::parse(&payload).is_ok_and(|payload| payload.subject == subject) {
        return Err(Problem::new(Code::NotFound, "entry"));
    }
    let action = Action::Note(NoteAttached { entry, text, open });
    act(&desk, who, key, body.digest, Right::NoteAttach, Subject::Lot(lot), action).await
}

fn lot_of(desk: &Desk, question: Id) -> Result<Id, Problem> {
    let lot = desk.sequencer.read(|committed| committed.state.questions.get(&question).map(|q| q.lot));
    lot.ok_or_else(|| Code::QuestionUnknown.into())
}

#[derive(Serialize, ToSchema)]
pub struct Questions {
    items: Vec<QuestionView>,
    /// Ask for the next page with this; `null` on the last one.
    next: Option<String>,
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
    /// Only those that wait for an answer, and orders that are not lifted.
    #[serde(default)]
    pending: bool,
    /// `next` of the page before.
    after: Option<String>,
    /// Rows of the page: 50 unless told, at most 200.
    limit: Option<usize>,
}

/// Questions and orders that the viewer may read, newest first. The words stand in the lot's entries.
#[utoipa::path(tag = "feedback", params(Which),
    responses((status = 200, body = Questions), (status = 422, body = Problem)))]
#[get("/questions")]
pub async fn questions(desk: Data<Desk>, who: Who, which: Query<Which>) -> Result<Json<Questions>, Problem> {
    let Which { lot: about, pending, after, limit } = which.into_inner();
    let page = Page::of(after, limit);
    let (before, limit) = (page.after::<Id>()?, page.limit()?);
    let reads_office = may_read(&who.0, &Audience::Office);
    let wanted = |question: &Question| {
        (question.open || reads_office)
            && about.is_none_or(|lot| lot == question.lot)
            && (!pending || !question.answered || (question.is_order && !question.lifted))
    };
    let rows = desk.sequencer.read(|committed| {
        let questions = newest_first(&committed.state.questions, before).filter(|(_, question)| wanted(question));
        questions.take(limit + 1).map(|(id, question)| view(*id, question)).collect()
    });
    let (items, next) = cut(rows, limit, |row: &QuestionView| row.id.to_string());
    Ok(Json(Questions { items, next }))
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

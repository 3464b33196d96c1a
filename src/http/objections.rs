//! Objections of bidders, the answers to them, and the complaints that may follow.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path, Query};
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::act::{Recorded, act};
use super::extract::{Body, Key, Who};
use super::page::{Page, cut, newest_first};
use super::private;
use super::problem::Problem;
use crate::base::{Code, Id, Micros};
use crate::desk::Desk;
use crate::engine::command::{ComplaintAdmission, ComplaintDecision, ObjectionAnswer};
use crate::engine::event::{ComplaintFiled, Ground as Matter, ObjectionFiled};
use crate::engine::state::Objection;
use crate::engine::{Action, Subject, of_objection};
use crate::identity::{Action as Right, may_read};

type Answer = Result<Json<Recorded>, Problem>;

pub fn routes(config: &mut ServiceConfig) {
    config.service(objections).service(file_objection).service(answer_objection);
    config.service(file_complaint).service(admit_complaint).service(decide_complaint);
}

/// What an objection is about.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Ground {
    /// The notice and its documents.
    Rules,
    /// The opening and the running of the auction.
    Opening,
    /// The result.
    Result,
}

impl From<Ground> for Matter {
    fn from(ground: Ground) -> Self {
        match ground {
            Ground::Rules => Self::Rules,
            Ground::Opening => Self::Opening,
            Ground::Result => Self::Result,
        }
    }
}

impl From<Matter> for Ground {
    fn from(ground: Matter) -> Self {
        match ground {
            Matter::Rules => Self::Rules,
            Matter::Opening => Self::Opening,
            Matter::Result => Self::Result,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewObjection {
    /// The client's own ULID.
    id: Id,
    ground: Ground,
    /// Everyone who may read it reads it without a name: it should name nobody.
    text: String,
    /// Whether the public may read objection and answer.
    #[serde(default)]
    open: bool,
}

/// A company objects. Where the law asks for it the lot stands still until the answer.
#[utoipa::path(tag = "objections", params(("lot" = Id, Path)), request_body = NewObjection,
    responses((status = 200, body = Recorded), (status = 409, body = Problem)))]
#[post("/lots/{lot}/objections")]
pub async fn file_objection(desk: Data<Desk>, who: Who, key: Key, lot: Path<Id>, body: Body<NewObjection>) -> Answer {
    let account = who.0.account.ok_or(Code::NotSignedIn)?;
    let NewObjection { id, ground, text, open } = body.value;
    let action = Action::Object(ObjectionFiled { objection: id, account, ground: ground.into(), text, open });
    act(&desk, who, key, body.digest, Right::ObjectionFile, Subject::Lot(*lot), action).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewObjectionAnswer {
    text: String,
    /// Whether the objection is right. Then the lot stays suspended by the centre until it is mended.
    upheld: bool,
}

/// Owner or centre answers. An answer after the due time is recorded as late.
#[utoipa::path(tag = "objections", params(("objection" = Id, Path)), request_body = NewObjectionAnswer,
    responses((status = 200, body = Recorded), (status = 409, body = Problem)))]
#[post("/objections/{objection}/answer")]
pub async fn answer_objection(
    desk: Data<Desk>,
    who: Who,
    key: Key,
    objection: Path<Id>,
    body: Body<NewObjectionAnswer>,
) -> Answer {
    let lot = lot_of(&desk, *objection)?;
    let NewObjectionAnswer { text, upheld } = body.value;
    let action = Action::AnswerObjection(ObjectionAnswer { objection: *objection, text, upheld });
    act(&desk, who, key, body.digest, Right::ObjectionAnswer, Subject::Lot(lot), action).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewComplaint {
    text: String,
    #[serde(default)]
    open: bool,
}

/// The company that objected complains to the supervisor: after the answer, or after the time for it.
#[utoipa::path(tag = "objections", params(("objection" = Id, Path)), request_body = NewComplaint,
    responses((status = 200, body = Recorded), (status = 409, body = Problem)))]
#[post("/objections/{objection}/complaint")]
pub async fn file_complaint(
    desk: Data<Desk>,
    who: Who,
    key: Key,
    objection: Path<Id>,
    body: Body<NewComplaint>,
) -> Answer {
    let account = who.0.account.ok_or(Code::NotSignedIn)?;
    let lot = lot_of(&desk, *objection)?;
    let NewComplaint { text, open } = body.value;
    let action = Action::Complain(ComplaintFiled { objection: *objection, account, text, open });
    act(&desk, who, key, body.digest, Right::ComplaintFile, Subject::Lot(lot), action).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAdmission {
    admitted: bool,
    reason: String,
    /// Whether the lot stands still until the decision.
    #[serde(default)]
    suspend: bool,
}

/// The supervisor takes a complaint up, or says why not.
#[utoipa::path(tag = "objections", params(("objection" = Id, Path)), request_body = NewAdmission,
    responses((status = 200, body = Recorded), (status = 409, body = Problem)))]
#[post("/objections/{objection}/complaint/admission")]
pub async fn admit_complaint(
    desk: Data<Desk>,
    who: Who,
    key: Key,
    objection: Path<Id>,
    body: Body<NewAdmission>,
) -> Answer {
    let lot = lot_of(&desk, *objection)?;
    let NewAdmission { admitted, reason, suspend } = body.value;
    let ask = ComplaintAdmission { objection: *objection, admitted, reason, suspend };
    act(&desk, who, key, body.digest, Right::ComplaintDecide, Subject::Lot(lot), Action::AdmitComplaint(ask)).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDecision {
    upheld: bool,
    text: String,
}

/// The supervisor decides a complaint that was taken up.
#[utoipa::path(tag = "objections", params(("objection" = Id, Path)), request_body = NewDecision,
    responses((status = 200, body = Recorded), (status = 409, body = Problem)))]
#[post("/objections/{objection}/complaint/decision")]
pub async fn decide_complaint(
    desk: Data<Desk>,
    who: Who,
    key: Key,
    objection: Path<Id>,
    body: Body<NewDecision>,
) -> Answer {
    let lot = lot_of(&desk, *objection)?;
    let NewDecision { upheld, text } = body.value;
    let ask = ComplaintDecision { objection: *objection, upheld, text };
    act(&desk, who, key, body.digest, Right::ComplaintDecide, Subject::Lot(lot), Action::DecideComplaint(ask)).await
}

fn lot_of(desk: &Desk, objection: Id) -> Result<Id, Problem> {
    let lot = desk.sequencer.read(|committed| committed.state.objections.get(&objection).map(|o| o.lot));
    lot.ok_or_else(|| Code::ObjectionUnknown.into())
}

#[derive(Serialize, ToSchema)]
pub struct Objections {
    items: Vec<ObjectionView>,
    /// Ask for the next page with this; `null` on the last one.
    next: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ObjectionView {
    id: Id,
    lot: Id,
    ground: Ground,
    /// By when it must be answered.
    due: Micros,
    open: bool,
    /// Whether the viewer raised it.
    own: bool,
    answered_at: Option<Micros>,
    overdue: bool,
    complaint: Option<ComplaintView>,
}

#[derive(Serialize, ToSchema)]
pub struct ComplaintView {
    /// By when the supervisor must take it up or not, and then decide it.
    due: Micros,
    admitted: Option<bool>,
    decided: bool,
    overdue: bool,
    /// When its standstill ends by law.
    hold_until: Option<Micros>,
}

#[derive(Deserialize, IntoParams)]
pub struct Which {
    /// Only those about this lot.
    lot: Option<Id>,
    /// Only those that wait for an answer or a decision.
    #[serde(default)]
    pending: bool,
    /// `next` of the page before.
    after: Option<String>,
    /// Rows of the page: 50 unless told, at most 200.
    limit: Option<usize>,
}

/// Objections that the viewer may read, newest first: one's own, those in the open, for an owner those about its lots, and
/// for the offices all. The words stand in the lot's entries.
#[utoipa::path(tag = "objections", params(Which),
    responses((status = 200, body = Objections), (status = 422, body = Problem)))]
#[get("/objections")]
pub async fn objections(desk: Data<Desk>, who: Who, which: Query<Which>) -> private::Answer {
    let Which { lot: about, pending, after, limit } = which.into_inner();
    let page = Page::of(after, limit);
    let (before, limit) = (page.after::<Id>()?, page.limit()?);
    let rows = desk.sequencer.read(|committed| {
        let state = &committed.state;
        let rows = newest_first(&state.objections, before).filter_map(|(id, objection)| {
            let own = who.0.account.is_some() && state.objectors.get(id).copied() == who.0.account;
            let among = of_objection(state, state.lots.get(&objection.lot), *id);
            let reads = may_read(&who.0, &among);
            let readable = reads || objection.open;
            let here = about.is_none_or(|lot| lot == objection.lot);
            let wanted = !pending || objection.waits();
            (readable && here && wanted).then(|| view(*id, objection, own, reads))
        });
        rows.take(limit + 1).collect()
    });
    let (items, next) = cut(rows, limit, |row: &ObjectionView| row.id.to_string());
    Ok(private::json(StatusCode::OK, &Objections { items, next }))
}

fn view(id: Id, objection: &Objection, own: bool, reads: bool) -> ObjectionView {
    let complaint = objection.complaint.as_ref().filter(|complaint| reads || complaint.open);
    ObjectionView {
        id,
        lot: objection.lot,
        ground: objection.ground.into(),
        due: objection.due,
        open: objection.open,
        own,
        answered_at: objection.answered_at,
        overdue: objection.overdue,
        complaint: complaint.map(|complaint| ComplaintView {
            due: complaint.due,
            admitted: complaint.admitted,
            decided: complaint.decided,
            overdue: complaint.overdue,
            hold_until: complaint.hold_until,
        }),
    }
}

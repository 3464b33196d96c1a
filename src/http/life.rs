//! A lot's life, asked for by those who run it: project, notice, deposits, suspension, publicity, award, contract.
//! Each route is a right of the table and an action of the engine.

use actix_web::web::{Data, Json, Path};
use actix_web::{get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::act::{Empty, Reason, Recorded, act};
use super::extract::{Body, Key, Who};
use super::problem::Problem;
use crate::base::{Fen, Hash, Id, Micros};
use crate::desk::Desk;
use crate::engine::calendar::Bound;
use crate::engine::event::{
    Contracted, DepositConfirmed, DepositForfeited, DepositReturned, Noticed, ProjectRegistered, PublicityStarted,
    ReserveDisclosed,
};
use crate::engine::rules::{Category, Document, Rules};
use crate::engine::{Action, Subject};
use crate::identity::Action as Right;

type Answer = Result<Json<Recorded>, Problem>;

pub fn routes(config: &mut ServiceConfig) {
    config
        .service(legal_bounds)
        .service(register_project)
        .service(notice)
        .service(confirm_deposit)
        .service(return_deposit)
        .service(forfeit_deposit)
        .service(suspend)
        .service(resume)
        .service(terminate)
        .service(fail)
        .service(disclose_reserve)
        .service(publicity)
        .service(award)
        .service(contract)
        .service(archive);
}

/// A bound of the law and where it is written.
#[derive(Serialize, ToSchema)]
pub struct LegalBound {
    value: u32,
    source: &'static str,
}

impl From<Bound> for LegalBound {
    fn from(Bound { value, source }: Bound) -> Self {
        Self { value, source }
    }
}

/// What a notice of this category must keep to.
#[derive(Serialize, ToSchema)]
pub struct LegalBounds {
    category: Category,
    /// Least calendar days from the notice to the opening.
    notice_days_min: LegalBound,
    /// Least calendar days for which the result is public.
    publicity_days_min: LegalBound,
    /// Highest deposit, in hundredths of the estimate.
    deposit_percent_max: LegalBound,
    /// Fewest admitted bidders with whom anything is opened.
    bidders_min: LegalBound,
}

/// The legal bounds by category, as the rules apply them now; each names its article.
#[utoipa::path(tag = "projects", responses((status = 200, body = [LegalBounds])))]
#[get("/legal-bounds")]
pub async fn legal_bounds(desk: Data<Desk>) -> Json<Vec<LegalBounds>> {
    let periods = desk.sequencer.read(|committed| committed.state.settings.periods);
    let bounds = |category: Category| LegalBounds {
        category,
        notice_days_min: periods.notice_days_min(category).into(),
        publicity_days_min: periods.publicity_days_min(category).into(),
        deposit_percent_max: periods.deposit_percent_max(category).into(),
        bidders_min: periods.bidders_min(category).into(),
    };
    Json(Category::ALL.map(bounds).into())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProject {
    /// The client's own ULID: the same project sent twice is one project.
    id: Id,
    /// The unified project code with its check character.
    code: String,
    category: Category,
    title: String,
    /// The owner's organisation; an owner can only name its own.
    owner: Id,
    place: String,
}

/// Registers a project under its unified code.
#[utoipa::path(tag = "projects", request_body = NewProject, responses((status = 200, body = Recorded), (status = 422, body = Problem)))]
#[post("/projects")]
pub async fn register_project(desk: Data<Desk>, who: Who, key: Key, body: Body<NewProject>) -> Answer {
    let new = body.value;
    let owner_name = desk.identity.organisation(new.owner)?.name;
    let fact = ProjectRegistered {
        code: new.code,
        category: new.category,
        title: new.title,
        owner: new.owner,
        owner_name,
        place: new.place,
    };
    let subject = Subject::Project(new.id);
    act(&desk, who, key, body.digest, Right::ProjectCreate, subject, Action::RegisterProject(fact)).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLot {
    /// The client's own ULID; a hidden reserve's commitment is bound to it.
    id: Id,
    title: String,
    /// The estimated price; legal shares are counted from it.
    estimate: Fen,
    rules: Rules,
    #[serde(default)]
    documents: Vec<Document>,
}

/// Publishes the notice of a lot: its rules are fixed from here on. Legal minimum periods are checked and named.
#[utoipa::path(operation_id = "publish_notice", tag = "projects", params(("project" = Id, Path)), request_body = NewLot,
    responses((status = 200, body = Recorded), (status = 422, body = Problem)))]
#[post("/projects/{project}/lots")]
pub async fn notice(desk: Data<Desk>, who: Who, key: Key, project: Path<Id>, body: Body<NewLot>) -> Answer {
    let new = body.value;
    let fact = Noticed {
        project: *project,
        title: new.title,
        estimate: new.estimate,
        rules: new.rules,
        documents: new.documents,
    };
    let subject = Subject::Lot(new.id);
    act(&desk, who, key, body.digest, Right::NoticePublish, subject, Action::Notice(Box::new(fact))).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Payment {
    /// What the payment names; it does not tell who pays.
    reference: String,
    amount: Fen,
}

/// Confirms that a deposit is there; the bidder gets its number by lot.
#[utoipa::path(tag = "deposits", params(("lot" = Id, Path)), request_body = Payment,
    responses((status = 200, body = Recorded), (status = 409, body = Problem)))]
#[post("/lots/{lot}/deposits/confirm")]
pub async fn confirm_deposit(desk: Data<Desk>, who: Who, key: Key, lot: Path<Id>, body: Body<Payment>) -> Answer {
    let Payment { reference, amount } = body.value;
    let action = Action::ConfirmDeposit(DepositConfirmed { reference, amount, random: desk.draw() });
    act(&desk, who, key, body.digest, Right::DepositConfirm, Subject::Lot(*lot), action).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    reference: String,
    reason: String,
}

/// Records that a deposit went back to its bidder.
#[utoipa::path(tag = "deposits", params(("lot" = Id, Path)), request_body = Settlement,
    responses((status = 200, body = Recorded), (status = 409, body = Problem)))]
#[post("/lots/{lot}/deposits/return")]
pub async fn return_deposit(desk: Data<Desk>, who: Who, key: Key, lot: Path<Id>, body: Body<Settlement>) -> Answer {
    let Settlement { reference, reason } = body.value;
    let action = Action::ReturnDeposit(DepositReturned { reference, reason });
    act(&desk, who, key, body.digest, Right::DepositReturn, Subject::Lot(*lot), action).await
}

/// Records that a deposit is kept, and why.
#[utoipa::path(tag = "deposits", params(("lot" = Id, Path)), request_body = Settlement,
    responses((status = 200, body = Recorded), (status = 409, body = Problem)))]
#[post("/lots/{lot}/deposits/forfeit")]
pub async fn forfeit_deposit(desk: Data<Desk>, who: Who, key: Key, lot: Path<Id>, body: Body<Settlement>) -> Answer {
    let Settlement { reference, reason } = body.value;
    let action = Action::ForfeitDeposit(DepositForfeited { reference, reason });
    act(&desk, who, key, body.digest, Right::DepositForfeit, Subject::Lot(*lot), action).await
}

/// Stops the lot's clock.
#[utoipa::path(operation_id = "suspend_lot", tag = "lots", params(("lot" = Id, Path)), request_body = Reason,
    responses((status = 200, body = Recorded), (status = 409, body = Problem)))]
#[post("/lots/{lot}/suspend")]
pub async fn suspend(desk: Data<Desk>, who: Who, key: Key, lot: Path<Id>, body: Body<Reason>) -> Answer {
    let action = Action::Suspend { reason: body.value.reason };
    act(&desk, who, key, body.digest, Right::LotSuspend, Subject::Lot(*lot), action).await
}

/// Lets the lot's clock run again, with equal time credit.
#[utoipa::path(operation_id = "resume_lot", tag = "lots", params(("lot" = Id, Path)), request_body = Reason,
    responses((status = 200, body = Recorded), (status = 409, body = Problem)))]
#[post("/lots/{lot}/resume")]
pub async fn resume(desk: Data<Desk>, who: Who, key: Key, lot: Path<Id>, body: Body<Reason>) -> Answer {
    let action = Action::Resume { reason: body.value.reason };
    act(&desk, who, key, body.digest, Right::LotResume, Subject::Lot(*lot), action).await
}

/// Ends the lot for good.
#[utoipa::path(operation_id = "terminate_lot", tag = "lots", params(("lot" = Id, Path)), request_body = Reason,
    responses((status = 200, body = Recorded), (status = 409, body = Problem)))]
#[post("/lots/{lot}/terminate")]
pub async fn terminate(desk: Data<Desk>, who: Who, key: Key, lot: Path<Id>, body: Body<Reason>) -> Answer {
    let action = Action::Terminate { reason: body.value.reason };
    act(&desk, who, key, body.digest, Right::LotTerminate, Subject::Lot(*lot), action).await
}

/// After the close: the winner does not stand by the bid.
#[utoipa::path(operation_id = "declare_failed", tag = "lots", params(("lot" = Id, Path)), request_body = Reason,
    responses((status = 200, body = Recorded), (status = 409, body = Problem)))]
#[post("/lots/{lot}/fail")]
pub async fn fail(desk: Data<Desk>, who: Who, key: Key, lot: Path<Id>, body: Body<Reason>) -> Answer {
    let action = Action::DeclareFailed { reason: body.value.reason };
    act(&desk, who, key, body.digest, Right::LotFail, Subject::Lot(*lot), action).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Disclosure {
    amount: Fen,
    /// The 32 bytes that were committed to with it, standard base64.
    nonce: Hash,
}

/// Opens the commitment to the hidden reserve, after the close.
#[utoipa::path(tag = "lots", params(("lot" = Id, Path)), request_body = Disclosure,
    responses((status = 200, body = Recorded), (status = 422, body = Problem)))]
#[post("/lots/{lot}/reserve")]
pub async fn disclose_reserve(desk: Data<Desk>, who: Who, key: Key, lot: Path<Id>, body: Body<Disclosure>) -> Answer {
    let Disclosure { amount, nonce } = body.value;
    let action = Action::DiscloseReserve(ReserveDisclosed { amount, nonce });
    act(&desk, who, key, body.digest, Right::ReserveDisclose, Subject::Lot(*lot), action).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Publicity {
    until: Micros,
}

/// Publishes the ranking for the legal period.
#[utoipa::path(operation_id = "start_publicity", tag = "lots", params(("lot" = Id, Path)), request_body = Publicity,
    responses((status = 200, body = Recorded), (status = 422, body = Problem)))]
#[post("/lots/{lot}/publicity")]
pub async fn publicity(desk: Data<Desk>, who: Who, key: Key, lot: Path<Id>, body: Body<Publicity>) -> Answer {
    let action = Action::StartPublicity(PublicityStarted { until: body.value.until });
    act(&desk, who, key, body.digest, Right::PublicityStart, Subject::Lot(*lot), action).await
}

/// The owner confirms the result.
#[utoipa::path(tag = "lots", params(("lot" = Id, Path)), request_body = Empty,
    responses((status = 200, body = Recorded), (status = 409, body = Problem)))]
#[post("/lots/{lot}/award")]
pub async fn award(desk: Data<Desk>, who: Who, key: Key, lot: Path<Id>, body: Body<Empty>) -> Answer {
    act(&desk, who, key, body.digest, Right::Award, Subject::Lot(*lot), Action::Award).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Digest of the signed contract.
    sha256: Hash,
}

/// Records the contract.
#[utoipa::path(operation_id = "record_contract", tag = "lots", params(("lot" = Id, Path)), request_body = Contract,
    responses((status = 200, body = Recorded), (status = 409, body = Problem)))]
#[post("/lots/{lot}/contract")]
pub async fn contract(desk: Data<Desk>, who: Who, key: Key, lot: Path<Id>, body: Body<Contract>) -> Answer {
    let action = Action::Contract(Contracted { sha256: body.value.sha256 });
    act(&desk, who, key, body.digest, Right::ContractRecord, Subject::Lot(*lot), action).await
}

/// Closes the file.
#[utoipa::path(operation_id = "archive_lot", tag = "lots", params(("lot" = Id, Path)), request_body = Empty,
    responses((status = 200, body = Recorded), (status = 409, body = Problem)))]
#[post("/lots/{lot}/archive")]
pub async fn archive(desk: Data<Desk>, who: Who, key: Key, lot: Path<Id>, body: Body<Empty>) -> Answer {
    act(&desk, who, key, body.digest, Right::Archive, Subject::Lot(*lot), Action::Archive).await
}

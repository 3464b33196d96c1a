//! `/recorder`: what a recorder in a process of its own asks for (`mingjian record`). Its token stands in `Authorization` and
//! opens nothing else.

use std::future::{Ready, ready};

use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{Data, Path};
use actix_web::{FromRequest, HttpRequest, dev, get, post};
use utoipa_actix_web::service_config::ServiceConfig;

use super::extract::Body;
use super::offload::at_desk;
use super::private::{Answer, json};
use super::problem::Problem;
use crate::base::{Code, Id};
use crate::desk::Desk;
use crate::evidence::remote::{Look, NextSegment, SentLogin, ToWrite, Written};

pub fn routes(config: &mut ServiceConfig) {
    config.service(look).service(login).service(next_segment).service(write);
}

/// The recorder whose token came along.
pub struct Recorder(String);

impl FromRequest for Recorder {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let token = || request.headers().get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ");
        let desk = request.app_data::<Data<Desk>>().ok_or(Code::Internal);
        let name = desk.and_then(|desk| desk.recorder(token().ok_or(Code::NotSignedIn)?));
        ready(name.map(Self).map_err(Problem::from))
    }
}

/// What to record just now, and what the ledger knows of the cameras; takes what the recorder says of them. `recorder_taken`
/// while another one has its name.
#[utoipa::path(operation_id = "recorder_look", tag = "recorder", request_body = Object,
    responses((status = 200, body = Object), (status = 401, body = Problem), (status = 409, body = Problem)))]
#[post("/recorder/look")]
pub async fn look(desk: Data<Desk>, recorder: Recorder, body: Body<Look>) -> Answer {
    let orders = at_desk(&desk, move |desk| Ok(desk.orders(&recorder.0, &body.value)?)).await?;
    Ok(json(StatusCode::OK, &orders))
}

/// The login of a camera, which the recorder proves itself to the camera with; `null` where it asks for none.
#[utoipa::path(operation_id = "recorder_login", tag = "recorder", params(("camera" = Id, Path)),
    responses((status = 200, body = Object), (status = 401, body = Problem)))]
#[get("/recorder/cameras/{camera}/login")]
pub async fn login(desk: Data<Desk>, _recorder: Recorder, camera: Path<Id>) -> Answer {
    let login = at_desk(&desk, move |desk| Ok(desk.camera_login(*camera))).await?;
    Ok(json(StatusCode::OK, &login.map(|login| SentLogin { user: login.user, password: login.password })))
}

/// The number of the first segment of a run that no entry announces.
#[utoipa::path(operation_id = "recorder_run", tag = "recorder", params(("run" = Id, Path)),
    responses((status = 200, body = Object), (status = 401, body = Problem)))]
#[get("/recorder/runs/{run}")]
pub async fn next_segment(desk: Data<Desk>, _recorder: Recorder, run: Path<Id>) -> Answer {
    let next = at_desk(&desk, move |desk| Ok(desk.evidence.next_segment(*run)?)).await?;
    Ok(json(StatusCode::OK, &NextSegment { next }))
}

/// Writes what the recorder recorded into the ledger, under its own name and once, however often it is sent.
/// `footage_late` when it comes too late to prove anything.
#[utoipa::path(operation_id = "recorder_write", tag = "recorder", request_body = Object,
    responses((status = 200, body = Object), (status = 401, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
#[post("/recorder/entries")]
pub async fn write(desk: Data<Desk>, recorder: Recorder, body: Body<ToWrite>) -> Answer {
    let seq = at_desk(&desk, move |desk| Ok(desk.write_of_recorder(&recorder.0, body.value)?)).await?;
    Ok(json(StatusCode::OK, &Written { seq }))
}

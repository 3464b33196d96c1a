//! For those who run the machine: alive, ready, metrics.

use actix_web::web::{self, Data};
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::metrics;
use super::observe::Traffic;
use super::problem::Problem;
use super::stream::Stream;
use crate::base::Code;
use crate::desk::Desk;
use crate::sequencer::Status;

pub fn routes(config: &mut ServiceConfig) {
    config.service(healthz).service(readyz).service(figures);
}

#[derive(Serialize, ToSchema)]
pub struct Health {
    /// `ok`, or why not.
    status: String,
}

/// The process answers.
#[utoipa::path(tag = "operations", responses((status = 200, body = Health)))]
#[get("/healthz")]
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok".into() })
}

/// The ledger takes entries; otherwise 503 with the reason.
#[utoipa::path(tag = "operations", responses((status = 200, body = Health), (status = 503, body = Health)))]
#[get("/readyz")]
pub async fn readyz(desk: Data<Desk>) -> HttpResponse {
    match desk.sequencer.status() {
        Status::Running => HttpResponse::Ok().json(Health { status: "ok".into() }),
        // A node that follows serves everybody, and passes on what is to be written.
        Status::Following => HttpResponse::Ok().json(Health { status: "ok, following".into() }),
        Status::ShuttingDown => HttpResponse::ServiceUnavailable().json(Health { status: "shutting down".into() }),
        Status::Stopped(reason) => {
            let status = format!("the ledger has stopped: {reason}");
            HttpResponse::ServiceUnavailable().json(Health { status })
        }
    }
}

/// Counters and histograms as Prometheus reads them (text format 0.0.4).
#[utoipa::path(operation_id = "metrics", tag = "operations", responses((status = 200, body = String)))]
#[get("/metrics")]
pub async fn figures(desk: Data<Desk>, stream: Data<Stream>, traffic: Data<Traffic>) -> Result<HttpResponse, Problem> {
    let page = web::block(move || metrics::page(&desk, &stream.hub, &traffic)).await;
    let page = page.map_err(|_| Problem::from(Code::Internal))?;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(page))
}

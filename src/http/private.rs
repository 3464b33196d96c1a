//! Answers that are for one person: no cache keeps them (ASVS 14.3.2).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use serde::Serialize;

use super::problem::Problem;

/// What handlers of private things return.
pub type Answer = Result<HttpResponse, Problem>;

/// `value` as JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status).insert_header((CACHE_CONTROL, "no-store")).json(value)
}

/// Done, and nothing to say.
pub fn done() -> HttpResponse {
    HttpResponse::NoContent().insert_header((CACHE_CONTROL, "no-store")).finish()
}

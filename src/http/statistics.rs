//! The year in figures, out of the ledger; beside them the entry up to which they count.

use actix_web::get;
use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::problem::Problem;
use crate::base::{Fen, Micros};
use crate::desk::Desk;

pub fn routes(config: &mut ServiceConfig) {
    config.service(statistics).service(server_time);
}

#[derive(Serialize, ToSchema)]
pub struct Statistics {
    /// Projects with at least one award.
    projects: i64,
    /// Sum of all awards.
    awarded: Option<Fen>,
    months: Vec<Month>,
    phases: Vec<PhaseCount>,
    /// The figures contain every entry before this one.
    size: i64,
}

/// The awards of one category in one month.
#[derive(Serialize, ToSchema)]
pub struct Month {
    /// `YYYY-MM`, China's time.
    #[expect(clippy::struct_field_names, reason = "the name on the wire")]
    month: String,
    category: String,
    lots: i64,
    projects: i64,
    awarded: Option<Fen>,
    estimate: Option<Fen>,
    /// Sum of the start or ceiling prices: with `awarded` it gives premium or saving.
    start: Option<Fen>,
}

#[derive(Serialize, ToSchema)]
pub struct PhaseCount {
    phase: String,
    lots: i64,
}

/// The year's trade, by month and category.
#[utoipa::path(tag = "public", responses((status = 200, body = Statistics)))]
#[get("/statistics")]
pub async fn statistics(desk: Data<Desk>) -> Result<Json<Statistics>, Problem> {
    let figures = desk.figures()?;
    let month = |row: crate::desk::MonthRow| Month {
        month: row.month,
        category: row.category,
        lots: row.lots,
        projects: row.projects,
        awarded: Fen::new(row.awarded),
        estimate: Fen::new(row.estimate),
        start: Fen::new(row.start),
    };
    Ok(Json(Statistics {
        projects: figures.projects,
        awarded: Fen::new(figures.awarded),
        months: figures.months.into_iter().map(month).collect(),
        phases: figures.phases.into_iter().map(|(phase, lots)| PhaseCount { phase, lots }).collect(),
        size: figures.next_seq,
    }))
}

#[derive(Serialize, ToSchema)]
pub struct ServerTime {
    time: Micros,
}

/// The platform's clock, as it stamps bids. Measure the way there and back to know how exact it is.
#[utoipa::path(tag = "public", responses((status = 200, body = ServerTime)))]
#[get("/time")]
pub async fn server_time(desk: Data<Desk>) -> actix_web::HttpResponse {
    let body = ServerTime { time: desk.sequencer.now() };
    actix_web::HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(body)
}

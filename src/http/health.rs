//! For those who run the machine: alive, ready, metrics.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::stream::Stream;
use crate::desk::Desk;
use crate::sequencer::{Histogram, Status};

pub fn routes(config: &mut ServiceConfig) {
    config.service(healthz).service(readyz).service(metrics);
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
#[utoipa::path(tag = "operations", responses((status = 200, body = String)))]
#[get("/metrics")]
pub async fn metrics(desk: Data<Desk>, stream: Data<Stream>) -> HttpResponse {
    let mut out = String::with_capacity(4_096);
    let measured = desk.sequencer.metrics();
    let live = stream.hub.counts();
    let size = desk.sequencer.read(|committed| committed.size);
    let running = u64::from(desk.sequencer.status() == Status::Running);
    let depth = desk.sequencer.queue_depth() as u64;
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    for (name, kind, help, value) in [
        ("mingjian_ledger_entries", "gauge", "Entries committed.", size),
        ("mingjian_ledger_running", "gauge", "1 while the ledger takes entries.", running),
        ("mingjian_queue_depth", "gauge", "Places taken and not decided.", depth),
        ("mingjian_refused_total", "counter", "Submissions refused without an entry.", load(&measured.refused)),
        ("mingjian_replayed_total", "counter", "Submissions answered again.", load(&measured.replayed)),
        ("mingjian_timers_total", "counter", "Timers fired.", load(&measured.timers)),
        ("mingjian_viewers", "gauge", "Viewers of the live stream.", live.viewers as u64),
        ("mingjian_frames_sent_total", "counter", "Frames sent to viewers.", live.frames_sent),
        ("mingjian_slow_viewers_total", "counter", "Viewers cut off for being slow.", live.slow_viewers),
    ] {
        // Writing to a String cannot fail.
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
    }
    histogram(&mut out, "mingjian_batch_entries", "Entries per commit.", &measured.batch);
    histogram(&mut out, "mingjian_commit_microseconds", "Duration of a durable commit.", &measured.commit_micros);
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(out)
}

fn histogram(out: &mut String, name: &str, help: &str, histogram: &Histogram) {
    let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} histogram\n");
    for (bound, count) in histogram.cumulative() {
        let bound = bound.map_or_else(|| "+Inf".to_owned(), |bound| bound.to_string());
        let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {count}");
    }
    let _ = write!(out, "{name}_sum {}\n{name}_count {}\n", histogram.sum(), histogram.count());
}

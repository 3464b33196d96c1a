//! A witness's own application (C2SP tlog-witness): logs hand in checkpoints, everybody may read what was cosigned and what
//! is wrong. It stands alone: none of the platform's routes, sessions or data are here.

pub mod words;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, Bytes, Data, PayloadConfig};
use actix_web::{App, Error, HttpResponse, get, post};

use crate::base::Hash;
use crate::base::limits::WITNESS_REQUEST_MAX_BYTES;
use crate::witness::judge::WitnessError;
use crate::witness::{Answer, Log, Watch};

const TEXT: &str = "text/plain; charset=utf-8";
/// C2SP tlog-witness: the body of a 409.
const SIZE: &str = "text/x.tlog.size";
/// Alarms of one log that the page and the evidence show.
const ALARMS_SHOWN: i64 = 50;
/// Nothing may run, nothing may be loaded but our one style sheet.
pub const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the page calls this witness, such as the agency that runs it.
#[derive(Debug, Clone)]
pub struct Title(pub String);

/// The application, ready to be served or tested.
pub fn app(
    watch: Data<Watch>,
    title: Data<Title>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(watch)
        .app_data(title)
        .app_data(PayloadConfig::new(WITNESS_REQUEST_MAX_BYTES))
        .service(add_checkpoint)
        .service(page)
        .service(style)
        .service(alive)
        .service(checkpoint)
        .service(evidence)
        .wrap(
            DefaultHeaders::new()
                .add(("Content-Security-Policy", CONTENT_SECURITY_POLICY))
                .add(("X-Content-Type-Options", "nosniff"))
                .add(("Referrer-Policy", "no-referrer")),
        )
}

/// Checks, stores and cosigns. The signature line leaves after it is durable.
#[post("/add-checkpoint")]
async fn add_checkpoint(watch: Data<Watch>, body: Result<Bytes, Error>) -> HttpResponse {
    // Whatever could not be read as a body is as malformed as what cannot be parsed.
    let Ok(body) = body else { return HttpResponse::BadRequest().finish() };
    // It waits for the disk, which a thread that serves others must not.
    let answer = web::block(move || watch.witness().add_checkpoint(&body)).await;
    match answer {
        Ok(Ok(answer)) => respond(&answer),
        Ok(Err(error)) => unable(&error),
        Err(_) => HttpResponse::ServiceUnavailable().finish(),
    }
}

fn unable(error: &WitnessError) -> HttpResponse {
    tracing::error!(%error, "the witness cannot answer");
    HttpResponse::ServiceUnavailable().finish()
}

fn respond(answer: &Answer) -> HttpResponse {
    match answer {
        Answer::Cosigned(line) => HttpResponse::Ok().content_type(TEXT).body(line.to_string()),
        Answer::Malformed => HttpResponse::BadRequest().content_type(TEXT).body("not an add-checkpoint request\n"),
        Answer::NotSigned => {
            HttpResponse::Forbidden().content_type(TEXT).body("not signed by a known key of the log\n")
        }
        Answer::UnknownLog => HttpResponse::NotFound().content_type(TEXT).body("not a log of this witness\n"),
        Answer::Conflict(size) => {
            HttpResponse::Conflict().insert_header((CONTENT_TYPE, SIZE)).body(format!("{size}\n"))
        }
        Answer::NotConsistent => {
            HttpResponse::UnprocessableEntity().content_type(TEXT).body("the consistency proof does not hold\n")
        }
    }
}

/// SHA-256 of the origin in lower-case hexadecimal, as C2SP tlog-mirror names a log in a URL.
pub fn origin_hash(origin: &str) -> String {
    Hash::of(origin.as_bytes()).to_hex()
}

fn find<'a>(watch: &'a Watch, hash: &str) -> Option<&'a Log> {
    watch.witness().logs().iter().find(|log| origin_hash(&log.origin) == hash)
}

/// The newest checkpoint of a log that was cosigned, with the cosignature.
#[get("/{origin}/checkpoint")]
async fn checkpoint(watch: Data<Watch>, origin: web::Path<String>) -> HttpResponse {
    let Some(log) = find(&watch, &origin) else { return HttpResponse::NotFound().finish() };
    match watch.witness().book().seen(&log.origin) {
        Ok(Some(seen)) => {
            HttpResponse::Ok().content_type(TEXT).insert_header((CACHE_CONTROL, "public, max-age=2")).body(seen.note)
        }
        Ok(None) => HttpResponse::NotFound().finish(),
        Err(error) => unable(&error.into()),
    }
}

/// Everything that is held against a log, to be kept in a file.
#[get("/{origin}/evidence")]
async fn evidence(watch: Data<Watch>, origin: web::Path<String>) -> HttpResponse {
    let Some(log) = find(&watch, &origin) else { return HttpResponse::NotFound().finish() };
    match watch.witness().book().alarms(&log.origin, ALARMS_SHOWN) {
        Ok(alarms) => HttpResponse::Ok().content_type(TEXT).body(words::evidence(&watch, log, &alarms)),
        Err(error) => unable(&error.into()),
    }
}

/// For people: what this witness has found.
#[get("/")]
async fn page(watch: Data<Watch>, title: Data<Title>) -> HttpResponse {
    let mut logs = Vec::new();
    for log in watch.witness().logs() {
        let found = watch.witness().book().seen(&log.origin).and_then(|seen| {
            let alarms = watch.witness().book().alarms(&log.origin, ALARMS_SHOWN)?;
            Ok((seen, alarms))
        });
        match found {
            Ok((seen, alarms)) => logs.push(words::Found { log, seen, alarms, sight: watch.sight(&log.origin) }),
            Err(error) => return unable(&error.into()),
        }
    }
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        // Without a script the page renews itself.
        .insert_header(("Refresh", "15"))
        .body(words::page(&title.0, watch.witness(), &logs))
}

#[get("/style.css")]
pub async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .body(include_str!("style.css"))
}

#[get("/healthz")]
async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type(TEXT).body("ok\n")
}

//! All routes in one place, with what stands around each of them: limits, security headers, problems for what no route
//! takes. The OpenAPI document comes out of the same registration, so it cannot name other routes than these.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::{Compress, DefaultHeaders, from_fn};
use actix_web::web::{self, Data, PathConfig, PayloadConfig, QueryConfig};
use actix_web::{App, Error, HttpRequest, HttpResponse, ResponseError as _};
use utoipa::openapi::{Info, OpenApi};
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_actix_web::{AppExt as _, scope};

use super::case_file::CasePermits;
use super::extract::HttpSettings;
use super::nodes::{Door, at_the_door};
use super::observe::{Traffic, observe};
use super::offload::HashingPermits;
use super::problem::Problem;
use super::stream::Stream;
use super::throttle::Throttle;
use super::{
    accounts, bids, case_file, cases, companies, feedback, footage, health, holds, keys, ledger, life, lots,
    objections, recorders, rooms, session, settings, statistics, stream, web_files,
};
use crate::base::Code;
use crate::base::limits::BODY_MAX_BYTES;
use crate::desk::Desk;

/// No inline script or style, nothing from elsewhere, no frame around us (ASVS 3.4.3, 3.4.6).
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self' blob:; connect-src 'self'; font-src 'self'; \
     object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What the handlers work with.
#[derive(Clone)]
pub struct Parts {
    pub desk: Data<Desk>,
    pub stream: Data<Stream>,
    pub settings: Data<HttpSettings>,
    pub permits: Data<HashingPermits>,
    pub sign_ups: Data<Throttle>,
    pub cases: Data<CasePermits>,
    /// Where several nodes share the deployment.
    pub door: Option<Door>,
    pub traffic: Data<Traffic>,
}

/// The application, ready to be served or tested.
pub fn app(
    parts: Parts,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let (app, mut api) = App::new().into_utoipa_app().configure(routes).split_for_parts();
    describe(&mut api);
    let document = Data::new(Document(api.to_pretty_json().unwrap_or_default().into()));
    let app = match parts.door {
        Some(door) => app.app_data(Data::new(door)),
        None => app,
    };
    app.app_data(parts.desk)
        .app_data(document)
        .app_data(parts.stream)
        .app_data(parts.settings)
        .app_data(parts.permits)
        .app_data(parts.sign_ups)
        .app_data(parts.cases)
        .app_data(parts.traffic)
        .app_data(PayloadConfig::new(BODY_MAX_BYTES))
        .app_data(
            QueryConfig::default().error_handler(|error, _| Problem::new(Code::InvalidField, error.to_string()).into()),
        )
        .app_data(
            PathConfig::default().error_handler(|error, _| Problem::new(Code::NotFound, error.to_string()).into()),
        )
        .default_service(web::to(web_files::serve))
        .wrap(from_fn(at_the_door))
        .wrap(Compress::default())
        .wrap(security_headers())
        .wrap(from_fn(observe))
}

/// Every route of the API.
fn routes(config: &mut ServiceConfig) {
    config.service(
        scope::scope("/api/v1")
            // Routes are tried in this order, each with a regular expression: what is asked for most stands first.
            .service(bids::place)
            .service(bids::confirm)
            .service(ledger::ledgers)
            .configure(statistics::routes)
            .configure(session::routes)
            .configure(companies::routes)
            .configure(keys::routes)
            .configure(accounts::routes)
            .configure(settings::routes)
            .configure(cases::routes)
            .configure(case_file::routes)
            .configure(lots::routes)
            .configure(life::routes)
            .configure(feedback::routes)
            .configure(objections::routes)
            .configure(rooms::routes)
            .configure(footage::routes)
            .configure(holds::routes)
            .configure(recorders::routes)
            .configure(stream::routes)
            .route("/openapi.json", web::get().to(openapi))
            .default_service(web::to(no_route)),
    );
    config.service(
        scope::scope("/ledger")
            // As above: proofs by the million are asked for one by one.
            .service(ledger::proof)
            .service(ledger::checkpoint)
            .service(ledger::tile)
            .service(ledger::payload)
            .service(ledger::consistency)
            .service(ledger::rotations)
            .default_service(web::to(no_route)),
    );
    config.configure(health::routes);
}

fn describe(api: &mut OpenApi) {
    api.info = Info::new("Mingjian 明鉴", env!("CARGO_PKG_VERSION"));
    api.info.description = Some(
        "Public-resource trading with a live audit trail. Errors are RFC 9457 problems with stable codes. What changes \
         something needs the session's cookie, its CSRF token in `X-CSRF-Token` and an `Idempotency-Key`; a bid needs \
         only its signature."
            .into(),
    );
}

/// The OpenAPI document of this version.
pub fn document() -> OpenApi {
    let (_, mut api) = App::new().into_utoipa_app().configure(routes).split_for_parts();
    describe(&mut api);
    api
}

/// The OpenAPI document as bytes, made once a worker.
struct Document(web::Bytes);

async fn openapi(document: Data<Document>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(document.0.clone())
}

async fn no_route(request: HttpRequest) -> HttpResponse {
    Problem::new(Code::NotFound, request.path()).error_response()
}

fn security_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::REFERRER_POLICY, "same-origin"))
        .add((header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"))
        .add(("Cross-Origin-Opener-Policy", "same-origin"))
        .add(("Cross-Origin-Resource-Policy", "same-origin"))
        .add(("Permissions-Policy", "camera=(), microphone=(), geolocation=()"))
}

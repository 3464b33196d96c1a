//! A mirror's own application: the log's paths with the log's bytes, out of the mirror's copy (C2SP tlog-mirror, tlog-tiles).
//! It stands alone: whoever serves it needs nothing of the platform, and the platform may be gone.
//!
//! A mirror serves nobody what the log showed to its owner only: that stays on its disk, for `mingjian verify DIR`.

mod words;

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::CACHE_CONTROL;
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, Data, Json, Path, Query};
use actix_web::{App, Error, HttpResponse, get};
use serde::Serialize;

use super::ledger::{
    FOR_EVER, Sizes, consistency_answer, handovers, note_answer, payload_answer, receipt_answer, rotations_answer,
    tile_answer,
};
use super::offload::run;
use super::problem::Problem;
use super::witness::{CONTENT_SECURITY_POLICY, Title, origin_hash, style};
use crate::base::{Code, Micros};
use crate::desk::Tree;
use crate::mirror::{Mirror, Standing};
use crate::sequencer::{Listener as _, ReadError, StoredPayload};

/// Alarms that the page shows.
const ALARMS_SHOWN: i64 = 50;

/// A mirror as it is served.
pub struct Shelved {
    pub mirror: Arc<Mirror>,
    /// The ledger's name in the paths of the platform.
    name: String,
    tree: Tree,
}

impl Shelved {
    pub fn open(mirror: Arc<Mirror>, name: &str) -> Result<Self, ReadError> {
        let tree = Tree::open(mirror.shelf().reader())?;
        Ok(Self { mirror, name: name.to_owned(), tree })
    }

    /// The newest note, with the tree grown as far as it reaches.
    fn newest(&self) -> Result<String, Code> {
        let (size, note) = self.mirror.newest().map_err(internal)?.ok_or(Code::NotFound)?;
        self.tree.resumed(size, &note.as_str().into());
        Ok(note)
    }

    /// By the platform's name of the ledger, or by C2SP tlog-mirror's.
    fn check(&self, name: &str) -> Result<(), Code> {
        if name == self.name || name == origin_hash(&self.mirror.log().origin) { Ok(()) } else { Err(Code::NotFound) }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn internal(error: ReadError) -> Code {
    tracing::error!(%error, "cannot read the copy");
    Code::Internal
}

/// The application, ready to be served or tested.
pub fn app(
    shelved: Data<Shelved>,
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
        .app_data(shelved)
        .app_data(title)
        .service(page)
        .service(style)
        .service(ledgers)
        .service(web::scope("/ledger").configure(log))
        .configure(log)
        .wrap(
            DefaultHeaders::new()
                .add(("Content-Security-Policy", CONTENT_SECURITY_POLICY))
                .add(("X-Content-Type-Options", "nosniff"))
                .add(("Referrer-Policy", "no-referrer")),
        )
}

fn log(config: &mut web::ServiceConfig) {
    config.service(proof).service(checkpoint).service(tile).service(payload).service(consistency).service(rotations);
}

#[derive(Serialize)]
struct Ledgers {
    items: Vec<LedgerItem>,
}

/// What the platform says of itself there, and how well the copy stands.
#[derive(Serialize)]
struct LedgerItem {
    name: String,
    origin: String,
    verifier_key: String,
    size: u64,
    mirror_key: String,
    /// When the log last showed something sound.
    sound_at: Option<Micros>,
    /// Why the last look at it came to nothing.
    trouble: Option<String>,
}

#[get("/api/v1/ledgers")]
async fn ledgers(shelved: Data<Shelved>) -> Result<Json<Ledgers>, Problem> {
    let (mirror, sight) = (&shelved.mirror, shelved.mirror.sight());
    let log = mirror.log();
    let item = LedgerItem {
        name: shelved.name.clone(),
        origin: log.origin.clone(),
        verifier_key: log.keys.first().map(ToString::to_string).unwrap_or_default(),
        size: mirror.newest().map_err(internal)?.map_or(0, |(size, _)| size),
        mirror_key: mirror.key().to_string(),
        sound_at: sight.sound,
        trouble: sight.trouble,
    };
    Ok(Json(Ledgers { items: vec![item] }))
}

/// The newest checkpoint whose entries are all here, with the mirror's cosignature.
#[get("/{name}/checkpoint")]
async fn checkpoint(shelved: Data<Shelved>, name: Path<String>) -> Result<HttpResponse, Problem> {
    shelved.check(&name)?;
    Ok(note_answer(&shelved.newest()?))
}

#[get("/{name}/tile/{path:.*}")]
async fn tile(shelved: Data<Shelved>, path: Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (name, path) = path.into_inner();
    shelved.check(&name)?;
    shelved.newest()?;
    tile_answer(&shelved.tree, &path)
}

#[get("/{name}/payload/{seq}")]
async fn payload(shelved: Data<Shelved>, path: Path<(String, u64)>) -> Result<HttpResponse, Problem> {
    let (name, seq) = path.into_inner();
    shelved.check(&name)?;
    let shelf = shelved.mirror.shelf();
    if shelf.standing(seq).map_err(internal)? != Standing::Open {
        return Err(Code::NotYetReadable.into());
    }
    match shelf.reader().payload(seq).map_err(internal)? {
        StoredPayload::Present(bytes) => Ok(payload_answer(bytes, FOR_EVER)),
        StoredPayload::Erased => Err(Code::Erased.into()),
        StoredPayload::Missing => Err(Code::NotFound.into()),
    }
}

#[get("/{name}/proof/consistency")]
async fn consistency(shelved: Data<Shelved>, name: Path<String>, sizes: Query<Sizes>) -> Result<HttpResponse, Problem> {
    shelved.check(&name)?;
    shelved.newest()?;
    consistency_answer(&shelved.tree, &sizes)
}

#[get(r"/{name}/proof/{seq:\d+}")]
async fn proof(shelved: Data<Shelved>, path: Path<(String, u64)>) -> Result<HttpResponse, Problem> {
    let (name, seq) = path.into_inner();
    shelved.check(&name)?;
    let note = shelved.newest()?;
    receipt_answer(&shelved.tree, &note, seq)
}

#[get("/{name}/rotations")]
async fn rotations(shelved: Data<Shelved>, name: Path<String>) -> Result<HttpResponse, Problem> {
    shelved.check(&name)?;
    let shelved = shelved.into_inner();
    Ok(rotations_answer(run(move || handovers(&shelved.tree, &shelved.newest()?)).await?))
}

/// For people: how well this copy stands.
#[get("/")]
async fn page(shelved: Data<Shelved>, title: Data<Title>) -> Result<HttpResponse, Problem> {
    let mirror = &shelved.mirror;
    let kept = mirror.newest().map_err(internal)?;
    let alarms = mirror.book().alarms(&mirror.log().origin, ALARMS_SHOWN).map_err(|error| {
        tracing::error!(%error, "cannot read the alarms");
        Code::Internal
    })?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(("Refresh", "15"))
        .body(words::page(&title.0, mirror, kept.as_ref(), &alarms)))
}

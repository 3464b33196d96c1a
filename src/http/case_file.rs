//! `/lots/<lot>/case-file`: everything about a lot in one file that is checked without us (`docs/case-format.md`).

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{self, Bytes, Data, Path};
use actix_web::{HttpResponse, get, post};
use futures_util::stream::{self, Stream};
use tokio::sync::Semaphore;
use utoipa_actix_web::service_config::ServiceConfig;

use super::extract::{Body, Who};
use super::footage::Why;
use super::offload::run;
use super::private::Answer;
use super::problem::Problem;
use super::web_files;
use crate::base::limits::CASES_AT_ONCE;
use crate::base::{Code, Id};
use crate::desk::{Desk, Footage};
use crate::engine::Refusal;
use crate::identity::{Action, ObjectRef, may};

pub fn routes(config: &mut ServiceConfig) {
    config.service(case_file).service(case_file_with_footage);
}

/// Who is having a case file made now: each takes a core and reads the whole ledger. App data, shared by all workers.
#[derive(Clone)]
pub struct CasePermits(Arc<Semaphore>);

impl Default for CasePermits {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(CASES_AT_ONCE)))
    }
}

/// The case of a lot as one file: for a reviewer with an open case on it, who proved recently who they are. `busy` while
/// others are being made.
#[utoipa::path(operation_id = "case_file", tag = "cases", params(("lot" = Id, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/zip"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem)))]
#[get("/lots/{lot}/case-file")]
pub async fn case_file(desk: Data<Desk>, permits: Data<CasePermits>, who: Who, lot: Path<Id>) -> Answer {
    written(desk, &permits, who, *lot, Footage::LeftHere).await
}

/// The same with the footage of the lot's clips. That it was taken along, and why, is an entry before the file is made.
#[utoipa::path(operation_id = "case_file_with_footage", tag = "cases", params(("lot" = Id, Path)), request_body = Why,
    responses((status = 200, body = Vec<u8>, content_type = "application/zip"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 413, body = Problem),
        (status = 422, body = Problem), (status = 503, body = Problem)))]
#[post("/lots/{lot}/case-file")]
pub async fn case_file_with_footage(
    desk: Data<Desk>,
    permits: Data<CasePermits>,
    who: Who,
    lot: Path<Id>,
    body: Body<Why>,
) -> Answer {
    written(desk, &permits, who, *lot, Footage::TakenAlong { reason: body.value.reason }).await
}

async fn written(desk: Data<Desk>, permits: &CasePermits, who: Who, lot: Id, footage: Footage) -> Answer {
    may(&who.0, Action::CaseExport, ObjectRef { lot: Some(lot), ..ObjectRef::NONE })?;
    let permit = Arc::clone(&permits.0).try_acquire_owned().map_err(|_| Code::Busy)?;
    let file = run(move || {
        // It ends with the work, not with the request: a client that hangs up frees no core.
        let _held = permit;
        let room = || {
            tempfile::tempfile().map_err(|error| {
                tracing::error!(%error, "no room for a case file");
                Code::Internal
            })
        };
        let mut file = desk.case_file(&who.0, lot, web_files::verifier(), &footage, (room()?, room()?))?;
        desk.identity.case_exported(&who.0, lot, desk.now())?;
        file.seek(SeekFrom::Start(0)).map_err(|_| Code::Internal)?;
        Ok::<_, Refusal>(file)
    })
    .await?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_TYPE, "application/zip"))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"case-{lot}.zip\"")))
        .streaming(chunks(file)))
}

const CHUNK_BYTES: usize = 256 * 1_024;

/// The file's bytes, read as fast as they are taken.
fn chunks(file: File) -> impl Stream<Item = Result<Bytes, io::Error>> {
    stream::unfold(Some(file), |file| async move {
        let mut file = file?;
        let read = web::block(move || {
            let mut chunk = vec![0; CHUNK_BYTES];
            let length = file.read(&mut chunk)?;
            chunk.truncate(length);
            Ok::<_, io::Error>((Bytes::from(chunk), file))
        });
        match read.await.map_err(io::Error::other).flatten() {
            Ok((chunk, _)) if chunk.is_empty() => None,
            Ok((chunk, file)) => Some((Ok(chunk), Some(file))),
            Err(error) => Some((Err(error), None)),
        }
    })
}

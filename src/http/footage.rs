//! Clips, and looking at footage: `/lots/{lot}/clips`, `/viewings`, `/alarms`.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::extract::{Body, Who};
use super::offload::at_desk;
use super::private::{Answer, json};
use super::problem::Problem;
use crate::base::{Code, Hash, Id, Micros, Span};
use crate::desk::{ClipWish, Desk, Shown, Wanted};
use crate::engine::Refusal;
use crate::ledger::media::{ClipStatus, FileName, Gap};
use crate::store::platform::footage::{AlarmRow, ClipRow};

pub fn routes(config: &mut ServiceConfig) {
    config.service(clips).service(ask_for_clip).service(export_clip).service(alarms);
    config.service(view).service(sight).service(playlist).service(elsewhere).service(file);
}

#[derive(Serialize, ToSchema)]
pub struct ClipList {
    items: Vec<ClipView>,
}

#[derive(Serialize, ToSchema)]
pub struct ClipView {
    id: Id,
    camera: Id,
    room: Id,
    /// The entry that it shows, and its kind.
    about: u64,
    about_kind: String,
    from: Micros,
    to: Micros,
    /// `pending`, `complete`, `gap`, `expired`.
    status: String,
    /// The entry that holds the reference; absent while it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    keep_until: Micros,
}

pub(super) fn internal<E>(_: E) -> Refusal {
    Code::Internal.into()
}

pub(super) fn time(micros: i64) -> Result<Micros, Refusal> {
    Micros::new(micros).ok_or_else(|| Code::Internal.into())
}

fn clip_view(row: ClipRow) -> Result<ClipView, Refusal> {
    Ok(ClipView {
        id: row.id.parse().map_err(internal)?,
        camera: row.camera.parse().map_err(internal)?,
        room: row.room.parse().map_err(internal)?,
        about: u64::try_from(row.about).map_err(internal)?,
        about_kind: row.about_kind,
        from: time(row.starts_at)?,
        to: time(row.ends_at)?,
        status: row.status,
        seq: row.seq.and_then(|seq| u64::try_from(seq).ok()),
        keep_until: time(row.keep_until)?,
    })
}

/// The clips of a lot, in order of what they show.
#[utoipa::path(operation_id = "list_clips", tag = "evidence", params(("lot" = Id, Path)),
    responses((status = 200, body = ClipList), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
#[get("/lots/{lot}/clips")]
pub async fn clips(desk: Data<Desk>, who: Who, lot: Path<Id>) -> Answer {
    let rows = at_desk(&desk, move |desk| desk.clips(&who.0, *lot)).await?;
    let items = rows.into_iter().map(clip_view).collect::<Result<_, _>>()?;
    Ok(json(StatusCode::OK, &ClipList { items }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewClip {
    /// The entry that it is to show.
    about: u64,
    camera: Id,
    from: Micros,
    to: Micros,
    /// Why, in words; kept for ever.
    reason: String,
}

#[derive(Serialize, ToSchema)]
pub struct AskedClip {
    id: Id,
    /// The entry that asks for it.
    seq: u64,
}

/// Keeps what a camera saw beside an entry.
#[utoipa::path(operation_id = "ask_for_clip", tag = "evidence", params(("lot" = Id, Path)), request_body = NewClip,
    responses((status = 201, body = AskedClip), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
#[post("/lots/{lot}/clips")]
pub async fn ask_for_clip(desk: Data<Desk>, who: Who, lot: Path<Id>, body: Body<NewClip>) -> Answer {
    let NewClip { about, camera, from, to, reason } = body.value;
    let wish = ClipWish { lot: *lot, about, camera, from, to, reason };
    let (id, outcome) = at_desk(&desk, move |desk| desk.ask_for_clip(&who.0, &wish)).await?;
    Ok(json(StatusCode::CREATED, &AskedClip { id, seq: outcome.first }))
}

#[derive(Serialize, ToSchema)]
pub struct AlarmList {
    items: Vec<AlarmView>,
}

#[derive(Serialize, ToSchema)]
pub struct AlarmView {
    /// Absent when it is about the recorder as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    camera: Option<Id>,
    /// `camera_down`, `microphone_silent`, `picture_frozen`, `clock_uncertain`, `disk_nearly_full`.
    alarm: String,
    since: Micros,
    /// The entry that raised it.
    seq: u64,
}

fn alarm_view(row: AlarmRow) -> Result<AlarmView, Refusal> {
    let seq = u64::try_from(row.seq).map_err(internal)?;
    Ok(AlarmView { camera: row.camera.parse().ok(), alarm: row.kind, since: time(row.raised_at)?, seq })
}

/// Alarms of cameras that stand, newest first.
#[utoipa::path(operation_id = "list_alarms", tag = "evidence",
    responses((status = 200, body = AlarmList), (status = 401, body = Problem), (status = 403, body = Problem)))]
#[get("/alarms")]
pub async fn alarms(desk: Data<Desk>, who: Who) -> Answer {
    let rows = at_desk(&desk, move |desk| Ok(desk.alarms(&who.0)?)).await?;
    let items = rows.into_iter().map(alarm_view).collect::<Result<_, _>>()?;
    Ok(json(StatusCode::OK, &AlarmList { items }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewViewing {
    /// A clip, or else a camera as it is now.
    clip: Option<Id>,
    camera: Option<Id>,
    /// Why, in words; kept for ever.
    reason: String,
}

#[derive(Serialize, ToSchema)]
pub struct ViewingView {
    id: Id,
    /// The entry that says who looked at what, and why.
    seq: u64,
    /// When leave to look runs out.
    until: Micros,
    /// Where the HLS playlist is.
    playlist: String,
}

/// Leave to look at a clip or at a camera live. It is an entry before anything is shown.
#[utoipa::path(operation_id = "view_footage", tag = "evidence", request_body = NewViewing,
    responses((status = 201, body = ViewingView), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/viewings")]
pub async fn view(desk: Data<Desk>, who: Who, body: Body<NewViewing>) -> Answer {
    let NewViewing { clip, camera, reason } = body.value;
    let wanted = match (clip, camera) {
        (Some(clip), None) => Wanted::Clip(clip),
        (None, Some(camera)) => Wanted::Live(camera),
        _ => return Err(Problem::new(Code::InvalidField, "one of clip and camera")),
    };
    let viewing = at_desk(&desk, move |desk| desk.view(&who.0, &wanted, &reason)).await?;
    let where_to = format!("/api/v1/viewings/{}/playlist.m3u8", viewing.id);
    let leave = ViewingView { id: viewing.id, seq: viewing.seq, until: viewing.until, playlist: where_to };
    Ok(json(StatusCode::CREATED, &leave))
}

#[derive(Serialize, ToSchema)]
pub struct SightView {
    files: Vec<FileView>,
    gaps: Vec<GapView>,
    /// How far the times may be off, either way; microseconds.
    uncertainty: Span,
    /// Of a clip: the entry that holds its reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// Of a clip that another system keeps: where.
    #[serde(skip_serializing_if = "Option::is_none")]
    external: Option<ExternalView>,
}

#[derive(Serialize, ToSchema)]
pub struct ExternalView {
    system: String,
    /// Without credentials.
    url: String,
    /// Of what it served when it was asked; absent when nothing came.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Hash>,
}

#[derive(Serialize, ToSchema)]
pub struct FileView {
    /// Relative to the viewing: `RUN/init.mp4`, `RUN/00000012.m4s`.
    name: String,
    sha256: Hash,
    from: Micros,
    span: Span,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<i32>,
    /// The entry that announced it; absent while it waits for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
}

#[derive(Serialize, ToSchema)]
pub struct GapView {
    from: Micros,
    to: Micros,
    cause: &'static str,
}

fn file_view(shown: &Shown) -> FileView {
    let Shown { name, digest, from, span, level, seq } = *shown;
    FileView { name: name.to_string(), sha256: digest, from, span, level, seq }
}

/// What the viewing shows, with digests and gaps, so that a browser can check what it plays.
#[utoipa::path(operation_id = "viewing_files", tag = "evidence", params(("viewing" = Id, Path)),
    responses((status = 200, body = SightView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 410, body = Problem)))]
#[get("/viewings/{viewing}")]
pub async fn sight(desk: Data<Desk>, who: Who, viewing: Path<Id>) -> Answer {
    let seen = at_desk(&desk, move |desk| desk.sight(&who.0, *viewing)).await?;
    let gap = |gap: &Gap| GapView { from: gap.from, to: gap.to, cause: gap.cause.name() };
    let shown = SightView {
        files: seen.files.iter().map(file_view).collect(),
        gaps: seen.gaps.iter().map(gap).collect(),
        uncertainty: seen.uncertainty,
        reference: seen.reference.as_ref().map(|(seq, _)| *seq),
        status: seen.status.map(ClipStatus::name),
        external: seen.reference.and_then(|(_, reference)| reference.external).map(|kept| ExternalView {
            system: kept.system,
            url: kept.url,
            sha256: kept.digest,
        }),
    };
    Ok(json(StatusCode::OK, &shown))
}

/// The HLS playlist (RFC 8216) of the viewing.
#[utoipa::path(operation_id = "viewing_playlist", tag = "evidence", params(("viewing" = Id, Path)),
    responses((status = 200, content_type = "application/vnd.apple.mpegurl"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 410, body = Problem)))]
#[get("/viewings/{viewing}/playlist.m3u8")]
pub async fn playlist(desk: Data<Desk>, who: Who, viewing: Path<Id>) -> Answer {
    let text = at_desk(&desk, move |desk| desk.playlist(&who.0, *viewing)).await?;
    let mut answer = HttpResponse::Ok();
    answer.content_type("application/vnd.apple.mpegurl").insert_header((CACHE_CONTROL, "no-store"));
    Ok(answer.body(text))
}

/// A file of the viewing, as it was recorded.
#[utoipa::path(operation_id = "viewing_file", tag = "evidence",
    params(("viewing" = Id, Path), ("run" = String, Path), ("file" = String, Path)),
    responses((status = 200, content_type = "video/mp4"), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 410, body = Problem)))]
#[get("/viewings/{viewing}/{run}/{file}")]
pub async fn file(desk: Data<Desk>, who: Who, path: Path<(Id, String, String)>) -> Answer {
    let (viewing, run, file) = path.into_inner();
    let bytes = at_desk(&desk, move |desk| {
        // Who may not look learns nothing about names.
        match format!("{run}/{file}").parse::<FileName>() {
            Ok(name) => desk.footage_file(&who.0, viewing, name),
            Err(_) => desk.sight(&who.0, viewing).and_then(|_| Err(Code::NotFound.into())),
        }
    });
    let bytes = bytes.await?;
    Ok(HttpResponse::Ok().content_type("video/mp4").insert_header((CACHE_CONTROL, "private, no-store")).body(bytes))
}

/// Footage of the viewing that another system keeps, as that system gives it now: nothing here vouches for it.
#[utoipa::path(operation_id = "viewing_elsewhere", tag = "evidence", params(("viewing" = Id, Path)),
    responses((status = 200, content_type = "video/mp4"), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 502, body = Problem)))]
#[get("/viewings/{viewing}/elsewhere.mp4")]
pub async fn elsewhere(desk: Data<Desk>, who: Who, viewing: Path<Id>) -> Answer {
    let bytes = at_desk(&desk, move |desk| desk.footage_elsewhere(&who.0, *viewing)).await?;
    Ok(HttpResponse::Ok().content_type("video/mp4").insert_header((CACHE_CONTROL, "private, no-store")).body(bytes))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Why {
    /// Why, in words; kept for ever.
    pub(super) reason: String,
}

/// The clip as a ZIP: what was recorded, and a manifest with hashes, viewer and time, whose digest is an entry.
#[utoipa::path(operation_id = "export_clip", tag = "evidence", params(("clip" = Id, Path)), request_body = Why,
    responses((status = 200, content_type = "application/zip"), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/clips/{clip}/export")]
pub async fn export_clip(desk: Data<Desk>, who: Who, clip: Path<Id>, body: Body<Why>) -> Answer {
    let (clip, why) = (*clip, body.value.reason);
    let bytes = at_desk(&desk, move |desk| desk.export_clip(&who.0, clip, &why)).await?;
    let mut answer = HttpResponse::Ok();
    answer.content_type("application/zip").insert_header((CACHE_CONTROL, "no-store"));
    answer.insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"clip-{clip}.zip\"")));
    Ok(answer.body(bytes))
}

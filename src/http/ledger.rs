//! `/ledger/<name>`: the ledger for everyone (ledger format §4): checkpoint, tiles, payloads, proofs. Paths and bytes are
//! those of C2SP tlog-tiles, so that programs of others can read them.

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Bytes, Data, Json, Path, Query};
use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::Who;
use super::offload::run;
use super::problem::Problem;
use crate::base::Code;
use crate::desk::{Desk, Tree};
use crate::ledger::{Proof, SignedCheckpoint, TilePath};
use crate::review::Handover;
use crate::witness::CosigningView;

/// A checkpoint is news for seconds.
const FRESH: &str = "public, max-age=2";
/// A tile, a payload of the public and their bytes never change.
pub const FOR_EVER: &str = "public, max-age=31536000, immutable";
const TEXT: &str = "text/plain; charset=utf-8";

#[derive(Serialize, ToSchema)]
pub struct Ledgers {
    items: Vec<LedgerItem>,
}

#[derive(Serialize, ToSchema)]
pub struct LedgerItem {
    /// The path is `/ledger/<name>`.
    name: String,
    /// The ledger's name in every leaf and signature.
    origin: String,
    /// signed-note verifier key of the log.
    verifier_key: String,
    /// Entries committed now.
    size: u64,
    cosigning: CosigningItem,
}

/// Who cosigns this ledger's checkpoints, and how far they are.
#[derive(Serialize, ToSchema)]
pub struct CosigningItem {
    /// C2SP tlog-policy; empty when nobody cosigns. A verifier takes its own from a source that it trusts.
    policy: String,
    /// The least number of witnesses that meets the policy.
    required: usize,
    /// How long a missing witness holds back the checkpoint that is shown.
    wait_seconds: u64,
    /// Whether the checkpoint that is shown now has its quorum.
    is_met: bool,
    witnesses: Vec<WitnessItem>,
}

#[derive(Serialize, ToSchema)]
pub struct WitnessItem {
    /// As the policy calls it.
    name: String,
    /// signed-note verifier key of type 0x04.
    verifier_key: String,
    /// Entries of the newest checkpoint that it has cosigned.
    size: Option<u64>,
    /// When it did: seconds of UTC since 1970.
    cosigned_at: Option<u64>,
    /// It did not cosign the last checkpoint that it was given.
    in_trouble: bool,
}

impl From<CosigningView> for CosigningItem {
    fn from(view: CosigningView) -> Self {
        let witnesses = view.witnesses.into_iter().map(|witness| WitnessItem {
            name: witness.name,
            verifier_key: witness.key.to_string(),
            size: witness.cosigned.map(|(size, _)| size),
            cosigned_at: witness.cosigned.map(|(_, at)| at),
            in_trouble: witness.trouble.is_some(),
        });
        Self {
            policy: view.policy,
            required: view.required,
            wait_seconds: view.wait.as_secs(),
            is_met: view.is_met,
            witnesses: witnesses.collect(),
        }
    }
}

/// The ledgers of this server.
#[utoipa::path(tag = "ledger", responses((status = 200, body = Ledgers)))]
#[get("/ledgers")]
pub async fn ledgers(desk: Data<Desk>) -> Json<Ledgers> {
    let item = LedgerItem {
        name: desk.ledger_name.clone(),
        origin: desk.origin.to_string(),
        verifier_key: desk.verifier_key.to_string(),
        size: desk.sequencer.read(|committed| committed.size),
        cosigning: desk.cosigning.view().into(),
    };
    Json(Ledgers { items: vec![item] })
}

fn check_name(desk: &Desk, name: &str) -> Result<(), Problem> {
    if desk.ledger_name == name { Ok(()) } else { Err(Code::NotFound.into()) }
}

/// The newest checkpoint that may be shown, with its witnesses' cosignatures (C2SP tlog-checkpoint).
#[utoipa::path(tag = "ledger", params(("name" = String, Path)), responses((status = 200, body = String)))]
#[get("/{name}/checkpoint")]
pub async fn checkpoint(desk: Data<Desk>, name: Path<String>) -> Result<HttpResponse, Problem> {
    check_name(&desk, &name)?;
    Ok(note_answer(&desk.cosigning.shown()))
}

/// A checkpoint as it is served.
pub fn note_answer(note: &str) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, FRESH)).insert_header((CONTENT_TYPE, TEXT)).body(note.to_owned())
}

/// A tile of hashes or a bundle of entries (C2SP tlog-tiles).
#[utoipa::path(tag = "ledger", params(("name" = String, Path), ("path" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"), (status = 404, body = Problem)))]
#[get("/{name}/tile/{path:.*}")]
pub async fn tile(desk: Data<Desk>, path: Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (name, path) = path.into_inner();
    check_name(&desk, &name)?;
    tile_answer(&desk.tree, &path)
}

/// `path` is what follows `tile/`.
pub fn tile_answer(tree: &Tree, path: &str) -> Result<HttpResponse, Problem> {
    let path: TilePath = format!("tile/{path}").parse().map_err(|_| Code::NotFound)?;
    let bytes = tree.tile(path)?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, FOR_EVER))
        .insert_header((CONTENT_TYPE, "application/octet-stream"))
        .body(bytes))
}

/// The payload of an entry, byte for byte, for who may read it now.
#[utoipa::path(tag = "ledger", params(("name" = String, Path), ("seq" = u64, Path)),
    responses((status = 200, body = String, content_type = "application/json"),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 410, body = Problem)))]
#[get("/{name}/payload/{seq}")]
pub async fn payload(desk: Data<Desk>, who: Who, path: Path<(String, u64)>) -> Result<HttpResponse, Problem> {
    let (name, seq) = path.into_inner();
    check_name(&desk, &name)?;
    let bytes = desk.payload(&who.0, seq)?;
    // What only this reader may see must not stay in a shared cache.
    let caching = if who.0.account.is_none() { FOR_EVER } else { "private, no-store" };
    Ok(payload_answer(bytes, caching))
}

/// A payload as it is served.
pub fn payload_answer(bytes: Bytes, caching: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, caching))
        .insert_header((CONTENT_TYPE, "application/json"))
        .body(bytes)
}

/// The receipt of an entry: its inclusion under the newest cosigned checkpoint, or, for an entry that is newer than that,
/// under the newest that the log has signed (C2SP tlog-proof).
#[utoipa::path(tag = "ledger", params(("name" = String, Path), ("seq" = u64, Path)),
    responses((status = 200, body = String), (status = 404, body = Problem)))]
#[get(r"/{name}/proof/{seq:\d+}")]
pub async fn proof(desk: Data<Desk>, path: Path<(String, u64)>) -> Result<HttpResponse, Problem> {
    let (name, seq) = path.into_inner();
    check_name(&desk, &name)?;
    receipt_answer(&desk.tree, &desk.cosigning.over(seq), seq)
}

/// The receipt of an entry under `note`.
pub fn receipt_answer(tree: &Tree, note: &str, seq: u64) -> Result<HttpResponse, Problem> {
    let signed = SignedCheckpoint::parse(note).map_err(|_| Code::Internal)?;
    let path = tree.inclusion(seq, signed.unverified().size)?;
    let receipt = Proof { extra: None, index: seq, path, checkpoint: signed };
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((CONTENT_TYPE, TEXT))
        .body(receipt.to_string()))
}

#[derive(Serialize, ToSchema)]
pub struct Rotations {
    items: Vec<RotationItem>,
}

/// An entry `ledger.key_rotated`, as a receipt brings it along.
#[derive(Serialize, ToSchema)]
pub struct RotationItem {
    /// The leaf's bytes.
    leaf: String,
    /// The payload's bytes.
    payload: String,
    /// The entry's tlog-proof under the newest cosigned checkpoint.
    proof: String,
}

/// By which entries the log changed its key: for whoever knows another one of its keys than the one that signs now.
#[utoipa::path(tag = "ledger", params(("name" = String, Path)),
    responses((status = 200, body = Rotations), (status = 404, body = Problem)))]
#[get("/{name}/rotations")]
pub async fn rotations(desk: Data<Desk>, name: Path<String>) -> Result<HttpResponse, Problem> {
    check_name(&desk, &name)?;
    let (tree, note) = (Arc::clone(&desk.tree), desk.cosigning.shown());
    Ok(rotations_answer(run(move || handovers(&tree, &note)).await?))
}

pub fn handovers(tree: &Tree, note: &str) -> Result<Vec<Handover>, Code> {
    tree.handovers(&SignedCheckpoint::parse(note).map_err(|_| Code::Internal)?)
}

pub fn rotations_answer(found: Vec<Handover>) -> HttpResponse {
    let item = |of: Handover| RotationItem { leaf: of.leaf, payload: of.payload, proof: of.proof };
    let items = found.into_iter().map(item).collect();
    HttpResponse::Ok().insert_header((CACHE_CONTROL, FRESH)).json(Rotations { items })
}

#[derive(Deserialize, IntoParams)]
pub struct Sizes {
    /// Entries of the older tree.
    old: u64,
    /// Entries of the newer tree.
    new: u64,
}

/// RFC 6962 consistency proof between two sizes, one base64 hash a line.
#[utoipa::path(tag = "ledger", params(("name" = String, Path), Sizes),
    responses((status = 200, body = String), (status = 404, body = Problem)))]
#[get("/{name}/proof/consistency")]
pub async fn consistency(desk: Data<Desk>, name: Path<String>, sizes: Query<Sizes>) -> Result<HttpResponse, Problem> {
    check_name(&desk, &name)?;
    consistency_answer(&desk.tree, &sizes)
}

pub fn consistency_answer(tree: &Tree, sizes: &Sizes) -> Result<HttpResponse, Problem> {
    let hashes = tree.consistency(sizes.old, sizes.new)?;
    let mut body = String::new();
    for hash in hashes {
        body.push_str(&hash.to_base64());
        body.push('\n');
    }
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, FOR_EVER)).insert_header((CONTENT_TYPE, TEXT)).body(body))
}

//! What every command route does once it knows what is wanted.

use actix_web::web::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::extract::{Key, Who};
use super::problem::Problem;
use crate::base::{Hash, Micros};
use crate::desk::{Ask, Desk};
use crate::engine::{Action, Subject};
use crate::identity::Action as Right;

/// What was asked for is in the ledger.
#[derive(Serialize, ToSchema)]
pub struct Recorded {
    /// The first entry; what follows from it stands behind it.
    pub seq: u64,
    /// How many entries it caused.
    pub count: u64,
    pub time: Micros,
    /// The same request was answered before; this is that answer.
    pub replayed: bool,
}

/// Why, in words; recorded in the ledger.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    pub reason: String,
}

/// Nothing to say beyond the wish itself.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// Asks the desk, and answers with where it stands in the ledger.
pub async fn act(
    desk: &Desk,
    who: Who,
    key: Key,
    body: Hash,
    right: Right,
    subject: Subject,
    action: Action,
) -> Result<Json<Recorded>, Problem> {
    let slot = desk.sequencer.reserve()?;
    let ask = Ask { viewer: who.0, right, subject, action, key: key.0, body };
    let outcome = desk.ask(slot, ask).await?;
    Ok(Json(Recorded { seq: outcome.first, count: outcome.count, time: outcome.at, replayed: outcome.replayed }))
}

//! A company's identity key, which vouches for its lot keys (ledger format §5): kept by the identity room, recorded in
//! the ledger.

use std::sync::Arc;

use serde_json::json;

use super::Desk;
use crate::base::{Code, Hash, Id, Jwk, Micros};
use crate::engine::{Actor, Refusal};
use crate::identity::identity_key::IdentityKey;
use crate::identity::{Identity, Viewer};
use crate::sequencer::{Once, Outcome, Record, Status, Submission};

/// A key with the one that it took the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyChange {
    pub key: IdentityKey,
    pub replaced: Option<IdentityKey>,
}

impl Desk {
    /// Registers `key` for the viewer's account and records `key.registered` or `key.replaced`. The key that is in use
    /// already gets its first answer again.
    ///
    /// Refuses as [`Identity::register_identity_key`] does, and with `ledger_stopped`, `busy` or `shutting_down`.
    ///
    /// The identity room comes first: what the ledger says can never be taken back, so it must be true when it is said.
    /// If the ledger then fails, an entry is missing but nothing is false; the client was told no success, and the next
    /// request makes up for every entry that the account's keys lack. Each is written once, since it stands under its
    /// key's id.
    pub async fn register_key(&self, viewer: &Viewer, key: Jwk) -> Result<(KeyChange, Outcome), Refusal> {
        // Better nothing than half of it, where that can be known beforehand.
        match self.sequencer.status() {
            Status::Running => {}
            Status::ShuttingDown => return Err(Code::ShuttingDown.into()),
            Status::Following => return Err(Code::NotLeader.into()),
            Status::Stopped(_) => return Err(Code::LedgerStopped.into()),
        }
        let account = viewer.account.ok_or(Code::NotSignedIn)?;
        let (identity, viewer, now) = (Arc::clone(&self.identity), viewer.clone(), self.now());
        let registering = tokio::task::spawn_blocking(move || register(&identity, &viewer, account, key, now));
        let (change, earlier) = registering.await.map_err(|_| Code::Internal)??;
        for change in earlier {
            self.sequencer.submit(submission(account, change)).await?;
        }
        let outcome = self.sequencer.submit(submission(account, change)).await?;
        Ok((change, outcome))
    }
}

/// Makes `key` the one in use, unless it is. Returns its change, and those before it.
fn register(
    identity: &Identity,
    viewer: &Viewer,
    account: Id,
    key: Jwk,
    now: Micros,
) -> Result<(KeyChange, Vec<KeyChange>), Code> {
    let mut keys = identity.identity_keys(account)?;
    if keys.last().is_none_or(|last| last.public_key != key.0) {
        identity.register_identity_key(viewer, key.0, now)?;
        keys = identity.identity_keys(account)?;
    }
    let before = std::iter::once(None).chain(keys.iter().copied().map(Some));
    let mut changes: Vec<_> =
        keys.iter().zip(before).map(|(key, replaced)| KeyChange { key: *key, replaced }).collect();
    // Another device may have gone on to yet another key meanwhile, and records that itself.
    let mine = changes.iter().position(|change| change.key.public_key == key.0).ok_or(Code::Internal)?;
    changes.truncate(mine + 1);
    let change = changes.pop().ok_or(Code::Internal)?;
    Ok((change, changes))
}

fn submission(account: Id, change: KeyChange) -> Submission {
    let jwk = Jwk(change.key.public_key);
    let mut data = json!({
        "key": jwk,
        "thumbprint": jwk.thumbprint().to_string(),
        "valid_from": change.key.valid_from,
    });
    if let (Some(old), Some(members)) = (change.replaced, data.as_object_mut()) {
        members.insert("replaces".into(), Jwk(old.public_key).thumbprint().to_string().into());
    }
    let record = Record {
        kind: if change.replaced.is_some() { "key.replaced" } else { "key.registered" }.into(),
        subject: format!("account/{account}"),
        actor: Actor::Company(account).to_string(),
        data,
    };
    let body = Hash::of_parts(&[&account.to_u128().to_be_bytes(), &jwk.0]);
    let key = Hash::of(format!("key/{}", change.key.id).as_bytes());
    Submission::record(record).once(Once { key, body, reused: Code::KeyReused })
}

//! A bidder's identity key: the Ed25519 key that stands for the company and vouches for the fresh key of each lot
//! (ledger format §5). Replaced keys stay, with the interval in which they were valid: what they signed remains signed.

use super::Identity;
use super::audit::{Circumstances, Kind, record};
use super::rights::{Action, ObjectRef, may};
use super::viewer::Viewer;
use crate::base::limits::IDENTITY_KEYS_MAX;
use crate::base::{Code, Id, Micros};
use crate::ledger::signature::PublicKey;
use crate::store::StoreError;
use crate::store::platform::identity_keys::{self, IdentityKeyRow};

/// A registered key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdentityKey {
    pub id: Id,
    pub public_key: [u8; 32],
    pub valid_from: Micros,
    /// `None`: still valid.
    pub valid_until: Option<Micros>,
}

impl Identity {
    /// Registers `public_key` for the viewer's account, in place of the one before, if any. Returns the new key and the
    /// id of the one that it replaces; the replacement is an event of the ledger too, which the caller sees to.
    ///
    /// Refuses with [`Code::KeyWeak`] (the ledger's own rule), [`Code::KeyTaken`] (registered before, by
    /// whomever), [`Code::TooMany`], or [`Code::ReauthRequired`]: the first key only needs a session, a replacement a
    /// recent proof of identity.
    pub fn register_identity_key(
        &self,
        viewer: &Viewer,
        public_key: [u8; 32],
        now: Micros,
    ) -> Result<(IdentityKey, Option<Id>), Code> {
        let account = viewer.account.ok_or(Code::NotSignedIn)?;
        let allowed = may(viewer, Action::KeyReplace, ObjectRef::account(account));
        if let Err(code) = allowed
            && code != Code::ReauthRequired
        {
            return Err(code);
        }
        PublicKey::from_bytes(&public_key).map_err(|_| Code::KeyWeak)?;
        let key = IdentityKey { id: self.fresh_id(now), public_key, valid_from: now, valid_until: None };
        let replaced = self.platform.write(|tx| {
            if identity_keys::of_account(tx, account)?.len() >= IDENTITY_KEYS_MAX {
                return Err(Code::TooMany);
            }
            let replaced = identity_keys::close(tx, account, now)?;
            if replaced.is_some() {
                allowed?;
            }
            identity_keys::insert(tx, &row_of(key, account))
                .map_err(|error| if error.is_duplicate() { Code::KeyTaken } else { error.into() })?;
            let kind = if replaced.is_some() { Kind::KeyReplaced } else { Kind::KeyRegistered };
            let who = Circumstances { actor: Some(account), subject: Some(account), network: None };
            record(tx, kind, who, &key.id.to_string(), now)?;
            Ok(replaced)
        })?;
        Ok((key, replaced))
    }

    /// The keys of `account`, oldest first, for the holder or for those whose task it is (the caller asks [`may`]).
    pub fn identity_keys(&self, account: Id) -> Result<Vec<IdentityKey>, Code> {
        let rows = self.platform.read(|tx| identity_keys::of_account(tx, account))?;
        Ok(rows.into_iter().map(key_of).collect::<Result<_, StoreError>>()?)
    }

    /// The key that was valid for `account` at the given time, if any.
    pub fn identity_key_at(&self, account: Id, at: Micros) -> Result<Option<IdentityKey>, Code> {
        let valid = |key: &IdentityKey| key.valid_from <= at && key.valid_until.is_none_or(|until| at < until);
        Ok(self.identity_keys(account)?.into_iter().find(valid))
    }
}

fn row_of(key: IdentityKey, account: Id) -> IdentityKeyRow {
    IdentityKeyRow {
        id: key.id,
        account,
        public_key: key.public_key.to_vec(),
        valid_from: key.valid_from,
        valid_until: key.valid_until,
    }
}

fn key_of(row: IdentityKeyRow) -> Result<IdentityKey, StoreError> {
    let public_key = row.public_key.try_into().map_err(|_| StoreError::Corrupt("identity key"))?;
    Ok(IdentityKey { id: row.id, public_key, valid_from: row.valid_from, valid_until: row.valid_until })
}

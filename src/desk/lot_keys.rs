//! Lot keys that have bid lately, decoded.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::base::Jwk;
use crate::base::limits::LOT_KEYS_REMEMBERED;
use crate::ledger::PublicKey;
use crate::ledger::signature::WeakKey;

/// To decode a key is to find its point on the curve and to refuse it if it is a weak one: a fifth of what the bid's
/// signature costs. The same bytes always give the same key, so nothing here can be out of date.
#[derive(Default)]
pub struct LotKeys(Mutex<HashMap<Jwk, PublicKey>>);

impl LotKeys {
    pub fn decode(&self, jwk: &Jwk) -> Result<PublicKey, WeakKey> {
        if let Some(key) = self.lock().get(jwk) {
            return Ok(*key);
        }
        let key = PublicKey::from_jwk(jwk)?;
        let mut keys = self.lock();
        if keys.len() >= LOT_KEYS_REMEMBERED {
            keys.clear();
        }
        keys.insert(*jwk, key);
        Ok(key)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Jwk, PublicKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! What entries about the ledger itself say: the `data` of `ledger.created`, `ledger.policy_set` and `ledger.key_rotated`
//! (ledger format §3).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::note::{SignatureType, VerifierKey};
use super::signature::{Signer, SignerError};
use crate::base::{Hash, Micros};

/// The kind of leaf 0.
pub const CREATED: &str = "ledger.created";
/// The kind of an entry that sets who must cosign from here on.
pub const POLICY_SET: &str = "ledger.policy_set";
/// The kind of an entry that hands the log over to another key.
pub const KEY_ROTATED: &str = "ledger.key_rotated";
/// The kind of an entry that holds a timestamp of an earlier checkpoint.
pub const TIMESTAMPED: &str = "checkpoint.timestamped";
/// The kind of an entry that names the offline verifier which the platform hands out.
pub const VERIFIER_PUBLISHED: &str = "ledger.verifier_published";
/// What all of them are about.
pub const SUBJECT: &str = "ledger";

/// Leaf 0's `data`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Created {
    pub format: u64,
    pub origin: String,
    pub policy: String,
    pub verifier_key: String,
    pub witnesses: Vec<String>,
}

/// Who must cosign checkpoints from here on, and how long a missing witness holds back what is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySet {
    /// A C2SP tlog-policy.
    pub policy: String,
    /// 0: nothing is held back.
    pub wait_seconds: u64,
}

/// An authority was shown the text of the checkpoint of this size and root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timestamped {
    pub root: Hash,
    pub size: u64,
    /// By the authority's clock; the token says so too.
    pub time: Micros,
    /// base64 of an RFC 3161 `TimeStampToken` over the SHA-256 of the checkpoint's text.
    pub token: String,
}

impl Timestamped {
    /// The token in DER, unless `token` is no base64.
    pub fn token(&self) -> Option<Vec<u8>> {
        STANDARD.decode(&self.token).ok()
    }
}

/// The offline verifier, `verify.html`, that the platform hands out from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifierPublished {
    pub bytes: u64,
    pub sha256: Hash,
    pub version: String,
}

/// The log signs with another key from here on. Both keys have signed that: the old one hands over, the new one is really
/// held by whoever takes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRotated {
    pub new_key: String,
    pub new_signature: String,
    pub old_key: String,
    pub old_signature: String,
}

impl KeyRotated {
    /// What both keys sign; the keys' name is the ledger's origin.
    fn message(old_key: &str, new_key: &str) -> String {
        format!("mingjian/ledger.key_rotated/v1\n{old_key}\n{new_key}\n")
    }

    /// Hands the log `origin` over.
    pub fn sign(origin: &str, old: &dyn Signer, new: &dyn Signer) -> Result<Self, SignerError> {
        let key = |signer: &dyn Signer| {
            let key = VerifierKey::new(origin, SignatureType::Ed25519, signer.public());
            key.map(|key| key.to_string()).map_err(|error| SignerError(error.to_string()))
        };
        let (old_key, new_key) = (key(old)?, key(new)?);
        let message = Self::message(&old_key, &new_key);
        let sign = |signer: &dyn Signer| Ok(STANDARD.encode(signer.sign(message.as_bytes())?));
        Ok(Self { old_signature: sign(old)?, new_signature: sign(new)?, old_key, new_key })
    }

    /// The old and the new key, if they are two keys of one log.
    pub fn keys(&self) -> Option<(VerifierKey, VerifierKey)> {
        let (old, new): (VerifierKey, VerifierKey) = (self.old_key.parse().ok()?, self.new_key.parse().ok()?);
        let signs = |key: &VerifierKey| key.kind() == SignatureType::Ed25519;
        (old.name() == new.name() && old != new && signs(&old) && signs(&new)).then_some((old, new))
    }

    /// Whether both signatures hold; the error says what does not.
    pub fn check(&self) -> Result<(), &'static str> {
        let (old, new) = self.keys().ok_or("expected two keys of one log")?;
        let message = Self::message(&self.old_key, &self.new_key);
        let holds = |key: &VerifierKey, signature: &str| {
            let bytes = STANDARD.decode(signature).ok()?;
            key.public().verify(message.as_bytes(), bytes.as_slice().try_into().ok()?).ok()
        };
        holds(&old, &self.old_signature).ok_or("the old key did not sign it")?;
        holds(&new, &self.new_signature).ok_or("the new key did not sign it")
    }
}

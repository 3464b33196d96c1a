//! The server's own secrets: one file, mode 0600, made at the first start, erased from memory at the end.

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::entropy::random;
use super::key_file::{self, KeyFileError};
use crate::base::{Entropy, Hash};
use crate::ledger::{PublicKey, Signer, SignerError};
use crate::relay::Seal;

const FILE: &str = "server.json";

/// The log's signing key, the key that seals secrets at rest, and the key of the server's message codes.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct ServerKeys {
    log_seed: [u8; 32],
    sealing: [u8; 32],
    mac: [u8; 32],
    /// Is to follow `log_seed`.
    next_log_seed: Option<[u8; 32]>,
    /// Public halves of the log's keys that were replaced, the oldest first.
    #[zeroize(skip)]
    retired: Vec<PublicKey>,
}

/// The log's key behind the ledger's signing interface.
pub struct LogSigner {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl LogSigner {
    pub(super) fn of_seed(seed: &[u8; 32]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let bytes = pair.public_key().as_ref().try_into().ok()?;
        Some(Self { public: PublicKey::from_bytes(&bytes).ok()?, pair })
    }
}

impl Signer for LogSigner {
    fn public(&self) -> PublicKey {
        self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignerError> {
        let signature = self.pair.sign(message);
        signature.as_ref().try_into().map_err(|_| SignerError("a signature of unexpected length".into()))
    }
}

/// The file's form: each is standard base64 of 32 bytes.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    log_seed: String,
    sealing: String,
    mac: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_log_seed: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    retired: Vec<String>,
}

impl ServerKeys {
    /// Reads the keys from `dir`, or makes them at the first start. A new file is on the disk before this returns: a
    /// ledger signed with a key that a crash then takes away could never be continued.
    pub fn load_or_create(dir: &Path, entropy: &dyn Entropy) -> Result<Self, KeyFileError> {
        let path = dir.join(FILE);
        match Self::load(&path) {
            Err(error) if error.is_not_found() => {
                let keys = Self::generate(entropy);
                keys.store(&path)?;
                Ok(keys)
            }
            result => result,
        }
    }

    /// Whether `dir` holds a key file, whatever is in it.
    pub fn exist(dir: &Path) -> bool {
        dir.join(FILE).exists()
    }

    /// Fresh keys that no file holds.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let (log_seed, sealing, mac) = (random(entropy), random(entropy), random(entropy));
        Self { log_seed, sealing, mac, next_log_seed: None, retired: Vec::new() }
    }

    fn load(path: &Path) -> Result<Self, KeyFileError> {
        Self::parse(&key_file::read(path)?).ok_or_else(|| KeyFileError::Damaged(path.to_owned()))
    }

    fn parse(text: &str) -> Option<Self> {
        let file: KeyFile = serde_json::from_str(text).ok()?;
        let key = |text: &str| Zeroizing::new(STANDARD.decode(text).ok()?).as_slice().try_into().ok();
        let public = |text: &String| PublicKey::from_bytes(&key(text)?).ok();
        Some(Self {
            log_seed: key(&file.log_seed)?,
            sealing: key(&file.sealing)?,
            mac: key(&file.mac)?,
            next_log_seed: match &file.next_log_seed {
                Some(next) => Some(key(next)?),
                None => None,
            },
            retired: file.retired.iter().map(public).collect::<Option<_>>()?,
        })
    }

    fn store(&self, path: &Path) -> Result<(), KeyFileError> {
        let text = |key: &[u8; 32]| STANDARD.encode(key);
        let file = KeyFile {
            log_seed: text(&self.log_seed),
            sealing: text(&self.sealing),
            mac: text(&self.mac),
            next_log_seed: self.next_log_seed.as_ref().map(text),
            retired: self.retired.iter().map(|key| STANDARD.encode(key.as_bytes())).collect(),
        };
        // Three strings always serialise; an empty file would be refused as damaged.
        key_file::write(path, &Zeroizing::new(serde_json::to_vec_pretty(&file).unwrap_or_default()))
    }

    /// The 32-byte seed (RFC 8032 §5.1.5) of the key that signs the ledgers' checkpoints.
    pub const fn log_seed(&self) -> &[u8; 32] {
        &self.log_seed
    }

    /// Signs the ledgers' checkpoints; `None` never happens for 32 bytes of seed.
    pub fn log_signer(&self) -> Option<LogSigner> {
        LogSigner::of_seed(&self.log_seed)
    }

    /// The key that is to sign next; made, and on disk, before this returns where there was none.
    pub fn next_log_signer(&mut self, dir: &Path, entropy: &dyn Entropy) -> Result<Option<LogSigner>, KeyFileError> {
        if self.next_log_seed.is_none() {
            self.next_log_seed = Some(random(entropy));
            self.store(&dir.join(FILE))?;
        }
        Ok(self.next_log_seed.as_ref().and_then(LogSigner::of_seed))
    }

    /// Whether a key was made that is to sign next.
    pub const fn has_next(&self) -> bool {
        self.next_log_seed.is_some()
    }

    /// The next key becomes the log's; to be called when the ledger says so.
    pub fn promote_next(&mut self, dir: &Path) -> Result<(), KeyFileError> {
        let (Some(next), Some(old)) = (self.next_log_seed.take(), self.log_signer()) else { return Ok(()) };
        self.retired.push(old.public());
        self.log_seed = next;
        self.store(&dir.join(FILE))
    }

    /// The public halves of the keys that this log has signed with, the oldest first; the last one signs now.
    pub fn log_keys(&self) -> Vec<PublicKey> {
        self.retired.iter().copied().chain(self.log_signer().map(|signer| signer.public())).collect()
    }

    pub(super) const fn sealing(&self) -> &[u8; 32] {
        &self.sealing
    }

    /// The CSRF token of a session: HMAC-SHA-256 over the hash of its token, in base64url. Needs no storage, and nobody
    /// without the server's key can make one.
    pub fn csrf_token(&self, token_hash: Hash) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.mac);
        let mut context = hmac::Context::with_key(&key);
        context.update(b"csrf\0");
        context.update(&token_hash.0);
        URL_SAFE_NO_PAD.encode(context.sign())
    }

    /// A code over `parts` that only a node with the same keys can make.
    pub fn node_code(&self, parts: &[&[u8]]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.mac);
        let mut context = hmac::Context::with_key(&key);
        context.update(b"node\0");
        for part in parts {
            // Each behind its length: nothing can be moved from one part into the next.
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        URL_SAFE_NO_PAD.encode(context.sign())
    }

    /// What the recorder `name` proves itself with: its name, and a code over it.
    pub fn recorder_token(&self, name: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.mac);
        let mut context = hmac::Context::with_key(&key);
        context.update(b"recorder\0");
        context.update(name.as_bytes());
        format!("{name}.{}", URL_SAFE_NO_PAD.encode(context.sign()))
    }

    /// Whether `csrf` is the session's CSRF token, in constant time.
    pub fn is_csrf_token(&self, token_hash: Hash, csrf: &str) -> bool {
        self.csrf_token(token_hash).as_bytes().ct_eq(csrf.as_bytes()).into()
    }
}

impl fmt::Debug for ServerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerKeys(…)")
    }
}

impl Seal for ServerKeys {
    fn code(&self, parts: &[&[u8]]) -> String {
        self.node_code(parts)
    }

    fn is_same(&self, own: &str, shown: &str) -> bool {
        own.as_bytes().ct_eq(shown.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::entropy::SystemEntropy;
    use super::*;

    #[test]
    fn made_once_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let entropy = SystemEntropy::new();
        let made = ServerKeys::load_or_create(dir.path(), &entropy).unwrap();
        let found = ServerKeys::load_or_create(dir.path(), &entropy).unwrap();
        assert_eq!((made.log_seed, made.sealing, made.mac), (found.log_seed, found.sealing, found.mac));
        assert!(made.log_seed != made.sealing && made.sealing != made.mac && made.log_signer().is_some());
        let mode = std::fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(format!("{made:?}"), "ServerKeys(…)");
    }

    #[test]
    fn open_or_damaged_files_are_refused_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        drop(ServerKeys::load_or_create(dir.path(), &SystemEntropy::new()).unwrap());
        let before = std::fs::read(&path).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let refused = ServerKeys::load_or_create(dir.path(), &SystemEntropy::new()).unwrap_err();
        assert!(matches!(refused, KeyFileError::TooOpen(_)), "{refused}");
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, &before[..40]).unwrap();
        let refused = ServerKeys::load_or_create(dir.path(), &SystemEntropy::new()).unwrap_err();
        assert!(matches!(refused, KeyFileError::Damaged(_)), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), &before[..40]);
    }

    #[test]
    fn a_nodes_code_is_over_all_parts_and_where_they_end() {
        let entropy = SystemEntropy::new();
        let (keys, other) = (ServerKeys::generate(&entropy), ServerKeys::generate(&entropy));
        let code = keys.node_code(&[b"ab", b"c"]);
        assert_eq!(code, keys.node_code(&[b"ab", b"c"]));
        for parts in [&[b"a" as &[u8], b"bc"][..], &[b"ab"], &[b"ab", b"c", b""], &[b"c", b"ab"]] {
            assert_ne!(code, keys.node_code(parts));
        }
        assert_ne!(code, other.node_code(&[b"ab", b"c"]));
    }

    #[test]
    fn a_csrf_token_belongs_to_one_session_and_one_server() {
        let entropy = SystemEntropy::new();
        let (keys, other) = (ServerKeys::generate(&entropy), ServerKeys::generate(&entropy));
        let (session, another) = (Hash::of(b"1"), Hash::of(b"2"));
        let csrf = keys.csrf_token(session);
        assert!(keys.is_csrf_token(session, &csrf));
        assert!(!keys.is_csrf_token(another, &csrf) && !other.is_csrf_token(session, &csrf));
        assert!(!keys.is_csrf_token(session, "") && !keys.is_csrf_token(session, &csrf[1..]));
    }
}

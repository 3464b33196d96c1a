//! Files that hold a secret: mode 0600, written whole or not at all, on the disk before anything rests on them.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::entropy::random;
use super::keys::LogSigner;
use crate::base::Entropy;
use crate::ledger::sm2::Sm2Signer;

const FILE_MAX_BYTES: u64 = 4_096;

/// Why the key file cannot be used. None of the texts holds a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("key file {path}: {source}", path = .0.display(), source = .1)]
    Io(PathBuf, io::Error),
    #[error("key file {path} can be read by others: chmod 600 it, and replace the keys if anybody could have seen them", path = .0.display())]
    TooOpen(PathBuf),
    #[error("key file {path} is damaged: restore it from its backup; without it nothing signed with it can be continued", path = .0.display())]
    Damaged(PathBuf),
}

impl KeyFileError {
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Io(_, error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// The text of a secret's file, unless others could read it too.
pub fn read(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    let failed = |error| KeyFileError::Io(path.to_owned(), error);
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.permissions().mode() & 0o077 != 0 {
        return Err(KeyFileError::TooOpen(path.to_owned()));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Temporary file, fsync, rename, fsync of the directory: all of it or nothing.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), KeyFileError> {
    let done = || {
        let temporary = path.with_extension("new");
        let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        out.set_permissions(Permissions::from_mode(0o600))?;
        out.write_all(bytes)?;
        out.sync_all()?;
        std::fs::rename(&temporary, path)?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    done().map_err(|error| KeyFileError::Io(path.to_owned(), error))
}

/// A signing key of its own file: the base64 of a 32-byte seed (RFC 8032 §5.1.5). Made where it is missing.
pub fn signer_of(path: &Path, entropy: &dyn Entropy) -> Result<LogSigner, KeyFileError> {
    let seed = match read(path) {
        Ok(text) => {
            let seed = STANDARD.decode(text.trim()).ok().map(Zeroizing::new);
            seed.and_then(|seed| seed.as_slice().try_into().ok().map(Zeroizing::new))
        }
        Err(error) if error.is_not_found() => {
            let seed: Zeroizing<[u8; 32]> = Zeroizing::new(random(entropy));
            write(path, Zeroizing::new(STANDARD.encode(*seed)).as_bytes())?;
            Some(seed)
        }
        Err(error) => return Err(error),
    };
    seed.and_then(|seed| LogSigner::of_seed(&seed)).ok_or_else(|| KeyFileError::Damaged(path.to_owned()))
}

/// A private SM2 key of its own file, the base64 of 32 bytes; `make`: made where it is missing.
pub fn sm2_of(path: &Path, make: Option<&dyn Entropy>) -> Result<Option<Sm2Signer>, KeyFileError> {
    match read(path) {
        Ok(text) => {
            let scalar = STANDARD.decode(text.trim()).ok().map(Zeroizing::new);
            let scalar: Option<Zeroizing<[u8; 32]>> =
                scalar.and_then(|scalar| scalar.as_slice().try_into().ok().map(Zeroizing::new));
            let signer = scalar.and_then(|scalar| Sm2Signer::new(&scalar));
            signer.map(Some).ok_or_else(|| KeyFileError::Damaged(path.to_owned()))
        }
        Err(error) if error.is_not_found() => {
            let Some(entropy) = make else { return Ok(None) };
            loop {
                // All but one in 2^32 numbers are private keys.
                let scalar: Zeroizing<[u8; 32]> = Zeroizing::new(random(entropy));
                if let Some(signer) = Sm2Signer::new(&scalar) {
                    write(path, Zeroizing::new(STANDARD.encode(*scalar)).as_bytes())?;
                    return Ok(Some(signer));
                }
            }
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::entropy::SystemEntropy;
    use super::*;
    use crate::ledger::Signer as _;

    #[test]
    fn a_signing_key_is_made_once_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("witness.key");
        let made = signer_of(&path, &SystemEntropy::new()).unwrap().public();
        assert_eq!(signer_of(&path, &SystemEntropy::new()).unwrap().public(), made);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, Permissions::from_mode(0o604)).unwrap();
        assert!(matches!(signer_of(&path, &SystemEntropy::new()), Err(KeyFileError::TooOpen(_))));
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "AAAA").unwrap();
        assert!(matches!(signer_of(&path, &SystemEntropy::new()), Err(KeyFileError::Damaged(_))));
    }
}

//! The data directory: one process at a time owns it, nobody else on the machine reads it.
//!
//! ```text
//! <data>/lock                 held for as long as the process lives
//! <data>/platform.sqlite      accounts, sessions, query tables
//! <data>/ledger/<name>.sqlite one ledger each
//! <data>/keys/                the server's secrets
//! <data>/newest-checkpoint    what was signed last, apart from the ledger; see `cli::memory`
//! <data>/restored.json        after a restore, until it is sure that nothing newer was signed; see `backup`
//! ```

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::StoreError;

const OWNER_ONLY_DIR: u32 = 0o700;
const OWNER_ONLY_FILE: u32 = 0o600;
/// Where in the data directory the server's secrets lie.
pub const KEYS: &str = "keys";
/// How long a lock that another process holds is waited for.
const LOCK_WAIT_MAX: Duration = Duration::from_millis(500);
const LOCK_LOOK_EVERY: Duration = Duration::from_millis(10);
const LEDGER_NAME_MAX_CHARS: usize = 64;

/// An existing data directory; locked against other processes when it came from [`DataDir::open`].
#[derive(Debug)]
pub struct DataDir {
    root: PathBuf,
    /// The kernel drops the lock with the descriptor, so a killed process leaves nothing to clean up.
    _lock: Option<File>,
}

impl DataDir {
    /// Creates the directory (mode 0700) where it is missing and takes its lock.
    ///
    /// Refuses with [`StoreError::InUse`] when another process holds it: a ledger has one writer. One that is just ending is
    /// waited for, and so are the children of one: between fork and exec a child holds whatever its parent held.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        for path in [root.clone(), root.join("ledger"), root.join(KEYS)] {
            create_dir(&path)?;
        }
        let path = root.join("lock");
        let file = owner_only().create(true).truncate(false).write(true).open(&path).map_err(|e| io_error(&path, e))?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { root, _lock: Some(file) }),
                Err(TryLockError::WouldBlock) if began.elapsed() < LOCK_WAIT_MAX => std::thread::sleep(LOCK_LOOK_EVERY),
                Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path: root }),
                Err(TryLockError::Error(source)) => return Err(StoreError::Io { path, source }),
            }
        }
    }

    /// The directory without its lock, for those who only read (`verify`, `export`) while a server may be running.
    pub fn open_read_only(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        let metadata = std::fs::metadata(&root).map_err(|e| io_error(&root, e))?;
        if !metadata.is_dir() {
            return Err(io_error(&root, io::ErrorKind::NotADirectory.into()));
        }
        Ok(Self { root, _lock: None })
    }

    /// What is left on the disk that it lies on.
    pub fn space(&self) -> Result<Space, StoreError> {
        let found = rustix::fs::statvfs(&self.root).map_err(|error| io_error(&self.root, error.into()))?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Space { free_bytes: bytes(found.f_bavail), size_bytes: bytes(found.f_blocks) })
    }

    pub fn path(&self) -> &Path {
        &self.root
    }

    pub fn platform_path(&self) -> PathBuf {
        self.root.join("platform.sqlite")
    }

    pub fn keys_path(&self) -> PathBuf {
        self.root.join(KEYS)
    }

    /// Where the named ledger lives. Names are a closed alphabet, so that none can walk out of the directory.
    pub fn ledger_path(&self, name: &str) -> Result<PathBuf, StoreError> {
        check_ledger_name(name)?;
        Ok(self.root.join("ledger").join(format!("{name}.sqlite")))
    }

    /// The names of the ledgers that exist here, sorted.
    pub fn ledgers(&self) -> Result<Vec<String>, StoreError> {
        let path = self.root.join("ledger");
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&path).map_err(|e| io_error(&path, e))? {
            let file = entry.map_err(|e| io_error(&path, e))?.file_name();
            names.extend(file.to_str().and_then(|name| name.strip_suffix(".sqlite")).map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }
}

/// A disk's room, as far as this user may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    pub free_bytes: u64,
    pub size_bytes: u64,
}

pub(super) fn check_ledger_name(name: &str) -> Result<(), StoreError> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.is_empty() || name.len() > LEDGER_NAME_MAX_CHARS || !name.bytes().all(allowed) {
        return Err(StoreError::LedgerName(name.to_owned()));
    }
    Ok(())
}

/// Options that create files for their owner only; SQLite gives its `-wal` and `-shm` files the mode of the database.
pub(super) fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(OWNER_ONLY_FILE);
    options
}

pub(super) fn create_dir(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new().recursive(true).mode(OWNER_ONLY_DIR).create(path).map_err(|e| io_error(path, e))
}

/// Writes `dir/name` under another name first, so that there is either all of it or nothing.
pub fn write_whole(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let (path, draft) = (dir.join(name), dir.join(format!("{name}.new")));
    let failed = |error| io_error(&path, error);
    let mut file = owner_only().create(true).truncate(true).write(true).open(&draft).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    std::fs::rename(&draft, &path).map_err(failed)?;
    sync_dir(dir)
}

pub(super) fn sync_dir(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(|error| io_error(path, error))
}

pub(super) fn io_error(path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_second_owner_is_refused_until_the_first_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("data");
        let first = DataDir::open(&root).unwrap();
        let refusal = DataDir::open(&root).unwrap_err();
        assert!(matches!(&refusal, StoreError::InUse { path } if *path == root), "{refusal}");
        assert!(DataDir::open_read_only(&root).is_ok());
        drop(first);
        DataDir::open(&root).unwrap();
    }

    #[test]
    fn only_the_owner_may_look_inside() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("data");
        let data = DataDir::open(&root).unwrap();
        for path in [root.clone(), data.keys_path(), root.join("ledger")] {
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700, "{}", path.display());
        }
    }

    #[test]
    fn a_ledgers_name_cannot_leave_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        assert!(data.ledger_path("trade-2026").unwrap().ends_with("ledger/trade-2026.sqlite"));
        for name in ["", "..", "a/b", "A", "a.b", "a\0", &"a".repeat(65)] {
            assert!(data.ledger_path(name).is_err(), "{name:?} must be refused");
        }
    }
}

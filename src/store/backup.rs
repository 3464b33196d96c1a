//! Copies of an installation that are whole while it goes on working, and the mark that a restored one carries until it
//! has been shown that nothing newer than it was ever signed.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::data_dir::{create_dir, io_error, owner_only, sync_dir, write_whole};
use super::platform::{Platform, views};
use super::{DataDir, StoreError, connection};
use crate::base::{Hash, Micros};

const MANIFEST: &str = "backup.json";
const RESTORED: &str = "restored.json";
/// A manifest names one file a ledger.
const MANIFEST_MAX_BYTES: u64 = 1024 * 1024;

/// What a backup holds; written last, so that a directory without one is no backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub made_at: Micros,
    pub files: Vec<CopiedFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopiedFile {
    /// Within the data directory, as within the backup.
    pub path: String,
    pub bytes: u64,
    pub sha256: Hash,
}

/// The mark of a restored directory: entries younger than the backup may be in the world, signed by the same key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restored {
    pub backup_made_at: Micros,
    pub restored_at: Micros,
    /// What it was shown, once that was enough; the mark goes when the ledger itself says so.
    pub shown: Option<Shown>,
}

/// Why a restored ledger may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// Entries of the restored copy.
    pub stored: u64,
    /// Entries under the newest signed checkpoint that anybody could show; no more than `stored`.
    pub newest: u64,
}

/// Copies the databases of `dir` into the new directory `out`, each as of one moment, while others read and write them.
///
/// The ledgers go first and the platform last: accounts that a ledger names are then in the copy, and query tables that
/// are ahead of their ledger are read anew after a restore. Keys are not copied; they are kept apart from the data.
pub fn back_up(dir: &DataDir, out: &Path, now: Micros) -> Result<Manifest, StoreError> {
    if out.exists() {
        return Err(io_error(out, io::ErrorKind::AlreadyExists.into()));
    }
    create_dir(&out.join("ledger"))?;
    let mut files = Vec::new();
    for name in dir.ledgers()? {
        files.push(copy_database(&dir.ledger_path(&name)?, out, &format!("ledger/{name}.sqlite"))?);
    }
    files.push(copy_database(&dir.platform_path(), out, "platform.sqlite")?);
    sync_dir(&out.join("ledger"))?;
    let manifest = Manifest { made_at: now, files };
    write_json(out, MANIFEST, &manifest)?;
    Ok(manifest)
}

/// `VACUUM INTO` reads one snapshot and holds up no writer; what it writes it does not sync, so we do.
fn copy_database(from: &Path, out: &Path, path: &str) -> Result<CopiedFile, StoreError> {
    fs::metadata(from).map_err(|error| io_error(from, error))?;
    let to = out.join(path);
    let name = connection::create(&to)?;
    let mut source = connection::open(from)?;
    diesel::sql_query("VACUUM INTO ?").bind::<diesel::sql_types::Text, _>(name).execute(&mut source)?;
    // Opened once, so that its header says WAL and reading the copy later alters no byte of it.
    drop(connection::open(&to)?);
    let (bytes, sha256) = digest(&to)?;
    File::open(&to).and_then(|file| file.sync_all()).map_err(|error| io_error(&to, error))?;
    Ok(CopiedFile { path: path.to_owned(), bytes, sha256 })
}

/// Copies a backup into `dir`, which is fresh, checks every byte of it, and marks the directory as restored.
pub fn restore(backup: &Path, dir: &DataDir, now: Micros) -> Result<Manifest, StoreError> {
    if let Some(path) = [dir.platform_path()].into_iter().chain(databases(dir)?).find(|path| path.exists()) {
        return Err(io_error(&path, io::ErrorKind::AlreadyExists.into()));
    }
    let manifest: Manifest = read_json(&backup.join(MANIFEST))?.ok_or(StoreError::NoBackup(backup.to_owned()))?;
    // The mark stands before the first byte of data: a restore that was cut short must not look like an installation.
    mark(dir, &Restored { backup_made_at: manifest.made_at, restored_at: now, shown: None })?;
    for file in &manifest.files {
        let within = Path::new(&file.path);
        if !within.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(StoreError::Corrupt("a path of the backup's manifest"));
        }
        let (from, to) = (backup.join(within), dir.path().join(within));
        copy_file(&from, &to)?;
        if digest(&to)? != (file.bytes, file.sha256) {
            return Err(StoreError::Damaged(from));
        }
    }
    sync_dir(&dir.path().join("ledger"))?;
    sync_dir(dir.path())?;
    Ok(manifest)
}

/// Lets the query tables of a restored directory be read anew: they may have been copied later than their ledger.
pub fn forget_views(dir: &DataDir, platform: &Platform) -> Result<(), StoreError> {
    for name in dir.ledgers()? {
        platform.write(|tx| views::clear(tx, &name))?;
    }
    Ok(())
}

/// The mark, if the directory carries one.
pub fn restored(dir: &DataDir) -> Result<Option<Restored>, StoreError> {
    read_json(&dir.path().join(RESTORED))
}

/// Writes the mark, or writes it anew with what was shown.
pub fn mark(dir: &DataDir, restored: &Restored) -> Result<(), StoreError> {
    write_json(dir.path(), RESTORED, restored)
}

/// Takes the mark away: the ledger may be signed on.
pub fn settle(dir: &DataDir) -> Result<(), StoreError> {
    let path = dir.path().join(RESTORED);
    fs::remove_file(&path).map_err(|error| io_error(&path, error))?;
    sync_dir(dir.path())
}

fn databases(dir: &DataDir) -> Result<Vec<PathBuf>, StoreError> {
    dir.ledgers()?.iter().map(|name| dir.ledger_path(name)).collect()
}

fn copy_file(from: &Path, to: &Path) -> Result<(), StoreError> {
    let mut source = File::open(from).map_err(|error| io_error(from, error))?;
    let mut target = owner_only().create_new(true).write(true).open(to).map_err(|error| io_error(to, error))?;
    io::copy(&mut source, &mut target).and_then(|_| target.sync_all()).map_err(|error| io_error(to, error))
}

fn digest(path: &Path) -> Result<(u64, Hash), StoreError> {
    let failed = |error| io_error(path, error);
    let mut file = File::open(path).map_err(failed)?;
    let (mut hasher, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            return Ok((bytes, Hash(hasher.finalize().into())));
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
}

pub(super) fn write_json(dir: &Path, name: &str, value: &impl Serialize) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|error| io_error(&dir.join(name), error.into()))?;
    write_whole(dir, name, &bytes)
}

pub(super) fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, StoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(path, error)),
    };
    let mut bytes = Vec::new();
    file.take(MANIFEST_MAX_BYTES).read_to_end(&mut bytes).map_err(|error| io_error(path, error))?;
    serde_json::from_slice(&bytes).map(Some).map_err(|_| StoreError::Damaged(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;

    use super::*;
    use crate::store::SqliteJournal;

    fn installation(root: &Path) -> Arc<DataDir> {
        let dir = Arc::new(DataDir::open(root).unwrap());
        drop(Platform::open(Arc::clone(&dir)).unwrap());
        drop(SqliteJournal::open(&dir.ledger_path("main").unwrap()).unwrap());
        dir
    }

    #[test]
    fn a_backup_is_private_whole_and_marked_when_restored() {
        let temp = tempfile::tempdir().unwrap();
        let dir = installation(&temp.path().join("data"));
        let out = temp.path().join("backup");
        let made = back_up(&dir, &out, Micros::default()).unwrap();
        assert_eq!(made.files.iter().map(|f| &*f.path).collect::<Vec<_>>(), ["ledger/main.sqlite", "platform.sqlite"]);
        for file in &made.files {
            let mode = fs::metadata(out.join(&file.path)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", file.path);
        }
        assert!(back_up(&dir, &out, Micros::default()).is_err(), "an older backup is never written over");
        assert_eq!(restored(&dir).unwrap(), None);

        let fresh = DataDir::open(temp.path().join("fresh")).unwrap();
        assert_eq!(restore(&out, &fresh, Micros::default()).unwrap(), made);
        assert!(restored(&fresh).unwrap().is_some());
        settle(&fresh).unwrap();
        assert_eq!(restored(&fresh).unwrap(), None);
        let again = restore(&out, &fresh, Micros::default()).unwrap_err();
        assert!(again.to_string().contains("platform.sqlite"), "never over an installation: {again}");
    }

    #[test]
    fn a_damaged_backup_is_refused_and_leaves_the_mark() {
        let temp = tempfile::tempdir().unwrap();
        let dir = installation(&temp.path().join("data"));
        let out = temp.path().join("backup");
        back_up(&dir, &out, Micros::default()).unwrap();
        let ledger = out.join("ledger/main.sqlite");
        let mut bytes = fs::read(&ledger).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&ledger, bytes).unwrap();
        let fresh = DataDir::open(temp.path().join("fresh")).unwrap();
        let refused = restore(&out, &fresh, Micros::default()).unwrap_err();
        assert!(refused.to_string().contains("ledger/main.sqlite"), "{refused}");
        assert!(restored(&fresh).unwrap().is_some());

        fs::remove_file(out.join(MANIFEST)).unwrap();
        let other = DataDir::open(temp.path().join("other")).unwrap();
        let refused = restore(&out, &other, Micros::default()).unwrap_err();
        assert!(matches!(refused, StoreError::NoBackup(_)), "{refused}");
    }

    #[test]
    fn a_manifest_cannot_write_outside_the_directory() {
        let temp = tempfile::tempdir().unwrap();
        let out = temp.path().join("backup");
        create_dir(&out).unwrap();
        fs::write(temp.path().join("x"), b"x").unwrap();
        let file = CopiedFile { path: "../x".into(), bytes: 1, sha256: Hash::of(b"x") };
        write_json(&out, MANIFEST, &Manifest { made_at: Micros::default(), files: vec![file] }).unwrap();
        let fresh = DataDir::open(temp.path().join("fresh")).unwrap();
        assert!(matches!(restore(&out, &fresh, Micros::default()), Err(StoreError::Corrupt(_))));
    }
}

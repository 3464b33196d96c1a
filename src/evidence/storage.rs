//! Where footage lies. A segment that was put is durable, read-only and never replaced.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::base::{Id, Micros};
use crate::ledger::media::FileName;
use crate::review::Media;
use crate::store::data_dir::Space;

/// A home for footage. Whatever is one can be read by the verifier.
pub trait MediaStore: Media + Send + Sync {
    /// Durable when it returns. Refuses a name that is taken. A home that can refuse a deletion does so until `keep_until`.
    fn put(&self, name: FileName, bytes: &[u8], keep_until: Option<Micros>) -> io::Result<()>;

    /// `None` when there is no such file.
    fn get(&self, name: FileName) -> io::Result<Option<Vec<u8>>>;

    /// Deleting what is not there is no error.
    fn delete(&self, name: FileName) -> io::Result<()>;

    /// The files of a run, in order of their numbers.
    fn files(&self, run: Id) -> io::Result<Vec<FileName>>;

    /// The runs of which there are files.
    fn runs(&self) -> io::Result<Vec<Id>>;

    /// What is left where it lies, as far as that is known.
    fn space(&self) -> io::Result<Option<Space>>;

    /// Whether it can refuse a deletion. Where it cannot, the two below do nothing.
    fn locks(&self) -> bool {
        false
    }

    /// Refuses a deletion at least until then. For what is not there, there is nothing to refuse.
    fn keep(&self, _name: FileName, _until: Micros) -> io::Result<()> {
        Ok(())
    }

    /// Refuses a deletion from now on, however old the file gets; [`MediaStore::delete`] ends that.
    fn hold(&self, _name: FileName) -> io::Result<()> {
        Ok(())
    }
}

/// A folder a run, on a disk of this machine.
#[derive(Debug, Clone)]
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    /// Makes it where it is missing, for its owner only.
    pub fn open(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        make(&root)?;
        Ok(Self { root })
    }

    /// As it is found; for those who only read.
    pub fn existing(root: impl Into<PathBuf>) -> Option<Self> {
        let root = root.into();
        root.is_dir().then_some(Self { root })
    }

    fn path(&self, name: FileName) -> PathBuf {
        self.root.join(name.to_string())
    }
}

fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A rename is durable when its folder is.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

impl MediaStore for Directory {
    /// A directory refuses nothing: who may write there is its guard.
    fn put(&self, name: FileName, bytes: &[u8], _: Option<Micros>) -> io::Result<()> {
        let path = self.path(name);
        let folder = self.root.join(name.run.to_string());
        if !folder.is_dir() {
            make(&folder)?;
            sync(&self.root)?;
        }
        let unfinished = path.with_extension("part");
        let write = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o400).open(&unfinished)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            // Unlike a rename, a link replaces nothing.
            fs::hard_link(&unfinished, &path)?;
            fs::remove_file(&unfinished)?;
            sync(&folder)
        };
        write().inspect_err(|_| {
            // What a full disk left half-written; it may not even be there.
            let _ = fs::remove_file(&unfinished);
        })
    }

    fn get(&self, name: FileName) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn delete(&self, name: FileName) -> io::Result<()> {
        match fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => {
                // The last one takes its folder along; until then it is not empty.
                let _ = fs::remove_dir(self.root.join(name.run.to_string()));
                Ok(())
            }
        }
    }

    fn files(&self, run: Id) -> io::Result<Vec<FileName>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.root.join(run.to_string()))? {
            let name = entry?.file_name();
            found.extend(name.to_str().and_then(|name| format!("{run}/{name}").parse::<FileName>().ok()));
        }
        found.sort_unstable();
        Ok(found)
    }

    fn runs(&self) -> io::Result<Vec<Id>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            found.extend(entry?.file_name().to_str().and_then(|name| name.parse::<Id>().ok()));
        }
        found.sort_unstable();
        Ok(found)
    }

    fn space(&self) -> io::Result<Option<Space>> {
        let found = rustix::fs::statvfs(&self.root)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Some(Space { free_bytes: bytes(found.f_bavail), size_bytes: bytes(found.f_blocks) }))
    }
}

impl<T: MediaStore + ?Sized> Media for T {
    fn read(&self, name: FileName) -> Result<Option<Vec<u8>>, String> {
        self.get(name).map_err(|error| error.to_string())
    }

    fn list(&self) -> Vec<FileName> {
        let runs = self.runs().unwrap_or_default();
        runs.into_iter().flat_map(|run| self.files(run).unwrap_or_default()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_was_put_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let store = Directory::open(dir.path().join("media")).unwrap();
        let run: Id = "01JD9Z5T8Q3W6V2K4M7N0P1R2S".parse().unwrap();
        let (init, first) = (FileName { run, number: None }, FileName { run, number: Some(0) });
        assert_eq!(store.get(first).unwrap(), None);
        store.put(init, b"init", None).unwrap();
        store.put(first, b"first", None).unwrap();
        let refused = store.put(first, b"other", None).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(store.get(first).unwrap().as_deref(), Some(&b"first"[..]));
        let mode = fs::metadata(dir.path().join("media").join(first.to_string())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o400);
        assert_eq!((store.files(run).unwrap(), store.runs().unwrap()), (vec![init, first], vec![run]));
        for name in [init, first, first] {
            store.delete(name).unwrap();
        }
        assert_eq!(store.runs().unwrap(), []);
        assert!(store.space().unwrap().unwrap().size_bytes > 0);
    }
}

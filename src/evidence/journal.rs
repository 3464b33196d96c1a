//! A recorder's own notes, on disk: what was recorded and not announced yet, so that a recorder that died announces it when
//! it comes back, if it comes back in time; and its last announcement, which may have been taken without an answer. One
//! file a run, one line a segment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::limits::STRETCH_SHIFT_MAX;
use crate::base::{Entropy, Hash, Id, Micros, Span};
use crate::ledger::media::{Segment, Stretch};
use crate::sequencer::Record;

/// A segment that is on disk and waits for its entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    pub camera: Id,
    pub codecs: String,
    pub init: Hash,
    pub run: Id,
    pub number: u64,
    pub from: Micros,
    pub uncertainty: Span,
    /// The link of this segment.
    pub link: Hash,
    pub segment: Segment,
}

impl Recorded {
    pub fn to(&self) -> Micros {
        self.from.plus(self.segment.span)
    }

    /// Whether `self` continues the stretch: the next of its run, at about the time that the stretch says. Where the clock
    /// of the run was better understood meanwhile, another stretch begins and says so.
    pub fn continues(&self, stretch: &Stretch) -> bool {
        let shift = stretch.to().get().abs_diff(self.from.get());
        stretch.run == self.run && stretch.next() == self.number && shift <= STRETCH_SHIFT_MAX.get()
    }
}

/// What an entry was asked to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    pub kind: String,
    pub subject: String,
    pub actor: String,
    pub data: serde_json::Value,
}

impl From<Sent> for Record {
    fn from(Sent { kind, subject, actor, data }: Sent) -> Self {
        Self { kind, subject, actor, data }
    }
}

/// The folder with a file for each run that is not wholly announced. One recorder at a time owns it.
#[derive(Debug)]
pub struct Journals {
    folder: PathBuf,
    /// Of the folder, for good: whoever has the folder is the same recorder after a restart.
    pub holder: Id,
    /// The kernel drops the lock with the descriptor, so a killed recorder leaves nothing to clean up.
    _lock: File,
}

impl Journals {
    pub fn open(folder: impl Into<PathBuf>, entropy: &dyn Entropy) -> io::Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder)?;
        let path = folder.join("holder");
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        if let Err(error) = file.try_lock() {
            let what = format!("{}: another recorder uses it ({error})", folder.display());
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, what));
        }
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let holder = if let Ok(holder) = text.trim().parse() {
            holder
        } else {
            let mut random = [0; 16];
            entropy.fill(&mut random);
            let holder = Id::from_u128(u128::from_be_bytes(random));
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{holder}")?;
            file.sync_all()?;
            holder
        };
        Ok(Self { folder, holder, _lock: file })
    }

    fn path(&self, run: Id) -> PathBuf {
        self.folder.join(format!("{run}.jsonl"))
    }

    fn sent_path(&self) -> PathBuf {
        self.folder.join("sent.json")
    }

    /// Notes what is about to be sent; durable when it returns.
    pub fn sending(&self, record: &Record) -> io::Result<()> {
        let Record { kind, subject, actor, data } = record.clone();
        let bytes = serde_json::to_vec(&Sent { kind, subject, actor, data })?;
        replace(&self.sent_path(), &bytes)
    }

    /// What was sent last, whether or not an answer came.
    pub fn sent(&self) -> io::Result<Option<Record>> {
        match fs::read(self.sent_path()) {
            Ok(bytes) => Ok(Some(serde_json::from_slice::<Sent>(&bytes)?.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A file for a new run.
    pub fn begin(&self, run: Id) -> io::Result<Journal> {
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(self.path(run))?;
        File::open(&self.folder)?.sync_all()?;
        Ok(Journal(file))
    }

    /// Everything of `run` is announced, or will never be.
    pub fn end(&self, run: Id) -> io::Result<()> {
        match fs::remove_file(self.path(run)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// What an earlier life of the recorder left, in order.
    pub fn left(&self) -> io::Result<Vec<Recorded>> {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(&self.folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
        paths.sort_unstable();
        let mut found = Vec::new();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "jsonl")) {
            found.extend(lines(path)?);
        }
        Ok(found)
    }
}

/// The whole file or the old one, for its owner only; durable when it returns.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("part");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Up to the first line that is not whole: it was being written when the power went.
fn lines(path: &Path) -> io::Result<Vec<Recorded>> {
    let text = fs::read(path)?;
    Ok(text.split(|byte| *byte == b'\n').map_while(|line| serde_json::from_slice(line).ok()).collect())
}

/// The file of one run.
#[derive(Debug)]
pub struct Journal(File);

impl Journal {
    /// Durable when it returns.
    pub fn append(&mut self, recorded: &Recorded) -> io::Result<()> {
        let mut line = serde_json::to_vec(recorded)?;
        line.push(b'\n');
        self.0.write_all(&line)?;
        self.0.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::SeededEntropy;

    #[test]
    fn the_folder_is_the_recorder() {
        let dir = tempfile::tempdir().unwrap();
        let first = Journals::open(dir.path(), &SeededEntropy::new(1)).unwrap();
        let (holder, nothing) = (first.holder, first.sent().unwrap());
        assert_eq!(nothing, None);
        let data = serde_json::json!({ "gaps": [] });
        let record = Record { kind: "a.b".into(), subject: "c".into(), actor: "d".into(), data };
        first.sending(&record).unwrap();
        drop(first);
        let again = Journals::open(dir.path(), &SeededEntropy::new(2)).unwrap();
        assert_eq!((again.holder, again.sent().unwrap()), (holder, Some(record)));
    }

    #[test]
    fn a_torn_line_ends_the_reading() {
        let dir = tempfile::tempdir().unwrap();
        let journals = Journals::open(dir.path(), &SeededEntropy::new(1)).unwrap();
        let busy = Journals::open(dir.path(), &SeededEntropy::new(2)).unwrap_err();
        assert_eq!(busy.kind(), io::ErrorKind::ResourceBusy);
        let recorded = |number| Recorded {
            camera: Id::from_u128(1),
            codecs: "avc1.64001f".into(),
            init: Hash::of(b"i"),
            run: Id::from_u128(2),
            number,
            from: Micros::new(1).unwrap(),
            uncertainty: Span::secs(1),
            link: Hash::of(b"l"),
            segment: Segment { digest: Hash::of(b"s"), level: Some(-2_000), span: Span::secs(2) },
        };
        let mut journal = journals.begin(Id::from_u128(2)).unwrap();
        assert!(journals.begin(Id::from_u128(2)).is_err());
        for number in 0..3 {
            journal.append(&recorded(number)).unwrap();
        }
        assert_eq!(journals.left().unwrap().len(), 3);
        journal.0.write_all(b"{\"camera\":").unwrap();
        assert_eq!(journals.left().unwrap(), (0..3).map(recorded).collect::<Vec<_>>());
        journals.end(Id::from_u128(2)).unwrap();
        journals.end(Id::from_u128(2)).unwrap();
        assert_eq!(journals.left().unwrap(), []);
    }
}

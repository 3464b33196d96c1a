//! What was recorded and not announced yet, on disk: a recorder that died announces it when it comes back, if it comes back
//! in time. One file a run, one line a segment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::limits::STRETCH_SHIFT_MAX;
use crate::base::{Hash, Id, Micros, Span};
use crate::ledger::media::{Segment, Stretch};

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

/// The folder with a file for each run that is not wholly announced.
#[derive(Debug, Clone)]
pub struct Journals(PathBuf);

impl Journals {
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    fn path(&self, run: Id) -> PathBuf {
        self.0.join(format!("{run}.jsonl"))
    }

    /// A file for a new run.
    pub fn begin(&self, run: Id) -> io::Result<Journal> {
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(self.path(run))?;
        File::open(&self.0)?.sync_all()?;
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
            fs::read_dir(&self.0)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
        paths.sort_unstable();
        let mut found = Vec::new();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "jsonl")) {
            found.extend(lines(path)?);
        }
        Ok(found)
    }
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

    #[test]
    fn a_torn_line_ends_the_reading() {
        let dir = tempfile::tempdir().unwrap();
        let journals = Journals::open(dir.path()).unwrap();
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

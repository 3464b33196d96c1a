//! The stored ledger as a source of verifications, bundles and case files, as far as its reader may see it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rayon::prelude::*;

use super::{audience_of_record, event_of};
use crate::base::Hash;
use crate::engine::{Audience, State, apply, audience};
use crate::evidence::Directory;
use crate::identity::{Viewer, may_read};
use crate::ledger::tile::TILE_WIDTH;
use crate::ledger::{Leaf, Payload, SignedCheckpoint};
use crate::review::{Content, Entry, Media, Missing, Source, Spread, content};
use crate::sequencer::{LedgerReader, ReadError};

/// Earlier checkpoints that are taken from where they are kept, evenly over the ledger.
const EARLIER: u64 = 256;

/// A stored ledger, read beside the sequencer that may be writing it.
pub struct Stored<'a> {
    reader: &'a dyn LedgerReader,
    /// The reader and the state at the end, when only what that reader may read now is to be shown.
    seen_by: Option<(Viewer, State)>,
    /// A newer checkpoint than those that are kept.
    newest: Option<(u64, String)>,
    /// Payloads that are not stored because the log did not show them to a mirror.
    withheld: BTreeSet<u64>,
    media: Option<Directory>,
    /// Where timestamps are kept: `<size>.txt` and `<size>.tst`.
    timestamps: Option<PathBuf>,
}

impl<'a> Stored<'a> {
    /// Everything that is stored.
    pub fn whole(reader: &'a dyn LedgerReader) -> Self {
        Self { reader, seen_by: None, newest: None, withheld: BTreeSet::new(), media: None, timestamps: None }
    }

    /// As [`Stored::whole`], of a mirror from which the log has withheld these payloads.
    pub fn mirrored(reader: &'a dyn LedgerReader, withheld: BTreeSet<u64>) -> Self {
        Self { withheld, ..Self::whole(reader) }
    }

    /// With the footage that lies there, if any does.
    #[must_use]
    pub fn with_media(self, media: Option<Directory>) -> Self {
        Self { media, ..self }
    }

    /// With the timestamps that are kept in this folder, if it is there.
    #[must_use]
    pub fn with_timestamps(self, folder: PathBuf) -> Self {
        Self { timestamps: Some(folder).filter(|folder| folder.is_dir()), ..self }
    }

    /// What the public may read now.
    pub fn public(reader: &'a dyn LedgerReader) -> Result<Self, ReadError> {
        Self::seen_by(reader, Viewer::public())
    }

    /// What `viewer` may read in this state of the ledger.
    pub fn seen_in(reader: &'a dyn LedgerReader, viewer: Viewer, state: State) -> Self {
        Self { seen_by: Some((viewer, state)), ..Self::whole(reader) }
    }

    /// Up to this signed checkpoint, which need not be among those that are kept.
    #[must_use]
    pub fn up_to(self, note: &str) -> Self {
        let size = SignedCheckpoint::parse(note).ok().map(|signed| signed.unverified().size);
        Self { newest: size.map(|size| (size, note.to_owned())), ..self }
    }

    /// What `viewer` may read now. The payloads are read once to know how far each lot has come.
    pub fn seen_by(reader: &'a dyn LedgerReader, viewer: Viewer) -> Result<Self, ReadError> {
        let mut state = State::default();
        let mut from = 0;
        loop {
            let page = reader.entries(from, TILE_WIDTH.into())?;
            let Some(last) = page.last() else { break };
            from = last.seq + 1;
            for entry in &page {
                let leaf = Leaf::parse(&entry.leaf).ok();
                if let (Some(leaf), Some(event)) = (leaf, entry.payload.as_deref().and_then(event_of)) {
                    apply(&mut state, &event, leaf.time, entry.seq);
                }
            }
        }
        Ok(Self::seen_in(reader, viewer, state))
    }

    fn is_shown(&self, payload: &[u8]) -> bool {
        let Some((viewer, state)) = &self.seen_by else { return true };
        let readers = match event_of(payload) {
            Some(event) => audience(&event, state),
            None => Payload::parse(payload).map_or(Audience::Sealed, |payload| audience_of_record(&payload.kind)),
        };
        may_read(viewer, &readers)
    }

    fn newest(&self) -> Result<Option<(u64, String)>, ReadError> {
        if self.newest.is_some() { Ok(self.newest.clone()) } else { self.reader.newest_checkpoint() }
    }
}

impl Source for Stored<'_> {
    type Error = ReadError;

    fn media(&self) -> Option<&dyn Media> {
        self.media.as_ref().map(|media| media as &dyn Media)
    }

    fn timestamps(&mut self, visit: &mut dyn FnMut(&str, &[u8])) -> Result<(), ReadError> {
        let Some(folder) = &self.timestamps else { return Ok(()) };
        let lost = |error: std::io::Error| ReadError(format!("{}: {error}", folder.display()));
        let mut tokens = Vec::new();
        for file in std::fs::read_dir(folder).map_err(lost)? {
            tokens.extend(Some(file.map_err(lost)?.path()).filter(|path| path.extension() == Some("tst".as_ref())));
        }
        tokens.sort();
        for path in tokens {
            let token = std::fs::read(&path).map_err(lost)?;
            // Without its text nobody knows what was stamped: that is found by whoever looks at it.
            let text = std::fs::read_to_string(path.with_extension("txt")).unwrap_or_default();
            visit(&text, &token);
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<String, ReadError> {
        let newest = self.newest()?.ok_or_else(|| ReadError("it has no checkpoint yet".into()))?;
        Ok(newest.1)
    }

    fn earlier(&mut self) -> Result<Vec<String>, ReadError> {
        let Some((newest, _)) = self.newest()? else { return Ok(Vec::new()) };
        let mut notes = Vec::new();
        let mut from = 0;
        while let Some((size, note, _)) = self.reader.checkpoint_from(from)?.filter(|(size, ..)| *size < newest) {
            notes.push(note);
            from = size + (newest / EARLIER).max(1);
        }
        Ok(notes)
    }

    fn entries(&mut self, seq: u64, count: usize) -> Result<Vec<Entry>, ReadError> {
        let stored = self.reader.entries(seq, count)?.into_iter().zip(seq..);
        // A gap in the numbers is the end: what lies behind it has lost its place.
        let in_order = stored.take_while(|(entry, seq)| entry.seq == *seq).map(|(entry, _)| entry);
        let shown = in_order.map(|entry| {
            let payload = match entry.payload {
                None if self.withheld.contains(&entry.seq) => Err(Missing::Withheld),
                None => Err(Missing::Erased),
                Some(bytes) if self.seen_by.is_some() && is_damaged(&entry.leaf, &bytes) => Err(Missing::Damaged),
                Some(bytes) if self.is_shown(&bytes) => Ok(bytes.to_vec()),
                Some(_) => Err(Missing::Withheld),
            };
            Entry { leaf: entry.leaf.to_vec(), payload }
        });
        Ok(shown.collect())
    }

    fn tile(&mut self, level: u8, index: u64) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.reader.tile(level, index)?.map(|bytes| bytes.to_vec()))
    }
}

/// Whoever sees everything sees the damage itself; to others it would look like an entry that they may not read. What the
/// leaf no longer says, whoever checks the leaf says.
fn is_damaged(leaf: &[u8], payload: &[u8]) -> bool {
    Leaf::parse(leaf).is_ok_and(|leaf| leaf.payload != Hash::of(payload))
}

/// The log's key as entry 0 names it.
pub fn verifier_key_of<S: Source>(source: &mut S) -> Result<String, Box<dyn std::error::Error>> {
    let first = source.entries(0, 1).map_err(|error| error.to_string())?;
    let key = first.into_iter().find_map(|entry| {
        let Ok(Content::Created(created)) = content::read(&entry.payload.ok()?) else { return None };
        Some(created.verifier_key)
    });
    Ok(key.ok_or("entry 0 names no key")?)
}

/// All cores.
pub struct Threads;

impl Spread for Threads {
    fn map<T: Send, R: Send>(&self, items: Vec<T>, work: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
        items.into_par_iter().map(work).collect()
    }

    fn both<A: Send, B: Send>(&self, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
        rayon::join(a, b)
    }
}

//! What a witness does with a checkpoint that is handed to it: C2SP tlog-witness, `add-checkpoint`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::book::{Alarm, AlarmKind, Book, BookError, Seen};
use crate::base::{Hash, Micros};
use crate::ledger::note::{NoteSignature, SignatureType};
use crate::ledger::tree::{empty_root, verify_consistency};
use crate::ledger::{AddCheckpoint, Note, NoteError, Signer, SignerError, VerifierKey, cosignature};
use crate::sequencer::Clock;

/// A log that this witness cosigns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The first line of its checkpoints.
    pub origin: String,
    /// Its keys of type 0x01; one of them is enough.
    pub keys: Vec<VerifierKey>,
    /// Its monitoring prefix (C2SP tlog-tiles), if the witness is to watch it.
    pub url: Option<String>,
}

impl Log {
    /// The note with the lines of this log's keys only: nobody fills our book with his own.
    fn lines_of<'a>(&'a self, note: &'a Note) -> impl Iterator<Item = NoteSignature> + 'a {
        let known = |line: &&NoteSignature| self.keys.iter().any(|key| line.name == key.name() && line.id == key.id());
        note.signatures().iter().filter(known).cloned()
    }

    /// Whether it signed the note. A line of a known key that does not hold refuses the note.
    pub fn has_signed(&self, note: &Note) -> bool {
        let lines: Vec<_> = self.keys.iter().map(|key| note.verify(key)).collect();
        lines.contains(&Ok(())) && !lines.contains(&Err(NoteError::BadSignature))
    }
}

/// The answers of `add-checkpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 200: the cosignature, which continues everything that was cosigned before and is durable.
    Cosigned(NoteSignature),
    /// 400
    Malformed,
    /// 403: no trusted key of the log has signed it.
    NotSigned,
    /// 404
    UnknownLog,
    /// 409: the size of the newest cosigned checkpoint; with that very size, another root was cosigned.
    Conflict(u64),
    /// 422
    NotConsistent,
}

/// The witness could not answer; nothing was cosigned.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    #[error(transparent)]
    Book(#[from] BookError),
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// One witness: a key, the logs that it cosigns, and its book.
pub struct Witness {
    key: VerifierKey,
    signer: Box<dyn Signer>,
    logs: Vec<Log>,
    book: Arc<dyn Book>,
    clock: Arc<dyn Clock>,
    /// Signed notes that came without a proof that holds, the last of each log: `watch` asks the log about them.
    suspects: Mutex<BTreeMap<String, Note>>,
}

impl Witness {
    /// `name` is a schemeless URL that tells this witness from others. Refuses a name that cannot name a key.
    pub fn new(
        name: &str,
        signer: Box<dyn Signer>,
        logs: Vec<Log>,
        book: Arc<dyn Book>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, NoteError> {
        let key = VerifierKey::new(name, SignatureType::Cosignature, signer.public())?;
        Ok(Self { key, signer, logs, book, clock, suspects: Mutex::default() })
    }

    /// What logs and verifiers are configured with.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    pub fn book(&self) -> &dyn Book {
        &*self.book
    }

    pub fn now(&self) -> Micros {
        self.clock.now()
    }

    /// Answers the body of an `add-checkpoint`.
    pub fn add_checkpoint(&self, body: &[u8]) -> Result<Answer, WitnessError> {
        let Some(request) = AddCheckpoint::parse(body) else { return Ok(Answer::Malformed) };
        let Some(log) = self.logs.iter().find(|log| log.origin == request.head.origin) else {
            return Ok(Answer::UnknownLog);
        };
        self.judge(log, &request)
    }

    /// The checks, in the order of the specification.
    pub fn judge(&self, log: &Log, request: &AddCheckpoint) -> Result<Answer, WitnessError> {
        let AddCheckpoint { old, proof, note, head } = request;
        if !log.has_signed(note) {
            return Ok(Answer::NotSigned);
        }
        if *old > head.size {
            return Ok(Answer::Malformed);
        }
        let seen = self.book.seen(&log.origin)?;
        let before = seen.as_ref().map(|seen| (seen.size, seen.root));
        let (size, root) = before.unwrap_or((0, empty_root()));
        let forked = seen.as_ref().filter(|seen| seen.size == head.size && seen.root != head.root);
        if let Some(seen) = forked {
            self.accuse(log, &seen.note, note)?;
        }
        if *old != size || forked.is_some() {
            return Ok(Answer::Conflict(size));
        }
        if verify_consistency(*old, root, head.size, head.root, proof).is_err() {
            // The submitter may have sent rubbish, or the log may have forked: only the log can tell.
            self.lock_suspects().insert(log.origin.clone(), note.clone());
            return Ok(Answer::NotConsistent);
        }
        self.cosign(log, before, note, (head.size, head.root))
    }

    /// Cosigns and stores; the cosignature leaves only when it is stored.
    fn cosign(
        &self,
        log: &Log,
        before: Option<(u64, Hash)>,
        note: &Note,
        (size, root): (u64, Hash),
    ) -> Result<Answer, WitnessError> {
        let at = self.clock.now();
        let seconds = u64::try_from(at.get() / 1_000_000).unwrap_or(0);
        let line = cosignature::cosign(note.text(), self.key.name(), seconds, &*self.signer)?;
        let lines = log.lines_of(note).chain([line.clone()]).collect();
        let note = Note::new(note.text().to_owned(), lines).map_err(|error| SignerError(error.to_string()))?;
        let new = Seen { size, root, note: note.to_string(), at };
        if self.book.replace(&log.origin, before, &new)? {
            return Ok(Answer::Cosigned(line));
        }
        // Another request was stored between our look and now.
        Ok(Answer::Conflict(self.book.seen(&log.origin)?.map_or(0, |seen| seen.size)))
    }

    /// Two signed notes of which neither continues the other: the log is convicted, for good.
    pub(super) fn accuse(&self, log: &Log, ours: &str, theirs: &Note) -> Result<(), BookError> {
        tracing::error!(origin = log.origin, "the log has signed two histories");
        self.book.raise(&Alarm {
            origin: log.origin.clone(),
            kind: AlarmKind::Fork,
            began: self.clock.now(),
            ended: None,
            ours: ours.to_owned(),
            theirs: Note::new(theirs.text().to_owned(), log.lines_of(theirs).collect())
                .map_or_else(|_| theirs.text().to_owned(), |note| note.to_string()),
        })
    }

    pub(super) fn take_suspect(&self, origin: &str) -> Option<Note> {
        self.lock_suspects().remove(origin)
    }

    fn lock_suspects(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Note>> {
        self.suspects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

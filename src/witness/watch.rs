//! A witness that looks at a log by itself: it asks for the checkpoint, lets the log show by its tiles that the tree only
//! grew, and raises an alarm when it cannot, shows less than before, or is silent for too long.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::book::{Alarm, AlarmKind, BookError, Seen};
use super::client::{LogClient, NotServed};
use super::judge::{Answer, Log, Witness, WitnessError};
use crate::base::limits::WITNESS_ANSWER_MAX;
use crate::base::{Micros, Span};
use crate::ledger::tree::{NoProof, consistency_proof, verify_consistency};
use crate::ledger::{AddCheckpoint, Note, TreeHead};

/// What the last looks at a log came to; forgotten with the process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sight {
    /// When the log last showed something sound.
    pub sound: Option<Micros>,
    /// Largest size that its `/checkpoint` has shown.
    pub shown: u64,
    /// Why the last look came to nothing.
    pub trouble: Option<String>,
}

/// Watches the logs of a witness that have a URL.
pub struct Watch {
    witness: Arc<Witness>,
    stale_after: Span,
    began: Micros,
    sights: Mutex<BTreeMap<String, Sight>>,
}

/// A look came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    #[error(transparent)]
    NotServed(#[from] NotServed),
    #[error("its checkpoint is not one of this log, or not signed by it")]
    NotSigned,
    #[error("it shows {shown} entries and had shown or submitted {known}")]
    Behind { shown: u64, known: u64 },
    #[error("it cannot show that its history only grew")]
    Forked,
    #[error(transparent)]
    Witness(#[from] WitnessError),
}

impl From<BookError> for LookError {
    fn from(error: BookError) -> Self {
        Self::Witness(error.into())
    }
}

/// Tries to keep up with a log that moves while it is looked at.
const TRIES: usize = 5;

impl Watch {
    pub fn new(witness: Arc<Witness>, stale_after: Span) -> Self {
        let began = witness.now();
        Self { witness, stale_after, began, sights: Mutex::default() }
    }

    pub fn witness(&self) -> &Arc<Witness> {
        &self.witness
    }

    /// What is known of the log with this origin.
    pub fn sight(&self, origin: &str) -> Sight {
        self.lock().get(origin).cloned().unwrap_or_default()
    }

    /// One look at every log that has a URL.
    pub fn look_around(&self) {
        for log in self.witness.logs() {
            if let Some(url) = &log.url {
                let client = LogClient::new(url, Duration::from_micros(WITNESS_ANSWER_MAX.get()));
                self.look(log, &client);
            }
        }
    }

    /// One look at one log; what is wrong becomes an alarm.
    pub fn look(&self, log: &Log, client: &LogClient) {
        let result = self.examine(log, client);
        let now = self.witness.now();
        let mut sights = self.lock();
        let sight = sights.entry(log.origin.clone()).or_default();
        sight.trouble = result.as_ref().err().map(ToString::to_string);
        if result.is_ok() {
            sight.sound = Some(now);
        }
        let sound = sight.sound.unwrap_or(self.began);
        drop(sights);
        let noted = match &result {
            Ok(()) => self.settle(log, now),
            Err(error) => {
                tracing::warn!(origin = log.origin, %error, "a look at a log came to nothing");
                self.complain(log, error, sound, now)
            }
        };
        if let Err(error) = noted {
            tracing::error!(%error, "an alarm could not be noted");
        }
    }

    fn settle(&self, log: &Log, now: Micros) -> Result<(), BookError> {
        self.witness.book().settle(&log.origin, AlarmKind::Stale, now)?;
        self.witness.book().settle(&log.origin, AlarmKind::Shrank, now)
    }

    fn complain(&self, log: &Log, error: &LookError, sound: Micros, now: Micros) -> Result<(), BookError> {
        let patience_is_over = now.since(sound) > self.stale_after;
        let kind = match error {
            LookError::Behind { shown, .. } if *shown < self.sight(&log.origin).shown => AlarmKind::Shrank,
            LookError::Behind { .. } if patience_is_over => AlarmKind::Shrank,
            LookError::NotServed(_) | LookError::NotSigned if patience_is_over => AlarmKind::Stale,
            _ => return Ok(()),
        };
        let ours = self.witness.book().seen(&log.origin)?.map(|seen| seen.note).unwrap_or_default();
        let origin = log.origin.clone();
        self.witness.book().raise(&Alarm { origin, kind, began: now, ended: None, ours, theirs: error.to_string() })
    }

    fn examine(&self, log: &Log, client: &LogClient) -> Result<(), LookError> {
        if let Some(suspect) = self.witness.take_suspect(&log.origin)
            && let Ok(head) = suspect.text().parse::<TreeHead>()
        {
            // Handed in without a proof that holds: does the log stand by it?
            match self.follow(log, client, &suspect, &head) {
                Ok(()) | Err(LookError::Behind { .. } | LookError::NotServed(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let note = Note::parse(&client.checkpoint()?).map_err(|_| LookError::NotSigned)?;
        let head: TreeHead = note.text().parse().map_err(|_| LookError::NotSigned)?;
        if head.origin != log.origin || !log.has_signed(&note) {
            return Err(LookError::NotSigned);
        }
        self.follow(log, client, &note, &head)?;
        let mut sights = self.lock();
        let sight = sights.entry(log.origin.clone()).or_default();
        if head.size < sight.shown {
            return Err(LookError::Behind { shown: head.size, known: sight.shown });
        }
        sight.shown = head.size;
        Ok(())
    }

    /// From what we cosigned to `note`, which the log has signed.
    fn follow(&self, log: &Log, client: &LogClient, note: &Note, head: &TreeHead) -> Result<(), LookError> {
        for _ in 0..TRIES {
            let seen = self.witness.book().seen(&log.origin)?;
            let size = seen.as_ref().map_or(0, |seen| seen.size);
            if let (Some(seen), Ordering::Less) = (&seen, head.size.cmp(&size)) {
                return self.look_back(log, client, note, head, seen);
            }
            let proof = prove(client, size, head.size)?;
            let request = AddCheckpoint { old: size, proof, note: note.clone(), head: head.clone() };
            match self.witness.judge(log, &request)? {
                Answer::Cosigned(_) => return Ok(()),
                // It moved meanwhile: submitted by the log itself.
                Answer::Conflict(now) if now != head.size || now != size => {}
                Answer::Conflict(_) => return Err(LookError::Forked),
                Answer::NotConsistent => {
                    self.witness.take_suspect(&log.origin);
                    let ours = seen.map(|seen| seen.note).unwrap_or_default();
                    self.witness.accuse(log, &ours, note)?;
                    return Err(LookError::Forked);
                }
                Answer::Malformed | Answer::NotSigned | Answer::UnknownLog => return Err(LookError::NotSigned),
            }
        }
        Ok(())
    }

    /// The log shows less than it had us cosign: normal for a moment, since it shows a checkpoint only after it was
    /// cosigned. But what it shows must be how that one began.
    fn look_back(
        &self,
        log: &Log,
        client: &LogClient,
        note: &Note,
        head: &TreeHead,
        seen: &Seen,
    ) -> Result<(), LookError> {
        if let Ok(proof) = prove(client, head.size, seen.size)
            && verify_consistency(head.size, head.root, seen.size, seen.root, &proof).is_err()
        {
            self.witness.accuse(log, &seen.note, note)?;
            return Err(LookError::Forked);
        }
        let shown = self.sight(&log.origin).shown;
        // Not less than it ever showed, and not for long: the look is sound.
        let lately = self.witness.now().since(seen.at) <= self.stale_after;
        if head.size >= shown && lately {
            return Ok(());
        }
        Err(LookError::Behind { shown: head.size, known: seen.size })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Sight>> {
        self.sights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn prove(client: &LogClient, old: u64, new: u64) -> Result<Vec<crate::base::Hash>, LookError> {
    consistency_proof(&client.tree(new), old, new).map_err(|error| match error {
        NoProof::Reader(error) => error.into(),
        NoProof::OutOfRange => LookError::Forked,
    })
}

//! One look at the log: what is new is fetched, checked and kept. Nothing is kept that a signed checkpoint does not prove.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rayon::prelude::*;

use super::owner::Owner;
use super::shelf::{Copied, Shelf, Standing, Text};
use crate::base::limits::{MIRROR_ASKED_AGAIN, PAYLOAD_MAX_BYTES, WITNESS_ANSWER_MAX};
use crate::base::{Hash, Micros};
use crate::ledger::leaf::ChainError;
use crate::ledger::note::SignatureType;
use crate::ledger::tree::{NoProof, consistency_proof, verify_consistency};
use crate::ledger::{
    Leaf, Note, NoteError, Origin, Policy, SignedCheckpoint, Signer, SignerError, VerifierKey, cosignature,
};
use crate::sequencer::{Clock, JournalError, LedgerTree, ReadError, StartError, Trail};
use crate::witness::client::ServedTree;
use crate::witness::{Alarm, AlarmKind, Book, BookError, Log, LogClient, NotServed, Refused};

/// What the last look came to; forgotten with the process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sight {
    /// When the log last showed something sound.
    pub sound: Option<Micros>,
    /// Why the last look came to nothing.
    pub trouble: Option<String>,
}

/// Why a look came to nothing. What was kept before it stays.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    #[error(transparent)]
    NotServed(#[from] NotServed),
    #[error("its checkpoint is not one of this log, or not signed by it")]
    NotSigned,
    #[error("its checkpoint does not meet the policy: {0}")]
    Policy(String),
    #[error("it shows {shown} entries, and {kept} are kept here")]
    Shrank { shown: u64, kept: u64 },
    #[error("it cannot show that its history only grew")]
    Forked,
    #[error(transparent)]
    Entry(#[from] ChainError),
    #[error("seq {0}: the payload is not the one that the leaf names")]
    Payload(u64),
    #[error("{0}")]
    Owner(String),
    #[error(transparent)]
    Write(#[from] JournalError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Kept(#[from] StartError),
    #[error(transparent)]
    Book(#[from] BookError),
    #[error(transparent)]
    Signer(#[from] SignerError),
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// A log's mirror.
pub struct Mirror {
    origin: Origin,
    log: Log,
    /// Whom a checkpoint must have convinced; the log's signature alone when there is none.
    policy: Option<Policy>,
    owner: Option<Owner>,
    key: VerifierKey,
    signer: Box<dyn Signer>,
    shelf: Arc<dyn Shelf>,
    book: Arc<dyn Book>,
    clock: Arc<dyn Clock>,
    client: LogClient,
    sight: Mutex<Sight>,
    /// Payloads that were not public are asked for again from here on.
    next_asked: Mutex<u64>,
}

/// Whom a mirror copies, and with whose rights.
pub struct Source {
    pub log: Log,
    pub policy: Option<Policy>,
    pub owner: Option<Owner>,
}

impl Mirror {
    /// `name` is a schemeless URL that tells this mirror from other cosigners.
    pub fn new(
        name: &str,
        signer: Box<dyn Signer>,
        source: Source,
        shelf: Arc<dyn Shelf>,
        book: Arc<dyn Book>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, MirrorError> {
        let Source { log, policy, owner } = source;
        let key = VerifierKey::new(name, SignatureType::Cosignature, signer.public())?;
        let origin = Origin::new(&log.origin).map_err(|_| MirrorError::NotSigned)?;
        let url = log.url.as_deref().unwrap_or_default();
        let client = LogClient::new(url, Duration::from_micros(WITNESS_ANSWER_MAX.get()));
        let (sight, next_asked) = (Mutex::default(), Mutex::default());
        Ok(Self { origin, log, policy, owner, key, signer, shelf, book, clock, client, sight, next_asked })
    }

    /// The key under which this mirror says that it holds what a checkpoint covers.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    pub fn log(&self) -> &Log {
        &self.log
    }

    pub fn shelf(&self) -> &dyn Shelf {
        &*self.shelf
    }

    pub fn book(&self) -> &dyn Book {
        &*self.book
    }

    pub fn now(&self) -> Micros {
        self.clock.now()
    }

    pub fn sight(&self) -> Sight {
        self.sight.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The newest note that is kept, with the size that it covers.
    pub fn newest(&self) -> Result<Option<(u64, String)>, ReadError> {
        self.shelf.reader().newest_checkpoint()
    }

    /// One look; what is wrong stays in [`Mirror::sight`], and what convicts the log in the book.
    pub fn look(&self) -> Result<u64, MirrorError> {
        let result = self.pull();
        let now = self.clock.now();
        let mut sight = self.sight.lock().unwrap_or_else(PoisonError::into_inner);
        match &result {
            Ok(_) => *sight = Sight { sound: Some(now), trouble: None },
            Err(error) => {
                tracing::warn!(origin = self.log.origin, %error, "a look at the log came to nothing");
                sight.trouble = Some(error.to_string());
            }
        }
        result
    }

    /// Fetches what is new; how many entries are kept then.
    fn pull(&self) -> Result<u64, MirrorError> {
        let note = self.client.checkpoint()?;
        let signed = SignedCheckpoint::parse(&note).map_err(|_| MirrorError::NotSigned)?;
        let head = signed.unverified();
        if head.origin != self.origin || !self.log.has_signed(signed.note()) {
            return Err(MirrorError::NotSigned);
        }
        if let Some(policy) = &self.policy {
            // By whichever of its keys the log signs now.
            let signer = self.log.keys.iter().find(|key| signed.note().verify(key).is_ok());
            let policy = signer.map_or_else(|| policy.clone(), |key| policy.with_log(key.clone()));
            signed.verify(&policy).map_err(|error| MirrorError::Policy(error.to_string()))?;
        }
        let (reader, size) = (self.shelf.reader(), head.size);
        let mut trail = Trail::resume(&*reader, &self.origin, reader.size()?)?;
        let kept = trail.chain.size();
        if size < kept {
            return self.look_back(&signed, kept);
        }
        let served = self.client.tree(size);
        self.continues(&served, &trail, &signed)?;
        while trail.chain.size() < size {
            self.copy_batch(&served, &mut trail, &signed)?;
        }
        self.keep(&signed)?;
        self.ask_again()?;
        Ok(size)
    }

    /// That `trail` is how the log of `signed` begins, by the log's own tiles.
    fn continues(&self, served: &ServedTree<'_>, trail: &Trail, signed: &SignedCheckpoint) -> Result<(), MirrorError> {
        let (head, here) = (signed.unverified(), trail.chain.size());
        let proof = consistency_proof(served, here, head.size).map_err(|error| match error {
            NoProof::Reader(error) => error.into(),
            NoProof::OutOfRange => MirrorError::Forked,
        })?;
        let root = trail.tiles.frontier().root();
        if verify_consistency(here, root, head.size, head.root, &proof).is_ok() {
            return Ok(());
        }
        self.accuse(signed)?;
        Err(MirrorError::Forked)
    }

    /// Fewer entries than are kept: an older state of the same history, or another one.
    fn look_back(&self, signed: &SignedCheckpoint, kept: u64) -> Result<u64, MirrorError> {
        let (head, reader) = (signed.unverified(), self.shelf.reader());
        let root = LedgerTree { reader: &*reader, size: head.size }.root()?;
        if root != head.root {
            self.accuse(signed)?;
            return Err(MirrorError::Forked);
        }
        let (shown, newest) = (head.size, self.newest()?.map_or(0, |(size, _)| size));
        // Entries that were copied just before a crash have no checkpoint yet.
        if shown >= newest { Ok(shown) } else { Err(MirrorError::Shrank { shown, kept }) }
    }

    fn accuse(&self, theirs: &SignedCheckpoint) -> Result<(), MirrorError> {
        tracing::error!(origin = self.log.origin, "the log has signed two histories");
        self.book.raise(&Alarm {
            origin: self.log.origin.clone(),
            kind: AlarmKind::Fork,
            began: self.clock.now(),
            ended: None,
            ours: self.newest()?.map(|(_, note)| note).unwrap_or_default(),
            theirs: theirs.to_string(),
        })?;
        Ok(())
    }

    /// The rest of the bundle in which the copy ends: leaf by leaf in the chain, all of them under the checkpoint.
    fn copy_batch(
        &self,
        served: &ServedTree<'_>,
        trail: &mut Trail,
        signed: &SignedCheckpoint,
    ) -> Result<(), MirrorError> {
        let before = trail.chain.size();
        let (mut next, mut leaves, mut tiles) = (trail.clone(), Vec::new(), Vec::new());
        for bytes in served.leaves_from(before)? {
            let (leaf, hash) = next.chain.check(&bytes)?;
            tiles.extend(next.tiles.append(hash));
            leaves.push((leaf, Bytes::from(bytes)));
        }
        self.continues(served, &next, signed)?;
        let copied = |(leaf, bytes): (Leaf, Bytes)| -> Result<Copied, MirrorError> {
            Ok(Copied { seq: leaf.seq, payload: self.payload(leaf.seq, leaf.payload)?, leaf: bytes })
        };
        let entries = leaves.into_par_iter().map(copied).collect::<Result<Vec<_>, _>>()?;
        self.shelf.append(before, &entries, &tiles, next.head())?;
        *trail = next;
        Ok(())
    }

    /// A payload as the public sees it, or else as the owner does.
    fn payload(&self, seq: u64, named: Hash) -> Result<Text, MirrorError> {
        let path = format!("payload/{seq}");
        let sound =
            |bytes: Vec<u8>| if Hash::of(&bytes) == named { Ok(bytes.into()) } else { Err(MirrorError::Payload(seq)) };
        match self.client.get(&path, PAYLOAD_MAX_BYTES)? {
            Ok(bytes) => return sound(bytes).map(Text::Public),
            Err(Refused { status: 410, .. }) => return Ok(Text::Erased),
            Err(Refused { status: 403, .. }) => {}
            Err(refused) => return Err(self.client.odd(&path, refused.to_string()).into()),
        }
        let Some(owner) = &self.owner else { return Ok(Text::Withheld) };
        // The second time with a fresh session.
        for _ in 0..2 {
            let client = self.client.with_cookie(owner.cookie().map_err(MirrorError::Owner)?);
            match client.get(&path, PAYLOAD_MAX_BYTES)? {
                Ok(bytes) => return sound(bytes).map(Text::Private),
                Err(Refused { status: 401, .. }) => owner.forget(),
                Err(Refused { status: 403, .. }) => return Ok(Text::Withheld),
                Err(Refused { status: 410, .. }) => return Ok(Text::Erased),
                Err(refused) => return Err(client.odd(&path, refused.to_string()).into()),
            }
        }
        Err(MirrorError::Owner("the session of the mirror's account does not last".into()))
    }

    /// What the checkpoint covers is durable here and is served: the mirror signs that.
    fn keep(&self, signed: &SignedCheckpoint) -> Result<(), MirrorError> {
        let (size, at) = (signed.unverified().size, self.clock.now());
        let ours = |note: &Note| note.signatures().iter().any(|line| line.id == self.key.id());
        let newest = self.newest()?.filter(|(kept, _)| *kept >= size).and_then(|(_, note)| Note::parse(&note).ok());
        if newest.is_some_and(|note| ours(&note) && note.signatures().len() > signed.note().signatures().len()) {
            return Ok(());
        }
        let seconds = u64::try_from(at.get() / 1_000_000).unwrap_or(0);
        let line = cosignature::cosign(signed.note().text(), self.key.name(), seconds, &*self.signer)?;
        let mut signed = signed.clone();
        signed.add(line)?;
        Ok(self.shelf.keep(size, &signed.to_string(), at)?)
    }

    /// Payloads become readable when a bid is opened, a result published, a case opened.
    fn ask_again(&self) -> Result<(), MirrorError> {
        let mut next = self.next_asked.lock().unwrap_or_else(PoisonError::into_inner);
        let reader = self.shelf.reader();
        let asked = self.shelf.not_public(*next, MIRROR_ASKED_AGAIN)?;
        *next = if asked.len() < MIRROR_ASKED_AGAIN { 0 } else { asked.last().map_or(0, |(seq, _)| seq + 1) };
        let answer = |(seq, before): (u64, Standing)| -> Result<(u64, Standing, Text), MirrorError> {
            let leaf = reader.leaf(seq)?.and_then(|leaf| Leaf::parse(&leaf).ok());
            Ok((seq, before, self.payload(seq, leaf.map_or(Hash::ZERO, |leaf| leaf.payload))?))
        };
        let answers = asked.into_par_iter().map(answer).collect::<Result<Vec<_>, _>>()?;
        for (seq, before, text) in answers {
            // What could be read once is kept, also when a case is closed again.
            let is_news = match text {
                Text::Withheld => false,
                Text::Private(_) => before == Standing::Withheld,
                Text::Public(_) | Text::Erased => true,
            };
            if is_news {
                self.shelf.settle(seq, &text)?;
            }
        }
        Ok(())
    }
}

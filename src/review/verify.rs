//! A full verification (ledger format §6). Entries come in chunks; what needs no order is spread, what needs it follows in
//! order, while the next chunk is being examined. Nothing found wrong is ever repaired or guessed around: a broken chain
//! ends the reading, a broken payload or statement ends the replay, and the report says what was therefore not checked.

use std::collections::BTreeMap;
use std::sync::Arc;

mod findings;
mod signatures;
mod stamps;

use super::content::{Content, Created};
use super::examine::{self, Examined, Keys, PIECE, Piece, Read};
use super::footage::Footage;
use super::log_keys::LogKeys;
use super::replay::{Given, Replayer};
use super::report::{CheckName, Failure, MissingPayloads, Report, Verifier};
use super::source::{Entry, Source, Spread};
use super::timestamps::Authorities;
use crate::base::limits::{CHECKPOINTS_MAX, REPORT_FAILURES_MAX, VERIFY_CHUNK_ENTRIES};
use crate::base::{Hash, Micros};
use crate::ledger::tile::{TILE_WIDTH, tile_bytes};
use crate::ledger::{Checkpoint, Origin, Policy, SignedCheckpoint, VerifierKey};

/// What the verifier brings along.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Whom to believe. Without it the key that leaf 0 names is used, and the report says so.
    pub policy: Option<Policy>,
    /// Signed checkpoints that were seen earlier.
    pub earlier: Vec<String>,
    /// Whose timestamps are believed. Without it they are compared with the ledger only.
    pub authorities: Option<Arc<dyn Authorities>>,
}

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Verify signatures of statements; everything else about them is checked either way.
    pub signatures: bool,
    /// Replay the trading rules.
    pub replay: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { signatures: true, replay: true }
    }
}

/// Verifies the ledger that `source` holds. `progress` hears how many entries are done, of how many. An error means that
/// the verification could not run; whatever does not hold is in the report.
pub fn verify<S: Source, P: Spread>(
    source: &mut S,
    trust: &Trust,
    options: Options,
    spread: &P,
    mut progress: impl FnMut(u64, u64),
) -> Result<Report, S::Error> {
    let note = source.checkpoint()?;
    let Ok(signed) = SignedCheckpoint::parse(&note) else {
        return Ok(Report::unreadable(&note));
    };
    let checkpoint = signed.unverified().clone();
    let first = if checkpoint.size > 0 { source.entries(0, 1)? } else { Vec::new() };
    let mut run = Run::new(signed, options);
    run.believe(trust, first.first());
    run.notes.extend(trust.earlier.iter().take(CHECKPOINTS_MAX).cloned());
    run.notes.extend(source.earlier()?.into_iter().take(CHECKPOINTS_MAX));
    let end = reach(source, checkpoint.size, &run.notes);

    let mut waiting: Option<Vec<Piece>> = None;
    let mut next = 0;
    while next < end && !run.stopped {
        let left = usize::try_from(end - next).unwrap_or(usize::MAX);
        let wanted = left.min(VERIFY_CHUNK_ENTRIES);
        let mut entries = source.entries(next, wanted)?;
        entries.truncate(wanted);
        let count = u64::try_from(entries.len()).unwrap_or(0);
        let (examined, ()) = spread.both(
            || examine_chunk(&checkpoint.origin, next, entries, spread),
            || {
                if let Some(pieces) = waiting.take() {
                    run.absorb(pieces, spread);
                }
            },
        );
        waiting = Some(examined);
        run.compare_footage(source);
        next += count;
        if count == 0 {
            break;
        }
        progress(run.head.entries, end);
    }
    if let Some(pieces) = waiting.take() {
        run.absorb(pieces, spread);
    }
    run.compare_footage(source);
    run.finish(source)?;
    progress(run.head.entries, end);
    Ok(run.report())
}

/// How many entries are examined: those under the stored checkpoint, and as many more as the source holds under a greater
/// one of `notes`. A log hands out a checkpoint once its entries are durable and keeps the note a little later, so that
/// after a crash (or beside a server that runs) somebody may hold a newer note than the source does; that is no loss.
fn reach<S: Source>(source: &mut S, size: u64, notes: &[String]) -> u64 {
    let sizes = notes.iter().filter_map(|note| SignedCheckpoint::parse(note).ok()).map(|note| note.unverified().size);
    match sizes.max() {
        // Whoever cannot be asked for entries beyond its checkpoint has none.
        Some(kept) if kept > size && source.entries(kept - 1, 1).is_ok_and(|last| !last.is_empty()) => kept,
        _ => size,
    }
}

fn examine_chunk<P: Spread>(ledger: &Origin, start: u64, entries: Vec<Entry>, spread: &P) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = entries.into_iter();
    let mut at = start;
    loop {
        let piece: Vec<Entry> = rest.by_ref().take(PIECE).collect();
        if piece.is_empty() {
            break;
        }
        let length = u64::try_from(piece.len()).unwrap_or(0);
        pieces.push((at, piece));
        at += length;
    }
    spread.map(pieces, |(start, entries)| examine::examine(ledger, start, &entries))
}

/// The chain as far as it was followed.
struct Head {
    entries: u64,
    hash: Hash,
    time: Option<Micros>,
}

/// One verification on its way.
struct Run {
    checkpoint: Checkpoint,
    options: Options,
    policy: Option<Policy>,
    key_was_given: bool,
    /// The newest checkpoint; believed only when all entries have said which keys the log had.
    signed: SignedCheckpoint,
    log_keys: LogKeys,
    /// Notes from earlier, as they came.
    notes: Vec<String>,
    /// Those that the log signed, by size.
    earlier: BTreeMap<u64, Vec<Hash>>,
    /// Signed by the log, each under the policy with its signer's key: they may bear the quorum.
    cosigned: Vec<(SignedCheckpoint, Policy)>,
    /// Entries under the greatest of them that has its quorum.
    cosigned_size: Option<u64>,
    keys: Keys,
    replayer: Replayer,
    footage: Footage,
    head: Head,
    /// The chain is broken: no further entry can be placed.
    stopped: bool,
    /// Where the replay ended, if it did not reach the end.
    replay_ended: Option<u64>,
    failures: Vec<Failure>,
    missing: MissingPayloads,
    counts: BTreeMap<CheckName, u64>,
    authorities: Option<Arc<dyn Authorities>>,
    stamps: stamps::Stamps,
    verifiers: Vec<Verifier>,
}

impl Run {
    fn new(signed: SignedCheckpoint, options: Options) -> Self {
        let checkpoint = signed.unverified();
        let replayer = Replayer::new(checkpoint.origin.clone());
        Self {
            checkpoint: checkpoint.clone(),
            options,
            policy: None,
            key_was_given: false,
            log_keys: LogKeys::default(),
            notes: Vec::new(),
            earlier: BTreeMap::new(),
            cosigned: Vec::new(),
            cosigned_size: None,
            keys: Keys::new(),
            replayer: if options.signatures { replayer } else { replayer.without_signatures() },
            footage: Footage::default(),
            head: Head { entries: 0, hash: Hash::ZERO, time: None },
            stopped: false,
            replay_ended: (!options.replay).then_some(0),
            failures: Vec::new(),
            missing: MissingPayloads::default(),
            counts: BTreeMap::new(),
            authorities: None,
            stamps: stamps::Stamps::default(),
            verifiers: Vec::new(),
            signed,
        }
    }

    fn fail(&mut self, failure: Failure) {
        if self.failures.len() < REPORT_FAILURES_MAX {
            self.failures.push(failure);
        }
    }

    fn count(&mut self, check: CheckName) {
        *self.counts.entry(check).or_default() += 1;
    }

    /// Whose signature the checkpoint must bear.
    fn believe(&mut self, trust: &Trust, first: Option<&Entry>) {
        self.key_was_given = trust.policy.is_some();
        self.authorities.clone_from(&trust.authorities);
        self.policy = trust.policy.clone().or_else(|| first.and_then(named_policy));
    }

    /// Everything that needs the order, for one chunk.
    fn absorb<P: Spread>(&mut self, pieces: Vec<Piece>, spread: &P) {
        let mut sound = Vec::with_capacity(pieces.len());
        for piece in pieces {
            if self.stopped {
                break;
            }
            sound.extend(self.link(piece));
        }
        for piece in &sound {
            examine::register(piece, &mut self.keys);
        }
        let keys = self.options.signatures.then_some(&self.keys);
        let heard = spread.map(sound, |piece| examine::hear(piece, keys));
        for piece in &heard {
            for (seq, entry) in (piece.start..).zip(&piece.entries) {
                self.entry(seq, entry);
            }
        }
    }

    /// Joins the piece to the chain and to the tree.
    fn link(&mut self, mut piece: Piece) -> Option<Piece> {
        if let Err(failure) = examine::follows(&piece, self.head.hash, self.head.time) {
            self.fail(failure);
            self.stopped = true;
            return None;
        }
        if let Some(last) = piece.entries.last() {
            self.head.hash = last.hash;
            self.head.time = Some(last.at);
        }
        self.head.entries += u64::try_from(piece.entries.len()).unwrap_or(0);
        self.stamps.times.extend(piece.entries.iter().map(|entry| entry.at));
        let history = self.replayer.history_mut();
        // A source may answer with less than it was asked for: then the tiles do not begin where the chunk does.
        let aligned = history.size().is_multiple_of(u64::from(TILE_WIDTH));
        match piece.subtrees.take().filter(|_| aligned) {
            Some(levels) => history.append_subtree(&levels),
            None => piece.entries.iter().for_each(|entry| history.append(entry.hash)),
        }
        if let Some(failure) = piece.broken.take() {
            self.fail(failure);
            self.stopped = true;
        }
        Some(piece)
    }

    fn entry(&mut self, seq: u64, entry: &Examined) {
        let bad = match &entry.payload {
            Read::Bad(failure) => Some(failure.clone()),
            Read::Content(content) => {
                self.heed(seq, content);
                self.count(CheckName::Payloads);
                if let Some(Ok(_)) = entry.heard {
                    self.count(CheckName::Statements);
                }
                self.footage_entry(seq, entry);
                if let Content::Timestamped(said) = content {
                    self.logged_timestamp(seq, entry.at, said);
                }
                examine::unheard(seq, entry)
            }
            Read::Missing(missing) => {
                self.missing.count(*missing);
                None
            }
        };
        match bad {
            Some(failure) => {
                self.fail(failure);
                self.replay_ended.get_or_insert(seq);
            }
            None if self.replay_ended.is_none() => self.replay(seq, entry),
            None => {}
        }
    }

    /// What is wrong with footage leaves everything else as it is.
    fn footage_entry(&mut self, seq: u64, entry: &Examined) {
        if let Read::Content(Content::Evidence(evidence)) = &entry.payload
            && let Err(failure) = self.footage.entry(seq, entry.at, evidence)
        {
            self.fail(failure);
        }
    }

    fn compare_footage<S: Source>(&mut self, source: &S) {
        for failure in self.footage.compare(source.media()) {
            self.fail(failure);
        }
    }

    fn replay(&mut self, seq: u64, entry: &Examined) {
        let given = match &entry.payload {
            Read::Content(content) => {
                Given::Content(content, entry.heard.as_ref().and_then(|heard| heard.as_ref().ok()))
            }
            Read::Missing(_) | Read::Bad(_) => Given::Missing,
        };
        if let Err(failure) = self.replayer.push(entry.at, given) {
            self.fail(failure);
            self.replay_ended = Some(seq);
        }
    }

    fn finish<S: Source>(&mut self, source: &mut S) -> Result<(), S::Error> {
        let Checkpoint { size, root, .. } = self.checkpoint;
        if !self.stopped && self.head.entries < size {
            let (expected, found) = (format!("{size} entries"), format!("{} entries", self.head.entries));
            self.fail(Failure::at(self.head.entries, CheckName::Leaves, "entries_missing", expected, found));
            self.stopped = true;
        }
        if self.replay_ended.is_none()
            && !self.stopped
            && let Err(failure) = self.replayer.finish()
        {
            self.fail(failure);
        }
        for failure in self.footage.finish(source)? {
            self.fail(failure);
        }
        self.kept_timestamps(source)?;
        self.check_signatures();
        self.check_cosignatures();
        let agreed = self.compare_earlier();
        self.compare_nodes(source)?;
        if let Some(found) = self.replayer.history().root_at(size) {
            if found == root {
                self.count(CheckName::Tree);
            } else {
                let (expected, found) = (root.to_string(), found.to_string());
                self.fail(Failure::within((agreed, size), CheckName::Tree, "tree_root", expected, found));
            }
        }
        self.failures.sort_by_key(|failure| (failure.seq.is_none(), failure.seq, failure.within, failure.check));
        Ok(())
    }

    /// Each earlier checkpoint must be a prefix. Where one is not, the first changed entry lies after the last that is.
    /// Returns up to where the ledger is known to be what it was.
    fn compare_earlier(&mut self) -> u64 {
        let mut agreed = 0;
        let mut parted = false;
        for (size, roots) in std::mem::take(&mut self.earlier) {
            let reached = self.checkpoint.size.max(self.head.entries);
            if size > reached {
                let (expected, found) = (format!("at least {size} entries"), format!("{reached}"));
                self.fail(Failure::at(reached, CheckName::Earlier, "ledger_shrank", expected, found));
                continue;
            }
            let Some(here) = self.replayer.history().root_at(size) else { continue };
            for root in roots {
                if root == here {
                    self.count(CheckName::Earlier);
                    agreed = if parted { agreed } else { size };
                } else if !parted {
                    parted = true;
                    let (expected, found) = (root.to_string(), here.to_string());
                    let place = (agreed.min(size.saturating_sub(1)), size);
                    self.fail(Failure::within(place, CheckName::Earlier, "earlier_root", expected, found));
                }
            }
        }
        agreed
    }

    /// Stored hash tiles must hold the nodes of the leaves. On level 0 a wrong one names its very entry.
    fn compare_nodes<S: Source>(&mut self, source: &mut S) -> Result<(), S::Error> {
        let width = usize::from(TILE_WIDTH);
        for level in 0..8u8 {
            let rows = self.replayer.history().level(level * 8).chunks_exact(width).count();
            for index in 0..u64::try_from(rows).unwrap_or(0) {
                let Some(stored) = source.tile(level, index)? else { return Ok(()) };
                self.compare_tile(level, index, &stored);
            }
        }
        Ok(())
    }

    fn compare_tile(&mut self, level: u8, index: u64, stored: &[u8]) {
        let width = usize::from(TILE_WIDTH);
        let place = usize::try_from(index).unwrap_or(usize::MAX);
        let Some(ours) = self.replayer.history().level(level * 8).chunks_exact(width).nth(place) else { return };
        if tile_bytes(ours) == stored {
            return self.count(CheckName::Nodes);
        }
        let at = ours.iter().zip(stored.chunks(32)).position(|(ours, stored)| ours.0 != stored).unwrap_or(0);
        let node = index * u64::from(TILE_WIDTH) + u64::try_from(at).unwrap_or(0);
        let span = 1u64 << (u32::from(level) * 8);
        let expected = ours.get(at).copied().unwrap_or_default().to_string();
        let found = format!("another hash in tile/{level}, node {node}, of {} bytes", stored.len());
        let entries = (node * span, (node + 1) * span);
        self.fail(Failure::within(entries, CheckName::Nodes, "tree_node", expected, found));
    }
}

/// The keys that leaf 0 names.
fn named_policy(first: &Entry) -> Option<Policy> {
    let Content::Created(Created { policy, verifier_key, witnesses, .. }) =
        super::content::read(first.payload.as_ref().ok()?).ok()?
    else {
        return None;
    };
    let witnesses: Vec<VerifierKey> = witnesses.iter().map(|key| key.parse().ok()).collect::<Option<_>>()?;
    Policy::named(verifier_key.parse().ok()?, witnesses, &policy).ok()
}

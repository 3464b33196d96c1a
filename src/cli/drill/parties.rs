//! Who may notice: everybody who keeps something that the operator cannot change any more.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::copy::Copy;
use crate::base::Hash;
use crate::cli::continuity::{self, CheckpointSource};
use crate::desk::Threads;
use crate::ledger::tree::verify_consistency;
use crate::ledger::{AddCheckpoint, Policy, SeedSigner, SignedCheckpoint, VerifierKey};
use crate::review::{Language, Options, Trust, verify};
use crate::sequencer::SystemClock;
use crate::witness::{Alarm, AlarmKind, Answer, Book, BookError, Log, Seen, Witness};

type Failed = Box<dyn std::error::Error>;

/// Somebody outside the operator's reach, or the honest part of his own house.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// Whoever runs `mingjian verify` or the offline page with the policy and a checkpoint kept from before.
    Verifier,
    /// A witness that is asked to cosign.
    Witness,
    /// Two people who compare what they were shown.
    Comparison,
    /// A bidder with a receipt.
    Receipt,
    /// The platform itself, when it starts or is asked again.
    Platform,
}

impl Party {
    pub fn name(self, language: Language) -> &'static str {
        let (zh, en) = match self {
            Self::Verifier => ("核验程序", "verifier"),
            Self::Witness => ("见证人", "witness"),
            Self::Comparison => ("两人比对", "comparison"),
            Self::Receipt => ("持回执者", "receipt holder"),
            Self::Platform => ("平台自身", "platform"),
        };
        if language == Language::Zh { zh } else { en }
    }
}

/// Who noticed, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    pub who: Party,
    pub how: String,
}

/// A witness's book that lasts as long as an attack.
#[derive(Default)]
struct Slate(Mutex<(Option<Seen>, Vec<Alarm>)>);

impl Slate {
    fn lock(&self) -> MutexGuard<'_, (Option<Seen>, Vec<Alarm>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book for Slate {
    fn seen(&self, _: &str) -> Result<Option<Seen>, BookError> {
        Ok(self.lock().0.clone())
    }

    fn replace(&self, _: &str, before: Option<(u64, Hash)>, new: &Seen) -> Result<bool, BookError> {
        let mut slate = self.lock();
        let same = slate.0.as_ref().map(|seen| (seen.size, seen.root)) == before;
        if same {
            slate.0 = Some(new.clone());
        }
        Ok(same)
    }

    fn raise(&self, alarm: &Alarm) -> Result<(), BookError> {
        self.lock().1.push(alarm.clone());
        Ok(())
    }

    fn settle(&self, _: &str, _: AlarmKind, _: crate::base::Micros) -> Result<(), BookError> {
        Ok(())
    }

    fn alarms(&self, _: &str, _: i64) -> Result<Vec<Alarm>, BookError> {
        Ok(self.lock().1.clone())
    }
}

/// Everybody, at the moment before an attack: all of them have seen the genuine ledger.
pub struct Parties {
    witnesses: Vec<Witness>,
    /// The log and two witnesses, both of whom are needed.
    policy: Policy,
    log: VerifierKey,
}

impl Parties {
    pub fn new(log: &VerifierKey) -> Result<Self, Failed> {
        let witness = |n: u8| {
            let logs = vec![Log { origin: log.name().to_owned(), keys: vec![log.clone()], url: None }];
            let signer = Box::new(SeedSigner::new(&Hash::of(&[n]).0));
            Witness::new(&format!("drill.example/{n}"), signer, logs, Arc::new(Slate::default()), Arc::new(SystemClock))
        };
        let witnesses = vec![witness(1)?, witness(2)?];
        let keys = witnesses.iter().map(|witness| witness.key().clone()).collect();
        Ok(Self { policy: Policy::new(log.clone(), keys, 2)?, witnesses, log: log.clone() })
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Hands what `copy` shows to witness `place`; its line is added when it gives one.
    pub fn submit(&self, place: usize, copy: &mut Copy) -> Result<Option<Notice>, Failed> {
        let witness = self.witnesses.get(place).ok_or("no such witness")?;
        let signed = SignedCheckpoint::parse(&copy.note)?;
        let known = witness.book().seen(self.log.name())?.map_or(0, |seen| seen.size);
        let old = known.min(copy.len());
        let body = AddCheckpoint {
            old,
            proof: copy.consistency(old)?,
            note: signed.note().clone(),
            head: signed.note().text().parse()?,
        };
        let before = witness.book().alarms(self.log.name(), 1)?.len();
        let how = match witness.add_checkpoint(body.to_string().as_bytes())? {
            Answer::Cosigned(line) => {
                copy.add(line)?;
                return Ok(None);
            }
            Answer::Conflict(size) => format!("409: it has cosigned {size} entries, and this does not continue them"),
            Answer::NotConsistent => "422: no proof leads from what it has cosigned to this".to_owned(),
            Answer::NotSigned => "403: not signed by the log".to_owned(),
            Answer::Malformed => "400: not a checkpoint of this log".to_owned(),
            Answer::UnknownLog => "404: not a log that it knows".to_owned(),
        };
        let alarm = witness.book().alarms(self.log.name(), 2)?.len() > before;
        let how = if alarm { format!("{how}; alarm: two signed histories, both notes are kept") } else { how };
        Ok(Some(Notice { who: Party::Witness, how }))
    }

    /// Hands it to both.
    pub fn submit_to_all(&self, copy: &mut Copy) -> Result<Vec<Notice>, Failed> {
        let mut notices = Vec::new();
        for place in 0..self.witnesses.len() {
            notices.extend(self.submit(place, copy)?);
        }
        notices.dedup();
        Ok(notices)
    }

    /// A full verification by somebody who kept `earlier`; what does not hold, one line a check.
    pub fn verify(&self, copy: &Copy, earlier: &[String]) -> Result<Vec<Notice>, Failed> {
        let trust = Trust { policy: Some(self.policy.clone()), earlier: earlier.to_vec(), ..Trust::default() };
        let report = verify(&mut copy.clone(), &trust, Options::default(), &Threads, |_, _| ())?;
        let mut named = BTreeSet::new();
        let firsts = report.failures.iter().filter(|failure| named.insert(failure.check));
        let notice = |failure: &crate::review::Failure| {
            let place = match (failure.within, failure.seq) {
                (Some((from, to)), _) => format!("entries {from} to {to}"),
                (None, Some(seq)) => format!("entry {seq}"),
                (None, None) => "the ledger".to_owned(),
            };
            let how = format!(
                "{}: {} at {place}, expected {}, found {}",
                failure.check.title(Language::En),
                failure.rule,
                shortened(&failure.expected),
                shortened(&failure.found)
            );
            Notice { who: Party::Verifier, how }
        };
        Ok(firsts.map(notice).collect())
    }

    /// Somebody holds two notes of the log: does one continue the other?
    pub fn compare(&self, ours: &str, theirs: &Copy, who: Party) -> Result<Option<Notice>, Failed> {
        let log = Policy::log_only(self.log.clone())?;
        let ours = SignedCheckpoint::parse(ours)?;
        let (ours, shown) = (ours.verify(&log)?, SignedCheckpoint::parse(&theirs.note)?);
        let shown = shown.verify(&log)?;
        let how = if shown.size < ours.size {
            format!("the log once signed {} entries and now shows {}", ours.size, shown.size)
        } else {
            let proof = theirs.consistency(ours.size)?;
            if verify_consistency(ours.size, ours.root, shown.size, shown.root, &proof).is_ok() {
                return Ok(None);
            }
            format!("two notes signed by the log, over {} and {} entries, contradict each other", ours.size, shown.size)
        };
        Ok(Some(Notice { who, how }))
    }

    /// A start of the platform on these files while somebody still has `newest`.
    pub fn start(&self, copy: &Copy, newest: &str) -> Option<Notice> {
        let refused = continuity::ask(&Held(newest), Some(copy), copy.len(), std::slice::from_ref(&self.log)).err()?;
        Some(Notice { who: Party::Platform, how: format!("does not start: {refused}") })
    }
}

/// A note that somebody still has.
struct Held<'a>(&'a str);

impl CheckpointSource for Held<'_> {
    fn name(&self) -> String {
        "somebody who kept the newest checkpoint".to_owned()
    }

    fn newest(&self) -> Result<String, String> {
        Ok(self.0.to_owned())
    }
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

//! Which keys the log signed with, and up to where: each new one is announced by an entry that the old and the new key
//! have both signed (ledger format §3).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::content::{self, Content};
use crate::base::Hash;
use crate::base::limits::HANDOVERS_MAX;
use crate::ledger::record::KeyRotated;
use crate::ledger::{Leaf, Policy, Proof, SignedCheckpoint, VerifierKey};

/// The entry by which a log changed its key, with the proof that it stands in the ledger: what a receipt brings along, so that
/// it can be checked by whoever knows one of the keys only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handover {
    /// The leaf's bytes.
    pub leaf: String,
    /// The payload's bytes: a `ledger.key_rotated`.
    pub payload: String,
    /// The `tlog-proof`.
    pub proof: String,
}

/// A key of the log, as a report names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogKey {
    pub key: String,
    /// The entry that announced it; the first key has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<u64>,
}

/// The log's keys in the order in which they signed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogKeys {
    /// Each with the entry that announced it; the first with none.
    keys: Vec<(Option<u64>, VerifierKey)>,
}

impl fmt::Display for LogKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.keys.iter().map(|(_, key)| key.to_string()).collect();
        f.write_str(&keys.join(", then "))
    }
}

impl LogKeys {
    /// By what these entries say, each proven under a checkpoint that one of the keys signed and that has the policy's quorum.
    /// The believed key must be one of them. Without entries it is the only one.
    pub fn proven(policy: &Policy, handovers: &[Handover]) -> Result<Self, String> {
        let mut keys = Self::default();
        if handovers.len() > HANDOVERS_MAX {
            return Err(format!("more than {HANDOVERS_MAX} changes of the log's key"));
        }
        let read = handovers.iter().map(|handover| handover.read(policy)).collect::<Result<Vec<_>, _>>()?;
        for (seq, rotated, _) in &read {
            keys.begin(rotated.keys().ok_or("a change of key without two keys")?.0);
            let wrong = |expected| format!("entry {seq} replaces another key than {expected}");
            keys.rotate(*seq, rotated).map_err(wrong)?;
        }
        keys.begin(policy.log().clone());
        if !keys.contains(policy.log()) {
            return Err("the changes of the log's key do not lead to the key that is believed".into());
        }
        for ((seq, _, proof), handover) in read.iter().zip(handovers) {
            let judged = keys.judge(policy, &proof.checkpoint).unwrap_or_else(|| policy.clone());
            proof.verify(handover.leaf.as_bytes(), &judged).map_err(|error| format!("entry {seq}: {error}"))?;
        }
        Ok(keys)
    }

    pub fn only(key: VerifierKey) -> Self {
        Self { keys: vec![(None, key)] }
    }

    /// As a report has named them.
    pub fn from_listed(listed: &[LogKey]) -> Self {
        let known = listed.iter().filter_map(|known| Some((known.announced, known.key.parse().ok()?)));
        Self { keys: known.collect() }
    }

    /// As a report names them.
    pub fn listed(&self) -> Vec<LogKey> {
        self.keys.iter().map(|(announced, key)| LogKey { key: key.to_string(), announced: *announced }).collect()
    }

    /// The key that a ledger begins with; only the first call counts.
    pub fn begin(&mut self, key: VerifierKey) {
        if self.keys.is_empty() {
            self.keys.push((None, key));
        }
    }

    /// Takes in what entry `seq` says, its signatures checked already. The error is the key that it should have replaced.
    pub fn rotate(&mut self, seq: u64, rotated: &KeyRotated) -> Result<(), String> {
        let (old, new) = rotated.keys().ok_or("two keys of the log")?;
        match self.newest() {
            Some(known) if *known == old => {
                self.keys.push((Some(seq), new));
                Ok(())
            }
            Some(known) => Err(known.to_string()),
            None => Err("a key that is known".into()),
        }
    }

    pub fn newest(&self) -> Option<&VerifierKey> {
        self.keys.last().map(|(_, key)| key)
    }

    pub fn contains(&self, key: &VerifierKey) -> bool {
        self.keys.iter().any(|(_, known)| known == key)
    }

    /// The keys that may have signed a checkpoint over `size` entries. The last one that an old key signs covers the entry
    /// that replaces it, and the new key may sign that very one too.
    fn of(&self, size: u64) -> impl Iterator<Item = &VerifierKey> {
        self.keys.iter().enumerate().filter_map(move |(place, (announced, key))| {
            let begun = announced.is_none_or(|seq| seq < size);
            let replaced = self.keys.get(place + 1).and_then(|(announced, _)| *announced);
            (begun && replaced.is_none_or(|seq| size <= seq + 1)).then_some(key)
        })
    }

    /// The policy under which a checkpoint of this size is to be judged: that of its signer.
    pub fn judge(&self, policy: &Policy, signed: &SignedCheckpoint) -> Option<Policy> {
        let holds = |key: &&VerifierKey| signed.note().verify(key).is_ok();
        self.of(signed.unverified().size).find(holds).map(|key| policy.with_log(key.clone()))
    }
}

impl Handover {
    /// The entry's place, what it says, and its proof, unverified.
    fn read(&self, policy: &Policy) -> Result<(u64, KeyRotated, Proof), String> {
        let proof = Proof::parse(&self.proof).map_err(|error| error.to_string())?;
        let leaf = Leaf::parse(self.leaf.as_bytes()).map_err(|check| check.name().to_owned())?;
        let is_this = leaf.seq == proof.index && *leaf.ledger == *policy.log().name();
        if !is_this || Hash::of(self.payload.as_bytes()) != leaf.payload {
            return Err("the leaf, the payload and the proof of a change of key do not belong together".into());
        }
        match content::read(self.payload.as_bytes())? {
            Content::KeyRotated(rotated) => Ok((leaf.seq, rotated, proof)),
            _ => Err(format!("entry {} changes no key", leaf.seq)),
        }
    }
}

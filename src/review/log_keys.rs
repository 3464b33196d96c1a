//! Which keys the log signed with, and up to where: each new one is announced by an entry that the old and the new key
//! have both signed (ledger format §3).

use std::fmt;

use crate::ledger::record::KeyRotated;
use crate::ledger::{Policy, SignedCheckpoint, VerifierKey};

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

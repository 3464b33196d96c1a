//! Whose signatures a ledger must bear, by what it says about itself and by what the verifier believes.

use std::cmp::Ordering;

use super::Run;
use crate::base::limits::VERIFIERS_KEPT;
use crate::ledger::{Checkpoint, NoteError, Policy, SignedCheckpoint};
use crate::review::content::{Content, VerifierPublished};
use crate::review::report::{CheckName, Failure, Verifier};

impl Run {
    /// What the ledger says about itself: with which key it begins, which one follows, who must cosign.
    pub(super) fn heed(&mut self, seq: u64, content: &Content) {
        match content {
            Content::Created(created) => {
                if let Ok(key) = created.verifier_key.parse() {
                    self.log_keys.begin(key);
                }
            }
            Content::KeyRotated(rotated) => {
                self.begin_keys();
                if let Err(expected) = self.log_keys.rotate(seq, rotated) {
                    let found = rotated.old_key.clone();
                    self.fail(Failure::at(seq, CheckName::Checkpoint, "key_rotation", expected, found));
                }
            }
            // Its form was checked with the payload.
            Content::PolicySet(set) if !self.key_was_given => {
                let log = self.policy.as_ref().map(|policy| policy.log().clone());
                self.policy = log.and_then(|log| Policy::of(log, &set.policy.parse().ok()?).ok());
            }
            Content::VerifierPublished(published) => self.published(seq, published),
            Content::PolicySet(_)
            | Content::Timestamped(_)
            | Content::Event(_)
            | Content::Evidence(_)
            | Content::Record { .. } => {}
        }
    }

    /// The newest ones are kept: more than a platform will ever publish, and a bound for whoever writes a ledger of them.
    fn published(&mut self, seq: u64, published: &VerifierPublished) {
        if self.verifiers.len() >= VERIFIERS_KEPT {
            self.verifiers.remove(0);
        }
        self.verifiers.push(Verifier { seq, sha256: published.sha256, version: published.version.clone() });
    }

    /// Where the first entry is not at hand, the believed key is taken for the first.
    fn begin_keys(&mut self) {
        if let Some(policy) = &self.policy {
            self.log_keys.begin(policy.log().clone());
        }
    }

    /// The log's signatures, now that its keys are known. The key that is believed must be one of them.
    pub(super) fn check_signatures(&mut self) {
        self.begin_keys();
        let Some(policy) = self.policy.clone() else { return };
        if !self.log_keys.contains(policy.log()) {
            let (believed, found) = (policy.log().to_string(), self.log_keys.to_string());
            self.fail(Failure::at(0, CheckName::Checkpoint, "verifier_key", believed, found));
        }
        let signed = self.signed.clone();
        match self.log_keys.judge(&policy, &signed).map(|judged| (signed.cosigned(&judged), judged)) {
            Some((Ok(_), judged)) => {
                self.count(CheckName::Checkpoint);
                self.cosigned.push((signed, judged));
            }
            bad => {
                let expected = format!("a checkpoint signed under {}", self.log_keys.newest().unwrap_or(policy.log()));
                let found = bad.map_or(NoteError::Unsigned.to_string(), |_| NoteError::BadSignature.to_string());
                self.fail(Failure::of_all(CheckName::Checkpoint, "checkpoint_signature", expected, found));
            }
        }
        // One that no key of the log signed says nothing about this ledger.
        for note in std::mem::take(&mut self.notes) {
            let signed = SignedCheckpoint::parse(&note).ok();
            let judged = signed.and_then(|signed| Some((self.log_keys.judge(&policy, &signed)?, signed)));
            if let Some((judged, signed)) = judged {
                let head = signed.unverified();
                self.earlier.entry(head.size).or_default().push(head.root);
                self.cosigned.push((signed, judged));
            } else {
                let expected = "an earlier checkpoint signed by the log";
                let found = "one that no key of the log signed at its size";
                self.fail(Failure::of_all(CheckName::Earlier, "earlier_signature", expected, found));
            }
        }
    }

    /// The newest checkpoint must have its quorum. An earlier one that has it vouches for nothing that is newer: whoever
    /// brought a policy wants it met; by the ledger's own policy, witnesses may be missing for a while, and the check is
    /// then reported as not made for what is newer.
    pub(super) fn check_cosignatures(&mut self) {
        let Some(policy) = self.policy.clone().filter(|policy| policy.quorum().least() > 0) else { return };
        let (checkpoint, history) = (&self.checkpoint, self.replayer.history());
        // Somebody else's history may have been cosigned: it says nothing for this one.
        let is_of_this = |head: &&Checkpoint| match head.size.cmp(&checkpoint.size) {
            Ordering::Less => history.root_at(head.size) == Some(head.root),
            Ordering::Equal => head.root == checkpoint.root,
            Ordering::Greater => false,
        };
        let heads = self.cosigned.iter().filter_map(|(signed, judged)| signed.verify(judged).ok());
        let cosigned = heads.filter(is_of_this).map(|head| head.size).max();
        self.cosigned_size = cosigned;
        let expected = format!("the cosignatures of at least {} witnesses", policy.quorum().least());
        match cosigned {
            Some(size) if size == self.checkpoint.size => self.count(CheckName::Cosignatures),
            Some(size) if self.key_was_given => {
                let found = format!("the newest checkpoint that has them covers the first {size} entries");
                let place = (size, self.checkpoint.size);
                self.fail(Failure::within(place, CheckName::Cosignatures, "quorum", expected, found));
            }
            Some(_) => {}
            None => {
                let found = "no checkpoint that has them";
                self.fail(Failure::of_all(CheckName::Cosignatures, "quorum", expected, found));
            }
        }
    }
}

//! Check of timestamps: each is of a tree that this ledger had, the ledger's times fit the authority's, and where the
//! authority's certificate is at hand, its signature holds.

use super::Run;
use crate::base::limits::TIMESTAMP_SKEW_MAX;
use crate::base::{Hash, Micros};
use crate::ledger::Checkpoint;
use crate::review::content::Timestamped;
use crate::review::report::{CheckName, Failure, Words};
use crate::review::source::Source;
use crate::review::timestamps::NotTimed;

/// What was found of timestamps so far.
#[derive(Default)]
pub struct Stamps {
    /// Of each entry: 8 bytes beside the 64 of its place in the history.
    pub times: Vec<Micros>,
    /// With the signature of a known authority.
    pub held: u64,
    /// Of an authority whose certificate is not at hand, though others are.
    strangers: u64,
    /// Compared with the ledger only, for want of any certificate.
    unsigned: u64,
}

impl Stamps {
    pub fn why_not(&self) -> Option<Words> {
        let (unsigned, strangers) = (self.unsigned, self.strangers);
        let mut reasons = Vec::new();
        if unsigned > 0 {
            reasons.push(Words::new(
                format!("{unsigned} 个与本账本相符，但手边没有授时机构的证书，未核验其签名"),
                format!("{unsigned} fit this ledger; no certificate is at hand to check the authority's signature"),
            ));
        }
        if strangers > 0 {
            reasons.push(Words::new(
                format!("{strangers} 个出自其他授时机构，手边没有其证书"),
                format!("{strangers} are of an authority whose certificate is not at hand"),
            ));
        }
        if self.held == 0 && reasons.is_empty() {
            reasons.push(Words::new("没有时间戳", "there are no timestamps"));
        }
        Words::joined(&reasons)
    }
}

/// What somebody says that an authority was shown.
struct Claim<'a> {
    /// The entry that says so, and its time; a file beside the ledger has none.
    logged: Option<(u64, Micros)>,
    head: Checkpoint,
    /// What is said to be the token's time.
    time: Option<Micros>,
    token: &'a [u8],
}

impl Run {
    pub(super) fn logged_timestamp(&mut self, seq: u64, at: Micros, said: &Timestamped) {
        let (Some(token), origin) = (said.token(), self.checkpoint.origin.clone()) else { return };
        let head = Checkpoint { origin, size: said.size, root: said.root };
        self.timestamp(&Claim { logged: Some((seq, at)), head, time: Some(said.time), token: &token });
    }

    pub(super) fn kept_timestamps<S: Source>(&mut self, source: &mut S) -> Result<(), S::Error> {
        // Behind a broken chain nobody knows what was there.
        if self.stopped {
            return Ok(());
        }
        source.timestamps(&mut |text, token| match text.parse::<Checkpoint>() {
            Ok(head) => self.timestamp(&Claim { logged: None, head, time: None, token }),
            Err(error) => {
                let expected = "the text of a checkpoint beside each timestamp";
                self.fail(Failure::of_all(CheckName::Timestamps, "timestamp_file", expected, error.to_string()));
            }
        })
    }

    fn timestamp(&mut self, claim: &Claim<'_>) {
        if let Err((rule, expected, found)) = self.timestamp_holds(claim) {
            let failure = match claim.logged {
                Some((seq, _)) => Failure::at(seq, CheckName::Timestamps, rule, expected, found),
                None => Failure::of_all(CheckName::Timestamps, rule, expected, found),
            };
            self.fail(failure);
        }
    }

    /// The rule that is broken, what was expected and what was found.
    fn timestamp_holds(&mut self, claim: &Claim<'_>) -> Result<(), (&'static str, String, String)> {
        let Checkpoint { origin, size, root } = &claim.head;
        if *origin != self.checkpoint.origin {
            return Err(("timestamp_root", self.checkpoint.origin.to_string(), origin.to_string()));
        }
        // An entry comes after what it says was stamped; a file may have outlived entries that are gone.
        let known = claim.logged.map_or(self.head.entries, |(seq, _)| seq);
        let here = if *size <= known { self.replayer.history().root_at(*size) } else { None };
        let Some(here) = here else {
            return Err(("timestamp_size", format!("a checkpoint of at most {known} entries"), format!("{size}")));
        };
        if here != *root {
            return Err(("timestamp_root", here.to_string(), Hash::to_string(root)));
        }
        let Some(authorities) = self.authorities.clone() else {
            self.stamps.unsigned += 1;
            return Ok(());
        };
        let at = match authorities.time_of(claim.token, claim.head.to_string().as_bytes()) {
            Ok(at) => at,
            Err(NotTimed::Stranger) => {
                self.stamps.strangers += 1;
                return Ok(());
            }
            Err(NotTimed::Bad(why)) => {
                return Err(("timestamp_token", format!("a timestamp of the checkpoint of size {size}"), why));
            }
        };
        if let Some(said) = claim.time.filter(|said| *said != at) {
            return Err(("timestamp_time", at.to_string(), said.to_string()));
        }
        self.times_fit(claim, at)?;
        self.stamps.held += 1;
        Ok(())
    }

    /// What was stamped was there before, and what says so was written afterwards.
    fn times_fit(&self, claim: &Claim<'_>, at: Micros) -> Result<(), (&'static str, String, String)> {
        let last = usize::try_from(claim.head.size).ok().and_then(|size| self.stamps.times.get(size.checked_sub(1)?));
        if let Some(last) = last.filter(|last| at.plus(TIMESTAMP_SKEW_MAX) < **last) {
            let expected = format!("no entry before the timestamp of {at} bears a later time");
            return Err(("timestamp_clock", expected, format!("entry {} at {last}", claim.head.size - 1)));
        }
        match claim.logged.filter(|(_, written)| written.plus(TIMESTAMP_SKEW_MAX) < at) {
            Some((_, written)) => {
                Err(("timestamp_clock", format!("written after the timestamp of {at}"), written.to_string()))
            }
            None => Ok(()),
        }
    }
}

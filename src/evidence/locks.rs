//! A home of footage that can refuse a deletion is told for how long: until a clip's own time where one shows the footage, and
//! without an end where somebody holds it. What its camera's class asks for is told when it is put there.

use std::collections::BTreeMap;
use std::io;

use super::Evidence;
use crate::base::limits::{CLIP_SPAN_MAX, CLIP_WAIT_MAX, HOLDS_MAX};
use crate::base::{Code, Micros};
use crate::ledger::media::{ClipReferenced, FileName};
use crate::store::platform::footage::{self, HoldRow, StretchRow};

/// Up to where the footage of each hold that stands is held in its home as well. A keeper that starts anew goes over all of
/// them once more, which changes nothing.
pub type Held = BTreeMap<String, i64>;

impl Evidence {
    /// Keeps what the clip shows for as long as the clip says.
    pub fn keep_clip(&self, reference: &ClipReferenced) -> io::Result<()> {
        if !self.store.locks() {
            return Ok(());
        }
        reference.files().try_for_each(|(name, _)| self.store.keep(name, reference.keep_until))
    }

    /// Holds footage that somebody holds, a piece of each hold at a time, as it comes.
    pub fn hold_footage(&self, held: &mut Held) -> Result<(), Code> {
        if !self.store.locks() {
            return Ok(());
        }
        let holds = self.platform.read(|tx| footage::holds(tx, &self.ledger, HOLDS_MAX))?;
        held.retain(|id, _| holds.iter().any(|hold| hold.id == *id));
        for hold in holds {
            let from = held.get(&hold.id).copied().unwrap_or(hold.starts_at);
            if let Some(to) = self.hold_piece(&hold, from)? {
                held.insert(hold.id, to);
            }
        }
        Ok(())
    }

    /// Answers up to where it got; `None` while there is nothing to do.
    fn hold_piece(&self, hold: &HoldRow, from: i64) -> Result<Option<i64>, Code> {
        let longest = i64::try_from(CLIP_SPAN_MAX.get()).unwrap_or(i64::MAX);
        let to = from.saturating_add(longest).min(hold.ends_at);
        if from >= to {
            return Ok(None);
        }
        // What is announced is held at once; the rest of the piece when it comes, or when it no longer will.
        let accounted = self.platform.read(|tx| footage::accounted_until(tx, &self.ledger, &hold.camera))?;
        let given_up = Micros::new(to).is_some_and(|to| self.now() > to.plus(CLIP_WAIT_MAX));
        let to = if given_up { to } else { accounted.map_or(from, |until| until.min(to)) };
        if from >= to {
            return Ok(None);
        }
        let stretches = self.platform.read(|tx| footage::stretches(tx, &self.ledger, &hold.camera, from, to))?;
        for stretch in stretches.iter().filter(|stretch| stretch.deleted_at.is_none()) {
            for name in files_of(stretch)? {
                self.store.hold(name).map_err(|error| {
                    tracing::error!(%error, %name, "footage cannot be held where it lies");
                    Code::Internal
                })?;
            }
        }
        Ok(Some(to))
    }
}

fn files_of(stretch: &StretchRow) -> Result<impl Iterator<Item = FileName>, Code> {
    let number = |n: i64| u64::try_from(n).map_err(|_| Code::Internal);
    let (run, first, count) =
        (stretch.run.parse().map_err(|_| Code::Internal)?, number(stretch.first)?, number(stretch.count)?);
    let segments = (first..first + count).map(move |number| FileName { run, number: Some(number) });
    Ok(std::iter::once(FileName { run, number: None }).chain(segments))
}

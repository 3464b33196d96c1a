//! A lot's case in one file, as its reader may see it.

use std::io::{Read, Seek, Write};

use super::{Desk, Stored, Threads, footage};
use crate::base::limits::CASE_MEDIA_SERVED_MAX_BYTES;
use crate::base::{Code, Id};
use crate::engine::Refusal;
use crate::identity::{Role, Viewer};
use crate::ledger::media::{VIEWED, Viewed};
use crate::print::Press;
use crate::review::bundle::{About, BundleError};
use crate::review::case::{Contents, Manifest, write};
use crate::review::{Media, Report};
use crate::sequencer::LedgerReader;

/// What goes into the file beside the ledger.
#[derive(Default)]
pub struct Enclosed<'a> {
    /// `verify.html`, if this build has one.
    pub verifier: Option<Vec<u8>>,
    /// The footage, where that of the lot's clips is to be put in, and how many bytes of it at most.
    pub media: Option<(&'a dyn Media, u64)>,
}

/// Whether a reviewer takes the footage along, and then why.
pub enum Footage {
    LeftHere,
    TakenAlong { reason: String },
}

/// The class of readers that a case names as its reader.
pub const fn class_of(role: Role) -> &'static str {
    if matches!(role, Role::Reviewer) { "reviewer" } else { "public" }
}

/// Writes the case of `lot` from everything that `source` shows to the `reader` class, with the report on paper. `scratch`
/// takes the ledger meanwhile.
pub fn write_case<W: Read + Write + Seek>(
    (out, scratch): (W, W),
    source: &mut Stored<'_>,
    lot: Id,
    reader: &str,
    enclosed: &Enclosed<'_>,
) -> Result<(Manifest, Report, W), BundleError> {
    let verifier_key = super::verifier_key_of(source).map_err(|error| BundleError::Source(error.to_string()))?;
    let contents = Contents {
        lot,
        about: About { reader: reader.into(), verifier_key },
        verifier: enclosed.verifier.clone(),
        media: enclosed.media,
        printer: Some(&Press),
    };
    write(out, scratch, source, &contents, &Threads)
}

impl Desk {
    /// Writes the case of `lot` as `viewer`, whose right to it the caller has checked, may read it now. That footage was
    /// taken along is an entry before it is.
    ///
    /// Refuses with [`Code::LotUnknown`], and with [`Code::TooLarge`] where the footage is more than a case may hold.
    pub fn case_file<W: Read + Write + Seek>(
        &self,
        viewer: &Viewer,
        lot: Id,
        verifier: Option<Vec<u8>>,
        footage: &Footage,
        files: (W, W),
    ) -> Result<W, Refusal> {
        let media = match footage {
            Footage::LeftHere => None,
            Footage::TakenAlong { reason } => {
                self.take_along(viewer, lot, reason)?;
                Some((&*self.evidence.store as &dyn Media, CASE_MEDIA_SERVED_MAX_BYTES))
            }
        };
        // First, so that the state is not behind it.
        let note = self.cosigning.shown();
        let state = self.sequencer.read(|committed| {
            let known = committed.state.lots.contains_key(&lot);
            known.then(|| committed.state.clone())
        });
        let state = state.ok_or(Code::LotUnknown)?;
        let reader: &dyn LedgerReader = self.reader.as_ref();
        let mut source = Stored::seen_in(reader, viewer.clone(), state).up_to(&note);
        let enclosed = Enclosed { verifier, media };
        let written = write_case(files, &mut source, lot, class_of(viewer.role), &enclosed);
        let (_, _, out) = written.map_err(|error| {
            tracing::error!(%error, %lot, "cannot write a case file");
            match error {
                BundleError::TooLarge(why) => Refusal::with(Code::TooLarge, why),
                _ => Code::Internal.into(),
            }
        })?;
        Ok(out)
    }

    /// Writes that all clips of the lot were looked at; nothing where there are none.
    fn take_along(&self, viewer: &Viewer, lot: Id, why: &str) -> Result<(), Refusal> {
        let reason = footage::reason(why)?;
        let clips = self.clips(viewer, lot)?;
        let (from, to) = (clips.iter().map(|clip| clip.starts_at).min(), clips.iter().map(|clip| clip.ends_at).max());
        let (Some(from), Some(to)) = (from, to) else { return Ok(()) };
        let (from, to) = (footage::time(from)?, footage::time(to)?);
        let viewed = Viewed { camera: None, clip: None, from, manifest: None, mode: "case".into(), reason, to };
        self.write_record(viewer, VIEWED, format!("lot/{lot}"), &viewed).map(drop)
    }
}

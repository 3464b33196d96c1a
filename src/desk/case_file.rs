//! A lot's case in one file, as its reader may see it.

use std::io::{Read, Seek, Write};

use super::{Desk, Stored, Threads};
use crate::base::{Code, Id};
use crate::evidence::Directory;
use crate::identity::{Role, Viewer};
use crate::print::Press;
use crate::review::bundle::{About, BundleError};
use crate::review::case::{Contents, Manifest, write};
use crate::review::{Media, Report};
use crate::sequencer::LedgerReader;

/// What goes into the file beside the ledger.
#[derive(Debug, Default)]
pub struct Enclosed {
    /// `verify.html`, if this build has one.
    pub verifier: Option<Vec<u8>>,
    /// The footage, where that of the lot's clips is to be put in.
    pub media: Option<Directory>,
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
    enclosed: &Enclosed,
) -> Result<(Manifest, Report, W), BundleError> {
    let verifier_key = super::verifier_key_of(source).map_err(|error| BundleError::Source(error.to_string()))?;
    let contents = Contents {
        lot,
        about: About { reader: reader.into(), verifier_key },
        verifier: enclosed.verifier.clone(),
        media: enclosed.media.as_ref().map(|media| media as &dyn Media),
        printer: Some(&Press),
    };
    write(out, scratch, source, &contents, &Threads)
}

impl Desk {
    /// Writes the case of `lot` as `viewer`, whose right to it the caller has checked, may read it now.
    ///
    /// Refuses with [`Code::LotUnknown`].
    pub fn case_file<W: Read + Write + Seek>(
        &self,
        viewer: &Viewer,
        lot: Id,
        enclosed: &Enclosed,
        files: (W, W),
    ) -> Result<W, Code> {
        // First, so that the state is not behind it.
        let note = self.cosigning.shown();
        let state = self.sequencer.read(|committed| {
            let known = committed.state.lots.contains_key(&lot);
            known.then(|| committed.state.clone())
        });
        let state = state.ok_or(Code::LotUnknown)?;
        let reader: &dyn LedgerReader = self.reader.as_ref();
        let mut source = Stored::seen_in(reader, viewer.clone(), state).up_to(&note);
        let written = write_case(files, &mut source, lot, class_of(viewer.role), enclosed);
        let (_, _, out) = written.map_err(|error| {
            tracing::error!(%error, %lot, "cannot write a case file");
            Code::Internal
        })?;
        Ok(out)
    }
}

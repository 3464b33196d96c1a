//! Reviewers' cases: a reason, written down before anything protected is read.

use super::Identity;
use super::audit::{Circumstances, Kind, record};
use super::rights::{Action, ObjectRef, may};
use super::viewer::Viewer;
use crate::base::limits::{PAGE_MAX_ROWS, TEXT_MAX_CHARS};
use crate::base::{Code, Id, Micros};
use crate::store::platform::review_cases::{self, ReviewCaseRow};

impl Identity {
    /// Opens a case on `lot`, whose existence the caller has checked. It counts from the reviewer's next request on.
    ///
    /// Refuses with [`Code::ReasonMissing`], [`Code::TooLarge`], or [`Code::CaseExists`] while one is open already.
    pub fn open_case(&self, viewer: &Viewer, lot: Id, reason: &str, now: Micros) -> Result<Id, Code> {
        may(viewer, Action::CaseOpen, ObjectRef { lot: Some(lot), ..ObjectRef::NONE })?;
        let reviewer = viewer.account.ok_or(Code::NotSignedIn)?;
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(Code::ReasonMissing);
        }
        if reason.chars().count() > TEXT_MAX_CHARS {
            return Err(Code::TooLarge);
        }
        let id = self.fresh_id(now);
        let row = ReviewCaseRow { id, reviewer, lot, reason: reason.to_owned(), opened_at: now, closed_at: None };
        self.platform.write(|tx| {
            review_cases::insert(tx, &row)
                .map_err(|error| if error.is_duplicate() { Code::CaseExists } else { error.into() })?;
            let who = Circumstances { actor: Some(reviewer), subject: None, network: None };
            record(tx, Kind::CaseOpened, who, &format!("case {id} on lot {lot}"), now)?;
            Ok::<_, Code>(id)
        })
    }

    /// Closes the reviewer's own case; what it opened is closed from the next request on. Closing twice is no error.
    pub fn close_case(&self, viewer: &Viewer, case: Id, now: Micros) -> Result<(), Code> {
        self.platform.write(|tx| {
            let row = review_cases::by_id(tx, case)?.ok_or(Code::NotFound)?;
            may(viewer, Action::CaseClose, ObjectRef::account(row.reviewer))?;
            if row.closed_at.is_none() {
                review_cases::close(tx, case, now)?;
                let who = Circumstances { actor: viewer.account, subject: None, network: None };
                record(tx, Kind::CaseClosed, who, &format!("case {case} on lot {}", row.lot), now)?;
            }
            Ok(())
        })
    }

    /// Records that `viewer` was given the case file of `lot`.
    pub fn case_exported(&self, viewer: &Viewer, lot: Id, now: Micros) -> Result<(), Code> {
        may(viewer, Action::CaseExport, ObjectRef { lot: Some(lot), ..ObjectRef::NONE })?;
        let who = Circumstances { actor: viewer.account, subject: None, network: None };
        self.platform.write(|tx| Ok(record(tx, Kind::CaseExported, who, &format!("lot {lot}"), now)?))
    }

    /// Up to `limit` of the viewer's cases, newest first, opened before the case `before`.
    pub fn cases(&self, viewer: &Viewer, before: Option<Id>, limit: usize) -> Result<Vec<ReviewCaseRow>, Code> {
        let reviewer = viewer.account.ok_or(Code::NotSignedIn)?;
        may(viewer, Action::CaseClose, ObjectRef::account(reviewer))?;
        Ok(self.platform.read(|tx| review_cases::page(tx, reviewer, before, limit.min(PAGE_MAX_ROWS + 1)))?)
    }
}

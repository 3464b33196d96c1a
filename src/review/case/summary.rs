//! What the report for people is made of: everything that the case says about its lot, and what a verification found.

use super::Manifest;
use crate::base::{Hash, Id, Micros};
use crate::engine::Event;
use crate::engine::event::ProjectRegistered;
use crate::review::report::Report;

/// Prints the report. Outside of this room, for it takes fonts.
pub trait Printer {
    /// A PDF; the error is for people.
    fn print(&self, summary: &Summary<'_>) -> Result<Vec<u8>, String>;
}

/// An entry about the lot whose payload is in the case.
#[derive(Debug, Clone)]
pub struct Told {
    pub seq: u64,
    pub at: Micros,
    /// The engine's event, or the kind of another room's record.
    pub what: Result<Box<Event>, String>,
}

/// A case as a person wants to read it.
#[derive(Debug)]
pub struct Summary<'a> {
    /// Without the files that are still to be written.
    pub manifest: &'a Manifest,
    pub report: &'a Report,
    pub project: Option<&'a ProjectRegistered>,
    pub lot: Id,
    /// In the order of the ledger.
    pub told: &'a [Told],
    /// The policy in force at the end, as a C2SP tlog-policy.
    pub policy: &'a str,
    pub receipts: usize,
    pub consistency: usize,
    pub clips: usize,
    /// Files of clips that are in the case, and that are not.
    pub media: (usize, usize),
    /// The digest of the verifier in the case.
    pub verifier: Option<Hash>,
}

//! The record behind the stream, from which viewers read what they missed.

use std::sync::Arc;

use super::Scope;
use crate::base::limits::{HISTORY_PAGE_ROWS, HISTORY_SCAN_ROWS};
use crate::sequencer::{CommittedEntry, LedgerReader, ReadError, StoredEntry};

/// Reads of what is committed. They may block; the hub makes them on threads for that.
pub trait History: Send + Sync {
    /// How many entries are committed.
    fn size(&self) -> Result<u64, ReadError>;
    /// A signed checkpoint over all of them; empty when none is kept.
    fn checkpoint(&self) -> Result<String, ReadError>;
    /// Entries of `scope` with `from ≤ seq < upto` in order, at most `limit`; an erased payload is empty, a damaged entry is
    /// there and says so.
    fn page(&self, scope: Scope, from: u64, upto: u64, limit: usize) -> Result<Page, ReadError>;
}

/// A part of history.
#[derive(Debug, Default)]
pub struct Page {
    pub entries: Vec<CommittedEntry>,
    /// Where to go on: every entry of the scope before it is in this page or was in an earlier one. A page may be empty
    /// and still move on, so that looking for a lot's few entries among many stays bounded.
    pub next: u64,
}

/// History straight from the ledger's storage, without an index: a scope's entries are picked out of all entries. An
/// erased or damaged payload does not tell its subject any more, so such an entry is found in the whole ledger only.
pub struct LedgerHistory(pub Arc<dyn LedgerReader>);

impl History for LedgerHistory {
    fn size(&self) -> Result<u64, ReadError> {
        self.0.size()
    }

    fn checkpoint(&self) -> Result<String, ReadError> {
        let kept = self.0.checkpoint_from(self.size()?)?;
        Ok(kept.map(|(_, note, _)| note).unwrap_or_default())
    }

    fn page(&self, scope: Scope, from: u64, upto: u64, limit: usize) -> Result<Page, ReadError> {
        let upto = upto.min(from.saturating_add(HISTORY_SCAN_ROWS as u64));
        let mut page = Page { entries: Vec::new(), next: from };
        while page.next < upto && page.entries.len() < limit {
            let left = usize::try_from(upto - page.next).unwrap_or(usize::MAX);
            let rows = self.0.entries(page.next, left.min(HISTORY_PAGE_ROWS))?;
            if rows.is_empty() {
                let missing = page.next;
                return Err(ReadError(format!("entry {missing} of {upto} is missing")));
            }
            for row in rows {
                if page.entries.len() == limit {
                    break;
                }
                page.next = row.seq + 1;
                if scope == Scope::Ledger || scope.covers(subject_of(&row)) {
                    page.entries.push(row.as_it_stands());
                }
            }
        }
        Ok(page)
    }
}

/// The subject without reading the whole payload: `subject` is the last of a payload's keys in canonical order, and the
/// subjects that matter here contain nothing that JSON escapes.
fn subject_of(row: &StoredEntry) -> &str {
    const KEY: &str = r#","subject":""#;
    let text = row.payload.as_ref().and_then(|payload| std::str::from_utf8(payload).ok()).unwrap_or_default();
    text.rfind(KEY).and_then(|at| text.get(at + KEY.len()..)?.strip_suffix(r#""}"#)).unwrap_or_default()
}

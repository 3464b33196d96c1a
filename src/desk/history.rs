//! What joining viewers read of the past. A lot's few entries among many are found through the index that follows the
//! ledger; whatever the index has not read yet, and every other scope, comes straight from storage.

use std::sync::Arc;

use crate::live::{History, LedgerHistory, Page, Scope};
use crate::sequencer::{LedgerReader, ReadError};
use crate::store::platform::views;
use crate::store::{Platform, StoreError};

pub struct IndexedHistory {
    storage: LedgerHistory,
    platform: Platform,
    ledger_name: String,
}

impl IndexedHistory {
    pub fn new(reader: Arc<dyn LedgerReader>, platform: Platform, ledger_name: String) -> Self {
        Self { storage: LedgerHistory(reader), platform, ledger_name }
    }

    /// How far the index reaches, and the entries about `subject` that it knows from `from` on, with their kinds.
    fn indexed(&self, subject: &str, from: u64, limit: usize) -> Result<(u64, Vec<(u64, String)>), StoreError> {
        let int = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.platform.read(|tx| {
            let reach = views::next_seq(tx, &self.ledger_name)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = views::entries_of(tx, &self.ledger_name, subject, int(from), limit)?;
            let known = rows.into_iter().filter_map(|row| Some((u64::try_from(row.seq).ok()?, row.kind))).collect();
            Ok((u64::try_from(reach).unwrap_or(0), known))
        })
    }
}

impl History for IndexedHistory {
    fn size(&self) -> Result<u64, ReadError> {
        self.storage.size()
    }

    fn checkpoint(&self) -> Result<String, ReadError> {
        self.storage.checkpoint()
    }

    fn page(&self, scope: Scope, from: u64, upto: u64, limit: usize) -> Result<Page, ReadError> {
        if !matches!(scope, Scope::Lot(_)) || limit == 0 {
            return self.storage.page(scope, from, upto, limit);
        }
        let indexed = self.indexed(&scope.to_string(), from, limit).map_err(|error| ReadError(error.to_string()))?;
        let (reach, known) = indexed;
        let reach = reach.min(upto);
        if from >= reach {
            return self.storage.page(scope, from, upto, limit);
        }
        let more = known.len() == limit;
        let mut page = Page { entries: Vec::with_capacity(known.len()), next: from };
        for (seq, kind) in known.into_iter().take_while(|(seq, _)| *seq < reach) {
            for row in self.storage.0.entries(seq, 1)? {
                let mut entry = row.as_it_stands();
                if entry.damaged {
                    // What it was about is known from when it could still be read.
                    entry.subject = scope.to_string();
                    entry.kind = kind.clone().into();
                }
                page.entries.push(entry);
            }
            page.next = seq + 1;
        }
        if !more || page.next == from {
            page.next = reach;
        }
        Ok(page)
    }
}

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

    /// How far the index reaches, and the entries about `subject` that it knows between `from` and there.
    fn indexed(&self, subject: &str, from: u64, limit: usize) -> Result<(u64, Vec<u64>), StoreError> {
        let int = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.platform.read(|tx| {
            let reach = views::next_seq(tx, &self.ledger_name)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = views::entries_of(tx, &self.ledger_name, subject, int(from), limit)?;
            let seqs = rows.into_iter().filter_map(|row| u64::try_from(row.seq).ok()).collect();
            Ok((u64::try_from(reach).unwrap_or(0), seqs))
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
        let (reach, seqs) = indexed;
        let reach = reach.min(upto);
        if from >= reach {
            return self.storage.page(scope, from, upto, limit);
        }
        let more = seqs.len() == limit;
        let mut page = Page { entries: Vec::with_capacity(seqs.len()), next: from };
        for seq in seqs.into_iter().take_while(|seq| *seq < reach) {
            for row in self.storage.0.entries(seq, 1)? {
                page.entries.push(row.restored()?);
            }
            page.next = seq + 1;
        }
        if !more || page.next == from {
            page.next = reach;
        }
        Ok(page)
    }
}

//! Lists and figures out of the query tables.

use super::Desk;
use crate::base::Code;
use crate::store::StoreError;
use crate::store::platform::views;
pub use crate::store::platform::views::{LotFilter, LotRow, MonthRow};

/// A year's trade in figures; sums in 分.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Projects with at least one award.
    pub projects: i64,
    pub awarded: i64,
    pub months: Vec<MonthRow>,
    /// How many lots stand in which phase.
    pub phases: Vec<(String, i64)>,
    /// The first entry that the figures do not contain yet.
    pub next_seq: i64,
}

impl Desk {
    /// Lots, newest notice first.
    pub fn find_lots(&self, filter: &LotFilter, limit: usize) -> Result<Vec<LotRow>, Code> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Ok(self.platform.read(|tx| views::lots(tx, filter, limit))?)
    }

    pub fn figures(&self) -> Result<Figures, Code> {
        let name = &self.ledger_name;
        Ok(self.platform.read(|tx| -> Result<_, StoreError> {
            let (projects, awarded) = views::award_totals(tx, name)?;
            let months = views::awards_by_month(tx, name)?;
            let phases = views::phases(tx, name)?;
            Ok(Figures { projects, awarded, months, phases, next_seq: views::next_seq(tx, name)? })
        })?)
    }
}

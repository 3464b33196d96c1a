//! What a viewer follows.

use std::fmt;
use std::str::FromStr;

use crate::base::Id;

/// A part of the ledger that can be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The entries of one lot.
    Lot(Id),
    /// The entries of all lots.
    Floor,
    /// Every entry.
    Ledger,
}

/// The text names no scope of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a scope: expected lot/ID, floor or ledger")]
pub struct NotAScope;

impl Scope {
    /// Whether an entry about `subject` belongs to this scope.
    pub fn covers(self, subject: &str) -> bool {
        match self {
            Self::Lot(id) => lot_of(subject) == Some(id),
            Self::Floor => lot_of(subject).is_some(),
            Self::Ledger => true,
        }
    }
}

/// The lot that an entry with this `subject` is about.
pub fn lot_of(subject: &str) -> Option<Id> {
    subject.strip_prefix("lot/")?.parse().ok()
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lot(id) => write!(f, "lot/{id}"),
            Self::Floor => f.write_str("floor"),
            Self::Ledger => f.write_str("ledger"),
        }
    }
}

impl FromStr for Scope {
    type Err = NotAScope;

    fn from_str(text: &str) -> Result<Self, NotAScope> {
        match text {
            "floor" => Ok(Self::Floor),
            "ledger" => Ok(Self::Ledger),
            _ => lot_of(text).map(Self::Lot).ok_or(NotAScope),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_and_what_is_covered() {
        const LOT: &str = "lot/01JD9Z5T8Q3W6V2K4M7N0P1R2S";
        for (scope, covered) in [
            (LOT, &[LOT][..]),
            ("lot/01JD9Z5T8Q3W6V2K4M7N0P1R2T", &[]),
            ("floor", &[LOT]),
            ("ledger", &[LOT, "project/01JD9Z5T8Q3W6V2K4M7N0P1R2S", "camera/4", "lot/", "ledger", ""]),
        ] {
            let parsed: Scope = scope.parse().unwrap();
            assert_eq!(parsed.to_string(), scope);
            for subject in [LOT, "project/01JD9Z5T8Q3W6V2K4M7N0P1R2S", "camera/4", "lot/", "ledger", ""] {
                assert_eq!(parsed.covers(subject), covered.contains(&subject), "{scope} {subject:?}");
            }
        }
        for text in [
            "",
            "lot",
            "lot/",
            "Floor",
            "floor ",
            "lot/01jd9z5t8q3w6v2k4m7n0p1r2s",
            "project/01JD9Z5T8Q3W6V2K4M7N0P1R2S",
        ] {
            assert!(text.parse::<Scope>().is_err(), "{text:?}");
        }
    }
}

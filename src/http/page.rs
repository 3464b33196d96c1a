//! Lists by cursor: `{items: […], next: "…" | null}`. A cursor names the place where a page ended, so that rows which
//! come or go meanwhile shift nothing. It is opaque, since what it names differs from list to list.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use utoipa::IntoParams;

use super::problem::Problem;
use crate::base::limits::{PAGE_MAX_ROWS, PAGE_ROWS};
use crate::base::{Code, Id};

/// Which part of a list is asked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// `next` of the page before.
    after: Option<String>,
    /// Rows of the page: 50 unless told, at most 200.
    limit: Option<usize>,
}

impl Page {
    /// For lists that are asked for with more than their part.
    pub const fn of(after: Option<String>, limit: Option<usize>) -> Self {
        Self { after, limit }
    }

    /// How many rows; `invalid_field` for none and for more than [`PAGE_MAX_ROWS`].
    pub fn limit(&self) -> Result<usize, Problem> {
        let limit = self.limit.unwrap_or(PAGE_ROWS);
        if (1..=PAGE_MAX_ROWS).contains(&limit) {
            Ok(limit)
        } else {
            Err(Problem::new(Code::InvalidField, format!("limit: 1 to {PAGE_MAX_ROWS}")))
        }
    }

    /// Where the page before ended; `invalid_field` for what is no cursor of this list.
    pub fn after<P: FromStr>(&self) -> Result<Option<P>, Problem> {
        let Some(cursor) = &self.after else { return Ok(None) };
        let place = decode(cursor).and_then(|text| text.parse().ok());
        place.map(Some).ok_or_else(|| Problem::new(Code::InvalidField, "after: not a cursor of this list"))
    }
}

/// The cursor of a place.
pub fn encode(place: &str) -> String {
    URL_SAFE_NO_PAD.encode(place)
}

/// The place that a cursor names; `None` for what [`encode`] did not make.
pub fn decode(cursor: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
}

/// The page out of `rows`, which were read one further than `limit`, and the cursor to go on with if that one was there.
pub fn cut<T>(mut rows: Vec<T>, limit: usize, place: impl FnOnce(&T) -> String) -> (Vec<T>, Option<String>) {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|last| encode(&place(last)));
    (rows, next)
}

/// Rows by id from the newest (ids begin with their time) on, behind `before`.
pub fn newest_first<T>(rows: &BTreeMap<Id, T>, before: Option<Id>) -> impl Iterator<Item = (&Id, &T)> {
    let end = before.map_or(Bound::Unbounded, Bound::Excluded);
    rows.range((Bound::Unbounded, end)).rev()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let all: Vec<u32> = (1..=5).collect();
        let mut seen = Vec::new();
        let mut page = Page { after: None, limit: Some(2) };
        loop {
            let (after, limit) = (page.after::<u32>().unwrap().unwrap_or(0), page.limit().unwrap());
            let rows = all.iter().copied().filter(|n| *n > after).take(limit + 1).collect();
            let (items, next) = cut(rows, limit, u32::to_string);
            assert!(!items.is_empty(), "no page is empty");
            seen.extend(items);
            match next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn what_is_no_cursor_and_no_number_of_rows_is_refused() {
        for after in ["", "%%", "NQ==", &encode("x"), "_w"] {
            let page = Page { after: Some(after.to_owned()), limit: None };
            assert_eq!(page.after::<u32>().unwrap_err().code(), Code::InvalidField, "{after}");
        }
        for (limit, good) in [(0, false), (1, true), (PAGE_MAX_ROWS, true), (PAGE_MAX_ROWS + 1, false)] {
            assert_eq!(Page { after: None, limit: Some(limit) }.limit().is_ok(), good, "{limit}");
        }
    }
}

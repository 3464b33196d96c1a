//! Time: microseconds since 1970-01-01T00:00:00Z, spelled as RFC 3339 UTC with six digits and `Z`. Never a float, never a zone.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use time::{Date, Month, OffsetDateTime, Time};

const MICROS_PER_SECOND: i64 = 1_000_000;
/// The spelling has four digits for the year: 0000-01-01 … 9999-12-31.
const MIN: i64 = -62_167_219_200 * MICROS_PER_SECOND;
const MAX: i64 = 253_402_300_799 * MICROS_PER_SECOND + 999_999;

/// An instant, in microseconds of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micros(i64);

/// A length of time, in microseconds; on the wire an integer (below 2^53).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(u64);

/// The text is not `YYYY-MM-DDThh:mm:ss.ffffffZ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a time: expected RFC 3339 in UTC with six digits after the second and Z, such as 2026-11-23T04:05:06.123456Z"
)]
pub struct NotATime;

impl Span {
    pub const fn micros(micros: u64) -> Self {
        Self(micros)
    }
    pub const fn secs(seconds: u64) -> Self {
        Self(seconds * 1_000_000)
    }
    pub const fn minutes(minutes: u64) -> Self {
        Self::secs(minutes * 60)
    }
    pub const fn hours(hours: u64) -> Self {
        Self::minutes(hours * 60)
    }
    pub const fn days(days: u64) -> Self {
        Self::hours(days * 24)
    }
    /// Microseconds.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl Micros {
    /// Returns `None` outside the years 0000–9999.
    pub const fn new(micros: i64) -> Option<Self> {
        if micros < MIN || micros > MAX { None } else { Some(Self(micros)) }
    }

    /// Microseconds since the epoch.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Later by `span`; stays at the end of the year 9999 rather than wrapping.
    #[must_use]
    pub fn plus(self, span: Span) -> Self {
        Self(i64::try_from(span.0).ok().and_then(|s| self.0.checked_add(s)).unwrap_or(MAX).min(MAX))
    }

    /// Earlier by `span`; stays at the year 0000 rather than wrapping.
    #[must_use]
    pub fn minus(self, span: Span) -> Self {
        Self(i64::try_from(span.0).ok().and_then(|s| self.0.checked_sub(s)).unwrap_or(MIN).max(MIN))
    }

    /// From `earlier` to `self`; zero when `earlier` is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.checked_sub(earlier.0).and_then(|d| u64::try_from(d).ok()).unwrap_or(0))
    }

    fn utc(self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000).ok()
    }

    /// The calendar day in China (UTC+8, no daylight saving since 1991), where every legal period is counted.
    pub fn china_date(self) -> Option<Date> {
        self.plus(Span::hours(8)).utc().map(OffsetDateTime::date)
    }

    /// 00:00 in China of the given day.
    pub fn start_of_china_day(day: Date) -> Self {
        let utc = OffsetDateTime::new_utc(day, Time::MIDNIGHT).unix_timestamp();
        Self(utc.saturating_mul(MICROS_PER_SECOND)).minus(Span::hours(8))
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.utc().ok_or(fmt::Error)?;
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
            t.year(),
            u8::from(t.month()),
            t.day(),
            t.hour(),
            t.minute(),
            t.second(),
            t.microsecond()
        )
    }
}

impl FromStr for Micros {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        parse(text.as_bytes()).ok_or(NotATime)
    }
}

fn parse(text: &[u8]) -> Option<Micros> {
    let [
        y0,
        y1,
        y2,
        y3,
        b'-',
        m0,
        m1,
        b'-',
        d0,
        d1,
        b'T',
        h0,
        h1,
        b':',
        n0,
        n1,
        b':',
        s0,
        s1,
        b'.',
        fraction @ ..,
        b'Z',
    ] = text
    else {
        return None;
    };
    let number = |digits: &[u8]| -> Option<u32> {
        digits.iter().try_fold(0u32, |sum, d| d.is_ascii_digit().then(|| sum * 10 + u32::from(d - b'0')))
    };
    if fraction.len() != 6 {
        return None;
    }
    let small = |digits: &[u8]| number(digits).and_then(|n| u8::try_from(n).ok());
    let year = i32::try_from(number(&[*y0, *y1, *y2, *y3])?).ok()?;
    let month = Month::try_from(small(&[*m0, *m1])?).ok()?;
    let date = Date::from_calendar_date(year, month, small(&[*d0, *d1])?).ok()?;
    let clock =
        Time::from_hms_micro(small(&[*h0, *h1])?, small(&[*n0, *n1])?, small(&[*s0, *s1])?, number(fraction)?).ok()?;
    let nanos = OffsetDateTime::new_utc(date, clock).unix_timestamp_nanos();
    Micros::new(i64::try_from(nanos / 1000).ok()?)
}

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_round_trips_and_is_the_only_one() {
        for text in [
            "2026-11-23T04:05:06.123456Z",
            "1970-01-01T00:00:00.000000Z",
            "0000-01-01T00:00:00.000000Z",
            "9999-12-31T23:59:59.999999Z",
            "2024-02-29T12:00:00.000001Z",
        ] {
            assert_eq!(text.parse::<Micros>().unwrap().to_string(), text);
        }
        for text in [
            "2026-11-23T04:05:06Z",
            "2026-11-23T04:05:06.12345Z",
            "2026-11-23T04:05:06.1234567Z",
            "2026-11-23T04:05:06.123456+00:00",
            "2026-02-29T00:00:00.000000Z",
            "2026-11-23 04:05:06.123456Z",
            "2026-11-23T24:00:00.000000Z",
            "2026-11-23T04:05:60.000000Z",
            "",
        ] {
            assert!(text.parse::<Micros>().is_err(), "{text:?} must be refused");
        }
    }

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        let end = Micros::new(MAX).unwrap();
        assert_eq!(end.plus(Span::days(1)), end);
        let start = Micros::new(MIN).unwrap();
        assert_eq!(start.minus(Span::days(1)), start);
        assert_eq!(start.since(end), Span::micros(0));
    }

    #[test]
    fn a_day_in_china_starts_at_sixteen_hundred_utc() {
        let before: Micros = "2026-11-22T15:59:59.999999Z".parse().unwrap();
        let after: Micros = "2026-11-22T16:00:00.000000Z".parse().unwrap();
        assert_eq!(before.china_date().unwrap().day(), 22);
        assert_eq!(after.china_date().unwrap().day(), 23);
        assert_eq!(Micros::start_of_china_day(after.china_date().unwrap()), after);
    }
}

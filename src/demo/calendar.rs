//! When an office works: China's working days, nine to five.

use serde::Deserialize;
use time::{Date, Duration};

use super::seed::Rng;
use crate::base::{Micros, Span};
use crate::engine::calendar::Holidays;

const OPENS: u64 = 9 * 60;
const CLOSES: u64 = 17 * 60;

#[derive(Deserialize)]
struct File {
    holidays: Holidays,
}

/// The days of `holidays.json`.
pub fn holidays() -> Result<Holidays, serde_json::Error> {
    serde_json::from_str::<File>(include_str!("holidays.json")).map(|file| file.holidays)
}

#[derive(Debug, Clone)]
pub struct Calendar {
    pub holidays: Holidays,
}

/// The day in China.
pub fn day_of(at: Micros) -> Date {
    at.china_date().unwrap_or(Date::MIN)
}

/// `minute` of `day` in China.
pub fn at(day: Date, minute: u64) -> Micros {
    Micros::start_of_china_day(day).plus(Span::minutes(minute))
}

pub fn days_after(day: Date, days: i64) -> Date {
    day.saturating_add(Duration::days(days))
}

fn minute_of(at: Micros) -> u64 {
    at.since(Micros::start_of_china_day(day_of(at))).get() / Span::minutes(1).get()
}

impl Calendar {
    /// `day`, or the first working day before it.
    pub fn working_until(&self, mut day: Date) -> Date {
        while !self.holidays.is_working_day(day) {
            day = days_after(day, -1);
        }
        day
    }

    /// `day`, or the first working day after it.
    pub fn working_from(&self, mut day: Date) -> Date {
        while !self.holidays.is_working_day(day) {
            day = days_after(day, 1);
        }
        day
    }

    /// Working days, both ends included.
    pub fn working_days(&self, from: Date, to: Date) -> Vec<Date> {
        let mut day = self.working_from(from);
        let mut days = Vec::new();
        while day <= to {
            days.push(day);
            day = self.working_from(days_after(day, 1));
        }
        days
    }

    /// Some moment of office hours on `day`.
    pub fn office_hours(day: Date, rng: &mut Rng) -> Micros {
        at(day, rng.between(OPENS, CLOSES - 1)).plus(Span::micros(rng.below(60_000_000)))
    }

    /// `at` itself when the office works then, else a moment of the next working morning.
    pub fn when_open(&self, moment: Micros, rng: &mut Rng) -> Micros {
        let (day, minute) = (day_of(moment), minute_of(moment));
        if self.holidays.is_working_day(day) && (OPENS..CLOSES).contains(&minute) {
            return moment;
        }
        let day = if minute < OPENS { day } else { days_after(day, 1) };
        at(self.working_from(day), rng.between(OPENS, OPENS + 120)).plus(Span::micros(rng.below(60_000_000)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_office_is_closed_on_holidays_and_open_in_exchange() {
        let calendar = Calendar { holidays: holidays().unwrap() };
        let mut rng = Rng::new(1, "calendar");
        // Thursday 2026-10-01, 10:00 in China: open again on Thursday the 8th.
        let at = calendar.when_open("2026-10-01T02:00:00.000000Z".parse().unwrap(), &mut rng);
        assert_eq!(day_of(at).to_string(), "2026-10-08");
        // Saturday 2026-10-10 is worked.
        let saturday: Micros = "2026-10-10T02:00:00.000000Z".parse().unwrap();
        assert_eq!(calendar.when_open(saturday, &mut rng), saturday);
    }

    #[test]
    fn every_day_of_the_file_is_of_its_kind() {
        let holidays = holidays().unwrap();
        let weekend = |name: &String| {
            let day = day_of(format!("{name}T04:00:00.000000Z").parse().unwrap());
            matches!(day.weekday(), time::Weekday::Saturday | time::Weekday::Sunday)
        };
        assert!(!holidays.free.iter().any(weekend), "a free day must be a weekday");
        assert!(holidays.worked.iter().all(weekend), "a day worked in exchange must be of a weekend");
    }
}

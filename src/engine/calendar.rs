//! Legal periods, counted in China's calendar days and working days. The law's numbers stand here with their articles;
//! what differs by city is a parameter of the notice.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use time::{Date, Duration, Weekday};

use super::event::Duty;
use super::rules::Category;
use super::state::{Due, Phase};
use crate::base::Micros;

/// The State Council's yearly holiday notice: data, recorded in the ledger, not code. Days as `YYYY-MM-DD`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holidays {
    /// Weekdays that are free.
    pub free: BTreeSet<String>,
    /// Weekend days that are worked in exchange.
    pub worked: BTreeSet<String>,
}

/// A day as the calendar names it; `None` for what is no day of that form.
pub fn parse_day(text: &str) -> Option<Date> {
    let [year, month, day] = <[&str; 3]>::try_from(text.split('-').collect::<Vec<_>>()).ok()?;
    if (year.len(), month.len(), day.len()) != (4, 2, 2) || !text.bytes().all(|b| b == b'-' || b.is_ascii_digit()) {
        return None;
    }
    Date::from_calendar_date(year.parse().ok()?, month.parse::<u8>().ok()?.try_into().ok()?, day.parse().ok()?).ok()
}

impl Holidays {
    pub fn is_working_day(&self, day: Date) -> bool {
        let name = format!("{:04}-{:02}-{:02}", day.year(), u8::from(day.month()), day.day());
        if self.worked.contains(&name) {
            return true;
        }
        !self.free.contains(&name) && !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
    }

    /// End of a period of `days` calendar days: the day of the start does not count, the last day counts to its end
    /// and, if it is free, the next working day's end counts (民法典 art. 201, 203).
    pub fn end_of_days(&self, start: Micros, days: u32) -> Option<Micros> {
        let mut last = start.china_date()?.checked_add(Duration::days(i64::from(days)))?;
        while !self.is_working_day(last) {
            last = last.next_day()?;
        }
        Some(Micros::start_of_china_day(last.next_day()?))
    }

    /// End of a period of `days` working days after the day of the start.
    pub fn end_of_working_days(&self, start: Micros, days: u32) -> Option<Micros> {
        let mut last = start.china_date()?;
        for _ in 0..days {
            last = last.next_day()?;
            while !self.is_working_day(last) {
                last = last.next_day()?;
            }
        }
        Some(Micros::start_of_china_day(last.next_day()?))
    }
}

/// A legal minimum, or a legal maximum share, and where it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Calendar days, hundredths of the estimate, or bidders.
    pub value: u32,
    pub source: &'static str,
}

/// What the law leaves to the city for land (B) and state property (C). Recorded in the ledger with the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CityPeriods {
    pub land_notice_days: u32,
    pub land_publicity_days: u32,
    pub land_deposit_percent: u32,
    pub property_notice_days: u32,
    pub property_publicity_days: u32,
    pub property_deposit_percent: u32,
}

impl Default for CityPeriods {
    fn default() -> Self {
        Self {
            land_notice_days: 20,
            land_publicity_days: 3,
            land_deposit_percent: 50,
            property_notice_days: 10,
            property_publicity_days: 3,
            property_deposit_percent: 30,
        }
    }
}

const BY_THE_CITY: &str = "本市规定(平台参数)";

impl CityPeriods {
    /// Whether every period lies within a year and every share within the whole: the sums of times stay in range.
    pub fn are_usable(&self) -> bool {
        let days =
            [self.land_notice_days, self.land_publicity_days, self.property_notice_days, self.property_publicity_days];
        let percents = [self.land_deposit_percent, self.property_deposit_percent];
        days.iter().all(|days| *days <= 366) && percents.iter().all(|percent| *percent <= 100)
    }

    /// Least days from the notice to the deadline for bids.
    pub const fn notice_days_min(&self, category: Category) -> Bound {
        match category {
            Category::A => Bound { value: 20, source: "招标投标法第二十四条" },
            Category::B => Bound { value: self.land_notice_days, source: BY_THE_CITY },
            Category::C => Bound { value: self.property_notice_days, source: BY_THE_CITY },
            Category::D => Bound { value: 20, source: "政府采购法第三十五条" },
        }
    }

    /// Least days for which the result is public before it can be confirmed.
    pub const fn publicity_days_min(&self, category: Category) -> Bound {
        match category {
            Category::A => Bound { value: 3, source: "招标投标法实施条例第五十四条" },
            Category::B => Bound { value: self.land_publicity_days, source: BY_THE_CITY },
            Category::C => Bound { value: self.property_publicity_days, source: BY_THE_CITY },
            // The article names when the result is announced (two working days), not for how long; one day is our floor.
            Category::D => Bound { value: 1, source: "政府采购法实施条例第四十三条" },
        }
    }

    /// Fewest admitted bidders with whom anything is opened.
    pub const fn bidders_min(&self, category: Category) -> Bound {
        match category {
            // 实施条例 art. 44 says the same of the opening.
            Category::A => Bound { value: 3, source: "招标投标法第二十八条" },
            Category::B | Category::C => Bound { value: 1, source: BY_THE_CITY },
            Category::D => Bound { value: 3, source: "政府采购法第三十六条" },
        }
    }

    /// Highest deposit, in hundredths of the estimate.
    pub const fn deposit_percent_max(&self, category: Category) -> Bound {
        match category {
            Category::A => Bound { value: 2, source: "招标投标法实施条例第二十六条" },
            Category::B => Bound { value: self.land_deposit_percent, source: BY_THE_CITY },
            Category::C => Bound { value: self.property_deposit_percent, source: BY_THE_CITY },
            Category::D => Bound { value: 2, source: "政府采购法实施条例第三十三条" },
        }
    }
}

/// The step that the law gives a time for once a lot has come to `phase` at `start`.
pub fn duty(holidays: &Holidays, category: Category, phase: Phase, start: Micros) -> Option<Due> {
    let (duty, due) = match (phase, category) {
        // 招标投标法实施条例 art. 54: three days from the report.
        (Phase::Ranked, Category::A) => (Duty::Publicity, holidays.end_of_days(start, 3)),
        // 政府采购法实施条例 art. 43: two working days for the report, five to choose, two to announce.
        (Phase::Ranked, Category::D) => (Duty::Publicity, holidays.end_of_working_days(start, 9)),
        // 招标投标法 art. 46; 政府采购法 art. 46: thirty days from the letter of award.
        (Phase::Awarded, Category::A | Category::D) => (Duty::Contract, holidays.end_of_days(start, 30)),
        _ => return None,
    };
    due.map(|due| Due { duty, due, overdue: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Micros {
        text.parse().unwrap()
    }

    #[test]
    fn periods_end_on_working_days() {
        let mut holidays = Holidays::default();
        // 2026-11-20 is a Friday, 12:00 in China.
        let friday = at("2026-11-20T04:00:00.000000Z");
        // Three days end on Monday the 23rd, 24:00 in China.
        assert_eq!(holidays.end_of_days(friday, 3), Some(at("2026-11-23T16:00:00.000000Z")));
        // One day ends on Saturday, hence on Monday.
        assert_eq!(holidays.end_of_days(friday, 1), Some(at("2026-11-23T16:00:00.000000Z")));
        assert_eq!(holidays.end_of_working_days(friday, 2), Some(at("2026-11-24T16:00:00.000000Z")));
        holidays.free.insert("2026-11-23".into());
        assert_eq!(holidays.end_of_days(friday, 1), Some(at("2026-11-24T16:00:00.000000Z")));
        holidays.worked.insert("2026-11-21".into());
        assert_eq!(holidays.end_of_days(friday, 1), Some(at("2026-11-21T16:00:00.000000Z")));
    }
}

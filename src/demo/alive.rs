//! What is still going on at the year's end, so that the hall has something to show: lots in sign-up, lots about to open,
//! listings in their quoting period, auctions that run, results that are public, one lot that a supervisor paused, those
//! that open live a minute later (`auction`), and those that a visitor can still sign up for and bid in at once.

use std::collections::BTreeSet;

use super::calendar::{self, Calendar, day_of, days_after};
use super::lots::{LotPlan, Order, Outcome, QuestionPlan, Twist};
use super::seed::Rng;
use super::year::{ProjectPlan, Year, fresh_subject};
use crate::base::{Micros, Span};
use crate::engine::calendar::CityPeriods;
use crate::engine::rules::Category::{self, A, B, C, D};

/// The first live auction opens this long after the year's end, the others one after another.
pub const LIVE_OPENS_AFTER: Span = Span::minutes(1);
const LIVE_EVERY: Span = Span::secs(20);
/// When the lots for visitors open, in seconds after the year's end.
const VISITORS_OPEN_AFTER_S: [u64; 8] = [75, 240, 600, 1_200, 1_800, 2_400, 3_000, 3_600];
/// Sign-up and deposits end so long before; as short as a person at a keyboard wants it.
const VISITORS_SIGN_UP_ENDS: Span = Span::secs(8);

/// Where a lot stands at the year's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Noticed so many days ago.
    SignUp(i64),
    /// Opens in so many minutes.
    Soon(u64),
    /// Opens on the so-manieth working day from now.
    Days(i64),
    /// Quotes since so many days.
    Quoting(i64),
    /// A long free period since so many hours.
    Free(u64),
    /// Closed so many days ago.
    Result(i64),
    /// Closed so many days ago, and the office has still to make its result public.
    Ended(i64),
    Paused,
    /// The so-manieth of the live auctions.
    Live(u64),
    /// The so-manieth of the lots whose sign-up ends seconds before they open: short, against two simulated bidders.
    Visitors(usize),
    /// One of those that open together.
    Rush,
}

use Standing::{Days, Ended, Free, Live, Paused, Quoting, Result, Rush, SignUp, Soon, Visitors};

const ALIVE: [(Category, Standing); 34] = [
    (A, SignUp(5)),
    (D, SignUp(3)),
    (C, SignUp(2)),
    (B, SignUp(7)),
    (D, SignUp(9)),
    (A, SignUp(4)),
    (C, Soon(125)),
    (D, Soon(310)),
    (A, Days(1)),
    (D, Days(1)),
    (B, Days(2)),
    (B, Quoting(3)),
    (B, Quoting(5)),
    (B, Quoting(8)),
    (C, Free(20)),
    (C, Free(7)),
    (A, Result(1)),
    (D, Result(2)),
    (A, Paused),
    (B, Live(0)),
    (C, Live(1)),
    (C, Live(2)),
    (D, Live(3)),
    (C, Live(4)),
    (C, Visitors(0)),
    (C, Visitors(1)),
    (C, Visitors(2)),
    (C, Visitors(3)),
    (C, Visitors(4)),
    (C, Visitors(5)),
    (C, Visitors(6)),
    (C, Visitors(7)),
    // Its publicity is over: the owner may confirm the result.
    (A, Result(9)),
    (A, Ended(1)),
];

pub fn projects(year: &Year) -> Vec<ProjectPlan> {
    let mut titles: BTreeSet<String> = year.projects.iter().map(|project| project.title.clone()).collect();
    let rush = std::iter::repeat_n(&(D, Rush), year.brief.rush);
    ALIVE
        .iter()
        .chain(rush)
        .enumerate()
        .map(|(index, (category, standing))| {
            let mut rng = year.rng(&format!("alive {index}"));
            project(year, &mut rng, &mut titles, *category, *standing)
        })
        .collect()
}

fn project(
    year: &Year,
    rng: &mut Rng,
    titles: &mut BTreeSet<String>,
    category: Category,
    standing: Standing,
) -> ProjectPlan {
    let subject = fresh_subject(category, titles, rng);
    let (noticed_at, opens_at) = times(year, rng, category, standing);
    let listing = category == B && !matches!(standing, Live(_));
    let (free, window) = match standing {
        Quoting(_) => (Some(Span::days(12)), None),
        Free(_) => (Some(Span::hours(48)), None),
        Rush => (Some(Span::hours(4)), Some(Span::minutes(5))),
        Live(place) => (Some(Span::minutes(3)), Some(Span::minutes(if place == 0 { 3 } else { 2 }))),
        // The first is quick.
        Visitors(0) => (Some(Span::secs(30)), Some(Span::secs(30))),
        Visitors(_) => (Some(Span::minutes(2)), Some(Span::minutes(1))),
        _ => (None, None),
    };
    let order = Order {
        cast: &year.cast,
        secrets: &year.brief.secrets,
        category,
        trade: subject.trade,
        title: subject.title.clone(),
        target: value(category, rng),
        noticed_at,
        opens_at,
        listing,
        twist: match standing {
            Paused => Twist::Paused,
            Ended(_) => Twist::Unpublished,
            _ => Twist::Plain,
        },
        free,
        window,
        admitted: match standing {
            Live(_) => Some(rng.index(3) + 4),
            Paused | Rush => Some(6),
            Visitors(_) => Some(2),
            _ => None,
        },
        sign_up_closes: matches!(standing, Visitors(_)).then(|| opens_at.minus(VISITORS_SIGN_UP_ENDS)),
    };
    let mut lot: LotPlan = order.plan(rng);
    lot.outcome = Outcome::Open;
    lot.live = matches!(standing, Live(_) | Visitors(_) | Rush);
    lot.rush = standing == Rush;
    lot.for_visitors = matches!(standing, Visitors(_));
    if standing == Free(20) {
        // The last word of the year: a question that waits for its answer.
        let now = year.brief.until;
        let (id, due) = (rng.id(now), now.plus(Span::days(1)));
        lot.question = Some(QuestionPlan { id, asked_at: now, due, answered_at: None, text: 4, open: true });
    }
    if standing == Paused {
        lot.course.standstill = lot.course.standstill.map(|(place, _)| (place, Span::days(30)));
    }
    ProjectPlan {
        id: rng.id(noticed_at),
        code: String::new(),
        category,
        title: subject.title,
        owner: year.cast.owner(subject.owner),
        place: subject.place,
        registered_at: noticed_at.minus(Span::minutes(rng.between(5, 55))),
        lots: vec![lot],
        completed: false,
    }
}

/// Notice and opening.
fn times(year: &Year, rng: &mut Rng, category: Category, standing: Standing) -> (Micros, Micros) {
    let now = year.brief.until;
    let today = day_of(now);
    let forenoon = 9 * 60 + 30 * rng.below(5);
    let working = |days: i64| {
        let day = days_after(today, days);
        let day = if days < 0 { year.calendar.working_until(day) } else { year.calendar.working_from(day) };
        calendar::at(day, forenoon)
    };
    let opens_at = match standing {
        SignUp(days) => {
            let noticed_on = year.calendar.working_until(days_after(today, -days));
            let least = i64::from(CityPeriods::default().notice_days_min(category).value);
            let opening = year.calendar.working_from(days_after(noticed_on, least + 2));
            return (Calendar::office_hours(noticed_on, rng), calendar::at(opening, forenoon));
        }
        Days(days) => working(days),
        Soon(minutes) => now.plus(Span::minutes(minutes)),
        Quoting(days) | Result(days) | Ended(days) => working(-days),
        Free(hours) => now.minus(Span::hours(hours)),
        Paused => working(-1),
        Rush => now.plus(LIVE_OPENS_AFTER),
        Live(place) => now.plus(LIVE_OPENS_AFTER).plus(Span::micros(LIVE_EVERY.get() * place)),
        Visitors(place) => now.plus(Span::secs(VISITORS_OPEN_AFTER_S.get(place).copied().unwrap_or_default())),
    };
    (year.notice_day(rng, category, day_of(opens_at)), opens_at)
}

/// An ordinary award of the category, in 分.
fn value(category: Category, rng: &mut Rng) -> i64 {
    let (low, high, granule) = match category {
        A => (300, 4_000, 1_000_000),
        B => (6_000, 22_000, 1_000_000),
        C => (60, 900, 100_000),
        D => (80, 700, 1_000_000),
    };
    let ten_thousand_yuan = 1_000_000;
    let value = i64::try_from(rng.between(low, high)).unwrap_or(100) * ten_thousand_yuan;
    value - value % granule
}

//! A year of the trading centre, planned from a seed: projects, lots, dates, and awards that add up to the 分.

use std::collections::BTreeSet;

use time::Date;

use super::calendar::{self, Calendar, day_of, days_after};
use super::cast::Cast;
use super::lots::{LotPlan, Order, Outcome, Twist};
use super::seed::{Rng, Secrets};
use super::words::{self, Subject};
use super::{alive, amounts};
use crate::base::{Fen, Id, Micros, Span};
use crate::engine::calendar::CityPeriods;
use crate::engine::code::CodeFormat;
use crate::engine::event::PlatformConfigured;
use crate::engine::rules::Category;
use crate::ledger::Origin;

/// What a demonstration is made from. The same brief makes the same year.
#[derive(Debug, Clone)]
pub struct Brief {
    pub seed: u64,
    /// Completed projects; some more are still going on at the end.
    pub projects: usize,
    /// Auctions beside them that open together and take a bid a second each: a load for the supervision floor.
    pub rush: usize,
    /// The end of the year that is told: «now».
    pub until: Micros,
    pub secrets: Secrets,
    /// The ledger that bid statements are made for.
    pub origin: Origin,
}

#[derive(Debug, Clone)]
pub struct Year {
    pub brief: Brief,
    pub from: Micros,
    pub calendar: Calendar,
    pub cast: Cast,
    /// In the order of their registration.
    pub projects: Vec<ProjectPlan>,
    /// What the awards of the completed projects add up to.
    pub total: Fen,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectPlan {
    pub id: Id,
    pub code: String,
    pub category: Category,
    pub title: String,
    /// Index in the cast's owners.
    pub owner: usize,
    pub place: String,
    pub registered_at: Micros,
    pub lots: Vec<LotPlan>,
    /// One of those asked for, whose awards make the sum; the others are still going on.
    pub completed: bool,
}

/// Why a year cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("holidays.json: {0}")]
    Holidays(#[from] serde_json::Error),
    #[error("a project code has no room for project {0} of a year")]
    CodesUsedUp(usize),
    #[error("the awards of the plan add up to {0} 分, not to {1} 分")]
    Sum(i64, i64),
}

/// The platform's settings in the demonstration; the sequencer writes them right after the ledger's first entry.
pub fn settings() -> Result<PlatformConfigured, PlanError> {
    let holidays = calendar::holidays()?;
    Ok(PlatformConfigured { code_format: CodeFormat::default(), holidays, periods: CityPeriods::default() })
}

/// What one project of the year is to be, before it has dates.
struct Sketch {
    category: Category,
    subject: Subject,
    twists: Vec<Twist>,
}

impl Year {
    pub fn plan(brief: Brief) -> Result<Self, PlanError> {
        let from = brief.until.minus(Span::days(365));
        let calendar = Calendar { holidays: calendar::holidays()? };
        let cast = Cast::new(brief.seed, from);
        let mut year = Self { brief, from, calendar, cast, projects: Vec::new(), total: Fen::ZERO };
        let sketches = year.sketch();
        let lots: Vec<Category> = sketches.iter().flat_map(|s| s.twists.iter().map(|_| s.category)).collect();
        let total = amounts::total_fen(sketches.len());
        let awards = amounts::split(&mut year.rng("awards"), total, &lots);
        let mut awards = awards.into_iter();
        for (index, sketch) in sketches.into_iter().enumerate() {
            let targets: Vec<i64> = awards.by_ref().take(sketch.twists.len()).collect();
            let project = year.date(index, sketch, &targets);
            year.projects.push(project);
        }
        let alive = alive::projects(&year);
        year.projects.extend(alive);
        year.number()?;
        year.total = year.sum();
        let planned = year.total.get();
        if planned == total { Ok(year) } else { Err(PlanError::Sum(planned, total)) }
    }

    pub fn rng(&self, label: &str) -> Rng {
        Rng::new(self.brief.seed, label)
    }

    fn sum(&self) -> Fen {
        let lots = self.projects.iter().filter(|project| project.completed).flat_map(|project| &project.lots);
        let prices = lots.filter_map(|lot| match lot.outcome {
            Outcome::Awarded { price, .. } => Some(price),
            _ => None,
        });
        prices.fold(Fen::ZERO, |sum, price| sum.checked_add(price).unwrap_or_default())
    }

    fn sketch(&self) -> Vec<Sketch> {
        let mut rng = self.rng("projects");
        let mut categories: Vec<Category> = Category::ALL
            .into_iter()
            .flat_map(|c| std::iter::repeat_n(c, amounts::projects_of(c, self.brief.projects)))
            .collect();
        rng.shuffle(&mut categories);
        let mut decks = Decks::default();
        let mut titles = BTreeSet::new();
        categories
            .into_iter()
            .map(|category| {
                let subject = fresh_subject(category, &mut titles, &mut rng);
                let lots = match rng.below(100) {
                    0..84 => 1,
                    84..96 => 2,
                    _ => 3,
                };
                let twists = (0..lots).map(|_| decks.draw(category, &mut rng)).collect();
                Sketch { category, subject, twists }
            })
            .collect()
    }

    /// Gives a project its days, and plans its lots.
    fn date(&self, index: usize, sketch: Sketch, targets: &[i64]) -> ProjectPlan {
        let mut rng = self.rng(&format!("project {index}"));
        let retries = sketch.twists.iter().any(|twist| twist.is_first_attempt());
        let listing = sketch.category == Category::B && rng.chance(70);
        let opening = self.opening_day(&mut rng, sketch.category, retries);
        let several = sketch.twists.len() > 1;
        let mut lots = Vec::new();
        for (place, (twist, target)) in sketch.twists.iter().zip(targets).enumerate() {
            let suffix = if several { part(sketch.category, place) } else { String::new() };
            let title = format!("{}{suffix}", sketch.subject.title);
            let minute = 9 * 60 + 30 * rng.below(12) + 10 * u64::try_from(place).unwrap_or(0);
            let mut order = Order {
                cast: &self.cast,
                secrets: &self.brief.secrets,
                category: sketch.category,
                trade: sketch.subject.trade,
                title,
                target: *target,
                noticed_at: Micros::default(),
                opens_at: Micros::default(),
                listing: listing || matches!(twist, Twist::CapRung | Twist::Unconfirmed),
                twist: *twist,
                free: None,
                window: None,
                admitted: None,
                sign_up_closes: None,
            };
            if twist.is_first_attempt() {
                let days = i64::try_from(rng.between(34, 38)).unwrap_or(34);
                let first = self.calendar.working_until(days_after(opening, -days));
                lots.push(self.lot(&mut rng, Order { title: order.title.clone(), ..order }, first, minute));
                order.title = format!("{}（第二次）", order.title);
                order.twist = Twist::Plain;
            }
            lots.push(self.lot(&mut rng, order, opening, minute));
        }
        let first_notice = lots.iter().map(|lot| lot.noticed_at).min().unwrap_or(self.from);
        ProjectPlan {
            id: rng.id(first_notice),
            code: String::new(),
            category: sketch.category,
            owner: self.cast.owner(sketch.subject.owner),
            title: sketch.subject.title,
            place: sketch.subject.place,
            registered_at: first_notice.minus(Span::minutes(rng.between(5, 55))),
            lots,
            completed: true,
        }
    }

    fn lot(&self, rng: &mut Rng, mut order: Order, opening: Date, minute: u64) -> LotPlan {
        order.opens_at = calendar::at(opening, minute);
        order.noticed_at = self.notice_day(rng, order.category, opening);
        order.plan(rng)
    }

    /// In office hours, early enough for the law (`engine::calendar::CityPeriods`).
    pub fn notice_day(&self, rng: &mut Rng, category: Category, opening: Date) -> Micros {
        let least = i64::from(CityPeriods::default().notice_days_min(category).value);
        let more = i64::try_from(rng.between(1, 6)).unwrap_or(1);
        Calendar::office_hours(self.calendar.working_until(days_after(opening, -least - more)), rng)
    }

    /// A working day, so early that the award falls into the year, and by the season of the category.
    fn opening_day(&self, rng: &mut Rng, category: Category, retries: bool) -> Date {
        let first = days_after(day_of(self.from), if retries { 82 } else { 40 });
        // A listing's quotes take up to two weeks; publicity can fall on the longest holidays.
        let last = days_after(day_of(self.brief.until), if category == Category::B { -38 } else { -22 });
        let days = self.calendar.working_days(first, last);
        let weights: Vec<u64> = days.iter().map(|day| season(category, u8::from(day.month()))).collect();
        let mut draw = rng.below(weights.iter().sum());
        for (day, weight) in days.iter().zip(weights) {
            if draw < weight {
                return *day;
            }
            draw -= weight;
        }
        last
    }

    /// Codes are given in the order of registration.
    fn number(&mut self) -> Result<(), PlanError> {
        self.projects.sort_by_key(|project| (project.registered_at, project.id));
        let format = CodeFormat::default();
        let mut serial = 0;
        let mut year_before = 0;
        for (index, project) in self.projects.iter_mut().enumerate() {
            let year = u32::try_from(day_of(project.registered_at).year()).unwrap_or(0);
            serial = if year == year_before { serial + 1 } else { 1 };
            year_before = year;
            project.code =
                format.make(project.category, words::DIVISION, year, serial).ok_or(PlanError::CodesUsedUp(index))?;
        }
        Ok(())
    }
}

/// A subject whose title no project of the year has yet.
pub fn fresh_subject(category: Category, titles: &mut BTreeSet<String>, rng: &mut Rng) -> Subject {
    for _ in 0..50 {
        let subject = words::subject(category, rng);
        if titles.insert(subject.title.clone()) {
            return subject;
        }
    }
    let subject = words::subject(category, rng);
    let title = format!("{}（续 {}）", subject.title, titles.len());
    titles.insert(title.clone());
    Subject { title, ..subject }
}

/// 标段 of engineering, 标包 of procurement, 宗地 of land, 标的 of property.
fn part(category: Category, place: usize) -> String {
    let number = ["一", "二", "三"].get(place).copied().unwrap_or("末");
    let word = match category {
        Category::A => "标段",
        Category::B => "宗地",
        Category::C => "标的",
        Category::D => "标包",
    };
    format!("（{word}{number}）")
}

/// How much of a category's year falls on a month: little around the Spring Festival, much towards the budget's end.
const fn season(category: Category, month: u8) -> u64 {
    let quarter = (month - 1) / 3;
    let base = match (category, quarter) {
        (Category::A, 1) | (Category::B, 3) => 14,
        (Category::A | Category::D, 2) => 12,
        (Category::D, 3) => 16,
        (_, 0) => 7,
        _ => 10,
    };
    if month == 2 { 3 } else { base }
}

/// Twists in a fixed proportion, shuffled: frequent enough to be met, rare enough to be believed.
#[derive(Default)]
struct Decks {
    left: [Vec<Twist>; 4],
    paused: bool,
    answered_late: bool,
    withdrawn: bool,
}

impl Decks {
    fn draw(&mut self, category: Category, rng: &mut Rng) -> Twist {
        let [a, b, c, d] = &mut self.left;
        let (deck, once) = match category {
            Category::A => (a, Some((&mut self.paused, Twist::Paused))),
            Category::B => (b, None),
            Category::C => (c, Some((&mut self.withdrawn, Twist::Withdrawn))),
            Category::D => (d, Some((&mut self.answered_late, Twist::LateAnswer))),
        };
        if let Some((happened, twist)) = once.filter(|(happened, _)| !**happened) {
            *happened = true;
            return twist;
        }
        if deck.is_empty() {
            deck.extend(cards(category));
            rng.shuffle(deck);
        }
        deck.pop().unwrap_or_default()
    }
}

fn cards(category: Category) -> Vec<Twist> {
    let (size, special): (usize, &[Twist]) = match category {
        Category::A => (
            40,
            &[Twist::TooFew, Twist::TooFew, Twist::Terminated, Twist::Suspended, Twist::Suspended, Twist::Question],
        ),
        Category::B => (
            12,
            &[
                Twist::ReserveMet,
                Twist::ReserveMet,
                Twist::CapRung,
                Twist::CapRung,
                Twist::ReserveNotMet,
                Twist::Suspended,
                Twist::Question,
                Twist::Unconfirmed,
            ],
        ),
        Category::C => (
            20,
            &[
                Twist::ReserveMet,
                Twist::ReserveMet,
                Twist::Priority,
                Twist::Priority,
                Twist::NoBids,
                Twist::ReserveNotMet,
                Twist::Suspended,
                Twist::ReserveLapsed,
            ],
        ),
        Category::D => {
            (40, &[Twist::TooFew, Twist::TooFew, Twist::TooFew, Twist::Terminated, Twist::Suspended, Twist::Question])
        }
    };
    let plain = std::iter::repeat_n(Twist::Plain, size - special.len());
    special.iter().copied().chain(plain).collect()
}

//! The year's sum, split over categories and lots: heavy-tailed as real awards are, exact to the 分.

use super::seed::Rng;
use crate::engine::rules::Category;

/// What the year of 731 projects adds up to: 9,877,000,000.00 yuan.
const YEAR_FEN: i64 = 987_700_000_000;
const YEAR_PROJECTS: i64 = 731;

/// The awards of a year of `projects`: in proportion, rounded down to a 分.
pub fn total_fen(projects: usize) -> i64 {
    let projects = i64::try_from(projects).unwrap_or(i64::MAX);
    i64::try_from(i128::from(YEAR_FEN) * i128::from(projects) / i128::from(YEAR_PROJECTS)).unwrap_or(i64::MAX)
}

/// How many projects of each category: most are engineering and procurement.
pub fn projects_of(category: Category, projects: usize) -> usize {
    let share = |permille: usize| projects * permille / 1_000;
    let (land, property, procurement) = (share(60), share(138), share(350));
    match category {
        Category::A => projects - land - property - procurement,
        Category::B => land,
        Category::C => property,
        Category::D => procurement,
    }
}

/// Share of the year's sum, in thousandths: land is few and large.
const fn value_permille(category: Category) -> i64 {
    match category {
        Category::A => 455,
        Category::B => 462,
        Category::C => 30,
        Category::D => 53,
    }
}

/// What awards of a category are whole multiples of, in 分.
const fn granule(category: Category) -> i64 {
    match category {
        Category::A | Category::D => 10_000,
        Category::B => 1_000_000,
        Category::C => 100_000,
    }
}

/// Doublings between the smallest and the largest awards of a category.
const fn doublings(category: Category) -> u32 {
    match category {
        Category::A | Category::C => 5,
        Category::B => 3,
        Category::D => 4,
    }
}

/// The award of every lot, in 分, in the order of `lots`; they add up to `total` exactly. One lot, the largest of
/// engineering (or of all), takes the 分 that the others' round amounts leave.
pub fn split(rng: &mut Rng, total: i64, lots: &[Category]) -> Vec<i64> {
    let weights: Vec<i64> = lots.iter().map(|category| weight(rng, doublings(*category))).collect();
    let weight_of = |category: Category| -> i64 {
        lots.iter().zip(&weights).filter(|(of, _)| **of == category).map(|(_, weight)| weight).sum()
    };
    // A category without lots leaves its share to the others.
    let present: i64 = Category::ALL.into_iter().filter(|c| lots.contains(c)).map(value_permille).sum();
    let mut amounts: Vec<i64> = lots
        .iter()
        .zip(&weights)
        .map(|(category, weight)| {
            let value = i128::from(total) * i128::from(value_permille(*category)) / i128::from(present.max(1));
            let amount = value * i128::from(*weight) / i128::from(weight_of(*category).max(1));
            let amount = i64::try_from(amount).unwrap_or(0);
            amount - amount % granule(*category)
        })
        .collect();
    let rest = total - amounts.iter().sum::<i64>();
    let takes_rest = lots.iter().zip(amounts.iter_mut()).max_by_key(|(c, amount)| (**c == Category::A, **amount));
    if let Some((_, amount)) = takes_rest {
        *amount += rest;
    }
    amounts
}

/// Twice as large is half as frequent.
fn weight(rng: &mut Rng, doublings: u32) -> i64 {
    let mut doubled = 0;
    while doubled < doublings && rng.chance(50) {
        doubled += 1;
    }
    i64::try_from(rng.between(100, 199)).unwrap_or(100) << doubled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_lots_the_sum_is_exact_and_nothing_is_free() {
        assert_eq!(total_fen(731), YEAR_FEN);
        for projects in [1, 2, 5, 20, 100, 731, 2_000] {
            let lots: Vec<Category> =
                Category::ALL.into_iter().flat_map(|c| std::iter::repeat_n(c, projects_of(c, projects))).collect();
            assert_eq!(lots.len(), projects);
            let amounts = split(&mut Rng::new(7, "split"), total_fen(projects), &lots);
            assert_eq!(amounts.iter().sum::<i64>(), total_fen(projects));
            assert!(amounts.iter().all(|amount| *amount >= 1_000_000), "an award below 10,000 yuan");
        }
    }
}

//! 反向竞价: as `ascending`, downwards from a ceiling price; a cap is then a floor.

use super::ascending::PriceAuction;
use super::climb::Direction;
use crate::engine::rules::PriceRules;

pub fn of(rules: &PriceRules) -> PriceAuction<'_> {
    PriceAuction { rules, direction: Direction::Down }
}

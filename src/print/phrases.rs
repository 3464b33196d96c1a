//! Words for what happened: those of the interface, so that screen and paper say the same.

use std::sync::LazyLock;

use serde_json::Value;

use crate::base::{Fen, Micros, Span};
use crate::engine::Actor;

/// The interface's own words, and those of the offline verifier.
static SCREENS: LazyLock<[Value; 2]> = LazyLock::new(|| {
    [include_str!("../../web/src/locales/zh-CN.json"), include_str!("../../web/src/locales/offline/zh-CN.json")]
        .map(|text| serde_json::from_str(text).unwrap_or_default())
});

fn screen(path: &str) -> Option<&'static str> {
    let pointer = format!("/{}", path.replace('.', "/"));
    let [main, offline] = &*SCREENS;
    main.pointer(&pointer).or_else(|| offline.pointer(&format!("/offline{pointer}"))).and_then(Value::as_str)
}

/// What an entry of this kind is called; the kind itself where the interface has no word for it.
pub fn kind_title(kind: &str) -> &str {
    screen(&format!("kind.{kind}")).unwrap_or(kind)
}

pub fn actor(actor: Actor) -> String {
    let role = |name: &str| screen(&format!("actor.{name}")).unwrap_or_default().to_owned();
    match actor {
        Actor::Bidder(number) => format!("{number} 号"),
        Actor::System => role("system"),
        Actor::Company(_) => role("company"),
        Actor::Owner(_) => role("owner"),
        Actor::Operator(_) => role("operator"),
        Actor::Supervisor(_) => role("supervisor"),
        Actor::Reviewer(_) => role("reviewer"),
        Actor::Administrator(_) => role("administrator"),
    }
}

/// 分 as yuan with separators.
pub fn yuan(amount: Fen) -> String {
    let (whole, cents) = (amount.get() / 100, amount.get() % 100);
    let digits = whole.unsigned_abs().to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if amount.get() < 0 { "-" } else { "" };
    format!("{sign}{grouped}.{:02} 元", cents.unsigned_abs())
}

/// Beijing time to the millisecond.
pub fn clock(at: Micros) -> String {
    let text = at.plus(Span::hours(8)).to_string();
    text.get(..23).unwrap_or(&text).replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Fact;

    #[test]
    fn every_kind_of_the_engine_has_a_word() {
        let without: Vec<&&str> = Fact::KINDS.iter().filter(|kind| kind_title(kind) == **kind).collect();
        assert!(without.is_empty(), "{without:?}");
        let english: Value = serde_json::from_str(include_str!("../../web/src/locales/en.json")).unwrap();
        assert_eq!(paths(&english["kind"]), paths(&SCREENS[0]["kind"]));
    }

    #[test]
    fn every_kind_of_record_has_a_word() {
        use crate::ledger::{media, record};
        let kinds = [
            media::SEGMENTS_RECORDED,
            media::CLIP_REQUESTED,
            media::CLIP_REFERENCED,
            "evidence.viewed",
            "evidence.alarm_raised",
            "evidence.alarm_cleared",
            "evidence.hold_placed",
            "evidence.hold_lifted",
            "evidence.footage_deleted",
            record::TIMESTAMPED,
            "key.registered",
            "key.replaced",
            record::CREATED,
            record::KEY_ROTATED,
            record::POLICY_SET,
            "ledger.restored",
            record::VERIFIER_PUBLISHED,
        ];
        let without: Vec<&str> = kinds.into_iter().filter(|kind| kind_title(kind) == *kind).collect();
        assert!(without.is_empty(), "{without:?}");
    }

    fn paths(words: &Value) -> Vec<String> {
        let Value::Object(map) = words else { return vec![String::new()] };
        let below =
            |(name, inner): (&String, &Value)| paths(inner).into_iter().map(|rest| format!("{name}.{rest}")).collect();
        let mut found: Vec<String> = map.iter().flat_map(|pair| -> Vec<String> { below(pair) }).collect();
        found.sort();
        found
    }

    #[test]
    fn money_and_time_read_as_people_write_them() {
        assert_eq!(yuan(Fen::new(123_456_789_012).unwrap()), "1,234,567,890.12 元");
        assert_eq!(yuan(Fen::new(5).unwrap()), "0.05 元");
        assert_eq!(clock("2026-11-23T16:05:06.123456Z".parse().unwrap()), "2026-11-24 00:05:06.123");
    }
}

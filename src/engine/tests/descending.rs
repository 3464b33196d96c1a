//! 反向竞价: the rules of `ascending`, downwards; only what differs stands here.

use super::*;
use crate::engine::rules::Method::Descending;

/// Ceiling 1000, step 10, at most 10 steps; free until 12:10, then windows of 5 minutes.
fn plain() -> Rules {
    rules(Descending(price_rules()))
}

const THREE: &[(u32, u32)] = &[(1, 0), (2, 0), (3, 0)];

#[test]
fn a_bid_is_refused_for_the_first_rule_that_it_breaks() {
    check(
        World::admitted(Rules { cap: Some(fen(795)), ..plain() }, THREE),
        "
        12:00:00         clock                → open to #1 #2 #3 until 12:10:00
        12:00:02         #1 bid 1001 rung 1   → refused wrong_rung
        12:00:02         #1 bid 1001          → refused above_ceiling
        12:00:02         #1 bid 794           → refused above_cap
        12:00:02         #1 bid 899           → refused off_step
        12:00:02         #1 bid 890           → refused step_too_large
        12:00:02         #1 bid 1000          → accepted
        12:00:03         #1 bid 1001          → refused already_leading
        12:00:03         #2 bid 1001          → refused above_ceiling
        12:00:03         #2 bid 0             → refused above_cap
        12:00:03         #2 bid 1000          → refused not_better
        12:00:03         #2 bid 991           → refused step_not_met
        12:00:03         #2 bid 989           → refused off_step
        12:00:03         #2 bid 890           → refused step_too_large
        12:00:03         #2 bid 900           → accepted
        12:10:00         clock                → timed until 12:15:00
        12:14:59.999999  #1 bid 800           → accepted, until 12:19:59.999999
        -- the floor is half a step away and ends the price
        12:15:00         #3 bid 795           → accepted, closed #3=795 #1=800 #2=900
        ",
    );
}

#[test]
fn nothing_is_bought_for_nothing() {
    let rules = rules(Descending(PriceRules { max_steps: 100, ..price_rules() }));
    check(
        World::admitted(rules, THREE),
        "
        12:00:00         clock                → open to #1 #2 #3 until 12:10:00
        12:00:01         #1 bid 0             → refused amount_zero
        12:00:02         #1 bid 10            → accepted
        12:00:03         #2 bid 0             → refused amount_zero
        12:10:00         clock                → timed until 12:15:00
        12:15:00         clock                → closed #1=10
        ",
    );
}

#[test]
fn a_priority_supplier_matches_the_lowest_price() {
    check(
        World::admitted(plain(), &[(1, 0), (2, 1)]),
        "
        12:00:00         clock                → open to #1 #2 until 12:10:00
        12:00:01         #1 bid 950           → accepted
        12:00:02         #2 bid 960           → refused not_better
        12:00:02         #2 bid 950           → accepted
        12:10:00         clock                → timed until 12:15:00
        12:15:00         clock                → closed #2=950 #1=950
        ",
    );
}

#[test]
fn past_the_floor_the_ladder_climbs() {
    check(
        World::admitted(Rules { cap: Some(fen(900)), ladder: vec![rung(Some(200))], ..plain() }, THREE),
        "
        12:00:00         clock                → open to #1 #2 #3 until 12:10:00
        12:00:01         #1 bid 900           → accepted, rung 1 until 12:03:01
        12:00:02         #2 bid 50 rung 1     → refused below_start
        12:00:02         #2 bid 150 rung 1    → accepted, until 12:03:02
        12:00:03         #1 bid 100 rung 1    → refused not_better
        12:00:03         #1 bid 200 rung 1    → accepted, closed #1=200@1 #2=150@1
        12:30:00         office publishes 30d00:00:00 → public until 30d00:00:00
        30d00:00:00      owner awards         → awarded to #1 for 900 with 200, winner 1公司
        ",
    );
}

#[test]
fn the_reserve_is_the_most_that_the_buyer_pays() {
    for (reserve, outcome) in [(950, "reserve was 950"), (949, "reserve was 949, failed: ReserveNotMet")] {
        let table = format!(
            "
            12:00:00         clock                → open to #1 #2 #3 until 12:10:00
            12:00:01         #1 bid 950           → accepted
            12:10:00         clock                → timed until 12:15:00
            12:15:00         clock                → closed #1=950 reserve due 13:15:00
            12:16:00         owner discloses {reserve} → {outcome}
            "
        );
        check(World::admitted(Rules { reserve: Some(hidden(reserve)), ..plain() }, THREE), &table);
    }
}

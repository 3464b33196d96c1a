//! 网络竞价, and what all open price auctions share: the table of bids in the order of precedence of their refusals.

use super::*;
use crate::engine::rules::Method::Ascending;

/// Start 1000, step 10, at most 10 steps; free until 12:10, then windows of 5 minutes.
fn plain() -> Rules {
    rules(Ascending(price_rules()))
}

const THREE: &[(u32, u32)] = &[(1, 0), (2, 0), (3, 0)];

#[test]
fn a_bid_is_refused_for_the_first_rule_that_it_breaks() {
    let rules = Rules { cap: Some(fen(1205)), ..plain() };
    check(
        World::admitted(rules, THREE),
        "
        11:59:58         #9 bid 1000          → no: number_unknown
        11:59:58         #1 bid 1000 forged   → no: key_unknown
        11:59:59.999999  #1 bid 1             → refused not_open
        12:00:00         clock                → open to #1 #2 #3 until 12:10:00
        12:00:01         office suspends      → held by office
        12:00:01         #1 bid 1 rung 1      → refused suspended
        12:00:01         office resumes       → running, credit 00:00:00
        -- the first bid: from the start price, on a step
        12:00:02         #1 bid 999 rung 1    → refused wrong_rung
        12:00:02         #1 bid 1000 rung 0   → refused wrong_rung
        12:00:02         #1 bid 0             → refused below_start
        12:00:02         #1 bid 999           → refused below_start
        12:00:02         #1 bid 1206          → refused above_cap
        12:00:02         #1 bid 1005          → refused off_step
        12:00:02         #1 bid 1111          → refused off_step
        12:00:02         #1 bid 1110          → refused step_too_large
        12:00:02         #1 bid 1000          → accepted
        -- against a leader
        12:00:03         #1 bid 999 rung 1    → refused wrong_rung
        12:00:03         #1 bid 999           → refused already_leading
        12:00:03         #1 bid 9999          → refused already_leading
        12:00:03         #2 bid 999           → refused below_start
        12:00:03         #2 bid 1206          → refused above_cap
        12:00:03         #2 bid 1000          → refused not_better
        12:00:03         #2 bid 1009          → refused step_not_met
        12:00:03         #2 bid 1011          → refused off_step
        12:00:03         #2 bid 1101          → refused off_step
        12:00:03         #2 bid 1110          → refused step_too_large
        12:00:03         #2 bid 1100          → accepted
        12:00:03         #3 bid 1100          → refused not_better
        12:00:04         office terminates    → terminated
        12:00:04         #9 bid 1110          → no: number_unknown
        12:00:04         #3 bid 1110          → refused closed
        ",
    );
}

#[test]
fn the_first_bid_may_take_the_most_steps() {
    check(
        World::admitted(plain(), THREE),
        "
        12:00:00         clock                → open to #1 #2 #3 until 12:10:00
        12:00:01         #1 bid 1100          → accepted
        ",
    );
}

#[test]
fn free_bids_do_not_move_the_end_and_timed_bids_start_the_countdown_anew() {
    check(
        World::admitted(plain(), THREE),
        "
        11:59:59.999999  #2 bid 1000          → refused not_open
        12:00:00         clock                → open to #1 #2 #3 until 12:10:00
        12:00:00         #2 bid 1000          → accepted
        12:09:59.999999  #1 bid 1010          → accepted
        12:10:00         clock                → timed until 12:15:00
        12:10:00         #3 bid 1020          → accepted, until 12:15:00
        12:11:07.000001  #2 bid 1030          → accepted, until 12:16:07.000001
        -- a refused bid moves nothing
        12:12:00         #3 bid 1030          → refused not_better
        12:16:07         #3 bid 1040          → accepted, until 12:21:07
        -- one microsecond before the deadline is in time, the deadline itself is late
        12:21:06.999999  #2 bid 1050          → accepted, until 12:26:06.999999
        12:26:06.999999  clock                → closed #2=1050 #3=1040 #1=1010
        12:26:06.999999  #3 bid 1060          → refused closed
        ",
    );
}

#[test]
fn without_a_free_period_the_countdown_starts_at_the_opening() {
    let rules = rules(Ascending(PriceRules { free: Span::micros(0), ..price_rules() }));
    check(
        World::admitted(rules, &[(1, 0)]),
        "
        12:00:00         clock                → open to #1 until 12:00:00
        12:00:00         clock                → timed until 12:05:00
        12:00:00         #1 bid 1000          → accepted, until 12:05:00
        12:05:00         clock                → closed #1=1000
        ",
    );
}

#[test]
fn nobody_bids() {
    check(
        World::admitted(plain(), THREE),
        "
        12:00:00         clock                → open to #1 #2 #3 until 12:10:00
        12:10:00         clock                → timed until 12:15:00
        12:15:00         clock                → closed, failed: NoBids
        12:15:00         #1 bid 1000          → refused closed
        ",
    );
}

#[test]
fn too_few_are_admitted() {
    check(
        World::admitted(Rules { min_bidders: 4, ..plain() }, THREE),
        "
        12:00:00         clock                → failed: TooFewBidders
        12:00:00         #1 bid 1000          → refused closed
        ",
    );
}

#[test]
fn the_cap_ends_the_auction_at_once_even_off_the_step() {
    check(
        World::admitted(Rules { cap: Some(fen(1025)), ..plain() }, THREE),
        "
        12:00:00         clock                → open to #1 #2 #3 until 12:10:00
        12:00:01         #1 bid 1020          → accepted
        -- past the cap there is nothing; the cap itself is less than a step away and may be named
        12:00:02         #2 bid 1030          → refused above_cap
        12:00:02         #2 bid 1024          → refused step_not_met
        12:00:02         #2 bid 1025          → accepted, closed #2=1025 #1=1020
        12:00:02         #3 bid 1025          → refused closed
        ",
    );
}

#[test]
fn the_first_bid_may_name_the_cap_within_the_most_steps() {
    check(
        World::admitted(Rules { cap: Some(fen(1095)), ..plain() }, THREE),
        "
        12:00:00         clock                → open to #1 #2 #3 until 12:10:00
        12:00:01         #1 bid 1095          → accepted, closed #1=1095
        ",
    );
    check(
        World::admitted(Rules { cap: Some(fen(1105)), ..plain() }, THREE),
        "
        12:00:00         clock                → open to #1 #2 #3 until 12:10:00
        12:00:01         #1 bid 1105          → refused step_too_large
        ",
    );
}

#[test]
fn past_the_cap_the_ladder_counts_a_quantity() {
    let ladder = vec![rung(Some(325)), rung(None)];
    check(
        World::admitted(Rules { cap: Some(fen(1050)), ladder, ..plain() }, THREE),
        "
        12:00:00         clock                → open to #1 #2 #3 until 12:10:00
        12:00:01         #1 bid 1040          → accepted
        12:00:02         #2 bid 1050          → accepted, rung 1 until 12:03:02
        12:00:03         #2 bid 1060          → refused wrong_rung
        12:00:03         #2 bid 100           → refused wrong_rung
        12:00:03         #2 bid 50 rung 1     → refused below_start
        12:00:03         #2 bid 125 rung 1    → refused off_step
        12:00:03         #2 bid 350 rung 1    → refused above_cap
        -- who named the cap does not lead on the rung: it bids like everyone
        12:00:03         #2 bid 100 rung 1    → accepted, until 12:03:03
        12:00:04         #3 bid 300 rung 1    → accepted, until 12:03:04
        12:00:05         #2 bid 325 rung 1    → accepted, rung 2 until 12:03:05
        12:00:06         #3 bid 100 rung 1    → refused wrong_rung
        12:00:06         #3 bid 100 rung 2    → accepted, until 12:03:06
        12:03:06         clock                → closed #3=100@2 #2=325@1 #1=1040
        12:30:00         office publishes 30d00:00:00 → public until 30d00:00:00
        30d00:00:00      owner awards         → awarded to #3 for 1050 with 100, winner 3公司
        ",
    );
}

#[test]
fn nobody_bids_on_the_rung_and_the_cap_decides() {
    check(
        World::admitted(Rules { cap: Some(fen(1050)), ladder: vec![rung(None)], ..plain() }, THREE),
        "
        12:00:00         clock                → open to #1 #2 #3 until 12:10:00
        12:00:01         #1 bid 1040          → accepted
        12:00:02         #2 bid 1050          → accepted, rung 1 until 12:03:02
        12:03:02         clock                → closed #2=1050 #1=1040
        ",
    );
}

#[test]
fn a_priority_buyer_matches_and_then_leads() {
    check(
        World::admitted(plain(), &[(1, 0), (2, 2), (3, 1), (4, 1)]),
        "
        12:00:00         clock                → open to #1 #2 #3 #4 until 12:10:00
        12:00:01         #1 bid 1000          → accepted
        12:00:02         #2 bid 1000          → accepted
        -- equal again: only a better right matches, and no two lead
        12:00:03         #1 bid 1000          → refused not_better
        12:00:04         #3 bid 1000          → accepted
        12:00:05         #4 bid 1000          → refused not_better
        12:00:05         #2 bid 1000          → refused not_better
        12:00:06         #1 bid 1010          → accepted
        12:10:00         clock                → timed until 12:15:00
        12:14:00         #2 bid 1010          → accepted, until 12:19:00
        12:19:00         clock                → closed #2=1010 #1=1010 #3=1000
        ",
    );
}

#[test]
fn at_the_cap_priority_buyers_have_the_last_window() {
    let capped = || Rules { cap: Some(fen(1050)), ..plain() };
    check(
        World::admitted(capped(), &[(1, 0), (2, 2), (3, 1)]),
        "
        12:00:00         clock                → open to #1 #2 #3 until 12:10:00
        12:00:01         #1 bid 1050          → accepted, until 12:05:01
        12:00:02         #1 bid 1050          → refused already_leading
        12:05:00.999999  #2 bid 1050          → accepted, until 12:10:00.999999
        -- nobody's right is better than the first rank's
        12:06:00         #3 bid 1050          → accepted, closed #3=1050 #2=1050 #1=1050
        ",
    );
    check(
        World::admitted(capped(), &[(1, 0), (2, 1)]),
        "
        12:00:00         clock                → open to #1 #2 until 12:10:00
        12:00:01         #1 bid 1050          → accepted, until 12:05:01
        12:05:01         clock                → closed #1=1050
        12:05:01         #2 bid 1050          → refused closed
        ",
    );
    check(
        World::admitted(Rules { ladder: vec![rung(None)], ..capped() }, &[(1, 0), (2, 1)]),
        "
        12:00:00         clock                → open to #1 #2 until 12:10:00
        12:00:01         #1 bid 1050          → accepted, until 12:05:01
        12:05:01         clock                → rung 1 until 12:08:01
        12:05:02         #1 bid 100 rung 1    → accepted, until 12:08:02
        12:05:03         #2 bid 100 rung 1    → accepted, until 12:08:03
        12:08:03         clock                → closed #2=100@1 #1=100@1
        ",
    );
}

const ONE_BID: &str = "
        12:00:00         clock                → open to #1 #2 #3 until 12:10:00
        12:00:01         owner discloses 1000 → no: reserve_not_due
        12:00:01         #1 bid 1050          → accepted
        12:10:00         clock                → timed until 12:15:00
        12:15:00         clock                → closed #1=1050 reserve due 13:15:00
";

#[test]
fn the_hidden_reserve_decides_once_it_opens_its_commitment() {
    for (reserve, rest) in [
        (
            1050,
            "
            12:16:00         #2 bid 1060              → refused closed
            12:16:00         owner discloses 1049     → no: reserve_mismatch
            12:16:00         owner discloses 1050 otherwise → no: reserve_mismatch
            13:14:59.999999  owner discloses 1050     → reserve disclosed
            13:14:59.999999  owner discloses 1050     → no: reserve_not_due
            14:00:00         office publishes 10d00:00:00 → public until 10d00:00:00
            ",
        ),
        (
            1051,
            "
            12:16:00         owner discloses 1050     → no: reserve_mismatch
            12:16:00         office suspends          → held by office
            12:16:00         owner discloses 1051     → no: suspended
            12:17:00         office resumes           → running, credit 00:01:00
            13:15:59.999999  owner discloses 1051     → reserve disclosed, failed: ReserveNotMet
            13:15:59.999999  office publishes 10d00:00:00 → no: wrong_phase
            ",
        ),
        (
            1051,
            "
            13:15:00         clock                    → reserve lapsed
            13:15:00         owner discloses 1051     → no: reserve_not_due
            14:00:00         office publishes 10d00:00:00 → public until 10d00:00:00
            ",
        ),
    ] {
        let table = format!("{ONE_BID}{}", rest.replace("reserve disclosed", &format!("reserve was {reserve}")));
        check(World::admitted(Rules { reserve: Some(hidden(reserve)), ..plain() }, THREE), &table);
    }
}

#[test]
fn a_reserve_of_a_lot_without_bids_stays_hidden() {
    check(
        World::admitted(Rules { reserve: Some(hidden(1050)), ..plain() }, THREE),
        "
        12:00:00         clock                → open to #1 #2 #3 until 12:10:00
        12:10:00         clock                → timed until 12:15:00
        12:15:00         clock                → closed, failed: NoBids
        12:16:00         owner discloses 1050 → no: reserve_not_due
        ",
    );
}

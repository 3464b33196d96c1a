//! 挂牌: quoting, confirmation, timed auction. The prices climb by the rules of `ascending`.

use super::*;
use crate::engine::rules::ListingRules;
use crate::engine::rules::Method::Listing;

/// Quoting for ten days from 12:00, ten minutes to confirm, then windows of 5 minutes.
fn plain() -> Rules {
    rules(Listing(ListingRules {
        start: fen(1000),
        step: fen(10),
        max_steps: 10,
        quoting: Span::days(10),
        confirm: Span::minutes(10),
        window: Span::minutes(5),
    }))
}

const THREE: &[(u32, u32)] = &[(1, 0), (2, 0), (3, 0)];

#[test]
fn those_who_quoted_confirm_and_only_they_go_on() {
    check(
        World::admitted(plain(), THREE),
        "
        11:59:59.999999  #1 bid 1000          → refused not_open
        12:00:00         clock                → open to #1 #2 #3 until 10d12:00:00
        12:00:00         #1 confirms          → no: not_confirming
        12:00:01         #1 bid 990           → refused below_start
        12:00:01         #1 bid 1000          → accepted
        12:00:01         #2 bid 1000          → refused not_better
        12:00:01         #2 bid 1005          → refused step_not_met
        10d11:59:59.999999 #2 bid 1010        → accepted
        10d12:00:00      clock                → #1 #2 may confirm until 10d12:10:00
        10d12:00:00      #1 bid 1020          → refused not_admitted_to_stage
        10d12:01:00      #9 confirms          → no: number_unknown
        10d12:01:00      #1 confirms forged   → no: key_unknown
        10d12:01:00      office suspends      → held by office
        10d12:01:00      #1 confirms          → no: suspended
        10d12:02:00      office resumes       → running, credit 00:01:00
        10d12:02:00      #3 confirms          → no: not_eligible
        10d12:02:00      #1 confirms          → entry confirmed
        10d12:02:00      #1 confirms          → no: already_confirmed
        10d12:10:59.999999 #2 confirms        → entry confirmed
        10d12:11:00      clock                → timed until 10d12:16:00
        10d12:11:00      #3 bid 1020          → refused not_admitted_to_stage
        10d12:11:00      #2 bid 1020          → refused already_leading
        10d12:15:59.999999 #1 bid 1020        → accepted, until 10d12:20:59.999999
        10d12:20:59.999999 clock              → closed #1=1020 #2=1010
        ",
    );
}

#[test]
fn fewer_than_two_quote() {
    check(
        World::admitted(plain(), THREE),
        "
        12:00:00         clock                → open to #1 #2 #3 until 10d12:00:00
        12:00:01         #1 bid 1000          → accepted
        10d12:00:00      clock                → closed #1=1000
        ",
    );
    check(
        World::admitted(plain(), THREE),
        "
        12:00:00         clock                → open to #1 #2 #3 until 10d12:00:00
        10d12:00:00      clock                → closed, failed: NoBids
        ",
    );
}

#[test]
fn fewer_than_two_confirm_and_the_best_quote_wins() {
    for confirm in ["", "10d12:05:00 #1 confirms → entry confirmed"] {
        let table = format!(
            "
            12:00:00         clock                → open to #1 #2 #3 until 10d12:00:00
            12:00:01         #1 bid 1000          → accepted
            12:00:02         #2 bid 1010          → accepted
            10d12:00:00      clock                → #1 #2 may confirm until 10d12:10:00
            {confirm}
            10d12:10:00      clock                → closed #2=1010 #1=1000
            10d12:10:00      #1 confirms          → no: not_confirming
            "
        );
        check(World::admitted(plain(), THREE), &table);
    }
}

#[test]
fn who_leads_and_does_not_confirm_still_wins_when_nobody_betters_it() {
    check(
        World::admitted(plain(), THREE),
        "
        12:00:00         clock                → open to #1 #2 #3 until 10d12:00:00
        12:00:01         #1 bid 1000          → accepted
        12:00:02         #2 bid 1010          → accepted
        12:00:03         #3 bid 1020          → accepted
        10d12:00:00      clock                → #1 #2 #3 may confirm until 10d12:10:00
        10d12:05:00      #1 confirms          → entry confirmed
        10d12:05:00      #2 confirms          → entry confirmed
        10d12:10:00      clock                → timed until 10d12:15:00
        10d12:15:00      clock                → closed #3=1020 #2=1010 #1=1000
        ",
    );
}

#[test]
fn the_cap_while_quoting_ends_the_listing() {
    check(
        World::admitted(Rules { cap: Some(fen(1050)), ..plain() }, THREE),
        "
        12:00:00         clock                → open to #1 #2 #3 until 10d12:00:00
        12:00:01         #1 bid 1050          → accepted, closed #1=1050
        ",
    );
}

#[test]
fn a_rung_after_the_quoting_is_open_to_all_and_after_the_confirmation_to_those_who_confirmed() {
    let laddered = || Rules { cap: Some(fen(1050)), ladder: vec![rung(None)], ..plain() };
    check(
        World::admitted(laddered(), THREE),
        "
        12:00:00         clock                → open to #1 #2 #3 until 10d12:00:00
        12:00:01         #1 bid 1050          → accepted, rung 1 until 12:03:01
        12:00:02         #3 bid 100 rung 1    → accepted, until 12:03:02
        12:03:02         clock                → closed #3=100@1 #1=1050
        ",
    );
    check(
        World::admitted(laddered(), THREE),
        "
        12:00:00         clock                → open to #1 #2 #3 until 10d12:00:00
        12:00:01         #1 bid 1000          → accepted
        12:00:02         #2 bid 1010          → accepted
        10d12:00:00      clock                → #1 #2 may confirm until 10d12:10:00
        10d12:05:00      #1 confirms          → entry confirmed
        10d12:05:00      #2 confirms          → entry confirmed
        10d12:10:00      clock                → timed until 10d12:15:00
        10d12:11:00      #1 bid 1050          → accepted, rung 1 until 10d12:14:00
        10d12:12:00      #3 bid 100 rung 1    → refused not_admitted_to_stage
        10d12:12:00      #2 bid 100 rung 1    → accepted, until 10d12:15:00
        10d12:15:00      clock                → closed #2=100@1 #1=1050
        ",
    );
}

#[test]
fn only_an_admitted_priority_buyer_holds_the_cap_open() {
    let capped = || Rules { cap: Some(fen(1050)), ..plain() };
    check(
        World::admitted(capped(), &[(1, 0), (2, 0), (3, 1)]),
        "
        12:00:00         clock                → open to #1 #2 #3 until 10d12:00:00
        -- while quoting: one window to match, for everyone admitted to the lot
        12:00:01         #1 bid 1050          → accepted, until 12:05:01
        12:00:02         #3 bid 1050          → accepted, closed #3=1050 #1=1050
        ",
    );
    check(
        World::admitted(capped(), &[(1, 0), (2, 0), (3, 1)]),
        "
        12:00:00         clock                → open to #1 #2 #3 until 10d12:00:00
        12:00:01         #1 bid 1000          → accepted
        12:00:02         #2 bid 1010          → accepted
        10d12:00:00      clock                → #1 #2 may confirm until 10d12:10:00
        10d12:05:00      #1 confirms          → entry confirmed
        10d12:05:00      #2 confirms          → entry confirmed
        10d12:10:00      clock                → timed until 10d12:15:00
        -- #3 did not enter the timed auction: nobody is waited for
        10d12:11:00      #1 bid 1050          → accepted, closed #1=1050 #2=1010
        ",
    );
}

//! Objections and complaints, each deadline with its article; withdrawal before the opening; what the law gives a time for.

use super::*;

fn plain() -> Rules {
    rules(Method::Ascending(price_rules()))
}

/// A lot of `category`, noticed twenty days before it opens.
fn noticed(category: Category) -> World {
    let mut world = World::new(category);
    world.notice(Rules { min_bidders: 3, deposit: fen(100), ..plain() }).unwrap();
    world
}

#[test]
fn an_objection_to_a_tender_holds_it_until_it_is_answered() {
    check(
        noticed(Category::A),
        "
        -- 条例 art. 22: three days for the answer (Thursday to Sunday, hence Monday's end), and the lot stands still
        -20d12:00:00     a objects o1 result  → no: wrong_phase
        -20d12:00:00     a objects o1 opening → no: wrong_phase
        -20d12:00:00     a objects o1 rules   → filed, o1 due -16d16:00:00, held by o1
        -20d12:00:01     b objects o1 rules   → no: objection_exists
        -20d12:00:01     a objects o2 rules   → no: objection_pending
        -20d12:00:02     b objects o2 rules   → filed, o2 due -16d16:00:00, held by o2
        -20d12:00:03     office refutes o3    → no: objection_unknown
        -20d13:00:00     office refutes o1    → o1 refuted, still held
        -20d13:00:00     office refutes o1    → no: objection_answered
        -20d14:00:00     office refutes o2    → o2 refuted, running, credit 02:00:00
        -- everything that was still to come comes two hours later
        -19d14:00:00     clock                → sign up opened
        -- ten days before the deadline for bids it is too late
        -10d13:59:59.999999 c objects o3 rules → filed, o3 due -7d16:00:00, held by o3
        -10d14:00:00     d objects o4 rules   → filed, o4 due -7d16:00:00, held by o4
        -10d14:00:01     office refutes o3    → o3 refuted, still held
        -10d14:00:01     office refutes o4    → o4 refuted, running, credit 00:00:01.000001
        -10d14:00:01     c objects o5 rules   → filed, o5 due -7d16:00:00, held by o5
        -10d14:00:01     office refutes o5    → o5 refuted, running, credit 00:00:00
        -10d14:00:01.000001 c objects o6 rules → no: objection_late
        ",
    );
}

#[test]
fn what_is_upheld_is_mended_before_the_clock_goes_on() {
    check(
        noticed(Category::A),
        "
        -20d12:00:00     a objects o1 rules   → filed, o1 due -16d16:00:00, held by o1
        -16d16:00:00     clock                → o1 overdue
        -15d17:00:00     office upholds o1    → o1 upheld late, held by office, still held
        -14d12:00:00     office resumes       → running, credit 144:00:00
        ",
    );
}

#[test]
fn in_procurement_an_objection_to_the_documents_stops_nothing() {
    check(
        noticed(Category::D),
        "
        -- 政府采购法 art. 53: seven working days for the answer
        -20d12:00:00     a objects o1 rules   → filed, o1 due -9d16:00:00
        -19d12:00:00     clock                → sign up opened
        -9d16:00:00      clock                → o1 overdue
        -- 政府采购法 art. 55: until fifteen working days after the time for the answer; review five working days
        -9d17:00:00      b complains o1       → no: objection_unknown
        -9d17:00:00      a complains o1       → filed, complaint due -1d16:00:00
        -9d17:00:00      a complains o1       → no: complaint_exists
        -9d18:00:00      supervisor dismisses o1 → no: complaint_state
        -- 政府采购法 art. 57: thirty days' standstill at most; art. 56: thirty working days for the decision
        -9d18:00:00      supervisor holds o1  → admitted, due 34d16:00:00, held by complaint o1
        -9d18:00:00      supervisor holds o1  → no: complaint_state
        21d18:00:00      clock                → complaint's hold lapsed, running, credit 720:00:00
        28d12:00:00      clock                → sign up closed
        30d12:00:00      clock                → failed: TooFewBidders
        34d16:00:00      clock                → complaint overdue
        35d00:00:00      supervisor dismisses o1 → complaint refuted late
        35d00:00:00      supervisor dismisses o1 → no: complaint_state
        ",
    );
}

#[test]
fn a_complaint_comes_after_its_objection_and_in_time() {
    check(
        noticed(Category::A),
        "
        -20d12:00:00     a objects o1 rules   → filed, o1 due -16d16:00:00, held by o1
        -20d12:30:00     a complains o1       → no: complaint_too_early
        -20d13:00:00     office refutes o1    → o1 refuted, running, credit 01:00:00
        -20d13:00:00     supervisor admits o1 → no: complaint_unknown
        -- 条例 art. 61: three working days to take it up or not
        -20d14:00:00     a complains o1       → filed, complaint due -15d16:00:00
        -20d15:00:00     supervisor rejects o1 → not admitted
        -20d15:00:00     supervisor admits o1 → no: complaint_state
        -20d16:00:00     b objects o2 rules   → filed, o2 due -16d16:00:00, held by o2
        -20d17:00:00     office refutes o2    → o2 refuted, running, credit 01:00:00
        -19d14:00:00     clock                → sign up opened
        -- 条例 art. 60: ten days from the answer, and the weekend after them
        -9d16:00:00      b complains o2       → no: complaint_late
        ",
    );
}

#[test]
fn an_upheld_complaint_leaves_the_lot_to_be_mended() {
    check(
        noticed(Category::A),
        "
        -20d12:00:00     a objects o1 rules   → filed, o1 due -16d16:00:00, held by o1
        -20d13:00:00     office refutes o1    → o1 refuted, running, credit 01:00:00
        -20d13:00:00     a complains o1       → filed, complaint due -15d16:00:00
        -20d14:00:00     supervisor holds o1  → admitted, due 22d16:00:00, held by complaint o1
        -20d14:00:00     office resumes       → no: hold_not_yours
        -20d15:00:00     supervisor upholds o1 → complaint upheld, held by office, still held
        -20d16:00:00     office terminates    → terminated
        ",
    );
}

#[test]
fn an_objection_to_a_running_auction_is_answered_on_the_spot_and_stops_nothing() {
    check(
        World::admitted(plain(), &[(1, 0), (2, 0)]),
        "
        12:00:00         clock                → open to #1 #2 until 12:10:00
        12:00:01         #1 bid 1000          → accepted
        12:00:02         2 objects o1 opening → filed, o1 due 12:30:02
        12:00:03         2 objects o2 result  → no: objection_pending
        12:00:03         1 objects o2 rules   → no: wrong_phase
        12:10:00         clock                → timed until 12:15:00
        12:15:00         clock                → closed #1=1000
        12:15:00         1 objects o2 opening → no: wrong_phase
        12:30:02         clock                → o1 overdue
        -- the result is objected to while it is public, and nothing is awarded before the answer
        12:31:00         office refutes o1    → o1 refuted late
        12:31:00         office publishes 7d00:00:00 → public until 7d00:00:00
        12:32:00         2 objects o3 result  → filed, o3 due 5d16:00:00, held by o3
        5d16:00:00       clock                → o3 overdue
        6d12:32:00       owner awards         → no: suspended
        6d12:32:00       office refutes o3    → o3 refuted late, running, credit 144:00:00
        ",
    );
}

#[test]
fn a_bidder_may_withdraw_until_the_opening() {
    check(
        World::admitted(plain(), &[(1, 0), (2, 0), (3, 0)]),
        "
        00:00:00         4 withdraws          → no: not_signed_up
        00:00:00         2 withdraws          → sign up withdrawn, number withdrawn
        00:00:01         2 withdraws          → no: not_signed_up
        00:00:02         return 1             → no: wrong_phase
        00:00:02         return 2             → returned
        12:00:00         clock                → open to #1 #3 until 12:10:00
        12:00:01         #2 bid 1000          → no: number_unknown
        12:00:02         3 withdraws          → no: wrong_phase
        ",
    );
}

#[test]
fn a_step_that_the_law_gives_a_time_for_is_overdue_by_itself() {
    let mut world = World::new(Category::A);
    world.notice(Rules { min_bidders: 3, deposit: fen(100), ..plain() }).unwrap();
    for name in ["a", "b", "c"] {
        world.ask(&sign_up(name, Hash::ZERO), midnight().minus(Span::days(5))).unwrap();
        let fact = DepositConfirmed { reference: name.into(), amount: fen(100), random: Hash::of(name.as_bytes()) };
        world.ask(&on_lot(OFFICE, Action::ConfirmDeposit(fact)), midnight().minus(Span::days(5))).unwrap();
    }
    world.advance(midnight().plus(Span::hours(12)));
    let first = *world.state.lots[&LOT].roster.keys().next().unwrap();
    let table = "
        12:00:01         #N bid 1000          → accepted
        12:10:00         clock                → timed until 12:15:00
        12:15:00         clock                → closed #N=1000
        -- 条例 art. 54: three days from Wednesday, Saturday's end, hence Monday's
        5d16:00:00       clock                → Publicity overdue
        6d00:00:00       office publishes 13d00:00:00 → public until 13d00:00:00
        13d00:00:00      owner awards         → awarded to #N for 1000, winner W公司
        -- 招标投标法 art. 46: thirty days
        43d16:00:00      clock                → Contract overdue
        44d00:00:00      owner contracts      → contracted
        ";
    let lot = &world.state.lots[&LOT];
    let company = lot.applicant_by_number(first).unwrap().1.company.clone();
    check(world, &table.replace("#N", &format!("#{first}")).replace("W公司", &company));
}

//! What a project and a notice must satisfy: each bound with the article that sets it.

use super::*;
use crate::base::limits;
use crate::engine::calendar::{CityPeriods, Holidays};
use crate::engine::code::CodeFormat;
use crate::engine::rules::Document;
use crate::engine::rules::ListingRules;
use crate::engine::rules::Method::{Ascending, Descending, Listing};

fn rising() -> Rules {
    Rules { min_bidders: 3, deposit: fen(200), ..rules(Ascending(price_rules())) }
}

/// `ok`, or the code and the words of the refusal.
fn verdict(category: Category, rules: Rules) -> String {
    match World::new(category).notice(rules) {
        Ok(_) => "ok".into(),
        Err(Refusal { code, detail }) => format!("{code} {detail}"),
    }
}

#[track_caller]
fn expect(what: &str, verdict: &str, expected: &[&str]) {
    for part in expected {
        assert!(verdict.contains(part), "{what}: expected {part:?}, got {verdict:?}");
    }
}

/// The notice is at 12:00 of day −20, so that the tables' auction opens exactly twenty days later.
fn opens(rules: Rules, at: &str) -> Rules {
    Rules { timetable: Timetable { auction_opens: moment(at), ..rules.timetable }, ..rules }
}

#[test]
fn each_legal_bound_names_its_article() {
    use Category::{A, B, C, D};
    let early = |at: &str| {
        let timetable = Timetable {
            sign_up_closes: moment("-15d12:00:00"),
            deposit_due: moment("-15d12:00:00"),
            ..rising().timetable
        };
        opens(Rules { timetable, ..rising() }, at)
    };
    let with_deposit = |deposit: i64| Rules { deposit: fen(deposit), ..rising() };
    let with_bidders = |min_bidders: u32| Rules { min_bidders, ..rising() };
    for (what, category, rules, expected) in [
        ("twenty days", A, rising(), vec!["ok"]),
        ("a microsecond less", A, early("11:59:59.999999"), vec!["notice_too_short", "招标投标法第二十四条", "20"]),
        ("a microsecond less", D, early("11:59:59.999999"), vec!["notice_too_short", "政府采购法第三十五条", "20"]),
        ("a microsecond less", B, early("11:59:59.999999"), vec!["notice_too_short", "本市规定", "20"]),
        ("ten days", C, early("-10d12:00:00"), vec!["ok"]),
        ("a microsecond less", C, early("-10d11:59:59.999999"), vec!["notice_too_short", "本市规定", "10"]),
        ("two per cent", A, with_deposit(200), vec!["ok"]),
        ("one 分 more", A, with_deposit(201), vec!["deposit_too_high", "实施条例第二十六条", "2 %"]),
        ("one 分 more", D, with_deposit(201), vec!["deposit_too_high", "政府采购法实施条例第三十三条", "2 %"]),
        ("half", B, with_deposit(5000), vec!["ok"]),
        ("one 分 more", B, with_deposit(5001), vec!["deposit_too_high", "本市规定", "50 %"]),
        ("thirty per cent", C, with_deposit(3000), vec!["ok"]),
        ("one 分 more", C, with_deposit(3001), vec!["deposit_too_high", "本市规定", "30 %"]),
        ("two bidders", A, with_bidders(2), vec!["rules_invalid", "at least 3"]),
        ("two bidders", D, with_bidders(2), vec!["rules_invalid", "at least 3"]),
        ("one bidder", B, with_bidders(1), vec!["ok"]),
        ("one bidder", C, with_bidders(1), vec!["ok"]),
        ("no bidder", C, with_bidders(0), vec!["rules_invalid", "min_bidders"]),
        ("a crowd", C, with_bidders(901), vec!["rules_invalid", "min_bidders"]),
    ] {
        expect(&format!("{what} in {category:?}"), &verdict(category, rules), &expected);
    }
}

#[test]
fn rules_that_contradict_themselves_are_refused() {
    let price = |change: &dyn Fn(&mut PriceRules)| {
        let mut price = price_rules();
        change(&mut price);
        Rules { method: Ascending(price), ..rising() }
    };
    let listing = |change: &dyn Fn(&mut ListingRules)| {
        let PriceRules { start, step, max_steps, window, .. } = price_rules();
        let (quoting, confirm) = (Span::days(10), Span::minutes(5));
        let mut listing = ListingRules { start, step, max_steps, quoting, confirm, window };
        change(&mut listing);
        Rules { method: Listing(listing), ..rising() }
    };
    let falling = |cap: i64| Rules { method: Descending(price_rules()), cap: Some(fen(cap)), ..rising() };
    let times = |change: &dyn Fn(&mut Timetable)| {
        let mut rules = rising();
        change(&mut rules.timetable);
        rules
    };
    let capped = |ladder: Vec<Rung>| Rules { cap: Some(fen(2000)), ladder, ..rising() };
    let tick = Span::micros(1);
    let too_long = Span::micros(limits::PERIOD_MAX.get() + 1);
    let noticed = moment("-20d12:00:00");
    let disclosed_in = |disclosure: Span| Rules { reserve: Some(Reserve { disclosure, ..hidden(1) }), ..rising() };
    for (what, rules, expected) in [
        ("sign-up opens with the notice", times(&|t| t.sign_up_opens = noticed), "rules_invalid timetable"),
        ("sign-up takes no time", times(&|t| t.sign_up_closes = t.sign_up_opens), "rules_invalid timetable"),
        (
            "sign-up after the opening",
            times(&|t| t.sign_up_closes = t.auction_opens.plus(tick)),
            "rules_invalid timetable",
        ),
        (
            "deposit after the opening",
            times(&|t| t.deposit_due = t.auction_opens.plus(tick)),
            "rules_invalid timetable",
        ),
        ("deposit before sign-up", times(&|t| t.deposit_due = t.sign_up_opens.minus(tick)), "rules_invalid timetable"),
        (
            "everything at the opening",
            times(&|t| (t.sign_up_closes, t.deposit_due) = (t.auction_opens, t.auction_opens)),
            "ok",
        ),
        ("opens in a year and more", times(&|t| t.auction_opens = noticed.plus(too_long)), "rules_invalid timetable"),
        ("start at nothing", price(&|p| p.start = Fen::ZERO), "rules_invalid"),
        ("no step", price(&|p| p.step = Fen::ZERO), "step must be positive"),
        ("no steps", price(&|p| p.max_steps = 0), "max_steps"),
        ("endless steps", price(&|p| p.max_steps = limits::MAX_STEPS_MAX + 1), "max_steps"),
        ("a window too short", price(&|p| p.window = below(limits::WINDOW_MIN)), "(window)"),
        ("a window too long", price(&|p| p.window = too_long), "(window)"),
        ("a free period too long", price(&|p| p.free = too_long), "free period"),
        ("no free period", price(&|p| p.free = Span::micros(0)), "ok"),
        ("quoting for less than ten days", listing(&|l| l.quoting = below(limits::LISTING_QUOTING_MIN)), "ten days"),
        ("quoting for ten days", listing(&|_| ()), "ok"),
        ("no time to confirm", listing(&|l| l.confirm = below(limits::WINDOW_MIN)), "confirmation window"),
        ("one right of priority twice", Rules { priority: vec!["9".into(), "9".into()], ..rising() }, "priority"),
        ("a cap at the start", Rules { cap: Some(fen(1000)), ..rising() }, "cap must lie beyond"),
        ("a floor at the ceiling", falling(1000), "cap must lie beyond"),
        ("a floor of nothing", falling(0), "cap must lie beyond"),
        ("a floor of one 分", falling(1), "ok"),
        ("a ladder without a cap", Rules { ladder: vec![rung(None)], ..rising() }, "a ladder needs a cap"),
        ("too many rungs", capped(vec![rung(Some(500)); 5]), "too many rungs"),
        ("a rung that never ends before another", capped(vec![rung(None), rung(None)]), "rung needs a limit"),
        ("a rung that ends where it starts", capped(vec![rung(Some(100))]), "limit must exceed start"),
        ("a rung from nothing", capped(vec![Rung { start: Fen::ZERO, ..rung(None) }]), "start must be positive"),
        ("a rung without a name", capped(vec![Rung { name: " ".into(), ..rung(None) }]), "invalid_field ladder.name"),
        (
            "a rung with an endless unit",
            capped(vec![Rung { unit: "米".repeat(201), ..rung(None) }]),
            "invalid_field ladder.unit",
        ),
        ("two rungs", capped(vec![rung(Some(500)), rung(None)]), "ok"),
        ("no time to disclose", disclosed_in(Span::secs(9)), "reserve.disclosure"),
        ("a year to disclose", disclosed_in(too_long), "reserve.disclosure"),
        ("an hour to disclose", disclosed_in(Span::hours(1)), "ok"),
    ] {
        expect(what, &verdict(Category::C, rules), &[expected]);
    }
}

#[test]
fn a_notice_needs_its_project_and_a_fresh_id() {
    let noticed = |change: &dyn Fn(&mut Noticed)| {
        let mut fact = Noticed {
            project: PROJECT,
            title: "标的".into(),
            estimate: fen(10_000),
            rules: rising(),
            documents: Vec::new(),
        };
        change(&mut fact);
        on_lot(OFFICE, Action::Notice(Box::new(fact)))
    };
    let document = |name: &str| Document { name: name.into(), sha256: Hash::ZERO, bytes: 1 };
    let mut world = World::new(Category::C);
    let at = moment("-20d12:00:00");
    for (command, expected) in [
        (noticed(&|f| f.project = LOT), "project_unknown"),
        (noticed(&|f| f.title = String::new()), "invalid_field"),
        (noticed(&|f| f.title = "长".repeat(201)), "invalid_field"),
        (noticed(&|f| f.estimate = Fen::ZERO), "rules_invalid"),
        (noticed(&|f| f.documents = vec![document("图纸"); 51]), "too_many"),
        (noticed(&|f| f.documents = vec![document("")]), "invalid_field"),
        (on_lot(OFFICE, Action::Award), "lot_unknown"),
        (noticed(&|f| f.documents = vec![document("图纸"); 50]), "ok"),
        (noticed(&|_| ()), "lot_exists"),
    ] {
        let answer = world.ask(&command, at).map_or_else(|refusal| refusal.code.name(), |_| "ok");
        assert_eq!(answer, expected, "{command:?}");
    }
    for serial in 1..limits::LOTS_PER_PROJECT_MAX {
        let subject = Subject::Lot(Id::from_u128(1000 + serial as u128));
        world.ask(&Command { subject, ..noticed(&|_| ()) }, at).unwrap();
    }
    let one_more = Command { subject: Subject::Lot(Id::from_u128(999)), ..noticed(&|_| ()) };
    assert_eq!(world.ask(&one_more, at).unwrap_err().code.name(), "too_many");
}

#[test]
fn a_project_needs_a_fresh_and_valid_code() {
    let mut world = World::new(Category::C);
    let format = CodeFormat::default();
    let code = |category, serial| format.make(category, "330299", 2026, serial).unwrap();
    let fact = |code: String| ProjectRegistered {
        code,
        category: Category::C,
        title: "项目".into(),
        owner: Id::from_u128(4),
        owner_name: "业主".into(),
        place: "明江市".into(),
    };
    let id = Id::from_u128(77);
    for (subject, fact, expected) in [
        (PROJECT, fact(code(Category::C, 32)), "project_exists"),
        (id, fact(code(Category::C, 31)), "project_exists"),
        (id, ProjectRegistered { title: " ".into(), ..fact(code(Category::C, 32)) }, "invalid_field"),
        (id, fact(code(Category::A, 32)), "project_code_invalid"),
        (id, fact("C330299-2026-00032-*".into()), "project_code_invalid"),
        (id, fact(code(Category::C, 32)), "ok"),
    ] {
        let action = Action::RegisterProject(fact);
        let command = Command { actor: OWNER, subject: Subject::Project(subject), action };
        let at = world.last;
        let answer = world.ask(&command, at).map_or_else(|refusal| refusal.code.name(), |_| "ok");
        assert_eq!(answer, expected, "{command:?}");
    }
}

#[test]
fn settings_stay_within_the_calendar() {
    let mut world = World::new(Category::B);
    let periods = CityPeriods::default();
    let configure = |code_format: &str, periods| {
        let (code_format, holidays) = (CodeFormat(code_format.into()), Holidays::default());
        on_platform(Action::Configure(PlatformConfigured { code_format, holidays, periods }))
    };
    for (command, expected) in [
        (configure("C9", periods), "invalid_field"),
        (configure("C9#", CityPeriods { land_notice_days: u32::MAX, ..periods }), "invalid_field"),
        (configure("C9#", CityPeriods { property_deposit_percent: 101, ..periods }), "invalid_field"),
        (Command { subject: Subject::Lot(LOT), ..configure("C9#", periods) }, "lot_unknown"),
        (Command { subject: Subject::Project(PROJECT), ..configure("C9#", periods) }, "malformed"),
        (configure("C9#", CityPeriods { land_notice_days: 30, ..periods }), "ok"),
    ] {
        let at = world.last;
        let answer = world.ask(&command, at).map_or_else(|refusal| refusal.code.name(), |_| "ok");
        assert_eq!(answer, expected, "{command:?}");
    }
    let refusal = world.notice(rising()).unwrap_err();
    assert_eq!((refusal.code.name(), refusal.detail.contains("30 日")), ("notice_too_short", true));
}

#[test]
fn a_notice_says_nothing_that_the_engine_does_not_know() {
    let price = serde_json::to_value(Ascending(price_rules())).unwrap();
    assert_eq!(serde_json::from_value::<Method>(price.clone()).unwrap(), Ascending(price_rules()));
    let mut more = price;
    more["bonus"] = 1.into();
    assert!(serde_json::from_value::<Method>(more).is_err());
}

/// A microsecond too short.
fn below(least: Span) -> Span {
    Span::micros(least.get() - 1)
}

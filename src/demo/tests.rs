//! A year told twice is the same year; its sum is exact; what should happen in it happens.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::drive::{DemoError, SequencerStage, Stage, ToldClock, drive};
use super::lots::{LotPlan, Outcome, Twist};
use super::rehearsal::Rehearsal;
use super::script::Line;
use super::seed::{DerivedEntropy, Secrets};
use super::year::{Brief, Year, settings};
use super::{accounts, auction, keep};
use crate::base::{Code, Fen, Hash, Jwk, Micros, Span};
use crate::engine::rules::Category;
use crate::engine::{Action, Actor, Command, Phase, State, Subject};
use crate::ledger::statement::decode;
use crate::ledger::{BidStatement, Frontier, Origin, Payload, PublicKey, SeedSigner, Seen, leaf_hash};
use crate::sequencer::{Options, Sequencer, StoredEntry};
use crate::store::SqliteJournal;

fn brief(projects: usize, seed: u64) -> Brief {
    Brief {
        rush: 0,
        seed,
        projects,
        until: "2026-11-23T04:05:06.000000Z".parse().unwrap(),
        secrets: Secrets::fixed(seed),
        origin: Origin::new("ledger.mingjiang.example/trade").unwrap(),
    }
}

/// The rules alone: no ledger, no threads.
struct Bare {
    rehearsal: Rehearsal,
    lines: Vec<(Micros, String)>,
}

impl Bare {
    fn new() -> Self {
        let mut rehearsal = Rehearsal { state: State::default(), size: 1, time: Micros::default() };
        let action = Action::Configure(settings().unwrap());
        let configure = Command { actor: Actor::System, subject: Subject::Platform, action };
        rehearsal.play(&configure, Micros::default()).unwrap();
        Self { rehearsal, lines: Vec::new() }
    }
}

impl Stage for Bare {
    fn begin(&mut self) -> Result<Rehearsal, DemoError> {
        Ok(self.rehearsal.clone())
    }

    fn play(&mut self, line: Line) -> Result<(), DemoError> {
        let found = self.rehearsal.play(&line.command, line.at).unwrap();
        assert_eq!(found, line.expected);
        self.lines.push((line.at, format!("{:?}", line.command)));
        Ok(())
    }

    fn settle(&mut self) -> Result<Seen, DemoError> {
        Ok(Seen { root: Hash::of(&self.rehearsal.size.to_be_bytes()), size: self.rehearsal.size })
    }

    fn end(&mut self, at: Micros) -> Result<State, DemoError> {
        self.rehearsal.advance(at);
        Ok(self.rehearsal.state.clone())
    }
}

fn lots(year: &Year) -> impl Iterator<Item = &LotPlan> {
    year.projects.iter().filter(|project| project.completed).flat_map(|project| &project.lots)
}

#[test]
fn the_year_of_731_adds_up_and_has_a_bit_of_everything() {
    let year = Year::plan(brief(731, 1)).unwrap();
    assert_eq!(year.total, Fen::new(987_700_000_000).unwrap());
    assert_eq!(year.projects.iter().filter(|project| project.completed).count(), 731);

    let mut by_category: BTreeMap<Category, usize> = BTreeMap::new();
    let mut by_twist: BTreeMap<Twist, usize> = BTreeMap::new();
    let mut broken: BTreeMap<Code, usize> = BTreeMap::new();
    for project in year.projects.iter().filter(|project| project.completed) {
        *by_category.entry(project.category).or_default() += 1;
    }
    for lot in lots(&year) {
        *by_twist.entry(lot.twist).or_default() += 1;
        let course = &lot.course;
        for bid in course.free.iter().chain(&course.timed).chain(&course.early).chain(&course.late) {
            if let Some(code) = bid.breaks {
                *broken.entry(code).or_default() += 1;
            }
        }
        assert!(lot.twist == Twist::TooFew || (2..=12).contains(&lot.bidders.len()), "{}", lot.bidders.len());
    }
    assert_eq!(by_category[&Category::A] + by_category[&Category::D], 588);
    for twist in [
        Twist::TooFew,
        Twist::NoBids,
        Twist::ReserveNotMet,
        Twist::ReserveMet,
        Twist::ReserveLapsed,
        Twist::Terminated,
        Twist::Priority,
        Twist::CapRung,
        Twist::Suspended,
        Twist::Question,
        Twist::Unconfirmed,
    ] {
        assert!(by_twist.contains_key(&twist), "no lot is {twist:?}: {by_twist:?}");
    }
    for twist in [Twist::Paused, Twist::LateAnswer, Twist::Withdrawn] {
        assert_eq!(by_twist[&twist], 1, "{twist:?}");
    }
    for code in [
        Code::Closed,
        Code::NotOpen,
        Code::BelowStart,
        Code::AboveCeiling,
        Code::NotBetter,
        Code::StepNotMet,
        Code::OffStep,
        Code::StepTooLarge,
        Code::AlreadyLeading,
        Code::NotAdmittedToStage,
    ] {
        assert!(broken.contains_key(&code), "no bid breaks {code}: {broken:?}");
    }
}

#[test]
fn a_small_year_is_played_as_planned() {
    for seed in 1..=6 {
        let year = Year::plan(brief(20, seed)).unwrap();
        let mut stage = Bare::new();
        let report = drive(&year, &mut stage, &mut |_| {}).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(report.awarded, Fen::new(987_700_000_000i64 * 20 / 731).unwrap());
        assert_eq!(report.projects, 20);
        assert!(report.failed >= 1 && report.bids_refused >= 5, "{report:?}");
    }
}

#[test]
fn the_same_seed_tells_the_same_year() {
    let told = |secrets: Secrets| {
        let year = Year::plan(Brief { secrets, ..brief(20, 9) }).unwrap();
        let mut stage = Bare::new();
        drive(&year, &mut stage, &mut |_| {}).unwrap();
        stage.lines
    };
    let (first, second) = (told(Secrets::fixed(9)), told(Secrets::fixed(9)));
    assert_eq!(first, second);
    // With other secrets everything happens at the same time, with other keys.
    let third = told(Secrets::fixed(10));
    assert!(first.iter().map(|(at, _)| at).eq(third.iter().map(|(at, _)| at)));
    assert_ne!(first, third);
}

#[test]
fn whatever_the_hour_of_the_end_the_year_can_be_told() {
    for until in [
        "2026-11-23T20:38:27.123456Z",
        "2026-02-19T03:00:00.000000Z",
        "2026-10-05T23:59:59.999999Z",
        "2026-07-04T16:00:00.000000Z",
    ] {
        let year = Year::plan(Brief { until: until.parse().unwrap(), ..brief(30, 4) }).unwrap();
        drive(&year, &mut Bare::new(), &mut |_| {}).unwrap_or_else(|error| panic!("until {until}: {error}"));
    }
}

#[test]
fn some_results_are_contested_and_all_of_it_is_settled() {
    let year = Year::plan(brief(240, 3)).unwrap();
    let mut stage = Bare::new();
    drive(&year, &mut stage, &mut |_| {}).unwrap();
    let objections: Vec<_> = stage.rehearsal.state.objections.into_values().collect();
    assert!(objections.len() >= 3, "{}", objections.len());
    assert!(objections.iter().all(|objection| !objection.waits()));
    assert!(objections.iter().any(|objection| objection.complaint.is_some()));
    assert!(objections.iter().any(|objection| objection.overdue) && objections.iter().any(|o| !o.overdue));
}

#[test]
fn something_is_going_on_when_the_year_ends() {
    let year = Year::plan(brief(20, 2)).unwrap();
    let mut stage = Bare::new();
    drive(&year, &mut stage, &mut |_| {}).unwrap();
    let state = stage.rehearsal.state;
    let mut phases: BTreeMap<_, usize> = BTreeMap::new();
    for lot in state.lots.values() {
        *phases.entry(lot.phase).or_default() += 1;
    }
    assert!(phases[&Phase::SignUp] >= 4, "{phases:?}");
    assert!(phases[&Phase::Waiting] >= 8, "{phases:?}");
    assert!(phases[&Phase::Running] >= 5, "{phases:?}");
    assert!(phases[&Phase::Publicity] + phases.get(&Phase::Ranked).unwrap_or(&0) >= 2, "{phases:?}");
    assert_eq!(state.lots.values().filter(|lot| lot.is_suspended()).count(), 1);
    assert_eq!(state.questions.values().filter(|question| question.overdue).count(), 1);

    let live = auction::plan(&year, &state);
    let (visitors, live): (Vec<_>, Vec<_>) = live.into_iter().partition(|auction| auction.for_visitors);
    assert_eq!((live.len(), visitors.len()), (5, 8));
    assert!(!live[0].falls && live[0].bidders.len() >= 4);
    assert_eq!(live[0].opens_at, year.brief.until.plus(Span::minutes(1)));
    for auction in &visitors {
        assert_eq!(state.lots[&auction.lot].phase, Phase::SignUp);
        assert!(state.lots[&auction.lot].timetable.sign_up_closes > year.brief.until);
        assert_eq!(auction.bidders.len(), 2, "an auction for whoever comes alone");
    }
    let known: Vec<String> = accounts::accounts(&year.cast).into_iter().map(|account| account.login).collect();
    for auction in &live {
        let mut view = auction::View { leader: None, accepted: 0 };
        let mut taken = Span::micros(0).get();
        while let Some(next) = auction.next_bid(view) {
            let bidder = &auction.bidders[next.bidder];
            assert!(known.contains(&bidder.login) && next.delay < auction.window);
            view = auction::View { leader: Some((bidder.number, next.amount)), accepted: view.accepted + 1 };
            taken += next.delay.get();
        }
        assert!(view.accepted >= 20, "an auction of {} bids is no show", view.accepted);
        assert!(taken > 180_000_000, "over after {taken} µs");
    }
}

#[test]
fn outcomes_are_mixed() {
    let year = Year::plan(brief(731, 5)).unwrap();
    let failed = lots(&year).filter(|lot| matches!(lot.outcome, Outcome::Failed(_))).count();
    assert!((20..100).contains(&failed), "{failed}");
}

/// Every leaf and payload of a year that the real sequencer wrote into a real journal.
fn written(dir: &std::path::Path) -> Vec<StoredEntry> {
    let year = Year::plan(brief(20, 3)).unwrap();
    let clock = ToldClock::new(year.from);
    let journal = SqliteJournal::open(&dir.join("ledger.sqlite")).unwrap();
    let sequencer = Sequencer::start(
        Box::new(journal),
        Box::new(SeedSigner::new(&year.brief.secrets.log_key())),
        clock.clone(),
        Arc::new(DerivedEntropy::new(&year.brief.secrets)),
        Vec::new(),
        Options::new(year.brief.origin.clone(), settings().unwrap()),
    )
    .unwrap();
    let mut stage = SequencerStage::new(sequencer.clone(), clock);
    let report = drive(&year, &mut stage, &mut |_| {}).unwrap();
    assert_eq!(report.awarded, year.total);
    let reader = sequencer.reader();
    let mut entries = Vec::new();
    while entries.len() as u64 != report.entries {
        entries.extend(reader.entries(entries.len() as u64, 1_000).unwrap());
    }
    sequencer.shutdown();
    entries
}

#[test]
fn with_fixed_keys_two_ledgers_are_the_same_to_the_byte_and_every_statement_holds() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let entries = written(first.path());
    assert_eq!(entries, written(second.path()));

    // Every bid is signed by the key of its number, over a checkpoint that was really there.
    let mut tree = Frontier::new();
    let mut roots = vec![tree.root()];
    let mut keys: BTreeMap<(String, u64), PublicKey> = BTreeMap::new();
    let mut bids = 0;
    for entry in &entries {
        tree.append(leaf_hash(&entry.leaf));
        roots.push(tree.root());
        let payload = Payload::parse(entry.payload.as_ref().unwrap()).unwrap();
        let data = &payload.data;
        match payload.kind.as_str() {
            "lot.number_dealt" => {
                let jwk: Jwk = serde_json::from_value(data["key"].clone()).unwrap();
                let number = data["number"].as_u64().unwrap();
                keys.insert((payload.subject, number), PublicKey::from_jwk(&jwk).unwrap());
            }
            "auction.bid_accepted" | "auction.bid_refused" => {
                let text = data["statement"].as_str().unwrap();
                let decoded = decode::<BidStatement>(text).unwrap();
                let number = u64::from(decoded.unverified().number);
                let said = decoded.verify(&keys[&(payload.subject.clone(), number)]).unwrap();
                assert_eq!(format!("lot/{}", said.lot), payload.subject);
                assert_eq!(said.amount.to_string(), data["amount"].as_str().unwrap());
                assert!(said.seen.size >= 2 && said.seen.size <= entry.seq);
                assert_eq!(said.seen.root, roots[usize::try_from(said.seen.size).unwrap()]);
                bids += 1;
            }
            _ => {}
        }
    }
    assert!(bids > 100, "{bids}");
}

#[test]
fn what_is_kept_tells_the_same_year_again() {
    let dir = tempfile::tempdir().unwrap();
    assert!(keep::load(dir.path()).unwrap().is_none());
    let year = Year::plan(brief(20, 3)).unwrap();
    keep::store(dir.path(), &year.brief).unwrap();
    let again = Year::plan(keep::load(dir.path()).unwrap().unwrap()).unwrap();
    assert_eq!(year.projects, again.projects);
    assert_eq!(year.cast, again.cast);
}

//! A ledger in memory, written as the platform writes it: commands through the engine, timers as they run out.

use mingjian::base::{Fen, Hash, Id, Micros, Span, reserve_commitment};
use mingjian::engine::calendar::{CityPeriods, Holidays};
use mingjian::engine::code::CodeFormat;
use mingjian::engine::event::*;
use mingjian::engine::rules::{Category, Method, PriceRules, Reserve, Rules, Timetable};
use mingjian::engine::{Action, Actor, Audience, Command, Event, State, Subject};
use mingjian::engine::{apply, audience, command, decide, fire};
use mingjian::ledger::note::SignatureType;
use mingjian::ledger::tree::Frontier;
use mingjian::ledger::{
    BidStatement, Chain, Checkpoint, Nonce, Origin, Policy, SeedSigner, Seen, Signer, VerifierKey, leaf_hash, payload,
    statement,
};
use mingjian::review::{Entry, Missing, Source};
use serde_json::json;

pub const ORIGIN: &str = "ledger.mingjiang.example/trade";
pub const RESERVE: i64 = 100_300_000;

pub fn origin() -> Origin {
    Origin::new(ORIGIN).unwrap()
}

pub fn signer(name: &str) -> SeedSigner {
    SeedSigner::new(&Hash::of(name.as_bytes()).0)
}

pub fn verifier_key() -> VerifierKey {
    VerifierKey::new(ORIGIN, SignatureType::Ed25519, signer("log").public()).unwrap()
}

pub fn policy() -> Policy {
    Policy::log_only(verifier_key()).unwrap()
}

pub fn id(n: u128) -> Id {
    Id::from_u128(n)
}

pub fn yuan(n: i64) -> Fen {
    Fen::yuan(n).unwrap()
}

pub const LOT: u128 = 2;

/// A written entry and what it says.
#[derive(Clone)]
pub struct Page {
    pub at: Micros,
    pub payload: Vec<u8>,
    pub event: Option<Event>,
}

#[derive(Clone)]
pub struct Book {
    pub pages: Vec<Page>,
    pub leaves: Vec<Vec<u8>>,
    pub state: State,
    chain: Chain,
    tree: Frontier,
    pub nonces: u64,
}

impl Book {
    pub fn new(start: Micros) -> Self {
        let mut book = Self {
            pages: Vec::new(),
            leaves: Vec::new(),
            state: State::default(),
            chain: Chain::new(origin()),
            tree: Frontier::new(),
            nonces: 0,
        };
        let created = json!({
            "format": 1, "origin": ORIGIN, "policy": "none", "verifier_key": verifier_key().to_string(), "witnesses": []
        });
        book.record(start, "ledger.created", "system", "ledger", &created);
        book
    }

    fn append(&mut self, at: Micros, payload: Vec<u8>, event: Option<Event>) {
        let link = self.chain.append(Hash::of(&payload), at);
        assert_eq!(link.leaf.time, at, "the tests write no entry late");
        self.tree.append(link.hash);
        self.leaves.push(link.bytes);
        self.pages.push(Page { at, payload, event });
    }

    fn salt(&self) -> [u8; 16] {
        let [salt @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = Hash::of(&self.pages.len().to_be_bytes()).0;
        salt
    }

    pub fn record(&mut self, at: Micros, kind: &str, actor: &str, subject: &str, data: &serde_json::Value) {
        self.tick(at);
        let payload = payload::encode(actor, kind, data, &self.salt(), subject).unwrap();
        self.append(at, payload, None);
    }

    pub fn write(&mut self, at: Micros, event: Event) {
        let payload = encode(&event, self.salt());
        apply(&mut self.state, &event, at, self.pages.len() as u64);
        self.append(at, payload, Some(event));
    }

    /// Lets every timer fire that is due by `at`.
    pub fn tick(&mut self, at: Micros) {
        while let Some((due, timer)) = self.state.timers.first().copied().filter(|(due, _)| *due <= at) {
            let at = self.chain.time().map_or(due, |last| last.max(due));
            for event in fire(&self.state, timer, at) {
                self.write(at, event);
            }
        }
    }

    pub fn ask(&mut self, at: Micros, actor: Actor, subject: Subject, action: Action) {
        self.tick(at);
        let events = decide(&self.state, &Command { actor, subject, action }, at).unwrap();
        for event in events {
            self.write(at, event);
        }
    }

    pub fn office(&mut self, at: Micros, action: Action) {
        self.ask(at, Actor::Operator(id(7)), Subject::Lot(id(LOT)), action);
    }

    pub fn seen(&self) -> Seen {
        Seen { root: self.tree.root(), size: self.tree.size() }
    }

    pub fn number_of(&self, company: u8) -> u32 {
        let key = signer(&format!("company {company}")).public().jwk();
        *self.state.lots[&id(LOT)].roster.iter().find(|(_, bidder)| bidder.key == key).unwrap().0
    }

    pub fn sign(&mut self, at: Micros, company: u8, amount: Fen) -> (u32, String) {
        let number = self.number_of(company);
        let [random @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
            Hash::of(&self.nonces.to_be_bytes()).0;
        self.nonces += 1;
        let claims = BidStatement {
            amount,
            issued_at: at,
            ledger: origin(),
            lot: id(LOT),
            nonce: Nonce::new(at, random),
            number,
            rung: None,
            seen: self.seen(),
        };
        (number, statement::sign(&claims, &signer(&format!("company {company}"))).unwrap())
    }

    pub fn bid(&mut self, at: Micros, company: u8, amount: Fen) {
        let (number, statement) = self.sign(at, company, amount);
        let key = signer(&format!("company {company}")).public().jwk();
        let bid = command::Bid { number, amount, rung: None, key, statement };
        self.ask(at, Actor::Bidder(number), Subject::Lot(id(LOT)), Action::Bid(bid));
    }

    pub fn last(&self) -> &Event {
        self.pages.last().unwrap().event.as_ref().unwrap()
    }

    /// Where the `n`th event of a kind stands.
    pub fn find(&self, kind: &str, n: usize) -> usize {
        let of_kind = |page: &Page| page.event.as_ref().is_some_and(|event| event.fact.kind() == kind);
        self.pages.iter().enumerate().filter(|(_, page)| of_kind(page)).nth(n).unwrap().0
    }

    /// The ledger as its own writer would show it.
    pub fn shown(&self) -> Shown {
        let entries = self.leaves.iter().zip(&self.pages);
        let entries =
            entries.map(|(leaf, page)| Entry { leaf: leaf.clone(), payload: Ok(page.payload.clone()) }).collect();
        Shown { note: note_of(&self.leaves), earlier: Vec::new(), entries, tiles: Vec::new() }
    }

    /// The ledger as the public sees it at its end.
    pub fn shown_to_public(&self) -> Shown {
        let mut shown = self.shown();
        for (entry, page) in shown.entries.iter_mut().zip(&self.pages) {
            if page.event.as_ref().is_some_and(|event| audience(event, &self.state) != Audience::Public) {
                entry.payload = Err(Missing::Withheld);
            }
        }
        shown
    }

    /// A forger with the log's key: other pages, and every hash, link and checkpoint made anew.
    pub fn forged(pages: Vec<Page>) -> Self {
        let mut book = Self::new(pages[0].at);
        for page in pages.into_iter().skip(1) {
            book.append(page.at, page.payload, page.event);
        }
        book
    }

    /// The forgery in which page `seq` says something else.
    pub fn with(&self, seq: usize, change: impl FnOnce(&mut Micros, &mut Event)) -> Self {
        let mut pages = self.pages.clone();
        let page = &mut pages[seq];
        let event = page.event.as_mut().unwrap();
        change(&mut page.at, event);
        page.payload = encode(event, [9; 16]);
        Self::forged(pages)
    }
}

pub fn encode(event: &Event, salt: [u8; 16]) -> Vec<u8> {
    let Event { actor, subject, fact } = event;
    payload::encode(&actor.to_string(), fact.kind(), fact, &salt, &subject.to_string()).unwrap()
}

/// The signed checkpoint of these leaves.
pub fn note_of(leaves: &[Vec<u8>]) -> String {
    note_by(&signer("log"), leaves)
}

pub fn note_by(signer: &SeedSigner, leaves: &[Vec<u8>]) -> String {
    let mut tree = Frontier::new();
    tree.extend(leaves.iter().map(|leaf| leaf_hash(leaf)));
    Checkpoint { origin: origin(), size: tree.size(), root: tree.root() }.sign(signer).unwrap().to_string()
}

/// A source in memory.
#[derive(Clone)]
pub struct Shown {
    pub note: String,
    pub earlier: Vec<String>,
    pub entries: Vec<Entry>,
    pub tiles: Vec<(u8, u64, Vec<u8>)>,
}

impl Source for Shown {
    type Error = std::convert::Infallible;

    fn checkpoint(&mut self) -> Result<String, Self::Error> {
        Ok(self.note.clone())
    }

    fn earlier(&mut self) -> Result<Vec<String>, Self::Error> {
        Ok(self.earlier.clone())
    }

    fn entries(&mut self, seq: u64, count: usize) -> Result<Vec<Entry>, Self::Error> {
        Ok(self.entries.iter().skip(seq as usize).take(count).cloned().collect())
    }

    fn tile(&mut self, level: u8, index: u64) -> Result<Option<Vec<u8>>, Self::Error> {
        Ok(self.tiles.iter().find(|(l, i, _)| (*l, *i) == (level, index)).map(|(_, _, bytes)| bytes.clone()))
    }
}

/// Day `d` of March 2026, hour and minute in China, plus seconds.
pub fn when(day: i64, hour: i64, minute: i64, second: i64) -> Micros {
    let first: Micros = "2026-02-28T16:00:00.000000Z".parse().unwrap();
    let seconds = (day - 1) * 86_400 + hour * 3_600 + minute * 60 + second;
    first.plus(Span::secs(u64::try_from(seconds).unwrap()))
}

fn rules() -> Rules {
    Rules {
        method: Method::Ascending(PriceRules {
            start: yuan(1_000_000),
            step: yuan(1_000),
            max_steps: 20,
            free: Span::minutes(10),
            window: Span::minutes(3),
        }),
        min_bidders: 2,
        deposit: yuan(100_000),
        timetable: Timetable {
            sign_up_opens: when(3, 9, 0, 0),
            sign_up_closes: when(20, 17, 0, 0),
            deposit_due: when(20, 17, 0, 0),
            auction_opens: when(23, 10, 0, 0),
        },
        reserve: Some(Reserve {
            commitment: reserve_commitment(id(LOT), Fen::new(RESERVE).unwrap(), &Hash::of(b"nonce").0),
            disclosure: Span::hours(1),
        }),
        priority: Vec::new(),
        cap: None,
        ladder: Vec::new(),
    }
}

fn notice(book: &mut Book) {
    let settings = PlatformConfigured {
        code_format: CodeFormat::default(),
        holidays: Holidays::default(),
        periods: CityPeriods::default(),
    };
    let admin = Actor::Administrator(id(9));
    book.ask(when(1, 8, 0, 0), admin, Subject::Platform, Action::Configure(settings));
    let project = ProjectRegistered {
        code: CodeFormat::default().make(Category::C, "330299", 2026, 31).unwrap(),
        category: Category::C,
        title: "明江市旧厂房转让".into(),
        owner: id(8),
        owner_name: "明江市资产经营公司".into(),
        place: "明江市".into(),
    };
    let operator = Actor::Operator(id(7));
    book.ask(when(1, 9, 0, 0), operator, Subject::Project(id(1)), Action::RegisterProject(project));
    let noticed = Noticed {
        project: id(1),
        title: "旧厂房一处".into(),
        estimate: yuan(1_000_000),
        rules: rules(),
        documents: Vec::new(),
    };
    book.office(when(2, 9, 0, 0), Action::Notice(Box::new(noticed)));
}

fn sign_up(book: &mut Book, company: u8) {
    let account = id(100 + u128::from(company));
    let day = 4 + i64::from(company);
    let signed_up = SignedUp {
        account,
        company: format!("第{company}商贸公司"),
        credit_code: format!("91330299MA0000000{company}"),
        reference: format!("R{company}"),
        key: signer(&format!("company {company}")).public().jwk(),
        binding: "binding".into(),
        random: Hash::of(&[company, 1]),
    };
    book.ask(when(day, 9, 0, 0), Actor::Company(account), Subject::Lot(id(LOT)), Action::SignUp(signed_up));
    let paid =
        DepositConfirmed { reference: format!("R{company}"), amount: yuan(100_000), random: Hash::of(&[company, 2]) };
    book.office(when(day, 10, 0, 0), Action::ConfirmDeposit(paid));
}

/// Before the opening: notice, three bidders, a bid that is too early.
pub fn before_opening() -> Book {
    let mut book = Book::new(when(1, 7, 0, 0));
    notice(&mut book);
    (1..=3).for_each(|company| sign_up(&mut book, company));
    book.bid(when(21, 9, 0, 0), 1, yuan(1_001_000));
    assert_eq!(book.last().fact.kind(), "auction.bid_refused");
    book
}

/// The running auction: refusals of every sort, an extension, a pause ordered behind closed doors, an office suspension, an
/// outage; then reserve, publicity, award, deposits.
pub fn full_auction() -> Book {
    let mut book = before_opening();
    let day = 23;
    let at = |minute, second| when(day, 10, minute, second);
    book.record(at(0, 30), "camera.segment", "camera/1", "camera/1", &json!({"sha256": "x"}));
    book.bid(at(1, 0), 1, yuan(1_001_000));
    book.bid(at(1, 1), 1, yuan(1_002_000));
    book.bid(at(1, 2), 2, yuan(1_001_000));
    book.bid(at(1, 3), 2, yuan(1_001_500));
    book.bid(at(1, 4), 2, yuan(1_500_000));
    book.bid(at(2, 0), 2, yuan(1_003_000));
    // The free period ends at 10:10:00; a bid in the timed one extends it.
    book.bid(at(11, 0), 3, yuan(1_004_000));
    let order = PauseOrdered { order: id(50), entry: None, reason: "举报待查".into(), due: at(40, 0), open: false };
    book.ask(at(12, 0), Actor::Supervisor(id(5)), Subject::Lot(id(LOT)), Action::OrderPause(order));
    book.bid(at(12, 30), 1, yuan(1_005_000));
    let answer = Action::Answer { question: id(50), text: "已核实".into() };
    book.office(at(14, 0), answer);
    let lift = Action::LiftPause { order: id(50), reason: "不属实".into() };
    book.ask(at(15, 0), Actor::Supervisor(id(5)), Subject::Lot(id(LOT)), lift);
    book.bid(at(15, 30), 1, yuan(1_005_000));
    book.office(at(16, 0), Action::Suspend { reason: "大厅停电".into() });
    book.office(at(17, 0), Action::Resume { reason: "来电".into() });
    let question =
        QuestionRaised { question: id(51), entry: Some(9), text: "为何中止？".into(), due: at(18, 0), open: true };
    book.ask(at(17, 10), Actor::Supervisor(id(5)), Subject::Lot(id(LOT)), Action::Question(question));
    book.bid(at(18, 30), 2, yuan(1_006_000));
    // The platform was last alive at 10:19 and came back at 10:25, after the countdown would have run out.
    let away = OutageBegan { recorded_at: at(25, 0) };
    book.ask(at(19, 0), Actor::System, Subject::Platform, Action::BeginOutage(away));
    book.ask(at(25, 0), Actor::System, Subject::Platform, Action::EndOutage);
    book.bid(at(26, 0), 3, yuan(1_007_000));
    book.bid(at(40, 0), 1, yuan(1_008_000));
    let disclosed = ReserveDisclosed { amount: Fen::new(RESERVE).unwrap(), nonce: Hash::of(b"nonce") };
    book.office(at(45, 0), Action::DiscloseReserve(disclosed));
    book.office(when(24, 9, 0, 0), Action::StartPublicity(PublicityStarted { until: when(28, 0, 0, 0) }));
    book.ask(when(28, 9, 0, 0), Actor::Owner(id(8)), Subject::Lot(id(LOT)), Action::Award);
    for company in 1..=2u8 {
        let back = DepositReturned { reference: format!("R{company}"), reason: "未成交".into() };
        book.office(when(28, 10, 0, i64::from(company)), Action::ReturnDeposit(back));
    }
    book.office(when(29, 9, 0, 0), Action::Contract(Contracted { sha256: Hash::of(b"contract") }));
    book.office(when(30, 9, 0, 0), Action::Archive);
    book
}

//! A lot with bidders, brought to life through the API alone.

use mingjian::base::{Fen, Hash, Id, Micros, Span};
use mingjian::engine::code::CodeFormat;
use mingjian::engine::rules::Category;
use mingjian::ledger::statement::{self, BidStatement, KeyBinding, Seen};
use mingjian::ledger::{Origin, SeedSigner, Signer as _};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::world::{BIDDERS, ORIGIN, OWNER_NAME, World};

/// 1,000,000.00 yuan.
pub const START: i64 = 100_000_000;
/// 1,000.00 yuan.
pub const STEP: i64 = 100_000;
pub const DEPOSIT: i64 = 20_000_000;
pub const FREE: Span = Span::minutes(10);
pub const WINDOW: Span = Span::minutes(5);

pub struct Hall<'w> {
    pub world: &'w World,
    pub project: Id,
    pub lot: Id,
    pub opens: Micros,
    pub bidders: Vec<Bidder>,
}

pub struct Bidder {
    pub login: &'static str,
    /// Signs for this lot only.
    pub key: SeedSigner,
    pub number: u32,
    pub reference: String,
}

/// The identity key of an account.
pub fn identity_key(login: &str) -> SeedSigner {
    SeedSigner::new(&Hash::of(login.as_bytes()).0)
}

impl<'w> Hall<'w> {
    /// A project of the owner's and the notice of one lot; sign-up opens in an hour, the auction in ten days.
    pub fn noticed(world: &'w World) -> Self {
        let (project, lot) = (world.id(), world.id());
        let hall = Self { world, project, lot, opens: world.now().plus(Span::days(10)), bidders: Vec::new() };
        world.person("owner").post("/api/v1/projects", hall.registration()).ok();
        world.person("operator").post(&format!("/api/v1/projects/{project}/lots"), hall.notice()).ok();
        hall
    }

    /// Noticed, and the clock within sign-up, with this many bidders signed up.
    pub fn signed_up(world: &'w World, bidders: usize) -> Self {
        let mut hall = Self::noticed(world);
        world.pass(Span::hours(2));
        for login in BIDDERS.into_iter().take(bidders) {
            hall.sign_up(login);
        }
        hall
    }

    /// Signed up, and every deposit confirmed.
    pub fn admitted(world: &'w World, bidders: usize) -> Self {
        let mut hall = Self::signed_up(world, bidders);
        hall.confirm_deposits();
        hall
    }

    /// Admitted, and the auction just opened.
    pub fn open(world: &'w World, bidders: usize) -> Self {
        let hall = Self::admitted(world, bidders);
        world.go_to(hall.opens);
        hall
    }

    /// Open, two bids made, and the auction over; the second of its bidders leads with START + 2 STEP.
    pub fn ranked(world: &'w World, bidders: usize) -> Self {
        let hall = Self::open(world, bidders);
        hall.bid(0, 0).ok();
        hall.bid(1, 2).ok();
        world.pass(FREE);
        world.pass(WINDOW);
        hall
    }

    pub fn registration(&self) -> Value {
        let serial = u64::try_from(self.project.to_u128() % 99_999).unwrap();
        json!({
            "id": self.project,
            "code": CodeFormat::default().make(Category::C, "330299", 2026, serial),
            "category": "C",
            "title": "明江市国有房产转让",
            "owner": self.world.organisations[OWNER_NAME],
            "place": "明江市",
        })
    }

    pub fn notice(&self) -> Value {
        let now = self.world.now();
        json!({
            "id": self.lot,
            "title": "滨江路 18 号办公楼",
            "estimate": START.to_string(),
            "rules": {
                "method": {
                    "name": "ascending", "start": START.to_string(), "step": STEP.to_string(), "max_steps": 1_000,
                    "free": FREE, "window": WINDOW,
                },
                "min_bidders": 2,
                "deposit": DEPOSIT.to_string(),
                "timetable": {
                    "sign_up_opens": now.plus(Span::hours(1)),
                    "sign_up_closes": now.plus(Span::days(5)),
                    "deposit_due": now.plus(Span::days(5)),
                    "auction_opens": self.opens,
                },
            },
        })
    }

    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/lots/{}{rest}", self.lot)
    }

    pub fn view(&self) -> Value {
        self.world.lot(self.lot)
    }

    pub fn sign_up(&mut self, login: &'static str) {
        let key = SeedSigner::new(&Hash::of(format!("{login}/{}", self.lot).as_bytes()).0);
        let person = self.world.person(login);
        person.post("/api/v1/me/keys", json!({ "key": identity_key(login).public().jwk() })).ok();
        person.post(&self.path("/sign-ups"), self.binding(login, &key)).ok();
        let mine = person.get(&self.path("/mine")).ok();
        let reference = mine["reference"].as_str().unwrap().to_owned();
        self.bidders.push(Bidder { login, key, number: 0, reference });
    }

    pub fn binding(&self, login: &str, key: &SeedSigner) -> Value {
        let (issued_at, key) = (self.world.now(), key.public().jwk());
        let binding = KeyBinding { issued_at, key, ledger: Origin::new(ORIGIN).unwrap(), lot: self.lot };
        json!({ "key": key, "binding": statement::sign(&binding, &identity_key(login)).unwrap() })
    }

    pub fn confirm_deposits(&mut self) {
        let operator = self.world.person("operator");
        let (confirm, mine) = (self.path("/deposits/confirm"), self.path("/mine"));
        for bidder in &mut self.bidders {
            let payment = json!({ "reference": bidder.reference, "amount": DEPOSIT.to_string() });
            operator.post(&confirm, payment).ok();
            let mine = self.world.person(bidder.login).get(&mine).ok();
            bidder.number = u32::try_from(mine["number"].as_u64().unwrap()).unwrap();
        }
    }

    /// What bidder `index` says when it bids START + `steps` × STEP now.
    pub fn claims(&self, index: usize, steps: i64) -> BidStatement {
        let checkpoint = self.world.checkpoint();
        BidStatement {
            amount: Fen::new(START + steps * STEP).unwrap(),
            issued_at: self.world.now(),
            ledger: Origin::new(ORIGIN).unwrap(),
            lot: self.lot,
            nonce: self.world.nonce(),
            number: self.bidders[index].number,
            rung: None,
            seen: Seen { root: checkpoint.root, size: checkpoint.size },
        }
    }

    /// Signed by bidder `index`.
    pub fn signed(&self, index: usize, claims: &BidStatement) -> String {
        statement::sign(claims, &self.bidders[index].key).unwrap()
    }

    /// Needs no session: who signed is the bidder.
    pub fn place(&self, statement: &str) -> Answer {
        self.world.public().post(&self.path("/bids"), json!({ "statement": statement }))
    }

    pub fn bid(&self, index: usize, steps: i64) -> Answer {
        self.place(&self.signed(index, &self.claims(index, steps)))
    }
}

//! A small world: a clock, a log key, and a lot whose bidders sign what they bid.

use std::sync::Arc;

use super::clock::ManualClock;
use super::entropy::SeededEntropy;
use crate::base::{Code, Entropy as _, Fen, Hash, Id, Jwk, Micros, Span};
use crate::engine::calendar::{CityPeriods, Holidays};
use crate::engine::code::CodeFormat;
use crate::engine::command::Bid;
use crate::engine::event::{Noticed, PlatformConfigured, ProjectRegistered, SignedUp};
use crate::engine::rules::{Category, Method, PriceRules, Rules, Timetable};
use crate::engine::{Action, Actor, Command, Refusal, Subject};
use crate::ledger::statement::{self, BidStatement, KeyBinding, Nonce, Seen};
use crate::ledger::tree::empty_root;
use crate::ledger::{Origin, SeedSigner, Signer as _, SignerError};
use crate::sequencer::{Clock as _, Journal, Listener, Once, Options, Outcome, Sequencer, StartError, Submission};

/// 2026-11-23T01:00:00Z, a Monday morning in China.
const MORNING: i64 = 1_795_395_600_000_000;

/// What a sequencer is started with. The same seed gives the same keys, salts and ids.
pub struct World {
    pub clock: ManualClock,
    pub entropy: Arc<SeededEntropy>,
    pub options: Options,
    pub listeners: Vec<Arc<dyn Listener>>,
    key: [u8; 32],
}

impl World {
    pub fn new(seed: u64) -> Self {
        let entropy = SeededEntropy::new(seed);
        let key = entropy.bytes();
        #[expect(clippy::expect_used, reason = "a constant; no input comes near it")]
        let origin = Origin::new("ledger.mingjiang.example/trade").expect("an origin");
        let genesis = PlatformConfigured {
            code_format: CodeFormat::default(),
            holidays: Holidays::default(),
            periods: CityPeriods::default(),
        };
        Self {
            clock: ManualClock::at(Micros::new(MORNING).unwrap_or_default()),
            entropy: Arc::new(entropy),
            options: Options::new(origin, genesis),
            listeners: Vec::new(),
            key,
        }
    }

    /// The log's key.
    pub fn signer(&self) -> SeedSigner {
        SeedSigner::new(&self.key)
    }

    pub fn start(&self, journal: Box<dyn Journal>) -> Result<Sequencer, StartError> {
        Sequencer::start(
            journal,
            Box::new(self.signer()),
            Arc::new(self.clock.clone()),
            Arc::<SeededEntropy>::clone(&self.entropy),
            self.listeners.clone(),
            self.options.clone(),
        )
    }

    pub fn id(&self) -> Id {
        Id::new(self.clock.now(), self.entropy.bytes())
    }

    pub fn nonce(&self) -> Nonce {
        Nonce::new(self.clock.now(), self.entropy.bytes())
    }

    /// Sets the clock and waits until all that is due has happened.
    pub fn go_to(&self, sequencer: &Sequencer, at: Micros) -> Result<Outcome, Refusal> {
        self.clock.set(at);
        sequencer.tick().wait()
    }
}

/// What the tests like to vary.
#[derive(Debug, Clone, Copy)]
pub struct HallRules {
    pub bidders: u8,
    pub free: Span,
    pub window: Span,
    pub min_bidders: u32,
}

impl Default for HallRules {
    fn default() -> Self {
        Self { bidders: 3, free: Span::minutes(10), window: Span::minutes(5), min_bidders: 2 }
    }
}

impl HallRules {
    /// 1,000,000.00 yuan.
    pub const START: i64 = 100_000_000;
    /// 1,000.00 yuan.
    pub const STEP: i64 = 100_000;
}

/// One state-property lot, sold to the highest bidder, with those who signed up for it.
#[derive(Debug)]
pub struct Hall {
    pub origin: Origin,
    pub project: Id,
    pub lot: Id,
    pub owner: Id,
    pub opens: Micros,
    pub bidders: Vec<Bidder>,
}

#[derive(Debug, Clone)]
pub struct Bidder {
    pub account: Id,
    pub identity: SeedSigner,
    /// Signs for this lot only.
    pub signer: SeedSigner,
    /// Known once it is dealt.
    pub number: u32,
}

impl Bidder {
    pub fn key(&self) -> Jwk {
        Jwk(*self.signer.public().as_bytes())
    }
}

impl Hall {
    /// Registers a project, gives notice of one lot and signs its bidders up; the clock then stands within sign-up.
    pub fn announce(world: &World, sequencer: &Sequencer, rules: HallRules) -> Result<Self, Refusal> {
        let now = world.clock.now();
        let opens = now.plus(Span::days(10));
        let (project, lot, owner) = (world.id(), world.id(), world.id());
        let mut hall = Self { origin: world.options.origin.clone(), project, lot, owner, opens, bidders: Vec::new() };
        let operator = Actor::Operator(world.id());
        let serial = sequencer.read(|committed| committed.state.projects.len() as u64 + 1);
        let code = world.options.genesis.code_format.make(Category::C, "330299", 2026, serial);
        let registered = ProjectRegistered {
            code: code.unwrap_or_default(),
            category: Category::C,
            title: "明江市国有房产转让".into(),
            owner,
            owner_name: "明江城投资产经营有限公司".into(),
            place: "明江市".into(),
        };
        let subject = Subject::Project(project);
        run(sequencer, Command { actor: operator, subject, action: Action::RegisterProject(registered) })?;
        let notice = Action::Notice(Box::new(hall.notice(now, rules)));
        run(sequencer, hall.command(Actor::Owner(owner), notice))?;
        world.go_to(sequencer, now.plus(Span::hours(2)))?;
        for place in 1..=rules.bidders {
            let bidder = hall.sign_up(world, sequencer, place)?;
            hall.bidders.push(bidder);
        }
        Ok(hall)
    }

    /// [`Hall::announce`], and then on to the opening of the auction.
    pub fn open(world: &World, sequencer: &Sequencer, rules: HallRules) -> Result<Self, Refusal> {
        let hall = Self::announce(world, sequencer, rules)?;
        world.go_to(sequencer, hall.opens)?;
        Ok(hall)
    }

    fn notice(&self, now: Micros, rules: HallRules) -> Noticed {
        let fen = |fen| Fen::new(fen).unwrap_or(Fen::ZERO);
        let price = PriceRules {
            start: fen(HallRules::START),
            step: fen(HallRules::STEP),
            max_steps: 1_000,
            free: rules.free,
            window: rules.window,
        };
        let timetable = Timetable {
            sign_up_opens: now.plus(Span::hours(1)),
            sign_up_closes: now.plus(Span::days(5)),
            deposit_due: now.plus(Span::days(5)),
            auction_opens: self.opens,
        };
        Noticed {
            project: self.project,
            title: "滨江路 18 号办公楼".into(),
            estimate: fen(HallRules::START),
            rules: Rules {
                method: Method::Ascending(price),
                min_bidders: rules.min_bidders,
                deposit: Fen::ZERO,
                timetable,
                reserve: None,
                priority: Vec::new(),
                cap: None,
                ladder: Vec::new(),
            },
            documents: Vec::new(),
        }
    }

    fn sign_up(&self, world: &World, sequencer: &Sequencer, place: u8) -> Result<Bidder, Refusal> {
        let identity = SeedSigner::new(&world.entropy.bytes());
        let signer = SeedSigner::new(&world.entropy.bytes());
        let mut bidder = Bidder { account: world.id(), identity, signer, number: 0 };
        let binding =
            KeyBinding { issued_at: world.clock.now(), key: bidder.key(), ledger: self.origin.clone(), lot: self.lot };
        let mut random = Hash::ZERO;
        world.entropy.fill(&mut random.0);
        let fact = SignedUp {
            account: bidder.account,
            company: format!("明江第{place}置业有限公司"),
            credit_code: format!("9133029900000{place:04}X"),
            reference: format!("MJ{}{place:04}", self.lot),
            key: bidder.key(),
            binding: statement::sign(&binding, &bidder.identity).map_err(|error| unsigned(&error))?,
            random,
        };
        run(sequencer, self.command(Actor::Company(bidder.account), Action::SignUp(fact)))?;
        let key = bidder.key();
        bidder.number = sequencer
            .read(|committed| {
                let lot = committed.state.lots.get(&self.lot)?;
                lot.roster.iter().find(|(_, dealt)| dealt.key == key).map(|(number, _)| *number)
            })
            .ok_or(Code::NumberUnknown)?;
        Ok(bidder)
    }

    /// Something that is done to the lot.
    pub fn command(&self, actor: Actor, action: Action) -> Command {
        Command { actor, subject: Subject::Lot(self.lot), action }
    }

    /// A signed bid of START + `steps` × STEP, with its nonce as idempotency key.
    pub fn bid(&self, bidder: &Bidder, steps: i64, at: Micros, nonce: Nonce) -> Submission {
        let statement = self.statement(bidder, steps, at, nonce, Seen { root: empty_root(), size: 0 });
        let body = Hash::of(statement.as_bytes());
        let bid = Bid { number: bidder.number, amount: Self::amount(steps), rung: None, key: bidder.key(), statement };
        let scope = format!("{}/{}", self.lot, bidder.number);
        Submission::command(self.command(Actor::Bidder(bidder.number), Action::Bid(bid))).once(Once::new(
            &scope,
            nonce.as_bytes(),
            body,
            Code::NonceReplayed,
        ))
    }

    /// What the bidder signs for a bid of START + `steps` × STEP.
    pub fn statement(&self, bidder: &Bidder, steps: i64, at: Micros, nonce: Nonce, seen: Seen) -> String {
        let claims = BidStatement {
            amount: Self::amount(steps),
            issued_at: at,
            ledger: self.origin.clone(),
            lot: self.lot,
            nonce,
            number: bidder.number,
            rung: None,
            seen,
        };
        statement::sign(&claims, &bidder.signer).unwrap_or_default()
    }

    fn amount(steps: i64) -> Fen {
        Fen::new(HallRules::START + steps * HallRules::STEP).unwrap_or(Fen::ZERO)
    }
}

/// Submits and waits.
pub fn run(sequencer: &Sequencer, command: Command) -> Result<Outcome, Refusal> {
    sequencer.submit(Submission::command(command)).wait()
}

fn unsigned(error: &SignerError) -> Refusal {
    Refusal::with(Code::Internal, error.to_string())
}

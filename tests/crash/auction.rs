//! A data directory in which an auction has just opened by the machine's clock.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mingjian::base::{Fen, Id, Span};
use mingjian::cli::open::{Setup, Storage, open_on};
use mingjian::ledger::Nonce;
use mingjian::ledger::statement::{self, BidStatement, Seen};
use mingjian::ledger::tree::empty_root;
use mingjian::sequencer::{Clock as _, SystemClock};
use mingjian::sim::{Hall, HallRules, SeededEntropy, World};
use mingjian::store::DataDir;

pub struct Auction {
    hall: Hall,
    entropy: SeededEntropy,
}

impl Auction {
    /// Everything up to the opening happens in the simulated world, ten days in no time.
    pub fn prepare(data: &Path, seed: u64) -> Self {
        Self::prepare_on(data, Storage::Embedded, seed)
    }

    /// As [`Auction::prepare`], with the ledger on `storage`.
    pub fn prepare_on(data: &Path, storage: Storage, seed: u64) -> Self {
        let rules = HallRules { bidders: 4, free: Span::hours(2), ..HallRules::default() };
        Self::prepare_with(data, storage, seed, rules)
    }

    /// As [`Auction::prepare_on`], with rules of one's own.
    pub fn prepare_with(data: &Path, storage: Storage, seed: u64, rules: HallRules) -> Self {
        let world = World::new(seed);
        let now = SystemClock.now();
        world.clock.set(now.minus(Span::days(10)).minus(Span::secs(2)));
        let setup = Setup {
            origin: world.options.origin.to_string(),
            totp_required: false,
            cosigners: None,
            genesis: world.options.genesis.clone(),
        };
        let running = open_on(DataDir::open(data).unwrap(), storage, setup, Arc::new(world.clock.clone())).unwrap();
        let sequencer = running.desk.sequencer.clone();
        let hall = Hall::open(&world, &sequencer, rules).unwrap();
        world.go_to(&sequencer, now).unwrap();
        sequencer.shutdown();
        drop((running, sequencer));
        // Its threads end by themselves; the last one takes the directory's lock with it.
        let began = Instant::now();
        while DataDir::open(data).is_err() {
            assert!(began.elapsed() < Duration::from_secs(10), "the directory stays locked");
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { hall, entropy: SeededEntropy::new(seed ^ 1) }
    }

    pub fn lot(&self) -> Id {
        self.hall.lot
    }

    pub fn bidders(&self) -> usize {
        self.hall.bidders.len()
    }

    /// A fresh bid of START + `steps` × STEP.
    pub fn statement(&self, index: usize, steps: i64) -> String {
        let bidder = &self.hall.bidders[index];
        let at = SystemClock.now();
        let claims = BidStatement {
            amount: Fen::new(HallRules::START + steps * HallRules::STEP).unwrap(),
            issued_at: at,
            ledger: self.hall.origin.clone(),
            lot: self.hall.lot,
            nonce: Nonce::new(at, self.entropy.bytes()),
            number: bidder.number,
            rung: None,
            seen: Seen { root: empty_root(), size: 0 },
        };
        statement::sign(&claims, &bidder.signer).unwrap()
    }
}

//! What the bidders remember, and the judge who knows nothing but that and the ledger.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use mingjian::base::Code;
use mingjian::desk::event_of;
use mingjian::engine::Fact;
use mingjian::sequencer::StoredEntry;
use serde_json::{Value, json};
use ureq::Agent;

use crate::house::{House, NODES};
use crate::wire::Dice;

/// Whoever waits longer than this, with all sound again, was left without an answer.
const ANSWER_MAX: Duration = Duration::from_mins(3);

/// One bid, from the first attempt to the answer.
pub struct Told {
    pub statement: String,
    pub asked: Instant,
    pub answered: Instant,
    pub seq: u64,
    pub rule: Option<Code>,
    pub attempts: u32,
}

#[derive(Default)]
pub struct History(Mutex<Vec<Told>>);

impl History {
    pub fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// One bidder's life: a bid on some node, again and again on others until there is an answer; then the next.
    pub fn bid(&self, house: &House, index: usize, steps: &AtomicI64, over: &AtomicBool, seed: u64) {
        let dice = Dice::new(seed);
        let agent = Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(10)));
        let agent = agent.build().new_agent();
        while !over.load(Ordering::Relaxed) {
            let step = steps.fetch_add(1, Ordering::Relaxed) + 1;
            let statement = house.auction.lock().unwrap().statement(index, step);
            let (asked, mut attempts) = (Instant::now(), 0);
            let (seq, rule) = loop {
                attempts += 1;
                let door = &house.doors[dice.index(NODES)];
                if let Some(told) = place(&agent, door.port, house, &statement) {
                    break told;
                }
                assert!(asked.elapsed() < ANSWER_MAX, "bid {statement} is never answered");
                std::thread::sleep(Duration::from_millis(20 + dice.below(100)));
            };
            let answered = Instant::now();
            self.0.lock().unwrap().push(Told { statement, asked, answered, seq, rule, attempts });
            std::thread::sleep(Duration::from_millis(dice.below(300)));
        }
    }

    /// Holds all that was told against the ledger; answers how many bids stand in it.
    ///
    /// Every acknowledged bid is there once, where and how it was told, and nothing is there that nobody asked for. Whoever asked
    /// after another had been answered comes after it, whichever nodes they were on.
    pub fn judge(self, entries: &[StoredEntry]) -> Judgement {
        let mut found: BTreeMap<String, Vec<(u64, Option<Code>)>> = BTreeMap::new();
        for entry in entries {
            match entry.payload.as_deref().and_then(event_of).map(|event| event.fact) {
                Some(Fact::BidAccepted(bid)) => found.entry(bid.statement).or_default().push((entry.seq, None)),
                Some(Fact::BidRefused(bid)) => {
                    found.entry(bid.statement).or_default().push((entry.seq, Some(bid.rule)));
                }
                _ => {}
            }
        }
        let mut told = self.0.into_inner().unwrap();
        for bid in &told {
            let there = found.get(&bid.statement).map(Vec::as_slice);
            assert_eq!(there, Some(&[(bid.seq, bid.rule)][..]), "acknowledged, so there, once, as it was told");
        }
        assert_eq!(found.len(), told.len(), "every bid was repeated until it was answered, so nothing else is there");
        told.sort_by_key(|bid| bid.seq);
        let mut earliest: Option<Instant> = None;
        for bid in told.iter().rev() {
            assert!(
                earliest.is_none_or(|earliest| bid.asked <= earliest),
                "{} came before one that was answered before it was asked",
                bid.seq
            );
            earliest = Some(earliest.map_or(bid.answered, |earliest| earliest.min(bid.answered)));
        }
        Judgement {
            bids: told.len(),
            accepted: told.iter().filter(|bid| bid.rule.is_none()).count(),
            repeated: told.iter().filter(|bid| bid.attempts > 1).count(),
            longest: told.iter().map(|bid| bid.answered - bid.asked).max().unwrap_or_default(),
        }
    }
}

#[derive(Debug, Default)]
pub struct Judgement {
    pub bids: usize,
    pub accepted: usize,
    /// Asked more than once.
    pub repeated: usize,
    /// The longest that anybody waited for an answer.
    pub longest: Duration,
}

impl Judgement {
    pub fn add(&mut self, other: &Self) {
        self.bids += other.bids;
        self.accepted += other.accepted;
        self.repeated += other.repeated;
        self.longest = self.longest.max(other.longest);
    }
}

/// `None`: no answer, or one that says that nobody knows, or not now.
fn place(agent: &Agent, port: u16, house: &House, statement: &str) -> Option<(u64, Option<Code>)> {
    let url = format!("http://{}:{port}/api/v1/lots/{}/bids", Ipv4Addr::LOCALHOST, house.lot);
    let mut response = agent.post(url).send_json(json!({ "statement": statement })).ok()?;
    let status = response.status().as_u16();
    let body: Value = response.body_mut().read_json().ok()?;
    match body["seq"].as_u64() {
        Some(seq) => Some((seq, body["code"].as_str().map(|code| code.parse().unwrap()))),
        None if [408, 429, 500, 503].contains(&status) => None,
        // The wire has cut the request short and left the way back open.
        None if body["code"] == "malformed" => None,
        None => panic!("a bid is answered with {status} {body}"),
    }
}

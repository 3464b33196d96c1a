//! One seed, one trial: nodes, a disk that fails, clocks that jump, clients that ask again; who moves next, and what goes
//! wrong when, the seed decides. Everything runs on one thread with the product's own sequencer, engine and ledger, so the
//! same seed gives the same trial. `checker` judges it from outside. docs/simulation.md tells what is modelled and how.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a trial that goes wrong by itself is to stop; nothing in the product uses it"
)]

mod checker;
mod client;
mod dice;
mod disk;
mod stage;

use std::sync::Arc;

use self::checker::Viewer;
use self::client::{Wish, wish};
use self::dice::Dice;
pub use self::disk::Weakness;
use self::disk::{Disk, Failure, Tally};
use self::stage::{Heard, Stage};
use super::{ManualClock, SeededEntropy};
use crate::base::limits::LEASE;
use crate::base::{Micros, Span};
use crate::engine::State;
use crate::sequencer::{
    Clock as _, Journal as _, Listener, Making, Options, Outcome, Sequencer, StartError, Status, Steps,
};

/// How long the world goes on before everything is mended.
const STEPS_MIN: u64 = 60;
const STEPS_MORE: u64 = 240;
/// After that everybody must have an answer within as many steps.
const MENDED_STEPS_MAX: u64 = 5_000;
const NODES_MAX: u64 = 3;

/// What happened in a trial that held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    pub steps: u64,
    pub entries: u64,
    pub wishes: u64,
    pub promises: u64,
    pub replayed: u64,
    pub unknown: u64,
    pub crashes: u64,
    pub terms: u64,
    pub clock_jumps: u64,
    pub closed_lots: u64,
    pub outages: u64,
    pub rot: u64,
    pub disk: Tally,
}

impl Report {
    fn counts(&mut self) -> [(&'static str, &mut u64); 18] {
        [
            ("steps", &mut self.steps),
            ("entries", &mut self.entries),
            ("wishes", &mut self.wishes),
            ("promises", &mut self.promises),
            ("replayed answers", &mut self.replayed),
            ("unknown outcomes", &mut self.unknown),
            ("crashes", &mut self.crashes),
            ("terms of a leader", &mut self.terms),
            ("clock jumps", &mut self.clock_jumps),
            ("closed lots", &mut self.closed_lots),
            ("outages", &mut self.outages),
            ("flipped bits", &mut self.rot),
            ("commits", &mut self.disk.commits),
            ("failed writes", &mut self.disk.failed),
            ("whole after a failed sync", &mut self.disk.whole),
            ("torn", &mut self.disk.torn),
            ("lost", &mut self.disk.lost),
            ("fenced commits", &mut self.disk.fenced),
        ]
    }

    /// Each kind of event with how often it was met.
    pub fn met(mut self) -> Vec<(&'static str, u64)> {
        self.counts().into_iter().map(|(what, count)| (what, *count)).collect()
    }

    /// Both together.
    pub fn add(&mut self, other: &Self) {
        let other = other.met();
        self.counts().into_iter().zip(other).for_each(|((_, sum), (_, more))| *sum += more);
    }
}

/// What did not hold, at which step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}, step {step}: {what}")]
pub struct Violation {
    pub seed: u64,
    pub step: u64,
    pub what: String,
}

/// Plays one seed.
pub fn run(seed: u64) -> Result<Report, Violation> {
    run_on(seed, None)
}

/// Plays one seed on a disk that breaks a promise; what is committed on it is worth nothing.
pub fn run_on(seed: u64, weakness: Option<Weakness>) -> Result<Report, Violation> {
    let mut trial = Trial::new(seed, weakness);
    trial.play().map_err(|what| Violation { seed, step: trial.step, what })
}

struct Node {
    clock: ManualClock,
    /// What its clock is off by, microseconds.
    off: i64,
    steps: Option<Steps>,
}

struct Trial {
    stage: &'static Stage,
    dice: Dice,
    entropy: Arc<SeededEntropy>,
    disk: Disk,
    /// One writer alone on its disk, or nodes that share a ledger.
    shared: bool,
    nodes: Vec<Node>,
    wishes: Vec<Wish>,
    viewers: Vec<Arc<Viewer>>,
    now: Micros,
    step: u64,
    report: Report,
}

/// What can happen next; each seed gives each its own likelihood.
#[derive(Debug, Clone, Copy)]
enum Move {
    Ask,
    AskAgain,
    GoOn,
    Decide,
    Commit,
    Look,
    Tend,
    Time,
    Deadline,
    House,
    Snapshot,
    Crash,
    Start,
    DiskFails,
    DiskMended,
    ClockJumps,
    Sleep,
}

/// Those without which nothing happens come first.
const NEEDED: usize = 8;
const MOVES: [(Move, u64); 17] = [
    (Move::Ask, 20),
    (Move::AskAgain, 8),
    (Move::GoOn, 8),
    (Move::Decide, 40),
    (Move::Commit, 20),
    (Move::Tend, 8),
    (Move::Time, 10),
    (Move::Start, 6),
    (Move::Look, 6),
    (Move::Deadline, 4),
    (Move::House, 2),
    (Move::Snapshot, 1),
    (Move::Crash, 2),
    (Move::DiskFails, 8),
    (Move::DiskMended, 5),
    (Move::ClockJumps, 2),
    (Move::Sleep, 1),
];

impl Trial {
    fn new(seed: u64, weakness: Option<Weakness>) -> Self {
        let stage = Stage::get();
        let dice = Dice::new(seed);
        let hall = &stage.halls[dice.index(stage.halls.len())];
        // Shortly before one of the lots opens.
        let now = hall.opens.minus(Span::micros(dice.below(5_000_000)));
        let mut journal = stage.journal.copy();
        journal.mark_alive(now).unwrap();
        if dice.percent(30) {
            journal.forget_snapshot();
        }
        let shared = dice.percent(60);
        let count = if shared { 1 + dice.below(NODES_MAX) } else { 1 };
        let nodes = (0..count).map(|_| Node { clock: ManualClock::at(now), off: 0, steps: None }).collect();
        Self {
            stage,
            entropy: Arc::new(SeededEntropy::new(!seed)),
            disk: Disk::new(journal, now, seed ^ 0x5eed, weakness),
            shared,
            nodes,
            wishes: Vec::new(),
            viewers: Vec::new(),
            now,
            step: 0,
            report: Report::default(),
            dice,
        }
    }

    fn play(&mut self) -> Result<Report, String> {
        let lean = |place| if place < NEEDED { [1, 1, 1, 2] } else { [0, 1, 2, 5] };
        let weigh = |(place, (_, weight)): (usize, &(Move, u64))| weight * self.dice.pick(&lean(place)).unwrap();
        let weights: Vec<u64> = MOVES.iter().enumerate().map(weigh).collect();
        let steps = STEPS_MIN + self.dice.below(STEPS_MORE);
        for node in 0..self.nodes.len() {
            self.start(node)?;
        }
        for _ in 0..steps {
            self.step += 1;
            let node = self.dice.index(self.nodes.len());
            self.make(MOVES[self.dice.weighted(&weights)].0, node)?;
            self.listen();
        }
        self.mend()?;
        self.judge()
    }

    fn make(&mut self, next: Move, node: usize) -> Result<(), String> {
        let micros = |dice: &Dice| 10_u64.pow(u32::try_from(dice.below(7)).unwrap()) * (1 + dice.below(9));
        match next {
            Move::Ask => self.ask(node),
            Move::AskAgain => self.ask_again(node),
            Move::GoOn => {
                let index = self.dice.index(self.wishes.len());
                let _ = self.wishes.get_mut(index).map(Wish::go_on);
            }
            Move::Decide => self.with(node, |steps| _ = steps.decide()),
            Move::Commit => self.with(node, |steps| _ = steps.commit()),
            Move::Look => self.with(node, Steps::look),
            Move::Tend => self.with(node, Steps::tend),
            Move::Time => self.pass(Span::micros(micros(&self.dice))),
            Move::Deadline => self.approach_deadline(node),
            Move::House => self.with(node, Steps::keep_house),
            Move::Snapshot => self.with(node, Steps::snapshot),
            Move::Crash => self.crash(node),
            Move::Start => return self.start(node),
            Move::DiskFails => {
                let failure = self.dice.pick(&[Failure::Write, Failure::Sync, Failure::Sync]).unwrap();
                self.disk.arm(self.dice.below(4), failure, self.dice.percent(50));
            }
            Move::DiskMended => self.disk.mend(),
            Move::ClockJumps => {
                self.report.clock_jumps += 1;
                let by = i64::try_from(micros(&self.dice)).unwrap();
                self.nodes[node].off += if self.dice.percent(50) { by } else { -by };
                self.pass(Span::micros(0));
            }
            // Past the lease, as a process that is stopped and goes on.
            Move::Sleep => self.pass(LEASE.max(Span::secs(self.dice.below(15)))),
        }
        Ok(())
    }

    fn with(&mut self, node: usize, act: impl FnOnce(&mut Steps)) {
        if let Some(steps) = &mut self.nodes[node].steps {
            act(steps);
        }
    }

    fn pass(&mut self, by: Span) {
        self.now = self.now.plus(by);
        self.disk.set_now(self.now);
        for node in &self.nodes {
            node.clock.set(Micros::new(self.now.get() + node.off).unwrap());
        }
    }

    /// To the microsecond before, at or after what is due next.
    fn approach_deadline(&mut self, node: usize) {
        let Some(due) =
            self.nodes[node].steps.as_ref().and_then(|steps| steps.sequencer().read(|shown| shown.state.next_timer()))
        else {
            return;
        };
        let shown = self.nodes[node].clock.now();
        if due > shown && due.since(shown) < Span::minutes(2) {
            let by = due.since(shown).get() + self.dice.below(3) - 1;
            self.pass(Span::micros(by));
        }
    }

    fn start(&mut self, node: usize) -> Result<(), String> {
        if self.nodes[node].steps.is_some() {
            // A writer that has stopped is started again by whoever looks after it.
            let stopped = self.nodes[node].steps.as_ref().map(|steps| steps.sequencer().status());
            if !matches!(stopped, Some(Status::Stopped(_))) {
                return Ok(());
            }
            self.crash(node);
        }
        let viewer = Arc::<Viewer>::default();
        let options = Options {
            // Steps take no time; a place is given up only by its holder. Snapshots are taken when the seed says so.
            check_max: Span::days(1),
            snapshot_every: u64::MAX,
            batch_max: self.dice.pick(&[1, 4, 256]).unwrap(),
            ..self.stage.world.options.clone()
        };
        let making = Making::new(
            self.stage.log_key(),
            Arc::new(self.nodes[node].clock.clone()),
            Arc::<SeededEntropy>::clone(&self.entropy),
            vec![Arc::clone(&viewer) as Arc<dyn Listener>],
            options,
        );
        let started = if self.shared {
            Steps::join(self.disk.shared(node), making)
        } else {
            Steps::start(self.disk.journal(), &making)
        };
        self.viewers.push(viewer);
        match started {
            Ok(steps) => self.nodes[node].steps = Some(steps),
            // The disk failed, or another node came first.
            Err(StartError::Journal(_)) => {}
            Err(error) => return Err(format!("node {node} does not start: {error}")),
        }
        Ok(())
    }

    fn crash(&mut self, node: usize) {
        if let Some(steps) = self.nodes[node].steps.take() {
            self.report.crashes += 1;
            self.report.terms += steps.sequencer().metrics().terms.load(std::sync::atomic::Ordering::Relaxed);
            let step = self.step;
            self.wishes.iter_mut().for_each(|wish| wish.lose(node, step));
            drop(steps);
            self.listen();
        }
    }

    fn sequencer(&self, node: usize) -> Option<Sequencer> {
        self.nodes[node].steps.as_ref().map(|steps| steps.sequencer().clone())
    }

    fn ask(&mut self, node: usize) {
        let Some(sequencer) = self.sequencer(node) else { return };
        let now = self.nodes[node].clock.now();
        let mut wish = wish(self.stage, &self.dice, &self.entropy, &sequencer, now, self.wishes.len());
        wish.ask(&sequencer, node, self.step, now, self.dice.percent(25));
        self.wishes.push(wish);
    }

    /// The same words again: because no answer came, or for no reason, also while the first are still on their way.
    fn ask_again(&mut self, node: usize) {
        let Some(sequencer) = self.sequencer(node) else { return };
        let index = self.dice.index(self.wishes.len());
        let (now, holds) = (self.nodes[node].clock.now(), self.dice.percent(25));
        if let Some(wish) = self.wishes.get_mut(index).filter(|wish| wish.is_repeatable()) {
            wish.ask(&sequencer, node, self.step, now, holds);
        }
    }

    fn listen(&mut self) {
        let step = self.step;
        self.wishes.iter_mut().for_each(|wish| wish.listen(step));
    }

    /// The disk is sound, every process is started again, and who has no answer asks until there is one.
    fn mend(&mut self) -> Result<(), String> {
        self.disk.mend();
        for node in 0..self.nodes.len() {
            self.crash(node);
            self.nodes[node].off = 0;
        }
        self.pass(LEASE);
        self.start(0)?;
        let Some(sequencer) = self.sequencer(0) else { return Err("a sound disk, and nobody starts".into()) };
        for _ in 0..MENDED_STEPS_MAX {
            self.step += 1;
            self.with(0, |steps| {
                while steps.decide() || steps.commit() {}
                steps.look();
                steps.tend();
            });
            self.listen();
            let (step, now) = (self.step, self.nodes[0].clock.now());
            let open = |wish: &Wish| wish.is_repeatable() && !wish.is_settled() && !wish.waits();
            match self.wishes.iter().position(open) {
                Some(index) => self.wishes[index].ask(&sequencer, 0, step, now, false),
                None if self.wishes.iter().any(Wish::waits) => {}
                None => return Ok(()),
            }
        }
        let waiting = self.wishes.iter().find(|wish| wish.waits() || !wish.is_settled());
        Err(format!("nobody answers {}", waiting.map_or("?", |wish| &wish.name)))
    }

    fn judge(&mut self) -> Result<Report, String> {
        let journal = self.disk.contents();
        let stored = journal.reader().entries(0, usize::MAX).map_err(|error| error.to_string())?;
        let heard = checker::check(self.stage, &stored, &self.wishes, &self.viewers)?;
        let sequencer = self.sequencer(0).ok_or("nobody is there")?;
        sequencer.read(|shown| {
            if shown.size != heard.chain.size() || shown.root != heard.tree.root() {
                return Err(format!("{} entries are shown, {} are stored", shown.size, heard.chain.size()));
            }
            if shown.state == *heard.replayer.state() {
                return Ok(());
            }
            Err("the state is not the one that replay comes to".to_owned())
        })?;
        drop(sequencer);
        self.crash(0);
        // Out of a snapshot and the entries after it, or out of all entries: the same.
        self.start(0)?;
        let again = self.sequencer(0).ok_or("a sound disk, and nobody starts")?;
        if again.read(|shown| shown.size == heard.chain.size() && shown.state != *heard.replayer.state()) {
            return Err("a restart comes to another state".into());
        }
        drop(again);
        if self.dice.percent(20) {
            self.rot(&heard)?;
        }
        let outages =
            stored.iter().filter(|entry| entry.restored().is_ok_and(|entry| entry.kind == "platform.outage_began"));
        Ok(self.tell(heard.chain.size(), heard.replayer.state(), u64::try_from(outages.count()).unwrap_or(0)))
    }

    /// One bit of what is stored changes: a start that reads it must refuse, and a reader must notice.
    fn rot(&mut self, last: &Heard) -> Result<(), String> {
        self.report.rot += 1;
        self.crash(0);
        let rotten = self.disk.contents();
        let size = rotten.reader().size().map_err(|error| error.to_string())?;
        let (seq, of_payload) = (self.dice.below(size), self.dice.percent(50));
        rotten.rot(seq, of_payload, self.dice.index(1 << 20));
        rotten.forget_snapshot();
        let stored = rotten.reader().entries(0, usize::MAX).map_err(|error| error.to_string())?;
        if !checker::notices_rot(self.stage, &stored, last) {
            return Err(format!("a flipped bit in entry {seq} is not noticed"));
        }
        match self.start(0) {
            Err(refused) if refused.contains("does not hold") || refused.contains("cannot read") => Ok(()),
            Err(other) => Err(format!("a flipped bit in entry {seq} is answered with: {other}")),
            Ok(()) => Err(format!("a writer starts on entry {seq} with a flipped bit")),
        }
    }

    fn tell(&self, entries: u64, state: &State, outages: u64) -> Report {
        let promises: Vec<&Outcome> =
            self.wishes.iter().flat_map(Wish::promises).map(|(_, _, outcome)| outcome).collect();
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let unknown = self.wishes.iter().flat_map(|wish| &wish.attempts).filter(|attempt| {
            let refusal = attempt.answered.as_ref().and_then(|answer| answer.result.as_ref().err());
            refusal.is_some_and(|refusal| refusal.code == crate::base::Code::OutcomeUnknown)
        });
        Report {
            steps: self.step,
            entries: entries - count(self.stage.heard.size()),
            wishes: count(self.wishes.len()),
            promises: count(promises.len()),
            replayed: count(promises.iter().filter(|outcome| outcome.replayed).count()),
            unknown: count(unknown.count()),
            closed_lots: count(self.stage.halls.iter().filter(|hall| state.lots[&hall.lot].phase.is_over()).count()),
            outages,
            disk: self.disk.tally(),
            ..self.report
        }
    }
}

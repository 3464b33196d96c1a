//! A node's part in a ledger that several share: it follows whoever writes, and writes itself while the lease is its own.
//!
//! One thread, the keeper, owns all of it. While it follows, it takes in what storage shows to be committed, exactly as
//! the committer does with its own commits, so state, tree, stream and proofs are the same on every node. When it gets the
//! lease it goes on from that very state: what is left to read is what was committed since its last look, and what was
//! committed before the lease was taken is all there is, since no earlier epoch can commit any more.
//!
//! A commit that failed, or whose outcome is unknown, ends the term: storage is read again, and the outcome is what stands
//! there.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::handle::{Running, Sequencer, Shared};
use super::queue::{self, Queue};
use super::shared::{SharedLedger, Tenure};
use super::start::{Ground, LOAD_PAGE, Making, StartError, Trail, corrupt, spawn};
use super::steps::{Hands, Pair};
use super::work::CommittedBatch;
use crate::base::limits::{FOLLOW_EVERY, LEASE_LOOK_EVERY, NODE_START_MAX};
use crate::base::{Code, Span};
use crate::engine::Phase;

/// The node that writes, for those that do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    pub node: String,
    /// Where it answers other nodes.
    pub address: String,
    pub epoch: u64,
}

impl Sequencer {
    /// As [`Sequencer::start`], on a ledger that other nodes share. Whoever has the lease writes; the handle is the same
    /// on all of them and outlives every change. A submission on a node that follows is refused with
    /// [`Code::NotLeader`], and [`Sequencer::leader`] says who takes it.
    ///
    /// # Errors
    /// When storage cannot be used, contradicts itself, or belongs to another ledger.
    pub fn join(ledger: Box<dyn SharedLedger>, making: Making) -> Result<Self, StartError> {
        let keeper = Keeper::join(ledger, making, false)?;
        let running = Running::new(Arc::clone(&keeper.shared));
        running.keep(spawn("keeper", move || keeper.run())?);
        Ok(Self { inner: Arc::new(running) })
    }

    /// Says that the head may have moved: a node that follows looks at once. For doorbells between nodes; a ring that is
    /// lost costs at most [`FOLLOW_EVERY`].
    pub fn ring(&self) {
        self.inner.shared.ring();
    }

    /// The node that writes, when it is another one and alive.
    pub fn leader(&self) -> Option<Leader> {
        self.inner.shared.leader.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

const fn duration(span: Span) -> Duration {
    Duration::from_micros(span.get())
}

pub(super) struct Keeper {
    pub shared: Arc<Shared>,
    ledger: Box<dyn SharedLedger>,
    making: Making,
    role: Role,
    rings: Receiver<()>,
    /// Whether decider and committer get no threads of their own (`steps`).
    by_hand: bool,
}

enum Role {
    /// What the next entry is checked against; `None` after a term, until storage was read again.
    Following(Option<Trail>),
    /// What lies in storage is not the ledger that this node knows: it was set back, or signed on from an older copy. Neither
    /// follows nor writes until what it knows lies there again.
    Refusing,
    Leading(Term),
}

/// The time during which this node writes.
struct Term {
    epoch: u64,
    queue: Arc<Queue>,
    hands: Hands,
}

impl Keeper {
    /// Reads what is there, and writes at once if the lease is free.
    pub fn join(mut ledger: Box<dyn SharedLedger>, making: Making, by_hand: bool) -> Result<Self, StartError> {
        let began = Instant::now();
        let tenure = loop {
            let tenure = ledger.take_lease(making.load.leads())?;
            // A new ledger's first entries are written by whoever has the lease, within moments.
            if tenure.ours || ledger.reader().size()? > 0 {
                break tenure;
            }
            if began.elapsed() > duration(NODE_START_MAX) {
                return Err(StartError::Stuck(format!("{} holds the lease and writes nothing", tenure.node)));
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let loaded = ledger.journal(tenure.epoch)?.load()?;
        let ground = making.ground(&*ledger.reader(), loaded.as_ref())?;
        let queue = Arc::new(Queue::following(ground.trail.head().time));
        let shared = making.share(ledger.reader(), &ground, queue)?;
        let (bell, rings) = sync_channel(1);
        shared.set_bell(bell);
        let role = Role::Following(Some(ground.trail));
        let mut keeper = Self { shared, ledger, making, role, rings, by_hand };
        keeper.heed(&tenure);
        if tenure.ours {
            keeper.take_over(tenure.epoch)?;
        }
        Ok(keeper)
    }

    fn run(mut self) {
        let mut looked = Instant::now();
        while !self.shared.is_closing() {
            let until_look = duration(LEASE_LOOK_EVERY).saturating_sub(looked.elapsed());
            match self.rings.recv_timeout(until_look.min(duration(FOLLOW_EVERY))) {
                Err(RecvTimeoutError::Disconnected) => break,
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            }
            self.tend();
            if looked.elapsed() >= duration(LEASE_LOOK_EVERY) {
                self.look();
                looked = Instant::now();
            }
        }
        self.leave();
    }

    /// Ends a term that has stopped; takes in what others have written.
    pub fn tend(&mut self) {
        if let Role::Leading(term) = &self.role
            && let queue::Phase::Stopped(reason) = term.queue.phase()
        {
            self.step_down(&reason);
        }
        if let Err(error) = self.follow() {
            self.cannot("follow the ledger", &error);
        }
    }

    /// Storage that cannot be read is asked again; one that holds something else is not written to.
    fn cannot(&mut self, what: &str, error: &StartError) {
        let is_other = matches!(error, StartError::Corrupt { .. });
        if !is_other || matches!(self.role, Role::Refusing) {
            tracing::warn!(%error, "cannot {what}");
            return;
        }
        tracing::error!(%error, "cannot {what}: what is stored is not the ledger that this node knows");
        self.role = Role::Refusing;
        let queue = self.making.queue(self.shared.head().time, Code::LedgerStopped);
        queue.stop(error.to_string());
        self.shared.set_queue(Arc::new(queue));
    }

    /// Decider and committer of a term that is moved by hand.
    pub fn pair(&mut self) -> Option<&mut Pair> {
        match &mut self.role {
            Role::Leading(Term { hands: Hands::Steps(pair), .. }) => Some(pair),
            _ => None,
        }
    }

    /// Renews the lease, or takes it when it is free.
    pub fn look(&mut self) {
        if let Err(error) = self.check_size() {
            return self.cannot("go on", &error);
        }
        if matches!(self.role, Role::Refusing) {
            return;
        }
        let tenure = match self.ledger.take_lease(self.making.load.leads()) {
            Ok(tenure) => tenure,
            Err(error) => {
                // Whether the lease is still ours, the next commit tells: it carries the epoch.
                tracing::warn!(%error, "cannot look at the lease");
                return;
            }
        };
        self.heed(&tenure);
        match &self.role {
            Role::Leading(term) if tenure.ours && tenure.epoch == term.epoch => self.share_out(&tenure),
            Role::Leading(_) => self.step_down(&format!("{} has the lease", tenure.node)),
            Role::Following(_) if tenure.ours => {
                if let Err(error) = self.take_over(tenure.epoch) {
                    self.role = Role::Following(None);
                    self.cannot("take over; the lease is given back", &error);
                    self.release(tenure.epoch);
                }
            }
            Role::Following(_) | Role::Refusing => {}
        }
    }

    /// Storage holds at least what this node follows.
    fn check_size(&self) -> Result<(), StartError> {
        let Role::Following(Some(trail)) = &self.role else { return Ok(()) };
        let (known, stored) = (trail.chain.size(), self.ledger.reader().size()?);
        if stored < known { Err(corrupt("entries in storage", known, stored)) } else { Ok(()) }
    }

    /// Hands the ledger to a node that leads fewer, if there is one. Never while an auction runs: a pause of its bids, however
    /// short, for the sake of an even load is not for us to make.
    fn share_out(&mut self, tenure: &Tenure) {
        let Some(idlest) = &tenure.idlest else { return };
        let under_way = |shared: &Shared| {
            let committed = shared.committed.read().unwrap_or_else(PoisonError::into_inner);
            committed.state.lots.values().any(|lot| lot.phase == Phase::Running)
        };
        if under_way(&self.shared) || !self.making.load.sheds(idlest.leads) {
            return;
        }
        tracing::info!(epoch = tenure.epoch, to = idlest.node, leads = idlest.leads, "handing the ledger over");
        let head = self.shared.head().time;
        let Some(epoch) = self.end_term(Arc::new(Queue::following(head))) else { return };
        match self.ledger.hand_over(epoch, &idlest.node) {
            Ok(true) => {}
            Ok(false) | Err(_) => self.release(epoch),
        }
    }

    /// Remembers who writes.
    fn heed(&self, tenure: &Tenure) {
        let leader = (!tenure.ours && tenure.left_ms > 0).then(|| Leader {
            node: tenure.node.clone(),
            address: tenure.address.clone(),
            epoch: tenure.epoch,
        });
        *self.shared.leader.write().unwrap_or_else(PoisonError::into_inner) = leader;
        self.shared.metrics.epoch.store(tenure.epoch, Relaxed);
    }

    /// From following to writing. Everything committed under earlier epochs is there now, and nothing more of them comes.
    fn take_over(&mut self, epoch: u64) -> Result<(), StartError> {
        let mut journal = self.ledger.journal(epoch)?;
        let loaded = journal.load()?;
        self.follow()?;
        let Role::Following(Some(trail)) = &mut self.role else {
            return Err(StartError::Stuck("took over while writing".into()));
        };
        if let Some(loaded) = &loaded
            && trail.head() != loaded.head
        {
            return Err(corrupt("head", loaded.head.leaf, trail.head().leaf));
        }
        let ground = Ground {
            state: self.shared.committed.read().unwrap_or_else(PoisonError::into_inner).state.clone(),
            trail: trail.clone(),
            snapshot: loaded.as_ref().and_then(|loaded| loaded.snapshot.as_ref()).map_or(0, |snapshot| snapshot.size),
        };
        let queue = Arc::new(self.making.queue(ground.trail.head().time, Code::NotLeader));
        let (decider, committer) =
            self.making.term(&self.shared, journal, ground, loaded.as_ref(), Arc::clone(&queue))?;
        let hands = if self.by_hand {
            Hands::Steps(Box::new(Pair { decider, committer }))
        } else {
            Hands::Threads([spawn("committer", move || committer.run())?, spawn("decider", move || decider.run())?])
        };
        self.shared.set_queue(Arc::clone(&queue));
        self.shared.metrics.terms.fetch_add(1, Relaxed);
        self.making.load.begins();
        self.role = Role::Leading(Term { epoch, queue, hands });
        tracing::info!(epoch, "this node writes the ledger");
        Ok(())
    }

    /// From writing to following: whoever waits is told, and storage says what became of the last commit.
    fn step_down(&mut self, reason: &str) {
        let Role::Leading(term) = std::mem::replace(&mut self.role, Role::Following(None)) else { return };
        tracing::warn!(epoch = term.epoch, reason, "this node writes the ledger no more");
        let head = self.shared.head().time;
        self.shared.set_queue(Arc::new(Queue::following(head)));
        term.queue.stop(reason.to_owned());
        term.hands.finish();
        self.making.load.ends();
        // Another term of this node is another epoch: nothing that is still on its way can come through then.
        self.release(term.epoch);
    }

    fn release(&mut self, epoch: u64) {
        if let Err(error) = self.ledger.release_lease(epoch) {
            tracing::warn!(%error, "the lease was not given back; it runs out by itself");
        }
    }

    /// Takes in what storage has and this node does not know yet.
    fn follow(&mut self) -> Result<(), StartError> {
        match self.role {
            Role::Leading(_) => return Ok(()),
            Role::Following(Some(_)) => {}
            Role::Following(None) => self.role = Role::Following(Some(self.resumed()?)),
            Role::Refusing => {
                self.role = Role::Following(Some(self.resumed()?));
                tracing::info!("what this node knows is stored again");
                self.shared.set_queue(Arc::new(Queue::following(self.shared.head().time)));
            }
        }
        let Role::Following(Some(trail)) = &mut self.role else { return Ok(()) };
        let reader = self.ledger.reader();
        loop {
            let entries = reader.next_entries(trail.chain.size(), LOAD_PAGE)?;
            if entries.is_empty() {
                self.shared.metrics.is_level();
                return Ok(());
            }
            let entries = entries.iter().map(|entry| trail.follow(entry)).collect::<Result<_, _>>()?;
            let batch = Arc::new(CommittedBatch { entries, checkpoint: self.making.note(&trail.head())? });
            self.shared.show(&self.making.listeners, &batch, trail.head());
            self.making.listeners.iter().for_each(|listener| listener.committed(&batch));
        }
    }

    /// Where all that this node knows ends, out of storage.
    fn resumed(&self) -> Result<Trail, StartError> {
        let known = self.shared.head();
        let trail = self.making.trail(&*self.ledger.reader(), known.size)?;
        if trail.head() != known {
            return Err(corrupt(format!("entry {}", known.size.saturating_sub(1)), known.leaf, trail.head().leaf));
        }
        Ok(trail)
    }

    /// Ends in order: what is in the queue is committed, and another node may take over at once.
    fn leave(&mut self) {
        let closing = Arc::clone(&self.shared.queue());
        if let Some(epoch) = self.end_term(closing) {
            self.release(epoch);
        }
    }

    /// Commits what is in the queue and writes no more; what comes from now on goes to `after`. The term's epoch, if there
    /// was one.
    fn end_term(&mut self, after: Arc<Queue>) -> Option<u64> {
        let Role::Leading(term) = std::mem::replace(&mut self.role, Role::Following(None)) else { return None };
        self.shared.set_queue(after);
        term.queue.close();
        term.hands.finish();
        self.making.load.ends();
        Some(term.epoch)
    }
}

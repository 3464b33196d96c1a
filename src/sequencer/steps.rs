//! The same writer without threads of its own: whoever holds it says which of its parts moves next. Nothing is decided or
//! committed otherwise than with threads, so that a seed can replay any order of their steps.

use std::sync::Arc;
use std::thread::JoinHandle;

use super::commit::{Committer, Decider};
use super::handle::{Running, Sequencer};
use super::journal::Journal;
use super::node::Keeper;
use super::shared::SharedLedger;
use super::start::{Making, StartError};

/// How the two parts of a term are moved.
pub(super) enum Hands {
    Threads([JoinHandle<()>; 2]),
    Steps(Box<Pair>),
}

/// Decider and committer.
pub(super) struct Pair {
    pub decider: Decider,
    pub committer: Committer,
}

impl Hands {
    /// The queue is closed or stopped: waits until both parts have ended.
    pub fn finish(self) {
        match self {
            Self::Threads(threads) => {
                for thread in threads {
                    // A thread that panicked has stopped the queue, which says so.
                    let _ = thread.join();
                }
            }
            Self::Steps(mut pair) => {
                while pair.decide() || pair.commit() {}
                pair.decider.end();
                pair.committer.end();
            }
        }
    }
}

impl Pair {
    fn decide(&mut self) -> bool {
        let Some(next) = self.decider.queue.next_now(&*self.decider.shared.clock, self.decider.wants()) else {
            return false;
        };
        let more = self.decider.heed(next);
        if !more {
            self.decider.end();
        }
        more
    }

    fn commit(&mut self) -> bool {
        match self.committer.orders.try_recv() {
            Ok(order) => self.committer.obey(order),
            Err(_) => false,
        }
    }
}

/// A writer that moves only when it is told to. Dropping it is its sudden death: what was not committed is gone, and
/// whoever waits learns nothing.
pub struct Steps {
    sequencer: Sequencer,
    writer: Writer,
}

enum Writer {
    Alone(Box<Pair>),
    Node(Box<Keeper>),
}

impl Steps {
    /// As [`Sequencer::start`].
    pub fn start(journal: Box<dyn Journal>, making: &Making) -> Result<Self, StartError> {
        let (shared, decider, committer) = making.alone(journal)?;
        let sequencer = Sequencer { inner: Arc::new(Running::new(shared)) };
        Ok(Self { sequencer, writer: Writer::Alone(Box::new(Pair { decider, committer })) })
    }

    /// As [`Sequencer::join`].
    pub fn join(ledger: Box<dyn SharedLedger>, making: Making) -> Result<Self, StartError> {
        let keeper = Keeper::join(ledger, making, true)?;
        let sequencer = Sequencer { inner: Arc::new(Running::new(Arc::clone(&keeper.shared))) };
        Ok(Self { sequencer, writer: Writer::Node(Box::new(keeper)) })
    }

    /// The handle. It outlives this and then gets no more answers.
    pub fn sequencer(&self) -> &Sequencer {
        &self.sequencer
    }

    fn pair(&mut self) -> Option<&mut Pair> {
        match &mut self.writer {
            Writer::Alone(pair) => Some(pair),
            Writer::Node(keeper) => keeper.pair(),
        }
    }

    /// One step of the decider: keys looked up, a submission, a timer, or a batch handed over. Answers whether it had one to make.
    pub fn decide(&mut self) -> bool {
        self.pair().is_some_and(Pair::decide)
    }

    /// The commit of the batch that was handed over, if there is one.
    pub fn commit(&mut self) -> bool {
        self.pair().is_some_and(Pair::commit)
    }

    /// What is done every few seconds: the alive mark and a kept checkpoint.
    pub fn keep_house(&mut self) {
        if let Some(pair) = self.pair().filter(|pair| pair.committer.healthy) {
            pair.committer.keep_checkpoint();
            pair.committer.mark_alive();
        }
    }

    pub fn snapshot(&mut self) {
        if let Some(pair) = self.pair().filter(|pair| pair.committer.healthy) {
            pair.committer.snapshot();
        }
    }

    /// A node's look at the lease: renews it, takes it when it is free, or finds that it is another's.
    pub fn look(&mut self) {
        if let Writer::Node(keeper) = &mut self.writer {
            keeper.look();
        }
    }

    /// A node ends a term that has stopped, and takes in what others have written.
    pub fn tend(&mut self) {
        if let Writer::Node(keeper) = &mut self.writer {
            keeper.tend();
        }
    }
}

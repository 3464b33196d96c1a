//! Lives here: the use cases. The one place where identity, engine, ledger, sequencer and live are wired together.
//! Must never know: HTTP, SQL.
//! Start reading at `bids` (the way of a bid), then `commands`.

mod bids;
mod cameras;
mod case_file;
mod commands;
mod entries;
mod follower;
mod footage;
mod gate;
mod history;
mod holds;
mod keys;
mod lot_keys;
mod recorders;
mod search;
mod sign_up;
mod source;
mod tiles;
mod tree;

use std::sync::Arc;

pub use bids::BidAnswer;
pub use cameras::{NewCamera, Rooms, SealedLogins};
pub use case_file::{Enclosed, Footage, class_of, write_case};
pub use commands::Ask;
pub use entries::{audience_of_record, event_of};
pub use follower::{FollowError, Follower, rebuild};
pub use footage::{ClipWish, Shown, Wanted};
pub use gate::ReadGate;
pub use history::IndexedHistory;
pub use holds::HoldWish;
pub use keys::KeyChange;
pub use lot_keys::LotKeys;
pub use search::{Figures, LotFilter, LotRow, MonthRow};
pub use source::{Stored, Threads, verifier_key_of};
pub use tree::Tree;

use crate::base::{Entropy, Hash, Micros};
use crate::evidence::Evidence;
use crate::identity::Identity;
use crate::ledger::{Origin, VerifierKey};
use crate::sequencer::{Clock, LedgerReader, Sequencer};
use crate::store::platform::views;
use crate::store::{Platform, StoreError};
use crate::witness::Cosigning;

/// Everything that a use case needs; one per ledger.
pub struct Desk {
    pub ledger_name: String,
    pub origin: Origin,
    pub verifier_key: VerifierKey,
    pub sequencer: Sequencer,
    pub reader: Arc<dyn LedgerReader>,
    pub identity: Arc<Identity>,
    pub platform: Platform,
    pub tree: Arc<Tree>,
    pub lot_keys: LotKeys,
    pub evidence: Arc<Evidence>,
    pub cosigning: Cosigning,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

impl Desk {
    /// 32 fresh random bytes, recorded where they decide something.
    pub fn draw(&self) -> Hash {
        let mut bytes = [0; 32];
        self.entropy.fill(&mut bytes);
        Hash(bytes)
    }

    /// How many entries the query tables have read.
    pub fn views_reach(&self) -> Result<u64, StoreError> {
        let next = self.platform.read(|tx| views::next_seq(tx, &self.ledger_name))?;
        Ok(u64::try_from(next).unwrap_or(0))
    }

    /// The wall clock, for sessions and tickets. Deadlines are decided by the sequencer's stamps alone.
    pub fn now(&self) -> Micros {
        self.clock.now()
    }
}

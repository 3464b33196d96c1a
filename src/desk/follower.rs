//! Keeps the query tables behind the ledger: wakes at each commit, reads what is new, writes rows. It may be late, it may
//! be dropped and run again from the start; nothing waits for it.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Deserialize;

use super::entries::event_of;
use crate::base::limits::{FOLLOWER_PAGE_ENTRIES, FOLLOWER_REST};
use crate::base::{Fen, Id, Micros};
use crate::engine::life::winning_price;
use crate::engine::{Lot, Phase, State, Subject, apply};
use crate::evidence::views::{Sitting, take};
use crate::ledger::Leaf;
use crate::sequencer::{CommittedBatch, LedgerReader, Listener, ReadError, Sequencer, Status, StoredEntry};
use crate::store::platform::views::{self, EntryRow, LotRow};
use crate::store::{Platform, StoreError};

/// How often it looks without having been woken: the backstop for a wake-up that was lost.
const BACKSTOP: Duration = Duration::from_secs(1);

/// Wakes the follower's thread; a full channel means that it is awake already.
pub struct Follower {
    wake: SyncSender<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
    receiver: Mutex<Option<Receiver<()>>>,
}

impl Listener for Follower {
    fn committed(&self, _: &Arc<CommittedBatch>) {
        if let Err(TrySendError::Disconnected(())) = self.wake.try_send(()) {
            tracing::debug!("the follower has stopped");
        }
    }
}

impl Default for Follower {
    fn default() -> Self {
        let (wake, receiver) = sync_channel(1);
        Self { wake, thread: Mutex::default(), receiver: Mutex::new(Some(receiver)) }
    }
}

impl Follower {
    /// Starts following; called once, when the sequencer that it listens to runs.
    pub fn start(&self, name: String, sequencer: Sequencer, reader: Arc<dyn LedgerReader>, platform: Platform) {
        let Some(receiver) = self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let thread = std::thread::Builder::new().name("follower".into()).spawn(move || {
            loop {
                // Of several nodes that share the tables, the one that writes the ledger writes them.
                if sequencer.status() != Status::Following {
                    let size = sequencer.read(|committed| committed.size);
                    let rows =
                        |lots: &BTreeSet<Id>| sequencer.read(|committed| lot_rows(&name, &committed.state, lots));
                    if let Err(error) = catch_up(&name, reader.as_ref(), &platform, size, rows) {
                        tracing::error!(%error, "the query tables cannot follow the ledger");
                    }
                }
                // What comes in meanwhile is taken in together.
                std::thread::sleep(Duration::from_micros(FOLLOWER_REST.get()));
                match receiver.recv_timeout(BACKSTOP) {
                    Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return,
                    Ok(()) | Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
                }
            }
        });
        match thread {
            Ok(thread) => *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread),
            Err(error) => tracing::error!(%error, "cannot start the follower"),
        }
    }
}

/// Why the query tables could not follow.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("entry {0} cannot be read")]
    Entry(u64),
}

/// Reads on from where the tables stand to the end of the first `size` entries. `rows` gives the lots as they are now,
/// which is not before that.
fn catch_up(
    name: &str,
    reader: &dyn LedgerReader,
    platform: &Platform,
    size: u64,
    rows: impl Fn(&BTreeSet<Id>) -> Vec<LotRow>,
) -> Result<(), FollowError> {
    let mut next: u64 = platform.read(|tx| views::next_seq(tx, name))?.try_into().unwrap_or(0);
    loop {
        let from = next;
        let wanted = usize::try_from(size.saturating_sub(next)).unwrap_or(usize::MAX).min(FOLLOWER_PAGE_ENTRIES);
        let entries = if wanted == 0 { Vec::new() } else { reader.entries(next, wanted)? };
        if entries.is_empty() {
            return Ok(());
        }
        let is_last = entries.len() < FOLLOWER_PAGE_ENTRIES;
        let mut index = Vec::with_capacity(entries.len());
        let mut touched = BTreeSet::new();
        for entry in &entries {
            let row = index_row(name, entry).ok_or(FollowError::Entry(entry.seq))?;
            if let Ok(Subject::Lot(id)) = row.subject.parse() {
                touched.insert(id);
            }
            index.push(row);
            next = entry.seq.saturating_add(1);
        }
        let lots = rows(&touched);
        let int = |seq| i64::try_from(seq).unwrap_or(i64::MAX);
        let written = platform.write(|tx| -> Result<bool, StoreError> {
            let written = views::follow(tx, name, (int(from), int(next)), &index, &lots)?;
            if written {
                let (first, last) = (index.first().map_or(0, |row| row.at), index.last().map_or(0, |row| row.at));
                let sitting = Sitting::between(tx, first, last)?;
                for (entry, row) in entries.iter().zip(&index) {
                    take(tx, &sitting, row, entry.payload.as_deref())?;
                }
            }
            Ok(written)
        })?;
        if is_last || !written {
            return Ok(());
        }
    }
}

/// Drops the query tables of a ledger and reads them again from its entries, the only source that they have.
/// `progress` hears how many entries are read.
pub fn rebuild(
    name: &str,
    reader: &dyn LedgerReader,
    platform: &Platform,
    mut progress: impl FnMut(u64),
) -> Result<u64, FollowError> {
    platform.write(|tx| views::clear(tx, name))?;
    let mut state = State::default();
    let mut next = 0;
    loop {
        let entries = reader.entries(next, FOLLOWER_PAGE_ENTRIES)?;
        if entries.is_empty() {
            break;
        }
        for entry in &entries {
            let leaf = Leaf::parse(&entry.leaf).map_err(|_| FollowError::Entry(entry.seq))?;
            if let Some(event) = entry.payload.as_deref().and_then(event_of) {
                apply(&mut state, &event, leaf.time, entry.seq);
            }
            next = entry.seq.saturating_add(1);
        }
        progress(next);
    }
    catch_up(name, reader, platform, next, |lots| lot_rows(name, &state, lots))?;
    Ok(next)
}

/// What the index needs of a payload. The rest is passed over unread: its form was checked when it was written.
#[derive(Deserialize)]
struct About {
    kind: String,
    subject: String,
}

fn index_row(name: &str, entry: &StoredEntry) -> Option<EntryRow> {
    let leaf = Leaf::parse(&entry.leaf).ok()?;
    let (kind, subject) = match &entry.payload {
        Some(bytes) => {
            let about: About = serde_json::from_slice(bytes).ok()?;
            (about.kind, about.subject)
        }
        None => ("erased".to_owned(), String::new()),
    };
    let seq = i64::try_from(entry.seq).ok()?;
    Some(EntryRow { ledger: name.to_owned(), seq, at: leaf.time.get(), kind, subject })
}

fn lot_rows(name: &str, state: &State, lots: &BTreeSet<Id>) -> Vec<LotRow> {
    lots.iter().filter_map(|id| lot_row(name, state, state.lots.get(id)?)).collect()
}

fn lot_row(name: &str, state: &State, lot: &Lot) -> Option<LotRow> {
    let project = state.projects.get(&lot.project)?;
    let auction = lot.auction.as_ref();
    let leading = auction.and_then(|a| a.leader).filter(|_| auction.is_some_and(|a| a.rung == 0));
    let awarded = lot.award.filter(|_| !matches!(lot.phase, Phase::Failed | Phase::Terminated)).map(|a| a.price.get());
    let settled = winning_price(lot).map(Fen::get);
    let count = |n: Option<u64>| n.and_then(|n| i64::try_from(n).ok()).unwrap_or(0);
    Some(LotRow {
        lot: lot.id.to_string(),
        ledger: name.to_owned(),
        project: lot.project.to_string(),
        code: project.code.clone(),
        category: lot.category.letter().to_string(),
        method: lot.rules.method.name().to_owned(),
        phase: lot.phase.name().to_owned(),
        suspended: lot.is_suspended(),
        title: lot.title.clone(),
        owner: lot.owner.to_string(),
        owner_name: project.owner_name.clone(),
        place: project.place.clone(),
        estimate: lot.estimate.get(),
        start: lot.rules.method.rulebook().start().get(),
        price: awarded.or(settled).or(leading.map(|quote| quote.amount.get())),
        bids: count(auction.map(|a| a.accepted)),
        refused: count(auction.map(|a| a.refused)),
        noticed_at: lot.noticed_at.get(),
        opens_at: lot.timetable.auction_opens.get(),
        next_at: lot.next_timer().map(Micros::get),
        closed_at: None,
        awarded_at: None,
        awarded,
    })
}

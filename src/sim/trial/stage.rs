//! What every trial starts from: one ledger with two lots that are about to open, made once.

use std::sync::{Arc, OnceLock};

use crate::base::{Hash, Span};
use crate::ledger::{Chain, Frontier, Leaf, SignedCheckpoint, leaf_hash};
use crate::review::Replayer;
use crate::sequencer::{LedgerReader as _, Record, StoredEntry, Submission};
use crate::sim::{Hall, HallRules, MemoryJournal, World};

/// So many records come first that a trial crosses the edge of a full tile.
const RECORDS: u64 = 205;

pub struct Stage {
    pub world: World,
    pub journal: MemoryJournal,
    pub halls: Vec<Hall>,
    pub heard: Heard,
}

/// A ledger as a stranger has followed it so far.
#[derive(Clone)]
pub struct Heard {
    pub chain: Chain,
    pub tree: Frontier,
    /// Root by size.
    pub roots: Vec<Hash>,
    pub replayer: Replayer,
}

impl Stage {
    /// The same for every seed.
    pub fn get() -> &'static Self {
        static STAGE: OnceLock<Stage> = OnceLock::new();
        STAGE.get_or_init(Self::make)
    }

    fn make() -> Self {
        let world = World::new(0);
        let journal = MemoryJournal::new();
        let sequencer = world.start(Box::new(journal.clone())).expect("a new ledger");
        for number in 0..RECORDS {
            let record = record(&format!("before the trial {number}"));
            sequencer.submit(Submission::record(record)).wait().expect("a record");
        }
        let rules = [
            HallRules { bidders: 4, free: Span::secs(40), window: Span::secs(30), min_bidders: 2 },
            HallRules { bidders: 3, free: Span::secs(15), window: Span::secs(30), min_bidders: 1 },
        ];
        let halls = rules.map(|rules| Hall::announce(&world, &sequencer, rules).expect("a hall")).into();
        sequencer.shutdown();
        let mut heard = Heard::new(&world);
        let entries = journal.entries(0, usize::MAX).expect("in memory");
        heard.follow(&entries).expect("the ledger before any trial holds");
        Self { world, journal, halls, heard }
    }

    /// A world of a trial's own: its chances, its keys' owners the same.
    pub fn log_key(&self) -> Arc<dyn crate::ledger::Signer> {
        Arc::new(self.world.signer())
    }
}

/// An entry that is not trade.
pub fn record(text: &str) -> Record {
    Record {
        kind: "simulation.noted".into(),
        subject: "platform".into(),
        actor: "system".into(),
        data: serde_json::json!({ "text": text }),
    }
}

impl Heard {
    fn new(world: &World) -> Self {
        let tree = Frontier::new();
        let roots = vec![tree.root()];
        let origin = world.options.origin.clone();
        Self { chain: Chain::new(origin.clone()), tree, roots, replayer: Replayer::new(origin) }
    }

    pub fn size(&self) -> usize {
        self.roots.len() - 1
    }

    /// Reads on: chain, payload, tree, rules, signatures.
    pub fn follow(&mut self, entries: &[StoredEntry]) -> Result<(), String> {
        for entry in entries {
            let (leaf, hash): (Leaf, Hash) =
                self.chain.check(&entry.leaf).map_err(|error| format!("chain at {}: {error}", entry.seq))?;
            let payload = entry.payload.as_ref().ok_or("a payload is missing")?;
            if Hash::of(payload) != leaf.payload {
                return Err(format!("payload {} is not the one that its leaf names", entry.seq));
            }
            debug_assert_eq!(leaf_hash(&entry.leaf), hash);
            self.tree.append(hash);
            self.roots.push(self.tree.root());
            self.replayer.feed(&leaf, hash, Some(payload)).map_err(|failure| format!("review: {failure:?}"))?;
        }
        Ok(())
    }

    /// Whether a signed note that somebody was shown is about a beginning of this ledger.
    pub fn contains(&self, note: &str) -> Result<(), String> {
        let signed = SignedCheckpoint::parse(note).map_err(|error| error.to_string())?;
        let shown = signed.unverified();
        match self.roots.get(usize::try_from(shown.size).unwrap_or(usize::MAX)) {
            Some(root) if *root == shown.root => Ok(()),
            found => {
                Err(format!("a checkpoint over {} entries with root {} was shown, {found:?}", shown.size, shown.root))
            }
        }
    }
}

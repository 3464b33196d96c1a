//! The ledgers that `verify` and `export` read: a data directory, or a server.

use std::collections::BTreeSet;

use std::path::Path;

use rayon::prelude::*;

use crate::base::limits::PAYLOAD_MAX_BYTES;
use crate::config;
use crate::desk::{audience_of_record, event_of};
use crate::engine::{Audience, State, apply, audience};
use crate::ledger::tile::{TILE_BYTES, TILE_WIDTH, TileKind, TilePath};
use crate::ledger::{Leaf, Payload, SignedCheckpoint};
use crate::review::{Entry, Missing, Source, Spread};
use crate::sequencer::{LedgerReader, ReadError};
use crate::store::Postgres;
use crate::witness::{LogClient, NotServed};

/// Connections of a command that reads one ledger.
const TOOL_CONNECTIONS: u32 = 2;
/// Earlier checkpoints that are taken from where they are kept, evenly over the ledger.
const EARLIER: u64 = 256;

/// A ledger file, read beside the server that may be writing it.
pub struct Stored<R> {
    reader: R,
    /// The state at the end, when only what the public may read is to be shown.
    public: Option<State>,
    /// Payloads that are not stored because the log did not show them to a mirror.
    withheld: BTreeSet<u64>,
}

impl<R: LedgerReader> Stored<R> {
    /// Everything that is stored.
    pub fn whole(reader: R) -> Self {
        Self { reader, public: None, withheld: BTreeSet::new() }
    }

    /// As [`Stored::whole`], of a mirror from which the log has withheld these payloads.
    pub fn mirrored(reader: R, withheld: BTreeSet<u64>) -> Self {
        Self { reader, public: None, withheld }
    }

    /// What the public may read now; the payloads are read once to know how far each lot has come.
    pub fn public(reader: R) -> Result<Self, ReadError> {
        let mut state = State::default();
        let mut from = 0;
        loop {
            let page = reader.entries(from, TILE_WIDTH.into())?;
            let Some(last) = page.last() else { break };
            from = last.seq + 1;
            for entry in &page {
                let leaf = Leaf::parse(&entry.leaf).ok();
                if let (Some(leaf), Some(event)) = (leaf, entry.payload.as_deref().and_then(event_of)) {
                    apply(&mut state, &event, leaf.time, entry.seq);
                }
            }
        }
        Ok(Self { reader, public: Some(state), withheld: BTreeSet::new() })
    }

    fn is_shown(&self, payload: &[u8]) -> bool {
        let Some(state) = &self.public else { return true };
        let readers = match event_of(payload) {
            Some(event) => audience(&event, state),
            None => Payload::parse(payload).map_or(Audience::Sealed, |payload| audience_of_record(&payload.kind)),
        };
        readers == Audience::Public
    }
}

impl<R: LedgerReader> Source for Stored<R> {
    type Error = ReadError;

    fn checkpoint(&mut self) -> Result<String, ReadError> {
        let newest = self.reader.newest_checkpoint()?.ok_or_else(|| ReadError("it has no checkpoint yet".into()))?;
        Ok(newest.1)
    }

    fn earlier(&mut self) -> Result<Vec<String>, ReadError> {
        let Some((newest, _)) = self.reader.newest_checkpoint()? else { return Ok(Vec::new()) };
        let mut notes = Vec::new();
        let mut from = 0;
        while let Some((size, note, _)) = self.reader.checkpoint_from(from)?.filter(|(size, ..)| *size < newest) {
            notes.push(note);
            from = size + (newest / EARLIER).max(1);
        }
        Ok(notes)
    }

    fn entries(&mut self, seq: u64, count: usize) -> Result<Vec<Entry>, ReadError> {
        let stored = self.reader.entries(seq, count)?.into_iter().zip(seq..);
        // A gap in the numbers is the end: what lies behind it has lost its place.
        let in_order = stored.take_while(|(entry, seq)| entry.seq == *seq).map(|(entry, _)| entry);
        let shown = in_order.map(|entry| {
            let payload = match entry.payload {
                None if self.withheld.contains(&entry.seq) => Err(Missing::Withheld),
                None => Err(Missing::Erased),
                Some(bytes) if self.is_shown(&bytes) => Ok(bytes.to_vec()),
                Some(_) => Err(Missing::Withheld),
            };
            Entry { leaf: entry.leaf.to_vec(), payload }
        });
        Ok(shown.collect())
    }

    fn tile(&mut self, level: u8, index: u64) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.reader.tile(level, index)?.map(|bytes| bytes.to_vec()))
    }
}

/// The shared database that the settings name, for commands that work beside its nodes.
pub fn shared(config: Option<&Path>) -> Result<Postgres, Box<dyn std::error::Error>> {
    #[derive(serde::Serialize)]
    struct NoFlags {}
    let database = config::load(config, NoFlags {})?.database;
    let url = database.url.ok_or("database.url: the settings name no database")?.0;
    Ok(Postgres::open(&url, database.owner_url.as_ref().map(|url| url.0.as_str()), TOOL_CONNECTIONS)?)
}

/// A ledger that a server shows under a URL, as to anybody.
pub struct Served {
    client: LogClient,
    size: u64,
}

/// A verifier waits no longer than this for one answer.
const ANSWER_MAX: std::time::Duration = std::time::Duration::from_secs(30);

impl Served {
    pub fn new(url: &str) -> Self {
        Self { client: LogClient::new(url, ANSWER_MAX), size: 0 }
    }

    fn payload(&self, seq: u64) -> Result<Result<Vec<u8>, Missing>, NotServed> {
        let path = format!("payload/{seq}");
        match self.client.get(&path, PAYLOAD_MAX_BYTES)? {
            Ok(bytes) => Ok(Ok(bytes)),
            Err(403) => Ok(Err(Missing::Withheld)),
            Err(410) => Ok(Err(Missing::Erased)),
            Err(status) => Err(self.client.odd(&path, format!("status {status}"))),
        }
    }
}

impl Source for Served {
    type Error = NotServed;

    fn checkpoint(&mut self) -> Result<String, NotServed> {
        let note = self.client.checkpoint()?;
        // What is asked for from here on is what this checkpoint commits to.
        self.size = SignedCheckpoint::parse(&note).map_or(0, |signed| signed.unverified().size);
        Ok(note)
    }

    fn entries(&mut self, seq: u64, count: usize) -> Result<Vec<Entry>, NotServed> {
        let width = u64::from(TILE_WIDTH);
        let end = self.size.min(seq.saturating_add(u64::try_from(count).unwrap_or(u64::MAX)));
        let tiles: Vec<u64> = (seq / width..end.div_ceil(width)).collect();
        let tiles: Vec<Vec<Vec<u8>>> =
            tiles.into_par_iter().map(|index| self.client.bundle(index, self.size)).collect::<Result<_, _>>()?;
        let leaves = tiles.into_iter().flatten().skip(usize::try_from(seq % width).unwrap_or(0));
        let wanted: Vec<(u64, Vec<u8>)> = (seq..end).zip(leaves).collect();
        let entry = |(seq, leaf)| Ok(Entry { leaf, payload: self.payload(seq)? });
        wanted.into_par_iter().map(entry).collect()
    }

    fn tile(&mut self, level: u8, index: u64) -> Result<Option<Vec<u8>>, NotServed> {
        let path = TilePath { kind: TileKind::Hashes(level), index, width: TILE_WIDTH }.to_string();
        self.client.must(&path, TILE_BYTES).map(Some)
    }
}

/// All cores.
pub struct Threads;

impl Spread for Threads {
    fn map<T: Send, R: Send>(&self, items: Vec<T>, work: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
        items.into_par_iter().map(work).collect()
    }

    fn both<A: Send, B: Send>(&self, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
        rayon::join(a, b)
    }
}

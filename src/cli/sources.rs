//! A ledger that a server shows under a URL, as `verify` reads it; and the database that nodes share.

use std::path::Path;

use rayon::prelude::*;

use crate::base::limits::{HANDOVERS_MAX, NOTE_MAX_BYTES, PAYLOAD_MAX_BYTES, RECEIPT_MAX_BYTES};
use crate::base::{Code, Hash};
use crate::config::{self, Settings};
use crate::ledger::tile::{TILE_BYTES, TILE_WIDTH, TileKind, TilePath};
use crate::ledger::{Note, SignedCheckpoint};
use crate::review::{Entry, Handover, Missing, Source};
use crate::store::Postgres;
use crate::witness::{LogClient, NotServed, Refused};

/// Connections of a command that reads one ledger.
const TOOL_CONNECTIONS: u32 = 2;

/// The shared database that the settings name, for commands that work beside its nodes.
pub fn shared(config: Option<&Path>) -> Result<Postgres, Box<dyn std::error::Error>> {
    let database = settings(config)?.database;
    let url = database.url.ok_or("database.url: the settings name no database")?.0;
    Ok(Postgres::open(&url, database.owner_url.as_ref().map(|url| url.0.as_str()), TOOL_CONNECTIONS)?)
}

/// The settings, for commands that have no flags for them.
pub fn settings(config: Option<&Path>) -> Result<Settings, Box<dyn std::error::Error>> {
    #[derive(serde::Serialize)]
    struct NoFlags {}
    Ok(config::load(config, NoFlags {})?)
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

    /// The ledger at `url`: where its checkpoint is, or whatever of the platform's addresses somebody copied. Of several
    /// ledgers the one of this name.
    pub fn find(url: &str, ledger: &str) -> Result<Self, NotServed> {
        let given = Self::new(url);
        if matches!(given.client.checkpoint(), Ok(note) if Note::parse(&note).is_ok()) {
            return Ok(given);
        }
        let Some(platform) = root_of(url) else { return Ok(given) };
        let guess = format!("{platform}/ledger/{ledger}");
        let found = Self::new(&guess);
        if matches!(found.client.checkpoint(), Ok(note) if Note::parse(&note).is_ok()) {
            return Ok(found);
        }
        let why = format!(
            "no ledger: neither `checkpoint` below it nor {guess}/checkpoint is a signed checkpoint; give the \
                           URL before `/checkpoint`, such as {platform}/ledger/NAME"
        );
        Err(NotServed { url: url.to_owned(), why })
    }

    /// The server's proof that the tree of one size is a prefix of that of the other; `None` if it says that it has none.
    pub fn consistency(&self, one: u64, other: u64) -> Result<Option<Vec<Hash>>, NotServed> {
        let path = format!("proof/consistency?old={}&new={}", one.min(other), one.max(other));
        let Ok(bytes) = self.client.get(&path, NOTE_MAX_BYTES)? else { return Ok(None) };
        let text = String::from_utf8(bytes).map_err(|_| self.client.odd(&path, "not text"))?;
        let hashes = text.lines().map(|line| line.parse().map_err(|_| self.client.odd(&path, "not a list of hashes")));
        hashes.collect::<Result<_, _>>().map(Some)
    }

    /// By which entries the log says that it changed its key; of a log of other people, by none.
    pub fn rotations(&self) -> Result<Vec<Handover>, NotServed> {
        #[derive(serde::Deserialize)]
        struct Rotations {
            items: Vec<Handover>,
        }
        let Ok(bytes) = self.client.get("rotations", HANDOVERS_MAX * RECEIPT_MAX_BYTES)? else { return Ok(Vec::new()) };
        Ok(serde_json::from_slice::<Rotations>(&bytes).map(|found| found.items).unwrap_or_default())
    }

    fn payload(&self, seq: u64) -> Result<Result<Vec<u8>, Missing>, NotServed> {
        let path = format!("payload/{seq}");
        match self.client.get(&path, PAYLOAD_MAX_BYTES)? {
            Ok(bytes) => Ok(Ok(bytes)),
            Err(refused) if refused.code == Some(Code::EntryDamaged) => Ok(Err(Missing::Damaged)),
            Err(Refused { status: 403, .. }) => Ok(Err(Missing::Withheld)),
            Err(Refused { status: 410, .. }) => Ok(Err(Missing::Erased)),
            Err(refused) => Err(self.client.odd(&path, refused.to_string())),
        }
    }
}

/// Scheme and host of a URL.
fn root_of(url: &str) -> Option<&str> {
    let host = url.find("://")? + 3;
    let end = url.get(host..)?.find('/').map_or(url.len(), |slash| host + slash);
    url.get(..end)
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

//! A log as it is served (C2SP tlog-tiles), read over the network: ours, or anybody's.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use ureq::Agent;

use crate::base::limits::{LEAF_MAX_BYTES, NOTE_MAX_BYTES, PROBLEM_MAX_BYTES};
use crate::base::{Code, Hash};
use crate::ledger::tile::{TILE_BYTES, TILE_WIDTH, TileKind, TilePath, decode_bundle, tile_hashes};
use crate::ledger::{Frontier, HashReader};

/// The server did not answer as the specification says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url}: {why}")]
pub struct NotServed {
    pub url: String,
    pub why: String,
}

/// The server answered, and refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub status: u16,
    /// Of a platform like ours, the code of its problem (RFC 9457).
    pub code: Option<Code>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status)?;
        self.code.map_or(Ok(()), |code| write!(f, ": {}", code.en()))
    }
}

/// What is below a log's monitoring prefix.
#[derive(Debug, Clone)]
pub struct LogClient {
    agent: Agent,
    url: String,
    cookie: Option<String>,
}

impl LogClient {
    /// `url` is the prefix before `/checkpoint`; every answer must come within `wait`.
    pub fn new(url: &str, wait: Duration) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(wait)).build();
        Self { agent: config.into(), url: url.trim_end_matches('/').to_owned(), cookie: None }
    }

    /// The same log, seen by whoever has this session.
    #[must_use]
    pub fn with_cookie(&self, cookie: String) -> Self {
        Self { cookie: Some(cookie), ..self.clone() }
    }

    /// The body, at most `limit` bytes of it, or the refusal.
    pub fn get(&self, path: &str, limit: usize) -> Result<Result<Vec<u8>, Refused>, NotServed> {
        let url = format!("{}/{path}", self.url);
        let lost = |error: ureq::Error| NotServed { url: url.clone(), why: error.to_string() };
        let request = self.agent.get(&url);
        let request = match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        };
        let answer = request.call().map_err(lost)?;
        let status = answer.status().as_u16();
        if status != 200 {
            let body = answer.into_body().into_with_config().limit(PROBLEM_MAX_BYTES).read_to_vec();
            return Ok(Err(Refused { status, code: body.ok().and_then(|body| code_of(&body)) }));
        }
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        answer.into_body().into_with_config().limit(limit + 1).read_to_vec().map(Ok).map_err(lost)
    }

    /// The body; any refusal is an error.
    pub fn must(&self, path: &str, limit: usize) -> Result<Vec<u8>, NotServed> {
        self.get(path, limit)?.map_err(|refused| self.odd(path, refused.to_string()))
    }

    /// The answer at `path` is not what it has to be.
    pub fn odd(&self, path: &str, why: impl Into<String>) -> NotServed {
        NotServed { url: format!("{}/{path}", self.url), why: why.into() }
    }

    /// The newest checkpoint that is served, unverified.
    pub fn checkpoint(&self) -> Result<String, NotServed> {
        let bytes = self.must("checkpoint", NOTE_MAX_BYTES)?;
        String::from_utf8(bytes).map_err(|_| self.odd("checkpoint", "not text"))
    }

    /// The tree of `size` leaves, out of the tiles that the log serves: unverified, like everything here.
    pub fn tree(&self, size: u64) -> ServedTree<'_> {
        ServedTree { client: self, size, tiles: RefCell::default() }
    }
}

fn code_of(problem: &[u8]) -> Option<Code> {
    #[derive(serde::Deserialize)]
    struct Problem {
        code: Code,
    }
    serde_json::from_slice::<Problem>(problem).ok().map(|problem| problem.code)
}

/// A tree that is fetched tile by tile, as far as it is needed.
pub struct ServedTree<'a> {
    client: &'a LogClient,
    size: u64,
    tiles: RefCell<HashMap<(u8, u64), Vec<Hash>>>,
}

/// 256 leaves, each behind two bytes of length.
const BUNDLE_MAX_BYTES: usize = TILE_WIDTH as usize * (2 + LEAF_MAX_BYTES);

impl LogClient {
    /// The leaves of the bundle with this index, as many as a tree of `size` has there.
    pub fn bundle(&self, index: u64, size: u64) -> Result<Vec<Vec<u8>>, NotServed> {
        self.part(TileKind::Entries, index, size, BUNDLE_MAX_BYTES, |bytes| {
            decode_bundle(bytes).map(|leaves| leaves.into_iter().map(<[u8]>::to_vec).collect())
        })
    }

    /// Part `index` of a row of which a tree has `length`, by what is read out of its bytes.
    fn part<T>(
        &self,
        kind: TileKind,
        index: u64,
        length: u64,
        limit: usize,
        read: impl Fn(&[u8]) -> Option<Vec<T>>,
    ) -> Result<Vec<T>, NotServed> {
        let left = length.saturating_sub(index.saturating_mul(u64::from(TILE_WIDTH))).min(u64::from(TILE_WIDTH));
        let width = u16::try_from(left).unwrap_or(TILE_WIDTH);
        let path = |width| TilePath { kind, index, width }.to_string();
        let bytes = match self.get(&path(width), limit)? {
            Ok(bytes) => bytes,
            // A partial one may be gone once the full one is there.
            Err(_) => self.must(&path(TILE_WIDTH), limit)?,
        };
        let mut part = read(&bytes)
            .filter(|part| part.len() >= usize::from(width))
            .ok_or_else(|| self.odd(&path(width), "not a tile of its width"))?;
        part.truncate(usize::from(width));
        Ok(part)
    }
}

impl ServedTree<'_> {
    /// The leaves from `seq` on to the end of their bundle or of the tree.
    pub fn leaves_from(&self, seq: u64) -> Result<Vec<Vec<u8>>, NotServed> {
        let width = u64::from(TILE_WIDTH);
        let mut leaves = self.client.bundle(seq / width, self.size)?;
        leaves.drain(..usize::try_from(seq % width).unwrap_or(0).min(leaves.len()));
        Ok(leaves)
    }

    /// As many hashes of the tile as a tree of this size has.
    fn tile(&self, level: u8, index: u64) -> Result<Vec<Hash>, NotServed> {
        if let Some(tile) = self.tiles.borrow().get(&(level, index)) {
            return Ok(tile.clone());
        }
        let hashes = self.size.checked_shr(u32::from(level) * 8).unwrap_or(0);
        let tile = self.client.part(TileKind::Hashes(level), index, hashes, TILE_BYTES, tile_hashes)?;
        self.tiles.borrow_mut().insert((level, index), tile.clone());
        Ok(tile)
    }
}

impl HashReader for ServedTree<'_> {
    type Error = NotServed;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, NotServed> {
        let (tile_level, within) = (level / 8, level % 8);
        let first = index << within;
        let tile = self.tile(tile_level, first / u64::from(TILE_WIDTH))?;
        let place = usize::try_from(first % u64::from(TILE_WIDTH)).unwrap_or(usize::MAX);
        let hashes = tile.get(place..place.saturating_add(1 << within));
        let missing = || self.client.odd("tile", format!("no subtree {index} of level {level}"));
        let mut subtree = Frontier::new();
        subtree.extend(hashes.ok_or_else(missing)?.iter().copied());
        Ok(subtree.root())
    }
}

//! Ledger format §3: what is chained. Every leaf has the same shape, so it is written and read by that shape; each of
//! its fields has exactly one spelling, hence whatever is read here is the canonical form of itself.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::origin::Origin;
use crate::base::limits::LEAF_MAX_BYTES;
use crate::base::{Hash, Micros};

/// One link of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    pub ledger: Origin,
    /// SHA-256 of the payload's bytes.
    pub payload: Hash,
    /// [`leaf_hash`] of the leaf before; [`Hash::ZERO`] for the first.
    pub prev: Hash,
    /// Counts from 0 without gaps; at most 2^53 − 1.
    pub seq: u64,
    pub time: Micros,
}

/// RFC 6962 §2.1: SHA-256(0x00 ‖ leaf). It links the chain and is the leaf of the tree, so the two cannot disagree.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Hash::of_parts(&[&[0], leaf])
}

/// The largest `seq` that is still an exact JSON integer.
pub const SEQ_MAX: u64 = (1 << 53) - 1;

/// What a leaf is examined for, in the order of examination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeafCheck {
    /// It has the shape of a leaf, in canonical form.
    Canonical,
    /// Its `v` is known.
    Version,
    /// It belongs to this ledger.
    Ledger,
    /// Its `seq` follows its predecessor's.
    Seq,
    /// Its `prev` is its predecessor's hash.
    Prev,
    /// Its `time` is not before its predecessor's.
    Time,
}

impl LeafCheck {
    /// The stable name that a verifier prints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Canonical => "leaf_canonical",
            Self::Version => "leaf_version",
            Self::Ledger => "leaf_ledger",
            Self::Seq => "leaf_seq",
            Self::Prev => "leaf_prev",
            Self::Time => "leaf_time",
        }
    }
}

impl Leaf {
    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { ledger, payload, prev, seq, time } = self;
        format!(r#"{{"ledger":"{ledger}","payload":"{payload}","prev":"{prev}","seq":{seq},"time":"{time}","v":1}}"#)
            .into_bytes()
    }

    /// Reads bytes that [`Leaf::to_bytes`] could have written; answers which check failed otherwise.
    pub fn parse(bytes: &[u8]) -> Result<Self, LeafCheck> {
        if bytes.len() > LEAF_MAX_BYTES {
            return Err(LeafCheck::Canonical);
        }
        let (leaf, version) = std::str::from_utf8(bytes).ok().and_then(parse_shape).ok_or(LeafCheck::Canonical)?;
        if version == 1 { Ok(leaf) } else { Err(LeafCheck::Version) }
    }
}

fn parse_shape(text: &str) -> Option<(Leaf, u64)> {
    let (ledger, rest) = text.strip_prefix(r#"{"ledger":""#)?.split_once(r#"","payload":""#)?;
    let (payload, rest) = rest.split_once(r#"","prev":""#)?;
    let (prev, rest) = rest.split_once(r#"","seq":"#)?;
    let (seq, rest) = rest.split_once(r#","time":""#)?;
    let (time, rest) = rest.split_once(r#"","v":"#)?;
    let version = decimal(rest.strip_suffix('}')?)?;
    let leaf = Leaf {
        ledger: Origin::new(ledger).ok()?,
        payload: hash(payload)?,
        prev: hash(prev)?,
        seq: decimal(seq).filter(|seq| *seq <= SEQ_MAX)?,
        time: time.parse().ok()?,
    };
    Some((leaf, version))
}

/// Into a buffer on the stack: a verifier reads a million of these.
fn hash(text: &str) -> Option<Hash> {
    let mut bytes = [0; 33];
    let length = STANDARD.decode_slice(text, &mut bytes).ok()?;
    bytes.get(..length)?.try_into().ok().map(Hash)
}

/// A number in its one spelling: digits, no sign, no leading zero.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

/// Follows a chain leaf by leaf: writes the next one, or examines one that somebody else wrote.
#[derive(Debug, Clone)]
pub struct Chain {
    ledger: Origin,
    next: u64,
    prev: Hash,
    time: Option<Micros>,
}

/// A leaf that became part of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub leaf: Leaf,
    pub bytes: Vec<u8>,
    /// [`leaf_hash`] of `bytes`.
    pub hash: Hash,
}

/// The first leaf that does not hold: where, which check, what was expected and what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("seq {seq}: {}: expected {expected}, found {found}", check.name())]
pub struct ChainError {
    /// The place in the chain, whatever the leaf itself says.
    pub seq: u64,
    pub check: LeafCheck,
    pub expected: String,
    pub found: String,
}

impl Chain {
    /// An empty chain.
    pub fn new(ledger: Origin) -> Self {
        Self { ledger, next: 0, prev: Hash::ZERO, time: None }
    }

    /// A chain of `size` leaves, of which the last has the hash `prev` and the time `time`.
    pub fn resume(ledger: Origin, size: u64, prev: Hash, time: Option<Micros>) -> Self {
        Self { ledger, next: size, prev, time }
    }

    pub fn ledger(&self) -> &Origin {
        &self.ledger
    }

    /// How many leaves there are; also the `seq` of the next.
    pub fn size(&self) -> u64 {
        self.next
    }

    /// The hash of the last leaf, [`Hash::ZERO`] when there is none.
    pub fn head(&self) -> Hash {
        self.prev
    }

    /// The time of the last leaf.
    pub fn time(&self) -> Option<Micros> {
        self.time
    }

    /// Writes the next leaf. A time before the last leaf's is raised to it: ledger time never runs backwards.
    pub fn append(&mut self, payload: Hash, time: Micros) -> Link {
        let time = self.time.map_or(time, |last| last.max(time));
        let leaf = Leaf { ledger: self.ledger.clone(), payload, prev: self.prev, seq: self.next, time };
        let bytes = leaf.to_bytes();
        let hash = leaf_hash(&bytes);
        self.advance(hash, time);
        Link { leaf, bytes, hash }
    }

    /// Examines the next leaf and, if it holds, takes it in. Returns it with its hash.
    pub fn check(&mut self, bytes: &[u8]) -> Result<(Leaf, Hash), ChainError> {
        let fail = |check, expected: String, found: String| ChainError { seq: self.next, check, expected, found };
        let leaf = Leaf::parse(bytes).map_err(|check| {
            let expected = if check == LeafCheck::Version { "v 1" } else { "a leaf in canonical form" };
            fail(check, expected.to_owned(), excerpt(bytes))
        })?;
        if leaf.ledger != self.ledger {
            return Err(fail(LeafCheck::Ledger, self.ledger.to_string(), leaf.ledger.to_string()));
        }
        if leaf.seq != self.next {
            return Err(fail(LeafCheck::Seq, self.next.to_string(), leaf.seq.to_string()));
        }
        if leaf.prev != self.prev {
            return Err(fail(LeafCheck::Prev, self.prev.to_string(), leaf.prev.to_string()));
        }
        if let Some(last) = self.time.filter(|last| leaf.time < *last) {
            return Err(fail(LeafCheck::Time, format!("{last} or later"), leaf.time.to_string()));
        }
        let hash = leaf_hash(bytes);
        self.advance(hash, leaf.time);
        Ok((leaf, hash))
    }

    fn advance(&mut self, hash: Hash, time: Micros) {
        self.next += 1;
        self.prev = hash;
        self.time = Some(time);
    }
}

fn excerpt(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..LEAF_MAX_BYTES).unwrap_or(bytes)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin::new("ledger.mingjiang.example/trade").unwrap()
    }

    fn at(micros: i64) -> Micros {
        Micros::new(micros).unwrap()
    }

    fn chain_of(length: i64) -> Vec<Link> {
        let mut chain = Chain::new(origin());
        (0..length).map(|i| chain.append(Hash::of(&i.to_be_bytes()), at(i))).collect()
    }

    /// What a chain says of `bytes` after the first two leaves of [`chain_of`].
    fn third(bytes: &[u8]) -> Result<(Leaf, Hash), ChainError> {
        let mut chain = Chain::new(origin());
        for link in chain_of(2) {
            chain.check(&link.bytes).unwrap();
        }
        chain.check(bytes)
    }

    #[test]
    fn each_check_names_itself_and_the_place() {
        let good = chain_of(3).pop().unwrap();
        assert_eq!(third(&good.bytes).unwrap(), (good.leaf.clone(), good.hash));
        let leaf = |change: &dyn Fn(&mut Leaf)| {
            let mut leaf = good.leaf.clone();
            change(&mut leaf);
            leaf.to_bytes()
        };
        let text = String::from_utf8(good.bytes.clone()).unwrap();
        for (bytes, check) in [
            (leaf(&|l| l.ledger = Origin::new("other.example").unwrap()), LeafCheck::Ledger),
            (leaf(&|l| l.seq = 3), LeafCheck::Seq),
            (leaf(&|l| l.seq = SEQ_MAX + 1), LeafCheck::Canonical),
            (leaf(&|l| l.prev = Hash::ZERO), LeafCheck::Prev),
            (leaf(&|l| l.time = at(0)), LeafCheck::Time),
            (text.replace(r#""v":1"#, r#""v":2"#).into_bytes(), LeafCheck::Version),
            (text.replace(r#""v":1"#, r#""v":01"#).into_bytes(), LeafCheck::Canonical),
            (text.replace(r#""seq":2"#, r#""seq":02"#).into_bytes(), LeafCheck::Canonical),
            (text.replace(r#""seq":2"#, r#""seq":"2""#).into_bytes(), LeafCheck::Canonical),
            (format!("{text} ").into_bytes(), LeafCheck::Canonical),
            (text.replace(r#"","v""#, r#"","w":1,"v""#).into_bytes(), LeafCheck::Canonical),
            (Vec::new(), LeafCheck::Canonical),
            (vec![b'{'; LEAF_MAX_BYTES + 1], LeafCheck::Canonical),
        ] {
            let error = third(&bytes).unwrap_err();
            assert_eq!((error.seq, error.check), (2, check), "{}", String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn a_chain_resumes_where_it_stopped_and_time_never_runs_backwards() {
        let links = chain_of(4);
        let mut resumed = Chain::resume(origin(), 2, links[1].hash, Some(links[1].leaf.time));
        assert_eq!(resumed.append(links[2].leaf.payload, links[2].leaf.time), links[2]);
        let late = resumed.append(Hash::ZERO, at(-1));
        assert_eq!(late.leaf.time, links[2].leaf.time);
    }

    #[test]
    fn the_shape_is_the_canonical_form() {
        for link in chain_of(3) {
            assert!(super::super::jcs::parse_canonical(&link.bytes).is_ok());
            assert_eq!(Leaf::parse(&link.bytes), Ok(link.leaf));
        }
    }
}

//! Entries that JavaScript fetched: each leaf behind its length as a big-endian uint16, followed by its payload in the same
//! way; the marks of a payload that is not at hand are those of `docs/bundle-format.md`.

use std::convert::Infallible;

use mingjian::review::{Entry, Missing, Source};

/// A ledger in memory.
pub struct Entries {
    checkpoint: String,
    entries: Vec<Entry>,
}

impl Entries {
    /// Reads what the host wrote. The error says what is wrong with it.
    pub fn read(checkpoint: String, mut bytes: &[u8]) -> Result<Self, &'static str> {
        let mut entries = Vec::new();
        while !bytes.is_empty() {
            let leaf = chunk(&mut bytes)?.ok_or("a leaf is missing")?;
            let payload = match chunk_or_mark(&mut bytes)? {
                Ok(payload) => Ok(payload.to_vec()),
                Err(mark) => Err(missing(mark).ok_or("a payload of unknown kind")?),
            };
            entries.push(Entry { leaf: leaf.to_vec(), payload });
        }
        Ok(Self { checkpoint, entries })
    }
}

const ENDS: &str = "the entries end in the middle of one";

fn chunk<'a>(bytes: &mut &'a [u8]) -> Result<Option<&'a [u8]>, &'static str> {
    chunk_or_mark(bytes).map(Result::ok)
}

/// The next bytes, or the mark that stands for them.
fn chunk_or_mark<'a>(bytes: &mut &'a [u8]) -> Result<Result<&'a [u8], u16>, &'static str> {
    let (length, rest) = bytes.split_first_chunk::<2>().ok_or(ENDS)?;
    let length = u16::from_be_bytes(*length);
    if missing(length).is_some() {
        *bytes = rest;
        return Ok(Err(length));
    }
    let (chunk, rest) = rest.split_at_checked(usize::from(length)).ok_or(ENDS)?;
    *bytes = rest;
    Ok(Ok(chunk))
}

fn missing(mark: u16) -> Option<Missing> {
    match mark {
        u16::MAX => Some(Missing::Withheld),
        0xfffe => Some(Missing::Erased),
        0xfffd => Some(Missing::Damaged),
        _ => None,
    }
}

impl Source for Entries {
    type Error = Infallible;

    fn checkpoint(&mut self) -> Result<String, Infallible> {
        Ok(self.checkpoint.clone())
    }

    fn entries(&mut self, seq: u64, count: usize) -> Result<Vec<Entry>, Infallible> {
        let from = usize::try_from(seq).unwrap_or(usize::MAX);
        Ok(self.entries.iter().skip(from).take(count).cloned().collect())
    }
}

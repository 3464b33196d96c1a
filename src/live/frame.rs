//! What goes over the wire. An entry is encoded at most once with its payload and once without, whatever the number of
//! viewers; a server's WebSocket frames carry no mask (RFC 6455 §5.1), so even the framed bytes are shared by all.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde::Serialize;

use super::protocol::CloseCode;
use super::{Reader, Scope};
use crate::base::{Code, Hash, Micros};
use crate::sequencer::{CommittedBatch, CommittedEntry};

/// Base64 of two hashes, the names of the fields and what escaping adds to a leaf.
const ENVELOPE_BYTES: usize = 250;

/// One JSON text, kept as the WebSocket frame that carries it.
#[derive(Debug, Clone)]
pub struct Message {
    framed: Bytes,
    header: usize,
}

impl Message {
    fn of(value: &impl Serialize) -> Self {
        // Our own plain structures always serialise; an empty text would be refused by every client.
        let text = serde_json::to_vec(value).unwrap_or_default();
        let mut framed = header(TEXT, text.len());
        let header = framed.len();
        framed.extend_from_slice(&text);
        Self { framed: framed.into(), header }
    }

    /// The WebSocket text frame.
    pub fn framed(&self) -> Bytes {
        self.framed.clone()
    }

    /// The JSON text alone.
    pub fn text(&self) -> Bytes {
        self.framed.slice(self.header..)
    }

    /// What stands inside the text's one member.
    pub fn inner(&self) -> Bytes {
        let text = self.text();
        let from = text.iter().position(|byte| *byte == b':').map_or(0, |colon| colon + 1);
        text.slice(from.min(text.len().saturating_sub(1))..text.len().saturating_sub(1))
    }

    pub fn heartbeat(head: Option<u64>, time: Micros, checkpoint: &str) -> Self {
        #[derive(Serialize)]
        struct Text<'a> {
            heartbeat: Fields<'a>,
        }
        #[derive(Serialize)]
        struct Fields<'a> {
            head: Option<u64>,
            time: Micros,
            checkpoint: &'a str,
        }
        Self::of(&Text { heartbeat: Fields { head, time, checkpoint } })
    }

    pub fn reset(head: Option<u64>) -> Self {
        #[derive(Serialize)]
        struct Text {
            reset: Fields,
        }
        #[derive(Serialize)]
        struct Fields {
            head: Option<u64>,
        }
        Self::of(&Text { reset: Fields { head } })
    }
}

#[derive(Serialize)]
struct EntryText<'a> {
    entry: EntryFields<'a>,
}

#[derive(Serialize)]
struct EntryFields<'a> {
    seq: u64,
    prev: Hash,
    hash: Hash,
    leaf: &'a str,
    payload: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    withheld: Option<Code>,
}

/// An entry on its way to the viewers.
#[derive(Debug)]
pub struct Frame {
    source: Source,
    public: bool,
    open: OnceLock<Message>,
    withheld: OnceLock<Message>,
}

#[derive(Debug)]
enum Source {
    Committed { batch: Arc<CommittedBatch>, index: usize },
    Past(Box<CommittedEntry>),
}

impl Frame {
    /// All frames of a batch; `public` decides which payloads everybody may read.
    pub fn of_batch<'a>(
        batch: &'a Arc<CommittedBatch>,
        public: impl Fn(&CommittedEntry) -> bool + 'a,
    ) -> impl Iterator<Item = Arc<Self>> + 'a {
        batch.entries.iter().enumerate().map(move |(index, entry)| {
            Arc::new(Self::new(Source::Committed { batch: batch.clone(), index }, public(entry)))
        })
    }

    /// The frame of an entry that was read back from the record.
    pub fn of_past(entry: CommittedEntry) -> Self {
        Self::new(Source::Past(Box::new(entry)), false)
    }

    fn new(source: Source, public: bool) -> Self {
        Self { source, public, open: OnceLock::new(), withheld: OnceLock::new() }
    }

    #[allow(clippy::indexing_slicing)] // `index` was counted over this very vector
    pub fn entry(&self) -> &CommittedEntry {
        match &self.source {
            Source::Committed { batch, index } => &batch.entries[*index],
            Source::Past(entry) => entry,
        }
    }

    pub fn seq(&self) -> u64 {
        self.entry().seq
    }

    /// What this reader gets in this scope: asked only where the payload is not public. Of what is withheld the whole
    /// ledger shows the leaf, which tells nothing; in a narrower scope even its presence tells what it is about, and
    /// whoever counted the sign-ups of a lot would know the number of its bidders (招标投标法 art. 22).
    pub fn for_reader(&self, reader: &dyn Reader, scope: Scope) -> Option<&Message> {
        let entry = self.entry();
        if entry.damaged {
            return (scope == Scope::Ledger || reader.may_know(entry)).then(|| self.withheld());
        }
        if self.public || reader.may_read(entry) {
            return Some(self.open());
        }
        (scope == Scope::Ledger).then(|| self.withheld())
    }

    /// About the bytes that this frame takes on the wire, known without encoding it.
    pub fn weight(&self) -> usize {
        let entry = self.entry();
        entry.leaf.len() + entry.payload.len() + ENVELOPE_BYTES
    }

    /// The frame with its payload, for whoever may read it.
    pub fn open(&self) -> &Message {
        let entry = self.entry();
        if entry.payload.is_empty() {
            return self.withheld.get_or_init(|| encode(entry, Err(Code::Erased)));
        }
        self.open.get_or_init(|| encode(entry, Ok(&entry.payload)))
    }

    /// The frame for everybody else: the leaf, and why there is no payload.
    pub fn withheld(&self) -> &Message {
        let entry = self.entry();
        let why = match entry {
            entry if entry.damaged => Code::EntryDamaged,
            entry if entry.payload.is_empty() => Code::Erased,
            _ => Code::NotYetReadable,
        };
        self.withheld.get_or_init(|| encode(entry, Err(why)))
    }
}

fn encode(entry: &CommittedEntry, payload: Result<&Bytes, Code>) -> Message {
    // Leaf and payload are UTF-8 by their format (§2, §3). Were they not, an empty text fails the client's first check.
    let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
    Message::of(&EntryText {
        entry: EntryFields {
            seq: entry.seq,
            prev: entry.prev,
            hash: entry.hash,
            leaf: text(&entry.leaf),
            payload: payload.ok().map(|bytes| text(bytes)),
            withheld: payload.err(),
        },
    })
}

const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PONG: u8 = 0xA;
const FINAL: u8 = 0x80;

/// RFC 6455 §5.2: one unfragmented, unmasked frame.
fn header(opcode: u8, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(10 + length);
    bytes.push(FINAL | opcode);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => bytes.push(short),
        (_, Ok(middle)) => {
            bytes.push(126);
            bytes.extend_from_slice(&middle.to_be_bytes());
        }
        _ => {
            bytes.push(127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes
}

/// RFC 6455 §5.5.3: the answer to a ping carries the ping's bytes (at most 125, as every control frame).
pub fn pong(ping: &[u8]) -> Bytes {
    let mut bytes = header(PONG, ping.len());
    bytes.extend_from_slice(ping);
    bytes.into()
}

/// RFC 6455 §5.5.1: the last frame of a connection.
pub fn close(code: CloseCode) -> Bytes {
    let mut bytes = header(CLOSE, 2 + code.reason().len());
    bytes.extend_from_slice(&code.number().to_be_bytes());
    bytes.extend_from_slice(code.reason().as_bytes());
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6455 §5.2: seven bits, then sixteen, then sixty-four; always the shortest.
    #[test]
    fn lengths() {
        for (length, expected) in [
            (0, &[0x81, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (65_535, &[0x81, 126, 0xFF, 0xFF]),
            (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            assert_eq!(header(TEXT, length), expected, "{length}");
        }
        assert_eq!(pong(b"x")[..], [0x8A, 1, b'x']);
        assert_eq!(close(CloseCode::Slow)[..4], [0x88, 10, 0x0F, 0xA8]);
    }

    #[test]
    fn a_message_with_and_without_what_is_around_it() {
        let message = Message::reset(Some(41));
        assert_eq!(message.framed()[..2], [0x81, 21]);
        assert_eq!(message.text(), r#"{"reset":{"head":41}}"#);
        assert_eq!(message.inner(), r#"{"head":41}"#);
        assert_eq!(Message::reset(None).text(), r#"{"reset":{"head":null}}"#);
    }
}

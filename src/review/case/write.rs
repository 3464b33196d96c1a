//! Writing a case from any source.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::io::{Cursor, Seek, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{CONSISTENCY, FORMAT, LEDGER, MANIFEST, MEDIA, Manifest, POLICY, RECEIPTS, TYPE, hex, is_stored};
use crate::base::{Hash, Id};
use crate::engine::{Event, Fact, Subject};
use crate::ledger::tree::{consistency_proof, inclusion_proof};
use crate::ledger::{Proof, SignedCheckpoint, jcs, leaf_hash};
use crate::review::bundle::{self, About, BundleError, BundleReader};
use crate::review::content::{self, Content, Created};
use crate::review::history::History;
use crate::review::receipt::Receipt;
use crate::review::report::Report;
use crate::review::source::{Entry, Source, Spread};
use crate::review::verify::{Options, Trust};

/// What a case is made of besides the ledger.
#[derive(Debug, Clone)]
pub struct Contents {
    pub lot: Id,
    pub about: About,
    /// `verify.html`, if this build has one.
    pub verifier: Option<Vec<u8>>,
    /// Clips by their bytes, on request.
    pub media: Vec<Vec<u8>>,
}

/// An entry about the lot.
struct Found {
    seq: u64,
    leaf: Vec<u8>,
    payload: Vec<u8>,
    is_bid: bool,
}

/// Writes the case of `contents.lot` from everything that `source` shows, with the findings of a verification made here.
pub fn write<W: Write + Seek, S: Source, P: Spread>(
    out: W,
    source: &mut S,
    contents: &Contents,
    spread: &P,
) -> Result<(Manifest, Report, W), BundleError> {
    let lost = |error: String| BundleError::Source(error);
    let (manifest, ledger) = bundle::write(Cursor::new(Vec::new()), source, contents.about.clone(), |_, _| {})?;
    let ledger = ledger.into_inner();
    let mut reader = BundleReader::open(Cursor::new(ledger.as_slice()))?;
    let Gathered { found, history, policy } = gather(&mut reader, contents.lot)?;
    let key = contents.about.verifier_key.parse().ok().and_then(|key| crate::ledger::Policy::log_only(key).ok());
    let trust = Trust { policy: key, earlier: Vec::new() };
    let report = crate::review::verify(&mut reader, &trust, Options::default(), spread, |_, _| {})?;
    let note = reader.checkpoint()?;
    let signed = SignedCheckpoint::parse(&note).map_err(|error| lost(error.to_string()))?;

    let mut case = Case { zip: ZipWriter::new(out), files: BTreeMap::new() };
    case.add("README.md", readme().as_bytes())?;
    case.add(LEDGER, &ledger)?;
    case.add(POLICY, policy.as_bytes())?;
    for entry in found.iter().filter(|entry| entry.is_bid) {
        let path =
            inclusion_proof(&history, entry.seq, manifest.size).map_err(|_| lost("no inclusion proof".into()))?;
        let proof = Proof { extra: None, index: entry.seq, path, checkpoint: signed.clone() }.to_string();
        case.add(&format!("{RECEIPTS}{}.tlog-proof", entry.seq), proof.as_bytes())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let receipt = Receipt::new(text(&entry.leaf), Some(text(&entry.payload)), proof);
        case.add_json(&format!("{RECEIPTS}{}.json", entry.seq), &receipt)?;
    }
    let mut sizes = manifest.checkpoints.clone();
    sizes.push(manifest.size);
    for (old, new) in sizes.iter().zip(sizes.iter().skip(1)) {
        let proof = consistency_proof(&history, *old, *new).map_err(|_| lost("no consistency proof".into()))?;
        case.add(&format!("{CONSISTENCY}{old}-{new}"), text_of(&proof).as_bytes())?;
    }
    case.add_json("findings.json", &report)?;
    if let Some(verifier) = &contents.verifier {
        case.add("verify.html", verifier)?;
    }
    for clip in &contents.media {
        case.add(&format!("{MEDIA}{}", hex(Hash::of(clip))), clip)?;
    }
    let manifest = Manifest {
        files: std::mem::take(&mut case.files),
        format: FORMAT,
        entries: u64::try_from(found.len()).unwrap_or(0),
        lot: contents.lot,
        missing: manifest.missing,
        origin: manifest.origin,
        reader: manifest.reader,
        root: manifest.root,
        size: manifest.size,
        r#type: TYPE.into(),
        verifier_key: manifest.verifier_key,
    };
    let bytes = jcs::to_canonical(&manifest).map_err(|error| lost(error.to_string()))?;
    case.add(MANIFEST, &bytes)?;
    Ok((manifest, report, case.zip.finish()?))
}

/// One a line.
fn text_of(lines: &[impl Display]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{line}");
        text
    })
}

/// What one reading of the ledger gives.
#[derive(Default)]
struct Gathered {
    /// The entries about the lot whose payloads are there.
    found: Vec<Found>,
    history: History,
    /// The policy in force at the end, as a C2SP tlog-policy.
    policy: String,
}

fn gather(reader: &mut BundleReader<Cursor<&[u8]>>, lot: Id) -> Result<Gathered, BundleError> {
    let size = reader.manifest().size;
    let mut gathered = Gathered::default();
    let mut seq = 0;
    while seq < size {
        let entries = reader.entries(seq, crate::base::limits::VERIFY_CHUNK_ENTRIES)?;
        if entries.is_empty() {
            break;
        }
        for Entry { leaf, payload } in entries {
            gathered.history.append(leaf_hash(&leaf));
            if let Ok(payload) = payload {
                gathered.take(seq, leaf, payload, lot);
            }
            seq += 1;
        }
    }
    Ok(gathered)
}

impl Gathered {
    fn take(&mut self, seq: u64, leaf: Vec<u8>, payload: Vec<u8>, lot: Id) {
        match content::read(&payload) {
            Ok(Content::Event(event)) if event.subject == Subject::Lot(lot) => {
                let is_bid = is_bid(&event);
                self.found.push(Found { seq, leaf, payload, is_bid });
            }
            Ok(Content::Created(created)) => self.policy = policy_text(&created),
            Ok(Content::PolicySet(set)) => self.policy = set.policy,
            _ => {}
        }
    }
}

/// What leaf 0 says as a C2SP tlog-policy: equal witnesses, of which a number must have cosigned.
fn policy_text(created: &Created) -> String {
    if created.policy.contains('\n') {
        return created.policy.clone();
    }
    let names: Vec<String> = (1..=created.witnesses.len()).map(|place| format!("w{place}")).collect();
    let mut lines = vec![format!("log {}", created.verifier_key)];
    lines.extend(names.iter().zip(&created.witnesses).map(|(name, key)| format!("witness {name} {key}")));
    let quorum = if created.policy == "none" || names.is_empty() { "none" } else { "witnesses" };
    if quorum != "none" {
        lines.push(format!("group {quorum} {} {}", created.policy, names.join(" ")));
    }
    lines.push(format!("quorum {quorum}"));
    text_of(&lines)
}

fn is_bid(event: &Event) -> bool {
    matches!(event.fact, Fact::BidAccepted(_) | Fact::BidRefused(_) | Fact::EntryConfirmed(_))
}

struct Case<W: Write + Seek> {
    zip: ZipWriter<W>,
    files: BTreeMap<String, Hash>,
}

impl<W: Write + Seek> Case<W> {
    fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), BundleError> {
        let method = if is_stored(name) { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(0o644);
        self.zip.start_file(name, options)?;
        self.zip.write_all(bytes)?;
        if name != MANIFEST {
            self.files.insert(name.to_owned(), Hash::of(bytes));
        }
        Ok(())
    }

    fn add_json(&mut self, name: &str, value: &impl serde::Serialize) -> Result<(), BundleError> {
        let bytes = serde_json::to_vec_pretty(value).map_err(|error| BundleError::Source(error.to_string()))?;
        self.add(name, &bytes)
    }
}

fn readme() -> &'static str {
    include_str!("readme.md")
}

//! Writing a case from any source. Nothing of the ledger's size is held in memory but the hashes of its tree: the bundle is
//! made in a scratch file and copied from there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::{Display, Write as _};
use std::io::{Read, Seek, SeekFrom, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::summary::{Printer, Summary, Told};
use super::{
    CLIPS, CONSISTENCY, FORMAT, LEDGER, MANIFEST, Manifest, POLICY, PRINTED, RECEIPTS, TYPE, VERIFIER, is_stored,
    media_name,
};
use crate::base::limits::CASE_LEDGER_MAX_BYTES;
use crate::base::{Hash, Id};
use crate::engine::event::ProjectRegistered;
use crate::engine::{Event, Fact, Subject};
use crate::ledger::media::{ClipReferenced, FileName, playlist};
use crate::ledger::tree::{consistency_proof, inclusion_proof};
use crate::ledger::{Leaf, Payload, Policy, Proof, SignedCheckpoint, jcs, leaf_hash};
use crate::review::bundle::{self, About, BundleError, BundleReader};
use crate::review::content::{self, Content, Created};
use crate::review::footage::Evidence;
use crate::review::history::History;
use crate::review::log_keys::Handover;
use crate::review::receipt::Receipt;
use crate::review::report::Report;
use crate::review::source::{Entry, Media, Source, Spread};
use crate::review::verify::{Options, Trust};

/// What a case is made of besides the ledger.
pub struct Contents<'a> {
    pub lot: Id,
    pub about: About,
    /// `verify.html`, if this build has one.
    pub verifier: Option<Vec<u8>>,
    /// Where the footage lies to which the lot's clips refer, if it is to be put in, and how many bytes of it at most.
    pub media: Option<(&'a dyn Media, u64)>,
    /// Who prints the report for people, if anybody does.
    pub printer: Option<&'a dyn Printer>,
}

/// A bid on the lot.
struct Bid {
    seq: u64,
    leaf: Vec<u8>,
    payload: Vec<u8>,
}

/// Writes the case of `contents.lot` from everything that `source` shows, with the findings of a verification made here.
/// `scratch` is empty, and of no use afterwards.
pub fn write<W: Write + Seek, T: Read + Write + Seek, S: Source, P: Spread>(
    out: W,
    scratch: T,
    source: &mut S,
    contents: &Contents<'_>,
    spread: &P,
) -> Result<(Manifest, Report, W), BundleError> {
    let lost = |error: String| BundleError::Source(error);
    let (about, mut scratch) = bundle::write(scratch, source, contents.about.clone(), |_, _| {})?;
    let length = scratch.seek(SeekFrom::End(0))?;
    if length > CASE_LEDGER_MAX_BYTES {
        return Err(BundleError::TooLarge("the ledger is larger than a case may hold; export it as a bundle"));
    }
    let mut reader = BundleReader::open(&mut scratch)?;
    let gathered = gather(&mut reader, contents.lot)?;
    let trust = Trust { policy: contents.about.policy(), ..Trust::default() };
    let report = crate::review::verify(&mut reader, &trust, Options::default(), spread, |_, _| {})?;
    let note = reader.checkpoint()?;
    drop(reader);
    let signed = SignedCheckpoint::parse(&note).map_err(|error| lost(error.to_string()))?;

    let mut case = Case { zip: ZipWriter::new(out), files: BTreeMap::new() };
    case.add("README.md", readme().as_bytes())?;
    case.copy(LEDGER, &mut scratch)?;
    case.add(POLICY, gathered.policy.as_bytes())?;
    case.receipts(&gathered, &signed)?;
    let mut sizes = about.checkpoints.clone();
    sizes.push(about.size);
    for (old, new) in sizes.iter().zip(sizes.iter().skip(1)) {
        let proof = consistency_proof(&gathered.history, *old, *new);
        let proof = proof.map_err(|_| lost("no consistency proof".into()))?;
        case.add(&format!("{CONSISTENCY}{old}-{new}"), text_of(&proof).as_bytes())?;
    }
    case.add_json("findings.json", &report)?;
    if let Some(verifier) = &contents.verifier {
        case.add(VERIFIER, verifier)?;
    }
    let media = case.clips(&gathered, contents.media)?;
    let mut manifest = Manifest {
        files: BTreeMap::new(),
        format: FORMAT,
        entries: u64::try_from(gathered.told.len()).unwrap_or(0),
        lot: contents.lot,
        missing: about.missing,
        origin: about.origin,
        reader: about.reader,
        root: about.root,
        size: about.size,
        r#type: TYPE.into(),
        verifier_key: about.verifier_key,
    };
    if let Some(printer) = contents.printer {
        let summary = Summary {
            manifest: &manifest,
            report: &report,
            project: gathered.project.as_ref(),
            lot: contents.lot,
            told: &gathered.told,
            policy: &gathered.policy,
            receipts: gathered.bids.len(),
            consistency: sizes.len() - 1,
            clips: gathered.clips.len(),
            media,
            verifier: contents.verifier.as_ref().map(|page| Hash::of(page)),
        };
        case.add(PRINTED, &printer.print(&summary).map_err(lost)?)?;
    }
    manifest.files = std::mem::take(&mut case.files);
    let bytes = jcs::to_canonical(&manifest).map_err(|error| lost(error.to_string()))?;
    case.add(MANIFEST, &bytes)?;
    Ok((manifest, report, case.zip.finish()?))
}

impl About {
    /// The key that the exporter knows, by itself.
    fn policy(&self) -> Option<Policy> {
        self.verifier_key.parse().ok().and_then(|key| Policy::log_only(key).ok())
    }
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
    told: Vec<Told>,
    bids: Vec<Bid>,
    /// References to clips, with their entries and payloads.
    clips: Vec<(u64, Vec<u8>, Box<ClipReferenced>)>,
    /// Entries by which the log changed its key: leaf and payload.
    rotations: Vec<(u64, Vec<u8>, Vec<u8>)>,
    /// The lot's project; until the notice names it, all that there are.
    project: Option<ProjectRegistered>,
    projects: HashMap<Id, ProjectRegistered>,
    history: History,
    /// The policy in force at the end, as a C2SP tlog-policy.
    policy: String,
}

fn gather<R: Read + Seek>(reader: &mut BundleReader<R>, lot: Id) -> Result<Gathered, BundleError> {
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
            Ok(Content::Event(event)) => self.event(seq, leaf, payload, event, lot),
            Ok(Content::Evidence(evidence)) => {
                if let (Evidence::Clip(clip), true) = (*evidence, is_about(&payload, lot)) {
                    self.tell(seq, &leaf, Err(content::kind_of(&payload)));
                    self.clips.push((seq, payload, clip));
                }
            }
            Ok(Content::Record { kind, .. }) if is_about(&payload, lot) => self.tell(seq, &leaf, Err(kind)),
            Ok(Content::Created(created)) => self.policy = policy_text(&created),
            Ok(Content::PolicySet(set)) => self.policy = set.policy,
            Ok(Content::KeyRotated(_)) => self.rotations.push((seq, leaf, payload)),
            _ => {}
        }
    }

    fn event(&mut self, seq: u64, leaf: Vec<u8>, payload: Vec<u8>, event: Box<Event>, lot: Id) {
        match (event.subject, &event.fact) {
            (Subject::Project(id), Fact::ProjectRegistered(fact)) if self.project.is_none() => {
                self.projects.insert(id, fact.clone());
            }
            (Subject::Lot(id), fact) if id == lot => {
                if let Fact::Noticed(notice) = fact {
                    self.project = std::mem::take(&mut self.projects).remove(&notice.project);
                }
                let is_bid = is_bid(&event);
                self.tell(seq, &leaf, Ok(event));
                if is_bid {
                    self.bids.push(Bid { seq, leaf, payload });
                }
            }
            _ => {}
        }
    }

    fn tell(&mut self, seq: u64, leaf: &[u8], what: Result<Box<Event>, String>) {
        if let Ok(leaf) = Leaf::parse(leaf) {
            self.told.push(Told { seq, at: leaf.time, what });
        }
    }
}

fn is_about(payload: &[u8], lot: Id) -> bool {
    Payload::parse(payload).is_ok_and(|payload| payload.subject == Subject::Lot(lot).to_string())
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
    fn begin(&mut self, name: &str, length: u64) -> Result<(), BundleError> {
        let method = if is_stored(name) { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .last_modified_time(zip::DateTime::default())
            .large_file(length >= u64::from(u32::MAX))
            .unix_permissions(0o644);
        Ok(self.zip.start_file(name, options)?)
    }

    fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), BundleError> {
        self.begin(name, u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
        self.zip.write_all(bytes)?;
        if name != MANIFEST {
            self.files.insert(name.to_owned(), Hash::of(bytes));
        }
        Ok(())
    }

    /// All of `from`, which is read twice: to be hashed, and to be copied.
    fn copy<R: Read + Seek>(&mut self, name: &str, from: &mut R) -> Result<(), BundleError> {
        from.seek(SeekFrom::Start(0))?;
        let (hash, length) = Hash::of_reader(from)?;
        from.seek(SeekFrom::Start(0))?;
        self.begin(name, length)?;
        std::io::copy(from, &mut self.zip)?;
        self.files.insert(name.to_owned(), hash);
        Ok(())
    }

    fn add_json(&mut self, name: &str, value: &impl serde::Serialize) -> Result<(), BundleError> {
        let bytes = serde_json::to_vec_pretty(value).map_err(|error| BundleError::Source(error.to_string()))?;
        self.add(name, &bytes)
    }

    /// A receipt of each bid, with what leads from any key of the log to the one that signs now.
    fn receipts(&mut self, gathered: &Gathered, signed: &SignedCheckpoint) -> Result<(), BundleError> {
        let size = signed.unverified().size;
        let proof = |index| {
            let path = inclusion_proof(&gathered.history, index, size);
            let path = path.map_err(|_| BundleError::Source("no inclusion proof".into()))?;
            Ok::<_, BundleError>(Proof { extra: None, index, path, checkpoint: signed.clone() }.to_string())
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let handover = |(seq, leaf, payload): &(u64, Vec<u8>, Vec<u8>)| {
            Ok::<_, BundleError>(Handover { leaf: text(leaf), payload: text(payload), proof: proof(*seq)? })
        };
        let rotations = gathered.rotations.iter().map(handover).collect::<Result<Vec<_>, _>>()?;
        for Bid { seq, leaf, payload } in &gathered.bids {
            let proof = proof(*seq)?;
            self.add(&format!("{RECEIPTS}{seq}.tlog-proof"), proof.as_bytes())?;
            let mut receipt = Receipt::new(text(leaf), Some(text(payload)), proof);
            receipt.rotations.clone_from(&rotations);
            self.add_json(&format!("{RECEIPTS}{seq}.json"), &receipt)?;
        }
        Ok(())
    }

    /// The references to clips and, where there is `media`, the files to which they refer. How many of these are in the case,
    /// and how many are not: not asked for, gone, or not what was announced.
    fn clips(&mut self, gathered: &Gathered, media: Option<(&dyn Media, u64)>) -> Result<(usize, usize), BundleError> {
        let (mut enclosed, mut absent) = (BTreeSet::new(), BTreeSet::new());
        let mut room = media.map_or(0, |(_, most)| most);
        for (seq, payload, clip) in &gathered.clips {
            self.add(&format!("{CLIPS}{seq}.json"), payload)?;
            self.add(&format!("{CLIPS}{seq}.m3u8"), playlist(&clip.parts).as_bytes())?;
            for part in &clip.parts {
                let numbered = (part.first..).zip(&part.segments);
                let segments = numbered.map(|(number, segment)| (Some(number), segment.digest));
                for (number, digest) in std::iter::once((None, part.init)).chain(segments) {
                    if enclosed.contains(&digest) || absent.contains(&digest) {
                        continue;
                    }
                    let name = FileName { run: part.run, number };
                    let found = media.map_or(Ok(None), |(media, _)| media.read(name)).map_err(BundleError::Source)?;
                    // What is not what was announced would only be taken for it.
                    let Some(found) = found.filter(|found| Hash::of(found) == digest) else {
                        absent.insert(digest);
                        continue;
                    };
                    let length = u64::try_from(found.len()).unwrap_or(u64::MAX);
                    let full = BundleError::TooLarge("more footage than a case may hold; export the clips one by one");
                    room = room.checked_sub(length).ok_or(full)?;
                    self.add(&media_name(digest), &found)?;
                    enclosed.insert(digest);
                }
            }
        }
        Ok((enclosed.len(), absent.len()))
    }
}

fn readme() -> &'static str {
    include_str!("readme.md")
}

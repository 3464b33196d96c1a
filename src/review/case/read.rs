//! Reading a case that anybody may have made, and verifying all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};

use serde::Serialize;
use zip::{CompressionMethod, ZipArchive};

use super::report::{CaseReport, Enclosed};
use super::{
    CLIPS, CONSISTENCY, FORMAT, LEDGER, MANIFEST, MEDIA, Manifest, Part, RECEIPTS, TYPE, VERIFIER, files_of, is_stored,
    media_name,
};
use crate::base::Hash;
use crate::base::limits::{
    BUNDLE_MANIFEST_MAX_BYTES, CASE_FILE_MAX_BYTES, CASE_LEDGER_MAX_BYTES, REPORT_FAILURES_MAX, SEGMENT_MAX_BYTES,
};
use crate::ledger::media::{ClipReferenced, playlist};
use crate::ledger::tree::verify_consistency;
use crate::ledger::{Policy, Proof, SignedCheckpoint, jcs};
use crate::review::bundle::{BundleError, BundleReader, open_archive, refused, unpack};
use crate::review::content::{self, Content};
use crate::review::footage::Evidence;
use crate::review::log_keys::LogKeys;
use crate::review::receipt::{self, Receipt, Verdict};
use crate::review::source::{Source as _, Spread};
use crate::review::verify::{Options, Trust};

/// An opened case.
#[derive(Debug)]
pub struct CaseReader<R: Read + Seek> {
    archive: ZipArchive<Part<R>>,
    manifest: Manifest,
    ledger: BundleReader<Part<R>>,
}

/// A clip of the case, for whoever plays it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Clip {
    /// The entry that refers to it.
    pub seq: u64,
    pub reference: ClipReferenced,
    /// For each part the names of its files in the case, in the order in which they are played; none where one is missing.
    pub parts: Vec<Option<Vec<String>>>,
}

impl<R: Read + Seek> CaseReader<R> {
    /// Whether `input` looks like a case rather than a bundle; decides nothing about either.
    pub fn is_case(input: R) -> bool {
        open_archive(input).is_ok_and(|(archive, _)| archive.index_for_name(MANIFEST).is_some())
    }

    /// Reads the directory, the manifest and the ledger's bundle. Refuses a case that holds anything but exactly what its
    /// manifest names, or whose ledger is another than it says.
    pub fn open(input: R) -> Result<Self, BundleError> {
        let input = Part::whole(input)?;
        let all = input.part(0, u64::MAX);
        let (mut archive, files) = open_archive(input)?;
        let limit = BUNDLE_MANIFEST_MAX_BYTES as u64 * 16;
        let manifest = read_manifest(&unpack(&mut archive, MANIFEST, CompressionMethod::Deflated, limit)?)?;
        let named: BTreeSet<&str> = manifest.files.keys().map(String::as_str).chain([MANIFEST]).collect();
        if u64::try_from(named.len()).ok() != Some(files) || !archive.file_names().all(|name| named.contains(name)) {
            return Err(refused(MANIFEST, "does not name exactly the files of the case"));
        }
        let mut ledger = find_ledger(&mut archive, &all)?;
        if manifest.files.get(LEDGER) != Some(&Hash::of_reader(&mut ledger)?.0) {
            return Err(refused(LEDGER, "not the file that the manifest names"));
        }
        let ledger = BundleReader::open(ledger)?;
        let says = ledger.manifest();
        if (&says.origin, says.size, says.root) != (&manifest.origin, manifest.size, manifest.root) {
            return Err(refused(MANIFEST, "says something else than its ledger"));
        }
        Ok(Self { archive, manifest, ledger })
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The ledger that the case carries.
    pub fn ledger(&mut self) -> &mut BundleReader<Part<R>> {
        &mut self.ledger
    }

    /// The bytes of a file that the manifest names, which hash to what it says. The ledger is too large to be handed out.
    pub fn file(&mut self, name: &str) -> Result<Vec<u8>, BundleError> {
        let wanted = *self.manifest.files.get(name).ok_or_else(|| refused(name, "not in the case"))?;
        let method = if is_stored(name) { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        let limit = if name.starts_with(MEDIA) { SEGMENT_MAX_BYTES as u64 } else { CASE_FILE_MAX_BYTES };
        let bytes = unpack(&mut self.archive, name, method, limit)?;
        if Hash::of(&bytes) == wanted { Ok(bytes) } else { Err(refused(name, "not the file that the manifest names")) }
    }

    /// The clips whose references are those of the ledger.
    pub fn clips(&mut self) -> Result<Vec<Clip>, BundleError> {
        let names: Vec<String> = self.manifest.files.keys().filter(|name| name.starts_with(CLIPS)).cloned().collect();
        let mut clips = Vec::new();
        for seq in names.iter().filter_map(|name| clip_seq(name)) {
            let Ok(reference) = self.clip(seq) else { continue };
            let parts = reference.parts.iter().map(|part| {
                let digests = std::iter::once(part.init).chain(part.segments.iter().map(|segment| segment.digest));
                let at_hand = |digest| {
                    let name = media_name(digest);
                    (self.manifest.files.get(&name) == Some(&digest)).then_some(name)
                };
                digests.map(at_hand).collect()
            });
            clips.push(Clip { seq, parts: parts.collect(), reference });
        }
        Ok(clips)
    }

    /// The clip to which entry `seq` refers; the file that says so is the entry's payload.
    fn clip(&mut self, seq: u64) -> Result<ClipReferenced, String> {
        let payload = self.file(&format!("{CLIPS}{seq}.json")).map_err(|error| error.to_string())?;
        let entry = self.ledger.entries(seq, 1).map_err(|error| error.to_string())?.pop();
        if entry.and_then(|entry| entry.payload.ok()).as_ref() != Some(&payload) {
            return Err("not what stands in the ledger of the case".into());
        }
        match content::read(&payload)? {
            Content::Evidence(evidence) => match *evidence {
                Evidence::Clip(clip) => Ok(*clip),
                Evidence::Segments(_) | Evidence::Deleted(_) => Err("not a reference to a clip".into()),
            },
            _ => Err("not a reference to a clip".into()),
        }
    }
}

/// Where the ledger's archive lies in the case: one piece of it, for it is not compressed.
fn find_ledger<R: Read + Seek>(archive: &mut ZipArchive<Part<R>>, all: &Part<R>) -> Result<Part<R>, BundleError> {
    let file = archive.by_name(LEDGER)?;
    if file.compression() != CompressionMethod::Stored || file.encrypted() || file.size() != file.compressed_size() {
        return Err(refused(LEDGER, "not packed as it must be"));
    }
    if file.size() > CASE_LEDGER_MAX_BYTES {
        return Err(refused(LEDGER, "larger than allowed"));
    }
    let start = file.data_start().ok_or_else(|| refused(LEDGER, "lies nowhere"))?;
    Ok(all.part(start, file.size()))
}

/// `clips/<seq>.json`.
fn clip_seq(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(CLIPS)?.strip_suffix(".json")?;
    digits.parse().ok().filter(|seq: &u64| seq.to_string() == digits)
}

fn read_manifest(bytes: &[u8]) -> Result<Manifest, BundleError> {
    let manifest: Manifest = serde_json::from_slice(bytes).map_err(|_| refused(MANIFEST, "not a manifest"))?;
    if manifest.r#type != TYPE || manifest.format != FORMAT {
        return Err(refused(MANIFEST, "of another format"));
    }
    if jcs::to_canonical(&manifest).ok().as_deref() != Some(bytes) {
        return Err(refused(MANIFEST, "not in canonical form"));
    }
    Ok(manifest)
}

/// Verifies the ledger of the case and every file beside it.
pub fn verify<R: Read + Seek, P: Spread>(
    case: &mut CaseReader<R>,
    trust: &Trust,
    options: Options,
    spread: &P,
    progress: impl FnMut(u64, u64),
) -> Result<CaseReport, BundleError> {
    let ledger = crate::review::verify(&mut case.ledger, trust, options, spread, progress)?;
    let policy = trust.policy.clone().or_else(|| Policy::log_only(ledger.verifier_key.parse().ok()?).ok());
    let keys = LogKeys::from_listed(&ledger.log_keys);
    let mut beside =
        Beside { policy, keys, roots: roots(case)?, wanted: BTreeSet::new(), report: CaseReport::of(ledger) };
    let names: Vec<String> = case.manifest.files.keys().cloned().collect();
    for name in names {
        if let Err(why) = beside.check(case, &name)
            && beside.report.faults.len() < REPORT_FAILURES_MAX
        {
            beside.report.faults.push((name, why));
        }
    }
    let absent = beside.wanted.iter().filter(|digest| !case.manifest.files.contains_key(&media_name(**digest)));
    beside.report.media_absent = u64::try_from(absent.count()).unwrap_or(u64::MAX);
    Ok(beside.report)
}

/// What the checkpoints of the case say, by size; the ledger's verification has examined them.
fn roots<R: Read + Seek>(case: &mut CaseReader<R>) -> Result<BTreeMap<u64, Hash>, BundleError> {
    let mut notes = case.ledger.earlier()?;
    notes.push(case.ledger.checkpoint()?);
    let signed = notes.iter().filter_map(|note| SignedCheckpoint::parse(note).ok());
    Ok(signed.map(|signed| (signed.unverified().size, signed.unverified().root)).collect())
}

/// The look at the files beside the ledger, in the order of their names: clips before media.
struct Beside {
    policy: Option<Policy>,
    keys: LogKeys,
    roots: BTreeMap<u64, Hash>,
    /// Files to which the clips of the case refer.
    wanted: BTreeSet<Hash>,
    report: CaseReport,
}

impl Beside {
    fn check<R: Read + Seek>(&mut self, case: &mut CaseReader<R>, name: &str) -> Result<(), String> {
        if name == LEDGER {
            // Read and compared when the case was opened.
            self.report.files += 1;
            return Ok(());
        }
        let bytes = case.file(name).map_err(|error| error.to_string())?;
        self.report.files += 1;
        if name == VERIFIER {
            return self.verifier(Hash::of(&bytes));
        }
        if let Some(digest) = name.strip_prefix(MEDIA) {
            return self.media(digest, Hash::of(&bytes));
        }
        if let Some(sizes) = name.strip_prefix(CONSISTENCY) {
            check_consistency(&self.roots, sizes, &bytes)?;
            self.report.consistency += 1;
        } else if let Some(seq) = clip_seq(name) {
            self.wanted.extend(files_of(&case.clip(seq)?));
            self.report.clips += 1;
        } else if let Some(seq) = name.strip_prefix(CLIPS).and_then(|name| name.strip_suffix(".m3u8")) {
            let seq = clip_seq(&format!("{CLIPS}{seq}.json")).ok_or("not named after an entry")?;
            if playlist(&case.clip(seq)?.parts).as_bytes() != bytes {
                return Err("not the playlist of the clip beside it".into());
            }
        } else if name.starts_with(RECEIPTS) && name.strip_suffix(".json").is_some() {
            self.receipt(case, &String::from_utf8_lossy(&bytes))?;
            self.report.receipts += 1;
        } else if let Some(seq) = name.strip_prefix(RECEIPTS).and_then(|name| name.strip_suffix(".tlog-proof")) {
            let whole = case.file(&format!("{RECEIPTS}{seq}.json")).map_err(|error| error.to_string())?;
            let receipt = Receipt::parse(&String::from_utf8_lossy(&whole)).map_err(|error| error.to_string())?;
            if receipt.proof.as_bytes() != bytes {
                return Err("not the proof of the receipt beside it".into());
            }
        }
        Ok(())
    }

    /// Whoever opens the case with the page in it believes that page.
    fn verifier(&mut self, digest: Hash) -> Result<(), String> {
        let named = &self.report.ledger.verifiers;
        let standing = match named.iter().rev().find(|verifier| verifier.sha256 == digest) {
            Some(verifier) => Enclosed::Published { seq: verifier.seq, version: verifier.version.clone() },
            None if named.is_empty() => Enclosed::NotPublished,
            None => Enclosed::Another,
        };
        let is_another = standing == Enclosed::Another;
        self.report.verifier = Some(standing);
        if is_another { Err("not a verifier that the ledger names".into()) } else { Ok(()) }
    }

    fn media(&mut self, name: &str, digest: Hash) -> Result<(), String> {
        if name != digest.to_hex() {
            return Err("not named after its SHA-256".into());
        }
        if !self.wanted.contains(&digest) {
            return Err("no clip of the case refers to it: it proves nothing".into());
        }
        self.report.media += 1;
        Ok(())
    }

    /// The receipt holds, and its leaf is the one that stands in the case's ledger.
    fn receipt<R: Read + Seek>(&self, case: &mut CaseReader<R>, text: &str) -> Result<(), String> {
        let policy = self.policy.as_ref().ok_or("no key is known")?;
        let receipt = Receipt::parse(text).map_err(|error| error.to_string())?;
        let proof = Proof::parse(&receipt.proof).map_err(|error| error.to_string())?;
        let judged = self.keys.judge(policy, &proof.checkpoint);
        let found = receipt::check(&receipt, judged.as_ref().unwrap_or(policy), None);
        let found = found.map_err(|error| error.to_string())?;
        if found.verdict != Verdict::Included {
            return Err(found.faults.join("; "));
        }
        let stands = case.ledger.entries(found.index, 1).map_err(|error| error.to_string())?;
        match stands.first() {
            Some(entry) if entry.leaf == receipt.leaf.as_bytes() => Ok(()),
            _ => Err("its entry is not in the ledger of the case".into()),
        }
    }
}

fn check_consistency(roots: &BTreeMap<u64, Hash>, sizes: &str, proof: &[u8]) -> Result<(), String> {
    let number = |text: &str| text.parse::<u64>().map_err(|_| "not named after two sizes".to_owned());
    let (old, new) = sizes.split_once('-').ok_or("not named after two sizes")?;
    let (old, new) = (number(old)?, number(new)?);
    let (old_root, new_root) = roots.get(&old).zip(roots.get(&new)).ok_or("of checkpoints that are not in the case")?;
    let lines = String::from_utf8_lossy(proof);
    let path: Vec<Hash> =
        lines.lines().map(str::parse).collect::<Result<_, _>>().map_err(|_| "not a list of hashes")?;
    verify_consistency(old, *old_root, new, *new_root, &path).map_err(|error| error.to_string())
}

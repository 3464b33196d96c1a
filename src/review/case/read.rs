//! Reading a case that anybody may have made, and verifying all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read, Seek};

use serde::{Deserialize, Serialize};
use zip::{CompressionMethod, ZipArchive};

use super::{CONSISTENCY, FORMAT, LEDGER, MANIFEST, MEDIA, Manifest, RECEIPTS, TYPE, hex, is_stored};
use crate::base::Hash;
use crate::base::limits::{BUNDLE_MANIFEST_MAX_BYTES, CASE_FILE_MAX_BYTES, CASE_LEDGER_MAX_BYTES, REPORT_FAILURES_MAX};
use crate::ledger::tree::verify_consistency;
use crate::ledger::{Policy, SignedCheckpoint, jcs};
use crate::review::bundle::{BundleError, BundleReader, open_archive, refused, unpack};
use crate::review::receipt::{self, Receipt, Verdict};
use crate::review::report::{Language, Report};
use crate::review::source::{Source as _, Spread};
use crate::review::verify::{Options, Trust};

/// An opened case.
#[derive(Debug)]
pub struct CaseReader<R: Read + Seek> {
    archive: ZipArchive<R>,
    manifest: Manifest,
    ledger: BundleReader<Cursor<Vec<u8>>>,
}

impl<R: Read + Seek> CaseReader<R> {
    /// Whether `input` looks like a case rather than a bundle; decides nothing about either.
    pub fn is_case(input: R) -> bool {
        open_archive(input).is_ok_and(|(archive, _)| archive.index_for_name(MANIFEST).is_some())
    }

    /// Reads the directory, the manifest and the ledger's bundle. Refuses a case that holds anything but exactly what its
    /// manifest names, or whose ledger is another than it says.
    pub fn open(input: R) -> Result<Self, BundleError> {
        let (mut archive, files) = open_archive(input)?;
        let limit = BUNDLE_MANIFEST_MAX_BYTES as u64 * 16;
        let manifest = read_manifest(&unpack(&mut archive, MANIFEST, CompressionMethod::Deflated, limit)?)?;
        let named: BTreeSet<&str> = manifest.files.keys().map(String::as_str).chain([MANIFEST]).collect();
        if u64::try_from(named.len()).ok() != Some(files) || !archive.file_names().all(|name| named.contains(name)) {
            return Err(refused(MANIFEST, "does not name exactly the files of the case"));
        }
        let ledger = unpack(&mut archive, LEDGER, CompressionMethod::Stored, CASE_LEDGER_MAX_BYTES)?;
        if manifest.files.get(LEDGER) != Some(&Hash::of(&ledger)) {
            return Err(refused(LEDGER, "not the file that the manifest names"));
        }
        let ledger = BundleReader::open(Cursor::new(ledger))?;
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
    pub fn ledger(&mut self) -> &mut BundleReader<Cursor<Vec<u8>>> {
        &mut self.ledger
    }

    /// The bytes of a file that the manifest names, which hash to what it says.
    pub fn file(&mut self, name: &str) -> Result<Vec<u8>, BundleError> {
        let wanted = *self.manifest.files.get(name).ok_or_else(|| refused(name, "not in the case"))?;
        let method = if is_stored(name) { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        let limit = if is_stored(name) { CASE_LEDGER_MAX_BYTES } else { CASE_FILE_MAX_BYTES };
        let bytes = unpack(&mut self.archive, name, method, limit)?;
        if Hash::of(&bytes) == wanted { Ok(bytes) } else { Err(refused(name, "not the file that the manifest names")) }
    }

    fn text(&mut self, name: &str) -> Result<String, BundleError> {
        String::from_utf8(self.file(name)?).map_err(|_| refused(name, "not text"))
    }
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

/// What a verification of a case found: of its ledger, and of what lies beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseReport {
    pub ledger: Report,
    /// Files whose bytes are those that the manifest names.
    pub files: u64,
    /// Receipts that lead to the ledger's checkpoint.
    pub receipts: u64,
    /// Consistency proofs between the case's checkpoints.
    pub consistency: u64,
    /// What did not hold of the files beside the ledger: which file, and why.
    pub faults: Vec<(String, String)>,
}

impl CaseReport {
    /// 0 when everything that was checked held, 1 otherwise.
    pub fn exit_code(&self) -> u8 {
        u8::from(!self.ledger.holds() || !self.faults.is_empty())
    }

    /// What a person reads.
    pub fn to_text(&self, language: Language) -> String {
        let t = |zh, en| language.pick(zh, en);
        let mut lines = vec![
            format!("{}  {}", t("案件文件数", "Files of the case"), self.files),
            format!("{}  {}", t("回执", "Receipts"), self.receipts),
            format!("{}  {}", t("一致性证明", "Consistency proofs"), self.consistency),
        ];
        lines.extend(self.faults.iter().map(|(name, why)| format!("✗ {name}: {why}")));
        lines.push(self.ledger.to_text(language));
        if !self.faults.is_empty() && self.ledger.holds() {
            lines.push(t("案件结论：不成立。", "The case does NOT hold.").to_owned());
        }
        lines.join("\n")
    }
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
    let mut report = CaseReport { ledger, files: 0, receipts: 0, consistency: 0, faults: Vec::new() };
    let believed = trust.policy.clone().or_else(|| {
        let key = report.ledger.verifier_key.parse().ok()?;
        Policy::log_only(key).ok()
    });
    let names: Vec<String> = case.manifest.files.keys().cloned().collect();
    let roots = roots(case)?;
    for name in names {
        if let Err(why) = check_file(case, &name, believed.as_ref(), &roots, &mut report)
            && report.faults.len() < REPORT_FAILURES_MAX
        {
            report.faults.push((name, why));
        }
    }
    Ok(report)
}

/// What the checkpoints of the case say, by size; the ledger's verification has examined them.
fn roots<R: Read + Seek>(case: &mut CaseReader<R>) -> Result<BTreeMap<u64, Hash>, BundleError> {
    let mut notes = case.ledger.earlier()?;
    notes.push(case.ledger.checkpoint()?);
    let signed = notes.iter().filter_map(|note| SignedCheckpoint::parse(note).ok());
    Ok(signed.map(|signed| (signed.unverified().size, signed.unverified().root)).collect())
}

fn check_file<R: Read + Seek>(
    case: &mut CaseReader<R>,
    name: &str,
    policy: Option<&Policy>,
    roots: &BTreeMap<u64, Hash>,
    report: &mut CaseReport,
) -> Result<(), String> {
    let words = |error: BundleError| error.to_string();
    if name == LEDGER {
        // Read and compared when the case was opened.
        report.files += 1;
        return Ok(());
    }
    let bytes = case.file(name).map_err(words)?;
    report.files += 1;
    if let Some(digest) = name.strip_prefix(MEDIA) {
        return if digest == hex(Hash::of(&bytes)) { Ok(()) } else { Err("not named after its SHA-256".into()) };
    }
    if let Some(sizes) = name.strip_prefix(CONSISTENCY) {
        check_consistency(roots, sizes, &bytes)?;
        report.consistency += 1;
    } else if name.starts_with(RECEIPTS) && name.strip_suffix(".json").is_some() {
        let policy = policy.ok_or("no key is known")?;
        check_receipt(case, &String::from_utf8_lossy(&bytes), policy)?;
        report.receipts += 1;
    } else if let Some(seq) = name.strip_prefix(RECEIPTS).and_then(|name| name.strip_suffix(".tlog-proof")) {
        let whole = case.text(&format!("{RECEIPTS}{seq}.json")).map_err(words)?;
        let receipt = Receipt::parse(&whole).map_err(|error| error.to_string())?;
        if receipt.proof.as_bytes() != bytes {
            return Err("not the proof of the receipt beside it".into());
        }
    }
    Ok(())
}

/// The receipt holds, and its leaf is the one that stands in the case's ledger.
fn check_receipt<R: Read + Seek>(case: &mut CaseReader<R>, text: &str, policy: &Policy) -> Result<(), String> {
    let receipt = Receipt::parse(text).map_err(|error| error.to_string())?;
    let found = receipt::check(&receipt, policy, None).map_err(|error| error.to_string())?;
    if found.verdict != Verdict::Included {
        return Err(found.faults.join("; "));
    }
    let stands = case.ledger.entries(found.index, 1).map_err(|error| error.to_string())?;
    match stands.first() {
        Some(entry) if entry.leaf == receipt.leaf.as_bytes() => Ok(()),
        _ => Err("its entry is not in the ledger of the case".into()),
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

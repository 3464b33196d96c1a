//! `mingjian verify --receipt`: a receipt by itself, and against whatever the ledger has become.

use std::path::Path;

use super::sources::{Served, Stored};
use super::verify::is_url;
use crate::ledger::tree::consistency_proof;
use crate::ledger::{Proof, SignedCheckpoint, leaf_hash};
use crate::review::bundle::BundleReader;
use crate::review::case::CaseReader;
use crate::review::receipt::{self, Newer, ReceiptReport};
use crate::review::{History, Receipt, Source, Trust};
use crate::store::DataDir;
use crate::store::reader::SqliteReader;

type Failed = Box<dyn std::error::Error>;

/// Checks the receipt in `file` under `trust`, and against the newest checkpoint of `source`. A bare `tlog-proof` takes its
/// leaf from there.
pub fn check(file: &Path, source: Option<&str>, ledger: &str, trust: &Trust) -> Result<ReceiptReport, Failed> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let policy = trust.policy.as_ref().ok_or("a receipt needs --key")?;
    let Some(source) = source else { return Ok(receipt::check(&Receipt::parse(&text)?, policy, None)?) };
    if is_url(source) {
        let mut served = Served::new(source);
        let (receipt, own) = read(&text, &mut served)?;
        let newer = served.checkpoint().map_err(words)?;
        let sizes = (own, SignedCheckpoint::parse(&newer)?);
        let consistency = served.consistency(sizes.0, sizes.1.unverified().size).map_err(words)?;
        return Ok(receipt::check(&receipt, policy, Some(&Newer { checkpoint: sizes.1, consistency }))?);
    }
    if Path::new(source).is_dir() {
        let dir = DataDir::open_read_only(source)?;
        return against(&text, &mut Stored::whole(SqliteReader::open(&dir.ledger_path(ledger)?)?), trust);
    }
    let open = || std::fs::File::open(source).map_err(|error| format!("{source}: {error}"));
    if CaseReader::is_case(open()?) {
        return against(&text, CaseReader::open(open()?)?.ledger(), trust);
    }
    against(&text, &mut BundleReader::open(open()?)?, trust)
}

/// With all leaves at hand the proof from one size to the other is made here.
fn against<S: Source>(text: &str, source: &mut S, trust: &Trust) -> Result<ReceiptReport, Failed> {
    let policy = trust.policy.as_ref().ok_or("a receipt needs --key")?;
    let (receipt, own) = read(text, source)?;
    let checkpoint = SignedCheckpoint::parse(&source.checkpoint().map_err(words)?)?;
    let size = checkpoint.unverified().size;
    let mut history = History::new();
    while history.size() < size {
        let page = source.entries(history.size(), crate::base::limits::VERIFY_CHUNK_ENTRIES).map_err(words)?;
        if page.is_empty() {
            return Err("the ledger ends before its checkpoint".into());
        }
        page.iter().for_each(|entry| history.append(leaf_hash(&entry.leaf)));
    }
    // From a greater size there is no way to a smaller one: an empty proof then fails, as it must.
    let consistency = consistency_proof(&history, own, size).unwrap_or_default();
    Ok(receipt::check(&receipt, policy, Some(&Newer { checkpoint, consistency }))?)
}

/// The receipt and the size of its own checkpoint.
fn read<S: Source>(text: &str, source: &mut S) -> Result<(Receipt, u64), Failed> {
    if let Ok(proof) = Proof::parse(text) {
        source.checkpoint().map_err(words)?;
        let entries = source.entries(proof.index, 1).map_err(words)?;
        let entry = entries.into_iter().next().ok_or("the ledger has no such entry")?;
        let receipt = Receipt::new(String::from_utf8(entry.leaf)?, None, text.to_owned());
        return Ok((receipt, proof.checkpoint.unverified().size));
    }
    let receipt = Receipt::parse(text)?;
    let size = Proof::parse(&receipt.proof)?.checkpoint.unverified().size;
    Ok((receipt, size))
}

fn words(error: impl std::fmt::Display) -> Failed {
    error.to_string().into()
}

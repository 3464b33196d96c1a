//! `mingjian verify --receipt`: a receipt by itself, and against whatever the ledger has become.

use std::path::Path;

use super::sources::Served;
use super::verify::is_url;
use crate::desk::Stored;
use crate::ledger::{Proof, SignedCheckpoint};
use crate::review::bundle::BundleReader;
use crate::review::case::CaseReader;
use crate::review::receipt::{self, Link, Newer, ReceiptReport};
use crate::review::{LogKeys, Receipt, Source, Trust};
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
        let mut served = Served::find(source, ledger)?;
        let checkpoint = SignedCheckpoint::parse(&served.checkpoint()?)?;
        let mut receipt = match Proof::parse(&text) {
            Ok(proof) => Receipt::of_proof(&text, served.entries(proof.index, 1)?.first().map(|e| &*e.leaf))?,
            Err(_) => Receipt::parse(&text)?,
        };
        // What the log says of its keys counts where it holds; a log that says rubbish takes nothing from the receipt.
        let rotations = served.rotations()?;
        if LogKeys::proven(policy, &rotations).is_ok() {
            receipt.rotations = rotations;
        }
        let own = Proof::parse(&receipt.proof)?.checkpoint.unverified().size;
        // A log that has no proof to give has none that leads anywhere: the report says what that means.
        let proof = served.consistency(own, checkpoint.unverified().size)?.unwrap_or_default();
        return Ok(receipt::check(
            &receipt,
            policy,
            Some(&Newer { checkpoint, link: Link::Proof(proof), keys: None }),
        )?);
    }
    if Path::new(source).is_dir() {
        let dir = DataDir::open_read_only(source)?;
        let reader = SqliteReader::open(&dir.ledger_path(ledger)?)?;
        let mut stored = Stored::whole(&reader);
        return Ok(receipt::check_against(&text, policy, &mut stored)?);
    }
    let open = || std::fs::File::open(source).map_err(|error| format!("{source}: {error}"));
    if CaseReader::is_case(open()?) {
        return Ok(receipt::check_against(&text, policy, CaseReader::open(open()?)?.ledger())?);
    }
    Ok(receipt::check_against(&text, policy, &mut BundleReader::open(open()?)?)?)
}

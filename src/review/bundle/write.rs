//! Writing a bundle from any source.

use std::io::{Seek, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{
    BundleError, CHECKPOINT, FORMAT, MANIFEST, Manifest, README, TYPE, checkpoint_name, encode_payloads, payload_name,
    refused, tiles,
};
use crate::base::limits::{BUNDLE_FILES_MAX, CHECKPOINTS_MAX};
use crate::ledger::tile::{TILE_WIDTH, encode_bundle};
use crate::ledger::{SignedCheckpoint, jcs};
use crate::review::report::MissingPayloads;
use crate::review::source::Source;

/// What the exporter says about the bundle.
#[derive(Debug, Clone)]
pub struct About {
    /// The class of readers whose view the source shows, such as `public` or `supervision`.
    pub reader: String,
    pub verifier_key: String,
}

/// Writes everything that `source` shows, up to its checkpoint. The same source gives the same bytes.
pub fn write<W: Write + Seek, S: Source>(
    out: W,
    source: &mut S,
    about: About,
    mut progress: impl FnMut(u64, u64),
) -> Result<(Manifest, W), BundleError> {
    let lost = |error: S::Error| BundleError::Source(error.to_string());
    let note = source.checkpoint().map_err(lost)?;
    let signed = SignedCheckpoint::parse(&note).map_err(|error| BundleError::Source(error.to_string()))?;
    let checkpoint = signed.unverified().clone();
    let mut zip = Zip { inner: ZipWriter::new(out), files: 0 };
    zip.add(README, readme().as_bytes())?;
    zip.add(CHECKPOINT, note.as_bytes())?;
    let checkpoints = earlier(&mut zip, &source.earlier().map_err(lost)?, checkpoint.size)?;
    let mut missing = MissingPayloads::default();
    for tile in tiles(checkpoint.size) {
        let first = tile.index * u64::from(TILE_WIDTH);
        let entries = source.entries(first, usize::from(tile.width)).map_err(lost)?;
        if entries.len() != usize::from(tile.width) {
            return Err(BundleError::Source(format!("it ends before its checkpoint, at entry {first} or soon after")));
        }
        let (leaves, payloads): (Vec<_>, Vec<_>) = entries.into_iter().map(|entry| (entry.leaf, entry.payload)).unzip();
        payloads.iter().filter_map(|payload| payload.as_ref().err()).for_each(|why| missing.count(*why));
        let name = tile.to_string();
        zip.add(&name, &encode_bundle(&leaves).ok_or_else(|| refused(&name, "a leaf is too long"))?)?;
        let name = payload_name(tile);
        zip.add(&name, &encode_payloads(&payloads).ok_or_else(|| refused(&name, "a payload is too long"))?)?;
        progress(first + u64::from(tile.width), checkpoint.size);
    }
    let manifest = Manifest {
        checkpoints,
        format: FORMAT,
        missing,
        origin: checkpoint.origin,
        reader: about.reader,
        requires: Vec::new(),
        root: checkpoint.root,
        size: checkpoint.size,
        r#type: TYPE.into(),
        verifier_key: about.verifier_key,
    };
    let bytes = jcs::to_canonical(&manifest).map_err(|_| refused(MANIFEST, "cannot be written"))?;
    zip.add(MANIFEST, &bytes)?;
    Ok((manifest, zip.inner.finish()?))
}

/// One checkpoint for each size; a second one of the same size that differs would be a forked ledger, for whoever holds
/// both to show.
fn earlier<W: Write + Seek>(zip: &mut Zip<W>, notes: &[String], size: u64) -> Result<Vec<u64>, BundleError> {
    let mut sizes = std::collections::BTreeMap::new();
    for note in notes.iter().take(CHECKPOINTS_MAX) {
        if let Ok(signed) = SignedCheckpoint::parse(note)
            && signed.unverified().size < size
        {
            sizes.entry(signed.unverified().size).or_insert(note);
        }
    }
    for (size, note) in &sizes {
        zip.add(&checkpoint_name(*size), note.as_bytes())?;
    }
    Ok(sizes.into_keys().collect())
}

struct Zip<W: Write + Seek> {
    inner: ZipWriter<W>,
    files: u64,
}

impl<W: Write + Seek> Zip<W> {
    fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), BundleError> {
        self.files += 1;
        if self.files > BUNDLE_FILES_MAX {
            return Err(refused(name, "more files than a bundle may hold"));
        }
        // The time of a file is that of the format's epoch: a bundle says nothing about when it was made.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(0o644);
        self.inner.start_file(name, options)?;
        Ok(self.inner.write_all(bytes)?)
    }
}

fn readme() -> &'static str {
    "# 明鉴账本包\n\n\
     这是一本公共资源交易账本的完整副本：每一条目的链接（`tile/entries/`）、可公开的内容（`payload/`）、\
     签名的检查点（`checkpoint`，更早的在 `checkpoints/`）。无需联网即可核验：\n\n    mingjian verify 本文件\n\n\
     `payload/` 中标为「不公开」或「已删除」的内容不在包内；其哈希仍在链中，核验报告会写明数量及因此未作的检查。\
     `manifest.json` 中的公钥仅供比对，请以您自己从可信渠道取得的公钥为准。\n\n\
     # Mingjian ledger bundle\n\n\
     A complete copy of the ledger of a public-resource trading centre: the chain of every entry (`tile/entries/`), the \
     payloads that may be read (`payload/`), the signed checkpoint (`checkpoint`, older ones in `checkpoints/`). It is \
     verified without a network:\n\n    mingjian verify THIS_FILE\n\n\
     Payloads marked as withheld or erased are not in the bundle; their hashes remain in the chain, and the report says how \
     many there are and what was therefore not checked. Compare the key in `manifest.json` with a copy of your own.\n"
}

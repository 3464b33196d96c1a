//! Reading a bundle that anybody may have made. Nothing is unpacked before its name was expected, and nothing is unpacked
//! beyond its limit, whatever the archive says about sizes.

use std::collections::BTreeSet;
use std::io::{Read, Seek, SeekFrom};

use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive};

use super::{
    BundleError, CHECKPOINT, FORMAT, MANIFEST, Manifest, README, TYPE, checkpoint_name, decode_payloads, payload_name,
    refused, tiles,
};
use crate::base::limits::{
    BUNDLE_FILE_MAX_BYTES, BUNDLE_FILES_MAX, BUNDLE_MANIFEST_MAX_BYTES, CHECKPOINTS_MAX, NOTE_MAX_BYTES,
};
use crate::ledger::tile::{TILE_WIDTH, TileKind, TilePath, decode_bundle};
use crate::ledger::{SignedCheckpoint, jcs};
use crate::review::source::{Entry, Source};

/// An opened bundle; a [`Source`].
#[derive(Debug)]
pub struct BundleReader<R: Read + Seek> {
    archive: ZipArchive<R>,
    manifest: Manifest,
    checkpoint: String,
}

impl<R: Read + Seek> BundleReader<R> {
    /// Reads the directory, the manifest and the checkpoint, and refuses an archive that holds anything but exactly what
    /// its manifest calls for.
    pub fn open(input: R) -> Result<Self, BundleError> {
        let (mut archive, files) = open_archive(input)?;
        let manifest = read_manifest(&deflated(&mut archive, MANIFEST, BUNDLE_MANIFEST_MAX_BYTES as u64)?)?;
        check_names(&archive, &manifest, files)?;
        let checkpoint = text(&mut archive, CHECKPOINT)?;
        let signed =
            SignedCheckpoint::parse(&checkpoint).map_err(|_| refused(CHECKPOINT, "not a signed checkpoint"))?;
        let says = signed.unverified();
        if (&says.origin, says.size, says.root) != (&manifest.origin, manifest.size, manifest.root) {
            return Err(refused(MANIFEST, "says something else than the checkpoint"));
        }
        Ok(Self { archive, manifest, checkpoint })
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The entries of one tile.
    fn tile(&mut self, tile: TilePath) -> Result<Vec<Entry>, BundleError> {
        let name = tile.to_string();
        let bytes = deflated(&mut self.archive, &name, BUNDLE_FILE_MAX_BYTES)?;
        let leaves = decode_bundle(&bytes).filter(|leaves| leaves.len() == usize::from(tile.width));
        let leaves = leaves.ok_or_else(|| refused(&name, "not an entry bundle of its width"))?;
        let name = payload_name(tile);
        let payloads = deflated(&mut self.archive, &name, BUNDLE_FILE_MAX_BYTES)?;
        let payloads = decode_payloads(&payloads, leaves.len()).ok_or_else(|| refused(&name, "not its payloads"))?;
        Ok(leaves.into_iter().zip(payloads).map(|(leaf, payload)| Entry { leaf: leaf.to_vec(), payload }).collect())
    }
}

impl<R: Read + Seek> Source for BundleReader<R> {
    type Error = BundleError;

    fn checkpoint(&mut self) -> Result<String, BundleError> {
        Ok(self.checkpoint.clone())
    }

    fn earlier(&mut self) -> Result<Vec<String>, BundleError> {
        let sizes = self.manifest.checkpoints.clone();
        sizes.into_iter().map(|size| text(&mut self.archive, &checkpoint_name(size))).collect()
    }

    fn entries(&mut self, seq: u64, count: usize) -> Result<Vec<Entry>, BundleError> {
        let width = u64::from(TILE_WIDTH);
        let end = self.manifest.size.min(seq.saturating_add(u64::try_from(count).unwrap_or(u64::MAX)));
        let mut entries = Vec::new();
        let mut at = seq;
        while at < end {
            let index = at / width;
            let rest = self.manifest.size - index * width;
            let tile = TilePath {
                kind: TileKind::Entries,
                index,
                width: u16::try_from(rest).unwrap_or(TILE_WIDTH).min(TILE_WIDTH),
            };
            let skip = usize::try_from(at % width).unwrap_or(0);
            let take = usize::try_from(end - at).unwrap_or(usize::MAX);
            let before = entries.len();
            entries.extend(self.tile(tile)?.into_iter().skip(skip).take(take));
            at += u64::try_from(entries.len() - before).unwrap_or(0);
        }
        Ok(entries)
    }
}

/// Opens an archive in which no name stands twice and no two files share bytes; how many files it holds.
pub fn open_archive<R: Read + Seek>(mut input: R) -> Result<(ZipArchive<R>, u64), BundleError> {
    let files = count_files(&mut input)?;
    let mut archive = ZipArchive::with_config(Config { archive_offset: ArchiveOffset::Known(0) }, input)?;
    // Of two files of one name the archive keeps one.
    if u64::try_from(archive.len()).ok() != Some(files) {
        return Err(refused("archive", "a name stands twice"));
    }
    if archive.has_overlapping_files()? {
        return Err(refused("archive", "files share bytes"));
    }
    Ok((archive, files))
}

/// How many files the archive's last record declares, read before anything is allocated for them. The record is the very
/// end of a bundle: a comment behind it could hide a second directory.
fn count_files<R: Read + Seek>(input: &mut R) -> Result<u64, BundleError> {
    const NOT_AT_END: &str = "the end record is not at the end";
    let length = input.seek(SeekFrom::End(0))?;
    let end: [u8; 22] = read_at(input, length.checked_sub(22).ok_or_else(|| refused("archive", NOT_AT_END))?)?;
    let [b'P', b'K', 5, 6, 0, 0, 0, 0, n0, n1, m0, m1, bytes @ .., o0, o1, o2, o3, 0, 0] = end else {
        return Err(refused("archive", NOT_AT_END));
    };
    if [n0, n1] != [m0, m1] {
        return Err(refused("archive", "parts of it are elsewhere"));
    }
    let (count, bytes) = (u16::from_le_bytes([m0, m1]), u32::from_le_bytes(bytes));
    let offset = u32::from_le_bytes([o0, o1, o2, o3]);
    let directory = if count == u16::MAX || bytes == u32::MAX || offset == u32::MAX {
        directory_64(input, length)?
    } else {
        Directory { files: count.into(), bytes: bytes.into(), offset: offset.into(), end: length - 22 }
    };
    // Bytes between the directory and its end record could be another archive.
    if directory.offset.checked_add(directory.bytes) != Some(directory.end) {
        return Err(refused("archive", "something lies behind its directory"));
    }
    if directory.files > BUNDLE_FILES_MAX {
        return Err(refused("archive", "more files than a bundle may hold"));
    }
    Ok(directory.files)
}

/// What the end record says of the archive's directory.
struct Directory {
    files: u64,
    bytes: u64,
    offset: u64,
    /// Where the first end record starts.
    end: u64,
}

/// The same from the record of archives with 65,535 files and more, or of 4 GiB (APPNOTE 4.3.14, 4.3.15).
fn directory_64<R: Read + Seek>(input: &mut R, length: u64) -> Result<Directory, BundleError> {
    let wrong = || refused("archive", "no end record of a large archive");
    let locator: [u8; 20] = read_at(input, length.checked_sub(42).ok_or_else(wrong)?)?;
    let [b'P', b'K', 6, 7, _, _, _, _, end @ .., _, _, _, _] = locator else { return Err(wrong()) };
    let end = u64::from_le_bytes(end);
    let record: [u8; 56] = read_at(input, end)?;
    if !record.starts_with(b"PK\x06\x06") || end.checked_add(56 + 42) != Some(length) {
        return Err(wrong());
    }
    let number = |at: usize| record.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
    let (files, bytes, offset) = (number(32), number(40), number(48));
    files
        .zip(bytes)
        .zip(offset)
        .map(|((files, bytes), offset)| Directory { files, bytes, offset, end })
        .ok_or_else(wrong)
}

fn read_at<R: Read + Seek, const N: usize>(input: &mut R, offset: u64) -> Result<[u8; N], BundleError> {
    let mut bytes = [0; N];
    input.seek(SeekFrom::Start(offset))?;
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_manifest(bytes: &[u8]) -> Result<Manifest, BundleError> {
    let manifest: Manifest = serde_json::from_slice(bytes).map_err(|_| refused(MANIFEST, "not a manifest"))?;
    if manifest.r#type != TYPE || manifest.format != FORMAT {
        return Err(refused(MANIFEST, "of another format"));
    }
    if !manifest.requires.is_empty() {
        return Err(refused(MANIFEST, "requires an extension that this version does not know"));
    }
    if jcs::to_canonical(&manifest).ok().as_deref() != Some(bytes) {
        return Err(refused(MANIFEST, "not in canonical form"));
    }
    let rising = manifest.checkpoints.is_sorted_by(|a, b| a < b);
    if !rising || manifest.checkpoints.len() > CHECKPOINTS_MAX {
        return Err(refused(MANIFEST, "checkpoints not in rising order, or too many"));
    }
    Ok(manifest)
}

/// The names must be exactly those that the manifest calls for; so none leads out of a folder and none is a surprise.
fn check_names<R: Read + Seek>(archive: &ZipArchive<R>, manifest: &Manifest, files: u64) -> Result<(), BundleError> {
    // The count first: a manifest that claims an endless ledger must not make us list its names.
    let called_for = 3 + manifest.checkpoints.len() as u64 + 2 * manifest.size.div_ceil(u64::from(TILE_WIDTH));
    if called_for != files {
        return Err(refused(MANIFEST, "calls for another number of files"));
    }
    let mut names: BTreeSet<String> = [MANIFEST, CHECKPOINT, README].map(str::to_owned).into();
    names.extend(manifest.checkpoints.iter().map(|size| checkpoint_name(*size)));
    names.extend(tiles(manifest.size).flat_map(|tile| [tile.to_string(), payload_name(tile)]));
    if let Some(name) = archive.file_names().find(|name| !names.contains(*name)) {
        return Err(refused(name, "no such file belongs into a bundle"));
    }
    Ok(())
}

fn text<R: Read + Seek>(archive: &mut ZipArchive<R>, name: &str) -> Result<String, BundleError> {
    let bytes = deflated(archive, name, NOTE_MAX_BYTES as u64)?;
    String::from_utf8(bytes).map_err(|_| refused(name, "not text"))
}

fn deflated<R: Read + Seek>(archive: &mut ZipArchive<R>, name: &str, limit: u64) -> Result<Vec<u8>, BundleError> {
    unpack(archive, name, CompressionMethod::Deflated, limit)
}

/// Unpacks one file, compressed as expected and not encrypted, of at most `limit` bytes. What it declares is checked
/// first, what it really holds is counted; the archive's own checksum is checked at the end.
pub fn unpack<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    name: &str,
    method: CompressionMethod,
    limit: u64,
) -> Result<Vec<u8>, BundleError> {
    let file = archive.by_name(name)?;
    if file.compression() != method || file.encrypted() {
        return Err(refused(name, "not packed as it must be"));
    }
    let declared = file.size();
    if declared > limit {
        return Err(refused(name, "larger than allowed"));
    }
    let mut bytes = Vec::new();
    file.take(declared + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).ok() != Some(declared) {
        return Err(refused(name, "not of the size that it declares"));
    }
    Ok(bytes)
}

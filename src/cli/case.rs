//! `mingjian case`.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args as ClapArgs, ValueEnum};

use super::Outcome;
use super::output::{damaged, say};
use crate::base::Id;
use crate::base::limits::CASE_MEDIA_MAX_BYTES;
use crate::desk::{Enclosed, Stored, class_of, write_case};
use crate::evidence::Directory;
use crate::http::web_files;
use crate::identity::{Role, Viewer};
use crate::review::Media;
use crate::store::DataDir;
use crate::store::reader::SqliteReader;

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Data directory; a server may be running on it
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The lot that the case is about
    #[arg(long, value_name = "ID")]
    lot: Id,
    /// The case file to write; it must not exist yet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Ledger of the data directory
    #[arg(long, default_value = super::open::LEDGER)]
    ledger: String,
    /// For whom: what that class of readers may not read stays hidden and is counted
    #[arg(long, value_enum, default_value = "public")]
    reader: Reader,
    /// Put in the footage to which the lot's clips refer, from DIR [default: the data directory's]
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = "")]
    media: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Reader {
    /// What anybody may read now
    Public,
    /// A reviewer with a case on this lot
    Reviewer,
}

pub fn run(args: &Args, json: bool) -> Outcome {
    let dir = DataDir::open_read_only(&args.data)?;
    let reader = SqliteReader::open(&dir.ledger_path(&args.ledger)?)?;
    let viewer = match args.reader {
        Reader::Public => Viewer::public(),
        Reader::Reviewer => reviewer_of(args.lot),
    };
    let class = class_of(viewer.role);
    let mut source = Stored::seen_by(&reader, viewer)?;
    let footage = footage(args, &dir)?;
    let media = footage.as_ref().map(|footage| (footage as &dyn Media, CASE_MEDIA_MAX_BYTES));
    let enclosed = Enclosed { verifier: web_files::verifier(), media };
    // Beside the file, where there must be as much room anyway.
    let beside = args.out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let scratch = tempfile::tempfile_in(beside).map_err(|error| format!("{}: {error}", beside.display()))?;
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&args.out);
    let file = file.map_err(|error| format!("{}: {error}", args.out.display()))?;
    let (manifest, report, file) = write_case((file, scratch), &mut source, args.lot, class, &enclosed)?;
    file.sync_all()?;
    if json {
        say(&serde_json::to_string(&manifest)?);
    } else {
        let hidden = manifest.missing.withheld + manifest.missing.erased;
        say(&format!(
            "{}: {} entries about the lot, {} files; {hidden} payloads of the ledger stay hidden{}",
            args.out.display(),
            manifest.entries,
            manifest.files.len() + 1,
            damaged(manifest.missing.damaged)
        ));
        if !manifest.files.contains_key("verify.html") {
            say("this build has no verify.html: `npm run verifier` in web/, then build again");
        }
    }
    Ok(ExitCode::from(report.exit_code()))
}

fn footage(args: &Args, dir: &DataDir) -> Result<Option<Directory>, String> {
    let Some(given) = &args.media else { return Ok(None) };
    let folder = if given.as_os_str().is_empty() { dir.path().join("media") } else { given.clone() };
    let found = Directory::existing(&folder).ok_or_else(|| format!("--media: {}: no such folder", folder.display()))?;
    Ok(Some(found))
}

/// A reviewer, nobody in particular, with an open case on `lot`.
fn reviewer_of(lot: Id) -> Viewer {
    let role = Role::Reviewer;
    Viewer { account: Some(Id::from_u128(0)), role, cases: vec![lot], ..Viewer::public() }
}

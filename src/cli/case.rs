//! `mingjian case`.

use std::fs::OpenOptions;
use std::io::BufWriter;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args as ClapArgs, ValueEnum};

use super::Outcome;
use super::output::say;
use super::sources::{Stored, Threads, verifier_key_of};
use crate::base::Id;
use crate::http::web_files;
use crate::review::bundle::About;
use crate::review::case::{Contents, write};
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
    /// A clip to put in; may be given several times
    #[arg(long = "media", value_name = "FILE")]
    media: Vec<PathBuf>,
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
    let stored = SqliteReader::open(&dir.ledger_path(&args.ledger)?)?;
    let (mut source, reader) = match args.reader {
        Reader::Public => (Stored::public(stored)?, "public"),
        Reader::Reviewer => (Stored::for_reviewer(stored, args.lot)?, "reviewer"),
    };
    let about = About { reader: reader.into(), verifier_key: verifier_key_of(&mut source)? };
    let read = |path: &PathBuf| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    let media = args.media.iter().map(read).collect::<Result<_, _>>()?;
    let contents = Contents { lot: args.lot, about, verifier: web_files::verifier(), media };
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&args.out);
    let file = file.map_err(|error| format!("{}: {error}", args.out.display()))?;
    let (manifest, report, file) = write(BufWriter::new(file), &mut source, contents, &Threads)?;
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    if json {
        say(&serde_json::to_string(&manifest)?);
    } else {
        let hidden = manifest.missing.withheld + manifest.missing.erased;
        say(&format!(
            "{}: {} entries about the lot, {} files; {hidden} payloads of the ledger stay hidden",
            args.out.display(),
            manifest.entries,
            manifest.files.len() + 1
        ));
        if !manifest.files.contains_key("verify.html") {
            say("this build has no verify.html: `npm run verifier` in web/, then build again");
        }
    }
    Ok(ExitCode::from(report.exit_code()))
}

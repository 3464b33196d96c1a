//! `mingjian export`.

use std::fs::OpenOptions;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args as ClapArgs, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::Outcome;
use super::output::{damaged, say};
use super::sources::shared;
use crate::desk::{Stored, verifier_key_of};
use crate::review::bundle::{About, write};
use crate::sequencer::LedgerReader;
use crate::store::DataDir;
use crate::store::reader::SqliteReader;

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Data directory; a server may be running on it. Without it: the database that the settings name
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The bundle to write; it must not exist yet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Which of its ledgers
    #[arg(long, default_value = super::open::LEDGER)]
    ledger: String,
    /// For whom: what that class of readers may not read is marked as withheld
    #[arg(long, value_enum, default_value = "public")]
    reader: Reader,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Reader {
    /// What anybody may read now
    Public,
    /// Everything that is stored, personal data included: for the centre's own archive
    Archive,
}

pub fn run(config: Option<&Path>, args: &Args, json: bool) -> Outcome {
    match &args.data {
        Some(data) => {
            let dir = DataDir::open_read_only(data)?;
            export(args, &SqliteReader::open(&dir.ledger_path(&args.ledger)?)?, json)
        }
        None => export(args, &shared(config)?.reader(&args.ledger)?, json),
    }
}

fn export(args: &Args, stored: &dyn LedgerReader, json: bool) -> Outcome {
    let (mut source, reader) = match args.reader {
        Reader::Public => (Stored::public(stored)?, "public"),
        Reader::Archive => (Stored::whole(stored), "archive"),
    };
    let about = About { reader: reader.into(), verifier_key: verifier_key_of(&mut source)? };
    let file = OpenOptions::new().write(true).create_new(true).open(&args.out);
    let file = file.map_err(|error| format!("{}: {error}", args.out.display()))?;
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} entries, {eta} left")?);
    let written = write(BufWriter::new(file), &mut source, about, |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let (manifest, file) = written?;
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    if json {
        say(&serde_json::to_string(&manifest)?);
    } else {
        let missing = manifest.missing.all();
        let damaged = damaged(manifest.missing.damaged);
        say(&format!("{}: {} entries, {missing} payloads not included{damaged}", args.out.display(), manifest.size));
    }
    Ok(ExitCode::SUCCESS)
}

//! `mingjian verify`.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args as ClapArgs, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::Outcome;
use super::output::say;
use super::sources::{Served, Stored, Threads};
use crate::ledger::sm2::Sm2Key;
use crate::ledger::{Note, Policy, VerifierKey};
use crate::review::bundle::BundleReader;
use crate::review::{CheckName, Failure, Language, Options, Report, Source, Trust, verify};
use crate::store::DataDir;
use crate::store::mirror::withheld;
use crate::store::reader::SqliteReader;

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// URL of a ledger, a data directory, or a bundle that `export` wrote
    source: String,
    /// Ledger of a data directory
    #[arg(long, default_value = super::open::LEDGER)]
    ledger: String,
    /// The log's verifier key, from a source that you trust; without it the key that the ledger names is believed
    #[arg(long, value_name = "NAME+HASH+KEY")]
    key: Option<VerifierKey>,
    /// A witness's verifier key; may be given several times
    #[arg(long = "witness", value_name = "NAME+HASH+KEY", requires = "key")]
    witnesses: Vec<VerifierKey>,
    /// How many of the witnesses must have cosigned [default: all]
    #[arg(long, value_name = "N", requires = "witnesses")]
    quorum: Option<usize>,
    /// The log's SM2 key (国密): the checkpoint must bear its line too
    #[arg(long, value_name = "NAME+HASH+KEY")]
    sm2_key: Option<Sm2Key>,
    /// A checkpoint that you kept from earlier; may be given several times
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// Leave out the signatures of bids, the slowest check
    #[arg(long)]
    no_signatures: bool,
    /// Leave out the replay of the trading rules
    #[arg(long)]
    no_replay: bool,
    /// Language of the summary
    #[arg(long, value_enum, default_value = "zh")]
    lang: Lang,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Lang {
    Zh,
    En,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::Zh => Self::Zh,
            Lang::En => Self::En,
        }
    }
}

pub fn run(args: &Args, json: bool) -> Outcome {
    let report = if args.source.starts_with("http://") || args.source.starts_with("https://") {
        check(args, &mut Served::new(&args.source))?
    } else if Path::new(&args.source).is_dir() {
        let dir = DataDir::open_read_only(&args.source)?;
        let path = dir.ledger_path(&args.ledger)?;
        let reader = SqliteReader::open(&path)?;
        check(args, &mut Stored::mirrored(reader, withheld(&path)?.into_iter().collect()))?
    } else {
        let file = File::open(&args.source).map_err(|error| format!("{}: {error}", args.source))?;
        check(args, &mut BundleReader::open(BufReader::new(file))?)?
    };
    if json {
        say(&serde_json::to_string_pretty(&report)?);
    } else {
        say(report.to_text(args.lang.into()).trim_end());
    }
    Ok(ExitCode::from(report.exit_code()))
}

fn check<S: Source>(args: &Args, source: &mut S) -> Result<Report, Box<dyn std::error::Error>> {
    let options = Options { signatures: !args.no_signatures, replay: !args.no_replay };
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} entries, {per_sec}, {eta} left")?);
    let report = verify(source, &trust(args)?, options, &Threads, |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let mut report = report.map_err(|error| error.to_string())?;
    if let Some(key) = &args.sm2_key {
        let note = source.checkpoint().map_err(|error| error.to_string())?;
        if let Err(error) = Note::parse(&note).and_then(|note| key.verify(&note)) {
            let expected = format!("a checkpoint signed under {key}");
            report.fail(Failure::of_all(CheckName::Checkpoint, "sm2_signature", expected, error.to_string()));
        }
    }
    Ok(report)
}

fn trust(args: &Args) -> Result<Trust, Box<dyn std::error::Error>> {
    let quorum = args.quorum.unwrap_or(args.witnesses.len());
    let policy = args.key.clone().map(|key| Policy::new(key, args.witnesses.clone(), quorum)).transpose()?;
    let read = |path: &PathBuf| std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    Ok(Trust { policy, earlier: args.checkpoints.iter().map(read).collect::<Result<_, _>>()? })
}

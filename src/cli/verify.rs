//! `mingjian verify`.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args as ClapArgs, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::output::say;
use super::sources::{Served, settings, shared};
use super::timestamps::TIMESTAMPS;
use super::{Outcome, receipts};
use crate::desk::{Stored, Threads};
use crate::evidence::Directory;
use crate::ledger::sm2::Sm2Key;
use crate::ledger::{Note, Policy, VerifierKey};
use crate::review::bundle::BundleReader;
use crate::review::case::{self, CaseReader};
use crate::review::{Authorities, Certificates, CheckName, Failure, Language, Options, Report, Source, Trust, verify};
use crate::store::DataDir;
use crate::store::mirror::withheld;
use crate::store::reader::SqliteReader;

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// URL of a ledger, a data directory, a bundle or case file, or the word «database»: the one that the settings name
    #[arg(required_unless_present = "receipt")]
    source: Option<String>,
    /// A receipt to check: by itself, and against the newer checkpoint of SOURCE when that is given
    #[arg(long, value_name = "FILE", requires = "key")]
    receipt: Option<PathBuf>,
    /// Ledger of a data directory or a database
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
    /// The certificate (PEM) of a timestamp authority that you believe; may be given several times [default: the one that
    /// the settings name]
    #[arg(long = "tsa-certificate", value_name = "FILE")]
    authorities: Vec<PathBuf>,
    /// Where the footage lies, if not in the data directory
    #[arg(long, value_name = "DIR")]
    media: Option<PathBuf>,
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

pub fn run(config: Option<&Path>, args: &Args, json: bool) -> Outcome {
    if let Some(receipt) = &args.receipt {
        let report = receipts::check(receipt, args.source.as_deref(), &args.ledger, &trust(config, args)?)?;
        return tell(args, json, &report, report.exit_code(), |language| report.to_text(language));
    }
    let source = args.source.as_deref().unwrap_or_default();
    let trust = trust(config, args)?;
    let report = if is_url(source) {
        check(args, &trust, &mut Served::find(source, &args.ledger)?)?
    } else if source == "database" {
        check(args, &trust, &mut Stored::whole(&shared(config)?.reader(&args.ledger)?))?
    } else if Path::new(source).is_dir() {
        let dir = DataDir::open_read_only(source)?;
        let path = dir.ledger_path(&args.ledger)?;
        let reader = SqliteReader::open(&path)?;
        let media = args.media.clone().unwrap_or_else(|| dir.path().join("media"));
        let stored = Stored::mirrored(&reader, withheld(&path)?.into_iter().collect());
        let stored = stored.with_media(Directory::existing(media));
        check(args, &trust, &mut stored.with_timestamps(dir.path().join(TIMESTAMPS)))?
    } else {
        let open = || File::open(source).map(BufReader::new).map_err(|error| format!("{source}: {error}"));
        if CaseReader::is_case(open()?) {
            let mut case = CaseReader::open(open()?)?;
            let report = with_progress(|progress| {
                case::verify(&mut case, &trust, options(args), &Threads, progress).map_err(Into::into)
            })?;
            return tell(args, json, &report, report.exit_code(), |language| report.to_text(language));
        }
        check(args, &trust, &mut BundleReader::open(open()?)?)?
    };
    tell(args, json, &report, report.exit_code(), |language| report.to_text(language))
}

pub(super) fn is_url(source: &str) -> bool {
    source.starts_with("http://") || source.starts_with("https://")
}

/// Prints what was found.
fn tell(
    args: &Args,
    json: bool,
    report: &impl serde::Serialize,
    code: u8,
    text: impl Fn(Language) -> String,
) -> Outcome {
    if json {
        say(&serde_json::to_string_pretty(report)?);
    } else {
        say(text(args.lang.into()).trim_end());
    }
    Ok(ExitCode::from(code))
}

fn options(args: &Args) -> Options {
    Options { signatures: !args.no_signatures, replay: !args.no_replay }
}

fn check<S: Source>(args: &Args, trust: &Trust, source: &mut S) -> Result<Report, Box<dyn std::error::Error>> {
    let mut report = with_progress(|progress| {
        verify(source, trust, options(args), &Threads, progress).map_err(|error| error.to_string().into())
    })?;
    if let Some(key) = &args.sm2_key {
        let note = source.checkpoint().map_err(|error| error.to_string())?;
        if let Err(error) = Note::parse(&note).and_then(|note| key.verify(&note)) {
            let expected = format!("a checkpoint signed under {key}");
            report.fail(Failure::of_all(CheckName::Checkpoint, "sm2_signature", expected, error.to_string()));
        }
    }
    Ok(report)
}

/// Runs `work` under a bar that shows how far it is.
fn with_progress<T>(
    work: impl FnOnce(&mut dyn FnMut(u64, u64)) -> Result<T, Box<dyn std::error::Error>>,
) -> Result<T, Box<dyn std::error::Error>> {
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} entries, {per_sec}, {eta} left")?);
    let done = work(&mut |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    done
}

fn trust(config: Option<&Path>, args: &Args) -> Result<Trust, Box<dyn std::error::Error>> {
    let quorum = args.quorum.unwrap_or(args.witnesses.len());
    let policy = args.key.clone().map(|key| Policy::new(key, args.witnesses.clone(), quorum)).transpose()?;
    let read = |path: &PathBuf| std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    let earlier = args.checkpoints.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Trust { policy, earlier, authorities: authorities(config, &args.authorities)? })
}

/// Whose timestamps are believed: those of the certificates given, or of the one that a settings file names.
fn authorities(
    config: Option<&Path>,
    given: &[PathBuf],
) -> Result<Option<Arc<dyn Authorities>>, Box<dyn std::error::Error>> {
    let mut files = given.to_vec();
    if files.is_empty() && config.is_some() {
        files.extend(settings(config)?.timestamp.certificate);
    }
    let mut known = Certificates::default();
    for path in &files {
        let pem = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        known.add(&pem).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok((!known.is_empty()).then(|| Arc::new(known) as Arc<dyn Authorities>))
}

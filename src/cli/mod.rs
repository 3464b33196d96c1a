//! Lives here: the command line. Each subcommand is a file; what they share of opening a data directory is `open`.
//! Must never know: trading rules, SQL.
//! Start reading at `serve`.

mod admin;
mod backup;
mod case;
mod centre;
pub mod continuity;
pub mod cosigners;
mod demo;
mod demo_cameras;
pub mod drill;
mod export;
mod keys;
mod memory;
mod migrate;
pub mod mirror;
pub mod open;
mod openapi;
mod output;
mod published;
mod rebuild;
mod receipts;
mod record;
mod restore;
mod serve;
pub mod simulate;
mod small_server;
mod sources;
pub mod timestamps;
mod verify;
pub mod witness;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use open::OpenError;

/// Mingjian 明鉴: a public-resource trading platform whose every step is an entry of a publicly verifiable ledger.
#[derive(Debug, Parser)]
#[command(name = "mingjian", version, propagate_version = true, after_help = EXAMPLES)]
pub struct Cli {
    /// Settings file (TOML). Environment variables (`MINGJIAN_LISTEN`, `MINGJIAN_LOG__FILTER`, …) and flags win over it.
    #[arg(long, global = true, value_name = "FILE", env = "MINGJIAN_CONFIG")]
    config: Option<PathBuf>,
    /// Print results as JSON, for machines.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  mingjian simulate --projects 731 --seed 1 --data data    a whole year of trade into a fresh ledger
  mingjian serve --data data                               the platform on http://127.0.0.1:8080
  mingjian verify http://127.0.0.1:8080/ledger/main        check everything, the rules included
  mingjian export --data data --out year.zip               one file that `verify` takes offline";

#[derive(Debug, Subcommand)]
enum Command {
    Simulate(simulate::Simulate),
    /// Serve the platform: API, live stream, ledger, web interface.
    Serve(serve::Args),
    /// Record cameras in a process of its own, for a server elsewhere or beside it.
    Record(record::Args),
    /// Drop the query tables and read them again from the ledger, their only source.
    Rebuild(rebuild::Args),
    /// Check a ledger: every hash, signature and rule. Exit codes: 0 all held, 1 something did not, 2 it could not run.
    Verify(Box<verify::Args>),
    /// Write a ledger into one file that `verify` takes offline.
    Export(export::Args),
    /// Copy an installation, whole and as of one moment, while it serves.
    Backup(backup::Args),
    /// Bring a backup back. What is restored is served only when it is sure that nothing newer than it was ever signed.
    Restore(restore::Args),
    /// Move an installation out of its data directory into a PostgreSQL database that several nodes can share.
    Migrate(migrate::Args),
    /// Write a lot's case into one file that a reviewer checks without us.
    Case(case::Args),
    /// Make one of the first administrators of a platform.
    Admin(admin::Args),
    /// Show or make the server's keys.
    Keys(keys::Args),
    Witness(witness::Args),
    Mirror(Box<mirror::Args>),
    Drill(drill::Args),
    /// Print the OpenAPI document.
    Openapi,
}

/// Runs one command. Exit codes: 0 done, 1 the thing checked does not hold, 2 it could not run.
pub fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Simulate(simulate) => simulate.run(cli.json),
        Command::Serve(args) => serve::run(cli.config.as_deref(), &args),
        Command::Record(args) => record::run(cli.config.as_deref(), &args),
        Command::Rebuild(args) => rebuild::run(cli.config.as_deref(), &args, cli.json),
        Command::Verify(args) => verify::run(cli.config.as_deref(), &args, cli.json),
        Command::Export(args) => export::run(cli.config.as_deref(), &args, cli.json),
        Command::Case(args) => case::run(&args, cli.json),
        Command::Backup(args) => backup::run(&args, cli.json),
        Command::Restore(args) => restore::run(&args, cli.json),
        Command::Migrate(args) => migrate::run(cli.config.as_deref(), &args, cli.json),
        Command::Admin(args) => admin::run(&args),
        Command::Keys(args) => keys::run(cli.config.as_deref(), &args, cli.json),
        Command::Witness(args) => witness::run(&args, cli.json),
        Command::Mirror(args) => mirror::run(&args),
        Command::Drill(args) => drill::run(&args, cli.json),
        Command::Openapi => openapi::run(),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            output::complain(error.as_ref());
            ExitCode::from(2)
        }
    }
}

/// What a command ends with: an exit code, or the reason why it could not run.
type Outcome = Result<ExitCode, Box<dyn std::error::Error>>;

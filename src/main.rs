//! The command line.

use std::process::ExitCode;

use clap::Parser;
use mingjian::cli::simulate::Simulate;

/// A public-resource trading platform whose every step is an entry of a publicly verifiable ledger
#[derive(Debug, Parser)]
#[command(name = "mingjian", version, propagate_version = true)]
enum Mingjian {
    Simulate(Simulate),
}

fn main() -> ExitCode {
    let Mingjian::Simulate(simulate) = Mingjian::parse();
    match simulate.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mingjian: {error}");
            ExitCode::from(2)
        }
    }
}

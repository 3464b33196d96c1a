//! `mingjian keys`: the public half of the server's keys; the private half never leaves its file.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;

use super::Outcome;
use super::output::say;
use crate::identity::{ServerKeys, SystemEntropy};
use crate::ledger::note::SignatureType;
use crate::ledger::{Signer as _, VerifierKey};
use crate::store::DataDir;

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Data directory; keys are made when it has none yet
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The ledger's origin: the name under which the key signs
    #[arg(long, default_value = "ledger.mingjiang.example/trade")]
    origin: String,
}

pub fn run(args: &Args, json: bool) -> Outcome {
    let dir = DataDir::open(&args.data)?;
    let keys = ServerKeys::load_or_create(&dir.keys_path(), &SystemEntropy::new())?;
    let signer = keys.log_signer().ok_or("the key file holds no usable signing key")?;
    let verifier = VerifierKey::new(&args.origin, SignatureType::Ed25519, signer.public())?;
    if json {
        say(&serde_json::json!({ "verifier_key": verifier.to_string() }).to_string());
    } else {
        say(&format!("verifier key of the log, to be published and given to witnesses:\n{verifier}"));
    }
    Ok(ExitCode::SUCCESS)
}

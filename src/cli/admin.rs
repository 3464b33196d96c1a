//! `mingjian admin`: the first administrators of a platform, which no administrator can make.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args as ClapArgs, ValueEnum};

use super::Outcome;
use super::output::say;
use crate::base::Entropy;
use crate::identity::password::Passwords;
use crate::identity::{Identity, NewAccount, OrganisationKind, Policy, Role, ServerKeys, SystemEntropy};
use crate::sequencer::{Clock as _, SystemClock};
use crate::store::{DataDir, Platform};

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Data directory of a platform that is not running
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Which of the three administrators
    #[arg(long)]
    role: AdminRole,
    /// Login name
    #[arg(long)]
    login: String,
    /// Name of the person
    #[arg(long)]
    name: String,
    /// Name of the trading centre
    #[arg(long)]
    centre: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AdminRole {
    System,
    Security,
    Audit,
}

pub fn run(args: &Args) -> Outcome {
    let dir = Arc::new(DataDir::open(&args.data)?);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
    let keys = Arc::new(ServerKeys::load_or_create(&dir.keys_path(), &*entropy)?);
    let passwords = Passwords::new(&*entropy).map_err(super::super::base::codes::Code::en)?;
    let policy = Policy { totp_required: true, issuer: "Mingjian 明鉴".into() };
    let identity = Identity::new(Platform::open(dir)?, keys, Arc::clone(&entropy), passwords, policy);
    let mut random = [0; 10];
    entropy.fill(&mut random);
    let now = SystemClock.now();
    let password: String = crate::base::Id::new(now, random).to_string().chars().skip(10).collect();
    let role = match args.role {
        AdminRole::System => Role::SystemAdmin,
        AdminRole::Security => Role::SecurityAdmin,
        AdminRole::Audit => Role::AuditAdmin,
    };
    let made = || {
        let centre = identity.seed_organisation(OrganisationKind::Centre, &args.centre, None, now)?;
        let new = NewAccount { login: &args.login, name: &args.name, organisation: Some(centre) };
        identity.seed_account(new, role, &password, &Passwords::new(&*entropy)?, now)
    };
    made().map_err(|code| format!("{}: {}", code.name(), code.en()))?;
    say(&format!("{} ({}) may sign in with the password {password}", args.login, role.name()));
    say("Change it after signing in, and enrol a second factor: without one the role can do nothing else.");
    Ok(ExitCode::SUCCESS)
}

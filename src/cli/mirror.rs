//! `mingjian mirror`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::web::Data;
use clap::Args as ClapArgs;

use super::output::say;
use super::small_server::{Place, bind, by_name, keep_looking};
use super::{Outcome, small_server};
use crate::config::LogSettings;
use crate::http::mirror::{Shelved, app};
use crate::http::witness::Title;
use crate::identity::totp::Secret;
use crate::identity::{SystemEntropy, key_file};
use crate::ledger::{Policy, PolicyText};
use crate::mirror::{Mirror, Owner, Source};
use crate::sequencer::{Clock as _, SystemClock};
use crate::store::{DataDir, SqliteShelf, WitnessBook};
use crate::telemetry;

/// Keep a full copy of a ledger, checked entry by entry, and serve it by the same paths (C2SP tlog-mirror).
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8091")]
    listen: SocketAddr,
    /// The log's verifier key and the URL below which it serves `/checkpoint`. Given several times: the keys that it has
    /// changed through, or is about to
    #[arg(long = "log", value_name = "KEY URL", required = true)]
    logs: Vec<String>,
    /// The name of the ledger in the paths
    #[arg(long, default_value = super::open::LEDGER)]
    ledger: String,
    /// A file with the witnesses that must have cosigned before anything is copied (C2SP tlog-policy)
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// An account of the platform: its payloads are kept too, and never served
    #[arg(long, value_name = "LOGIN", requires = "password_file")]
    account: Option<String>,
    /// The account's password (mode 0600)
    #[arg(long, value_name = "FILE", requires = "account")]
    password_file: Option<PathBuf>,
    /// The account's secret for one-time codes, in base 32 (mode 0600)
    #[arg(long, value_name = "FILE", requires = "account")]
    totp_file: Option<PathBuf>,
    /// Copy what there is and exit: 0 when the copy is whole, 1 when it is not
    #[arg(long)]
    once: bool,
}

const EXAMPLES: &str = "\
Example:
  mingjian mirror --data m1 --name archive.mingjiang.example/mirror --title 档案馆 \\
      --log 'ledger.mingjiang.example/trade+1a2b3c4d+Ae… https://trade.mingjiang.example/ledger/main'
  mingjian verify http://127.0.0.1:8091/ledger/main        whatever has become of the platform";

pub fn run(args: &Args) -> Outcome {
    telemetry::start(&LogSettings::default())?;
    let (dir, mirror) = open(args)?;
    if args.once {
        let kept = mirror.look();
        return Ok(match kept {
            Ok(kept) => {
                say(&format!("{kept} entries are kept and checked"));
                ExitCode::SUCCESS
            }
            Err(error) => {
                say(&format!("not whole: {error}"));
                ExitCode::from(1)
            }
        });
    }
    let shelved = Data::new(Shelved::open(Arc::clone(&mirror), &args.ledger)?);
    let _held_until_the_end = dir;
    small_server::run(|| {
        let (address, server) = serve(shelved, &args.place.title(), args.listen)?;
        say(&format!("mirror {}\nserving on http://{address}/ledger/{}", mirror.key(), args.ledger));
        // What is wrong stays in sight.
        keep_looking(&mirror, args.place.look_every(), |mirror| drop(mirror.look()))?;
        Ok(server)
    })
}

fn open(args: &Args) -> Result<(DataDir, Arc<Mirror>), Box<dyn std::error::Error>> {
    let dir = DataDir::open(&args.place.data)?;
    let signer = key_file::signer_of(&dir.keys_path().join("mirror.key"), &SystemEntropy::new())?;
    let shelf = SqliteShelf::open(&dir.ledger_path(&args.ledger)?)?;
    let book = WitnessBook::open(&dir.path().join("alarms.sqlite"))?;
    let lines: PolicyText = format!("log {}\nquorum none\n", args.logs.join("\nlog ")).parse()?;
    let [log] = &by_name(lines.logs)[..] else { return Err("--log: expected keys of one log".into()) };
    let (Some(key), Some(url)) = (log.keys.first().cloned(), log.url.clone()) else {
        return Err("--log: expected a verifier key, a space, and the URL of the log".into());
    };
    let log = log.clone();
    let policy = match &args.policy {
        Some(path) => Some(Policy::of(key, &super::cosigners::read(path, 0)?.0)?),
        None => None,
    };
    let owner = args.account.as_deref().map(|login| owner(args, login, &url)).transpose()?;
    let source = Source { log, policy, owner };
    let mirror = Mirror::new(
        &args.place.name,
        Box::new(signer),
        source,
        Arc::new(shelf),
        Arc::new(book),
        Arc::new(SystemClock),
    )?;
    Ok((dir, Arc::new(mirror)))
}

/// The account whose rights the mirror reads with.
fn owner(args: &Args, login: &str, log: &str) -> Result<Owner, Box<dyn std::error::Error>> {
    let secret = |path: &Path| key_file::read(path).map(|text| text.trim().to_owned().into());
    let password = args.password_file.as_deref().map(secret).transpose()?.unwrap_or_default();
    let code = args.totp_file.as_deref().map(secret).transpose()?.map(|text: zeroize::Zeroizing<String>| {
        let secret = Secret::from_base32(&text).ok_or("--totp-file: expected the secret in base 32")?;
        Ok::<_, &str>(Box::new(move || secret.code_at(SystemClock.now())) as Box<dyn Fn() -> String + Send + Sync>)
    });
    let platform = log.split("/ledger/").next().unwrap_or(log);
    Ok(Owner::new(platform, login, password, code.transpose()?))
}

/// The mirror's server; its address, for a port that the system chose.
pub fn serve(shelved: Data<Shelved>, title: &str, listen: SocketAddr) -> Result<(SocketAddr, Server), String> {
    let title = Data::new(Title(title.to_owned()));
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    bind(move || app(shelved.clone(), title.clone()), workers, listen)
}

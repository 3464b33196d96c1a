//! `mingjian mirror`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::web::Data;
use actix_web::{HttpServer, rt};
use clap::Args as ClapArgs;

use super::Outcome;
use super::output::say;
use super::serve::wait_for_signal;
use crate::base::limits::{DRAIN_MAX, HEADERS_WAIT_MAX, IDLE_MAX, WITNESS_LOOK_EVERY};
use crate::config::LogSettings;
use crate::http::mirror::{Shelved, app};
use crate::http::witness::Title;
use crate::identity::totp::Secret;
use crate::identity::{SystemEntropy, key_file};
use crate::ledger::policy::LogLine;
use crate::ledger::{Policy, PolicyText};
use crate::mirror::{Mirror, Owner, Source};
use crate::sequencer::{Clock as _, SystemClock};
use crate::store::{DataDir, SqliteShelf, WitnessBook};
use crate::telemetry;
use crate::witness::Log;

/// Keep a full copy of a ledger, checked entry by entry, and serve it by the same paths (C2SP tlog-mirror).
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Where the copy, the mirror's key (made at the first start, mode 0600) and its book of alarms lie
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The mirror's name in its cosignatures: a schemeless URL, fixed for ever by the first start
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What its page calls it [default: the name]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8091")]
    listen: SocketAddr,
    /// The log's verifier key and the URL below which it serves `/checkpoint`
    #[arg(long, value_name = "KEY URL")]
    log: String,
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
    /// Seconds between two looks at the log
    #[arg(long, value_name = "SECONDS", default_value_t = WITNESS_LOOK_EVERY.get() / 1_000_000)]
    look_every: u64,
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
    rt::System::new().block_on(async {
        let title = args.title.clone().unwrap_or_else(|| args.name.clone());
        let (address, server) = serve(shelved, &title, args.listen)?;
        say(&format!("mirror {}\nserving on http://{address}/ledger/{}", mirror.key(), args.ledger));
        spawn_looks(&mirror, Duration::from_secs(args.look_every.max(1)))?;
        let handle = server.handle();
        let running = rt::spawn(server);
        wait_for_signal().await?;
        handle.stop(true).await;
        running.await??;
        drop(dir);
        Ok(ExitCode::SUCCESS)
    })
}

fn open(args: &Args) -> Result<(DataDir, Arc<Mirror>), Box<dyn std::error::Error>> {
    let dir = DataDir::open(&args.data)?;
    let signer = key_file::signer_of(&dir.keys_path().join("mirror.key"), &SystemEntropy::new())?;
    let shelf = SqliteShelf::open(&dir.ledger_path(&args.ledger)?)?;
    let book = WitnessBook::open(&dir.path().join("alarms.sqlite"))?;
    let line: PolicyText = format!("log {}\nquorum none\n", args.log).parse()?;
    let Some(LogLine { key, url: Some(url) }) = line.logs.into_iter().next() else {
        return Err("--log: expected a verifier key, a space, and the URL of the log".into());
    };
    let policy = match &args.policy {
        Some(path) => Some(Policy::of(key.clone(), &super::cosigners::read(path, 0)?.0)?),
        None => None,
    };
    let owner = args.account.as_deref().map(|login| owner(args, login, &url)).transpose()?;
    let log = Log { origin: key.name().to_owned(), keys: vec![key], url: Some(url) };
    let source = Source { log, policy, owner };
    let mirror =
        Mirror::new(&args.name, Box::new(signer), source, Arc::new(shelf), Arc::new(book), Arc::new(SystemClock))?;
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
    let server = HttpServer::new(move || app(shelved.clone(), title.clone()))
        .client_request_timeout(Duration::from_micros(HEADERS_WAIT_MAX.get()))
        .keep_alive(Duration::from_micros(IDLE_MAX.get()))
        .shutdown_timeout(DRAIN_MAX.get() / 1_000_000)
        .disable_signals()
        .bind(listen)
        .map_err(|error| format!("listen: cannot use {listen}: {error}"))?;
    let address = server.addrs().first().copied().unwrap_or(listen);
    Ok((address, server.run()))
}

/// Looks at the log again and again, on a thread that ends with the process or with the last other user of `mirror`.
fn spawn_looks(mirror: &Arc<Mirror>, every: Duration) -> std::io::Result<()> {
    let mirror = Arc::downgrade(mirror);
    std::thread::Builder::new().name("mirror".into()).spawn(move || {
        while let Some(mirror) = mirror.upgrade() {
            // What is wrong stays in sight.
            let _ = mirror.look();
            drop(mirror);
            std::thread::sleep(every);
        }
    })?;
    Ok(())
}

//! `mingjian drill`: plays the attacks on a copy and shows who noticed, and how. Nothing that it is pointed at is changed.

mod attacks;
mod copy;
mod footage;
mod parties;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args as ClapArgs;
use serde::Serialize;

use self::attacks::{ATTACKS, Stage, publish, target};
use self::copy::Copy;
pub use self::parties::{Notice, Parties, Party};
use super::Outcome;
use super::output::say;
use super::simulate::Simulate;
use super::verify::Lang;
use crate::identity::{ServerKeys, SystemEntropy};
use crate::ledger::note::SignatureType;
use crate::ledger::{Signer, VerifierKey};
use crate::review::Language;
use crate::store::{DataDir, SqliteReader};

/// Projects of the ledger that the drill makes when it is given none.
const PROJECTS: u16 = 3;

/// Attack a copy of a ledger in every way that its operator or a thief of its key could, and show who notices. Exit codes:
/// 0 every attack was noticed, 1 one was not, 2 it could not run
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The data directory whose ledger is copied; its log key signs the forgeries, in memory. Without it, a small ledger is
    /// made and thrown away
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Ledger of the data directory
    #[arg(long, default_value = super::open::LEDGER)]
    ledger: String,
    /// Language of the summary
    #[arg(long, value_enum, default_value = "zh")]
    lang: Lang,
}

/// What became of an attack.
#[derive(Debug, Serialize)]
pub struct Played {
    pub attack: &'static str,
    pub zh: &'static str,
    pub en: &'static str,
    /// Everybody who had to notice did.
    pub caught: bool,
    /// Those who did not, although they had to.
    pub asleep: Vec<Party>,
    pub noticed: Vec<Notice>,
}

#[derive(Debug, Serialize)]
pub struct Drill {
    pub origin: String,
    pub entries: u64,
    pub attacks: Vec<Played>,
    /// What of the list could not be played on this ledger.
    pub not_played: Vec<&'static str>,
}

impl Drill {
    pub fn all_caught(&self) -> bool {
        self.attacks.iter().all(|attack| attack.caught)
    }
}

pub fn run(args: &Args, json: bool) -> Outcome {
    let drill = match &args.data {
        Some(data) => play(data, &args.ledger)?,
        None => on_a_made_ledger()?,
    };
    if json {
        say(&serde_json::to_string_pretty(&drill)?);
    } else {
        print(&drill, args.lang.into());
    }
    Ok(ExitCode::from(u8::from(!drill.all_caught())))
}

/// Makes a ledger in a directory of its own, attacks it, and removes both.
fn on_a_made_ledger() -> Result<Drill, Box<dyn std::error::Error>> {
    let dir = std::env::temp_dir().join(format!("mingjian-drill-{}", std::process::id()));
    let made = make(&dir).and_then(|()| play(&dir, super::open::LEDGER));
    let removed = std::fs::remove_dir_all(&dir);
    let drill = made?;
    removed?;
    Ok(drill)
}

fn make(dir: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let simulate = Simulate {
        projects: PROJECTS,
        seed: 1,
        data: dir.to_owned(),
        rush: 0,
        ledger: super::open::LEDGER.into(),
        origin: "ledger.mingjiang.example/drill".into(),
        fixed_keys: false,
        until: None,
    };
    simulate.play(&mut |_| ())?;
    Ok(())
}

/// Plays every attack on a copy of the ledger in `data`.
pub fn play(data: &Path, ledger: &str) -> Result<Drill, Box<dyn std::error::Error>> {
    let dir = DataDir::open_read_only(data)?;
    if !ServerKeys::exist(&dir.keys_path()) {
        return Err(format!("{}: no keys of a log: the drill plays its operator", dir.keys_path().display()).into());
    }
    let keys = ServerKeys::load_or_create(&dir.keys_path(), &SystemEntropy::new())?;
    let log = keys.log_signer().ok_or("the key file holds no usable signing key")?;
    let mut genuine = Copy::read(&SqliteReader::open(&dir.ledger_path(ledger)?)?)?;
    let key = VerifierKey::new(&genuine.origin, SignatureType::Ed25519, log.public())?;
    let (target, is_bid) = target(&genuine)?;

    let mut drill = Drill {
        origin: genuine.origin.to_string(),
        entries: genuine.len(),
        attacks: Vec::new(),
        not_played: Vec::new(),
    };
    for attack in &ATTACKS {
        if attack.code == "replayed_statement" && !is_bid {
            drill.not_played.push(attack.code);
            continue;
        }
        // Witnesses of its own for each attack, who have seen what was genuine; and the genuine ledger passes them all.
        let parties = Parties::new(&key)?;
        let published = publish(&mut genuine, &log, &parties)?.to_string();
        if drill.attacks.is_empty()
            && let Some(notice) = parties.verify(&genuine, &[published])?.first()
        {
            return Err(format!("the ledger does not hold as it is, before any attack: {}", notice.how).into());
        }
        let stage = Stage { genuine: &genuine, log: &log, parties: &parties, target };
        let noticed = (attack.play)(&stage)?;
        let asleep = attack.expected.iter().copied().filter(|who| noticed.iter().all(|notice| notice.who != *who));
        let asleep: Vec<Party> = asleep.collect();
        let (code, zh, en) = (attack.code, attack.zh, attack.en);
        drill.attacks.push(Played { attack: code, zh, en, caught: asleep.is_empty(), asleep, noticed });
    }
    Ok(drill)
}

fn print(drill: &Drill, language: Language) {
    let t = |zh: &'static str, en: &'static str| if language == Language::Zh { zh } else { en };
    say(&format!("{}  {} · {} {}", t("账本", "Ledger"), drill.origin, drill.entries, t("条", "entries")));
    for (number, played) in (1..).zip(&drill.attacks) {
        let verdict = if played.caught { t("已发现", "noticed") } else { t("未被发现", "NOT NOTICED") };
        say(&format!("\n{number:2}. {}  [{verdict}]", t(played.zh, played.en)));
        for notice in &played.noticed {
            say(&format!("    {}: {}", notice.who.name(language), notice.how));
        }
        for who in &played.asleep {
            say(&format!("    {}: {}", who.name(language), t("未发现", "did not notice")));
        }
    }
    for code in &drill.not_played {
        say(&format!("\n{}: {code}", t("此账本上无法演练", "cannot be played on this ledger")));
    }
}

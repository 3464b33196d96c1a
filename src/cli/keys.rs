//! `mingjian keys`: the public half of the server's keys, and the change of the log's key; private halves never leave their
//! file.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args as ClapArgs;

use super::Outcome;
use super::output::say;
use super::sources::{settings, shared};
use crate::base::limits::{LEASE, LEASE_LOOK_EVERY};
use crate::engine::Actor;
use crate::identity::entropy::fresh_id;
use crate::identity::{ServerKeys, SystemEntropy, key_file};
use crate::ledger::note::SignatureType;
use crate::ledger::record::{KEY_ROTATED, KeyRotated, SUBJECT};
use crate::ledger::{NoteError, Origin, Payload, Signer as _, VerifierKey};
use crate::sequencer::{
    Clock as _, Journal as _, LedgerReader, Making, Options, Record, Sequencer, SharedLedger as _, Status, Submission,
    SystemClock,
};
use crate::store::{DataDir, SqliteJournal};

/// A rotation that was interrupted is looked for among so many last entries: it was the last thing written, but for what a
/// start writes.
const LOOKED_AT: u64 = 256;

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Data directory; keys are made when it has none yet
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The ledger's origin: the name under which the key signs
    #[arg(long, default_value = "ledger.mingjiang.example/trade")]
    origin: String,
    /// Make the key that is to sign next, and print it: to be published, and given to witnesses and mirrors, before it signs
    #[arg(long, conflicts_with = "rotate")]
    next: bool,
    /// Make the SM2 key (国密) that signs each checkpoint beside the log's, and print it; from the next start on
    #[arg(long, conflicts_with_all = ["next", "rotate"])]
    sm2: bool,
    /// Print the token with which the recorder NAME proves itself to this server (`evidence.token` of `mingjian record`);
    /// a name that `evidence.recorders` does not list is not let in
    #[arg(long, value_name = "NAME", conflicts_with_all = ["next", "sm2", "rotate"])]
    recorder: Option<String>,
    /// Hand the ledger over to the next key, by an entry that both keys have signed. The platform must not be running. Where
    /// the settings name a database: once on each node, whose key files hold the same next key
    #[arg(long)]
    rotate: bool,
}

/// Every key with which this log has signed, the oldest first; the last one signs now.
pub fn of_log(keys: &ServerKeys, origin: &Origin) -> Result<Vec<VerifierKey>, NoteError> {
    let named = |public| VerifierKey::new(origin, SignatureType::Ed25519, public);
    keys.log_keys().into_iter().map(named).collect()
}

pub fn run(config: Option<&Path>, args: &Args, json: bool) -> Outcome {
    if let Some(name) = &args.recorder {
        // Beside a running server: nothing is made or changed.
        let keys = DataDir::open_read_only(&args.data)?.keys_path();
        if !ServerKeys::exist(&keys) {
            return Err(NO_KEY.into());
        }
        let keys = ServerKeys::load_or_create(&keys, &SystemEntropy::new())?;
        say(&keys.recorder_token(name));
        return Ok(ExitCode::SUCCESS);
    }
    let dir = DataDir::open(&args.data)?;
    let origin = Origin::new(&args.origin).map_err(|_| "--origin: expected a URL without scheme and trailing slash")?;
    let mut keys = ServerKeys::load_or_create(&dir.keys_path(), &SystemEntropy::new())?;
    if args.next {
        let next = keys.next_log_signer(&dir.keys_path(), &SystemEntropy::new())?;
        let next = VerifierKey::new(&origin, SignatureType::Ed25519, next.ok_or(NO_KEY)?.public())?;
        show(json, "next_verifier_key", &next, "verifier key that the log will sign with after `keys --rotate`");
        return Ok(ExitCode::SUCCESS);
    }
    if args.sm2 {
        let made = key_file::sm2_of(&dir.keys_path().join(SM2_FILE), Some(&SystemEntropy::new()))?.ok_or(NO_KEY)?;
        let key = made.key(&origin)?;
        if json {
            say(&serde_json::json!({ "sm2_key": key.to_string() }).to_string());
        } else {
            say(&format!("SM2 key of the log, for `verify --sm2-key`:\n{key}"));
        }
        return Ok(ExitCode::SUCCESS);
    }
    if args.rotate {
        rotate(config, &dir, &mut keys, &origin)?;
    }
    let verifier = of_log(&keys, &origin)?.pop().ok_or(NO_KEY)?;
    show(json, "verifier_key", &verifier, "verifier key of the log, to be published and given to witnesses");
    Ok(ExitCode::SUCCESS)
}

/// Within the directory of keys; where it is, checkpoints bear an SM2 line too.
pub const SM2_FILE: &str = "sm2.key";
const NO_KEY: &str = "the key file holds no usable signing key";

fn show(json: bool, member: &str, key: &VerifierKey, what: &str) {
    if json {
        say(&serde_json::json!({ member: key.to_string() }).to_string());
    } else {
        say(&format!("{what}:\n{key}"));
    }
}

/// First the entry, then the key file: whatever is interrupted is gone on with when it is called again. Of nodes that share a
/// database the first one writes the entry; the others, with the same next key in their files, find it there.
fn rotate(config: Option<&Path>, dir: &DataDir, keys: &mut ServerKeys, origin: &Origin) -> Result<(), Box<dyn Error>> {
    if !keys.has_next() {
        return Err("there is no next key: make it with `keys --next`, publish it, then come back".into());
    }
    let old = keys.log_signer().ok_or(NO_KEY)?;
    let next = keys.next_log_signer(&dir.keys_path(), &SystemEntropy::new())?.ok_or(NO_KEY)?;
    let rotated = KeyRotated::sign(origin, &old, &next)?;
    let mut options = Options::new(origin.clone(), super::serve::genesis());
    options.first_key = of_log(keys, origin)?.into_iter().next();
    let entropy = Arc::new(SystemEntropy::new());
    let settings = settings(config)?;
    if settings.database.url.is_some() {
        let name = format!("keys/{}", fresh_id(&*entropy, SystemClock.now()));
        let ledger = shared(config)?.ledger(&settings.node.ledger, &name, "")?;
        let reader = ledger.reader();
        if reader.size()? == 0 {
            return Err("the database holds no ledger to hand over".into());
        }
        if !stands_in(&*reader, &rotated)? {
            let making = Making::new(Arc::new(old), Arc::new(SystemClock), entropy, Vec::new(), options);
            let sequencer = Sequencer::join(Box::new(ledger), making)?;
            let written = lead(&sequencer).and_then(|()| write(&sequencer, &rotated));
            sequencer.shutdown();
            written?;
        }
    } else {
        let path = dir.ledger_path(super::open::LEDGER)?;
        if !path.exists() {
            return Err(format!("{}: no ledger to hand over", path.display()).into());
        }
        let journal = SqliteJournal::open(&path)?;
        if !stands_in(&*journal.reader(), &rotated)? {
            let (journal, old, clock) = (Box::new(journal), Box::new(old), Arc::new(SystemClock));
            let sequencer = Sequencer::start(journal, old, clock, entropy, Vec::new(), options)?;
            let written = write(&sequencer, &rotated);
            sequencer.shutdown();
            written?;
        }
    }
    Ok(keys.promote_next(&dir.keys_path())?)
}

fn write(sequencer: &Sequencer, rotated: &KeyRotated) -> Result<(), Box<dyn Error>> {
    let data = serde_json::to_value(rotated)?;
    let actor = Actor::System.to_string();
    let record = Record { kind: KEY_ROTATED.into(), subject: SUBJECT.into(), actor, data };
    sequencer.submit(Submission::record(record)).wait().map_err(|refusal| refusal.to_string())?;
    Ok(())
}

/// Waits for the lease of a node that is gone; one that is not keeps it.
fn lead(sequencer: &Sequencer) -> Result<(), Box<dyn Error>> {
    let deadline = Instant::now() + Duration::from_micros(LEASE.get()) * 2;
    while !matches!(sequencer.status(), Status::Running) {
        if Instant::now() > deadline {
            return Err("another node writes the ledger: stop all nodes, then come back".into());
        }
        std::thread::sleep(Duration::from_micros(LEASE_LOOK_EVERY.get()));
    }
    Ok(())
}

/// Whether the ledger was handed over already, before the key file could say so.
fn stands_in(reader: &dyn LedgerReader, rotated: &KeyRotated) -> Result<bool, Box<dyn Error>> {
    let size = reader.size()?;
    let last = reader.entries(size.saturating_sub(LOOKED_AT), usize::try_from(LOOKED_AT)?)?;
    let said = last.iter().filter_map(|entry| Payload::parse(entry.payload.as_deref()?).ok());
    Ok(said.filter(|said| said.kind == KEY_ROTATED).any(|said| {
        serde_json::from_value::<KeyRotated>(said.data).is_ok_and(|known| known.new_key == rotated.new_key)
    }))
}

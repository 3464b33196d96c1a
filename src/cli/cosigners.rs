//! Who cosigns this platform's ledger: from the settings' policy file, or, for a demonstration, three witnesses of its own.
//! What holds is an entry of the ledger, so that everybody can see who was to be asked, and since when.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt;

use super::OpenError;
use super::witness::{Setup, serve, spawn_watch};
use crate::base::limits::{LEASE_LOOK_EVERY, PUBLICATION_WAIT, WITNESS_LOOK_EVERY, WITNESS_STALE_AFTER};
use crate::base::{Code, Span};
use crate::engine::Actor;
use crate::identity::{ServerKeys, SystemEntropy};
use crate::ledger::note::SignatureType;
use crate::ledger::record::{POLICY_SET, PolicySet, SUBJECT};
use crate::ledger::{Origin, Payload, PolicyText, Signer as _, VerifierKey};
use crate::sequencer::{LedgerReader, Record, Sequencer, StartError, StoredPayload, Submission};
use crate::store::platform::views;
use crate::store::{DataDir, Platform};
use crate::witness::{Cosigning, Log};

/// A policy and how long a missing witness holds back what is shown.
pub type Cosigners = (PolicyText, Span);

/// Reads the policy file of the settings.
pub fn read(path: &Path, wait_seconds: u64) -> Result<Cosigners, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let policy: PolicyText = text.parse().map_err(|error| format!("{}: {error}", path.display()))?;
    Ok((policy, Span::secs(wait_seconds)))
}

pub(super) fn prepare(log: &VerifierKey, cosigners: Option<&Cosigners>) -> Result<Cosigning, OpenError> {
    let cosigning = match cosigners {
        None => Cosigning::none(log.clone()),
        Some((policy, wait)) => Cosigning::by(log.clone(), policy.clone(), *wait),
    };
    cosigning.map_err(|error| OpenError::Policy(error.to_string()))
}

/// What the ledger is to say about who cosigns.
pub(super) struct Standing {
    pub sequencer: Sequencer,
    pub reader: Arc<dyn LedgerReader>,
    pub platform: Platform,
    pub ledger: String,
    pub cosigners: Option<Cosigners>,
}

impl Standing {
    /// Writes who cosigns from now on, unless that is what stands in the ledger already. A node that follows writes it
    /// when the ledger becomes its own, if no other has by then.
    pub fn record(self) -> Result<(), OpenError> {
        match self.write()? {
            Some(Code::NotLeader) => {
                std::thread::Builder::new()
                    .name("policy".into())
                    .spawn(move || self.insist())
                    .map_err(StartError::from)?;
                Ok(())
            }
            Some(code) => Err(OpenError::Policy(code.to_string())),
            None => Ok(()),
        }
    }

    fn insist(self) {
        loop {
            std::thread::sleep(Duration::from_micros(LEASE_LOOK_EVERY.get()));
            match self.write() {
                Ok(Some(Code::NotLeader)) => {}
                Ok(None) => return,
                Ok(Some(code)) => return tracing::warn!(%code, "the policy of witnesses is not in the ledger"),
                Err(error) => return tracing::warn!(%error, "the policy of witnesses is not in the ledger"),
            }
        }
    }

    /// Why it does not stand there now.
    fn write(&self) -> Result<Option<Code>, OpenError> {
        let Self { sequencer, reader, platform, ledger, cosigners } = self;
        let known = newest(&**reader, platform, ledger)?;
        let now = match cosigners {
            Some((policy, wait)) => PolicySet { policy: policy.public_text(), wait_seconds: wait.get() / 1_000_000 },
            None => PolicySet { policy: "quorum none\n".into(), wait_seconds: 0 },
        };
        if known.as_ref() == Some(&now) || known.is_none() && cosigners.is_none() {
            return Ok(None);
        }
        let data = serde_json::to_value(&now).map_err(|error| OpenError::Policy(error.to_string()))?;
        let actor = Actor::System.to_string();
        let record = Record { kind: POLICY_SET.into(), subject: SUBJECT.into(), actor, data };
        Ok(sequencer.submit(Submission::record(record)).wait().err().map(|refusal| refusal.code))
    }
}

/// The policy that stands in the ledger. The index may lack the last moments before a crash; then an entry is written that
/// says the same again.
fn newest(reader: &dyn LedgerReader, platform: &Platform, ledger: &str) -> Result<Option<PolicySet>, OpenError> {
    let Some(row) = platform.read(|tx| views::newest_entry(tx, ledger, SUBJECT, POLICY_SET))? else { return Ok(None) };
    let StoredPayload::Present(bytes) = reader.payload(u64::try_from(row.seq).unwrap_or(u64::MAX))? else {
        return Ok(None);
    };
    Ok(Payload::parse(&bytes).ok().and_then(|payload| serde_json::from_value(payload.data).ok()))
}

/// Three agencies of the invented city, each with a key and a book of its own; two of the three are enough. They run within
/// this process, which only a demonstration may do: its operator could make them sign anything.
const AGENCIES: [(&str, &str); 3] = [
    ("行政监督局", "supervision.mingjiang.example/witness"),
    ("纪检监察", "discipline.mingjiang.example/witness"),
    ("公证处", "notary.mingjiang.example/witness"),
];

/// Starts the demonstration's witnesses, which watch the platform on `listen`. For a running actix system.
pub(super) fn demonstrate(
    dir: &DataDir,
    origin: &str,
    listen: SocketAddr,
) -> Result<Cosigners, Box<dyn std::error::Error>> {
    let keys = ServerKeys::load_or_create(&dir.keys_path(), &SystemEntropy::new())?;
    let signer = keys.log_signer().ok_or(OpenError::LogKey)?;
    let log = VerifierKey::new(&Origin::new(origin)?, SignatureType::Ed25519, signer.public())?;
    let mut text = String::new();
    for (place, (title, name)) in AGENCIES.into_iter().enumerate() {
        let url = format!("http://{listen}/ledger/{}", super::open::LEDGER);
        let setup = Setup {
            data: dir.path().join("witness").join((place + 1).to_string()),
            name: name.into(),
            title: title.into(),
            logs: vec![Log { origin: origin.into(), keys: vec![log.clone()], url: Some(url) }],
            stale_after: WITNESS_STALE_AFTER,
        };
        let (lock, watch) = setup.open()?;
        let (address, server) = serve(&watch, title, SocketAddr::new(listen.ip(), 0))?;
        spawn_watch(&watch, Duration::from_micros(WITNESS_LOOK_EVERY.get()))?;
        let key = watch.witness().key().clone();
        rt::spawn(async move {
            let (_lock, _watch) = (lock, Arc::clone(&watch));
            if let Err(error) = server.await {
                tracing::warn!(%error, "a demonstration witness ended");
            }
        });
        let _ = writeln!(text, "witness {title} {key} http://{address}");
        super::output::say(&format!("    witness {title}: http://{address}"));
    }
    let names = AGENCIES.map(|(title, _)| title).join(" ");
    let _ = write!(text, "group 见证 2 {names}\nquorum 见证\n");
    Ok((text.parse()?, PUBLICATION_WAIT))
}

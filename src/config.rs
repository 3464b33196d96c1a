//! Settings: the file, then the environment (`MINGJIAN_…`), then flags; the later one wins. Every wrong setting is
//! named with where it came from.

mod centres;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::base::limits::{PUBLICATION_WAIT, PUBLICATION_WAIT_MAX, TIMESTAMP_EVERY};
use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use crate::base::limits::{NODE_NAME_MAX_BYTES, WORKERS_MAX};
use crate::evidence::address::NotANetwork;
use crate::evidence::{self, Location, LockMode, Networks};
use crate::ledger::Origin;

/// All settings of `mingjian serve`. A section a concern; every field has a default that works on a developer's machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The data directory: ledgers, platform tables, keys.
    pub data: PathBuf,
    pub listen: SocketAddr,
    /// The ledger's origin: a schemeless URL without trailing slash, fixed for ever by the first start.
    pub origin: String,
    /// Exact `Origin` values that browsers may open the stream from; empty: the listening address itself.
    pub web_origins: Vec<String>,
    /// Threads that serve requests; 0: as many as there are cores.
    pub workers: usize,
    /// Whether a reverse proxy in front sets `X-Forwarded-For`; without one the header is ignored.
    pub behind_proxy: bool,
    /// Who else holds this ledger's newest checkpoint: files, or URLs of mirrors and witnesses that answer with the
    /// note. One that is newer than our own ledger means that ours is an old copy, and nothing is signed.
    pub checkpoint_sources: Vec<String>,
    /// A file with the witnesses of the ledger and the quorum of them (C2SP tlog-policy, with their URLs); none: nobody
    /// cosigns.
    pub policy: Option<PathBuf>,
    /// How many seconds a checkpoint waits for missing witnesses before it is shown without them; 0: not at all.
    pub policy_wait_seconds: u64,
    /// Settings files of further centres that this process serves, each with a ledger, accounts and keys of its own.
    pub centres: Vec<PathBuf>,
    pub database: DatabaseSettings,
    pub redis: RedisSettings,
    pub node: NodeSettings,
    pub timestamp: TimestampSettings,
    pub evidence: EvidenceSettings,
    pub log: LogSettings,
}

/// PostgreSQL, for deployments of several nodes. Without a URL everything lies in the data directory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseSettings {
    /// `postgres://user:password@host:port/database`, a user that is a member of the role `mingjian_app`.
    pub url: Option<Secret>,
    /// The same database as the owner of its tables, to bring it to this version's schema. May be left out where the user
    /// of `url` owns it.
    pub owner_url: Option<Secret>,
    /// Connections of this node; 0: the limit that fits a small server.
    pub connections: u32,
}

/// Redis, the doorbell between nodes. Everything works without it, screens up to a second later.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedisSettings {
    /// `redis://:password@host:port/number`.
    pub url: Option<Secret>,
}

/// This node among those that share the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NodeSettings {
    /// As logs and the lease name it.
    pub name: String,
    /// Where it answers other nodes, and nobody else; port 0: any.
    pub listen: SocketAddr,
    /// How other nodes reach that, where it differs: `host:port`.
    pub address: Option<String>,
    /// Which of the deployment's ledgers this node serves.
    pub ledger: String,
}

/// Who puts the time on checkpoints (RFC 3161); without a URL: nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimestampSettings {
    pub url: Option<String>,
    /// The authority's own certificate, in PEM.
    pub certificate: Option<PathBuf>,
    pub every_seconds: u64,
}

impl Default for TimestampSettings {
    fn default() -> Self {
        Self { url: None, certificate: None, every_seconds: TIMESTAMP_EVERY.get() / 1_000_000 }
    }
}

/// Cameras.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvidenceSettings {
    /// Whether `serve` records; off where another process or another node does.
    pub record: bool,
    /// The recorder's name in the ledger.
    pub name: String,
    /// Where footage lies; unless told otherwise in the data directory.
    pub media: Option<PathBuf>,
    /// The program that reads cameras.
    pub ffmpeg: PathBuf,
    /// The networks that cameras may be in: what an operator types leads nowhere else.
    pub networks: Vec<String>,
    /// Recorders in processes of their own that this server takes footage from, by name.
    pub recorders: Vec<String>,
    /// For `record`: the server that it records for, `https://host[:port]`, or `http://` on this machine.
    pub server: Option<String>,
    /// For `record`: what proves it to that server; `mingjian keys --recorder NAME` prints it.
    pub token: Option<Secret>,
    /// A bucket instead of `media`.
    pub s3: Option<BucketSettings>,
}

/// A bucket of an S3-compatible store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketSettings {
    /// `https://host[:port]`, or `http://` on a private network.
    pub endpoint: String,
    #[serde(default = "usual_region")]
    pub region: String,
    pub bucket: String,
    /// In front of every name; empty: none.
    #[serde(default)]
    pub prefix: String,
    pub access_key: Secret,
    pub secret_key: Secret,
    /// How its object lock is used: `governance` or `compliance`; only for buckets that have it.
    #[serde(default)]
    pub lock: Option<LockMode>,
}

fn usual_region() -> String {
    "us-east-1".into()
}

impl BucketSettings {
    pub fn bucket(&self) -> Location {
        Location {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            bucket: self.bucket.clone(),
            prefix: self.prefix.clone(),
            access_key: self.access_key.0.clone().into(),
            secret_key: self.secret_key.0.clone().into(),
            lock: self.lock,
        }
    }
}

impl EvidenceSettings {
    pub fn recorder(&self) -> Result<evidence::Settings, NotANetwork> {
        let networks = Networks::of(&self.networks)?;
        let (name, ffmpeg, others) = (self.name.clone(), self.ffmpeg.clone(), self.recorders.clone());
        Ok(evidence::Settings { name, ffmpeg, networks, others })
    }
}

/// What no log and no error message may show.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// A filter such as `info` or `mingjian=debug,actix_web=warn`.
    pub filter: String,
    /// One JSON object a line, for machines; otherwise text for people.
    pub json: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data: PathBuf::from("data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            origin: "ledger.mingjiang.example/trade".into(),
            web_origins: Vec::new(),
            workers: 0,
            behind_proxy: false,
            checkpoint_sources: Vec::new(),
            policy: None,
            policy_wait_seconds: PUBLICATION_WAIT.get() / 1_000_000,
            centres: Vec::new(),
            database: DatabaseSettings::default(),
            redis: RedisSettings::default(),
            node: NodeSettings::default(),
            timestamp: TimestampSettings::default(),
            evidence: EvidenceSettings::default(),
            log: LogSettings::default(),
        }
    }
}

impl Default for NodeSettings {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { name: "node".into(), listen, address: None, ledger: "main".into() }
    }
}

impl Default for EvidenceSettings {
    /// RFC 1918 and RFC 4193: a camera has no business on the internet, and the loopback interface is the server's own.
    fn default() -> Self {
        let networks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"].map(str::to_owned).into();
        Self {
            record: true,
            name: "main".into(),
            media: None,
            ffmpeg: "/usr/bin/ffmpeg".into(),
            networks,
            recorders: Vec::new(),
            server: None,
            token: None,
            s3: None,
        }
    }
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { filter: "info".into(), json: false }
    }
}

/// A setting is missing, misspelt or of the wrong kind. The text names the setting and its source.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("the settings file {path} cannot be read: {source}", path = path.display())]
    NoFile { path: PathBuf, source: std::io::Error },
    // The library keeps settings in «profiles», of which we have one: its name would only puzzle.
    #[error("{}", .0.to_string().replace("\"default.", "\""))]
    Wrong(Box<figment::Error>),
    #[error("{setting}: {why}, not {found:?}")]
    Invalid { setting: &'static str, found: String, why: &'static str },
    #[error("{path}: {source}", path = path.display())]
    InCentre { path: PathBuf, source: Box<SettingsError> },
}

/// Reads the settings: defaults, then `file` if given, then the environment, then `flags` (those that were set).
pub fn load(file: Option<&Path>, flags: impl Serialize) -> Result<Settings, SettingsError> {
    let figment = from_file(file)?.merge(Env::prefixed("MINGJIAN_").split("__")).merge(Serialized::globals(flags));
    extract(&figment)
}

/// Defaults, and what `file` says otherwise.
fn from_file(file: Option<&Path>) -> Result<Figment, SettingsError> {
    let figment = Figment::from(Serialized::defaults(Settings::default()));
    let Some(path) = file else { return Ok(figment) };
    let readable = std::fs::File::open(path)
        .and_then(|file| file.metadata())
        .and_then(|found| if found.is_file() { Ok(()) } else { Err(std::io::ErrorKind::IsADirectory.into()) });
    readable.map_err(|source| SettingsError::NoFile { path: path.to_owned(), source })?;
    Ok(figment.merge(Toml::file_exact(path)))
}

fn extract(figment: &Figment) -> Result<Settings, SettingsError> {
    let settings: Settings = figment.extract().map_err(|error| SettingsError::Wrong(Box::new(error)))?;
    check(&settings)?;
    Ok(settings)
}

/// What the types alone do not say.
fn check(settings: &Settings) -> Result<(), SettingsError> {
    let wrong = |setting, found: &str, why| Err(SettingsError::Invalid { setting, found: found.to_owned(), why });
    let origin = &settings.origin;
    if origin.contains("://") || Origin::new(origin).is_err() {
        let why = "expected a URL without scheme and trailing slash, such as ledger.example.org/trade";
        return wrong("origin", origin, why);
    }
    for origin in &settings.web_origins {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.contains(['/', ' ', '*', '?', '#'])) {
            return wrong("web_origins", origin, "expected scheme://host[:port] as browsers send it, without a path");
        }
    }
    for source in &settings.checkpoint_sources {
        let is_url = source.contains("://");
        if source.trim().is_empty() || is_url && !source.starts_with("http://") && !source.starts_with("https://") {
            return wrong("checkpoint_sources", source, "expected the name of a file or an http(s) address");
        }
    }
    let wait = settings.policy_wait_seconds;
    if wait > PUBLICATION_WAIT_MAX.get() / 1_000_000 {
        let why = "at most an hour: behind it stand readers who see no newer entry proven";
        return wrong("policy_wait_seconds", &wait.to_string(), why);
    }
    let timestamp = &settings.timestamp;
    if timestamp.url.is_some() != timestamp.certificate.is_some() {
        return wrong(
            "timestamp.certificate",
            "",
            "expected both `timestamp.url` and the authority's certificate, or neither",
        );
    }
    // What a URL holds is not shown: it may be a password.
    let is_postgres = |url: &Secret| url.0.starts_with("postgres://") || url.0.starts_with("postgresql://");
    for (setting, url) in
        [("database.url", &settings.database.url), ("database.owner_url", &settings.database.owner_url)]
    {
        if url.as_ref().is_some_and(|url| !is_postgres(url)) {
            return wrong(setting, "…", "expected postgres://user:password@host:port/database");
        }
    }
    if settings.redis.url.as_ref().is_some_and(|url| !url.0.starts_with("redis://")) {
        return wrong("redis.url", "…", "expected redis://host:port");
    }
    let name = &settings.node.name;
    if name.trim().is_empty() || name.len() > NODE_NAME_MAX_BYTES {
        return wrong("node.name", name, "expected 1 to 64 bytes");
    }
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if settings.evidence.name.is_empty() || !settings.evidence.name.bytes().all(is_word) {
        return wrong("evidence.name", &settings.evidence.name, "expected letters a-z, digits and '-'");
    }
    for name in &settings.evidence.recorders {
        if name.is_empty() || !name.bytes().all(is_word) {
            return wrong("evidence.recorders", name, "expected letters a-z, digits and '-'");
        }
    }
    if let Some(s3) = &settings.evidence.s3
        && !(s3.endpoint.starts_with("https://") || s3.endpoint.starts_with("http://"))
    {
        return wrong("evidence.s3.endpoint", &s3.endpoint, "expected https://host or http://host");
    }
    if let Err(error) = settings.evidence.recorder() {
        return wrong("evidence.networks", &error.0, "expected networks such as 192.168.0.0/16");
    }
    if settings.workers > WORKERS_MAX {
        return wrong("workers", &settings.workers.to_string(), "expected 0 (one a core) to 1024");
    }
    if settings.data.as_os_str().is_empty() {
        return wrong("data", "", "expected the name of a directory");
    }
    if let Err(error) = EnvFilter::try_new(&settings.log.filter) {
        tracing::debug!(%error, "log.filter");
        let expected = "expected something like info or mingjian=debug,actix_web=warn";
        return wrong("log.filter", &settings.log.filter, expected);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Flags {
        #[serde(skip_serializing_if = "Option::is_none")]
        listen: Option<SocketAddr>,
    }

    #[test]
    fn a_password_is_shown_by_nothing() {
        let settings = Settings {
            database: DatabaseSettings {
                url: Some(Secret("postgres://a:hush@b/c".into())),
                ..DatabaseSettings::default()
            },
            ..Settings::default()
        };
        assert!(!format!("{settings:?}").contains("hush"));
        let sections = "[database]\nurl = \"mysql://hush\"\n";
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("x.toml"), sections).unwrap();
        let wrong = load(Some(&dir.path().join("x.toml")), Flags { listen: None }).unwrap_err().to_string();
        assert!(wrong.contains("database.url") && !wrong.contains("hush"), "{wrong}");
    }

    #[test]
    fn flags_win_over_the_file_and_wrong_settings_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mingjian.toml");
        std::fs::write(&file, "listen = \"127.0.0.1:9000\"\nworkers = 3\n").unwrap();
        let none = load(Some(&file), Flags { listen: None }).unwrap();
        assert_eq!((none.listen.port(), none.workers), (9000, 3));
        let some = load(Some(&file), Flags { listen: Some(([127, 0, 0, 1], 1).into()) }).unwrap();
        assert_eq!(some.listen.port(), 1);
    }

    /// Each wrong setting is named, with what was found, where it came from, and what is expected.
    #[test]
    fn wrong_settings_say_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("mingjian.toml");
        for (text, said) in [
            ("wokers = 3", &["unknown field", "wokers", "mingjian.toml"][..]),
            ("[log]\njsn = true", &["jsn", "filter", "json"]),
            ("listen = \"nowhere\"", &["\"listen\"", "socket address", "mingjian.toml"]),
            ("listen = \"127.0.0.1\"", &["listen", "socket address"]),
            ("workers = \"many\"", &["workers", "many", "mingjian.toml"]),
            ("workers = -1", &["workers"]),
            ("workers = 4096", &["workers", "4096", "1024"]),
            ("behind_proxy = \"maybe\"", &["behind_proxy", "maybe"]),
            ("origin = \"https://ledger.example\"", &["origin", "without scheme", "https://ledger.example"]),
            ("origin = \"ledger.example/\"", &["origin", "trailing slash"]),
            ("origin = \"\"", &["origin"]),
            ("origin = \"two words\"", &["origin", "two words"]),
            ("web_origins = [\"example.org\"]", &["web_origins", "example.org", "scheme://"]),
            ("web_origins = [\"https://example.org/\"]", &["web_origins", "without a path"]),
            ("web_origins = [\"https://*.example.org\"]", &["web_origins"]),
            ("web_origins = \"https://example.org\"", &["web_origins"]),
            ("checkpoint_sources = [\"ftp://example.org\"]", &["checkpoint_sources", "ftp://example.org"]),
            ("checkpoint_sources = [\"\"]", &["checkpoint_sources"]),
            ("data = \"\"", &["data", "directory"]),
            ("[database]\nurl = \"mysql://hush\"", &["database.url", "postgres://"]),
            ("[database]\nowner_url = \"hush\"", &["database.owner_url", "postgres://"]),
            ("[redis]\nurl = \"http://hush\"", &["redis.url", "redis://"]),
            ("[node]\nname = \" \"", &["node.name", "1 to 64"]),
            ("[node]\nlisten = \"everywhere\"", &["listen", "socket address"]),
            ("[log]\nfilter = \"mingjian=loudly\"", &["log.filter", "mingjian=loudly", "debug"]),
            ("workers = ", &["TOML", "mingjian.toml"]),
        ] {
            std::fs::write(&file, text).unwrap();
            let error = load(Some(&file), Flags { listen: None }).unwrap_err().to_string();
            for word in said {
                assert!(error.contains(word), "{text:?}: «{error}» should say {word:?}");
            }
            assert!(!error.contains("hush"), "{error}");
        }
        for (path, said) in [(Path::new("/nowhere/x.toml"), "/nowhere/x.toml"), (dir.path(), "directory")] {
            let error = load(Some(path), Flags { listen: None }).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}

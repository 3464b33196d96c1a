//! Settings: the file, then the environment (`MINGJIAN_…`), then flags; the later one wins. Every wrong setting is
//! named with where it came from.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use serde::{Deserialize, Serialize};

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
    pub database: DatabaseSettings,
    pub redis: RedisSettings,
    pub node: NodeSettings,
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
            database: DatabaseSettings::default(),
            redis: RedisSettings::default(),
            node: NodeSettings::default(),
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

impl Default for LogSettings {
    fn default() -> Self {
        Self { filter: "info".into(), json: false }
    }
}

/// A setting is missing, misspelt or of the wrong kind. The text names the setting and its source.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("the settings file {0} does not exist")]
    NoFile(PathBuf),
    #[error("{0}")]
    Wrong(Box<figment::Error>),
    #[error("{setting}: {why}")]
    Invalid { setting: &'static str, why: String },
}

/// Reads the settings: defaults, then `file` if given, then the environment, then `flags` (those that were set).
pub fn load(file: Option<&Path>, flags: impl Serialize) -> Result<Settings, SettingsError> {
    let mut figment = Figment::from(Serialized::defaults(Settings::default()));
    if let Some(path) = file {
        if !path.exists() {
            return Err(SettingsError::NoFile(path.to_owned()));
        }
        figment = figment.merge(Toml::file_exact(path));
    }
    let settings: Settings = figment
        .merge(Env::prefixed("MINGJIAN_").split("__"))
        .merge(Serialized::globals(flags))
        .extract()
        .map_err(|error| SettingsError::Wrong(Box::new(error)))?;
    check(&settings)?;
    Ok(settings)
}

fn check(settings: &Settings) -> Result<(), SettingsError> {
    let wrong = |setting, why: &str| Err(SettingsError::Invalid { setting, why: why.into() });
    if settings.origin.contains("://") || settings.origin.ends_with('/') || settings.origin.trim().is_empty() {
        return wrong("origin", "expected a URL without scheme and trailing slash, such as ledger.example.org/trade");
    }
    for origin in &settings.web_origins {
        if !origin.starts_with("https://") && !origin.starts_with("http://") || origin.ends_with('/') {
            return wrong("web_origins", "expected scheme://host[:port] without a path");
        }
    }
    let is_postgres = |url: &Secret| url.0.starts_with("postgres://") || url.0.starts_with("postgresql://");
    for (setting, url) in
        [("database.url", &settings.database.url), ("database.owner_url", &settings.database.owner_url)]
    {
        if url.as_ref().is_some_and(|url| !is_postgres(url)) {
            return wrong(setting, "expected postgres://user:password@host:port/database");
        }
    }
    if settings.redis.url.as_ref().is_some_and(|url| !url.0.starts_with("redis://")) {
        return wrong("redis.url", "expected redis://host:port");
    }
    if settings.node.name.is_empty() || settings.node.name.len() > 64 {
        return wrong("node.name", "expected 1 to 64 characters");
    }
    if settings.workers > 1024 {
        return wrong("workers", "at most 1024");
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

        for (text, name) in
            [("wokers = 3", "wokers"), ("listen = \"nowhere\"", "listen"), ("origin = \"https://x\"", "origin")]
        {
            std::fs::write(&file, text).unwrap();
            let error = load(Some(&file), Flags { listen: None }).unwrap_err().to_string();
            assert!(error.contains(name), "{error} should name {name}");
        }
        assert!(
            load(Some(Path::new("/nowhere/x.toml")), Flags { listen: None })
                .unwrap_err()
                .to_string()
                .contains("nowhere")
        );
    }
}

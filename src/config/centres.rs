//! Several centres in one process: the first one's settings are the process's own, each further one has a file.

use std::path::Path;

use super::{Settings, SettingsError, extract, from_file};

impl Settings {
    /// The exact `Origin` values that browsers come with.
    pub fn browsers_come_from(&self) -> Vec<String> {
        if !self.web_origins.is_empty() {
            return self.web_origins.clone();
        }
        let port = self.listen.port();
        let mut origins = vec![format!("http://{}", self.listen)];
        if self.listen.ip().is_loopback() {
            origins.push(format!("http://localhost:{port}"));
        }
        origins
    }

    /// What a request's `Host` says that is meant for this centre.
    pub fn hosts(&self) -> Vec<String> {
        let host = |origin: &String| origin.split_once("://").map(|(_, host)| host.to_ascii_lowercase());
        self.browsers_come_from().iter().filter_map(host).collect()
    }

    /// The settings of the other centres that this process serves.
    ///
    /// # Errors
    /// When a file cannot be read, sets what belongs to the process, or shares with another centre what each must have for
    /// itself.
    pub fn other_centres(&self) -> Result<Vec<Self>, SettingsError> {
        let mut known: Vec<Self> = vec![self.clone()];
        for path in &self.centres {
            let centre = self.centre(path, &known);
            known.push(centre.map_err(|source| SettingsError::InCentre { path: path.clone(), source: source.into() })?);
        }
        Ok(known.split_off(1))
    }

    fn centre(&self, path: &Path, known: &[Self]) -> Result<Self, SettingsError> {
        let mut centre = extract(&from_file(Some(path))?)?;
        let plain = Self::default();
        let wrong = |setting, found: String, why| Err(SettingsError::Invalid { setting, found, why });
        let of_process = "belongs to the process: set it in the first centre's settings";
        for (setting, is_plain) in [
            ("listen", centre.listen == plain.listen),
            ("workers", centre.workers == plain.workers),
            ("behind_proxy", centre.behind_proxy == plain.behind_proxy),
            ("centres", centre.centres.is_empty()),
            ("log", centre.log == plain.log),
            ("node.name", centre.node.name == plain.node.name),
            ("node.listen", centre.node.listen == plain.node.listen),
            ("node.address", centre.node.address == plain.node.address),
        ] {
            if !is_plain {
                return wrong(setting, "a value of its own".into(), of_process);
            }
        }
        if centre.web_origins.is_empty() {
            return wrong("web_origins", String::new(), "expected the addresses by which browsers reach this centre");
        }
        for other in known {
            let own = "each centre has its own";
            if centre.data == other.data {
                return wrong("data", centre.data.display().to_string(), own);
            }
            if centre.origin == other.origin {
                return wrong("origin", centre.origin, own);
            }
            if centre.database.url.is_some() && centre.database.url == other.database.url {
                return wrong("database.url", "that of another centre".into(), own);
            }
            let hosts = other.hosts();
            if let Some(host) = centre.hosts().into_iter().find(|host| hosts.contains(host)) {
                return wrong("web_origins", host, own);
            }
        }
        centre.listen = self.listen;
        centre.workers = self.workers;
        centre.behind_proxy = self.behind_proxy;
        centre.log = self.log.clone();
        let ledger = centre.node.ledger;
        centre.node = super::NodeSettings { ledger, ..self.node.clone() };
        Ok(centre)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::{DatabaseSettings, Secret};
    use super::*;

    fn first(centres: Vec<PathBuf>) -> Settings {
        let database = DatabaseSettings { url: Some(Secret("postgres://a/one".into())), ..DatabaseSettings::default() };
        let web_origins = vec!["https://one.example".into()];
        Settings { centres, database, web_origins, workers: 3, ..Settings::default() }
    }

    #[test]
    fn a_centre_has_what_is_its_own_and_the_process_what_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("two.toml");
        let own =
            "data = \"two\"\norigin = \"ledger.two.example/trade\"\nweb_origins = [\"https://Two.example:8443\"]\n";
        std::fs::write(&file, format!("{own}[node]\nledger = \"two\"\n")).unwrap();
        let [centre] = &first(vec![file.clone()]).other_centres().unwrap()[..] else { panic!("one") };
        assert_eq!((centre.workers, centre.node.ledger.as_str()), (3, "two"));
        assert_eq!(centre.hosts(), ["two.example:8443"]);
        for (text, said) in [
            (format!("{own}listen = \"127.0.0.1:1\""), &["listen", "process", "two.toml"][..]),
            (format!("{own}workers = 2"), &["workers", "process"]),
            (format!("{own}[node]\nname = \"x\""), &["node.name", "process"]),
            (format!("{own}[database]\nurl = \"postgres://a/one\""), &["database.url", "its own"]),
            (own.replace("data = \"two\"", ""), &["data", "its own"]),
            (own.replace("Two.example:8443", "ONE.example"), &["web_origins", "one.example", "its own"]),
            (own.replace("ledger.two.example/trade", &Settings::default().origin), &["origin", "its own"]),
            ("data = \"two\"\norigin = \"two.example/x\"".into(), &["web_origins", "browsers"]),
            ("wokers = 3".into(), &["wokers", "two.toml"]),
        ] {
            std::fs::write(&file, &text).unwrap();
            let error = first(vec![file.clone()]).other_centres().unwrap_err().to_string();
            for word in said {
                assert!(error.contains(word), "{text:?}: «{error}» should say {word:?}");
            }
        }
        let missing = first(vec!["/nowhere/x.toml".into()]).other_centres().unwrap_err().to_string();
        assert!(missing.contains("/nowhere/x.toml"), "{missing}");
    }
}

//! One PostgreSQL, as many databases as a test wants.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use super::{Directory, Running, START_MAX, answers, as_servant, free_port, hand_to_servant, program, wait_for};

pub struct Postgres {
    // Dropped in this order: first the server, then its directory.
    running: Mutex<Option<Running>>,
    port: u16,
    directory: Directory,
}

fn tool(name: &str) -> PathBuf {
    static PLACES: OnceLock<Vec<PathBuf>> = OnceLock::new();
    let places = PLACES.get_or_init(|| {
        // Debian keeps each version in its own directory, off the PATH; the newest first.
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut places: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
        places.sort_unstable_by(|a, b| b.cmp(a));
        places
    });
    program(name, "postgresql", places)
}

impl Postgres {
    /// A fresh cluster; `postgres` is its superuser, and whoever reaches the loopback port is trusted.
    pub fn start() -> Self {
        let directory = Directory::fresh("postgres");
        let data = directory.path.join("data");
        let mut initdb = as_servant(&tool("initdb"));
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-D"]);
        let made = initdb.arg(&data).current_dir("/").output().unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let server = Self { running: Mutex::new(None), port: free_port(), directory };
        server.resume();
        server
    }

    /// The one that all tests of a binary share, each with databases of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts it again on the same port after a stop.
    pub fn resume(&self) {
        let mut command = as_servant(&tool("postgres"));
        let socket_dir = format!("unix_socket_directories={}", self.directory.path.display());
        command.arg("-D").arg(self.directory.path.join("data")).args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        for setting in [&socket_dir, "fsync=on", "synchronous_commit=on", "max_connections=300", "shared_buffers=64MB"]
        {
            command.args(["-c", setting]);
        }
        for setting in self.extra_settings() {
            command.args(["-c", &setting]);
        }
        let running = Running::start(&command, "QUIT", &self.log());
        wait_for("PostgreSQL", START_MAX, || {
            assert!(running.is_alive(), "{}", std::fs::read_to_string(self.log()).unwrap_or_default());
            answers(self.port) && self.try_run("postgres", "SELECT 1").is_ok()
        });
        *self.running.lock().unwrap() = Some(running);
    }

    /// `mode`: `fast` (sessions are ended, everything is written), `immediate` (as if the power went).
    pub fn stop(&self, mode: &str) {
        let signal = match mode {
            "fast" => "INT",
            "immediate" => "QUIT",
            other => panic!("{other}: fast or immediate"),
        };
        let running = self.running.lock().unwrap().take().expect("it runs");
        running.signal_and_wait(signal);
    }

    pub fn restart(&self, mode: &str) {
        self.stop(mode);
        self.resume();
    }

    /// A new empty database; returns its URL for the superuser.
    pub fn database(&self, name: &str) -> String {
        self.run("postgres", &format!("CREATE DATABASE {name}"));
        self.url("postgres", name)
    }

    pub fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port)
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// From now on only TLS is let in, under a certificate for 127.0.0.1 alone. Answers the file of the authority that made it.
    pub fn demand_tls(&self) -> PathBuf {
        let at = |name: &str| self.directory.path.join(name);
        let openssl = |arguments: &str| {
            let output = Command::new("openssl").args(arguments.split(' ')).current_dir(&self.directory.path).output();
            let output = output.expect("openssl is missing: run ops/ci/install as root");
            assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
        };
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -x509 -days 30";
        openssl(&format!("req {key} -subj /CN=Authority -keyout ca.key -out ca.crt"));
        let signed = "-CA ca.crt -CAkey ca.key -addext basicConstraints=critical,CA:FALSE";
        openssl(&format!(
            "req {key} {signed} -subj /CN=database -addext subjectAltName=IP:127.0.0.1 -keyout server.key -out server.crt"
        ));
        hand_to_servant(&at("server.key"));
        std::fs::write(at("data/pg_hba.conf"), "hostssl all all 127.0.0.1/32 trust\n").unwrap();
        let [certificate, key] = ["server.crt", "server.key"].map(at);
        let settings = format!("ssl=on\nssl_cert_file={}\nssl_key_file={}\n", certificate.display(), key.display());
        std::fs::write(at("settings"), settings).unwrap();
        self.restart("fast");
        at("ca.crt")
    }

    /// Runs SQL as the superuser and returns what psql prints, unaligned.
    pub fn run(&self, database: &str, sql: &str) -> String {
        self.try_run(database, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// As [`Postgres::run`], with the server's refusal as the error.
    pub fn try_run(&self, database: &str, sql: &str) -> Result<String, String> {
        self.try_run_as("postgres", database, sql)
    }

    pub fn try_run_as(&self, user: &str, database: &str, sql: &str) -> Result<String, String> {
        let mut psql = Command::new(tool("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        let output = psql.args(["-U", user, "-d", database, "-c", sql]).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// What `pg_dump` writes of a database.
    pub fn dump(&self, database: &str, flags: &[&str]) -> String {
        let mut dump = Command::new(tool("pg_dump"));
        dump.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres", "-d", database]).args(flags);
        let output = dump.output().unwrap();
        assert!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
        // Each dump begins and ends with a random word of its own.
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter(|line| !line.starts_with('\\')).collect::<Vec<_>>().join("\n")
    }

    pub fn log(&self) -> PathBuf {
        self.directory.path.join("log")
    }

    /// Where a test may put files that the server reads.
    pub fn directory(&self) -> &Path {
        &self.directory.path
    }

    /// One `name=value` a line in the file `settings` beside the data: for what only some tests want, such as TLS.
    fn extra_settings(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.directory.path.join("settings")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

//! The two backends, each with a fresh platform.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use mingjian::store::{DataDir, Platform, Postgres};
use tempfile::TempDir;

use crate::servers::Postgres as Server;

/// A new empty database of the server that these tests share; its name.
pub fn database() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("store{}", COUNT.fetch_add(1, Ordering::Relaxed));
    Server::shared().database(&name);
    name
}

pub fn postgres(database: &str) -> Postgres {
    Postgres::open(&Server::shared().url("postgres", database), None, 4).unwrap()
}

/// Runs `story` on each backend.
pub fn on_each(story: impl Fn(&str, &Platform)) {
    let dir: TempDir = tempfile::tempdir().unwrap();
    story("SQLite", &Platform::open(Arc::new(DataDir::open(dir.path()).unwrap())).unwrap());
    story("PostgreSQL", &Platform::shared(postgres(&database())));
}

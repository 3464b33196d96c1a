//! What operators are handed: that alerts lead to runbooks, that rules and dashboard name figures which are really there,
//! and that the proxy's configuration carries the platform, tried with the programs themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod compose;
mod documents;
mod proxy;
mod server;
mod watching;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of the repository.
pub fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

pub fn text(path: &str) -> String {
    std::fs::read_to_string(file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A program of the system; without it these tests cannot say anything.
pub fn program(name: &str) -> Command {
    let found = ["/usr/bin", "/usr/sbin", "/usr/local/bin"].iter().map(|dir| Path::new(dir).join(name));
    let found = found.into_iter().find(|path| path.exists());
    Command::new(found.unwrap_or_else(|| panic!("{name} is missing: ops/ci/install installs it")))
}

/// Runs it; what it said, if it was content.
pub fn content(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

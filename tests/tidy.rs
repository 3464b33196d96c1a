//! The code's own manners: the order of the rooms, what the pure half may not name, the size of files, and that the
//! repository stands alone.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms in reading order: each uses only rooms before it.
const ROOMS: &[&str] = &[
    "base",
    "engine",
    "ledger",
    "review",
    "print",
    "sequencer",
    "witness",
    "mirror",
    "store",
    "evidence",
    "relay",
    "live",
    "identity",
    "desk",
    "http",
    "demo",
    "config",
    "telemetry",
    "cli",
    "sim",
];
/// Used by tests and benchmarks only.
const FOR_TESTS_ONLY: &str = "sim";
const LINES_MAX: usize = 560;

fn files(dir: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(dir)];
    while let Some(dir) = open.pop() {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for entry in entries.map(Result::unwrap) {
            let path = entry.path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if ["target", "node_modules", "dist", ".git", "data"].contains(&name) {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty() || dir != "src", "no sources found");
    found
}

/// The room of a file under `src`: its first folder, or its own name.
fn room(path: &Path) -> String {
    let within = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let first = within.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The text before the unit tests, which may use whatever they like.
fn product_code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    match text.find("#[cfg(test)]\nmod ") {
        Some(tests) => text[..tests].to_owned(),
        None => text,
    }
}

fn is_test(path: &Path) -> bool {
    let text = path.to_str().unwrap();
    text.contains("/tests/") || text.ends_with("tests.rs") || text.ends_with("_tests.rs")
}

#[test]
fn each_room_uses_only_rooms_before_it() {
    for path in files("src", &[".rs"]) {
        let own = room(&path);
        if own == "lib" || own == "main" || is_test(&path) {
            continue;
        }
        let place = ROOMS.iter().position(|room| *room == own);
        let place = place.unwrap_or_else(|| panic!("{} is in no known room", path.display()));
        for (number, line) in product_code(&path).lines().enumerate() {
            for used in line.split("crate::").skip(1) {
                let used = used.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
                let Some(other) = ROOMS.iter().position(|room| *room == used) else { continue };
                let allowed = other <= place && (used != FOR_TESTS_ONLY || own == FOR_TESTS_ONLY);
                assert!(allowed, "{}:{}: {own} must not use {used}", path.display(), number + 1);
            }
        }
    }
}

#[test]
fn rooms_name_only_their_own_libraries() {
    let only = |library: &str, rooms: &[&str]| {
        for path in files("src", &[".rs"]) {
            if rooms.contains(&room(&path).as_str()) || is_test(&path) {
                continue;
            }
            for (number, line) in product_code(&path).lines().enumerate() {
                let code = line.split("//").next().unwrap();
                let named = code.contains(&format!("{library}::"));
                assert!(!named, "{}:{}: only {rooms:?} may name {library}", path.display(), number + 1);
            }
        }
    };
    only("diesel", &["store"]);
    only("actix_web", &["http", "cli"]);
    only("actix_ws", &["http"]);
    for pure in ["std::fs", "std::net", "std::thread", "std::time", "tokio", "HashMap"] {
        for path in files("src/engine", &[".rs"]) {
            if is_test(&path) {
                continue;
            }
            let text = product_code(&path);
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in code {
                assert!(!line.contains(pure), "{}: the engine must not name {pure}: {line}", path.display());
                assert!(!line.contains("f32") && !line.contains("f64"), "{}: no floats: {line}", path.display());
            }
        }
    }
}

#[test]
fn every_room_says_what_it_is() {
    for room in ROOMS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room).join("mod.rs");
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for line in ["//! Lives here:", "//! Must never know:", "//! Start reading at"] {
            assert!(text.lines().take(12).any(|l| l.starts_with(line)), "{} lacks «{line}»", path.display());
        }
    }
}

#[test]
fn files_stay_readable() {
    for path in files("src", &[".rs"]).into_iter().chain(files("web/src", &[".ts", ".vue"])) {
        let text = fs::read_to_string(&path).unwrap();
        if text.starts_with("// Generated by") {
            continue;
        }
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines: split it along a real seam", path.display());
    }
}

#[test]
fn nothing_unfinished_and_nothing_foreign() {
    // Spelled apart so that this file does not find itself.
    let banned = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("dbg", "!("),
        concat!("FIX", "ME"),
        concat!("../", "shared"),
        concat!("/wo", "rk/"),
        concat!("/tmp/", "wt"),
        concat!("registry.", "npmjs"),
        concat!("static.", "crates"),
    ];
    let endings = [".rs", ".toml", ".md", ".sql", ".ts", ".vue", ".json", ".yaml", ".yml", ".sh", "Makefile", "run"];
    for path in files(".", &endings) {
        if path.ends_with("tests/tidy.rs") || path.to_str().unwrap().contains("/vectors/") {
            continue;
        }
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for word in banned {
            assert!(!text.contains(word), "{} contains «{word}»", path.display());
        }
    }
}

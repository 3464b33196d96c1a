//! Every refusal that the engine can produce stands in some table.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::base::Code;

fn sources(folder: &Path, with_tests: bool) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && (with_tests || !path.ends_with("tests")) {
            text += &sources(&path, with_tests);
        } else if path.is_file() {
            text += &fs::read_to_string(path).unwrap();
        }
    }
    text
}

#[test]
fn every_code_of_the_engine_stands_in_a_table() {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine");
    let tables = sources(&engine.join("tests"), true);
    let produced: BTreeSet<String> = sources(&engine, false)
        .split("Code::")
        .skip(1)
        .map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect())
        .collect();
    assert!(produced.len() > 50, "{produced:?}");
    let missing: Vec<&str> = Code::ALL
        .iter()
        .filter(|code| produced.contains(&format!("{code:?}")))
        .map(|code| code.name())
        .filter(|name| !["refused ", "no: ", "\""].iter().any(|before| tables.contains(&format!("{before}{name}"))))
        .collect();
    assert!(missing.is_empty(), "no table shows {missing:?}");
}

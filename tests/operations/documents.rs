//! Documents name files that are there and lead to headings that are there.

use std::path::Path;

use crate::{file, text};

const DOCUMENTS: [&str; 11] = [
    "README.md",
    "ARCHITECTURE.md",
    "docs/operations.md",
    "docs/runbooks.md",
    "docs/security.md",
    "docs/scale.md",
    "docs/simulation.md",
    "docs/benchmarks.md",
    "docs/ledger-format.md",
    "docs/bundle-format.md",
    "docs/rights.md",
];

/// What stands between backticks and is a path of the repository.
fn paths(text: &str) -> Vec<&str> {
    let rooms = ["src/", "tests/", "docs/", "ops/", "web/", "benches/", "migrations/"];
    let quoted = text.split('`').skip(1).step_by(2);
    let names = quoted
        .filter(|name| rooms.iter().any(|room| name.starts_with(room)) && !name.contains([' ', '*', '<', '{', '\n']));
    names.collect()
}

#[test]
fn documents_name_files_that_are_there() {
    let mut named = 0;
    for document in DOCUMENTS {
        let text = text(document);
        for path in paths(&text) {
            assert!(file(path).exists(), "{document} names {path}, which is not there");
            named += 1;
        }
        let folder = Path::new(document).parent().unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let target = link.split('#').next().unwrap();
            if !target.is_empty() && !target.contains("://") {
                assert!(file("").join(folder).join(target).exists(), "{document} links to {link}");
            }
        }
    }
    assert!(named > 40, "only {named} paths were found");
}

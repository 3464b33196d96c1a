//! The tamper drill, as anybody runs it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use mingjian::base::Hash;
use serde_json::Value;

fn drill(arguments: &[&str]) -> (Option<i32>, Value) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_mingjian")).args(["drill", "--json"]).args(arguments).output().unwrap();
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), report)
}

fn parties(attack: &Value) -> BTreeSet<&str> {
    attack["noticed"].as_array().unwrap().iter().map(|notice| notice["who"].as_str().unwrap()).collect()
}

#[test]
fn every_attack_is_noticed_by_whom_it_must_be() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let made = Command::new(env!("CARGO_BIN_EXE_mingjian"))
        .args(["simulate", "--projects", "2", "--seed", "7", "--data", data])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let file = dir.path().join("ledger/main.sqlite");
    let before = Hash::of(&std::fs::read(&file).unwrap());

    let (code, report) = drill(&["--data", data]);
    let attacks = report["attacks"].as_array().unwrap();
    let codes: Vec<&str> = attacks.iter().map(|attack| attack["attack"].as_str().unwrap()).collect();
    assert_eq!(
        codes,
        [
            "rewritten",
            "rewritten_with_hashes",
            "dropped",
            "truncated",
            "reordered",
            "back_dated",
            "two_views",
            "old_backup",
            "swapped_clip",
            "forged_receipt",
            "replayed_statement",
            "stolen_key"
        ]
    );
    for attack in attacks {
        assert_eq!(attack["caught"], true, "{attack:#}");
    }
    assert_eq!(code, Some(0), "{report:#}");
    assert!(report["not_played"].as_array().unwrap().is_empty());
    let of = |code: &str| parties(&attacks[codes.iter().position(|known| *known == code).unwrap()]);
    // A rewritten row that touches no hash needs nobody but a verifier; whoever signs anew meets all the others.
    assert_eq!(of("rewritten"), BTreeSet::from(["verifier"]));
    assert_eq!(of("old_backup"), BTreeSet::from(["platform", "receipt", "verifier", "witness"]));
    assert_eq!(of("forged_receipt"), BTreeSet::from(["receipt"]));
    // Whatever others have cosigned, it is never taken for the forger's own history.
    for attack in
        attacks.iter().filter(|attack| parties(attack).contains("verifier") && attack["attack"] != "rewritten")
    {
        assert!(attack.to_string().contains("cosignatures of witnesses: quorum at the ledger"), "{attack:#}");
    }
    let clip = attacks[codes.iter().position(|known| *known == "swapped_clip").unwrap()].to_string();
    assert!(clip.contains("segment_bytes") && clip.contains("the bytes of"), "{clip}");
    let two_views = &attacks[codes.iter().position(|known| *known == "two_views").unwrap()];
    assert!(two_views.to_string().contains("alarm: two signed histories"), "{two_views:#}");
    assert_eq!(Hash::of(&std::fs::read(&file).unwrap()), before, "the drill changes nothing");
}

/// The drill can fail: a ledger that does not hold before any attack is no ground for one.
#[test]
fn a_ledger_that_does_not_hold_is_not_drilled_on() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mingjian")).args(["drill", "--data", data]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no keys"), "{output:?}");
}

/// What `docs/threats.md` names as a test is one.
#[test]
fn the_threat_table_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/threats.md")).unwrap();
    let mut named = 0;
    for quoted in page.split('`').skip(1).step_by(2) {
        let Some((binary, (module, test))) =
            quoted.split_once(' ').and_then(|(b, rest)| Some((b, rest.split_once("::")?)))
        else {
            continue;
        };
        let path = root.join(format!("tests/{binary}/{module}.rs"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{quoted}: {error}"));
        assert!(text.contains(&format!("fn {test}(")), "{quoted}: no such test");
        named += 1;
    }
    assert!(named >= 12, "{named}");
    for attack in ["rewritten", "two_views", "stolen_key", "old_backup", "forged_receipt", "replayed_statement"] {
        assert!(page.contains(&format!("drill `{attack}`")), "{attack}");
    }
}

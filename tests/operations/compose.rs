//! The deployment of `ops/compose.yaml`: what it mounts is there, and its settings are settings.

use std::process::Command;

use crate::{file, text};

#[test]
fn what_it_mounts_is_there() {
    let compose = text("ops/compose.yaml");
    let mounts: Vec<&str> = compose
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- ./")?.split(':').next())
        // The operator's own certificate.
        .filter(|path| *path != "tls")
        .collect();
    assert!(mounts.len() >= 6, "{mounts:?}");
    for path in mounts {
        assert!(file("ops").join(path).exists(), "ops/{path}");
    }
    for name in text("ops/compose.env.example").lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name) {
        assert!(name.starts_with('#') || compose.contains(&format!("${{{name}")), "{name} is used by nothing");
    }
    for (place, node) in
        [("ops/nginx/nginx.conf", "server node2:8080"), ("ops/prometheus/prometheus.yml", "node2:8080")]
    {
        assert!(text(place).contains(node), "{place} knows the nodes by the names that they have here");
    }
}

/// A node with these very settings gets as far as the database, which is not there.
#[test]
fn its_settings_are_settings() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = Command::new(env!("CARGO_BIN_EXE_mingjian"));
    node.env_clear().args(["serve", "--data"]).arg(dir.path());
    let mut count = 0;
    for line in text("ops/compose.yaml").lines() {
        let Some((name, value)) = line.trim().split_once(": ").filter(|(name, _)| name.starts_with("MINGJIAN_")) else {
            continue;
        };
        if name == "MINGJIAN_PASSWORD" {
            continue;
        }
        let mut value = value.trim_matches(['"', '\'']).to_owned();
        while let Some((before, rest)) = value.split_once("${") {
            let (variable, after) = rest.split_once('}').unwrap();
            let filled = if variable.starts_with("ORIGIN") { "ledger.example.org/trade" } else { "example" };
            value = format!("{before}{filled}{after}");
        }
        let value = value.replace("@database:5432", "@127.0.0.1:1");
        // Any free port: nothing is to be served.
        node.env(name, value.replace("0.0.0.0:8080", "127.0.0.1:0").replace("0.0.0.0:8081", "127.0.0.1:0"));
        count += 1;
    }
    assert!(count >= 10, "{count} settings");
    let output = node.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("cannot connect to the database"), "{said}");
}

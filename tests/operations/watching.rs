//! Figures, rules, dashboard, runbooks and logs.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::server::Server;
use crate::{content, file, program, text};

const RULES: &str = "ops/prometheus/alerts.yml";
const DASHBOARD: &str = "ops/grafana/dashboards/mingjian.json";
const RUNBOOKS: &str = "docs/runbooks.md";

/// The values of `key: value` lines.
fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let lines = text.lines().map(|line| line.trim().trim_start_matches("- "));
    lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix(": ")).collect()
}

/// As web pages make anchors out of headings.
fn anchors(markdown: &str) -> Vec<String> {
    let headings = markdown.lines().filter_map(|line| line.strip_prefix('#').map(|rest| rest.trim_start_matches('#')));
    let spelled = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' => Some(c.to_ascii_lowercase()),
        _ => None,
    };
    headings.map(|heading| heading.trim().chars().filter_map(spelled).collect()).collect()
}

#[test]
fn every_alert_leads_to_its_runbook_and_every_link_to_a_heading() {
    let (rules, runbooks) = (text(RULES), text(RUNBOOKS));
    let anchors = anchors(&runbooks);
    let alerts = values(&rules, "alert");
    assert!(alerts.len() > 10, "{alerts:?}");
    let wanted: Vec<String> = alerts.iter().map(|alert| format!("{RUNBOOKS}#{}", alert.to_ascii_lowercase())).collect();
    assert_eq!(values(&rules, "runbook_url"), wanted);
    for alert in &alerts {
        assert!(anchors.contains(&alert.to_ascii_lowercase()), "no runbook for {alert}");
    }
    for heading in runbooks.lines().filter_map(|line| line.strip_prefix("### Mingjian")) {
        assert!(alerts.contains(&&*format!("Mingjian{heading}")), "a runbook for no alert: {heading}");
    }
    for link in runbooks.split("](#").skip(1) {
        let link = link.split(')').next().unwrap();
        assert!(anchors.iter().any(|anchor| anchor == link), "no heading for #{link}");
    }
}

/// The names of figures in some text, without what a histogram adds to its own.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = words.filter(|word| word.starts_with("mingjian_") || word.starts_with("process_"));
    let whole = |word: &str| {
        let endings = ["_bucket", "_sum", "_count"];
        endings.iter().find_map(|ending| word.strip_suffix(ending)).unwrap_or(word).to_owned()
    };
    ours.map(whole).collect()
}

#[test]
fn rules_dashboard_and_documentation_name_what_is_really_measured() {
    let server = Server::start(&[]);
    let answer = server.ask("GET", "/metrics", &[], "");
    let (_, page) = answer.split_once("\r\n\r\n").unwrap();
    let emitted: BTreeSet<String> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).map(str::to_owned).collect();
    let documented = named(&text("docs/operations.md"));
    for (source, names) in
        [(RULES, named(&text(RULES))), (DASHBOARD, named(&text(DASHBOARD))), ("docs/operations.md", documented.clone())]
    {
        assert!(names.len() > 8, "{source} names {names:?}");
        let unknown: Vec<_> = names.difference(&emitted).collect();
        assert!(unknown.is_empty(), "{source} names what nobody measures: {unknown:?}");
    }
    let silent: Vec<_> = emitted.difference(&documented).collect();
    assert!(silent.is_empty(), "docs/operations.md does not say what these mean: {silent:?}");

    let mut lint = program("promtool");
    lint.args(["check", "metrics"]).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut lint = lint.stderr(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut lint.stdin.take().unwrap(), page.as_bytes()).unwrap();
    let output = lint.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn rules_fire_when_they_should() {
    let dir = file("ops/prometheus");
    content(program("promtool").current_dir(&dir).args(["check", "config", "prometheus.yml"]));
    content(program("promtool").current_dir(&dir).args(["test", "rules", "alerts.test.yml"]));
}

#[test]
fn the_dashboard_asks_what_the_rules_name_its_source() {
    let board: Value = serde_json::from_str(&text(DASHBOARD)).unwrap();
    let source = text("ops/grafana/provisioning/datasources/prometheus.yaml");
    let panels = board["panels"].as_array().unwrap();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let uid = panel["datasource"]["uid"].as_str().unwrap();
        assert!(values(&source, "uid").contains(&uid), "{}: no source {uid}", panel["title"]);
        assert!(panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()), "{}", panel["title"]);
    }
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
}

#[test]
fn a_trace_tells_nothing() {
    let server = Server::start(&[]);
    for path in ["/", "/api/v1/lots", "/ledger/main/checkpoint", "/healthz"] {
        let answer = server.ask("TRACE", path, &[("X-Added-By-A-Proxy", "for-nobody-to-see")], "");
        assert!(answer.contains(" 405 ") || answer.contains(" 404 "), "{path}: {answer}");
        assert!(!answer.contains("for-nobody-to-see"), "{path}: {answer}");
    }
}

#[test]
fn one_line_a_request_that_names_nobody_and_holds_no_secret() {
    let server = Server::start(&[("MINGJIAN_LOG__JSON", "true"), ("MINGJIAN_BEHIND_PROXY", "true")]);
    let (password, token) = ("a password that nobody may read", "dG9rZW4tdGhhdC1ub2JvZHktbWF5LXJlYWQ");
    let json = ("Content-Type", "application/json");
    let body = format!(r#"{{"login":"somebody-by-name","password":"{password}"}}"#);
    let answer = server.ask("POST", "/api/v1/session", &[json, ("X-Request-Id", "from-the-proxy-1")], &body);
    assert!(answer.to_ascii_lowercase().contains("\r\nx-request-id: from-the-proxy-1\r\n"), "{answer}");
    let line = server.logged("the sign-in", |line| line.contains("from-the-proxy-1") && line.contains("\"route\""));
    let line: Value = serde_json::from_str(&line).unwrap();
    let fields = &line["fields"];
    assert_eq!((&fields["class"], &fields["method"]), (&"write".into(), &"POST".into()));
    assert_eq!((&fields["route"], &fields["status"]), (&"/api/v1/session".into(), &401.into()), "{line}");
    assert!(fields["micros"].is_u64() && fields["code"].as_str().is_some_and(|code| !code.is_empty()), "{line}");

    let lot = "01KAY3XQ5T0000000000000000";
    let cookie = format!("__Host-mingjian={token}");
    let headers = [json, ("Cookie", &cookie), ("X-CSRF-Token", token), ("X-Forwarded-For", "192.0.2.77")];
    server.ask("POST", &format!("/api/v1/lots/{lot}/bids"), &headers, r#"{"statement":"e30.e30.e30"}"#);
    server.ask("GET", &format!("/api/v1/lots?q={token}"), &headers, "");
    // A client cannot choose a name that breaks the line, nor one that is not a name.
    let odd = server.ask("GET", "/api/v1/lots", &[("X-Request-Id", "two words {}")], "");
    assert!(!odd.contains("two words"), "{odd}");
    server.logged("the bid", |line| line.contains("/api/v1/lots/*/bids"));
    // Who is refused a right is written down with where from: that is not about who takes part.
    let stranger = [
        ("Origin", "https://elsewhere.example"),
        ("X-Forwarded-For", "203.0.113.9"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Protocol", "mingjian.v1"),
    ];
    assert!(server.ask("GET", "/api/v1/live", &stranger, "").contains(" 403 "));
    let denied = server.logged("the refusal", |line| line.contains("mingjian::denied"));
    assert!(denied.contains("203.0.113.9") && denied.contains("bad_origin"), "{denied}");
    let log = server.whole_log();
    for secret in [password, token, "somebody-by-name", lot, "192.0.2.77", "e30.e30"] {
        assert!(!log.contains(secret), "the log holds {secret}: {log}");
    }
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "not JSON: {line}");
    }
}

//! The document and the routes say the same.

use mingjian::base::Code;
use serde_json::Value;

use crate::world::World;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");

/// Method and path of everything in the document.
pub fn documented() -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&mingjian::http::app::document().to_pretty_json().unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

/// `UPDATE_DOCS=1 cargo test` writes the page anew.
#[test]
fn the_kept_document_is_this_document() {
    let document = mingjian::http::app::document().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &document).unwrap();
    }
    let kept = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(kept == document, "docs/openapi.json is out of date: run UPDATE_DOCS=1 cargo test --test api openapi");
}

#[test]
fn the_server_serves_the_document() {
    let world = World::start();
    let served = world.public().get("/api/v1/openapi.json");
    assert_eq!(served.text(), mingjian::http::app::document().to_pretty_json().unwrap());
}

/// Whether the router itself had nothing for it.
fn no_route(answer: &crate::client::Answer, path: &str) -> bool {
    let problem = answer.header("content-type") == "application/problem+json";
    problem && answer.code() == Code::NotFound && answer.problem()["detail"] == path
}

#[test]
fn what_is_documented_exists_and_nothing_else_does() {
    let world = World::start();
    let documented = documented();
    assert!(documented.len() > 50);
    for (method, path) in &documented {
        let path = path
            .replace("{name}", "main")
            .replace("{seq}", "0")
            .replace("{path}", "0/000")
            .split('/')
            .map(|part| if part.starts_with('{') { "01JD9Z5T8Q3W6V2K4M7N0P1R2S" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        let answer = world.public().send(method, &path, None);
        assert!(!no_route(&answer, &path), "{method} {path} is documented and does not exist");
        // Another method at a known address is no other route.
        let other = world.public().send("PATCH", &path, None);
        assert!(matches!(other.code(), Code::NotFound | Code::MethodNotAllowed), "PATCH {path}");
    }
    for path in ["/api/v1/nowhere", "/api/v1/lots/x/nowhere", "/api/v2/lots", "/ledger/main/nowhere", "/ledger/main"] {
        for method in ["GET", "POST", "DELETE"] {
            let answer = world.public().send(method, path, None);
            let page = method == "GET" && answer.header("content-type").starts_with("text/html");
            assert!(page && !path.starts_with("/api/v1") || answer.status >= 400, "{method} {path}: {}", answer.status);
        }
    }
}

#[test]
fn every_operation_has_its_own_name_a_sentence_and_known_answers() {
    let document: Value = serde_json::from_str(&mingjian::http::app::document().to_pretty_json().unwrap()).unwrap();
    let mut names = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            // Clients are generated with these as the names of their functions.
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{name} stands twice, the second time at {method} {path}");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2') || status == "101"), "{method} {path}");
            assert!(
                !operation["description"].as_str().or(operation["summary"].as_str()).unwrap_or("").is_empty(),
                "{method} {path}"
            );
            for status in responses.keys() {
                let known = Code::ALL.iter().any(|code| code.status().to_string() == *status);
                assert!(known || status.starts_with('2') || status == "101", "{method} {path}: {status}");
            }
        }
    }
}

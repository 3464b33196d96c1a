//! A client: plain HTTP, and a person who keeps a session.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use mingjian::base::limits::REAUTH_MAX;
use mingjian::base::{Code, Micros};
use serde_json::{Value, json};
use ureq::http::{HeaderMap, Request};

use crate::world::{PASSWORD, World};

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body of a success.
    pub fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text());
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// The stable code of a failure, which must be a whole RFC 9457 problem.
    pub fn code(&self) -> Code {
        let problem = self.problem();
        problem["code"].as_str().unwrap().parse().unwrap()
    }

    pub fn problem(&self) -> Value {
        assert!(self.status >= 400, "{} {}", self.status, self.text());
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        assert_eq!(self.header("cache-control"), "no-store");
        let problem = self.json();
        let code: Code = problem["code"].as_str().unwrap().parse().expect("a code of the table");
        assert_eq!((problem["status"].as_u64(), self.status), (Some(self.status.into()), code.status()));
        assert_eq!(problem["type"], format!("/problems#{code}"));
        assert_eq!(problem["title"], code.zh());
        problem
    }
}

/// One request; `headers` as they are.
pub fn send(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
    let mut request = Request::builder().method(method).uri(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
    let agent = config.timeout_global(Some(std::time::Duration::from_secs(20))).build().new_agent();
    let response = match body {
        Some(body) => agent.run(request.body(body).unwrap()),
        None => agent.run(request.body(()).unwrap()),
    };
    let (head, mut body) = response.unwrap().into_parts();
    // A stream of events has no end to wait for.
    let endless = head.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
    let body = if endless { Vec::new() } else { body.read_to_vec().unwrap() };
    Answer { status: head.status.as_u16(), headers: head.headers, body }
}

/// Somebody who signs in when it is needed, and again before a proof of identity grows old.
pub struct Person<'w> {
    world: &'w World,
    login: Option<&'static str>,
    session: RefCell<Option<Session>>,
}

#[derive(Clone)]
pub struct Session {
    pub cookie: String,
    pub csrf: String,
    opened_at: Micros,
}

impl<'w> Person<'w> {
    pub fn new(world: &'w World, login: Option<&'static str>) -> Self {
        Self { world, login, session: RefCell::default() }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    pub fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(&body))
    }

    pub fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let key = format!("key-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.send_with_key(method, path, &key, body)
    }

    pub fn post_with_key(&self, path: &str, key: &str, body: Value) -> Answer {
        self.send_with_key("POST", path, key, Some(&body))
    }

    fn send_with_key(&self, method: &str, path: &str, key: &str, body: Option<&Value>) -> Answer {
        let session = self.session();
        let mut headers = vec![];
        if method != "GET" {
            headers.push(("Idempotency-Key", key));
        }
        if let Some(session) = &session {
            headers.push(("Cookie", session.cookie.as_str()));
            headers.push(("X-CSRF-Token", session.csrf.as_str()));
        }
        if body.is_some() {
            headers.push(("Content-Type", "application/json"));
        }
        let bytes = body.map(|body| serde_json::to_vec(body).unwrap());
        send(self.world.address, method, path, &headers, bytes.as_deref())
    }

    /// The session, opened or renewed where needed; `None` for the public.
    pub fn session(&self) -> Option<Session> {
        let login = self.login?;
        let now = self.world.now();
        let fresh = |session: &Session| now.since(session.opened_at) < REAUTH_MAX && session.opened_at <= now;
        if !self.session.borrow().as_ref().is_some_and(fresh) {
            let body = serde_json::to_vec(&json!({ "login": login, "password": PASSWORD })).unwrap();
            let json = [("Content-Type", "application/json")];
            let answer = send(self.world.address, "POST", "/api/v1/session", &json, Some(&body));
            let csrf = answer.ok()["csrf"].as_str().unwrap().to_owned();
            let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
            self.session.replace(Some(Session { cookie, csrf, opened_at: now }));
        }
        self.session.borrow().clone()
    }
}

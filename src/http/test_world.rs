//! The whole application over a real desk in a temporary directory, with a clock that the test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use actix_web::cookie::Cookie;
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::test::{self, TestRequest};
use actix_web::web::Data;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::app::{Parts, app};
use super::case_file::CasePermits;
use super::extract::{CSRF_HEADER, HttpSettings, SESSION_COOKIE};
use super::offload::HashingPermits;
use super::stream::Stream;
use super::throttle::Throttle;
use crate::base::{Code, Entropy, Id, Jwk, Micros, Rate, Span};
use crate::desk::{Desk, LotKeys, ReadGate, SealedLogins, Tree};
use crate::engine::calendar::{CityPeriods, Holidays};
use crate::engine::code::CodeFormat;
use crate::engine::event::PlatformConfigured;
use crate::evidence::{self, Directory, Evidence, Networks};
use crate::identity::accounts::NewAccount;
use crate::identity::password::Passwords;
use crate::identity::{CreditCode, Identity, OrganisationKind, Policy, Role, ServerKeys, SystemEntropy};
use crate::ledger::note::SignatureType;
use crate::ledger::signature::SeedSigner;
use crate::ledger::{Origin, Payload, Signer as _, VerifierKey};
use crate::live::{Hub, LedgerHistory, Limits};
use crate::sequencer::{Clock, Journal as _, Listener, Options, Sequencer, StoredPayload};
use crate::store::{DataDir, Platform, SqliteJournal};
use crate::witness::Cosigning;

pub(super) const API: &str = "/api/v1";
pub(super) const PASSWORD: &str = "seven quiet herons";

pub(super) struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Micros {
        Micros::new(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

pub(super) struct World {
    pub(super) parts: Parts,
    pub(super) desk: Data<Desk>,
    pub(super) clock: Arc<TestClock>,
    pub(super) passwords: Passwords,
    _dir: TempDir,
}

pub(super) fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let data = Arc::new(DataDir::open(dir.path().join("data")).unwrap());
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
    let start: Micros = "2026-03-02T01:00:00.000000Z".parse().unwrap();
    let test_clock = Arc::new(TestClock(AtomicI64::new(start.get())));
    let clock: Arc<dyn Clock> = test_clock.clone();

    let platform = Platform::open(data.clone()).unwrap();
    let keys = Arc::new(ServerKeys::load_or_create(&data.keys_path(), &*entropy).unwrap());
    let signer = SeedSigner::new(keys.log_seed());
    let cheap = || Passwords::cheap_for_demonstration(&*entropy).unwrap();
    let policy = Policy { totp_required: false, issuer: "Mingjian".into() };
    let identity = Arc::new(Identity::new(platform.clone(), keys, entropy.clone(), cheap(), policy));

    let origin = Origin::new("ledger.mingjiang.example/test").unwrap();
    let journal = SqliteJournal::open(&data.ledger_path("main").unwrap()).unwrap();
    let reader = journal.reader();
    let tree = Arc::new(Tree::open(reader.clone()).unwrap());
    let gate = ReadGate::new(identity.clone(), clock.clone());
    let history = Arc::new(LedgerHistory(reader.clone()));
    let hub = Hub::new(history, Arc::new(gate.clone()), clock.clone(), Limits::default()).unwrap();
    let genesis = PlatformConfigured {
        code_format: CodeFormat::default(),
        holidays: Holidays::default(),
        periods: CityPeriods::default(),
    };
    let listeners: Vec<Arc<dyn Listener>> = vec![tree.clone(), hub.clone()];
    let options = Options::new(origin.clone(), genesis);
    let verifier_key = VerifierKey::new(&origin, SignatureType::Ed25519, signer.public()).unwrap();
    let sequencer =
        Sequencer::start(Box::new(journal), Box::new(signer), clock.clone(), entropy.clone(), listeners, options)
            .unwrap();
    gate.open(sequencer.clone());
    let passwords = cheap();
    let ledger_name = "main".into();
    let lot_keys = LotKeys::default();
    let evidence = Arc::new(Evidence {
        settings: evidence::Settings {
            name: "test".into(),
            ffmpeg: "ffmpeg".into(),
            networks: Networks::of(&[]).unwrap(),
            others: Vec::new(),
        },
        store: Arc::new(Directory::open(data.path().join("media")).unwrap()),
        platform: platform.clone(),
        ledger: "main".to_owned(),
        logins: Arc::new(SealedLogins::new(identity.clone(), platform.clone())),
        clock: clock.clone(),
        entropy: entropy.clone(),
        monitor: Arc::default(),
    });
    let cosigning = Cosigning::none(verifier_key.clone()).unwrap();
    cosigning.start(sequencer.clone()).unwrap();
    let desk = Desk {
        ledger_name,
        origin,
        verifier_key,
        sequencer,
        reader,
        identity,
        platform,
        tree,
        lot_keys,
        evidence,
        cosigning,
        clock,
        entropy,
    };
    let stream = Stream { hub, origins: Vec::new(), who: Box::new(|_| Box::pin(async { Err(Code::Internal.into()) })) };
    let parts = Parts {
        desk: Data::new(desk),
        stream: Data::new(stream),
        settings: Data::new(HttpSettings::default()),
        permits: Data::new(HashingPermits::new()),
        sign_ups: Data::new(Throttle::new(Rate { burst: 3, every: Span::minutes(1) }, 8)),
        cases: Data::new(CasePermits::default()),
        door: None,
        traffic: Data::default(),
    };
    World { desk: parts.desk.clone(), parts, clock: test_clock, passwords, _dir: dir }
}

/// What a request was answered with.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) caching: String,
    pub(super) cookie: Option<Cookie<'static>>,
    pub(super) body: Value,
}

impl Reply {
    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(super) fn id(&self, field: &str) -> Id {
        self.body[field].as_str().unwrap().parse().unwrap()
    }

    /// The session that this reply opened.
    pub(super) fn session(&self) -> Login {
        let token = self.cookie.as_ref().unwrap().value().to_owned();
        Login { token, csrf: self.body["csrf"].as_str().unwrap().to_owned() }
    }
}

/// A session as a browser holds it.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) token: String,
    pub(super) csrf: String,
}

impl World {
    pub(super) fn after(&self, span: Span) {
        self.clock.0.fetch_add(i64::try_from(span.get()).unwrap(), Ordering::SeqCst);
    }

    pub(super) async fn send(&self, request: TestRequest) -> Reply {
        let app = test::init_service(app(self.parts.clone()));
        let request = request.peer_addr(([192, 0, 2, 1], 4321).into()).to_request();
        let response = test::call_service(&app.await, request).await;
        let header = |name| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let (status, content_type, caching) = (response.status().as_u16(), header(CONTENT_TYPE), header(CACHE_CONTROL));
        let cookie = response.response().cookies().next().map(Cookie::into_owned);
        let bytes = test::read_body(response).await;
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Reply { status, content_type, caching, cookie, body }
    }

    pub(super) async fn call(&self, login: Option<&Login>, method: Method, path: &str, body: &Value) -> Reply {
        let mut request = TestRequest::default().method(method).uri(&format!("{API}{path}"));
        if let Some(Login { token, csrf }) = login {
            request = request.cookie(Cookie::new(SESSION_COOKIE, token)).insert_header((CSRF_HEADER, csrf.as_str()));
        }
        if !body.is_null() {
            request = request.set_json(body);
        }
        self.send(request).await
    }

    pub(super) async fn get(&self, login: &Login, path: &str) -> Reply {
        self.call(Some(login), Method::GET, path, &Value::Null).await
    }

    pub(super) async fn post(&self, login: &Login, path: &str, body: Value) -> Reply {
        self.call(Some(login), Method::POST, path, &body).await
    }

    pub(super) async fn sign_in(&self, login: &str) -> Login {
        let credentials = json!({ "login": login, "password": PASSWORD });
        let reply = self.call(None, Method::POST, "/session", &credentials).await;
        assert_eq!(reply.status, 200, "{login}: {}", reply.body);
        reply.session()
    }

    pub(super) async fn prove(&self, login: &Login) -> Login {
        let reply = self.post(login, "/session/proof", json!({ "password": PASSWORD })).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.session()
    }

    pub(super) fn seed(&self, login: &str, role: Role) -> Id {
        let identity = &self.desk.identity;
        let now = self.desk.now();
        let organisation = role.organisation().map(|kind| {
            let code = (kind == OrganisationKind::Company).then(|| credit_code(login));
            identity.seed_organisation(kind, login, code.as_ref(), now).unwrap()
        });
        let new = NewAccount { login, name: login, organisation };
        identity.seed_account(new, role, PASSWORD, &self.passwords, now).unwrap()
    }

    /// The payload of an entry, read past all audiences.
    pub(super) fn payload(&self, seq: u64) -> Value {
        let StoredPayload::Present(bytes) = self.desk.reader.payload(seq).unwrap() else { panic!("no payload") };
        let payload = Payload::parse(&bytes).unwrap();
        json!({ "kind": payload.kind, "subject": payload.subject, "actor": payload.actor, "data": payload.data })
    }
}

/// A credit code of one's own.
pub(super) fn credit_code(name: &str) -> CreditCode {
    let number = name.bytes().fold(7u32, |sum, byte| (sum * 31 + u32::from(byte)) % 10_000_000);
    CreditCode::with_check(&format!("91999999MA{number:07}")).unwrap()
}

pub(super) fn new_company(login: &str) -> Value {
    let code = credit_code(login);
    json!({ "login": login, "password": PASSWORD, "name": "林某", "company": "明江万禾建设有限公司", "credit_code": code.as_str() })
}

/// A public key that somebody could have.
pub(super) fn key(n: u8) -> Jwk {
    SeedSigner::new(&[n; 32]).public().jwk()
}

//! The real application on a free port of the loopback interface, with a clock that is set by hand and an account of
//! every role.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};

use actix_web::HttpServer;
use actix_web::web::Data;
use mingjian::base::{Id, Micros, Span};
use mingjian::cli::open::{Setup, open};
use mingjian::desk::Desk;
use mingjian::engine::event::PlatformConfigured;
use mingjian::http::app::app;
use mingjian::http::extract::HttpSettings;
use mingjian::http::stream::keep_socket;
use mingjian::identity::accounts::NewAccount;
use mingjian::identity::password::Passwords;
use mingjian::identity::{CreditCode, Identity, OrganisationKind, Role};
use mingjian::ledger::{Checkpoint, Nonce, Payload, Policy, SignedCheckpoint};
use mingjian::sequencer::{Clock as _, StoredPayload};
use mingjian::sim::{ManualClock, SeededEntropy};
use mingjian::store::DataDir;
use serde_json::Value;
use tempfile::TempDir;

use crate::client::Person;

pub const ORIGIN: &str = "ledger.mingjiang.example/trade";
pub const PASSWORD: &str = "seven rivers meet in the plain";
/// 2026-11-23T01:00:00Z, a Monday morning in China.
const MORNING: i64 = 1_795_395_600_000_000;

pub const OWNER_NAME: &str = "明江城投资产经营有限公司";
pub const BIDDERS: [&str; 4] = ["bidder1", "bidder2", "bidder3", "bidder4"];

/// Login, role, and whose organisation.
const PEOPLE: [(&str, Role, Option<&str>); 15] = [
    ("newcomer", Role::Public, None),
    ("operator", Role::Operator, Some("明江市公共资源交易中心")),
    ("owner", Role::Owner, Some(OWNER_NAME)),
    ("other_owner", Role::Owner, Some("明江水务集团有限公司")),
    ("expert", Role::Expert, None),
    ("supervisor", Role::Supervisor, Some("明江市公共资源交易监督管理局")),
    ("reviewer", Role::Reviewer, Some("明江市公共资源交易监督管理局")),
    ("other_reviewer", Role::Reviewer, Some("明江市公共资源交易监督管理局")),
    ("system_admin", Role::SystemAdmin, Some("明江市公共资源交易中心")),
    ("security_admin", Role::SecurityAdmin, Some("明江市公共资源交易中心")),
    ("audit_admin", Role::AuditAdmin, Some("明江市公共资源交易中心")),
    (BIDDERS[0], Role::Bidder, Some("明江甲置业有限公司")),
    (BIDDERS[1], Role::Bidder, Some("明江乙置业有限公司")),
    (BIDDERS[2], Role::Bidder, Some("明江丙置业有限公司")),
    (BIDDERS[3], Role::Bidder, Some("明江丁置业有限公司")),
];

pub struct World {
    pub address: SocketAddr,
    pub clock: ManualClock,
    pub desk: Data<Desk>,
    pub accounts: BTreeMap<&'static str, Id>,
    pub organisations: BTreeMap<&'static str, Id>,
    entropy: SeededEntropy,
    handle: actix_web::dev::ServerHandle,
    dir: TempDir,
}

impl World {
    pub fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Micros::new(MORNING).unwrap());
        let genesis = PlatformConfigured {
            code_format: Default::default(),
            holidays: Default::default(),
            periods: Default::default(),
        };
        let setup = Setup { origin: ORIGIN.into(), totp_required: false, genesis, cosigners: None };
        let data = DataDir::open(dir.path().join("data")).unwrap();
        let running = open(data, setup, Arc::new(clock.clone())).unwrap();
        let entropy = SeededEntropy::new(1);
        let (organisations, accounts) = seed(&running.desk.identity, &entropy, clock.now());
        let parts = running.parts(HttpSettings::default());
        let desk = parts.desk.clone();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(move || app(parts.clone()))
                    .on_connect(keep_socket)
                    .workers(2)
                    .shutdown_timeout(1)
                    .disable_signals()
                    .bind("127.0.0.1:0")
                    .unwrap();
                let address = server.addrs()[0];
                let server = server.run();
                tell.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, handle) = told.recv().unwrap();
        Self { address, clock, desk, accounts, organisations, entropy, handle, dir }
    }

    pub fn now(&self) -> Micros {
        self.clock.now()
    }

    /// Sets the clock and waits until all that is due has happened.
    pub fn go_to(&self, at: Micros) {
        self.clock.set(at);
        self.desk.sequencer.tick().wait().unwrap();
    }

    pub fn pass(&self, span: Span) {
        self.go_to(self.now().plus(span));
    }

    pub fn person(&self, login: &'static str) -> Person<'_> {
        assert!(self.accounts.contains_key(login), "{login}");
        Person::new(self, Some(login))
    }

    pub fn public(&self) -> Person<'_> {
        Person::new(self, None)
    }

    pub fn id(&self) -> Id {
        Id::new(self.now(), self.entropy.bytes())
    }

    pub fn nonce(&self) -> Nonce {
        Nonce::new(self.now(), self.entropy.bytes())
    }

    /// Number of entries, as its newest checkpoint says.
    pub fn size(&self) -> u64 {
        self.checkpoint().size
    }

    /// The newest checkpoint, its signature checked.
    pub fn checkpoint(&self) -> Checkpoint {
        let note = self.public().get("/ledger/main/checkpoint");
        SignedCheckpoint::parse(note.text()).unwrap().verify(&self.policy()).unwrap().clone()
    }

    pub fn policy(&self) -> Policy {
        Policy::log_only(self.desk.verifier_key.clone()).unwrap()
    }

    pub fn leaf(&self, seq: u64) -> Vec<u8> {
        self.desk.reader.leaf(seq).unwrap().unwrap().to_vec()
    }

    /// The payload behind the counter, whoever may read it.
    pub fn payload(&self, seq: u64) -> Payload {
        match self.desk.reader.payload(seq).unwrap() {
            StoredPayload::Present(bytes) => Payload::parse(&bytes).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// Entries of a kind, oldest first.
    pub fn of_kind(&self, kind: &str) -> Vec<u64> {
        (0..self.size()).filter(|seq| self.payload(*seq).kind == kind).collect()
    }

    /// Changes the ledger's storage behind the server's back.
    pub fn by_hand(&self, sql: &str) {
        use diesel::connection::SimpleConnection as _;
        let path = self.dir.path().join("data/ledger/main.sqlite");
        mingjian::store::connection::open(&path).unwrap().batch_execute(sql).unwrap();
    }

    pub fn lot(&self, lot: Id) -> Value {
        self.public().get(&format!("/api/v1/lots/{lot}")).ok()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Ends the server's threads; nobody waits for them.
        drop(self.handle.stop(false));
    }
}

type Ids = BTreeMap<&'static str, Id>;

fn seed(identity: &Identity, entropy: &SeededEntropy, now: Micros) -> (Ids, Ids) {
    let passwords = Passwords::cheap_for_demonstration(entropy).unwrap();
    let (mut organisations, mut accounts) = (Ids::new(), Ids::new());
    for (number, (login, role, company)) in PEOPLE.into_iter().enumerate() {
        let organisation = company.map(|name| {
            *organisations.entry(name).or_insert_with(|| {
                let kind = role.organisation().unwrap();
                let code = CreditCode::with_check(&format!("91330299{number:09}")).unwrap();
                let code = (kind == OrganisationKind::Company).then_some(&code);
                identity.seed_organisation(kind, name, code, now).unwrap()
            })
        });
        let new = NewAccount { login, name: "张三", organisation };
        accounts.insert(login, identity.seed_account(new, role, PASSWORD, &passwords, now).unwrap());
    }
    (organisations, accounts)
}

//! The room as a whole, on a real database, with a clock that the test moves.

use tempfile::TempDir;

use super::accounts::{NewAccount, NewCompany};
use super::*;
use crate::base::limits::*;
use crate::base::{Hash, Span};
use crate::store::DataDir;

mod administration;

const PASSWORD: &str = "seven quiet herons";
const START: &str = "2026-03-02T01:00:00.000000Z";

struct World {
    identity: Identity,
    passwords: Passwords,
    now: Micros,
    dir: TempDir,
}

fn world() -> World {
    world_with(false)
}

fn world_with(totp_required: bool) -> World {
    let dir = tempfile::tempdir().unwrap();
    let data = Arc::new(DataDir::open(dir.path().join("data")).unwrap());
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
    let keys = Arc::new(ServerKeys::load_or_create(&data.keys_path(), &*entropy).unwrap());
    let cheap = || Passwords::cheap_for_demonstration(&*entropy).unwrap();
    let policy = Policy { totp_required, issuer: "Mingjian".to_owned() };
    let identity = Identity::new(Platform::open(data).unwrap(), keys, entropy.clone(), cheap(), policy);
    World { identity, passwords: cheap(), now: START.parse().unwrap(), dir }
}

fn network(address: &str) -> Network {
    Network::of(address.parse().unwrap())
}

fn home() -> Network {
    network("192.0.2.1")
}

impl World {
    fn after(&mut self, span: Span) -> &mut Self {
        self.now = self.now.plus(span);
        self
    }

    fn seed(&self, login: &str, role: Role) -> Id {
        let kind = role.organisation().filter(|kind| *kind != OrganisationKind::Company);
        let organisation = kind.map(|kind| self.identity.seed_organisation(kind, login, None, self.now).unwrap());
        let new = NewAccount { login, name: login, organisation };
        self.identity.seed_account(new, role, PASSWORD, &self.passwords, self.now).unwrap()
    }

    fn company(&self, login: &str, body: &str) -> Result<Id, Code> {
        let credit_code = CreditCode::with_check(body).unwrap();
        let new = NewCompany {
            login,
            password: PASSWORD,
            name: "林某",
            company: "明江万禾建设有限公司",
            credit_code: credit_code.as_str(),
        };
        self.identity.sign_up_company(new, &home(), self.now)
    }

    fn bidder(&self, login: &str) -> Id {
        let body = format!("91999999MA{:07}", 1_000_000 + login.len());
        self.company(login, &body).unwrap()
    }

    fn try_sign_in(&self, login: &str, password: &str, from: &Network) -> Result<SignedIn, Code> {
        self.identity.sign_in(login, password, None, from, self.now)
    }

    fn sign_in(&self, login: &str) -> SignedIn {
        self.try_sign_in(login, PASSWORD, &home()).unwrap()
    }

    fn viewer(&self, signed_in: &SignedIn) -> Result<Viewer, Code> {
        self.identity.viewer_of(&signed_in.token, self.now)
    }

    fn events(&self) -> Vec<String> {
        let auditor = Viewer { account: Some(Id::from_u128(9)), role: Role::AuditAdmin, ..Viewer::public() };
        let rows = self.identity.security_events(&auditor, None, 200).unwrap();
        rows.into_iter().rev().map(|row| row.kind).collect()
    }

    /// Enrols a second factor and returns the secret that the authenticator holds.
    fn enrol(&self, viewer: &Viewer) -> totp::Secret {
        self.identity.begin_totp(viewer).unwrap();
        let id = viewer.account.unwrap();
        let row = self.identity.platform.read(|tx| crate::store::platform::accounts::by_id(tx, id)).unwrap().unwrap();
        let secret = totp::Secret::open(&row.totp_pending.unwrap(), self.identity.keys.sealing(), id).unwrap();
        self.identity.confirm_totp(viewer, &secret.code_at(self.now), self.now).unwrap();
        secret
    }
}

#[test]
fn the_room_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Identity>();
}

#[test]
fn a_company_signs_up_and_in_and_out() {
    let w = world();
    let account = w.company("Wanhe@example.com", "91999999MA0K4R7TX").unwrap();
    let signed_in = w.sign_in("wanhe@EXAMPLE.com");
    assert_eq!((signed_in.viewer.account, signed_in.viewer.role), (Some(account), Role::Bidder));
    let viewer = w.viewer(&signed_in).unwrap();
    assert_eq!(viewer, signed_in.viewer);
    let company = w.identity.organisation(viewer.organisation.unwrap()).unwrap();
    assert_eq!((company.kind, company.name.as_str()), (OrganisationKind::Company, "明江万禾建设有限公司"));
    assert_eq!(w.identity.check_csrf(&viewer, &signed_in.csrf), Ok(()));
    assert_eq!(w.identity.check_csrf(&viewer, "x"), Err(Code::CsrfMismatch));
    assert_eq!(w.identity.check_csrf(&Viewer::public(), &signed_in.csrf), Err(Code::NotSignedIn));
    w.identity.sign_out(&viewer, w.now).unwrap();
    assert_eq!(w.viewer(&signed_in), Err(Code::SessionOver));
    assert_eq!(w.identity.sign_out(&viewer, w.now), Ok(()));
    assert_eq!(w.events(), ["account_created", "signed_in", "signed_out"]);
    assert!(!format!("{signed_in:?}").contains(&*signed_in.token));
}

#[test]
fn login_and_company_are_taken_once() {
    let w = world();
    w.company("first", "91999999MA0K4R7TX").unwrap();
    assert_eq!(w.company("FIRST", "91999999MA0K4R7TY"), Err(Code::AccountExists));
    assert_eq!(w.company("second", "91999999MA0K4R7TX"), Err(Code::AccountExists));
    assert_eq!(w.company("a b", "91999999MA0K4R7TW"), Err(Code::InvalidField));
    // A refused sign-up leaves nothing behind, so the company of the second attempt is still free.
    w.company("third", "91999999MA0K4R7TY").unwrap();
}

#[test]
fn whatever_is_wrong_the_answer_is_the_same() {
    let w = world();
    let disabled = w.seed("gone", Role::Operator);
    let system = w.seed("system", Role::SystemAdmin);
    let admin = w.sign_in("system").viewer;
    w.identity.disable_account(&admin, disabled, w.now).unwrap();
    for (login, password) in [("nobody", PASSWORD), ("system", "wrong"), ("gone", PASSWORD), ("", "")] {
        assert_eq!(w.try_sign_in(login, password, &home()).unwrap_err(), Code::BadCredentials, "{login}");
    }
    assert_eq!(w.identity.disable_account(&admin, system, w.now), Err(Code::Forbidden), "not oneself");
    w.identity.enable_account(&admin, disabled, w.now).unwrap();
    w.try_sign_in("gone", PASSWORD, &network("192.0.2.9")).unwrap();
}

#[test]
fn sessions_end_by_idleness_and_by_age() {
    let mut w = world();
    w.bidder("idle");
    let idle = w.sign_in("idle");
    w.after(Span::micros(SESSION_IDLE_MAX.get() - 1));
    assert!(w.viewer(&idle).is_ok(), "a look keeps the session alive");
    w.after(Span::micros(SESSION_IDLE_MAX.get() - 1));
    assert!(w.viewer(&idle).is_ok());
    w.after(SESSION_IDLE_MAX);
    assert_eq!(w.viewer(&idle), Err(Code::SessionOver));

    let busy = w.sign_in("idle");
    let start = w.now;
    while w.now.since(start) < SESSION_MAX.get().checked_sub(SESSION_IDLE_MAX.get()).map(Span::micros).unwrap() {
        assert!(w.viewer(&busy).is_ok());
        w.after(Span::minutes(20));
    }
    w.viewer(&busy).unwrap();
    w.now = start.plus(SESSION_MAX);
    assert_eq!(w.viewer(&busy), Err(Code::SessionOver));
    assert!(w.identity.sweep(w.now).unwrap() >= 2);
}

#[test]
fn a_new_session_beyond_the_limit_ends_the_oldest() {
    let mut w = world();
    let account = w.bidder("many");
    let all: Vec<_> = (0..=SESSIONS_PER_ACCOUNT_MAX)
        .map(|_| {
            w.after(Span::secs(1));
            w.sign_in("many")
        })
        .collect();
    assert_eq!(w.viewer(&all[0]), Err(Code::SessionOver));
    let viewer = w.viewer(&all[1]).unwrap();
    let sessions = w.identity.sessions(&viewer, account, w.now).unwrap();
    assert_eq!(sessions.len(), SESSIONS_PER_ACCOUNT_MAX);
    assert_eq!(sessions.iter().map(|s| s.current).collect::<Vec<_>>()[..2], [true, false]);
    w.identity.revoke_session(&viewer, account, sessions[1].id, w.now).unwrap();
    assert_eq!(w.viewer(&all[2]), Err(Code::SessionOver));
    assert_eq!(w.identity.revoke_all_sessions(&viewer, account, w.now), Ok(SESSIONS_PER_ACCOUNT_MAX - 1));
    assert_eq!(w.viewer(&all[1]), Err(Code::SessionOver));
}

#[test]
fn sessions_of_others_are_for_the_security_administrator() {
    let w = world();
    let (victim, _) = (w.bidder("victim"), w.bidder("curious"));
    w.seed("security", Role::SecurityAdmin);
    let (signed_in, curious, security) =
        (w.sign_in("victim"), w.sign_in("curious").viewer, w.sign_in("security").viewer);
    let session = signed_in.viewer.session.unwrap().id;
    assert_eq!(w.identity.sessions(&curious, victim, w.now), Err(Code::Forbidden));
    assert_eq!(w.identity.revoke_session(&curious, victim, session, w.now), Err(Code::Forbidden));
    // A session's id does not open another account's session either.
    let own = curious.account.unwrap();
    assert_eq!(w.identity.revoke_session(&curious, own, session, w.now), Err(Code::NotFound));
    assert!(w.viewer(&signed_in).is_ok());
    w.identity.revoke_session(&security, victim, session, w.now).unwrap();
    assert_eq!(w.viewer(&signed_in), Err(Code::SessionOver));
}

#[test]
fn a_proof_of_identity_grows_stale_and_is_renewed_with_a_new_token() {
    let mut w = world();
    w.bidder("prover");
    let first = w.sign_in("prover");
    assert!(first.viewer.proved_recently);
    w.after(REAUTH_MAX);
    let stale = w.viewer(&first).unwrap();
    assert!(!stale.proved_recently);
    assert_eq!(w.identity.begin_totp(&stale).unwrap_err(), Code::ReauthRequired);
    let refused = w.identity.reauthenticate(&first.token, "wrong", None, &home(), w.now);
    assert_eq!(refused.unwrap_err(), Code::BadCredentials);
    assert!(w.viewer(&first).is_ok(), "a failed proof ends nothing");
    let second = w.identity.reauthenticate(&first.token, PASSWORD, None, &home(), w.now).unwrap();
    assert!(second.viewer.proved_recently);
    assert_eq!(w.viewer(&first), Err(Code::SessionOver));
    assert!(w.viewer(&second).is_ok());
    assert_ne!((&*first.token, &first.csrf), (&*second.token, &second.csrf));
}

#[test]
fn a_second_factor_is_asked_for_and_no_code_works_twice() {
    let mut w = world_with(true);
    w.seed("operator", Role::Operator);
    let bare = w.sign_in("operator").viewer;
    assert_eq!(may(&bare, Action::LotSuspend, ObjectRef::NONE), Err(Code::TotpNotEnrolled));
    let secret = w.enrol(&bare);
    assert_eq!(w.try_sign_in("operator", PASSWORD, &home()).unwrap_err(), Code::TotpRequired);
    let code = secret.code_at(w.now);
    let again = w.identity.sign_in("operator", PASSWORD, Some(&code), &home(), w.now);
    assert_eq!(again.unwrap_err(), Code::BadCredentials, "the code was used to enrol");
    w.after(Span::minutes(1));
    let code = secret.code_at(w.now);
    let signed_in = w.identity.sign_in("operator", PASSWORD, Some(&code), &home(), w.now).unwrap();
    assert_eq!(may(&signed_in.viewer, Action::LotSuspend, ObjectRef::NONE), Ok(()));
    let replay = w.identity.sign_in("operator", PASSWORD, Some(&code), &home(), w.now);
    assert_eq!(replay.unwrap_err(), Code::BadCredentials);
    // A bidder needs none for the same policy.
    w.bidder("plain");
    assert!(!w.sign_in("plain").viewer.must_enrol_totp);
}

#[test]
fn guessing_slows_down_and_waiting_helps() {
    let mut w = world();
    w.bidder("target");
    let thief = network("198.51.100.7");
    for _ in 0..PAIR_FAILURES_FREE {
        assert_eq!(w.try_sign_in("target", "guess", &thief).unwrap_err(), Code::BadCredentials);
    }
    for _ in 0..5 {
        let refused = w.try_sign_in("target", PASSWORD, &thief).unwrap_err();
        assert_eq!(refused, Code::RateLimited, "even with the right password, and without adding to the delay");
    }
    w.after(PAIR_DELAY_MIN);
    assert_eq!(w.try_sign_in("target", "guess", &thief).unwrap_err(), Code::BadCredentials);
    w.after(PAIR_DELAY_MIN);
    assert_eq!(w.try_sign_in("target", PASSWORD, &thief).unwrap_err(), Code::RateLimited, "doubled");
    w.after(PAIR_DELAY_MIN);
    w.try_sign_in("target", PASSWORD, &thief).unwrap();
    assert_eq!(w.try_sign_in("target", "guess", &thief).unwrap_err(), Code::BadCredentials, "counted anew");
}

#[test]
fn nobody_elsewhere_can_lock_the_holder_out() {
    let mut w = world();
    w.bidder("holder");
    w.sign_in("holder");
    // A botnet: many networks, a few guesses each, for hours.
    let mut turned_away = 0;
    for n in 0..60_u8 {
        w.after(Span::secs(7));
        let bot = network(&format!("203.0.113.{n}"));
        turned_away += u32::from(w.try_sign_in("holder", "guess", &bot).unwrap_err() == Code::RateLimited);
    }
    assert!(turned_away > 20, "guesses over many networks are slowed: {turned_away}");
    assert!(w.try_sign_in("holder", PASSWORD, &home()).is_ok(), "the holder comes in from home at once");
    // Travelling, the holder waits at most half a minute.
    let hotel = network("198.51.100.99");
    w.after(ACCOUNT_DELAY_MAX);
    assert!(w.try_sign_in("holder", PASSWORD, &hotel).is_ok());
}

#[test]
fn a_name_that_does_not_exist_is_slowed_like_one_that_does() {
    let mut w = world();
    w.bidder("exists");
    let [known, unknown] = ["exists", "does-not"].map(|login| {
        w.after(Span::hours(1));
        let guesses = (0..20).map(|_| {
            w.now = w.now.plus(Span::secs(1));
            w.try_sign_in(login, "guess", &network("198.51.100.5")).unwrap_err()
        });
        guesses.collect::<Vec<_>>()
    });
    assert_eq!(known, unknown);
    assert!(known.contains(&Code::RateLimited) && known.contains(&Code::BadCredentials));
}

#[test]
fn one_network_over_many_accounts_is_slowed_and_signing_in_to_ones_own_does_not_pay_for_it() {
    let w = world();
    w.bidder("own");
    let thief = network("198.51.100.7");
    w.try_sign_in("own", PASSWORD, &thief).unwrap();
    let mut turned_away = false;
    for n in 0..=NETWORK_FAILURES_FREE {
        let refused = w.try_sign_in(&format!("victim-{n}"), "guess", &thief).unwrap_err();
        turned_away |= refused == Code::RateLimited;
        w.try_sign_in("own", PASSWORD, &thief).unwrap();
    }
    assert!(turned_away);
}

#[test]
fn tickets_work_once_in_time_and_while_their_session_lives() {
    let mut w = world();
    w.bidder("watcher");
    let signed_in = w.sign_in("watcher");
    let issue = |w: &World| w.identity.issue_ticket(&signed_in.viewer, w.now).unwrap();
    let ticket = issue(&w);
    assert_eq!(w.identity.redeem_ticket(&ticket, w.now).unwrap(), signed_in.viewer);
    assert_eq!(w.identity.redeem_ticket(&ticket, w.now), Err(Code::BadTicket), "used");
    assert_eq!(w.identity.redeem_ticket("nonsense", w.now), Err(Code::BadTicket));
    let late = issue(&w);
    w.after(TICKET_MAX);
    assert_eq!(w.identity.redeem_ticket(&late, w.now), Err(Code::BadTicket));
    assert_eq!(w.identity.issue_ticket(&Viewer::public(), w.now).unwrap_err(), Code::NotSignedIn);
    let orphan = issue(&w);
    w.identity.sign_out(&signed_in.viewer, w.now).unwrap();
    assert_eq!(w.identity.redeem_ticket(&orphan, w.now), Err(Code::BadTicket));
    assert_eq!(w.identity.issue_ticket(&signed_in.viewer, w.now).unwrap_err(), Code::SessionOver);
}

#[test]
fn one_session_cannot_hoard_tickets() {
    let mut w = world();
    w.bidder("hoarder");
    let viewer = w.sign_in("hoarder").viewer;
    for _ in 0..TICKETS_PER_SESSION_MAX {
        w.identity.issue_ticket(&viewer, w.now).unwrap();
    }
    assert_eq!(w.identity.issue_ticket(&viewer, w.now).unwrap_err(), Code::RateLimited);
    w.after(TICKET_MAX);
    w.identity.issue_ticket(&viewer, w.now).unwrap();
}

fn key(n: u8) -> [u8; 32] {
    ed25519_dalek::SigningKey::from_bytes(&[n; 32]).verifying_key().to_bytes()
}

#[test]
fn identity_keys_are_replaced_with_a_recent_proof_and_the_old_ones_stay() {
    let mut w = world();
    let account = w.bidder("keyholder");
    let signed_in = w.sign_in("keyholder");
    w.after(REAUTH_MAX);
    let stale = w.viewer(&signed_in).unwrap();
    let born = w.now;
    let (first, none) = w.identity.register_identity_key(&stale, key(1), w.now).unwrap();
    assert_eq!(none, None, "the first one needs a session only");
    w.after(Span::minutes(5));
    assert_eq!(w.identity.register_identity_key(&stale, key(2), w.now), Err(Code::ReauthRequired));
    assert_eq!(w.identity.identity_keys(account).unwrap(), [first], "a refusal changes nothing");
    let fresh = w.sign_in("keyholder").viewer;
    let (second, replaced) = w.identity.register_identity_key(&fresh, key(2), w.now).unwrap();
    assert_eq!(replaced, Some(first.id));
    let at = |at: Micros| w.identity.identity_key_at(account, at).unwrap().map(|key| key.id);
    assert_eq!(at(born.minus(Span::micros(1))), None);
    assert_eq!(
        (at(born), at(w.now.minus(Span::micros(1))), at(w.now)),
        (Some(first.id), Some(first.id), Some(second.id))
    );
    assert_eq!(w.identity.register_identity_key(&fresh, key(1), w.now), Err(Code::KeyTaken), "never the same again");
    for weak in [[0; 32], [0xff; 32], {
        let mut one = [0; 32];
        one[0] = 1;
        one
    }] {
        assert_eq!(w.identity.register_identity_key(&fresh, weak, w.now), Err(Code::KeyWeak));
    }
    w.seed("clerk", Role::Operator);
    let operator = w.sign_in("clerk").viewer;
    assert_eq!(w.identity.register_identity_key(&operator, key(3), w.now), Err(Code::Forbidden));
}

#[test]
fn a_changed_password_ends_every_session() {
    let w = world();
    w.bidder("changer");
    let (here, there) = (w.sign_in("changer"), w.sign_in("changer"));
    let change = |current, new| w.identity.change_password(&here.token, current, None, new, &home(), w.now);
    assert_eq!(change("wrong", "nine loud ravens").unwrap_err(), Code::BadCredentials);
    assert_eq!(change(PASSWORD, "changer-2026").unwrap_err(), Code::WeakPassword);
    let renewed = change(PASSWORD, "nine loud ravens").unwrap();
    assert_eq!((w.viewer(&here), w.viewer(&there)), (Err(Code::SessionOver), Err(Code::SessionOver)));
    assert!(w.viewer(&renewed).is_ok());
    assert_eq!(w.try_sign_in("changer", PASSWORD, &home()).unwrap_err(), Code::BadCredentials);
    w.try_sign_in("changer", "nine loud ravens", &home()).unwrap();
}

#[test]
fn a_case_opens_its_lot_to_its_reviewer_until_it_is_closed() {
    let w = world();
    w.seed("reviewer", Role::Reviewer);
    w.seed("colleague", Role::Reviewer);
    let (signed_in, colleague) = (w.sign_in("reviewer"), w.sign_in("colleague").viewer);
    let viewer = &signed_in.viewer;
    let lot = Id::from_u128(77);
    let object = ObjectRef { lot: Some(lot), ..ObjectRef::NONE };
    assert_eq!(w.identity.open_case(viewer, lot, "  ", w.now), Err(Code::ReasonMissing));
    let case = w.identity.open_case(viewer, lot, "举报围标", w.now).unwrap();
    assert_eq!(w.identity.open_case(viewer, lot, "again", w.now), Err(Code::CaseExists));
    let with_case = w.viewer(&signed_in).unwrap();
    assert_eq!(may(&with_case, Action::EvidenceView, object), Ok(()));
    assert_eq!(may(&colleague, Action::EvidenceView, object), Err(Code::Forbidden));
    assert_eq!(w.identity.close_case(&colleague, case, w.now), Err(Code::Forbidden));
    assert_eq!(w.identity.cases(&with_case, None, 10).unwrap().len(), 1);
    w.identity.close_case(&with_case, case, w.now).unwrap();
    assert_eq!(may(&w.viewer(&signed_in).unwrap(), Action::EvidenceView, object), Err(Code::Forbidden));
    w.identity.open_case(viewer, lot, "new facts", w.now).unwrap();
}

#[test]
fn no_secret_rests_in_the_clear() {
    let w = world();
    w.bidder("quiet");
    let signed_in = w.sign_in("quiet");
    let secret = w.enrol(&signed_in.viewer);
    let uri = secret.uri("x", "x");
    let files = ["platform.sqlite", "platform.sqlite-wal"].map(|name| w.dir.path().join("data").join(name));
    let bytes: Vec<u8> = files.iter().filter_map(|path| std::fs::read(path).ok()).flatten().collect();
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(holds(&Hash::of(signed_in.token.as_bytes()).0), "the test looks at the right files");
    assert!(!holds(signed_in.token.as_bytes()) && !holds(PASSWORD.as_bytes()) && !holds(signed_in.csrf.as_bytes()));
    let base32 = uri.split("secret=").nth(1).unwrap().split('&').next().unwrap();
    assert!(!holds(base32.as_bytes()));
}

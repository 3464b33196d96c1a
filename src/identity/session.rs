//! Sessions: a random token of 256 bits on the client's side, its SHA-256 on ours (ASVS 7.2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::Identity;
use super::audit::{Circumstances, Kind, record};
use super::entropy::{fresh_id, random};
use super::lockout::Network;
use super::rights::{Action, ObjectRef, may};
use super::role::Role;
use super::viewer::{SessionRef, Viewer};
use crate::base::limits::{REAUTH_MAX, SESSION_IDLE_MAX, SESSION_MAX, SESSION_TOUCH_EVERY, SESSIONS_PER_ACCOUNT_MAX};
use crate::base::{Code, Entropy, Hash, Id, Micros};
use crate::store::platform::accounts::{self, AccountRow};
use crate::store::platform::review_cases;
use crate::store::platform::sessions::{self, SessionRow};
use crate::store::{StoreError, Tx};

/// A session as its holder, or the security administrator, sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    pub id: Id,
    pub network: String,
    pub opened_at: Micros,
    pub seen_at: Micros,
    pub current: bool,
}

/// A secret of 256 bits as text: 43 characters of base64url.
pub(super) fn fresh_token(entropy: &dyn Entropy) -> Zeroizing<String> {
    Zeroizing::new(URL_SAFE_NO_PAD.encode(*Zeroizing::new(random::<32>(entropy))))
}

/// What we keep of a token. A plain hash is enough for 256 random bits (ASVS 6.5.2).
pub(super) fn hash_of(token: &str) -> Hash {
    Hash::of(token.as_bytes())
}

/// Opens a session whose holder has just proved who they are; beyond the limit the oldest ones give way.
pub(super) fn open(
    tx: &mut Tx,
    entropy: &dyn Entropy,
    account: Id,
    network: &Network,
    now: Micros,
) -> Result<(Zeroizing<String>, SessionRow), StoreError> {
    let others = sessions::of_account(tx, account)?;
    let surplus = (others.len() + 1).saturating_sub(SESSIONS_PER_ACCOUNT_MAX);
    for oldest in others.iter().take(surplus) {
        sessions::delete(tx, oldest.id)?;
    }
    let token = fresh_token(entropy);
    let row = SessionRow {
        id: fresh_id(entropy, now),
        token_hash: hash_of(&token),
        account,
        network: network.as_str().to_owned(),
        opened_at: now,
        seen_at: now,
        reauth_at: now,
    };
    sessions::insert(tx, &row)?;
    Ok((token, row))
}

pub(super) fn sweep(tx: &mut Tx, now: Micros) -> Result<usize, StoreError> {
    sessions::sweep(tx, now.minus(SESSION_IDLE_MAX), now.minus(SESSION_MAX), now)
}

fn is_over(row: &SessionRow, now: Micros) -> bool {
    now.since(row.seen_at) >= SESSION_IDLE_MAX || now.since(row.opened_at) >= SESSION_MAX
}

impl Identity {
    /// Who is behind `token`. Role, organisation and cases are read anew each time, so that whatever changes there
    /// counts from the next request on (ASVS 8.3.2).
    ///
    /// Refuses with [`Code::SessionOver`] when the session has ended, in whatever way.
    pub fn viewer_of(&self, token: &str, now: Micros) -> Result<Viewer, Code> {
        let (session, viewer) = self.platform.read(|tx| {
            let session = sessions::by_token(tx, hash_of(token))?.ok_or(Code::SessionOver)?;
            let viewer = self.viewer_in(tx, &session, now)?;
            Ok::<_, Code>((session, viewer))
        })?;
        if now.since(session.seen_at) >= SESSION_TOUCH_EVERY {
            self.platform.write(|tx| sessions::touch(tx, session.id, now))?;
        }
        Ok(viewer)
    }

    /// The same person with the rights of this moment, for connections that outlive a request. Does not keep the session
    /// alive. Refuses with [`Code::SessionOver`]; the public stays the public.
    pub fn renewed(&self, viewer: &Viewer, now: Micros) -> Result<Viewer, Code> {
        let Some(session) = viewer.session else { return Ok(viewer.clone()) };
        self.platform.read(|tx| {
            let session = sessions::by_token(tx, session.token_hash)?.ok_or(Code::SessionOver)?;
            self.viewer_in(tx, &session, now)
        })
    }

    /// The viewer of a session that must not be over.
    pub(super) fn viewer_in(&self, tx: &mut Tx, session: &SessionRow, now: Micros) -> Result<Viewer, Code> {
        if is_over(session, now) {
            return Err(Code::SessionOver);
        }
        let account = accounts::by_id(tx, session.account)?.ok_or(Code::SessionOver)?;
        if account.disabled_at.is_some() {
            return Err(Code::SessionOver);
        }
        self.viewer(tx, &account, session, now)
    }

    pub(super) fn viewer(
        &self,
        tx: &mut Tx,
        account: &AccountRow,
        session: &SessionRow,
        now: Micros,
    ) -> Result<Viewer, Code> {
        let role: Role = account.role.parse().map_err(|_| StoreError::Corrupt("role"))?;
        let cases = if role == Role::Reviewer { review_cases::open_lots(tx, account.id)? } else { Vec::new() };
        Ok(Viewer {
            account: Some(account.id),
            role,
            organisation: account.organisation,
            session: Some(SessionRef { id: session.id, token_hash: session.token_hash }),
            cases,
            proved_recently: now.since(session.reauth_at) < REAUTH_MAX,
            must_enrol_totp: self.policy.totp_required && role.needs_second_factor() && account.totp_secret.is_none(),
        })
    }

    /// The CSRF token that the session's pages send back; [`Code::NotSignedIn`] for the public.
    pub fn csrf_token(&self, viewer: &Viewer) -> Result<String, Code> {
        let session = viewer.session.ok_or(Code::NotSignedIn)?;
        Ok(self.keys.csrf_token(session.token_hash))
    }

    /// Whether a request that changes something came from a page of this session; [`Code::CsrfMismatch`] otherwise.
    pub fn check_csrf(&self, viewer: &Viewer, csrf: &str) -> Result<(), Code> {
        let session = viewer.session.ok_or(Code::NotSignedIn)?;
        if self.keys.is_csrf_token(session.token_hash, csrf) { Ok(()) } else { Err(Code::CsrfMismatch) }
    }

    /// Ends the viewer's own session. Signing out twice is no error.
    pub fn sign_out(&self, viewer: &Viewer, now: Micros) -> Result<(), Code> {
        let Some(session) = viewer.session else { return Ok(()) };
        self.platform.write(|tx| {
            if sessions::delete(tx, session.id)? {
                let who = Circumstances { actor: viewer.account, subject: viewer.account, network: None };
                record(tx, Kind::SignedOut, who, "", now)?;
            }
            Ok(())
        })
    }

    /// The live sessions of `account`: one's own, or anybody's for the security administrator. Oldest first.
    pub fn sessions(&self, viewer: &Viewer, account: Id, now: Micros) -> Result<Vec<SessionView>, Code> {
        may(viewer, Action::AccountSelf, ObjectRef::account(account))
            .or_else(|_| may(viewer, Action::SessionsRevoke, ObjectRef::account(account)))?;
        let rows = self.platform.read(|tx| sessions::of_account(tx, account))?;
        let live = rows.into_iter().filter(|row| !is_over(row, now));
        Ok(live
            .map(|row| SessionView {
                id: row.id,
                network: row.network,
                opened_at: row.opened_at,
                seen_at: row.seen_at,
                current: viewer.session.is_some_and(|own| own.id == row.id),
            })
            .collect())
    }

    /// Ends one session of `account`, with a recent proof of identity (ASVS 7.5.2). [`Code::NotFound`] when the account
    /// has no such session.
    pub fn revoke_session(&self, viewer: &Viewer, account: Id, session: Id, now: Micros) -> Result<(), Code> {
        may_revoke(viewer, account)?;
        self.platform.write(|tx| {
            sessions::by_id(tx, session)?.filter(|row| row.account == account).ok_or(Code::NotFound)?;
            sessions::delete(tx, session)?;
            let who = Circumstances { actor: viewer.account, subject: Some(account), network: None };
            Ok(record(tx, Kind::SessionRevoked, who, &session.to_string(), now)?)
        })
    }

    /// Ends all sessions of `account`, the viewer's own included; returns how many.
    pub fn revoke_all_sessions(&self, viewer: &Viewer, account: Id, now: Micros) -> Result<usize, Code> {
        may_revoke(viewer, account)?;
        self.platform.write(|tx| {
            let ended = sessions::delete_of_account(tx, account)?;
            let who = Circumstances { actor: viewer.account, subject: Some(account), network: None };
            record(tx, Kind::SessionRevoked, who, "all", now)?;
            Ok(ended)
        })
    }
}

fn may_revoke(viewer: &Viewer, account: Id) -> Result<(), Code> {
    let object = ObjectRef::account(account);
    let action = if viewer.account == Some(account) { Action::AccountSecure } else { Action::SessionsRevoke };
    may(viewer, action, object)
}

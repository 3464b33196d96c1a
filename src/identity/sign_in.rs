//! Proving who one is: at sign-in, again before sensitive actions, and with the code that opens a new account.
//!
//! Every proof goes the same way (`Identity::prove`): count the attempt, look at the password outside of any
//! transaction since that takes long, then in one transaction look at everything again and grant.

use std::fmt;

use zeroize::Zeroizing;

use super::Identity;
use super::audit::{Circumstances, Kind, record};
use super::lockout::{self, Attempt, Network};
use super::password::check_new;
use super::session;
use super::totp::Secret;
use super::viewer::Viewer;
use crate::base::{Code, Id, Micros};
use crate::store::Tx;
use crate::store::platform::accounts::{self, AccountRow};
use crate::store::platform::sessions;

/// What a successful proof gives: a fresh session.
pub struct SignedIn {
    /// For the cookie, and for nowhere else.
    pub token: Zeroizing<String>,
    pub csrf: String,
    pub viewer: Viewer,
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn").field("viewer", &self.viewer).finish_non_exhaustive()
    }
}

/// The factors that somebody presents.
#[derive(Clone, Copy)]
pub(super) struct Factors<'a> {
    pub password: &'a str,
    pub totp: Option<&'a str>,
}

/// Login names are compared without regard to case.
pub(super) fn folded(login: &str) -> String {
    login.to_lowercase()
}

impl Identity {
    /// Opens a session for `login`.
    ///
    /// Refuses with [`Code::RateLimited`], with [`Code::TotpRequired`] when the password holds and the account has a
    /// second factor that was not given, and otherwise with [`Code::BadCredentials`], whatever was wrong.
    pub fn sign_in(
        &self,
        login: &str,
        password: &str,
        totp: Option<&str>,
        network: &Network,
        now: Micros,
    ) -> Result<SignedIn, Code> {
        let factors = Factors { password, totp };
        self.prove(login, factors, network, now, Kind::SignInFailed, |tx, account| {
            let who = Circumstances { actor: Some(account.id), subject: Some(account.id), network: Some(network) };
            record(tx, Kind::SignedIn, who, if totp.is_some() { "password, totp" } else { "password" }, now)?;
            self.open_session(tx, account, network, now)
        })
    }

    /// Proves again who holds the session `token`. The old session ends and a new one begins (ASVS 7.2.4).
    pub fn reauthenticate(
        &self,
        token: &str,
        password: &str,
        totp: Option<&str>,
        network: &Network,
        now: Micros,
    ) -> Result<SignedIn, Code> {
        self.prove_holder(token, Factors { password, totp }, network, now, |tx, account| {
            let who = Circumstances { actor: Some(account.id), subject: Some(account.id), network: Some(network) };
            record(tx, Kind::Reauthenticated, who, "", now)?;
            self.open_session(tx, account, network, now)
        })
    }

    /// A proof by the holder of the session `token`; that session ends as `grant` begins.
    pub(super) fn prove_holder<T>(
        &self,
        token: &str,
        factors: Factors<'_>,
        network: &Network,
        now: Micros,
        grant: impl FnOnce(&mut Tx, &mut AccountRow) -> Result<T, Code>,
    ) -> Result<T, Code> {
        let viewer = self.viewer_of(token, now)?;
        let (Some(account), Some(session)) = (viewer.account, viewer.session) else { return Err(Code::NotSignedIn) };
        let row = self.platform.read(|tx| accounts::by_id(tx, account))?.ok_or(Code::SessionOver)?;
        self.prove(&row.login, factors, network, now, Kind::ReauthFailed, |tx, account| {
            if !sessions::delete(tx, session.id)? {
                return Err(Code::SessionOver);
            }
            grant(tx, account)
        })
    }

    pub(super) fn prove<T>(
        &self,
        login: &str,
        factors: Factors<'_>,
        network: &Network,
        now: Micros,
        failure: Kind,
        grant: impl FnOnce(&mut Tx, &mut AccountRow) -> Result<T, Code>,
    ) -> Result<T, Code> {
        let login = folded(login);
        let (attempt, account) = self.admit(&login, network, now)?;
        let stored = account.as_ref().and_then(|row| row.password.clone());
        let matches = self.passwords.verify(factors.password, stored.as_deref());
        // The outer result decides about commit or rollback: a refusal must keep its own record.
        self.platform.write(|tx| {
            // The password that was looked at must still be the account's.
            let current = match &account {
                Some(row) if matches => {
                    accounts::by_id(tx, row.id)?.filter(|row| row.disabled_at.is_none() && row.password == stored)
                }
                _ => None,
            };
            let verdict = match current {
                Some(mut row) => self.second_factor(tx, &mut row, factors.totp, now)?.map(|()| row),
                None => Err(Code::BadCredentials),
            };
            match verdict {
                Ok(mut row) => {
                    attempt.succeeded(tx, row.id, now)?;
                    grant(tx, &mut row).map(Ok)
                }
                Err(Code::TotpRequired) => {
                    attempt.forgive(tx)?;
                    Ok(Err(Code::TotpRequired))
                }
                Err(code) => {
                    let subject = account.as_ref().map(|row| row.id);
                    let who = Circumstances { actor: None, subject, network: Some(network) };
                    let detail = if matches { "second factor or state" } else { "password" };
                    record(tx, failure, who, detail, now)?;
                    Ok(Err(code))
                }
            }
        })?
    }

    /// Counts an attempt at `login`, committed before anything is looked at.
    fn admit(&self, login: &str, network: &Network, now: Micros) -> Result<(Attempt, Option<AccountRow>), Code> {
        let admitted = self.platform.write(|tx| {
            let account = accounts::by_login(tx, login)?;
            let attempt = lockout::admit(tx, login, account.as_ref().map(|row| row.id), network, now)?;
            Ok::<_, Code>((attempt, account))
        });
        if matches!(admitted, Err(Code::RateLimited)) {
            tracing::warn!(network = network.as_str(), "a sign-in was turned away by throttling");
        }
        admitted
    }

    /// Uses up the one-time code, if the account has a second factor. The inner error is a verdict, not a failure.
    fn second_factor(
        &self,
        tx: &mut Tx,
        row: &mut AccountRow,
        code: Option<&str>,
        now: Micros,
    ) -> Result<Result<(), Code>, Code> {
        let Some(sealed) = &row.totp_secret else { return Ok(Ok(())) };
        let Some(code) = code else { return Ok(Err(Code::TotpRequired)) };
        let secret = Secret::open(sealed, self.keys.sealing(), row.id)?;
        let Some(step) = secret.accept(code, now, row.totp_step) else { return Ok(Err(Code::BadCredentials)) };
        row.totp_step = step;
        accounts::update(tx, row)?;
        Ok(Ok(()))
    }

    pub(super) fn open_session(
        &self,
        tx: &mut Tx,
        account: &AccountRow,
        network: &Network,
        now: Micros,
    ) -> Result<SignedIn, Code> {
        let (token, session) = session::open(tx, &*self.entropy, account.id, network, now)?;
        let viewer = self.viewer(tx, account, &session, now)?;
        Ok(SignedIn { token, csrf: self.keys.csrf_token(session.token_hash), viewer })
    }

    /// Chooses the password of an account that was just made or reset, with the one-time code that its administrator
    /// handed over: the administrator never knows the password (ASVS 6.4.6).
    ///
    /// Refuses with [`Code::WeakPassword`], [`Code::RateLimited`], and otherwise with [`Code::BadCredentials`].
    pub fn activate(
        &self,
        login: &str,
        activation_code: &str,
        password: &str,
        network: &Network,
        now: Micros,
    ) -> Result<Id, Code> {
        let login = folded(login);
        check_new(password, &[&login])?;
        let (attempt, _) = self.admit(&login, network, now)?;
        let hash = self.passwords.hash(password, &*self.entropy)?;
        self.platform.write(|tx| {
            let code = Some(session::hash_of(activation_code));
            let row = accounts::by_login(tx, &login)?;
            let subject = row.as_ref().map(|row| row.id);
            let who = Circumstances { actor: None, subject, network: Some(network) };
            let ready =
                |row: &AccountRow| row.activation == code && now < row.activation_until && row.disabled_at.is_none();
            let Some(mut row) = row.filter(ready) else {
                record(tx, Kind::ActivationFailed, who, "", now)?;
                return Ok(Err(Code::BadCredentials));
            };
            row.password = Some(hash);
            row.activation = None;
            accounts::update(tx, &row)?;
            attempt.succeeded(tx, row.id, now)?;
            record(tx, Kind::AccountActivated, Circumstances { actor: subject, ..who }, "", now)?;
            Ok::<_, Code>(Ok(row.id))
        })?
    }
}

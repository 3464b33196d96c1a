//! What the holder of an account changes about it: password and second factor.

use zeroize::Zeroizing;

use super::Identity;
use super::audit::{Circumstances, Kind, record};
use super::lockout::Network;
use super::password::check_new;
use super::rights::{Action, ObjectRef, may};
use super::sign_in::{Factors, SignedIn};
use super::totp::Secret;
use super::viewer::Viewer;
use crate::base::{Code, Id, Micros};
use crate::store::platform::{accounts, sessions};

impl Identity {
    /// Changes the password, with the current one and the one-time code as proof. All sessions end, and the caller gets
    /// a new one. [`Code::WeakPassword`] when the new password is none.
    pub fn change_password(
        &self,
        token: &str,
        current: &str,
        totp: Option<&str>,
        new: &str,
        network: &Network,
        now: Micros,
    ) -> Result<SignedIn, Code> {
        let viewer = self.viewer_of(token, now)?;
        let account = viewer.account.ok_or(Code::NotSignedIn)?;
        let login = self.platform.read(|tx| accounts::by_id(tx, account))?.ok_or(Code::SessionOver)?.login;
        check_new(new, &[&login])?;
        let hash = self.passwords.hash(new, &*self.entropy)?;
        self.prove_holder(token, Factors { password: current, totp }, network, now, |tx, row| {
            row.password = Some(hash);
            accounts::update(tx, row)?;
            sessions::delete_of_account(tx, row.id)?;
            let who = Circumstances { actor: Some(row.id), subject: Some(row.id), network: Some(network) };
            record(tx, Kind::PasswordChanged, who, "", now)?;
            self.open_session(tx, row, network, now)
        })
    }

    /// Makes a new second factor and returns its `otpauth` URI for an authenticator app. The one in use stays until
    /// [`Identity::confirm_totp`] has seen a code of the new one.
    pub fn begin_totp(&self, viewer: &Viewer) -> Result<Zeroizing<String>, Code> {
        let account = own(viewer)?;
        let secret = Secret::generate(&*self.entropy);
        let sealed = secret.seal(self.keys.sealing(), account, &*self.entropy)?;
        let login = self.platform.write(|tx| {
            let mut row = accounts::by_id(tx, account)?.ok_or(Code::SessionOver)?;
            row.totp_pending = Some(sealed);
            accounts::update(tx, &row)?;
            Ok::<_, Code>(row.login)
        })?;
        Ok(secret.uri(&self.policy.issuer, &login))
    }

    /// Puts the new second factor into use; all other sessions of the account end (ASVS 7.4.3).
    /// [`Code::BadCredentials`] when `code` is not one of its codes.
    pub fn confirm_totp(&self, viewer: &Viewer, code: &str, now: Micros) -> Result<(), Code> {
        let account = own(viewer)?;
        self.platform.write(|tx| {
            let mut row = accounts::by_id(tx, account)?.ok_or(Code::SessionOver)?;
            let sealed = row.totp_pending.take().ok_or(Code::BadCredentials)?;
            let secret = Secret::open(&sealed, self.keys.sealing(), account)?;
            row.totp_step = secret.accept(code, now, -1).ok_or(Code::BadCredentials)?;
            row.totp_secret = Some(sealed);
            accounts::update(tx, &row)?;
            for session in sessions::of_account(tx, account)? {
                if viewer.session.is_none_or(|own| own.id != session.id) {
                    sessions::delete(tx, session.id)?;
                }
            }
            let who = Circumstances { actor: Some(account), subject: Some(account), network: None };
            Ok(record(tx, Kind::TotpEnrolled, who, "", now)?)
        })
    }
}

/// The viewer's own account, proved recently.
fn own(viewer: &Viewer) -> Result<Id, Code> {
    let account = viewer.account.ok_or(Code::NotSignedIn)?;
    may(viewer, Action::AccountSecure, ObjectRef::account(account))?;
    Ok(account)
}

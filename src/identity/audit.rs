//! The record of security events for the audit administrator (ASVS 16.3): append-only, without secrets.
//!
//! Attempts that throttling turned away are only logged: they are the one kind that a stranger could produce without
//! bound, and a record that can be flooded is a record that can be drowned.

use super::Identity;
use super::lockout::Network;
use super::rights::{Action, ObjectRef, may};
use super::viewer::Viewer;
use crate::base::limits::PAGE_MAX_ROWS;
use crate::base::{Code, Id, Micros};
use crate::store::platform::security_events::{self, SecurityEventRow};
use crate::store::{StoreError, Tx};

macro_rules! kinds {
    ($($kind:ident $name:literal;)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind { $($kind,)* }

        impl Kind {
            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }
        }
    };
}

kinds! {
    SignedIn "signed_in";
    SignInFailed "sign_in_failed";
    SignedOut "signed_out";
    Reauthenticated "reauthenticated";
    ReauthFailed "reauth_failed";
    SessionRevoked "session_revoked";
    AccountCreated "account_created";
    AccountActivated "account_activated";
    ActivationFailed "activation_failed";
    AccountDisabled "account_disabled";
    AccountEnabled "account_enabled";
    AccountReset "account_reset";
    RoleGranted "role_granted";
    PasswordChanged "password_changed";
    TotpEnrolled "totp_enrolled";
    KeyRegistered "key_registered";
    KeyReplaced "key_replaced";
    CaseOpened "case_opened";
    CaseClosed "case_closed";
    CaseExported "case_exported";
}

/// Who did it, to which account, from where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances<'a> {
    pub actor: Option<Id>,
    pub subject: Option<Id>,
    pub network: Option<&'a Network>,
}

/// Appends one event in the transaction of what it tells of: neither is there without the other.
pub(super) fn record(
    tx: &mut Tx,
    kind: Kind,
    who: Circumstances<'_>,
    detail: &str,
    at: Micros,
) -> Result<(), StoreError> {
    let row = SecurityEventRow {
        id: 0,
        at,
        kind: kind.name().to_owned(),
        actor: who.actor,
        subject: who.subject,
        network: who.network.map_or_else(String::new, |network| network.as_str().to_owned()),
        detail: detail.to_owned(),
    };
    security_events::append(tx, &row)
}

impl Identity {
    /// Up to `limit` security events, newest first, before the event numbered `before`; for [`Action::AuditRead`].
    pub fn security_events(
        &self,
        viewer: &Viewer,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<SecurityEventRow>, Code> {
        may(viewer, Action::AuditRead, ObjectRef::NONE)?;
        self.platform.read(|tx| Ok(security_events::page(tx, before, limit.min(PAGE_MAX_ROWS + 1))?))
    }
}

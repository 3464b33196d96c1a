//! Who is looking: what a session amounts to once it has been checked. Nothing downstream asks the database again.

use super::role::Role;
use crate::base::{Hash, Id};

/// The person, or nobody in particular, behind one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// `None` for the public.
    pub account: Option<Id>,
    pub role: Role,
    pub organisation: Option<Id>,
    pub session: Option<SessionRef>,
    /// The lots on which this reviewer has an open case; empty for everybody else.
    pub cases: Vec<Id>,
    /// Whether the holder proved who they are within `REAUTH_MAX`.
    pub proved_recently: bool,
    /// Whether the role needs a second factor that the account does not have yet.
    pub must_enrol_totp: bool,
}

/// The session behind a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRef {
    pub id: Id,
    /// SHA-256 of the token.
    pub token_hash: Hash,
}

impl Viewer {
    /// Somebody who did not sign in.
    pub const fn public() -> Self {
        Self {
            account: None,
            role: Role::Public,
            organisation: None,
            session: None,
            cases: Vec::new(),
            proved_recently: false,
            must_enrol_totp: false,
        }
    }
}

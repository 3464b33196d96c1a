//! THE table of who may do what. Nothing is allowed that does not stand here; routes, exports and the live stream all
//! ask [`may`]. `docs/rights.md` is this table printed for people, and a test keeps the two equal.

use super::role::Role;
use super::viewer::Viewer;
use crate::base::{Code, Id};

/// On which objects a role may perform an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    All,
    /// What is one's own: a bidder's own participation, an owner organisation's projects, one's own account.
    Own,
    /// Lots on which the reviewer has opened a case.
    Case,
    None,
}

/// Whether an action asks for a recent proof of identity (ASVS 7.5.1, 7.5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    Session,
    Recent,
}

macro_rules! scope {
    (A) => {
        Scope::All
    };
    (O) => {
        Scope::Own
    };
    (C) => {
        Scope::Case
    };
    (-) => {
        Scope::None
    };
}

macro_rules! proof {
    (recent) => {
        Proof::Recent
    };
    (_) => {
        Proof::Session
    };
}

macro_rules! rights {
    ($($action:ident $name:literal $proof:tt
        $public:tt $bidder:tt $owner:tt $operator:tt $expert:tt $supervisor:tt $reviewer:tt $system:tt $security:tt $audit:tt;)*) => {
        /// Everything that anybody can do here.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action { $($action,)* }

        impl Action {
            pub const ALL: &'static [Self] = &[$(Self::$action,)*];

            /// The stable name, in documentation and in the record of security events.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$action => $name,)* }
            }

            const fn proof(self) -> Proof {
                match self { $(Self::$action => proof!($proof),)* }
            }
        }

        /// One look into the table.
        pub const fn scope(role: Role, action: Action) -> Scope {
            match action {
                $(Action::$action => match role {
                    Role::Public => scope!($public),
                    Role::Bidder => scope!($bidder),
                    Role::Owner => scope!($owner),
                    Role::Operator => scope!($operator),
                    Role::Expert => scope!($expert),
                    Role::Supervisor => scope!($supervisor),
                    Role::Reviewer => scope!($reviewer),
                    Role::SystemAdmin => scope!($system),
                    Role::SecurityAdmin => scope!($security),
                    Role::AuditAdmin => scope!($audit),
                },)*
            }
        }
    };
}

rights! {
    //                                               Pub Bid Own Opr Exp Sup Rev Sys Sec Aud
    // The open ledger and everything that follows from it
    PublicRead       "public.read"            _       A   A   A   A   A   A   A   A   A   A;
    LedgerVerify     "ledger.verify"          _       A   A   A   A   A   A   A   A   A   A;
    LedgerExport     "ledger.export"          _       A   A   A   A   A   A   A   A   A   A;
    // Owners and operators: a project's life
    ProjectCreate    "project.create"         _       -   -   O   A   -   -   -   -   -   -;
    ProjectEdit      "project.edit"           _       -   -   O   A   -   -   -   -   -   -;
    NoticePublish    "notice.publish"         _       -   -   -   A   -   -   -   -   -   -;
    LotRules         "lot.rules"              _       -   -   O   A   -   -   -   -   -   -;
    ReserveCommit    "reserve.commit"         _       -   -   O   -   -   -   -   -   -   -;
    ReserveDisclose  "reserve.disclose"       _       -   -   O   -   -   -   -   -   -   -;
    NumbersDeal      "numbers.deal"           _       -   -   -   A   -   -   -   -   -   -;
    SessionHost      "session.host"           _       -   -   -   A   -   -   -   -   -   -;
    LotSuspend       "lot.suspend"            _       -   -   -   A   -   -   -   -   -   -;
    LotResume        "lot.resume"             _       -   -   -   A   -   -   -   -   -   -;
    LotFail          "lot.fail"               recent  -   -   -   A   -   -   -   -   -   -;
    LotTerminate     "lot.terminate"          recent  -   -   -   A   -   -   -   -   -   -;
    PublicityStart   "publicity.start"        _       -   -   -   A   -   -   -   -   -   -;
    Award            "award"                  recent  -   -   O   -   -   -   -   -   -   -;
    ContractRecord   "contract.record"        _       -   -   O   A   -   -   -   -   -   -;
    Archive          "archive"                _       -   -   -   A   -   -   -   -   -   -;
    RoomBook         "room.book"              _       -   -   -   A   -   -   -   -   -   -;
    CamerasRead      "camera.read"            _       -   -   -   A   -   A   A   A   -   -;
    CameraManage     "camera.manage"          _       -   -   -   A   -   -   -   A   -   -;
    // Deposits
    DepositConfirm   "deposit.confirm"        _       -   -   -   A   -   -   -   -   -   -;
    DepositReturn    "deposit.return"         _       -   -   -   A   -   -   -   -   -   -;
    DepositForfeit   "deposit.forfeit"        recent  -   -   -   A   -   -   -   -   -   -;
    // Bidders
    SignUp           "lot.sign_up"            _       -   O   -   -   -   -   -   -   -   -;
    Bid              "lot.bid"                _       -   O   -   -   -   -   -   -   -   -;
    Confirm          "lot.confirm"            _       -   O   -   -   -   -   -   -   -   -;
    KeyReplace       "key.replace"            recent  -   O   -   -   -   -   -   -   -   -;
    ObjectionFile    "objection.file"         _       -   O   -   -   -   -   -   -   -   -;
    ObjectionAnswer  "objection.answer"       _       -   -   O   A   -   -   -   -   -   -;
    ComplaintFile    "complaint.file"         _       -   O   -   -   -   -   -   -   -   -;
    ComplaintDecide  "complaint.decide"       recent  -   -   -   -   -   A   -   -   -   -;
    // Experts
    ExpertDraw       "expert.draw"            _       -   -   -   A   -   -   -   -   -   -;
    ExpertRecuse     "expert.recuse"          _       -   -   -   -   O   -   -   -   -   -;
    ExpertScore      "expert.score"           _       -   -   -   -   O   -   -   -   -   -;
    // Supervision; the order that stops an auction asks for a recent proof, given in the same form
    FloorWatch       "floor.watch"            _       -   -   -   A   -   A   A   -   -   -;
    QuestionRaise    "question.raise"         _       -   -   -   -   -   A   C   -   -   -;
    QuestionAnswer   "question.answer"        _       -   -   O   A   -   -   -   -   -   -;
    NoteAttach       "note.attach"            _       -   -   -   -   -   A   C   -   -   -;
    OrderPause       "order.pause"            recent      -   -   -   -   -   A   -   -   -   -;
    OrderLift        "order.lift"             _       -   -   -   -   -   A   -   -   -   -;
    CheckpointCosign "checkpoint.cosign"      _       -   -   -   -   -   A   -   -   -   -;
    // Review
    CaseOpen         "case.open"              recent  -   -   -   -   -   -   A   -   -   -;
    CaseClose        "case.close"             _       -   -   -   -   -   -   O   -   -   -;
    CaseExport       "case.export"            recent  -   -   -   -   -   -   C   -   -   -;
    // Protected payloads by audience class, and what the cameras saw
    ReadBidder       "payload.bidder"         _       -   O   -   -   -   -   C   -   -   -;
    ReadOffice       "payload.office"         _       -   -   -   A   -   A   -   -   -   -;
    ReadObjection    "payload.objection"      _       -   O   O   A   -   A   C   -   -   -;
    ReadSupervision  "payload.supervision"    _       -   -   -   -   -   A   A   -   -   -;
    ReadSealed       "payload.sealed"         _       -   -   -   -   -   -   -   -   -   -;
    EvidenceLive     "evidence.live"          _       -   -   -   -   -   A   -   -   -   -;
    EvidenceView     "evidence.view"          _       -   -   -   -   -   A   C   -   -   -;
    HoldPlace        "hold.place"             _       -   -   -   A   -   A   -   -   -   -;
    HoldLift         "hold.lift"              recent  -   -   -   -   -   A   -   -   -   -;
    // One's own account
    AccountSelf      "account.self"           _       -   O   O   O   O   O   O   O   O   O;
    AccountSecure    "account.secure"         recent  -   O   O   O   O   O   O   O   O   O;
    // The three administrators: one makes accounts, one grants and takes away, one watches both
    AccountsRead     "accounts.read"          _       -   -   -   -   -   -   -   A   A   A;
    AccountsCreate   "accounts.create"        recent  -   -   -   -   -   -   -   A   -   -;
    AccountsDisable  "accounts.disable"       recent  -   -   -   -   -   -   -   A   -   -;
    AccountsReset    "accounts.reset"         recent  -   -   -   -   -   -   -   -   A   -;
    RolesGrant       "roles.grant"            recent  -   -   -   -   -   -   -   -   A   -;
    SessionsRevoke   "sessions.revoke"        recent  -   -   -   -   -   -   -   -   A   -;
    SettingsRead     "settings.read"          _       -   -   -   -   -   -   -   A   A   A;
    SettingsWrite    "settings.write"         recent  -   -   -   -   -   -   -   A   -   -;
    AuditRead        "audit.read"             _       -   -   -   -   -   -   -   -   -   A;
}

/// What an action is about, as far as rights depend on it. A field that is not given matches nobody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ObjectRef {
    /// The owner organisation of the project.
    pub owner: Option<Id>,
    /// The account of the bidder whose participation it is.
    pub bidder: Option<Id>,
    /// The account that it is, or that it belongs to.
    pub account: Option<Id>,
    pub lot: Option<Id>,
}

impl ObjectRef {
    /// The platform as a whole.
    pub const NONE: Self = Self { owner: None, bidder: None, account: None, lot: None };

    pub const fn account(account: Id) -> Self {
        Self { account: Some(account), ..Self::NONE }
    }

    pub const fn lot(lot: Id, owner: Id) -> Self {
        Self { lot: Some(lot), owner: Some(owner), ..Self::NONE }
    }

    pub const fn project(owner: Id) -> Self {
        Self { owner: Some(owner), ..Self::NONE }
    }

    /// The participation of the bidder with this account.
    #[must_use]
    pub const fn of_bidder(self, account: Id) -> Self {
        Self { bidder: Some(account), ..self }
    }
}

/// Whether `viewer` may perform `action` on `object`.
///
/// Refuses with [`Code::NotSignedIn`] or [`Code::Forbidden`]; for those who may, with [`Code::TotpNotEnrolled`] until
/// the second factor that the role needs is there, and with [`Code::ReauthRequired`] where the action asks for a recent
/// proof of identity.
pub fn may(viewer: &Viewer, action: Action, object: ObjectRef) -> Result<(), Code> {
    let allowed = match scope(viewer.role, action) {
        Scope::All => true,
        Scope::Own => owns(viewer, object),
        Scope::Case => object.lot.is_some_and(|lot| viewer.cases.contains(&lot)),
        Scope::None => false,
    };
    if !allowed {
        return Err(if viewer.account.is_none() { Code::NotSignedIn } else { Code::Forbidden });
    }
    let open_to_all = scope(Role::Public, action) == Scope::All;
    let own_account = matches!(action, Action::AccountSelf | Action::AccountSecure);
    if viewer.must_enrol_totp && !open_to_all && !own_account {
        return Err(Code::TotpNotEnrolled);
    }
    if action.proof() == Proof::Recent && !viewer.proved_recently {
        return Err(Code::ReauthRequired);
    }
    Ok(())
}

fn owns(viewer: &Viewer, object: ObjectRef) -> bool {
    let same = |mine: Option<Id>, other: Option<Id>| mine.is_some() && mine == other;
    match viewer.role {
        Role::Bidder => same(viewer.account, object.bidder) || same(viewer.account, object.account),
        Role::Owner => same(viewer.organisation, object.owner) || same(viewer.account, object.account),
        _ => same(viewer.account, object.account),
    }
}

#[cfg(test)]
#[path = "rights_tests.rs"]
mod tests;

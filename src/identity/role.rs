//! Who somebody is on this platform: one role an account, and the organisation that the account acts for.

use std::fmt;
use std::str::FromStr;

use crate::base::Code;

/// The roles of the platform. An account has exactly one, in one column: that alone keeps the three administrators
/// (system, security, audit) apart, and keeps all three from trading, supervising or reviewing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Nobody in particular: no account, or an account that was granted no role yet.
    Public,
    Bidder,
    Owner,
    Operator,
    Expert,
    Supervisor,
    Reviewer,
    SystemAdmin,
    SecurityAdmin,
    AuditAdmin,
}

/// What an organisation is; it decides which roles its people can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrganisationKind {
    /// Takes part in trades.
    Company,
    /// Buys, sells or lets build.
    Owner,
    /// Supervises or reviews.
    Authority,
    /// The trading centre itself.
    Centre,
}

impl Role {
    pub const ALL: [Self; 10] = [
        Self::Public,
        Self::Bidder,
        Self::Owner,
        Self::Operator,
        Self::Expert,
        Self::Supervisor,
        Self::Reviewer,
        Self::SystemAdmin,
        Self::SecurityAdmin,
        Self::AuditAdmin,
    ];

    /// The stable name, in the database and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Bidder => "bidder",
            Self::Owner => "owner",
            Self::Operator => "operator",
            Self::Expert => "expert",
            Self::Supervisor => "supervisor",
            Self::Reviewer => "reviewer",
            Self::SystemAdmin => "system_admin",
            Self::SecurityAdmin => "security_admin",
            Self::AuditAdmin => "audit_admin",
        }
    }

    pub const fn is_administrator(self) -> bool {
        matches!(self, Self::SystemAdmin | Self::SecurityAdmin | Self::AuditAdmin)
    }

    /// Whether a password alone is too little for this role's work (ASVS 6.3.3). A bid is signed with a key that no
    /// password gives, so a bidder may do without.
    pub const fn needs_second_factor(self) -> bool {
        !matches!(self, Self::Public | Self::Bidder)
    }

    /// The kind of organisation that holders of this role belong to; `None` for experts, who stand for themselves.
    pub const fn organisation(self) -> Option<OrganisationKind> {
        match self {
            Self::Bidder => Some(OrganisationKind::Company),
            Self::Owner => Some(OrganisationKind::Owner),
            Self::Supervisor | Self::Reviewer => Some(OrganisationKind::Authority),
            Self::Operator | Self::SystemAdmin | Self::SecurityAdmin | Self::AuditAdmin => {
                Some(OrganisationKind::Centre)
            }
            Self::Public | Self::Expert => None,
        }
    }

    /// Whether somebody of an organisation of `kind` (or of none) can hold this role.
    pub fn fits(self, kind: Option<OrganisationKind>) -> bool {
        self == Self::Public || self.organisation() == kind
    }
}

impl OrganisationKind {
    pub const ALL: [Self; 4] = [Self::Company, Self::Owner, Self::Authority, Self::Centre];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Company => "company",
            Self::Owner => "owner",
            Self::Authority => "authority",
            Self::Centre => "centre",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = Code;

    /// Reads [`Role::name`]; [`Code::InvalidField`] for anything else.
    fn from_str(text: &str) -> Result<Self, Code> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or(Code::InvalidField)
    }
}

impl FromStr for OrganisationKind {
    type Err = Code;

    fn from_str(text: &str) -> Result<Self, Code> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or(Code::InvalidField)
    }
}

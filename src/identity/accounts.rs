//! Accounts as administrators see them, and a company's own sign-up.
//!
//! Making an account and giving it a role are two acts of two people: the system administrator creates, the security
//! administrator grants. Neither ever knows a password.

use zeroize::Zeroizing;

use super::Identity;
use super::audit::{Circumstances, Kind, record};
use super::credit_code::CreditCode;
use super::lockout::Network;
use super::password::{Passwords, check_new};
use super::rights::{Action, ObjectRef, may};
use super::role::{OrganisationKind, Role};
use super::session::{fresh_token, hash_of};
use super::sign_in::folded;
use super::viewer::Viewer;
use crate::base::limits::{ACTIVATION_MAX, LOGIN_MAX_CHARS, PAGE_MAX_ROWS, SIGN_UPS, TITLE_MAX_CHARS};
use crate::base::{Code, Id, Micros};
use crate::store::platform::accounts::{self, AccountRow, OrganisationRow};
use crate::store::platform::sessions;
use crate::store::{StoreError, Tx};

/// An organisation's public particulars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    pub id: Id,
    pub kind: OrganisationKind,
    pub name: String,
    pub credit_code: Option<String>,
}

/// An account without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: Id,
    pub login: String,
    pub name: String,
    pub role: Role,
    pub organisation: Option<Id>,
    pub activated: bool,
    pub totp_enrolled: bool,
    pub created_at: Micros,
    pub disabled_at: Option<Micros>,
}

/// A company that signs itself up.
#[derive(Debug, Clone, Copy)]
pub struct NewCompany<'a> {
    pub login: &'a str,
    pub password: &'a str,
    /// The person who acts.
    pub name: &'a str,
    pub company: &'a str,
    pub credit_code: &'a str,
}

/// An account that an administrator, or the command line, makes for somebody.
#[derive(Debug, Clone, Copy)]
pub struct NewAccount<'a> {
    pub login: &'a str,
    pub name: &'a str,
    pub organisation: Option<Id>,
}

impl Identity {
    /// Makes a company and its first account, a bidder. Returns the account's id.
    ///
    /// Refuses with [`Code::InvalidField`], [`Code::WeakPassword`], and with [`Code::AccountExists`] when the login name
    /// or the company is here already.
    pub fn sign_up_company(&self, new: NewCompany<'_>, network: &Network, now: Micros) -> Result<Id, Code> {
        let credit_code: CreditCode = new.credit_code.parse()?;
        let login = login_name(new.login)?;
        check_new(new.password, &[&login, new.company])?;
        self.take_token("sign_up", network, SIGN_UPS, now)?;
        let password = self.passwords.hash(new.password, &*self.entropy)?;
        let company = self.organisation_row(OrganisationKind::Company, new.company, Some(&credit_code), now)?;
        let mut row =
            self.account_row(NewAccount { login: new.login, name: new.name, organisation: Some(company.id) }, now)?;
        Role::Bidder.name().clone_into(&mut row.role);
        row.password = Some(password);
        self.platform.write(|tx| {
            accounts::insert_organisation(tx, &company).map_err(exists)?;
            let who = Circumstances { actor: Some(row.id), subject: Some(row.id), network: Some(network) };
            insert(tx, &row, who, now)
        })
    }

    /// Makes an organisation, for [`Action::AccountsCreate`]. A company needs a credit code.
    pub fn create_organisation(
        &self,
        viewer: &Viewer,
        kind: OrganisationKind,
        name: &str,
        credit_code: Option<&CreditCode>,
        now: Micros,
    ) -> Result<Id, Code> {
        may(viewer, Action::AccountsCreate, ObjectRef::NONE)?;
        self.seed_organisation(kind, name, credit_code, now)
    }

    /// Makes an account without a role or a password, for [`Action::AccountsCreate`]. Returns its id and the one-time
    /// code to hand to its holder, who chooses the password with it ([`Identity::activate`]).
    pub fn create_account(
        &self,
        viewer: &Viewer,
        new: NewAccount<'_>,
        now: Micros,
    ) -> Result<(Id, Zeroizing<String>), Code> {
        may(viewer, Action::AccountsCreate, ObjectRef::NONE)?;
        let code = fresh_token(&*self.entropy);
        let mut row = self.account_row(new, now)?;
        row.activation = Some(hash_of(&code));
        row.activation_until = now.plus(ACTIVATION_MAX);
        let id = self.platform.write(|tx| {
            organisation_kind(tx, row.organisation)?;
            insert(tx, &row, Circumstances { actor: viewer.account, subject: Some(row.id), network: None }, now)
        })?;
        Ok((id, code))
    }

    /// Gives the account another role, for [`Action::RolesGrant`]; its sessions end. Nobody grants to themselves
    /// ([`Code::Forbidden`]), and the role must fit the account's organisation ([`Code::InvalidField`]).
    pub fn grant_role(&self, viewer: &Viewer, account: Id, role: Role, now: Micros) -> Result<(), Code> {
        self.administer(viewer, Action::RolesGrant, account, Kind::RoleGranted, now, |tx, row| {
            if !role.fits(organisation_kind(tx, row.organisation)?) {
                return Err(Code::InvalidField);
            }
            let change = format!("{} to {role}", row.role);
            role.name().clone_into(&mut row.role);
            Ok(change)
        })
    }

    /// Shuts the account out, for [`Action::AccountsDisable`]; its sessions end (ASVS 7.4.2).
    pub fn disable_account(&self, viewer: &Viewer, account: Id, now: Micros) -> Result<(), Code> {
        self.administer(viewer, Action::AccountsDisable, account, Kind::AccountDisabled, now, |_, row| {
            row.disabled_at.get_or_insert(now);
            Ok(String::new())
        })
    }

    /// Lets a disabled account in again, for [`Action::AccountsDisable`].
    pub fn enable_account(&self, viewer: &Viewer, account: Id, now: Micros) -> Result<(), Code> {
        self.administer(viewer, Action::AccountsDisable, account, Kind::AccountEnabled, now, |_, row| {
            row.disabled_at = None;
            Ok(String::new())
        })
    }

    /// Takes password and second factor from the account, for [`Action::AccountsReset`], and returns the one-time code
    /// with which its holder chooses a new password; its sessions end.
    pub fn reset_account(&self, viewer: &Viewer, account: Id, now: Micros) -> Result<Zeroizing<String>, Code> {
        let code = fresh_token(&*self.entropy);
        self.administer(viewer, Action::AccountsReset, account, Kind::AccountReset, now, |_, row| {
            row.password = None;
            row.totp_secret = None;
            row.totp_pending = None;
            row.activation = Some(hash_of(&code));
            row.activation_until = now.plus(ACTIVATION_MAX);
            Ok(String::new())
        })?;
        Ok(code)
    }

    /// One administrator's act on somebody else's account: ask the table, change, end its sessions, record.
    fn administer(
        &self,
        viewer: &Viewer,
        action: Action,
        account: Id,
        kind: Kind,
        now: Micros,
        change: impl FnOnce(&mut Tx, &mut AccountRow) -> Result<String, Code>,
    ) -> Result<(), Code> {
        may(viewer, action, ObjectRef::account(account))?;
        if viewer.account == Some(account) {
            return Err(Code::Forbidden);
        }
        self.platform.write(|tx| {
            let mut row = accounts::by_id(tx, account)?.ok_or(Code::NotFound)?;
            let detail = change(tx, &mut row)?;
            accounts::update(tx, &row)?;
            sessions::delete_of_account(tx, account)?;
            let who = Circumstances { actor: viewer.account, subject: Some(account), network: None };
            Ok(record(tx, kind, who, &detail, now)?)
        })
    }

    /// Up to `limit` accounts in the order of their making, behind the account `after`; for [`Action::AccountsRead`].
    pub fn accounts(&self, viewer: &Viewer, after: Option<Id>, limit: usize) -> Result<Vec<Account>, Code> {
        may(viewer, Action::AccountsRead, ObjectRef::NONE)?;
        let rows = self.platform.read(|tx| accounts::page(tx, after, limit.min(PAGE_MAX_ROWS + 1)))?;
        rows.into_iter().map(view).collect()
    }

    /// The holder's name, for a record of what the holder did. [`Code::NotFound`] when there is no such account.
    pub fn name_of(&self, account: Id) -> Result<String, Code> {
        let row = self.platform.read(|tx| accounts::by_id(tx, account))?;
        Ok(row.ok_or(Code::NotFound)?.name)
    }

    /// One account: one's own, or anybody's for [`Action::AccountsRead`].
    pub fn account(&self, viewer: &Viewer, account: Id) -> Result<Account, Code> {
        let object = ObjectRef::account(account);
        may(viewer, Action::AccountSelf, object).or_else(|_| may(viewer, Action::AccountsRead, object))?;
        view(self.platform.read(|tx| accounts::by_id(tx, account))?.ok_or(Code::NotFound)?)
    }

    /// An organisation by its id. Which names may be shown when is for the caller to ask of `engine::audience`.
    pub fn organisation(&self, id: Id) -> Result<Organisation, Code> {
        let row = self.platform.read(|tx| accounts::organisation(tx, id))?.ok_or(Code::NotFound)?;
        let kind = row.kind.parse().map_err(|_| StoreError::Corrupt("organisation"))?;
        Ok(Organisation { id: row.id, kind, name: row.name, credit_code: row.credit_code })
    }

    /// Organisations that sell or buy, by name: everyone may know them; at most [`PAGE_MAX_ROWS`].
    pub fn owners(&self) -> Result<Vec<Organisation>, Code> {
        let limit = i64::try_from(PAGE_MAX_ROWS).unwrap_or(i64::MAX);
        let rows = self.platform.read(|tx| accounts::organisations(tx, OrganisationKind::Owner.name(), limit))?;
        let owner = |row: OrganisationRow| Organisation {
            id: row.id,
            kind: OrganisationKind::Owner,
            name: row.name,
            credit_code: row.credit_code,
        };
        Ok(rows.into_iter().map(owner).collect())
    }

    /// Makes an organisation without asking who wants it: for the command line on the machine itself, which nobody
    /// reaches who could not write the database as well. No route calls it.
    pub fn seed_organisation(
        &self,
        kind: OrganisationKind,
        name: &str,
        credit_code: Option<&CreditCode>,
        now: Micros,
    ) -> Result<Id, Code> {
        let row = self.organisation_row(kind, name, credit_code, now)?;
        self.platform.write(|tx| accounts::insert_organisation(tx, &row).map_err(exists))?;
        Ok(row.id)
    }

    /// Makes an account with role and password, as [`Identity::seed_organisation`] does: the first administrators, and
    /// demonstration accounts, whose `passwords` may be the cheap ones.
    pub fn seed_account(
        &self,
        new: NewAccount<'_>,
        role: Role,
        password: &str,
        passwords: &Passwords,
        now: Micros,
    ) -> Result<Id, Code> {
        let mut row = self.account_row(new, now)?;
        role.name().clone_into(&mut row.role);
        row.password = Some(passwords.hash(password, &*self.entropy)?);
        self.platform.write(|tx| {
            if !role.fits(organisation_kind(tx, row.organisation)?) {
                return Err(Code::InvalidField);
            }
            insert(tx, &row, Circumstances { actor: None, subject: Some(row.id), network: None }, now)
        })
    }

    pub(super) fn account_row(&self, new: NewAccount<'_>, now: Micros) -> Result<AccountRow, Code> {
        Ok(AccountRow {
            id: self.fresh_id(now),
            login: login_name(new.login)?,
            name: title(new.name)?,
            role: Role::Public.name().to_owned(),
            organisation: new.organisation,
            password: None,
            totp_secret: None,
            totp_pending: None,
            totp_step: -1,
            activation: None,
            activation_until: now,
            created_at: now,
            disabled_at: None,
        })
    }

    fn organisation_row(
        &self,
        kind: OrganisationKind,
        name: &str,
        credit_code: Option<&CreditCode>,
        now: Micros,
    ) -> Result<OrganisationRow, Code> {
        if kind == OrganisationKind::Company && credit_code.is_none() {
            return Err(Code::InvalidField);
        }
        Ok(OrganisationRow {
            id: self.fresh_id(now),
            kind: kind.name().to_owned(),
            name: title(name)?,
            credit_code: credit_code.map(ToString::to_string),
            created_at: now,
        })
    }
}

fn insert(tx: &mut Tx, row: &AccountRow, who: Circumstances<'_>, now: Micros) -> Result<Id, Code> {
    accounts::insert(tx, row).map_err(exists)?;
    record(tx, Kind::AccountCreated, who, &row.role, now)?;
    Ok(row.id)
}

fn exists(error: StoreError) -> Code {
    if error.is_duplicate() { Code::AccountExists } else { error.into() }
}

/// The kind of the organisation with this id; [`Code::InvalidField`] when there is none.
fn organisation_kind(tx: &mut Tx, id: Option<Id>) -> Result<Option<OrganisationKind>, Code> {
    let Some(id) = id else { return Ok(None) };
    let row = accounts::organisation(tx, id)?.ok_or(Code::InvalidField)?;
    Ok(Some(row.kind.parse().map_err(|_| StoreError::Corrupt("organisation"))?))
}

/// The login name as it is kept: ASCII that looks the same to everybody, so that no two names look alike;
/// [`Code::InvalidField`] when it is none.
pub fn login_name(login: &str) -> Result<String, Code> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._@+-".contains(&b);
    let good = (3..=LOGIN_MAX_CHARS).contains(&login.len()) && login.bytes().all(allowed);
    if good { Ok(folded(login)) } else { Err(Code::InvalidField) }
}

/// A name of a person or an organisation: one line, something in it, not too long; [`Code::InvalidField`] otherwise.
pub fn title(text: &str) -> Result<String, Code> {
    let text = text.trim();
    let good = !text.is_empty() && text.chars().count() <= TITLE_MAX_CHARS && !text.chars().any(char::is_control);
    if good { Ok(text.to_owned()) } else { Err(Code::InvalidField) }
}

fn view(row: AccountRow) -> Result<Account, Code> {
    let role = row.role.parse().map_err(|_| StoreError::Corrupt("role"))?;
    Ok(Account {
        id: row.id,
        login: row.login,
        name: row.name,
        role,
        organisation: row.organisation,
        activated: row.password.is_some(),
        totp_enrolled: row.totp_secret.is_some(),
        created_at: row.created_at,
        disabled_at: row.disabled_at,
    })
}

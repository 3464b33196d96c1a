//! Organisations and accounts with ids that come from elsewhere, made all at once: the demonstration's, whose ids stand in
//! its ledger already. For the command line alone; no route calls it.

use super::password::Passwords;
use super::role::{OrganisationKind, Role};
use super::{Identity, NewAccount};
use crate::base::{Code, Id, Micros};
use crate::store::platform::accounts::{self, OrganisationRow};

#[derive(Debug, Clone, Copy)]
pub struct SeedOrganisation<'a> {
    pub id: Id,
    pub kind: OrganisationKind,
    pub name: &'a str,
    pub credit_code: Option<&'a str>,
}

#[derive(Debug, Clone, Copy)]
pub struct SeedAccount<'a> {
    pub id: Id,
    pub role: Role,
    pub new: NewAccount<'a>,
}

impl Identity {
    /// Makes all of them, or none; those that are here already get the new password. All share one password, so it is
    /// hashed once.
    pub fn seed(
        &self,
        organisations: &[SeedOrganisation<'_>],
        people: &[SeedAccount<'_>],
        password: &str,
        passwords: &Passwords,
        now: Micros,
    ) -> Result<(), Code> {
        let hash = passwords.hash(password, &*self.entropy)?;
        self.platform.write(|tx| {
            for seed in organisations {
                if accounts::organisation(tx, seed.id)?.is_none() {
                    let row = OrganisationRow {
                        id: seed.id,
                        kind: seed.kind.name().to_owned(),
                        name: seed.name.to_owned(),
                        credit_code: seed.credit_code.map(str::to_owned),
                        created_at: now,
                    };
                    accounts::insert_organisation(tx, &row)?;
                }
            }
            for seed in people {
                if let Some(mut row) = accounts::by_id(tx, seed.id)? {
                    row.password = Some(hash.clone());
                    accounts::update(tx, &row)?;
                } else {
                    let mut row = self.account_row(seed.new, now)?;
                    row.id = seed.id;
                    seed.role.name().clone_into(&mut row.role);
                    row.password = Some(hash.clone());
                    accounts::insert(tx, &row)?;
                }
            }
            Ok(())
        })
    }
}

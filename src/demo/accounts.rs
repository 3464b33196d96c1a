//! The demonstration's accounts, as data: the server creates them in `--demo` mode with one password that it makes and
//! prints. Ids are those of the year's ledger, so that whoever signs in sees what is theirs.

use super::cast::Cast;
use super::words;
use crate::base::Id;
use crate::identity::{OrganisationKind, Role};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoOrganisation {
    pub id: Id,
    pub kind: OrganisationKind,
    pub name: String,
    /// Companies and owners; the others have none here.
    pub credit_code: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoAccount {
    pub id: Id,
    pub login: String,
    pub role: Role,
    pub organisation: Id,
    pub display_name: String,
    /// Worth printing: one or two of each role.
    pub shown: bool,
}

/// Every organisation of the demonstration.
pub fn organisations(cast: &Cast) -> Vec<DemoOrganisation> {
    let other = |id, kind, name: &str| DemoOrganisation { id, kind, name: name.into(), credit_code: None };
    let mut all = vec![
        other(cast.centre, OrganisationKind::Centre, words::CENTRE),
        other(cast.supervision, OrganisationKind::Authority, words::SUPERVISION),
        other(cast.discipline, OrganisationKind::Authority, words::DISCIPLINE),
    ];
    all.extend(cast.owners.iter().map(|owner| DemoOrganisation {
        id: owner.person.organisation,
        kind: OrganisationKind::Owner,
        name: owner.name.clone(),
        credit_code: Some(owner.credit_code.clone()),
    }));
    all.extend(cast.companies.iter().map(|company| DemoOrganisation {
        id: company.person.organisation,
        kind: OrganisationKind::Company,
        name: company.name.clone(),
        credit_code: Some(company.credit_code.clone()),
    }));
    all
}

/// Every account of the demonstration: staff first, then owners, then bidders.
pub fn accounts(cast: &Cast) -> Vec<DemoAccount> {
    let [first, second] = cast.operators;
    let staff = [
        ("operator", first, Role::Operator, cast.centre, "交易中心 项目一科"),
        ("operator2", second, Role::Operator, cast.centre, "交易中心 项目二科"),
        ("supervisor", cast.supervisor, Role::Supervisor, cast.supervision, "行政监督 值守"),
        ("reviewer", cast.reviewer, Role::Reviewer, cast.discipline, "纪检监察 审查"),
        ("sysadmin", cast.system_admin, Role::SystemAdmin, cast.centre, "系统管理员"),
        ("secadmin", cast.security_admin, Role::SecurityAdmin, cast.centre, "安全保密管理员"),
        ("auditadmin", cast.audit_admin, Role::AuditAdmin, cast.centre, "安全审计员"),
    ];
    let mut all: Vec<DemoAccount> = staff
        .into_iter()
        .map(|(login, id, role, organisation, name)| DemoAccount {
            id,
            login: login.into(),
            role,
            organisation,
            display_name: name.into(),
            shown: true,
        })
        .collect();
    all.extend(cast.owners.iter().enumerate().map(|(index, owner)| DemoAccount {
        id: owner.person.account,
        login: format!("owner{}", index + 1),
        role: Role::Owner,
        organisation: owner.person.organisation,
        display_name: format!("{} 经办人", owner.name),
        shown: matches!(index, 0 | 8 | 10 | 14),
    }));
    all.extend(cast.companies.iter().enumerate().map(|(index, company)| DemoAccount {
        id: company.person.account,
        login: format!("bidder{}", index + 1),
        role: Role::Bidder,
        organisation: company.person.organisation,
        display_name: format!("{} 投标专员", company.name),
        shown: matches!(index, 0 | 48),
    }));
    all
}

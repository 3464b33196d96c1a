//! The people and organisations of the demonstration: who owns, runs, supervises, reviews, and about 150 who bid.

use std::collections::BTreeSet;

use super::seed::Rng;
use super::words;
use crate::base::{Id, Micros};
use crate::identity::credit_code::CreditCode;

/// What a company does; decides what it bids for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Trade {
    #[default]
    Build,
    Estate,
    Mining,
    It,
    Goods,
    Service,
}

const COMPANIES: [(Trade, usize); 6] = [
    (Trade::Build, 48),
    (Trade::Estate, 18),
    (Trade::Mining, 14),
    (Trade::It, 20),
    (Trade::Goods, 28),
    (Trade::Service, 22),
];

/// A person who signs in for an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub account: Id,
    pub organisation: Id,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub person: Person,
    pub name: String,
    pub credit_code: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    pub person: Person,
    pub name: String,
    pub credit_code: String,
    pub trade: Trade,
}

/// Everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cast {
    pub centre: Id,
    pub operators: [Id; 2],
    pub system_admin: Id,
    pub security_admin: Id,
    pub audit_admin: Id,
    pub supervision: Id,
    pub supervisor: Id,
    pub discipline: Id,
    pub reviewer: Id,
    pub owners: Vec<Owner>,
    pub companies: Vec<Company>,
}

impl Cast {
    /// Everybody of the demonstration of `seed`; their ids say that they were there `since`.
    pub fn new(seed: u64, since: Micros) -> Self {
        let mut rng = Rng::new(seed, "cast");
        let mut id = || rng.id(since);
        let staff = [id(), id(), id(), id(), id(), id(), id(), id(), id(), id()];
        let [
            centre,
            first,
            second,
            system_admin,
            security_admin,
            audit_admin,
            supervision,
            supervisor,
            discipline,
            reviewer,
        ] = staff;
        Self {
            centre,
            operators: [first, second],
            system_admin,
            security_admin,
            audit_admin,
            supervision,
            supervisor,
            discipline,
            reviewer,
            owners: owners(&mut rng, since),
            companies: companies(&mut rng, since),
        }
    }

    /// Index of the owner with this in its name.
    pub fn owner(&self, part: &str) -> usize {
        self.owners.iter().position(|owner| owner.name.contains(part)).unwrap_or(0)
    }

    /// Indices of the companies of `trade`.
    pub fn companies_of(&self, trade: Trade) -> Vec<usize> {
        self.companies.iter().enumerate().filter(|(_, c)| c.trade == trade).map(|(i, _)| i).collect()
    }
}

fn person(rng: &mut Rng, since: Micros) -> Person {
    Person { account: rng.id(since), organisation: rng.id(since) }
}

/// GB 32100: two characters for the kind, six for the place, nine for the organisation, one check.
fn credit_code(kind: &str, rng: &mut Rng) -> String {
    let body = format!("{kind}{}MA{:07}", words::DIVISION, rng.below(10_000_000));
    CreditCode::with_check(&body).map(|code| code.to_string()).unwrap_or_default()
}

fn owners(rng: &mut Rng, since: Micros) -> Vec<Owner> {
    words::OWNERS
        .iter()
        .map(|name| {
            // 11 an organ of the state, 91 a company.
            let kind = if name.ends_with("公司") { "91" } else { "11" };
            let (person, credit_code) = (person(rng, since), credit_code(kind, rng));
            Owner { person, name: (*name).to_owned(), credit_code }
        })
        .collect()
}

fn companies(rng: &mut Rng, since: Micros) -> Vec<Company> {
    let mut names = BTreeSet::new();
    let mut codes = BTreeSet::new();
    let mut companies = Vec::new();
    for (trade, count) in COMPANIES {
        for _ in 0..count {
            let mut name = words::company(trade, rng);
            while !names.insert(name.clone()) {
                name = words::company(trade, rng);
            }
            let mut code = credit_code("91", rng);
            while !codes.insert(code.clone()) {
                code = credit_code("91", rng);
            }
            companies.push(Company { person: person(rng, since), name, credit_code: code, trade });
        }
    }
    companies
}

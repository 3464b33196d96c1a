//! Who did it, and what it happened to: the `actor` and `subject` of a payload.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::base::Id;

/// A role-scoped id. In an auction a bidder is its number on that lot, never its name or account (招标投标法 art. 22).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    System,
    Bidder(u32),
    /// A bidder before it has a number, only in payloads that the public cannot read.
    Company(Id),
    Owner(Id),
    Operator(Id),
    Supervisor(Id),
    Reviewer(Id),
    Administrator(Id),
}

/// What an event happened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    Platform,
    Project(Id),
    Lot(Id),
}

/// The text names no actor or subject of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a known actor or subject")]
pub struct UnknownName;

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::Bidder(number) => write!(f, "bidder/{number}"),
            Self::Company(id) => write!(f, "company/{id}"),
            Self::Owner(id) => write!(f, "owner/{id}"),
            Self::Operator(id) => write!(f, "operator/{id}"),
            Self::Supervisor(id) => write!(f, "supervisor/{id}"),
            Self::Reviewer(id) => write!(f, "reviewer/{id}"),
            Self::Administrator(id) => write!(f, "administrator/{id}"),
        }
    }
}

impl FromStr for Actor {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        if text == "system" {
            return Ok(Self::System);
        }
        let (role, id) = text.split_once('/').ok_or(UnknownName)?;
        if role == "bidder" {
            let number: u32 = id.parse().map_err(|_| UnknownName)?;
            return if number.to_string() == id { Ok(Self::Bidder(number)) } else { Err(UnknownName) };
        }
        let id: Id = id.parse().map_err(|_| UnknownName)?;
        Ok(match role {
            "company" => Self::Company(id),
            "owner" => Self::Owner(id),
            "operator" => Self::Operator(id),
            "supervisor" => Self::Supervisor(id),
            "reviewer" => Self::Reviewer(id),
            "administrator" => Self::Administrator(id),
            _ => return Err(UnknownName),
        })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => f.write_str("platform"),
            Self::Project(id) => write!(f, "project/{id}"),
            Self::Lot(id) => write!(f, "lot/{id}"),
        }
    }
}

impl FromStr for Subject {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        if text == "platform" {
            return Ok(Self::Platform);
        }
        let (sort, id) = text.split_once('/').ok_or(UnknownName)?;
        let id: Id = id.parse().map_err(|_| UnknownName)?;
        match sort {
            "project" => Ok(Self::Project(id)),
            "lot" => Ok(Self::Lot(id)),
            _ => Err(UnknownName),
        }
    }
}

macro_rules! as_text {
    ($($name:ident)*) => { $(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                std::borrow::Cow::<'de, str>::deserialize(d)?.parse().map_err(D::Error::custom)
            }
        }
    )* };
}
as_text!(Actor Subject);

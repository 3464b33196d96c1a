//! How the values of `base` come out of columns. Writing spells them out at the call; reading must be able to fail.

use diesel::backend::Backend;
use diesel::deserialize::{FromSql, Queryable, Result};
use diesel::pg::Pg;
use diesel::sql_types::{BigInt, Binary, Text};
use diesel::sqlite::Sqlite;

use super::StoreError;
use super::connection::MultiBackend;
use crate::base::{Hash, Id, Micros};

/// `$value` is read from columns of type `$sql`, which diesel delivers as `$raw`.
macro_rules! column {
    ($value:ty, $sql:ty, $raw:ty, $parse:expr) => {
        column!($value, $sql, $raw, $parse, Sqlite, |bytes| <$raw as FromSql<$sql, Sqlite>>::from_sql(bytes));
        column!($value, $sql, $raw, $parse, Pg, |bytes| <$raw as FromSql<$sql, Pg>>::from_sql(bytes));
        column!($value, $sql, $raw, $parse, MultiBackend, |bytes| bytes.from_sql::<$raw, $sql>());
    };
    ($value:ty, $sql:ty, $raw:ty, $parse:expr, $backend:ty, |$bytes:ident| $read:expr) => {
        impl FromSql<$sql, $backend> for $value {
            fn from_sql($bytes: <$backend as Backend>::RawValue<'_>) -> Result<Self> {
                let parse: fn($raw) -> Option<Self> = $parse;
                Ok(parse($read?).ok_or(StoreError::Corrupt(stringify!($value)))?)
            }
        }

        impl Queryable<$sql, $backend> for $value {
            type Row = Self;

            fn build(row: Self) -> Result<Self> {
                Ok(row)
            }
        }
    };
}

column!(Id, Text, String, |text| text.parse().ok());
column!(Micros, BigInt, i64, Micros::new);
column!(Hash, Binary, Vec<u8>, |bytes| bytes.try_into().ok().map(Hash));

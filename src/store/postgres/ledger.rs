//! One ledger that several nodes share: its lease, and a journal for whoever holds it.

use std::sync::Arc;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::schema::{lease_hand_over, lease_release, ledger_erase};
use super::{Postgres, PostgresJournal, PostgresReader, int};
use crate::base::limits::LEASE;
use crate::sequencer::{Journal, JournalError, LedgerReader, SharedLedger, Standby, Tenure};
use crate::store::StoreError;

/// A node's side of a shared ledger.
pub struct PostgresLedger {
    postgres: Postgres,
    reader: Arc<PostgresReader>,
    node: String,
    address: String,
    /// For the lease alone: it must not wait behind a commit or for a pool.
    connection: Option<PgConnection>,
}

#[derive(QueryableByName)]
struct TenureRow {
    #[diesel(sql_type = BigInt)]
    epoch: i64,
    #[diesel(sql_type = Text)]
    node: String,
    #[diesel(sql_type = Text)]
    address: String,
    #[diesel(sql_type = BigInt)]
    left_ms: i64,
    #[diesel(sql_type = Nullable<Text>)]
    idlest: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    idlest_leads: Option<i64>,
}

impl PostgresLedger {
    pub(super) fn new(postgres: Postgres, ledger: &str, node: &str, address: &str) -> Self {
        let reader = Arc::new(PostgresReader::new(postgres.pool().clone(), ledger));
        Self { postgres, reader, node: node.to_owned(), address: address.to_owned(), connection: None }
    }

    /// Erases one payload by law, with `actor` and `reason` in the table `erasure`; whether there was one.
    pub fn erase(&self, seq: u64, actor: &str, reason: &str) -> Result<bool, StoreError> {
        let erase = ledger_erase(self.reader.ledger(), int(seq), actor, reason);
        Ok(diesel::select(erase).get_result(&mut self.postgres.connect()?)?)
    }

    /// Asks on the lease's own connection, a fresh one after a failure.
    fn ask<T>(&mut self, work: impl FnOnce(&mut PgConnection) -> QueryResult<T>) -> Result<T, JournalError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.postgres.connect().map_err(unknown)?,
        };
        let result = work(&mut connection).map_err(unknown)?;
        self.connection = Some(connection);
        Ok(result)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn unknown(error: impl ToString) -> JournalError {
    JournalError::Unknown(error.to_string())
}

impl SharedLedger for PostgresLedger {
    fn take_lease(&mut self, leads: u64) -> Result<Tenure, JournalError> {
        let (ledger, node, address) = (self.reader.ledger().to_owned(), self.node.clone(), self.address.clone());
        let ttl_ms = int(LEASE.get() / 1_000);
        let row: TenureRow = self.ask(|connection| {
            // One round trip for both.
            let both = "SELECT t.epoch, t.node, t.address, t.left_ms, s.node AS idlest, s.leads AS idlest_leads
                        FROM lease_take($1, $2, $3, $4) AS t LEFT JOIN standby_say($1, $2, $3, $4, $5) AS s ON true";
            diesel::sql_query(both)
                .bind::<Text, _>(ledger)
                .bind::<Text, _>(node)
                .bind::<Text, _>(address)
                .bind::<BigInt, _>(ttl_ms)
                .bind::<BigInt, _>(int(leads))
                .get_result(connection)
        })?;
        let ours = row.node == self.node;
        let epoch = u64::try_from(row.epoch).map_err(unknown)?;
        let left_ms = u64::try_from(row.left_ms).unwrap_or(0);
        let leads = row.idlest_leads.and_then(|leads| u64::try_from(leads).ok());
        let idlest = row.idlest.zip(leads).map(|(node, leads)| Standby { node, leads });
        Ok(Tenure { epoch, ours, node: row.node, address: row.address, left_ms, idlest })
    }

    fn hand_over(&mut self, epoch: u64, node: &str) -> Result<bool, JournalError> {
        let (ledger, node, ttl_ms) = (self.reader.ledger().to_owned(), node.to_owned(), int(LEASE.get() / 1_000));
        self.ask(|connection| {
            diesel::select(lease_hand_over(ledger, int(epoch), node, ttl_ms)).get_result::<bool>(connection)
        })
    }

    fn release_lease(&mut self, epoch: u64) -> Result<(), JournalError> {
        let ledger = self.reader.ledger().to_owned();
        self.ask(|connection| diesel::select(lease_release(ledger, int(epoch))).get_result::<bool>(connection))
            .map(drop)
    }

    fn journal(&mut self, epoch: u64) -> Result<Box<dyn Journal>, JournalError> {
        let journal = PostgresJournal::open(&self.postgres, Arc::clone(&self.reader), epoch).map_err(unknown)?;
        Ok(Box::new(journal))
    }

    fn reader(&self) -> Arc<dyn LedgerReader> {
        Arc::<PostgresReader>::clone(&self.reader)
    }
}

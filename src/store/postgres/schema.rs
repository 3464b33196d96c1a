//! The ledgers' tables of `migrations/postgres`, as diesel sees them.

#![expect(clippy::too_many_arguments, reason = "a commit is one call")]

use diesel::sql_types::*;

diesel::table! {
    entry (ledger, seq) {
        ledger -> Text,
        seq -> BigInt,
        leaf -> Binary,
        payload -> Nullable<Binary>,
    }
}

diesel::table! {
    tile (ledger, level, idx) {
        ledger -> Text,
        level -> BigInt,
        idx -> BigInt,
        bytes -> Binary,
    }
}

diesel::table! {
    head (ledger) {
        ledger -> Text,
        epoch -> BigInt,
        size -> BigInt,
        root -> Binary,
        time -> BigInt,
        leaf -> Binary,
    }
}

diesel::table! {
    snapshot (ledger, size) {
        ledger -> Text,
        size -> BigInt,
        bytes -> Binary,
    }
}

diesel::table! {
    checkpoint (ledger, size) {
        ledger -> Text,
        size -> BigInt,
        note -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    alive (ledger) {
        ledger -> Text,
        at -> BigInt,
    }
}

diesel::define_sql_function! {
    /// One commit; whether it was made. See the migration.
    fn ledger_append(
        ledger: Text, epoch: BigInt, before: BigInt,
        leaves: Array<Binary>, payloads: Array<Binary>,
        tile_levels: Array<BigInt>, tile_idxs: Array<BigInt>, tile_bytes: Array<Binary>,
        keys: Array<Binary>, bodies: Array<Binary>, firsts: Array<BigInt>, counts: Array<BigInt>, ats: Array<BigInt>,
        rules: Array<Nullable<Text>>,
        root: Binary, time: BigInt, leaf: Binary,
    ) -> Bool;
}

diesel::define_sql_function! {
    /// Whether the lease was still the epoch's.
    fn lease_release(ledger: Text, epoch: BigInt) -> Bool;
}

diesel::define_sql_function! {
    /// Whether the lease was still the epoch's, and the node lives.
    fn lease_hand_over(ledger: Text, epoch: BigInt, node: Text, ttl_ms: BigInt) -> Bool;
}

diesel::define_sql_function! {
    /// Whether there was a payload to erase.
    fn ledger_erase(ledger: Text, seq: BigInt, actor: Text, reason: Text) -> Bool;
}

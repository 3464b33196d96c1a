//! The tables of `migrations/sqlite/ledger`, as diesel sees them.

diesel::table! {
    entry (seq) {
        seq -> BigInt,
        leaf -> Binary,
        payload -> Nullable<Binary>,
    }
}

diesel::table! {
    tile (level, idx) {
        level -> BigInt,
        idx -> BigInt,
        bytes -> Binary,
    }
}

diesel::table! {
    head (only) {
        only -> BigInt,
        size -> BigInt,
        root -> Binary,
        time -> BigInt,
        leaf -> Binary,
    }
}

diesel::table! {
    outcome (key) {
        key -> Binary,
        body -> Binary,
        first -> BigInt,
        count -> BigInt,
        at -> BigInt,
        rule -> Nullable<Text>,
    }
}

diesel::table! {
    snapshot (size) {
        size -> BigInt,
        bytes -> Binary,
    }
}

diesel::table! {
    checkpoint (size) {
        size -> BigInt,
        note -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    alive (only) {
        only -> BigInt,
        at -> BigInt,
    }
}

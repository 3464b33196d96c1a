//! The tables of `migrations/sqlite/platform`, as diesel sees them.

diesel::table! {
    organisation (id) {
        id -> Text,
        kind -> Text,
        name -> Text,
        credit_code -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    account (id) {
        id -> Text,
        login -> Text,
        name -> Text,
        role -> Text,
        organisation -> Nullable<Text>,
        password -> Nullable<Text>,
        totp_secret -> Nullable<Binary>,
        totp_pending -> Nullable<Binary>,
        totp_step -> BigInt,
        activation -> Nullable<Binary>,
        activation_until -> BigInt,
        created_at -> BigInt,
        disabled_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    session (id) {
        id -> Text,
        token_hash -> Binary,
        account -> Text,
        network -> Text,
        opened_at -> BigInt,
        seen_at -> BigInt,
        reauth_at -> BigInt,
    }
}

diesel::table! {
    ticket (hash) {
        hash -> Binary,
        session -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    identity_key (id) {
        id -> Text,
        account -> Text,
        public_key -> Binary,
        valid_from -> BigInt,
        valid_until -> Nullable<BigInt>,
    }
}

diesel::table! {
    sign_in_failure (subject, network) {
        subject -> Binary,
        network -> Text,
        failures -> BigInt,
        last_at -> BigInt,
    }
}

diesel::table! {
    known_network (account, network) {
        account -> Text,
        network -> Text,
        last_at -> BigInt,
    }
}

diesel::table! {
    review_case (id) {
        id -> Text,
        reviewer -> Text,
        lot -> Text,
        reason -> Text,
        opened_at -> BigInt,
        closed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    security_event (id) {
        id -> BigInt,
        at -> BigInt,
        kind -> Text,
        actor -> Nullable<Text>,
        subject -> Nullable<Text>,
        network -> Text,
        detail -> Text,
    }
}

diesel::table! {
    rate_limit (what, subject) {
        what -> Text,
        subject -> Text,
        full_at -> BigInt,
    }
}

diesel::table! {
    follower (ledger) {
        ledger -> Text,
        next_seq -> BigInt,
    }
}

diesel::table! {
    entry_index (ledger, seq) {
        ledger -> Text,
        seq -> BigInt,
        at -> BigInt,
        kind -> Text,
        subject -> Text,
    }
}

diesel::table! {
    lot_view (lot) {
        lot -> Text,
        ledger -> Text,
        project -> Text,
        code -> Text,
        category -> Text,
        method -> Text,
        phase -> Text,
        suspended -> Bool,
        title -> Text,
        owner -> Text,
        owner_name -> Text,
        place -> Text,
        estimate -> BigInt,
        start -> BigInt,
        price -> Nullable<BigInt>,
        bids -> BigInt,
        refused -> BigInt,
        noticed_at -> BigInt,
        opens_at -> BigInt,
        next_at -> Nullable<BigInt>,
        closed_at -> Nullable<BigInt>,
        awarded_at -> Nullable<BigInt>,
        awarded -> Nullable<BigInt>,
    }
}

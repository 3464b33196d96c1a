//! The tables of cameras and footage, as diesel sees them.

diesel::table! {
    room (id) {
        id -> Text,
        name -> Text,
        place -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    camera (id) {
        id -> Text,
        room -> Text,
        name -> Text,
        source -> Text,
        address -> Text,
        credentials -> Nullable<Binary>,
        retention -> Text,
        created_at -> BigInt,
        retired_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    room_booking (id) {
        id -> Text,
        room -> Text,
        lot -> Text,
        starts_at -> BigInt,
        ends_at -> BigInt,
        created_at -> BigInt,
        cancelled_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    viewing (id) {
        id -> Text,
        account -> Text,
        camera -> Text,
        clip -> Nullable<Text>,
        starts_at -> BigInt,
        ends_at -> BigInt,
        expires_at -> BigInt,
        seq -> BigInt,
    }
}

diesel::table! {
    media_stretch (ledger, run, first) {
        ledger -> Text,
        seq -> BigInt,
        camera -> Text,
        run -> Text,
        first -> BigInt,
        count -> BigInt,
        starts_at -> BigInt,
        ends_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    media_gap (ledger, seq, camera, starts_at) {
        ledger -> Text,
        seq -> BigInt,
        camera -> Text,
        starts_at -> BigInt,
        ends_at -> BigInt,
        cause -> Text,
    }
}

diesel::table! {
    clip (id) {
        id -> Text,
        ledger -> Text,
        camera -> Text,
        room -> Text,
        lot -> Text,
        about -> BigInt,
        about_kind -> Text,
        starts_at -> BigInt,
        ends_at -> BigInt,
        status -> Text,
        seq -> Nullable<BigInt>,
        keep_until -> BigInt,
    }
}

diesel::table! {
    camera_alarm (ledger, seq) {
        ledger -> Text,
        seq -> BigInt,
        camera -> Text,
        kind -> Text,
        raised_at -> BigInt,
        cleared_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    footage_hold (id) {
        id -> Text,
        ledger -> Text,
        camera -> Text,
        starts_at -> BigInt,
        ends_at -> BigInt,
        lifted_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    recorder (name) {
        name -> Text,
        holder -> Text,
        seen_at -> BigInt,
    }
}

diesel::table! {
    camera_report (camera) {
        camera -> Text,
        recorder -> Text,
        seen_at -> BigInt,
        body -> Text,
    }
}

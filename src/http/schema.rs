//! How the types of `base` and `engine` look in the OpenAPI document. They are described here, beside the only room that
//! needs it, so that the rules know nothing of HTTP.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::base::{Code, Fen, Hash, Id, Jwk, Micros, Span};
use crate::engine::event::{Failure, Hold, Standing};
use crate::engine::rules::{Category, Document, ListingRules, Method, PriceRules, Reserve, Rules, Rung, Timetable};
use crate::engine::state::{Deposit, Phase, Stage};

fn text(description: &str, pattern: Option<&str>, example: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .pattern(pattern)
        .examples([serde_json::Value::from(example)])
        .into()
}

macro_rules! texts {
    ($($ty:ty: $description:literal $pattern:expr, $example:literal;)*) => { $(
        impl PartialSchema for $ty {
            fn schema() -> RefOr<Schema> { text($description, $pattern, $example) }
        }
        impl ToSchema for $ty {}
    )* };
}

texts! {
    Fen: "Whole 分 (1/100 yuan), or whole units on a rung past the price." Some("^(0|[1-9][0-9]*)$"), "123450000";
    Micros: "RFC 3339, UTC, six digits after the second." None, "2026-11-23T04:05:06.123456Z";
    Hash: "SHA-256 in standard base64." None, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    Id: "A ULID." Some("^[0-7][0-9A-HJKMNP-TV-Z]{25}$"), "01JD9Z5T8Q3W6V2K4M7N0P1R2S";
    Code: "A stable code; see the table of codes." None, "step_not_met";
}

impl PartialSchema for Span {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Integer).description(Some("A length of time in microseconds.")).into()
    }
}
impl ToSchema for Span {}

fn names<const N: usize>(names: [&str; N]) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).into()
}

macro_rules! enums {
    ($($ty:ty: $($name:literal)*;)*) => { $(
        impl PartialSchema for $ty {
            fn schema() -> RefOr<Schema> { names([$($name),*]) }
        }
        impl ToSchema for $ty {}
    )* };
}

enums! {
    Category: "A" "B" "C" "D";
    Phase: "noticed" "sign_up" "waiting" "running" "disclosing" "ranked" "publicity" "awarded" "contracted" "archived" "failed" "terminated";
    Stage: "free" "confirming" "timed";
    Failure: "too_few_bidders" "no_bids" "reserve_not_met" "winner_withdrew";
    Deposit: "not_asked" "awaited" "held" "returned" "forfeited";
}

macro_rules! objects {
    ($($ty:ty { $($field:literal $fty:ty $(, $optional:ident)?;)* })*) => { $(
        impl PartialSchema for $ty {
            fn schema() -> RefOr<Schema> {
                let mut object = ObjectBuilder::new();
                $(
                    object = object.property($field, <$fty as PartialSchema>::schema());
                    objects!(@required object $field $($optional)?);
                )*
                object.into()
            }
        }
        impl ToSchema for $ty {}
    )* };
    (@required $object:ident $field:literal) => { $object = $object.required($field); };
    (@required $object:ident $field:literal optional) => {};
}

objects! {
    Jwk { "crv" String; "kty" String; "x" String; }
    Timetable { "sign_up_opens" Micros; "sign_up_closes" Micros; "deposit_due" Micros; "auction_opens" Micros; }
    Reserve { "commitment" Hash; "disclosure" Span; }
    Rung {
        "name" String; "unit" String; "start" Fen; "step" Fen; "max_steps" u32; "limit" Fen, optional; "window" Span;
    }
    PriceRules { "start" Fen; "step" Fen; "max_steps" u32; "free" Span; "window" Span; }
    ListingRules { "start" Fen; "step" Fen; "max_steps" u32; "quoting" Span; "confirm" Span; "window" Span; }
    Standing { "number" u32; "amount" Fen; "rung" u32; }
    Document { "name" String; "sha256" Hash; "bytes" u64; }
    Rules {
        "method" Method; "min_bidders" u32; "deposit" Fen; "timetable" Timetable;
        "reserve" Reserve, optional; "priority" ListOf<String>, optional; "cap" Fen, optional; "ladder" ListOf<Rung>, optional;
    }
}

/// Why a clock stands still; `id` for a supervisor's order, and of the objection that waits or is complained of.
impl PartialSchema for Hold {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .property("by", names(["office", "order", "outage", "objection", "complaint"]))
            .required("by")
            .property("id", Id::schema())
            .into()
    }
}
impl ToSchema for Hold {}

/// The method's parameters, with its name beside them.
impl PartialSchema for Method {
    fn schema() -> RefOr<Schema> {
        let named = |name: &str, rules: RefOr<Schema>| {
            let RefOr::T(Schema::Object(mut object)) = rules else { return rules };
            object.properties.insert("name".into(), names([name]));
            object.required.push("name".into());
            object.into()
        };
        OneOfBuilder::new()
            .item(named("ascending", PriceRules::schema()))
            .item(named("descending", PriceRules::schema()))
            .item(named("listing", ListingRules::schema()))
            .into()
    }
}
impl ToSchema for Method {}

/// A list of what is described here.
struct ListOf<T>(std::marker::PhantomData<T>);

impl<T: PartialSchema> PartialSchema for ListOf<T> {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(T::schema()).into()
    }
}

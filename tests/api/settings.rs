//! What the law leaves to the city: read by administrators, changed by one of them, in the ledger, and binding at once.

use mingjian::base::Code;
use serde_json::{Value, json};

use crate::world::World;

/// The settings with which a world starts.
pub fn defaults() -> Value {
    json!({
        "code_format": "C999999-YYYY-99999-#",
        "periods": {
            "land_notice_days": 20, "land_publicity_days": 3, "land_deposit_percent": 50,
            "property_notice_days": 10, "property_publicity_days": 3, "property_deposit_percent": 30,
        },
        "free": [],
        "worked": [],
    })
}

#[test]
fn a_changed_setting_is_an_entry_and_binds_the_next_notice() {
    let world = World::start();
    let admin = world.person("system_admin");
    assert_eq!(admin.get("/api/v1/settings").ok(), defaults());
    let mut changed = defaults();
    changed["periods"]["property_notice_days"] = json!(15);
    changed["free"] = json!(["2026-10-01"]);
    let put = |body: &Value| admin.send("PUT", "/api/v1/settings", Some(body));
    let seq = put(&changed).ok()["seq"].as_u64().unwrap();
    let entry = world.payload(seq);
    assert_eq!(entry.kind, "platform.configured");
    assert!(entry.actor.starts_with("administrator/"));
    assert_eq!(admin.get("/api/v1/settings").ok(), changed);
    let bounds = world.public().get("/api/v1/legal-bounds").ok();
    let property = bounds.as_array().unwrap().iter().find(|bound| bound["category"] == "C").unwrap();
    assert_eq!(property["notice_days_min"]["value"], 15);

    for (field, value) in [
        ("free", json!(["2026-13-01"])),
        ("free", json!(["1 October"])),
        ("worked", json!(vec!["2026-10-10"; 401])),
        ("code_format", json!("no check character")),
    ] {
        let mut bad = defaults();
        bad[field] = value;
        assert_eq!(put(&bad).code(), Code::InvalidField, "{field}");
    }
    let mut bad = defaults();
    bad["periods"]["land_deposit_percent"] = json!(101);
    assert_eq!(put(&bad).code(), Code::InvalidField);
    assert_eq!(admin.get("/api/v1/settings").ok(), changed, "what is refused changes nothing");
}

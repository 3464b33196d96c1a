//! The review desk's case file: for a reviewer with a case on the lot, and it holds without us.

use std::io::Cursor;

use mingjian::base::Code;
use mingjian::review::case::{CaseReader, verify};
use mingjian::review::{InSequence, Options, Trust};
use serde_json::json;

use crate::hall::Hall;
use crate::world::World;

#[test]
fn a_reviewer_with_a_case_gets_a_file_that_holds() {
    let world = World::start();
    let hall = Hall::open(&world, 2);
    hall.bid(0, 0).ok();
    assert_eq!(hall.bid(1, 0).status, 409, "not better: refused, and on record");
    let path = format!("/api/v1/lots/{}/case-file", hall.lot);
    let reviewer = world.person("reviewer");
    assert_eq!(reviewer.get(&path).code(), Code::Forbidden, "no case yet");
    reviewer.post("/api/v1/cases", json!({ "lot": hall.lot, "reason": "群众举报" })).ok();
    assert_eq!(world.person("other_reviewer").get(&path).code(), Code::Forbidden);
    assert_eq!(world.public().get(&path).code(), Code::NotSignedIn);

    // Footage is not taken along without saying why, nor by those who have no case.
    let unsaid = reviewer.post(&path, json!({ "reason": "  " }));
    assert_eq!(unsaid.code(), Code::ReasonMissing);
    let another = world.person("other_reviewer").post(&path, json!({ "reason": "核查" }));
    assert_eq!(another.code(), Code::Forbidden);
    assert_eq!(reviewer.post(&path, json!({ "reason": "核查" })).header("content-type"), "application/zip");

    let file = reviewer.get(&path);
    assert_eq!((file.status, file.header("content-type")), (200, "application/zip"));
    assert_eq!(file.header("cache-control"), "no-store");
    let mut case = CaseReader::open(Cursor::new(file.body.as_slice())).unwrap();
    let manifest = case.manifest().clone();
    assert_eq!((manifest.lot, manifest.reader.as_str()), (hall.lot, "reviewer"));
    assert!(manifest.missing.withheld > 0, "who takes part stays hidden while the auction runs");
    let trust = Trust { policy: Some(world.policy()), ..Trust::default() };
    let report = verify(&mut case, &trust, Options::default(), &InSequence, |_, _| {}).unwrap();
    assert_eq!((report.exit_code(), report.receipts), (0, 2), "{:?}", report.faults);
    assert!(!String::from_utf8_lossy(&file.body).contains("明江甲置业有限公司"));

    let events = world.person("audit_admin").get("/api/v1/security-events").ok().to_string();
    assert_eq!(events.matches("case_exported").count(), 2, "{events}");
}

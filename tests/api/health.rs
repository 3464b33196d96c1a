//! For those who run the machine.

use serde_json::json;

use crate::hall::Hall;
use crate::world::World;

#[test]
fn alive_ready_and_measured() {
    let world = World::start();
    let public = world.public();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(public.get(path).ok(), json!({ "status": "ok" }));
    }
    let hall = Hall::open(&world, 2);
    hall.bid(0, 0).ok();
    let page = public.get("/metrics");
    assert_eq!(page.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let value = |name: &str| {
        let line = page.text().lines().find(|line| line.split(' ').next() == Some(name)).expect(name);
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(value("mingjian_ledger_entries"), world.size());
    assert_eq!(value("mingjian_ledger_running"), 1);
    assert_eq!(value("mingjian_viewers"), 0);
    assert!(value("mingjian_timers_total") >= 3, "sign-up opened and closed, the auction opened");
    assert_eq!(value("mingjian_batch_entries_count"), value("mingjian_commit_duration_seconds_count"));
    for line in page.text().lines().filter(|line| !line.starts_with('#')) {
        let (name, number) = line.rsplit_once(' ').unwrap();
        assert!(
            (name.starts_with("mingjian_") || name.starts_with("process_")) && number.parse::<f64>().is_ok(),
            "{line}"
        );
    }

    // Alive, but no longer ready: whoever balances the load sends requests elsewhere.
    world.desk.sequencer.shutdown();
    assert_eq!(public.get("/healthz").status, 200);
    assert_eq!(public.get("/readyz").status, 503);
    let late = hall.bid(1, 1);
    assert_eq!(late.code(), mingjian::base::Code::ShuttingDown);
    assert_eq!(late.header("retry-after"), "1");
}

#[test]
fn every_answer_carries_the_security_headers() {
    let world = World::start();
    for path in ["/healthz", "/", "/api/v1/lots", "/api/v1/nowhere", "/ledger/main/checkpoint"] {
        let answer = world.public().get(path);
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert!(!answer.header("content-security-policy").contains("unsafe-inline"), "{path}");
    }
}

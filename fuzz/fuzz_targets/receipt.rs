//! Receipt files, read and checked under a real key: none may panic, and none that was changed may hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mingjian::ledger::Policy;
use mingjian::review::receipt::{Receipt, Verdict, check};

const KEY: &str = "ledger.mingjiang.example/trade+d4f436e3+AT9iCn4SmL+UrNVOVMsjeSQg50lDEEh0cLGWNlUiDXo5";

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(receipt) = Receipt::parse(text) else { return };
    let policy = Policy::log_only(KEY.parse().unwrap()).unwrap();
    if let Ok(report) = check(&receipt, &policy, None) {
        assert_eq!(report.exit_code() == 0, report.verdict == Verdict::Included && report.faults.is_empty());
    }
});

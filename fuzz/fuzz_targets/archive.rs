//! Bundles and case files: opened, listed, and verified as far as they go. None may panic, or unpack beyond its limits.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use mingjian::review::bundle::BundleReader;
use mingjian::review::case::{self, CaseReader};
use mingjian::review::{InSequence, Options, Trust, verify};

fuzz_target!(|data: &[u8]| {
    let options = Options { signatures: true, replay: true };
    if CaseReader::is_case(Cursor::new(data)) {
        if let Ok(mut case) = CaseReader::open(Cursor::new(data)) {
            let _ = case::verify(&mut case, &Trust::default(), options, &InSequence, |_, _| {});
        }
    } else if let Ok(mut bundle) = BundleReader::open(Cursor::new(data)) {
        let _ = verify(&mut bundle, &Trust::default(), options, &InSequence, |_, _| {});
    }
});

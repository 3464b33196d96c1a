//! RFC 3161 timestamps, read and checked under a real certificate: none may panic, and only the one that was given for the
//! text holds. The first byte chooses: a whole answer of an authority, or a bare token.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mingjian::base::Micros;
use mingjian::ledger::token::{Certificate, answered, certificates_of, time_of};

const TEXT: &[u8] = include_bytes!("../seeds/stamped.txt");
static CERTIFICATE: LazyLock<Certificate> =
    LazyLock::new(|| certificates_of(include_bytes!("../seeds/authority.pem")).unwrap().swap_remove(0));
/// When the authority says that it was shown the text: what the signature covers cannot change, what lies beside it may.
static AT: LazyLock<Micros> =
    LazyLock::new(|| time_of(include_bytes!("../seeds/stamped.tst"), TEXT, &CERTIFICATE).unwrap());

fuzz_target!(|data: &[u8]| {
    let Some((which, input)) = data.split_first() else { return };
    let held = match which % 2 {
        0 => answered(input, TEXT, *b"\x01\x02\x03\x04\x05\x06\x07\x08", &CERTIFICATE).map(|(_, at)| at),
        _ => time_of(input, TEXT, &CERTIFICATE),
    };
    if let Ok(at) = held {
        assert_eq!(at, *AT);
    }
});

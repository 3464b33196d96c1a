//! The one signature rule on published edge cases.

use mingjian::ledger::PublicKey;
use serde_json::Value;

fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2));
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// What the rule says; a key or signature of another length is refused before it, by type.
fn holds(key: &str, message: &str, signature: &str) -> bool {
    let (Ok(key), Ok(signature)) = (unhex(key).try_into(), unhex(signature).try_into()) else { return false };
    PublicKey::from_bytes(&key).is_ok_and(|key| key.verify(&unhex(message), &signature).is_ok())
}

#[test]
fn speccheck() {
    let expected = [
        (false, "S = 0, A and R of small order"),
        (false, "S = 0, A and R of small order, k not a multiple of 8"),
        (false, "A of small order, R mixed"),
        (false, "A of small order, R mixed, k not a multiple of 8"),
        (false, "A mixed, R of small order"),
        (false, "A mixed, R of small order, holds only with the cofactor"),
        (true, "A and R mixed, holds without the cofactor"),
        (false, "A and R mixed, holds only with the cofactor"),
        (false, "holds only with the cofactor and without reducing 8k first"),
        (false, "S above the group order"),
        (false, "S far above the group order"),
        (false, "R not canonical, hashed reduced"),
        (false, "R not canonical, hashed as it is"),
        (false, "A not canonical, hashed reduced"),
        (false, "A not canonical, hashed as it is"),
    ];
    let cases: Vec<Value> = serde_json::from_str(include_str!("../vectors/speccheck-ed25519.json")).unwrap();
    assert_eq!(cases.len(), expected.len());
    for (case, (verdict, what)) in cases.iter().zip(expected) {
        let field = |name: &str| case[name].as_str().unwrap();
        assert_eq!(holds(field("pub_key"), field("message"), field("signature")), verdict, "{what}");
    }
}

#[test]
fn wycheproof() {
    let file: Value = serde_json::from_str(include_str!("../vectors/wycheproof-ed25519.json")).unwrap();
    let mut count = 0;
    for group in file["testGroups"].as_array().unwrap() {
        let key = group["publicKey"]["pk"].as_str().unwrap();
        for test in group["tests"].as_array().unwrap() {
            let verdict = match test["result"].as_str().unwrap() {
                "valid" => true,
                "invalid" => false,
                other => panic!("unexpected verdict {other}"),
            };
            let field = |name: &str| test[name].as_str().unwrap();
            assert_eq!(holds(key, field("msg"), field("sig")), verdict, "tcId {}", test["tcId"]);
            count += 1;
        }
    }
    assert_eq!(count, file["numberOfTests"].as_u64().unwrap());
}

/// All 14 encodings that decoders take for one of the eight points of small order.
#[test]
fn small_order_keys_are_refused() {
    const EIGHTH: &str = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc";
    const MINUS_EIGHTH: &str = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03";
    let (zeros, ones) = ("00".repeat(30), "ff".repeat(30));
    let keys = [
        format!("01{zeros}00"),
        format!("01{zeros}80"),
        format!("00{zeros}00"),
        format!("00{zeros}80"),
        format!("ec{ones}7f"),
        format!("ec{ones}ff"),
        format!("ed{ones}7f"),
        format!("ed{ones}ff"),
        format!("ee{ones}7f"),
        format!("ee{ones}ff"),
        format!("{EIGHTH}05"),
        format!("{EIGHTH}85"),
        format!("{MINUS_EIGHTH}7a"),
        format!("{MINUS_EIGHTH}fa"),
    ];
    for key in keys {
        assert!(PublicKey::from_bytes(&unhex(&key).try_into().unwrap()).is_err(), "{key}");
    }
}

/// y + p for every y that still fits 255 bits: half of them are points, none is its canonical spelling.
#[test]
fn keys_have_one_spelling() {
    for y in 0..19u8 {
        for sign in [0x7f, 0xff] {
            let mut key = [0xff; 32];
            (key[0], key[31]) = (0xed + y, sign);
            assert!(PublicKey::from_bytes(&key).is_err(), "p + {y}");
        }
    }
}

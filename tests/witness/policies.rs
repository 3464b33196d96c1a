//! C2SP tlog-policy: what is read, what is refused, and when a quorum is met.

use std::fmt::Write as _;

use mingjian::ledger::note::SignatureType;
use mingjian::ledger::{Policy, PolicyText, SeedSigner, Signer as _, VerifierKey};

use crate::log::key;

fn witness(n: u8) -> VerifierKey {
    let public = SeedSigner::new(&[n; 32]).public();
    VerifierKey::new(&format!("w.example/{n}"), SignatureType::Cosignature, public).unwrap()
}

/// The specification's example: two of three X and any of three Y.
fn example() -> String {
    let mut text = format!("# 见证策略\n\nlog {}\n", key());
    for (n, name) in (1..).zip(["X1", "X2", "X3", "Y1", "Y2", "行政监督局"]) {
        writeln!(text, "  witness\t{name}  {} https://w{n}.example/ ", witness(n)).unwrap();
    }
    text + "group X-witnesses 2 X1 X2 X3\ngroup Y-witnesses any Y1 Y2 行政监督局\n\
            group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n"
}

#[test]
fn the_quorum_of_groups() {
    let text: PolicyText = example().parse().unwrap();
    assert_eq!(text.to_string(), example());
    assert_eq!((text.logs.len(), text.witnesses.len(), text.quorum.least()), (1, 6, 3));
    assert_eq!(text.witnesses[5].name, "行政监督局");
    assert_eq!(text.witnesses[5].url.as_deref(), Some("https://w6.example/"));
    for set in 0u32..64 {
        let has = |place: usize| set >> place & 1 == 1;
        let expected = (0..3).filter(|p| has(*p)).count() >= 2 && (3..6).any(has);
        assert_eq!(text.quorum.is_met(&has), expected, "{set:06b}");
    }
    // Leaf 0 may hold the text itself, over its own witnesses only.
    let keys: Vec<VerifierKey> = (1..=6).map(witness).collect();
    assert_eq!(Policy::named(key(), keys.clone(), &example()), Policy::of(key(), &text));
    assert!(Policy::named(key(), keys[..5].to_vec(), &example()).is_err());
}

#[test]
fn what_is_no_policy_is_refused_with_its_line() {
    let (one, two) = (witness(1), witness(2));
    let start = format!("witness a {one}\nwitness b {two}\n");
    for (line, bad) in [
        (0, String::new()),
        (0, start.clone()),
        (3, start.clone() + "quorum c\n"),
        (4, start.clone() + "quorum a\nquorum b\n"),
        (3, start.clone() + "group g 3 a b\nquorum g\n"),
        (3, start.clone() + "group g 0 a b\nquorum g\n"),
        (3, start.clone() + "group g 01 a b\nquorum g\n"),
        (3, start.clone() + "group g any\nquorum g\n"),
        (3, start.clone() + "group g any a a\nquorum g\n"),
        (4, start.clone() + "group g any a\ngroup h any a b\nquorum h\n"),
        (3, start.clone() + "group g any none\nquorum g\n"),
        (3, start.clone() + "group a any b\nquorum a\n"),
        (3, start.clone() + "group g any g\nquorum g\n"),
        (3, start.clone() + &format!("witness c {one}\nquorum none\n")),
        (3, start.clone() + &format!("witness none {}\nquorum none\n", witness(3))),
        (3, start.clone() + &format!("witness c {}\nquorum none\n", key())),
        (1, format!("log {one}\nquorum none\n")),
        (2, format!("log {0}\nlog {0}\nquorum none\n", key())),
        (1, "quorum\u{b}none\n".into()),
        (1, "trust nobody\n".into()),
    ] {
        let error = bad.parse::<PolicyText>().unwrap_err();
        assert_eq!(error.line, line, "{bad}\n{error}");
    }
    // A quorum may name a group's member too.
    let policy: PolicyText = (start + "group g all a b\nquorum a").parse().unwrap();
    assert!(policy.quorum.is_met(&|place| place == 0) && !policy.quorum.is_met(&|place| place == 1));
    assert!("quorum none".parse::<PolicyText>().unwrap().quorum.is_met(&|_| false));
}

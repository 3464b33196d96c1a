//! A witness that looks by itself: forks, shrinking, silence, and the words of its page.

use mingjian::base::Span;
use mingjian::ledger::{Policy, SignedCheckpoint};
use mingjian::witness::{AlarmKind, Answer};

use crate::log::{Book, ORIGIN, ServedLog, Shown, key, log};
use crate::server::TestWitness;

fn open_alarms(witness: &TestWitness) -> Vec<AlarmKind> {
    let alarms = witness.watch.witness().book().alarms(ORIGIN, 10).unwrap();
    alarms.into_iter().filter(|alarm| alarm.ended.is_none()).map(|alarm| alarm.kind).collect()
}

fn watching(served: &ServedLog) -> TestWitness {
    TestWitness::of("w.example/1", vec![log(Some(served.url.clone()))])
}

#[test]
fn it_follows_a_log_that_only_grows() {
    let book = Book::of(70_000, u64::MAX);
    let served = ServedLog::start(Shown::of(&book, 3));
    let witness = watching(&served);
    for size in [3, 255, 256, 257, 600, 65_535, 65_536, 65_537, 70_000, 70_000] {
        served.show(Shown::of(&book, size));
        witness.watch.look_around();
        assert_eq!(witness.shown().text(), book.checkpoint(size).note().text());
        assert_eq!(witness.watch.sight(ORIGIN).trouble, None);
    }
    assert_eq!(open_alarms(&witness), []);
    let page = witness.get("");
    assert!(page.body.contains("正常") && page.body.contains("70000") && page.body.contains("In order"));
}

#[test]
fn a_fork_is_an_alarm_with_evidence() {
    let (one, other) = (Book::of(600, u64::MAX), Book::of(600, 250));
    for shown in [300, 290, 400] {
        let served = ServedLog::start(Shown::of(&one, 300));
        let witness = watching(&served);
        witness.watch.look_around();
        assert_eq!(open_alarms(&witness), []);
        // The same size, a smaller and a larger one: of another history.
        served.show(Shown::of(&other, shown));
        witness.watch.look_around();
        witness.watch.look_around();
        assert!(open_alarms(&witness).contains(&AlarmKind::Fork), "{shown}");
        // It stays with what it cosigned.
        assert_eq!(witness.shown().text(), one.checkpoint(300).note().text());
        let page = witness.get("");
        assert!(page.body.contains("警报") && page.body.contains("互相矛盾"));
        let hash = mingjian::http::witness::origin_hash(ORIGIN);
        let evidence = witness.get(&format!("{hash}/evidence")).body;
        for note in [one.checkpoint(300), other.checkpoint(shown)] {
            assert!(evidence.contains(&note.note().signatures()[0].to_string()), "{shown}");
            assert!(note.verify(&Policy::log_only(key()).unwrap()).is_ok());
        }
        // The log shows its first history again: that does not take the alarm away.
        served.show(Shown::of(&one, 310));
        witness.watch.look_around();
        assert!(open_alarms(&witness).contains(&AlarmKind::Fork));
    }
}

#[test]
fn a_checkpoint_handed_in_without_proof_is_asked_about() {
    let (one, other) = (Book::of(600, u64::MAX), Book::of(600, 250));
    let served = ServedLog::start(Shown::of(&one, 300));
    let witness = watching(&served);
    witness.watch.look_around();
    // Somebody sends the log's own newer checkpoint with rubbish: no alarm, the log can show that it grew.
    let mut request = one.request(300, 400);
    request.proof.clear();
    assert_eq!(witness.add(request.to_string()).status, 422);
    served.show(Shown::of(&one, 400));
    witness.watch.look_around();
    assert_eq!(open_alarms(&witness), []);
    // Somebody was shown another history and hands it in: the log cannot lead from the one to the other.
    let mut request = other.request(400, 500);
    request.proof.clear();
    assert_eq!(witness.add(request.to_string()).status, 422);
    served.show(Shown { checkpoint: one.checkpoint(500).to_string(), ..Shown::of(&one, 600) });
    witness.watch.look_around();
    assert_eq!(open_alarms(&witness), [AlarmKind::Fork]);
}

#[test]
fn shrinking_and_silence_are_alarms_that_end() {
    let book = Book::of(600, u64::MAX);
    let served = ServedLog::start(Shown::of(&book, 500));
    let witness = watching(&served);
    witness.watch.look_around();
    served.show(Shown::of(&book, 400));
    witness.watch.look_around();
    assert_eq!(open_alarms(&witness), [AlarmKind::Shrank]);
    assert!(witness.get("").body.contains("变短"));
    served.show(Shown::of(&book, 501));
    witness.watch.look_around();
    assert_eq!(open_alarms(&witness), []);

    // Cosigned first, shown later: that is how our own log works.
    let request = book.request(501, 550);
    assert!(matches!(witness.watch.witness().add_checkpoint(request.to_string().as_bytes()), Ok(Answer::Cosigned(_))));
    witness.watch.look_around();
    assert_eq!(open_alarms(&witness), []);
    // But not for ever.
    witness.clock.advance(Span::minutes(11));
    witness.watch.look_around();
    assert_eq!(open_alarms(&witness), [AlarmKind::Shrank]);
    served.show(Shown::of(&book, 550));
    witness.watch.look_around();
    assert_eq!(open_alarms(&witness), []);

    let unsigned = SignedCheckpoint::parse(&book.checkpoint(560).to_string()).unwrap();
    let unsigned = unsigned.to_string().replace("560", "561");
    served.show(Shown { checkpoint: unsigned, ..Shown::of(&book, 560) });
    witness.watch.look_around();
    assert_eq!(open_alarms(&witness), [], "one bad answer may be an accident");
    witness.clock.advance(Span::minutes(11));
    witness.watch.look_around();
    assert_eq!(open_alarms(&witness), [AlarmKind::Stale]);
    assert!(witness.get("").body.contains("很久没有"));
    served.show(Shown::of(&book, 570));
    witness.watch.look_around();
    assert_eq!(open_alarms(&witness), []);
}

/// Two views for two audiences: each witness cosigns only one of them, so neither gets the two cosignatures that the policy
/// wants, and each witness that looks at what the other was shown convicts the log.
#[test]
fn a_split_view_gets_no_quorum_of_two() {
    let (one, other) = (Book::of(600, u64::MAX), Book::of(600, 250));
    let (for_a, for_b) = (ServedLog::start(Shown::of(&one, 300)), ServedLog::start(Shown::of(&other, 300)));
    let (a, b) = (watching(&for_a), TestWitness::of("w.example/2", vec![log(Some(for_b.url.clone()))]));
    let policy = Policy::new(key(), vec![a.key(), b.key()], 2).unwrap();
    a.watch.look_around();
    b.watch.look_around();
    for (book, own, others) in [(&one, &a, &b), (&other, &b, &a)] {
        let mut signed = book.checkpoint(300);
        let reply = own.add(book.request(300, 300).to_string());
        assert_eq!(reply.status, 200);
        signed.add(mingjian::ledger::note::NoteSignature::parse(reply.body.trim_end()).unwrap()).unwrap();
        assert!(signed.verify(&Policy::new(key(), vec![own.key()], 1).unwrap()).is_ok());
        assert!(signed.verify(&policy).is_err(), "one cosignature is not two");
        let reply = others.add(book.request(300, 300).to_string());
        assert_eq!((reply.status, reply.body.as_str()), (409, "300\n"));
        assert!(open_alarms(others).contains(&AlarmKind::Fork), "and it knows why");
    }
}

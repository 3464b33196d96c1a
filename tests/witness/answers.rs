//! Every answer of `add-checkpoint`.

use std::sync::Barrier;

use mingjian::base::Hash;
use mingjian::ledger::note::{NoteSignature, SignatureType};
use mingjian::ledger::{AddCheckpoint, Note, SeedSigner, Signer as _, VerifierKey, cosignature};

use crate::log::{Book, ORIGIN, log, origin};
use crate::server::{MORNING, Reply, TestWitness};

const SIZE: &str = "text/x.tlog.size";

fn expect(reply: &Reply, status: u16, body: &str) {
    assert_eq!((reply.status, reply.body.as_str()), (status, body));
    assert_eq!(reply.kind.starts_with(SIZE), status == 409, "{}", reply.kind);
}

/// The cosignature in a 200, checked against the note that was handed in.
fn cosigned(witness: &TestWitness, request: &AddCheckpoint, reply: &Reply) -> u64 {
    assert_eq!(reply.status, 200, "{}", reply.body);
    let note = Note::parse(&format!("{}{}", request.note, reply.body)).unwrap();
    cosignature::verify(&note, &witness.key()).unwrap()
}

#[test]
fn the_table_of_answers() {
    let witness = TestWitness::start("w.example/1");
    let book = Book::of(600, u64::MAX);

    // 404 comes before 403: whose signature would it be?
    let unknown = book.request(0, 5);
    let unknown = unknown.to_string().replace(ORIGIN, "ledger.example/other");
    assert_eq!(witness.add(&unknown).status, 404);

    // 403: a stranger's signature, under the log's name too; a known key's that does not hold; none of a known key.
    let good = book.request(0, 5);
    let stranger = SeedSigner::new(&[7; 32]);
    let line = NoteSignature::sign(good.note.text(), ORIGIN, &stranger).unwrap();
    let own = good.note.signatures()[0].clone();
    let forged = NoteSignature { bytes: vec![1; 64], ..own.clone() };
    for lines in [vec![line.clone()], vec![forged.clone()], vec![own.clone(), forged]] {
        let note = Note::new(good.note.text().to_owned(), lines).unwrap();
        assert_eq!(witness.add(AddCheckpoint { note, ..good.clone() }.to_string()).status, 403);
    }

    // 409 with 0: nothing was cosigned yet, so only old 0 fits.
    expect(&witness.add(book.request(3, 5).to_string()), 409, "0\n");
    // 422: from 0 the proof is empty.
    assert_eq!(witness.add(AddCheckpoint { proof: vec![Hash::ZERO], ..good.clone() }.to_string()).status, 422);

    // 200, the stranger's line beside the log's own is passed over.
    let note = Note::new(good.note.text().to_owned(), vec![line, own]).unwrap();
    let reply = witness.add(AddCheckpoint { note, ..good.clone() }.to_string());
    assert_eq!(cosigned(&witness, &good, &reply), u64::try_from(MORNING / 1_000_000).unwrap());
    // It is shown with the log's line and ours, without the stranger's.
    let shown = witness.shown();
    assert_eq!((shown.text(), shown.signatures().len()), (good.note.text(), 2));
    assert!(cosignature::verify(&shown, &witness.key()).is_ok());

    // 409: the old size is not the newest.
    for old in [0, 3] {
        expect(&witness.add(book.request(old, 9).to_string()), 409, "5\n");
    }
    expect(&witness.add(book.request(6, 9).to_string()), 409, "5\n");
    // 400: the old size is above the new one.
    let above = AddCheckpoint { old: 6, ..book.request(5, 5) };
    assert_eq!(witness.add(above.to_string()).status, 400);

    // 422: wrong, short, long proofs; one of another history.
    let next = book.request(5, 9);
    let mut wrong = next.proof.clone();
    wrong[0].0[0] ^= 1;
    let long = [next.proof.clone(), vec![Hash::ZERO]].concat();
    for proof in [Vec::new(), wrong, long, next.proof[1..].to_vec()] {
        assert_eq!(witness.add(AddCheckpoint { proof, ..next.clone() }.to_string()).status, 422);
    }
    assert_eq!(witness.add(Book::of(600, 4).request(5, 9).to_string()).status, 422);

    // The same size again: cosigned again. The same size with another root: 409 and an alarm with both notes.
    let again = book.request(5, 5);
    cosigned(&witness, &again, &witness.add(again.to_string()));
    let fork = Book::of(600, 2).request(5, 5);
    expect(&witness.add(fork.to_string()), 409, "5\n");
    let alarms = witness.watch.witness().book().alarms(ORIGIN, 10).unwrap();
    assert_eq!((alarms.len(), alarms[0].kind.name()), (1, "fork"));
    assert_eq!(alarms[0].theirs, fork.note.to_string());
    assert!(alarms[0].ours.contains(&good.note.text().to_owned()));

    for (old, new) in [(5, 9), (9, 256), (256, 257), (257, 600)] {
        let request = book.request(old, new);
        cosigned(&witness, &request, &witness.add(request.to_string()));
    }
    assert_eq!(witness.shown().text(), book.checkpoint(600).note().text());
}

#[test]
fn what_is_no_request_is_400() {
    let witness = TestWitness::start("w.example/1");
    let good = Book::of(300, u64::MAX).request(0, 5).to_string();
    let hash = Hash::ZERO.to_string();
    for (why, bad) in [
        ("nothing", String::new()),
        ("no old line", good.replacen("old 0\n", "", 1)),
        ("leading zero", good.replacen("old 0", "old 00", 1)),
        ("a sign", good.replacen("old 0", "old +0", 1)),
        ("two spaces", good.replacen("old 0", "old  0", 1)),
        ("beyond 2^64", good.replacen("old 0", "old 18446744073709551616", 1)),
        ("carriage returns", good.replace('\n', "\r\n")),
        ("not base64", good.replacen("old 0\n", "old 0\n%%\n", 1)),
        ("a short hash", good.replacen("old 0\n", "old 0\nAAAA\n", 1)),
        ("64 hashes", good.replacen("old 0\n", &format!("old 0\n{}", format!("{hash}\n").repeat(64)), 1)),
        ("no checkpoint", "old 0\n\n".into()),
        ("a cut off note", good[..good.len() - 1].to_owned()),
        ("too large", good.clone() + &"— x AAAAAAAA\n".repeat(8_000)),
    ] {
        assert_eq!(witness.add(&bad).status, 400, "{why}");
    }
    assert_eq!(witness.add([0xff, 0xfe, b'\n', b'\n']).status, 400);
    // 63 hashes are read, and then do not hold.
    let most = good.replacen("old 0\n", &format!("old 0\n{}", format!("{hash}\n").repeat(63)), 1);
    assert_eq!(witness.add(most).status, 422);
    assert_eq!(witness.get("add-checkpoint").status, 404, "only POST");
    assert_eq!(witness.add(good).status, 200);
}

#[test]
fn other_peoples_logs_are_cosigned_too() {
    // Any line may be an origin, lines may follow the root, and a log may have several keys.
    let (old, new) = (SeedSigner::new(&[1; 32]), SeedSigner::new(&[2; 32]));
    let origin = "example.com/behind-the-sofa";
    let keys = [&old, &new].map(|s| VerifierKey::new(origin, SignatureType::Ed25519, s.public()).unwrap());
    let other = mingjian::witness::Log { origin: origin.into(), keys: keys.to_vec(), url: None };
    let witness = TestWitness::of("w.example/1", vec![log(None), other]);
    for (size, signer) in [(4u64, &old), (5, &new)] {
        let (book, before) = (Book::of(5, u64::MAX), size - 1);
        let before = if before == 3 { 0 } else { before };
        let text = format!("{origin}\n{size}\n{}\nsome extension\n", book.root(size));
        let line = NoteSignature::sign(&text, origin, signer).unwrap();
        let note = Note::new(text, vec![line]).unwrap();
        let request = AddCheckpoint {
            old: before,
            proof: book.consistency(before, size),
            head: note.text().parse().unwrap(),
            note,
        };
        cosigned(&witness, &request, &witness.add(request.to_string()));
    }
    // Each log has a record of its own.
    let ours = Book::of(5, u64::MAX).request(0, 2);
    cosigned(&witness, &ours, &witness.add(ours.to_string()));
    assert_eq!(&*crate::log::origin(), ORIGIN);
    assert_ne!(origin, &*crate::log::origin());
}

#[test]
fn of_requests_at_the_same_time_one_wins() {
    let witness = TestWitness::start("w.example/1");
    let book = Book::of(300, u64::MAX);
    let mut newest = 0;
    for round in 0..10u64 {
        // All continue the same checkpoint, to different sizes.
        let (old, barrier) = (newest, Barrier::new(8));
        let replies: Vec<(u64, Reply)> = std::thread::scope(|scope| {
            let ask = |size| {
                (size, {
                    barrier.wait();
                    witness.add(book.request(old, size).to_string())
                })
            };
            let sizes = (1..=8).map(|step| old + step);
            let threads: Vec<_> = sizes.map(|size| scope.spawn(move || ask(size))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let won: Vec<u64> = replies.iter().filter(|(_, reply)| reply.status == 200).map(|(size, _)| *size).collect();
        assert_eq!(won.len(), 1, "round {round}: {won:?}");
        newest = won[0];
        for (_, reply) in replies.iter().filter(|(_, reply)| reply.status != 200) {
            assert_eq!((reply.status, &reply.body), (409, &format!("{newest}\n")));
        }
        assert_eq!(witness.shown().text(), book.checkpoint(newest).note().text());
    }
    assert_eq!(&*origin(), ORIGIN);
}

//! Other people's readers and writers of the C2SP formats: `tlog_tiles` and `signed_note`.

use mingjian::base::Hash;
use mingjian::ledger::note::{Note, NoteError, NoteSignature};
use mingjian::ledger::tile::{TileKind, tile_bytes};
use mingjian::ledger::tree::{consistency_proof, inclusion_proof};
use mingjian::ledger::{Checkpoint, SignedCheckpoint, TilePath, leaf_hash};
use mingjian::review::History;
use signed_note::{StandardSigner, StandardVerifier, Verifier, VerifierList};

use crate::trees::{Journal, SIZES, entry};
use crate::vectors::{key, origin, policy, signer, text};

fn theirs(hash: Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(hash.0)
}

/// Their storage: all complete subtrees in one list, in their order.
#[derive(Default)]
struct Stored(Vec<tlog_tiles::Hash>);

impl tlog_tiles::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

#[test]
fn tiles_equal_those_of_tlog_tiles() {
    let mut stored = Stored::default();
    let mut grown = 0;
    for size in SIZES {
        for index in grown..size {
            let new = tlog_tiles::stored_hashes(index, &entry(index), &stored).unwrap();
            stored.0.extend(new);
        }
        grown = size;
        let journal = Journal::of(size);
        let root = tlog_tiles::tree_hash(size, &stored).unwrap();
        assert_eq!(root, theirs(journal.builder.frontier().root()));

        let mut full = 0;
        for tile in tlog_tiles::Tile::new_tiles(8, 0, size) {
            let expected = tile.read_data(&stored).unwrap();
            let path = TilePath {
                kind: TileKind::Hashes(tile.level()),
                index: tile.level_index(),
                width: u16::try_from(tile.width()).unwrap(),
            };
            // They spell the height 8 into the path, C2SP does not.
            assert_eq!(tile.path().replacen("tile/8/", "tile/", 1), path.to_string());
            let least = (path.index * 256 + u64::from(path.width)) << (8 * tile.level());
            assert!(path.exists_in(size) && path.exists_in(least) && !path.exists_in(least - 1), "{path}");
            if path.is_partial() {
                let (index, partial) = journal.builder.partial(tile.level()).unwrap();
                assert_eq!((index, tile_bytes(partial.hashes())), (path.index, expected), "{path} of {size}");
            } else {
                assert_eq!(journal.full[&(tile.level(), path.index)], expected, "{path} of {size}");
                full += 1;
            }
        }
        assert_eq!(journal.full.len(), full);
    }
}

/// Every leaf of every size, and every pair of sizes.
#[test]
fn tlog_tiles_takes_our_proofs() {
    let mut history = History::new();
    (0..70_000).for_each(|index| history.append(leaf_hash(&entry(index))));
    let root = |size| theirs(history.root_at(size).unwrap());
    let sizes = || SIZES.into_iter().filter(|size| *size > 0);
    let whole = |path: Vec<Hash>| path.into_iter().map(theirs).collect();
    for size in sizes() {
        for index in 0..size {
            let path = whole(inclusion_proof(&history, index, size).unwrap());
            let leaf = theirs(history.level(0)[usize::try_from(index).unwrap()]);
            tlog_tiles::check_record(&path, size, root(size), index, leaf).unwrap();
        }
        for old in sizes().filter(|old| *old <= size) {
            let path = whole(consistency_proof(&history, old, size).unwrap());
            tlog_tiles::check_tree(&path, size, root(size), old, root(old)).unwrap();
        }
    }
}

/// What they are given changed in one bit, whichever: they refuse it as we do.
#[test]
fn no_bit_of_a_proof_is_free_with_tlog_tiles() {
    let journal = Journal::of(600);
    let root = theirs(journal.builder.frontier().root());
    let path = inclusion_proof(&journal.reader(), 257, 600).unwrap();
    let leaf = leaf_hash(&entry(257));
    let flip = |hash: &mut Hash, bit: usize| hash.0[bit / 8] ^= 1 << (bit % 8);
    let taken = |path: &[Hash], leaf: Hash| {
        let path = path.iter().copied().map(theirs).collect();
        tlog_tiles::check_record(&path, 600, root, 257, theirs(leaf)).is_ok()
    };
    assert!(taken(&path, leaf));
    for bit in 0..256 {
        let mut bad = leaf;
        flip(&mut bad, bit);
        assert!(!taken(&path, bad));
        for at in 0..path.len() {
            let mut bad = path.clone();
            flip(&mut bad[at], bit);
            assert!(!taken(&bad, leaf), "bit {bit} of hash {at}");
        }
    }
    let old_root = theirs(Journal::of(257).builder.frontier().root());
    let path = consistency_proof(&journal.reader(), 257, 600).unwrap();
    let taken = |path: &[Hash]| {
        let path = path.iter().copied().map(theirs).collect();
        tlog_tiles::check_tree(&path, 600, root, 257, old_root).is_ok()
    };
    assert!(taken(&path));
    for (at, bit) in (0..path.len()).flat_map(|at| (0..256).map(move |bit| (at, bit))) {
        let mut bad = path.clone();
        flip(&mut bad[at], bit);
        assert!(!taken(&bad), "bit {bit} of hash {at}");
    }
}

#[test]
fn signed_note_takes_our_checkpoint() {
    let verifier = StandardVerifier::new(text("/keys/log/verifier_key")).unwrap();
    assert_eq!(verifier.key_id().to_be_bytes(), key("log").id());
    let known = VerifierList::new(vec![Box::new(verifier)]);
    let note = signed_note::Note::from_bytes(text("/checkpoint").as_bytes()).unwrap();
    let (verified, others) = note.verify(&known).unwrap();
    assert_eq!((verified.len(), others.len()), (1, 1));
    assert_eq!(note.to_bytes(), text("/checkpoint").as_bytes());

    let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size(), checkpoint.extension()), (&*origin(), 5, ""));
}

#[test]
fn we_take_the_note_of_signed_note() {
    let signer_key = {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let seed = Hash::of(text("/keys/log/seed_of").as_bytes());
        let id = u32::from_be_bytes(key("log").id());
        format!("PRIVATE+KEY+{}+{id:08x}+{}", origin(), STANDARD.encode([&[1][..], &seed.0].concat()))
    };
    let head = Checkpoint { origin: origin(), size: 0, root: mingjian::ledger::tree::empty_root() };
    let mut note = signed_note::Note::new(head.to_string().as_bytes(), &[]).unwrap();
    note.add_sigs(&[&StandardSigner::new(&signer_key).unwrap()]).unwrap();
    let note = String::from_utf8(note.to_bytes()).unwrap();
    assert_eq!(note, head.sign(&signer("log")).unwrap().to_string());
    let read = SignedCheckpoint::parse(&note).unwrap();
    assert!(read.verify(&policy()).is_err(), "the witness is missing");
    assert_eq!(read.note().verify(&key("log")), Ok(()));
}

#[test]
fn malformed_notes_are_refused_as_signed_note_refuses_them() {
    let good = text("/checkpoint");
    let line = good.lines().nth(4).unwrap();
    for bad in [
        String::new(),
        good.trim_end().to_owned(),
        good.replacen("\n\n", "\n", 1),
        good.replacen("— ", "- ", 1),
        good.replacen("— ", "—", 1),
        good.replacen(" 1PQ2", "  1PQ2", 1),
        good.replacen('5', "\t", 1),
        format!("{good}\n"),
        format!("{good}— x y\n"),
        format!("{good}— x AAAA\n"),
        format!("{good}— x+y AAAAAAAA\n"),
        format!("{good}{line}\r\n"),
    ] {
        assert!(Note::parse(&bad).is_err(), "{bad:?} must be refused");
        assert!(signed_note::Note::from_bytes(bad.as_bytes()).is_err() || bad.contains("AAAA\n"), "{bad:?}");
    }
}

#[test]
fn notes_keep_to_their_rules() {
    let good = Note::parse(text("/checkpoint")).unwrap();
    let log = good.signatures()[0].clone();
    // Lines of unknown keys are passed over, even under a known name.
    let stranger = NoteSignature { id: [0; 4], ..log.clone() };
    let with = |lines: Vec<NoteSignature>| Note::new(good.text().to_owned(), lines).unwrap().verify(&key("log"));
    assert_eq!(with(vec![stranger.clone(), log.clone()]), Ok(()));
    assert_eq!(with(vec![stranger.clone()]), Err(NoteError::Unsigned));
    // A line of a known key that does not hold refuses the note, beside a good one too.
    let forged = NoteSignature { bytes: vec![7; 64], ..log.clone() };
    assert_eq!(with(vec![log.clone(), forged.clone()]), Err(NoteError::BadSignature));
    assert_eq!(with(vec![forged]), Err(NoteError::BadSignature));
    // One key does not stand for another type.
    assert_eq!(good.verify(&key("witness")), Err(NoteError::Unsigned));
    let many = vec![stranger; mingjian::base::limits::NOTE_SIGNATURES_MAX];
    assert!(Note::new(good.text().to_owned(), many.clone()).is_ok());
    assert_eq!(Note::new(good.text().to_owned(), [many, vec![log]].concat()), Err(NoteError::TooLarge));
}

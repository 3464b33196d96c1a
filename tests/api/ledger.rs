//! The ledger as strangers read it: everything is fetched over HTTP and checked from its bytes alone.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use mingjian::base::{Code, Hash};
use mingjian::desk::Stored;
use mingjian::ledger::tile::{TILE_WIDTH, decode_bundle, tile_hashes};
use mingjian::ledger::tree::{Frontier, verify_consistency, verify_inclusion};
use mingjian::ledger::{Chain, Origin, Proof, leaf_hash};
use mingjian::review::{Missing, Source as _};
use mingjian::sequencer::{Record, Submission};
use serde_json::json;

use crate::client::Answer;
use crate::hall::Hall;
use crate::world::{ORIGIN, World};

const FOR_EVER: &str = "public, max-age=31536000, immutable";

fn fetch(world: &World, rest: &str) -> Answer {
    world.public().get(&format!("/ledger/main/{rest}"))
}

/// Fills the ledger up to `size` with entries that mean nothing.
fn fill(world: &World, size: u64) {
    let missing = size - world.size();
    let record = |n: u64| Record {
        kind: "test.filled".into(),
        subject: "ledger".into(),
        actor: "system".into(),
        data: json!({ "n": n }),
    };
    let pending: Vec<_> = (0..missing).map(|n| world.desk.sequencer.submit(Submission::record(record(n)))).collect();
    for pending in pending {
        pending.wait().unwrap();
    }
}

/// All leaves, out of the bundles that a client would fetch.
fn leaves(world: &World, size: u64) -> Vec<Vec<u8>> {
    let (full, rest) = (size / u64::from(TILE_WIDTH), size % u64::from(TILE_WIDTH));
    let mut paths: Vec<String> = (0..full).map(|n| format!("tile/entries/{n:03}")).collect();
    if rest > 0 {
        paths.push(format!("tile/entries/{full:03}.p/{rest}"));
    }
    let bundles = paths.iter().map(|path| fetch(world, path).body);
    bundles
        .flat_map(|bytes| decode_bundle(&bytes).unwrap().iter().map(|leaf| leaf.to_vec()).collect::<Vec<_>>())
        .collect()
}

#[test]
fn a_stranger_can_check_all_of_it() {
    let world = World::start();
    Hall::ranked(&world, 2);
    fill(&world, 600);
    let checkpoint = world.checkpoint();
    assert_eq!(checkpoint.size, 600);
    let leaves = leaves(&world, checkpoint.size);
    let mut chain = Chain::new(Origin::new(ORIGIN).unwrap());
    let mut tree = Frontier::new();
    let mut roots = vec![tree.root()];
    let mut hashes = Vec::new();
    for bytes in &leaves {
        let (leaf, hash) = chain.check(bytes).unwrap();
        tree.append(hash);
        roots.push(tree.root());
        hashes.push(hash);
        let payload = fetch(&world, &format!("payload/{}", leaf.seq));
        match payload.status {
            200 => {
                assert_eq!(Hash::of(&payload.body), leaf.payload);
                assert_eq!(payload.header("cache-control"), FOR_EVER);
            }
            _ => assert_eq!(payload.code(), Code::NotYetReadable),
        }
    }
    assert_eq!((chain.size(), tree.root()), (checkpoint.size, checkpoint.root));

    // Tiles: every full one and every width of the partial ones, at both levels.
    for (path, expected) in [("tile/0/000", &hashes[..256]), ("tile/0/001", &hashes[256..512])] {
        let tile = fetch(&world, path);
        assert_eq!(tile_hashes(&tile.body).unwrap(), expected);
        assert_eq!((tile.header("cache-control"), tile.header("content-type")), (FOR_EVER, "application/octet-stream"));
    }
    for width in 1..=88 {
        assert_eq!(
            tile_hashes(&fetch(&world, &format!("tile/0/002.p/{width}")).body).unwrap(),
            hashes[512..512 + width]
        );
        let bundle = fetch(&world, &format!("tile/entries/002.p/{width}"));
        assert_eq!(decode_bundle(&bundle.body).unwrap().len(), width);
    }
    assert_eq!(tile_hashes(&fetch(&world, "tile/1/000.p/2").body).unwrap(), [roots[256], root_of(&hashes[256..512])]);

    for seq in [0, 1, 255, 256, 511, 599] {
        let answer = fetch(&world, &format!("proof/{seq}"));
        let proof = Proof::parse(answer.text()).unwrap();
        let leaf = &leaves[usize::try_from(seq).unwrap()];
        assert_eq!(proof.verify(leaf, &world.policy()).unwrap(), &checkpoint);
        verify_inclusion(leaf_hash(leaf), seq, 600, &proof.path, roots[600]).unwrap();
    }
    for (old, new) in [(0, 0), (0, 600), (1, 2), (255, 256), (256, 600), (300, 599), (600, 600)] {
        let answer = fetch(&world, &format!("proof/consistency?old={old}&new={new}"));
        assert_eq!(answer.status, 200);
        let path: Vec<Hash> = answer.text().lines().map(|line| line.parse().unwrap()).collect();
        let root = |size: u64| roots[usize::try_from(size).unwrap()];
        verify_consistency(old, root(old), new, root(new), &path).unwrap();
    }
}

fn root_of(hashes: &[Hash]) -> Hash {
    let mut tree = Frontier::new();
    for hash in hashes {
        tree.append(*hash);
    }
    tree.root()
}

/// Whoever hears of an entry or of a checkpoint can have everything that it speaks of at once.
#[test]
fn nothing_is_announced_that_cannot_be_served() {
    let world = World::start();
    let hall = Hall::open(&world, 2);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let size = world.checkpoint().size;
                let last = size - 1;
                assert_eq!(fetch(&world, &format!("proof/{last}")).status, 200);
                let width = size % u64::from(TILE_WIDTH);
                if width > 0 {
                    let path = format!("tile/entries/{:03}.p/{width}", size / u64::from(TILE_WIDTH));
                    assert_eq!(fetch(&world, &path).status, 200, "{path}");
                }
            }
        });
        for step in 0..60 {
            let accepted = hall.bid(usize::from(step % 2 == 1), step).ok();
            let receipt = world.public().get(accepted["receipt"].as_str().unwrap());
            let proof = Proof::parse(receipt.text()).unwrap();
            proof.verify(&world.leaf(proof.index), &world.policy()).unwrap();
        }
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn what_does_not_exist_is_not_found() {
    let world = World::start();
    let size = world.size();
    for rest in [
        "tile/0/001",
        "tile/0/000",
        &format!("tile/0/000.p/{}", size + 1),
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/1/000.p/1",
        "tile/64/000",
        "tile/x/000",
        "tile/0/0",
        "tile/0/00",
        "tile/entries/001",
        "tile/0/../0/000",
        "tile/8/0/000",
        "tile/data/000",
        &format!("proof/{size}"),
        "proof/x",
        "proof/-1",
        &format!("payload/{size}"),
        "payload/x",
        "payload/18446744073709551616",
        "nowhere",
        &format!("proof/consistency?old=0&new={}", size + 1),
        "proof/consistency?old=2&new=1",
    ] {
        assert_eq!(fetch(&world, rest).code(), Code::NotFound, "{rest}");
    }
    assert_eq!(fetch(&world, "proof/consistency?old=1").code(), Code::InvalidField);
    for rest in ["checkpoint", "tile/0/000.p/1", "payload/0", "proof/0", "proof/consistency?old=0&new=1"] {
        assert_eq!(world.public().get(&format!("/ledger/other/{rest}")).code(), Code::NotFound, "{rest}");
    }
}

#[test]
fn caches_keep_only_what_never_changes() {
    let world = World::start();
    let hall = Hall::signed_up(&world, 1);
    assert_eq!(fetch(&world, "checkpoint").header("cache-control"), "public, max-age=2");
    assert_eq!(fetch(&world, "proof/0").header("cache-control"), "no-cache");
    let own = world.of_kind("lot.signed_up")[0];
    let path = format!("/ledger/main/payload/{own}");
    let mine = world.person("bidder1").get(&path);
    assert_eq!((mine.status, mine.header("cache-control")), (200, "private, no-store"));
    let hidden = world.public().get(&path);
    assert_eq!((hidden.code(), hidden.header("cache-control")), (Code::NotYetReadable, "no-store"));
    assert_eq!(hall.bidders.len(), 1);
}

#[test]
fn the_list_of_ledgers_names_what_a_verifier_needs() {
    let world = World::start();
    let list = world.public().get("/api/v1/ledgers").ok();
    let only = &list["items"][0];
    assert_eq!((&only["name"], &only["origin"]), (&json!("main"), &json!(ORIGIN)));
    let created = world.payload(0);
    assert_eq!((created.kind.as_str(), &created.data["verifier_key"]), ("ledger.created", &only["verifier_key"]));
    assert_eq!(only["size"].as_u64(), Some(world.size()));
}

/// Rotten bits and tampering: the page comes all the same, the entry is in it with its defect, and the rest is readable.
#[test]
fn a_damaged_entry_is_named_and_hides_no_other() {
    let world = World::start();
    let hall = Hall::ranked(&world, 2);
    let hit = world.of_kind("auction.bid_accepted")[0];
    let whole = world.leaf(hit);
    let pages = ["ledger".to_owned(), "floor".into(), format!("lot/{}", hall.lot)];
    let page = |scope: &str| world.public().get(&format!("/api/v1/entries?scope={scope}&limit=200")).ok();
    // What a damaged entry was about is known from the index that follows the ledger.
    let started = std::time::Instant::now();
    while world.desk.views_reach().unwrap() < world.size() {
        assert!(started.elapsed().as_secs() < 60, "the index does not follow the ledger");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let before: Vec<usize> = pages.iter().map(|scope| page(scope)["entries"].as_array().unwrap().len()).collect();
    let shown = Stored::public(&*world.desk.reader).unwrap().entries(0, usize::MAX).unwrap();
    let withheld = shown.iter().filter(|entry| entry.payload == Err(Missing::Withheld)).count();
    world.by_hand(&format!("UPDATE entry SET payload = x'7b22' WHERE seq = {hit}"));
    for (scope, before) in pages.iter().zip(before) {
        let page = page(scope);
        let entries = page["entries"].as_array().unwrap();
        let found = entries.iter().find(|entry| entry["seq"] == hit);
        // Without an index only the whole ledger can tell that a damaged entry belongs there.
        if scope == "floor" {
            assert_eq!((entries.len(), found), (before - 1, None), "{scope}");
            continue;
        }
        assert_eq!(entries.len(), before, "{scope}");
        let found = found.unwrap();
        assert_eq!(found["withheld"], Code::EntryDamaged.name(), "{scope}");
        assert_eq!(found["payload"], serde_json::Value::Null);
        assert_eq!(found["leaf"].as_str().unwrap().as_bytes(), whole, "as it stands");
        assert!(entries.iter().all(|entry| entry["seq"] == hit || entry["withheld"] != Code::EntryDamaged.name()));
    }
    assert_eq!(fetch(&world, &format!("payload/{hit}")).code(), Code::EntryDamaged);
    // Nor by whoever verifies over the network.
    let url = format!("http://{}/ledger/main", world.address);
    let output = Command::new(env!("CARGO_BIN_EXE_mingjian")).args(["verify", "--json", &url]).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let failure = &report["first_failure"];
    let found = (output.status.code(), failure["rule"].as_str(), failure["seq"].as_u64());
    assert_eq!(found, (Some(1), Some("payload_damaged"), Some(hit)), "{report}");
    // In a file for others it is not taken for an entry that they may not read.
    let exported = || {
        let mut source = Stored::public(&*world.desk.reader).unwrap();
        let entries = source.entries(0, usize::MAX).unwrap();
        let with = |why: Missing| entries.iter().filter(|entry| entry.payload == Err(why)).count();
        (entries[usize::try_from(hit).unwrap()].payload.clone(), with(Missing::Damaged), with(Missing::Withheld))
    };
    assert_eq!(exported(), (Err(Missing::Damaged), 1, withheld));

    // The leaf itself: still served, and no longer the one that the checkpoint counts.
    world.by_hand(&format!("UPDATE entry SET leaf = x'7b22' WHERE seq = {hit}"));
    let page = page("ledger");
    let found = page["entries"].as_array().unwrap().iter().find(|entry| entry["seq"] == hit).unwrap();
    assert_eq!((&found["leaf"], &found["withheld"]), (&json!("{\""), &json!(Code::EntryDamaged.name())));
}

/// 招标投标法 art. 22: a damaged sign-up is still a sign-up; before the opening nobody may count it.
#[test]
fn a_damaged_sign_up_stays_as_hidden_as_it_was() {
    let world = World::start();
    let hall = Hall::signed_up(&world, 1);
    let hit = world.of_kind("lot.signed_up")[0];
    world.by_hand(&format!("UPDATE entry SET payload = x'7b22' WHERE seq = {hit}"));
    let of_lot = world.public().get(&format!("/api/v1/entries?scope=lot/{}&limit=200", hall.lot)).ok();
    assert!(of_lot["entries"].as_array().unwrap().iter().all(|entry| entry["seq"] != hit));
    let of_all = world.public().get("/api/v1/entries?scope=ledger&limit=200").ok();
    assert!(of_all["entries"].as_array().unwrap().iter().any(|entry| entry["seq"] == hit));
}

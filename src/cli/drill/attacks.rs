//! The attacks, each as strong as its attacker can make it: he owns the machine, the database and, unless it says
//! otherwise, the log's key; so he writes all hashes anew and signs. What he cannot change is what others keep.

use serde_json::Value;

use super::copy::Copy;
use super::footage;
use super::parties::{Notice, Parties, Party};
use crate::base::{Hash, Span};
use crate::desk::event_of;
use crate::engine::Fact;
use crate::ledger::payload::{self, Payload};
use crate::ledger::{Leaf, SeedSigner, SignedCheckpoint, Signer};
use crate::sequencer::StoredEntry;

type Failed = Box<dyn std::error::Error>;

/// What the attacker has, and what others kept before he began.
pub struct Stage<'a> {
    pub genuine: &'a Copy,
    /// The log's key.
    pub log: &'a dyn Signer,
    pub parties: &'a Parties,
    /// An accepted bid somewhere in the middle, if there was one; else any entry.
    pub target: usize,
}

/// An attack: who played it noticed, or what was needed is not there.
pub struct Attack {
    pub code: &'static str,
    pub zh: &'static str,
    pub en: &'static str,
    /// Who must notice at least; otherwise the drill fails.
    pub expected: &'static [Party],
    pub play: fn(&Stage<'_>) -> Result<Vec<Notice>, Failed>,
}

use Party::{Comparison, Platform, Receipt, Verifier, Witness};

pub const ATTACKS: [Attack; 12] = [
    Attack {
        code: "rewritten",
        zh: "改写一条记录的内容",
        en: "an entry's content is rewritten in the database",
        expected: &[Verifier],
        play: |stage| {
            let mut copy = stage.genuine.clone();
            rewrite(&mut copy, stage.target)?;
            stage.parties.verify(&copy, &[])
        },
    },
    Attack {
        code: "rewritten_with_hashes",
        zh: "改写一条记录，并重算其后全部哈希、重新签名",
        en: "an entry is rewritten, all later hashes made anew, the checkpoint signed again",
        expected: &[Verifier, Witness, Receipt],
        play: |stage| {
            forge(stage, |copy| {
                rewrite(copy, stage.target)?;
                copy.chain_anew(stage.target)
            })
        },
    },
    Attack {
        code: "dropped",
        zh: "抽走中间一条记录",
        en: "an entry is dropped from the middle",
        expected: &[Verifier, Witness, Receipt],
        play: |stage| {
            forge(stage, |copy| {
                copy.entries.remove(stage.target);
                copy.chain_anew(stage.target)
            })
        },
    },
    Attack {
        code: "truncated",
        zh: "删去末尾的记录",
        en: "the newest entries are cut off",
        expected: &[Verifier, Witness, Receipt, Platform],
        play: |stage| {
            forge(stage, |copy| {
                copy.entries.truncate(stage.target);
                Ok(())
            })
        },
    },
    Attack {
        code: "reordered",
        zh: "调换两条记录的先后",
        en: "two entries change places",
        expected: &[Verifier, Witness, Receipt],
        play: |stage| {
            forge(stage, |copy| {
                let payload = |copy: &Copy, place: usize| copy.entries.get(place).and_then(|e| e.payload.clone());
                let (first, second) = (payload(copy, stage.target - 1), payload(copy, stage.target));
                for (place, payload) in [(stage.target - 1, second), (stage.target, first)] {
                    if let Some(entry) = copy.entries.get_mut(place) {
                        entry.payload = payload;
                    }
                }
                copy.chain_anew(stage.target - 1)
            })
        },
    },
    Attack {
        code: "back_dated",
        zh: "把一条记录的时间提前",
        en: "an entry is back-dated",
        expected: &[Verifier, Witness, Receipt],
        play: |stage| {
            forge(stage, |copy| {
                // As early as the entry before it allows; if it is that already, the entry before comes later.
                let (before, at) = (copy.time_of(stage.target - 1)?, copy.time_of(stage.target)?);
                if before < at {
                    copy.set_time(stage.target, before)?;
                } else {
                    copy.set_time(stage.target - 1, at.plus(Span::micros(1)))?;
                }
                copy.chain_anew(stage.target - 1)
            })
        },
    },
    Attack {
        code: "two_views",
        zh: "给两方看两本不同的账",
        en: "two audiences are shown two histories",
        expected: &[Witness, Verifier, Comparison],
        play: two_views,
    },
    Attack {
        code: "old_backup",
        zh: "恢复旧备份后继续签名",
        en: "an old backup is restored and signs on",
        expected: &[Verifier, Witness, Receipt, Platform],
        play: |stage| {
            let mut old = stage.genuine.clone();
            old.entries.truncate(stage.target);
            let mut notices: Vec<_> = stage.parties.start(&old, &stage.genuine.note).into_iter().collect();
            notices.extend(forge(stage, |copy| {
                copy.entries.truncate(stage.target);
                go_on(copy, stage.genuine.entries.len() + 1 - stage.target)
            })?);
            Ok(notices)
        },
    },
    Attack {
        code: "swapped_clip",
        zh: "调换或重做录像",
        en: "footage is swapped, or made anew and announced as if it had always been there",
        expected: &[Verifier, Witness],
        play: swapped_clip,
    },
    Attack {
        code: "forged_receipt",
        zh: "伪造回执",
        en: "a receipt is forged for a bid that was never recorded",
        expected: &[Receipt],
        play: forged_receipt,
    },
    Attack {
        code: "replayed_statement",
        zh: "重放投标人签过的报价",
        en: "a bidder's signed statement is recorded a second time",
        expected: &[Verifier, Witness],
        play: |stage| {
            forge(stage, |copy| {
                let bid = copy.entries.get(stage.target).cloned().ok_or("no bid")?;
                copy.entries.insert(stage.target + 1, bid);
                copy.chain_anew(stage.target + 1)
            })
        },
    },
    Attack {
        code: "stolen_key",
        zh: "窃得账本签名密钥，在别处另写一本",
        en: "a thief with the log's key signs a history of his own elsewhere",
        expected: &[Verifier, Witness, Comparison],
        play: |stage| {
            let mut copy = stage.genuine.clone();
            rewrite(&mut copy, stage.target)?;
            copy.chain_anew(stage.target)?;
            copy.sign(stage.log)?;
            let mut notices = stage.parties.submit_to_all(&mut copy)?;
            // Somebody who has never seen this ledger before, and has only the published policy.
            notices.extend(stage.parties.verify(&copy, &[])?);
            notices.extend(stage.parties.compare(&stage.genuine.note, &copy, Comparison)?);
            Ok(notices)
        },
    },
];

/// Everything that a forger of history can do afterwards, and everybody who may notice.
fn forge(stage: &Stage<'_>, change: impl Fn(&mut Copy) -> Result<(), Failed>) -> Result<Vec<Notice>, Failed> {
    let mut copy = stage.genuine.clone();
    change(&mut copy)?;
    copy.sign(stage.log)?;
    let mut notices = stage.parties.submit_to_all(&mut copy)?;
    notices.extend(stage.parties.verify(&copy, std::slice::from_ref(&stage.genuine.note))?);
    notices.extend(stage.parties.compare(&stage.genuine.note, &copy, Receipt)?);
    notices.extend(stage.parties.start(&copy, &stage.genuine.note));
    Ok(notices)
}

/// Another amount, or, in an entry that has none, another actor.
fn rewrite(copy: &mut Copy, place: usize) -> Result<(), Failed> {
    let entry = copy.entries.get_mut(place).ok_or("no such entry")?;
    let bytes = entry.payload.as_ref().ok_or("the entry was erased")?;
    let mut said = Payload::parse(bytes)?;
    match said.data.get_mut("amount") {
        Some(Value::String(amount)) => amount.push('0'),
        _ => said.actor.push('x'),
    }
    entry.payload = Some(payload::encode(&said.actor, &said.kind, &said.data, &said.salt, &said.subject)?.into());
    Ok(())
}

/// Writes `count` entries of the operator's own behind what there is.
fn go_on(copy: &mut Copy, count: usize) -> Result<(), Failed> {
    let last = copy.entries.last().cloned().ok_or("nothing to go on from")?;
    let before = copy.entries.len();
    for n in 0..count {
        let said = serde_json::json!({ "n": n });
        let bytes = payload::encode("system", "drill.went_on", &said, &[0; 16], "drill")?;
        copy.entries.push(StoredEntry { payload: Some(bytes.into()), ..last.clone() });
    }
    copy.chain_anew(before)
}

/// One ending for one witness, another for the other: each cosigns its own, and neither view has its quorum.
fn two_views(stage: &Stage<'_>) -> Result<Vec<Notice>, Failed> {
    let (mut one, mut other) = (stage.genuine.clone(), stage.genuine.clone());
    go_on(&mut one, 1)?;
    go_on(&mut other, 2)?;
    other.entries.remove(stage.genuine.entries.len());
    other.chain_anew(stage.genuine.entries.len())?;
    one.sign(stage.log)?;
    other.sign(stage.log)?;
    if stage.parties.submit(0, &mut one)?.is_some() || stage.parties.submit(1, &mut other)?.is_some() {
        return Err("a witness refuses what continues what it has seen".into());
    }
    let mut notices = Vec::new();
    notices.extend(stage.parties.submit(1, &mut one)?);
    notices.extend(stage.parties.submit(0, &mut other)?);
    for view in [&one, &other] {
        notices.extend(stage.parties.verify(view, &[])?);
    }
    notices.extend(stage.parties.compare(&one.note, &other, Comparison)?);
    notices.dedup();
    Ok(notices)
}

/// Recorded and announced as it should be; then two segments change places, and then other pictures are announced instead.
fn swapped_clip(stage: &Stage<'_>) -> Result<Vec<Notice>, Failed> {
    let mut copy = stage.genuine.clone();
    footage::record(&mut copy, [b"the door is closed", b"the door is open"])?;
    copy.sign(stage.log)?;
    if !stage.parties.submit_to_all(&mut copy)?.is_empty() || !stage.parties.verify(&copy, &[])?.is_empty() {
        return Err("footage that is what was announced does not hold".into());
    }
    let published = copy.note.clone();
    if let Some(reel) = &mut copy.reel {
        reel.swap();
    }
    let mut notices = stage.parties.verify(&copy, &[])?;
    let mut anew = stage.genuine.clone();
    footage::record(&mut anew, [b"the door is closed", b"the door is still closed"])?;
    anew.sign(stage.log)?;
    notices.extend(stage.parties.submit_to_all(&mut anew)?);
    notices.extend(stage.parties.verify(&anew, &[published])?);
    Ok(notices)
}

/// A leaf that is in no tree, with a path from one that is; and one under a checkpoint that a stranger has signed.
fn forged_receipt(stage: &Stage<'_>) -> Result<Vec<Notice>, Failed> {
    let seq = u64::try_from(stage.target)?;
    let entry = stage.genuine.entries.get(stage.target).ok_or("no such entry")?;
    let mut copy = stage.genuine.clone();
    let genuine = copy.receipt(seq)?;
    if let Err(error) = genuine.verify(&entry.leaf, stage.parties.policy()) {
        return Err(format!("the genuine receipt does not hold: {error}").into());
    }
    let leaf = Leaf::parse(&entry.leaf).map_err(crate::ledger::leaf::LeafCheck::name)?;
    let forged = Leaf { payload: Hash::of(b"a bid that was never made"), ..leaf }.to_bytes();
    let mut notices = Vec::new();
    if let Err(error) = genuine.verify(&forged, stage.parties.policy()) {
        notices.push(Notice { who: Receipt, how: format!("another entry under a genuine checkpoint: {error}") });
    }
    rewrite(&mut copy, stage.target)?;
    copy.chain_anew(stage.target)?;
    for (whose, key) in [("a stranger's", &SeedSigner::new(&[9; 32]) as &dyn Signer), ("the log's own", stage.log)] {
        copy.sign(key)?;
        let leaf = &copy.entries.get(stage.target).ok_or("no such entry")?.leaf;
        if let Err(error) = copy.receipt(seq)?.verify(leaf, stage.parties.policy()) {
            notices.push(Notice { who: Receipt, how: format!("a checkpoint of {whose} signature alone: {error}") });
        }
    }
    if notices.len() < 3 {
        return Err(format!("only {} of 3 forged receipts were refused", notices.len()).into());
    }
    Ok(notices)
}

/// An accepted bid in the middle of those there are; else the entry in the middle.
pub fn target(copy: &Copy) -> Result<(usize, bool), Failed> {
    let accepted = |entry: &StoredEntry| {
        let event = entry.payload.as_deref().and_then(event_of);
        event.is_some_and(|event| matches!(event.fact, Fact::BidAccepted(_)))
    };
    let bids: Vec<usize> = (0..copy.entries.len()).filter(|n| copy.entries.get(*n).is_some_and(accepted)).collect();
    match bids.get(bids.len() / 2) {
        Some(bid) => Ok((*bid, true)),
        None if copy.entries.len() < 4 => Err("the ledger has too few entries to attack".into()),
        None => Ok((copy.entries.len() / 2, false)),
    }
}

/// Signed and cosigned by both witnesses: what everybody had before.
pub fn publish(copy: &mut Copy, log: &dyn Signer, parties: &Parties) -> Result<SignedCheckpoint, Failed> {
    copy.sign(log)?;
    if let Some(notice) = parties.submit_to_all(copy)?.into_iter().next() {
        return Err(format!("a witness refuses the genuine ledger: {}", notice.how).into());
    }
    Ok(SignedCheckpoint::parse(&copy.note)?)
}

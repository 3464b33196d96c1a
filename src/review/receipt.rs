//! A receipt, checked by itself and against any later checkpoint: docs/ledger-format.md §4. What a bidder keeps is the
//! `tlog-proof` with the bytes of the leaf and, if it may read it, of the payload.

use serde::{Deserialize, Serialize};

use super::content::{self, Content};
use super::history::History;
use super::log_keys::{Handover, LogKeys};
use super::report::Language;
use super::source::{Entry, Source};
use crate::base::limits::{LEAF_MAX_BYTES, PAYLOAD_MAX_BYTES, RECEIPT_MAX_BYTES, VERIFY_CHUNK_ENTRIES};
use crate::base::{Hash, Micros};
use crate::ledger::tree::verify_consistency;
use crate::ledger::{Checkpoint, Leaf, Payload, Policy, Proof, SignedCheckpoint, leaf_hash};

const TYPE: &str = "mingjian-receipt";

/// A receipt as a file: the proof with what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    pub r#type: String,
    pub v: u32,
    /// The leaf's bytes.
    pub leaf: String,
    /// The payload's bytes, for whom they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// The `tlog-proof`.
    pub proof: String,
    /// By which entries the log changed its key since, or before: for whoever believes another one of its keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rotations: Vec<Handover>,
    /// What its keeper was shown later, when that does not continue it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newer: Option<Shown>,
}

/// A later checkpoint, and the consistency proof that the log gave for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    pub checkpoint: String,
    pub consistency: Vec<Hash>,
}

/// It is no receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a receipt: {0}")]
pub struct NotAReceipt(String);

impl Receipt {
    pub fn new(leaf: String, payload: Option<String>, proof: String) -> Self {
        Self { r#type: TYPE.into(), v: 1, leaf, payload, proof, rotations: Vec::new(), newer: None }
    }

    /// A bare `tlog-proof` with its leaf from elsewhere.
    pub fn of_proof(proof: &str, leaf: Option<&[u8]>) -> Result<Self, NotAReceipt> {
        let leaf = leaf.ok_or_else(|| NotAReceipt("a bare proof, and its entry is not at hand".into()))?;
        let leaf = std::str::from_utf8(leaf).map_err(|_| NotAReceipt("its leaf is not text".into()))?;
        Ok(Self::new(leaf.to_owned(), None, proof.to_owned()))
    }

    /// Reads a receipt file. A bare `tlog-proof` is none: see [`Receipt::of_proof`].
    pub fn parse(text: &str) -> Result<Self, NotAReceipt> {
        if text.len() > RECEIPT_MAX_BYTES {
            return Err(NotAReceipt("too long".into()));
        }
        let receipt: Self = serde_json::from_str(text).map_err(|error| NotAReceipt(error.to_string()))?;
        if receipt.r#type != TYPE || receipt.v != 1 {
            return Err(NotAReceipt("of another type or version".into()));
        }
        if receipt.leaf.len() > LEAF_MAX_BYTES || receipt.payload.as_ref().is_some_and(|p| p.len() > PAYLOAD_MAX_BYTES)
        {
            return Err(NotAReceipt("a leaf or payload larger than any".into()));
        }
        Ok(receipt)
    }
}

/// A newer checkpoint, and what leads to it from the receipt's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newer {
    pub checkpoint: SignedCheckpoint,
    pub link: Link,
    /// The log's keys, where its whole ledger is at hand; otherwise the receipt says how they followed each other.
    pub keys: Option<LogKeys>,
}

/// How it can be told whether one checkpoint continues another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// A consistency proof, whoever made it. One that leads nowhere proves nothing but that another is needed.
    Proof(Vec<Hash>),
    /// All leaves that the newer checkpoint commits to are at hand.
    Leaves {
        /// The root over as many of them as the receipt's checkpoint has, if there are so many.
        prefix: Option<Hash>,
        /// The leaf hash at the receipt's place.
        leaf: Option<Hash>,
    },
}

/// What can be said of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The entry is in the ledger, and in the newer one if that was given.
    Included,
    /// The log has signed the receipt's checkpoint and the newer one, and they contradict each other: certain, for both
    /// signatures are at hand.
    Evidence,
    /// By itself it holds; that the newer checkpoint continues it was not shown.
    Unproven,
    /// It proves nothing: no signature that is believed, or no path from the leaf to the root.
    ProvesNothing,
}

/// What was found of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptReport {
    pub verdict: Verdict,
    pub origin: String,
    pub index: u64,
    /// Of the receipt's own checkpoint.
    pub size: u64,
    pub root: String,
    /// Of the newer checkpoint, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newer_size: Option<u64>,
    /// The leaf's stamp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Micros>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What did not hold.
    pub faults: Vec<String>,
}

/// Checks a receipt under `policy` and, if given, against a newer checkpoint.
pub fn check(receipt: &Receipt, policy: &Policy, newer: Option<&Newer>) -> Result<ReceiptReport, NotAReceipt> {
    let proof = Proof::parse(&receipt.proof).map_err(|error| NotAReceipt(error.to_string()))?;
    let said = proof.checkpoint.unverified().clone();
    let mut report = ReceiptReport {
        verdict: Verdict::Included,
        origin: said.origin.to_string(),
        index: proof.index,
        size: said.size,
        root: said.root.to_string(),
        newer_size: None,
        time: None,
        kind: None,
        subject: None,
        actor: None,
        faults: Vec::new(),
    };
    let shown = receipt.newer.as_ref().map(Newer::read).transpose()?;
    let newer = newer.or(shown.as_ref());
    let keys = match newer.and_then(|newer| newer.keys.clone()).filter(|keys| keys.contains(policy.log())) {
        Some(keys) => keys,
        None => LogKeys::proven(policy, &receipt.rotations).unwrap_or_else(|fault| {
            report.faults.push(fault);
            LogKeys::only(policy.log().clone())
        }),
    };
    // Each checkpoint under the key that signed at its size.
    let judged = |signed: &SignedCheckpoint| keys.judge(policy, signed).unwrap_or_else(|| policy.clone());
    if let Err(error) = proof.verify(receipt.leaf.as_bytes(), &judged(&proof.checkpoint)) {
        report.faults.push(error.to_string());
    }
    read_leaf(receipt, &mut report);
    if !report.faults.is_empty() {
        report.verdict = Verdict::ProvesNothing;
        return Ok(report);
    }
    if let Some(newer) = newer {
        match newer.checkpoint.verify(&judged(&newer.checkpoint)) {
            // Unsigned words about a newer ledger say nothing against the log.
            Err(error) => {
                report.verdict = Verdict::Unproven;
                report.faults.push(format!("the newer checkpoint is not believed: {error}"));
            }
            Ok(new) => continues(&said, new, &newer.link, leaf_hash(receipt.leaf.as_bytes()), &mut report),
        }
    }
    Ok(report)
}

/// Whether the checkpoint that was `said` and the `new` one are of one history. Which of them is the older decides nothing:
/// both are signed.
fn continues(said: &Checkpoint, new: &Checkpoint, link: &Link, own: Hash, report: &mut ReceiptReport) {
    report.newer_size = Some(new.size);
    let (old, young) = if new.size < said.size { (new, said) } else { (said, new) };
    let mut found = |verdict, fault: String| {
        report.verdict = verdict;
        report.faults.push(fault);
    };
    match link {
        _ if old.size == young.size && old.root != young.root => {
            found(Verdict::Evidence, format!("two roots of size {}: {} and {}", old.size, said.root, new.root));
        }
        Link::Proof(path) => {
            if let Err(error) = verify_consistency(old.size, old.root, young.size, young.root, path) {
                found(Verdict::Unproven, format!("size {} to {}: {error}", old.size, young.size));
            }
        }
        Link::Leaves { prefix: Some(root), .. } if *root != said.root => {
            found(Verdict::Evidence, format!("root of size {}: signed {}, now {root}", said.size, said.root));
        }
        Link::Leaves { leaf: Some(leaf), .. } if *leaf != own => {
            found(Verdict::Evidence, format!("entry {}: the receipt's leaf is {own}, now {leaf}", report.index));
        }
        Link::Leaves { prefix: None, .. } => {
            found(
                Verdict::Unproven,
                format!("the ledger at hand has {} entries, the receipt's {}", new.size, said.size),
            );
        }
        Link::Leaves { .. } => {}
    }
}

impl Newer {
    /// What a receipt file says, or a page.
    pub fn read(shown: &Shown) -> Result<Self, NotAReceipt> {
        let checkpoint = SignedCheckpoint::parse(&shown.checkpoint).map_err(|error| NotAReceipt(error.to_string()))?;
        Ok(Self { checkpoint, link: Link::Proof(shown.consistency.clone()), keys: None })
    }
}

/// Checks a receipt against a ledger whose leaves are all at hand. `text` is a receipt file, or a bare `tlog-proof`, which
/// takes its leaf from there.
pub fn check_against<S: Source>(text: &str, policy: &Policy, source: &mut S) -> Result<ReceiptReport, NotAReceipt> {
    let broken = |error: S::Error| NotAReceipt(error.to_string());
    let checkpoint = SignedCheckpoint::parse(&source.checkpoint().map_err(broken)?);
    let checkpoint = checkpoint.map_err(|error| NotAReceipt(error.to_string()))?;
    let size = checkpoint.unverified().size;
    let receipt = match Proof::parse(text) {
        Ok(proof) => {
            Receipt::of_proof(text, source.entries(proof.index, 1).map_err(broken)?.first().map(|e| &*e.leaf))?
        }
        Err(_) => Receipt::parse(text)?,
    };
    let proof = Proof::parse(&receipt.proof).map_err(|error| NotAReceipt(error.to_string()))?;
    let (mut history, mut leaf, mut keys) = (History::new(), None, LogKeys::default());
    while history.size() < size {
        let page = source.entries(history.size(), VERIFY_CHUNK_ENTRIES).map_err(broken)?;
        if page.is_empty() {
            return Err(NotAReceipt("the ledger beside it ends before its checkpoint".into()));
        }
        for entry in page {
            let hash = leaf_hash(&entry.leaf);
            if history.size() == proof.index {
                leaf = Some(hash);
            }
            heed(&mut keys, history.size(), &entry)?;
            history.append(hash);
        }
    }
    if history.root_at(size) != Some(checkpoint.unverified().root) {
        return Err(NotAReceipt(
            "the leaves of the ledger beside it do not make its root; verify the ledger first".into(),
        ));
    }
    let own = proof.checkpoint.unverified().size;
    let link = Link::Leaves { prefix: history.root_at(own), leaf };
    check(&receipt, policy, Some(&Newer { checkpoint, link, keys: Some(keys) }))
}

/// What an entry says about the log's keys. Only those are looked at: the ledger itself is verified elsewhere.
fn heed(keys: &mut LogKeys, seq: u64, entry: &Entry) -> Result<(), NotAReceipt> {
    let Ok(payload) = &entry.payload else { return Ok(()) };
    if Leaf::parse(&entry.leaf).is_ok_and(|leaf| leaf.payload != Hash::of(payload)) {
        return Err(NotAReceipt(format!("entry {seq} of the ledger beside it does not hold; verify the ledger first")));
    }
    match content::read(payload) {
        Ok(Content::Created(created)) if seq == 0 => {
            if let Ok(key) = created.verifier_key.parse() {
                keys.begin(key);
            }
        }
        Ok(Content::KeyRotated(rotated)) => {
            keys.rotate(seq, &rotated).map_err(|key| NotAReceipt(format!("entry {seq} does not replace {key}")))?;
        }
        _ => {}
    }
    Ok(())
}

fn read_leaf(receipt: &Receipt, report: &mut ReceiptReport) {
    let leaf = match Leaf::parse(receipt.leaf.as_bytes()) {
        Ok(leaf) => leaf,
        Err(check) => return report.faults.push(check.name().to_owned()),
    };
    report.time = Some(leaf.time);
    if leaf.seq != report.index || *leaf.ledger != *report.origin {
        report.faults.push("the leaf is another entry's".into());
    }
    let Some(payload) = &receipt.payload else { return };
    if Hash::of(payload.as_bytes()) != leaf.payload {
        return report.faults.push("the payload does not hash to the leaf".into());
    }
    match Payload::parse(payload.as_bytes()) {
        Ok(Payload { actor, kind, subject, .. }) => {
            (report.actor, report.kind, report.subject) = (Some(actor), Some(kind), Some(subject));
        }
        Err(error) => report.faults.push(error.to_string()),
    }
}

impl ReceiptReport {
    /// 0 when the entry is in the ledger, 1 otherwise.
    pub const fn exit_code(&self) -> u8 {
        if matches!(self.verdict, Verdict::Included) && self.faults.is_empty() { 0 } else { 1 }
    }

    /// What a person reads.
    pub fn to_text(&self, language: Language) -> String {
        let t = |zh, en| language.pick(zh, en);
        let mut lines = vec![
            format!("{}  {}", t("账本", "Ledger"), self.origin),
            format!("{}  {}", t("条目", "Entry"), self.index),
            format!("{}  {}  {}", t("检查点", "Checkpoint"), self.size, self.root),
        ];
        if let Some(time) = self.time {
            lines.push(format!("{}  {time}", t("时间", "Time")));
        }
        if let (Some(kind), Some(subject)) = (&self.kind, &self.subject) {
            lines.push(format!("{}  {kind}  {subject}", t("内容", "Payload")));
        }
        lines.extend(self.faults.iter().map(|fault| format!("✗ {fault}")));
        lines.push(self.verdict_text(language).to_owned());
        lines.join("\n")
    }

    const fn verdict_text(&self, language: Language) -> &'static str {
        let (zh, en) = match self.verdict {
            Verdict::Included if self.newer_size.is_some() => (
                "结论：该条目在账本中，较新的检查点也延续了它。",
                "Result: the entry is in the ledger, and the newer checkpoint continues it.",
            ),
            Verdict::Included => ("结论：该条目在账本中。", "Result: the entry is in the ledger."),
            Verdict::Evidence => (
                "结论：账本运营方对两份互相矛盾的历史都签了名。回执未被收录，回执本身就是证据：请妥善保存本回执和两份检查点，并交给监管部门。",
                "Result: the log has signed two histories that contradict each other. A receipt without inclusion is \
                 evidence: keep this receipt and both checkpoints, and hand them to the supervisory authority.",
            ),
            Verdict::Unproven => (
                "结论：回执本身成立，但未能证明较新的账本延续了它。请再次向账本索取一致性证明；若其始终不能给出，未被收录的回执就是证据：请妥善保存本回执和较新的检查点，并交给监管部门。",
                "Result: the receipt holds by itself, but that the newer ledger continues it was not shown. Ask the log for \
                 the consistency proof once more; if it cannot give one, a receipt without inclusion is evidence: keep it \
                 and the newer checkpoint, and hand both to the supervisory authority.",
            ),
            Verdict::ProvesNothing => (
                "结论：不能据此证明该条目在账本中。若此文件原样来自账本服务器，没有收录证明的回执本身就是证据：请妥善保存。",
                "Result: this does not prove that the entry is in the ledger. If the file came like this from the ledger's \
                 server, a receipt without inclusion is evidence: keep it.",
            ),
        };
        language.pick(zh, en)
    }
}

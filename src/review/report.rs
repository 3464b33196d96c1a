//! What a verification found, for people and for machines.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::log_keys::LogKey;
use super::source::Missing;
use crate::base::Hash;

/// The checks of a full verification, in the order of ledger format §6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckName {
    /// Every leaf: canonical, `seq`, `prev`, `time`.
    Leaves,
    /// The checkpoint's signature by the log.
    Checkpoint,
    /// The cosignatures that the policy requires.
    Cosignatures,
    /// The tree over the leaves has the checkpoint's root.
    Tree,
    /// Stored tree nodes are those of the leaves.
    Nodes,
    /// Earlier checkpoints are prefixes of this ledger.
    Earlier,
    /// Every available payload hashes to its leaf and has the form of its kind.
    Payloads,
    /// Every statement is its bidder's and agrees with its entry.
    Statements,
    /// The rules decide everything again as it was decided.
    Replay,
    /// Announced footage hangs together and came in time; what is at hand of it is what was announced.
    Footage,
    /// Every clip reference resolves to committed digests.
    Clips,
    /// Every timestamp is of a tree that this ledger had, fits its times, and bears a known authority's signature.
    Timestamps,
}

impl CheckName {
    pub const ALL: [Self; 12] = [
        Self::Leaves,
        Self::Checkpoint,
        Self::Cosignatures,
        Self::Tree,
        Self::Nodes,
        Self::Earlier,
        Self::Payloads,
        Self::Statements,
        Self::Replay,
        Self::Footage,
        Self::Clips,
        Self::Timestamps,
    ];

    pub const fn title(self, language: Language) -> &'static str {
        let (zh, en) = match self {
            Self::Leaves => ("逐条链接", "chain of leaves"),
            Self::Checkpoint => ("检查点签名", "checkpoint signature"),
            Self::Cosignatures => ("见证人联署", "cosignatures of witnesses"),
            Self::Tree => ("树根", "tree root"),
            Self::Nodes => ("树节点", "stored tree nodes"),
            Self::Earlier => ("与早先检查点一致", "earlier checkpoints"),
            Self::Payloads => ("内容与哈希", "payloads"),
            Self::Statements => ("报价声明签名", "bid statements"),
            Self::Replay => ("规则重演", "replay of the rules"),
            Self::Footage => ("影像文件", "footage"),
            Self::Clips => ("影像引用", "clip references"),
            Self::Timestamps => ("权威时间戳", "timestamps"),
        };
        language.pick(zh, en)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    Held,
    Failed,
    NotMade,
}

/// One check and how far it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub name: CheckName,
    pub state: CheckState,
    /// How many things were checked and held.
    pub count: u64,
    /// Why it was not made, or not made for everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<Words>,
}

/// A sentence for people, in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    pub zh: String,
    pub en: String,
}

impl Words {
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    /// Several sentences as one; `None` of none.
    pub fn joined(all: &[Self]) -> Option<Self> {
        let join = |of: fn(&Self) -> &str, with: &str| all.iter().map(of).collect::<Vec<_>>().join(with);
        (!all.is_empty()).then(|| Self::new(join(|words| &words.zh, "；"), join(|words| &words.en, "; ")))
    }

    pub fn of(&self, language: Language) -> &str {
        match language {
            Language::Zh => &self.zh,
            Language::En => &self.en,
        }
    }
}

/// Something that did not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub check: CheckName,
    /// The stable name of what did not hold.
    pub rule: String,
    /// The first entry that does not hold, or that may not; `None` when it is not about one entry.
    pub seq: Option<u64>,
    /// When the place is known only to lie between two entries: from the first, to before the second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<(u64, u64)>,
    pub expected: String,
    pub found: String,
}

impl Failure {
    pub fn at(seq: u64, check: CheckName, rule: &str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { check, rule: rule.into(), seq: Some(seq), within: None, expected: expected.into(), found: found.into() }
    }

    /// Somewhere in `from..to`.
    pub fn within(
        (from, to): (u64, u64),
        check: CheckName,
        rule: &str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self { within: Some((from, to)), ..Self::at(from, check, rule, expected, found) }
    }

    /// About the ledger as a whole.
    pub fn of_all(check: CheckName, rule: &str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { seq: None, ..Self::at(0, check, rule, expected, found) }
    }
}

/// Payloads that were not at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MissingPayloads {
    pub withheld: u64,
    pub erased: u64,
    /// Not what their leaves name, where they were taken from: each is a failure of its own as well.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub damaged: u64,
}

impl MissingPayloads {
    pub fn count(&mut self, missing: Missing) {
        *match missing {
            Missing::Withheld => &mut self.withheld,
            Missing::Erased => &mut self.erased,
            Missing::Damaged => &mut self.damaged,
        } += 1;
    }

    pub const fn all(self) -> u64 {
        self.withheld + self.erased + self.damaged
    }
}

/// The formats of before know no damage: where there is none, nothing is said of it.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "for serde")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// An offline verifier that the ledger names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verifier {
    /// The entry that names it.
    pub seq: u64,
    pub sha256: Hash,
    pub version: String,
}

/// What the replay came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Outcome {
    pub projects: u64,
    pub lots: u64,
    /// Lots by phase.
    pub phases: BTreeMap<String, u64>,
    pub bids_accepted: u64,
    pub bids_refused: u64,
    pub extensions: u64,
    /// Sum of the award prices of lots that stand awarded, contracted or archived, in 分.
    pub awarded: String,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub origin: String,
    /// The log key that was believed.
    pub verifier_key: String,
    /// The keys that signed, in their order, as the ledger says itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log_keys: Vec<LogKey>,
    /// Whether that key came from outside; a ledger that names its own key proves only that it is consistent.
    pub key_was_given: bool,
    /// Entries that the checkpoint commits to.
    pub size: u64,
    pub root: String,
    /// Entries that were read and whose chain holds.
    pub entries: u64,
    pub checked: Vec<Check>,
    /// The failure at the lowest `seq`.
    pub first_failure: Option<Failure>,
    /// All that was found before the verifier had to stop, at most `base::limits::REPORT_FAILURES_MAX`.
    pub failures: Vec<Failure>,
    pub missing_payloads: MissingPayloads,
    /// What replay took as given, by reason.
    pub undecided: BTreeMap<String, u64>,
    pub outcome: Outcome,
    /// The offline verifiers that the ledger names, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verifiers: Vec<Verifier>,
}

/// The language of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Zh,
    En,
}

impl Language {
    pub(super) const fn pick(self, zh: &'static str, en: &'static str) -> &'static str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }
}

impl Report {
    /// Adds what somebody else found.
    pub fn fail(&mut self, failure: Failure) {
        for check in self.checked.iter_mut().filter(|check| check.name == failure.check) {
            check.state = CheckState::Failed;
        }
        self.first_failure.get_or_insert_with(|| failure.clone());
        self.failures.push(failure);
    }

    /// Without a checkpoint nobody knows what the ledger is.
    pub(super) fn unreadable(note: &str) -> Self {
        let found: String = note.chars().take(200).collect();
        let failure = Failure::of_all(CheckName::Checkpoint, "checkpoint_form", "a signed checkpoint", found);
        let checked = CheckName::ALL.into_iter().map(|name| {
            let failed = name == CheckName::Checkpoint;
            let state = if failed { CheckState::Failed } else { CheckState::NotMade };
            Check {
                name,
                state,
                count: 0,
                why_not: (!failed).then(|| Words::new("没有可读取的检查点", "there is no readable checkpoint")),
            }
        });
        Self {
            origin: String::new(),
            verifier_key: String::new(),
            log_keys: Vec::new(),
            key_was_given: false,
            size: 0,
            root: String::new(),
            entries: 0,
            checked: checked.collect(),
            first_failure: Some(failure.clone()),
            failures: vec![failure],
            missing_payloads: MissingPayloads::default(),
            undecided: BTreeMap::new(),
            outcome: Outcome::default(),
            verifiers: Vec::new(),
        }
    }

    pub const fn holds(&self) -> bool {
        self.first_failure.is_none()
    }

    /// 0 when everything that was checked held, 1 otherwise. (2 is for a verification that could not run.)
    pub const fn exit_code(&self) -> u8 {
        if self.holds() { 0 } else { 1 }
    }

    /// What a person reads.
    pub fn to_text(&self, language: Language) -> String {
        let t = |zh, en| language.pick(zh, en);
        let mut out = String::new();
        let _ = self.write_text(&mut out, language, &t);
        out
    }

    fn write_text(
        &self,
        out: &mut String,
        language: Language,
        t: &dyn Fn(&'static str, &'static str) -> &'static str,
    ) -> std::fmt::Result {
        writeln!(out, "{}  {}", t("账本", "Ledger"), self.origin)?;
        writeln!(out, "{}  {}", t("条目", "Entries"), self.size)?;
        writeln!(out, "{}  {}", t("树根", "Root"), self.root)?;
        writeln!(out, "{}  {}", t("公钥", "Key"), self.verifier_key)?;
        if !self.key_was_given {
            let warning = t(
                "      该公钥取自账本自身：只能说明账本前后一致；请从可信渠道核对。",
                "      taken from the ledger itself: this shows consistency only; compare it with a trusted copy.",
            );
            writeln!(out, "{warning}")?;
        }
        for check in &self.checked {
            let state = match check.state {
                CheckState::Held => t("✓ 成立", "✓ held"),
                CheckState::Failed => t("✗ 不成立", "✗ FAILED"),
                CheckState::NotMade => t("– 未检查", "– not made"),
            };
            let why = check.why_not.as_ref().map(|why| format!("  ({})", why.of(language))).unwrap_or_default();
            writeln!(out, "{state}  {}  {}{why}", check.name.title(language), check.count)?;
        }
        self.write_missing(out, t)?;
        self.write_outcome(out, t)?;
        self.write_verdict(out, language, t)
    }

    fn write_missing(
        &self,
        out: &mut String,
        t: &dyn Fn(&'static str, &'static str) -> &'static str,
    ) -> std::fmt::Result {
        let MissingPayloads { withheld, erased, damaged: _ } = self.missing_payloads;
        if withheld + erased == 0 {
            return Ok(());
        }
        let undecided =
            self.undecided.iter().map(|(why, count)| format!("{why} {count}")).collect::<Vec<_>>().join(", ");
        writeln!(
            out,
            "{}  {} {withheld}, {} {erased}; {}: {undecided}",
            t("缺少的内容", "Missing payloads"),
            t("不公开", "withheld"),
            t("已删除", "erased"),
            t("因此未重新判定", "therefore not decided again"),
        )
    }

    fn write_outcome(
        &self,
        out: &mut String,
        t: &dyn Fn(&'static str, &'static str) -> &'static str,
    ) -> std::fmt::Result {
        let Outcome { projects, lots, bids_accepted, bids_refused, extensions, awarded, .. } = &self.outcome;
        writeln!(
            out,
            "{} {projects}, {} {lots}, {} {bids_accepted}, {} {bids_refused}, {} {extensions}, {} {} {}",
            t("项目", "Projects"),
            t("标的", "lots"),
            t("有效报价", "bids accepted"),
            t("被拒报价", "refused"),
            t("延时", "extensions"),
            t("成交合计", "awarded"),
            yuan(awarded),
            t("元", "yuan"),
        )
    }

    fn write_verdict(
        &self,
        out: &mut String,
        language: Language,
        t: &dyn Fn(&'static str, &'static str) -> &'static str,
    ) -> std::fmt::Result {
        let Some(failure) = &self.first_failure else {
            return writeln!(out, "{}", t("结论：全部成立。", "Result: everything that was checked holds."));
        };
        let place = match (failure.seq, failure.within) {
            (_, Some((from, to))) => format!("seq {from}–{}", to.saturating_sub(1)),
            (Some(seq), None) => format!("seq {seq}"),
            (None, None) => t("整本账本", "the whole ledger").to_owned(),
        };
        writeln!(out, "{}", t("结论：不成立。", "Result: it does NOT hold."))?;
        writeln!(out, "  {}  {place}", t("首处", "first at"))?;
        writeln!(out, "  {}  {} ({})", t("检查", "check"), failure.check.title(language), failure.rule)?;
        writeln!(out, "  {}  {}", t("应为", "expected"), failure.expected)?;
        writeln!(out, "  {}  {}", t("实为", "found"), failure.found)
    }
}

/// 分 in decimal digits as yuan with two decimals.
fn yuan(fen: &str) -> String {
    let padded = format!("{fen:0>3}");
    let (whole, cents) = padded.split_at(padded.len().saturating_sub(2));
    format!("{whole}.{cents}")
}

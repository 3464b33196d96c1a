//! What a verification of a case found: of its ledger, and of what lies beside it.

use serde::{Deserialize, Serialize};

use crate::review::report::{Language, Report};

/// How the case's copy of the offline verifier stands to the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Enclosed {
    /// An entry names these very bytes.
    Published { seq: u64, version: String },
    /// The ledger names none.
    NotPublished,
    /// The ledger names others: whoever made the case put in a page that the platform does not answer for.
    Another,
}

/// What was found of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseReport {
    pub ledger: Report,
    /// Files whose bytes are those that the manifest names.
    pub files: u64,
    /// Receipts that lead to the ledger's checkpoint.
    pub receipts: u64,
    /// Consistency proofs between the case's checkpoints.
    pub consistency: u64,
    /// References to clips that are those of the ledger.
    pub clips: u64,
    /// Files of these clips that are at hand and are what was announced.
    pub media: u64,
    /// Files of these clips that are not in the case.
    pub media_absent: u64,
    /// The verifier in the case, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verifier: Option<Enclosed>,
    /// What did not hold of the files beside the ledger: which file, and why.
    pub faults: Vec<(String, String)>,
}

impl CaseReport {
    pub(super) fn of(ledger: Report) -> Self {
        let (files, receipts, consistency, clips, media, media_absent) = (0, 0, 0, 0, 0, 0);
        let (verifier, faults) = (None, Vec::new());
        Self { ledger, files, receipts, consistency, clips, media, media_absent, verifier, faults }
    }

    /// 0 when everything that was checked held, 1 otherwise.
    pub fn exit_code(&self) -> u8 {
        u8::from(!self.ledger.holds() || !self.faults.is_empty())
    }

    /// What a person reads.
    pub fn to_text(&self, language: Language) -> String {
        let t = |zh, en| language.pick(zh, en);
        let mut lines = vec![
            format!("{}  {}", t("案件文件数", "Files of the case"), self.files),
            format!("{}  {}", t("回执", "Receipts"), self.receipts),
            format!("{}  {}", t("一致性证明", "Consistency proofs"), self.consistency),
            format!("{}  {}", t("影像引用", "Clip references"), self.clips),
        ];
        if self.clips > 0 {
            let (at_hand, absent) = (self.media, self.media_absent);
            lines.push(format!(
                "{}  {at_hand}; {} {absent}",
                t("影像文件（哈希相符）", "Files of clips (hashes match)"),
                t("未附上，因此未检查：", "not enclosed and so not checked:")
            ));
        }
        lines.extend(self.verifier.as_ref().map(|enclosed| enclosed.to_text(language)));
        lines.extend(self.faults.iter().map(|(name, why)| format!("✗ {name}: {why}")));
        lines.push(self.ledger.to_text(language));
        if !self.faults.is_empty() && self.ledger.holds() {
            lines.push(t("案件结论：不成立。", "The case does NOT hold.").to_owned());
        }
        lines.join("\n")
    }
}

impl Enclosed {
    fn to_text(&self, language: Language) -> String {
        let t = |zh, en| language.pick(zh, en);
        match self {
            Self::Published { seq, version } => {
                let what = t("案内 verify.html 与账本所载摘要一致", "verify.html is the one that the ledger names");
                format!("{what}  seq {seq}, {version}")
            }
            Self::NotPublished => {
                t("账本未载明 verify.html 的摘要，无从比对", "the ledger names no verify.html to compare with")
                    .to_owned()
            }
            Self::Another => {
                t("案内 verify.html 不是账本所载的核验程序", "verify.html is not the one that the ledger names")
                    .to_owned()
            }
        }
    }
}

//! What a verification found, said: each check with its state, what was therefore not checked and why, what the trade came to.

use std::collections::BTreeMap;

use super::Run;
use crate::engine::Phase;
use crate::review::replay::Replayer;
use crate::review::report::{Check, CheckName, CheckState, Outcome, Report, Words};

impl Run {
    pub(super) fn report(self) -> Report {
        let checked = CheckName::ALL.into_iter().map(|name| self.check(name)).collect();
        let undecided = &self.replayer.tally().undecided;
        Report {
            origin: self.checkpoint.origin.to_string(),
            verifier_key: self.policy.as_ref().map(|policy| policy.log().to_string()).unwrap_or_default(),
            log_keys: self.log_keys.listed(),
            key_was_given: self.key_was_given,
            size: self.checkpoint.size,
            root: self.checkpoint.root.to_string(),
            entries: self.head.entries,
            checked,
            first_failure: self.failures.first().cloned(),
            missing_payloads: self.missing,
            undecided: undecided.iter().map(|(why, count)| (why.name().to_owned(), *count)).collect(),
            outcome: outcome(&self.replayer),
            verifiers: self.verifiers,
            failures: self.failures,
        }
    }

    fn check(&self, name: CheckName) -> Check {
        let tally = self.replayer.tally();
        let count = match name {
            CheckName::Leaves => self.head.entries,
            CheckName::Replay => tally.decided,
            CheckName::Footage => self.footage.matched,
            CheckName::Clips => self.footage.clips_held,
            CheckName::Timestamps => self.stamps.held,
            other => self.counts.get(&other).copied().unwrap_or(0),
        };
        let why_not = self.why_not(name, count);
        let state = if self.failures.iter().any(|failure| failure.check == name) {
            CheckState::Failed
        } else if count == 0 && why_not.is_some() {
            CheckState::NotMade
        } else {
            CheckState::Held
        };
        Check { name, state, count, why_not }
    }

    /// Why a check was not made, or not for everything.
    fn why_not(&self, name: CheckName, count: u64) -> Option<Words> {
        let missing = self.missing.withheld + self.missing.erased;
        let say = |zh: &str, en: &str| Some(Words::new(zh, en));
        let not_at_hand =
            || Words::new(format!("有 {missing} 条内容不在手边"), format!("{missing} payloads are not at hand"));
        match name {
            CheckName::Checkpoint if self.policy.is_none() => say("不知道任何公钥", "no key is known"),
            CheckName::Cosignatures if count == 0 => match self.cosigned_size.map(|size| self.checkpoint.size - size) {
                Some(newer) => say(
                    &format!("最新的 {newer} 条尚未联署"),
                    &format!("the newest {newer} entries are not cosigned yet"),
                ),
                None => say("见证规则不要求联署", "the policy wants none"),
            },
            CheckName::Tree if self.stopped => say("链接已断", "the chain is broken"),
            CheckName::Nodes if count == 0 => say("手边没有已存的完整树节点", "no stored full tiles at hand"),
            CheckName::Earlier if count == 0 => say("手边没有更早的检查点", "no earlier checkpoint at hand"),
            CheckName::Footage => self.footage.why_not(missing),
            CheckName::Clips if count == 0 => say("没有影像引用", "there are no clip references"),
            CheckName::Clips => self.footage.clips_why_not(),
            CheckName::Timestamps => self.stamps.why_not(),
            CheckName::Payloads if missing > 0 => Some(not_at_hand()),
            CheckName::Statements if !self.options.signatures => say("未要求核验签名", "signatures were not asked for"),
            CheckName::Replay if !self.options.replay => say("未要求", "not asked for"),
            CheckName::Statements | CheckName::Replay => {
                match self.replay_ended.or_else(|| self.stopped.then_some(self.head.entries)) {
                    Some(seq) => say(&format!("自第 {seq} 条起未做"), &format!("not made from entry {seq} on")),
                    None => (missing > 0).then(not_at_hand),
                }
            }
            _ => None,
        }
    }
}

fn outcome(replayer: &Replayer) -> Outcome {
    let (state, tally) = (replayer.state(), replayer.tally());
    let mut phases = BTreeMap::new();
    let mut awarded: i128 = 0;
    for lot in state.lots.values() {
        let phase = serde_json::to_value(lot.phase).ok().and_then(|name| name.as_str().map(str::to_owned));
        *phases.entry(phase.unwrap_or_default()).or_default() += 1;
        if let (Phase::Awarded | Phase::Contracted | Phase::Archived, Some(award)) = (lot.phase, lot.award) {
            awarded += i128::from(award.price.get());
        }
    }
    Outcome {
        projects: u64::try_from(state.projects.len()).unwrap_or(0),
        lots: u64::try_from(state.lots.len()).unwrap_or(0),
        phases,
        bids_accepted: tally.bids_accepted,
        bids_refused: tally.bids_refused,
        extensions: tally.extensions,
        awarded: awarded.to_string(),
    }
}

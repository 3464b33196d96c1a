//! Whom to believe: the log's key, and which of its witnesses must have cosigned. Spelled as C2SP tlog-policy, or, where
//! only a number of equal witnesses counts, as leaf 0 does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use super::leaf::decimal;
use super::note::{SignatureType, VerifierKey};
use super::origin::Origin;
use crate::base::limits::{POLICY_LINES_MAX, POLICY_MAX_BYTES};

/// Which cosignatures are enough. Witnesses are named by their place in the policy's list; each stands at most once in a
/// rule, so none counts twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quorum {
    /// The log's own signature is enough.
    None,
    Witness(usize),
    /// At least `need` of the members, 1 ≤ `need` ≤ their number.
    Group {
        need: usize,
        members: Vec<Quorum>,
    },
}

impl Quorum {
    fn of(need: usize, members: Vec<Self>) -> Self {
        if need == 0 { Self::None } else { Self::Group { need, members } }
    }

    /// Whether the witnesses for which `cosigned` answers yes are enough.
    pub fn is_met(&self, cosigned: &impl Fn(usize) -> bool) -> bool {
        match self {
            Self::None => true,
            Self::Witness(place) => cosigned(*place),
            Self::Group { need, members } => members.iter().filter(|member| member.is_met(cosigned)).count() >= *need,
        }
    }

    /// The least number of witnesses that can meet it.
    pub fn least(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Witness(_) => 1,
            Self::Group { need, members } => {
                let mut least: Vec<usize> = members.iter().map(Self::least).collect();
                least.sort_unstable();
                least.into_iter().take(*need).sum()
            }
        }
    }
}

/// A log key and the witnesses over it. Leaf 0 names one (`verifier_key`, `witnesses`, `policy`), but a verifier takes its
/// own from elsewhere: a forged ledger names forged keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    log: VerifierKey,
    witnesses: Vec<VerifierKey>,
    quorum: Quorum,
}

/// The keys and the quorum do not make a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a policy: the log key has type 0x01, each witness a key of type 0x04 of its own, and the quorum can be met"
)]
pub struct NotAPolicy;

impl Policy {
    /// `quorum` is the number of witnesses that must have cosigned.
    pub fn new(log: VerifierKey, witnesses: Vec<VerifierKey>, quorum: usize) -> Result<Self, NotAPolicy> {
        if quorum > witnesses.len() {
            return Err(NotAPolicy);
        }
        let rule = Quorum::of(quorum, (0..witnesses.len()).map(Quorum::Witness).collect());
        Self::checked(log, witnesses, rule)
    }

    fn checked(log: VerifierKey, witnesses: Vec<VerifierKey>, quorum: Quorum) -> Result<Self, NotAPolicy> {
        let distinct: BTreeSet<_> = witnesses.iter().map(|key| *key.public().as_bytes()).collect();
        let well_formed = log.kind() == SignatureType::Ed25519
            && Origin::new(log.name()).is_ok()
            && witnesses.iter().all(|key| key.kind() == SignatureType::Cosignature)
            && distinct.len() == witnesses.len();
        if well_formed { Ok(Self { log, witnesses, quorum }) } else { Err(NotAPolicy) }
    }

    /// From the spelling in leaf 0: `none`, `any`, `all`, a decimal number of witnesses, or the text of a tlog-policy
    /// over these very witnesses.
    pub fn named(log: VerifierKey, witnesses: Vec<VerifierKey>, policy: &str) -> Result<Self, NotAPolicy> {
        let quorum = match policy {
            "none" => 0,
            "any" => 1,
            "all" => witnesses.len(),
            text if text.contains('\n') => {
                let policy = Self::of(log, &text.parse().map_err(|_| NotAPolicy)?)?;
                return if policy.witnesses == witnesses { Ok(policy) } else { Err(NotAPolicy) };
            }
            number => decimal(number).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0).ok_or(NotAPolicy)?,
        };
        Self::new(log, witnesses, quorum)
    }

    /// The witnesses and the quorum of a tlog-policy under this log key.
    pub fn of(log: VerifierKey, text: &PolicyText) -> Result<Self, NotAPolicy> {
        let witnesses = text.witnesses.iter().map(|witness| witness.key.clone()).collect();
        Self::checked(log, witnesses, text.quorum.clone())
    }

    /// Only the log's own signature.
    pub fn log_only(log: VerifierKey) -> Result<Self, NotAPolicy> {
        Self::new(log, Vec::new(), 0)
    }

    /// The same witnesses and quorum over another key of the log.
    #[must_use]
    pub fn with_log(&self, log: VerifierKey) -> Self {
        Self { log, ..self.clone() }
    }

    pub fn log(&self) -> &VerifierKey {
        &self.log
    }

    pub fn witnesses(&self) -> &[VerifierKey] {
        &self.witnesses
    }

    pub fn quorum(&self) -> &Quorum {
        &self.quorum
    }
}

/// `log <key> [<url>]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    pub key: VerifierKey,
    pub url: Option<String>,
}

/// `witness <name> <key> [<url>]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessLine {
    /// Means something within the policy only.
    pub name: String,
    pub key: VerifierKey,
    /// Where it takes checkpoints: its submission prefix.
    pub url: Option<String>,
}

/// C2SP tlog-policy: the text that operators and verifiers exchange. [`fmt::Display`] writes the text that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyText {
    pub logs: Vec<LogLine>,
    pub witnesses: Vec<WitnessLine>,
    pub quorum: Quorum,
    text: String,
}

/// Where a policy's text is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy, line {line}: {why}")]
pub struct PolicyError {
    pub line: usize,
    pub why: &'static str,
}

impl PolicyText {
    /// The same policy without URLs and comments: what a verifier needs, and what stands in the ledger.
    pub fn public_text(&self) -> String {
        let mut text = String::new();
        for line in self.text.split('\n') {
            let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
            let shown = match words.as_slice() {
                [] => continue,
                [word, ..] if word.starts_with('#') => continue,
                ["log", key, ..] => ["log", key].join(" "),
                ["witness", name, key, ..] => ["witness", name, key].join(" "),
                words => words.join(" "),
            };
            text.push_str(&shown);
            text.push('\n');
        }
        text
    }
}

impl FromStr for PolicyText {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        if text.len() > POLICY_MAX_BYTES {
            return Err(PolicyError { line: 0, why: "the policy is too large" });
        }
        let mut reading = Reading::default();
        for (place, line) in text.split('\n').enumerate() {
            reading.line(line).map_err(|why| PolicyError { line: place + 1, why })?;
        }
        let quorum = reading.quorum.ok_or(PolicyError { line: 0, why: "there is no quorum line" })?;
        Ok(Self { logs: reading.logs, witnesses: reading.witnesses, quorum, text: text.to_owned() })
    }
}

impl fmt::Display for PolicyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Default)]
struct Reading {
    logs: Vec<LogLine>,
    witnesses: Vec<WitnessLine>,
    defined: BTreeMap<String, Quorum>,
    /// Names that a group has as a member: none is in two.
    members: BTreeSet<String>,
    quorum: Option<Quorum>,
}

impl Reading {
    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        if line.chars().any(|c| c != '\t' && (c < ' ' || c == '\u{7f}')) {
            return Err("a control character");
        }
        let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            [] => Ok(()),
            [word, ..] if word.starts_with('#') => Ok(()),
            ["log", key] => self.log(key, None),
            ["log", key, url] => self.log(key, Some(url)),
            ["witness", name, key] => self.witness(name, key, None),
            ["witness", name, key, url] => self.witness(name, key, Some(url)),
            ["group", name, need, members @ ..] => self.group(name, need, members),
            ["quorum", name] => self.set_quorum(name),
            _ => Err("expected log, witness, group or quorum with its fields"),
        }
    }

    fn log(&mut self, key: &str, url: Option<&&str>) -> Result<(), &'static str> {
        let key: VerifierKey = key.parse().map_err(|_| "not a verifier key")?;
        if key.kind() != SignatureType::Ed25519 {
            return Err("a log's key has type 0x01");
        }
        if self.logs.len() >= POLICY_LINES_MAX || self.logs.iter().any(|log| log.key.public() == key.public()) {
            return Err("this log key stands there already, or there are too many");
        }
        self.logs.push(LogLine { key, url: url.map(ToString::to_string) });
        Ok(())
    }

    fn witness(&mut self, name: &str, key: &str, url: Option<&&str>) -> Result<(), &'static str> {
        let key: VerifierKey = key.parse().map_err(|_| "not a verifier key")?;
        if key.kind() != SignatureType::Cosignature {
            return Err("a witness's key has type 0x04");
        }
        if self.witnesses.len() >= POLICY_LINES_MAX || self.witnesses.iter().any(|w| w.key.public() == key.public()) {
            return Err("this witness key stands there already, or there are too many");
        }
        self.define(name, Quorum::Witness(self.witnesses.len()))?;
        self.witnesses.push(WitnessLine { name: name.to_owned(), key, url: url.map(ToString::to_string) });
        Ok(())
    }

    fn define(&mut self, name: &str, means: Quorum) -> Result<(), &'static str> {
        if name == "none" || self.defined.len() >= 2 * POLICY_LINES_MAX || self.defined.contains_key(name) {
            return Err("this name is taken, or there are too many");
        }
        self.defined.insert(name.to_owned(), means);
        Ok(())
    }

    fn group(&mut self, name: &str, need: &str, members: &[&str]) -> Result<(), &'static str> {
        let wrong_number = "a group needs `any`, `all`, or a number from 1 to that of its members";
        let need = match need {
            "any" => 1,
            "all" => members.len(),
            number => decimal(number).and_then(|n| usize::try_from(n).ok()).ok_or(wrong_number)?,
        };
        if members.is_empty() || need == 0 || need > members.len() {
            return Err(wrong_number);
        }
        let mut group = Vec::with_capacity(members.len());
        for member in members {
            let means = self.defined.get(*member).ok_or("a member is not defined above")?;
            if !self.members.insert((*member).to_owned()) {
                return Err("a member is in a group already");
            }
            group.push(means.clone());
        }
        self.define(name, Quorum::Group { need, members: group })
    }

    fn set_quorum(&mut self, name: &str) -> Result<(), &'static str> {
        if self.quorum.is_some() {
            return Err("there is a second quorum line");
        }
        let quorum = match name {
            "none" => Quorum::None,
            name => self.defined.get(name).cloned().ok_or("the quorum is not defined above")?,
        };
        self.quorum = Some(quorum);
        Ok(())
    }
}

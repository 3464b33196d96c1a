//! What a page can ask for. A request is a JSON object, and so is every answer but a file's bytes, behind a byte that says
//! which: `{"ok":…}`, or `{"error":"…"}` when it could not be done at all. Something that does not hold is no error but a finding in the report.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Cursor;

use mingjian::base::Id;
use mingjian::engine::{Event, Fact, Subject};
use mingjian::ledger::tree::inclusion_proof;
use mingjian::ledger::{Policy, Proof, SignedCheckpoint, VerifierKey, leaf_hash};
use mingjian::review::bundle::BundleReader;
use mingjian::review::case::{self, CaseReader, CaseReport, Part};
use mingjian::review::receipt::{self, Newer, NotAReceipt, ReceiptReport, Shown};
use mingjian::review::{
    Content, Handover, History, InSequence, Language, Options, Receipt, Report, Source, Trust, content, verify,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::entries::Entries;

type Input = Cursor<Vec<u8>>;
/// A case reads its ledger in place; a bundle is read as one that is a case of nothing else.
type Bundle = BundleReader<Part<Input>>;

/// A file that a page can be given.
enum Opened {
    Bundle(Box<Bundle>),
    Case(Box<CaseReader<Input>>),
}

impl Opened {
    fn read(file: Vec<u8>) -> Result<Self, String> {
        if CaseReader::is_case(Cursor::new(file.as_slice())) {
            return CaseReader::open(Cursor::new(file)).map(Box::new).map(Self::Case).map_err(words);
        }
        let whole = Part::whole(Cursor::new(file)).map_err(words)?;
        BundleReader::open(whole).map(Box::new).map(Self::Bundle).map_err(words)
    }

    fn ledger(&mut self) -> &mut Bundle {
        match self {
            Self::Bundle(bundle) => bundle,
            Self::Case(case) => case.ledger(),
        }
    }
}

thread_local! {
    /// The file that was opened last, for further questions.
    static OPENED: RefCell<Option<Opened>> = const { RefCell::new(None) };
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    /// Opens a bundle or a case: its manifest.
    Open {},
    /// Verifies the opened file.
    Verify {
        #[serde(default)]
        trust: Keys,
        #[serde(default = "yes")]
        signatures: bool,
    },
    /// Verifies entries that the page fetched, under this checkpoint.
    Entries {
        checkpoint: String,
        #[serde(default)]
        trust: Keys,
        #[serde(default = "yes")]
        signatures: bool,
    },
    /// The signed checkpoint of the opened file.
    Checkpoint {},
    /// The lots of the opened bundle.
    Lots {},
    /// The entries of a lot and of its project in the opened bundle, as they lie there.
    Lot { lot: Id },
    /// By which entries the log of the opened file changed its key.
    Rotations {},
    /// The clips of the opened case, with the names of their files in it.
    Clips {},
    /// The bytes of a file of the opened case, which hash to what its manifest says.
    File { name: String },
    /// Checks a receipt, the input file.
    Receipt {
        trust: Keys,
        /// With a bare `tlog-proof`: the leaf.
        #[serde(default)]
        leaf: Option<String>,
        #[serde(default)]
        newer: Option<Shown>,
    },
    /// Checks a receipt, the input file, against the opened file's ledger.
    ReceiptAgainst { trust: Keys },
}

const fn yes() -> bool {
    true
}

/// Whom the page believes.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Keys {
    #[serde(default)]
    key: Option<VerifierKeyText>,
    #[serde(default)]
    witnesses: Vec<VerifierKeyText>,
    #[serde(default)]
    quorum: usize,
    /// Checkpoints from earlier.
    #[serde(default)]
    earlier: Vec<String>,
}

type VerifierKeyText = String;

/// A report with its words.
#[derive(Serialize)]
struct Told<R> {
    report: R,
    exit_code: u8,
    zh: String,
    en: String,
}

/// A lot of a bundle: what names it, and how many entries are about it.
#[derive(Serialize, Default)]
struct LotItem {
    title: String,
    code: String,
    entries: u64,
    bids: u64,
    /// The kind of the last public entry about it.
    last: String,
}

/// The first byte of an answer: what follows is JSON, or the bytes of a file.
const JSON: u8 = 0;
const BYTES: u8 = 1;

/// Answers one request.
pub fn answer(request: &[u8], file: Vec<u8>, progress: impl FnMut(u64, u64)) -> Vec<u8> {
    let answer = match serde_json::from_slice(request).map_err(|error| format!("request: {error}")) {
        Ok(request) => carry_out(request, file, progress),
        Err(error) => Err(error),
    };
    let answer = match answer {
        Ok(Answer::Bytes(bytes)) => return marked(BYTES, &bytes),
        Ok(Answer::Json(value)) => json!({ "ok": value }),
        Err(error) => json!({ "error": error }),
    };
    marked(JSON, answer.to_string().as_bytes())
}

fn marked(mark: u8, answer: &[u8]) -> Vec<u8> {
    [&[mark], answer].concat()
}

enum Answer {
    Json(Value),
    Bytes(Vec<u8>),
}

fn carry_out(request: Request, file: Vec<u8>, progress: impl FnMut(u64, u64)) -> Result<Answer, String> {
    let answer = match request {
        Request::Open {} => {
            let opened = Opened::read(file)?;
            let manifest = match &opened {
                Opened::Bundle(bundle) => value(bundle.manifest()),
                Opened::Case(case) => value(case.manifest()),
            };
            OPENED.set(Some(opened));
            manifest
        }
        Request::Verify { trust, signatures } => opened(|opened| match opened {
            Opened::Bundle(bundle) => {
                told(verified(bundle.as_mut(), trust, signatures, progress)?, Report::exit_code, Report::to_text)
            }
            Opened::Case(reader) => {
                let options = Options { signatures, replay: true };
                let report = case::verify(reader, &trust.read()?, options, &InSequence, progress).map_err(words)?;
                told(report, CaseReport::exit_code, CaseReport::to_text)
            }
        }),
        Request::Entries { checkpoint, trust, signatures } => {
            let mut entries = Entries::read(checkpoint, &file)?;
            told(verified(&mut entries, trust, signatures, progress)?, Report::exit_code, Report::to_text)
        }
        Request::Checkpoint {} => opened(|opened| opened.ledger().checkpoint().map(Value::String).map_err(words)),
        Request::Lots {} => opened(|opened| lots(opened.ledger())),
        Request::Lot { lot } => opened(|opened| entries_of(opened.ledger(), lot)),
        Request::Rotations {} => opened(|opened| rotations(opened.ledger())),
        Request::Clips {} => opened(|opened| match opened {
            Opened::Case(case) => value(&case.clips().map_err(words)?),
            Opened::Bundle(_) => Ok(json!([])),
        }),
        Request::File { name } => {
            let bytes = opened(|opened| match opened {
                Opened::Case(case) => case.file(&name).map_err(words),
                Opened::Bundle(_) => Err("a bundle has no such files".into()),
            })?;
            return Ok(Answer::Bytes(bytes));
        }
        Request::Receipt { trust, leaf, newer } => {
            let text = text(file)?;
            let receipt = match leaf {
                Some(leaf) => Receipt::new(leaf, None, text),
                None => Receipt::parse(&text).map_err(words)?,
            };
            let newer = newer.as_ref().map(Newer::read).transpose().map_err(words)?;
            told_receipt(receipt::check(&receipt, &trust.log()?, newer.as_ref()))
        }
        Request::ReceiptAgainst { trust } => {
            let (text, policy) = (text(file)?, trust.log()?);
            opened(|opened| told_receipt(receipt::check_against(&text, &policy, opened.ledger())))
        }
    };
    answer.map(Answer::Json)
}

impl Keys {
    fn read(self) -> Result<Trust, String> {
        Ok(Trust { policy: self.policy()?, earlier: self.earlier, authorities: None })
    }

    fn log(&self) -> Result<Policy, String> {
        self.policy()?.ok_or_else(|| "a receipt needs the log's key".to_owned())
    }

    fn policy(&self) -> Result<Option<Policy>, String> {
        let key = |text: &String| text.trim().parse::<VerifierKey>().map_err(words);
        let Some(log) = self.key.as_ref().map(key).transpose()? else { return Ok(None) };
        let witnesses = self.witnesses.iter().map(key).collect::<Result<_, _>>()?;
        Policy::new(log, witnesses, self.quorum).map(Some).map_err(words)
    }
}

fn text(file: Vec<u8>) -> Result<String, String> {
    String::from_utf8(file).map_err(|_| "the receipt is not text".to_owned())
}

fn told_receipt(found: Result<ReceiptReport, NotAReceipt>) -> Result<Value, String> {
    told(found.map_err(words)?, ReceiptReport::exit_code, ReceiptReport::to_text)
}

fn opened<T>(work: impl FnOnce(&mut Opened) -> Result<T, String>) -> Result<T, String> {
    OPENED.with_borrow_mut(|opened| work(opened.as_mut().ok_or("no file was opened")?))
}

fn verified<S: Source>(
    source: &mut S,
    trust: Keys,
    signatures: bool,
    progress: impl FnMut(u64, u64),
) -> Result<Report, String> {
    verify(source, &trust.read()?, Options { signatures, replay: true }, &InSequence, progress).map_err(words)
}

fn told<R: Serialize>(
    report: R,
    exit_code: impl Fn(&R) -> u8,
    text: impl Fn(&R, Language) -> String,
) -> Result<Value, String> {
    let (exit_code, zh, en) = (exit_code(&report), text(&report, Language::Zh), text(&report, Language::En));
    value(&Told { report, exit_code, zh, en })
}

/// Entries are read a tile's worth at a time.
const STEP: usize = 4_096;

fn each_entry(bundle: &mut Bundle, mut visit: impl FnMut(u64, mingjian::review::Entry)) -> Result<(), String> {
    let size = bundle.manifest().size;
    let mut next = 0;
    while next < size {
        let entries = bundle.entries(next, STEP).map_err(words)?;
        if entries.is_empty() {
            return Err("the file ends early".into());
        }
        for entry in entries {
            visit(next, entry);
            next += 1;
        }
    }
    Ok(())
}

fn event(payload: &[u8]) -> Option<Event> {
    if let Ok(Content::Event(event)) = content::read(payload) { Some(*event) } else { None }
}

fn lots(bundle: &mut Bundle) -> Result<Value, String> {
    let mut codes: BTreeMap<Id, String> = BTreeMap::new();
    let mut lots: BTreeMap<Id, LotItem> = BTreeMap::new();
    each_entry(bundle, |_, entry| {
        let Some(event) = entry.payload.ok().as_deref().and_then(event) else { return };
        match (event.subject, &event.fact) {
            (Subject::Project(id), Fact::ProjectRegistered(fact)) => {
                codes.insert(id, fact.code.clone());
            }
            (Subject::Lot(id), fact) => {
                let lot = lots.entry(id).or_default();
                lot.entries += 1;
                fact.kind().clone_into(&mut lot.last);
                match fact {
                    Fact::Noticed(fact) => {
                        lot.title.clone_from(&fact.title);
                        lot.code = codes.get(&fact.project).cloned().unwrap_or_default();
                    }
                    Fact::BidAccepted(_) | Fact::BidRefused(_) => lot.bids += 1,
                    _ => {}
                }
            }
            _ => {}
        }
    })?;
    value(&lots)
}

fn entries_of(bundle: &mut Bundle, lot: Id) -> Result<Value, String> {
    let mut project = None;
    let mut registered = BTreeMap::new();
    let mut found = Vec::new();
    each_entry(bundle, |seq, entry| {
        let Ok(payload) = entry.payload else { return };
        let Some(event) = event(&payload) else { return };
        let row = json!({
            "seq": seq,
            "leaf": String::from_utf8_lossy(&entry.leaf),
            "payload": String::from_utf8_lossy(&payload),
        });
        match (event.subject, event.fact) {
            (Subject::Project(id), Fact::ProjectRegistered(_)) => {
                registered.insert(id, row);
            }
            (Subject::Lot(id), fact) if id == lot => {
                if let Fact::Noticed(fact) = fact {
                    project = Some(fact.project);
                }
                found.push(row);
            }
            _ => {}
        }
    })?;
    let project = project.and_then(|id| registered.remove(&id));
    Ok(json!({ "project": project, "entries": found }))
}

/// Each entry `ledger.key_rotated` with its proof under the file's checkpoint.
fn rotations(bundle: &mut Bundle) -> Result<Value, String> {
    let checkpoint = SignedCheckpoint::parse(&bundle.checkpoint().map_err(words)?).map_err(words)?;
    let (mut history, mut found) = (History::new(), Vec::new());
    each_entry(bundle, |seq, entry| {
        history.append(leaf_hash(&entry.leaf));
        if let Ok(payload) = entry.payload
            && matches!(content::read(&payload), Ok(Content::KeyRotated(_)))
        {
            found.push((seq, entry.leaf, payload));
        }
    })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let handover = |(seq, leaf, payload): (u64, Vec<u8>, Vec<u8>)| {
        let path = inclusion_proof(&history, seq, checkpoint.unverified().size).map_err(|_| "no inclusion proof")?;
        let proof = Proof { extra: None, index: seq, path, checkpoint: checkpoint.clone() }.to_string();
        Ok(Handover { leaf: text(&leaf), payload: text(&payload), proof })
    };
    value(&found.into_iter().map(handover).collect::<Result<Vec<_>, String>>()?)
}

fn value<T: Serialize>(of: &T) -> Result<Value, String> {
    serde_json::to_value(of).map_err(words)
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn words(error: impl ToString) -> String {
    error.to_string()
}

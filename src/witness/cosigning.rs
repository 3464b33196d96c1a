//! The log's side: each checkpoint is handed to the witnesses, and shown when enough of them have cosigned it. Whether a
//! missing witness holds back what is shown, and for how long, is the policy's setting. Nobody's bid waits for a witness:
//! entries are accepted, committed and streamed without them.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use ureq::Agent;

use crate::base::Span;
use crate::base::limits::{
    COSIGN_EVERY, COSIGN_RETRY_AFTER, COSIGN_ROUNDS_KEPT, NOTE_MAX_BYTES, PUBLICATION_WAIT_MAX, WITNESS_ANSWER_MAX,
};
use crate::ledger::note::NoteSignature;
use crate::ledger::policy::{NotAPolicy, WitnessLine};
use crate::ledger::tree::consistency_proof;
use crate::ledger::{AddCheckpoint, Note, Policy, PolicyText, SignedCheckpoint, VerifierKey, cosignature};
use crate::sequencer::{CommittedBatch, LedgerTree, Listener, Sequencer};

/// How a ledger's checkpoints are cosigned. Cheap to clone; the last one to go ends its threads.
#[derive(Clone)]
pub struct Cosigning {
    shared: Arc<Collection>,
    _stop: Arc<StopOnDrop>,
}

struct StopOnDrop(Arc<Collection>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.lock().stopped = true;
        self.0.signal.changed.notify_all();
    }
}

/// What the threads share.
struct Collection {
    text: Option<PolicyText>,
    policy: Policy,
    wait: Duration,
    sequencer: OnceLock<Sequencer>,
    signal: Arc<Signal>,
}

/// What hears of commits. It knows no sequencer: the sequencer knows it.
#[derive(Default)]
struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    stopped: bool,
    /// Size of the newest commit.
    committed: u64,
    /// The newest last.
    rounds: VecDeque<Round>,
    begun: u64,
    shown: Option<Shown>,
    witnesses: Vec<WitnessState>,
}

/// One checkpoint on its way to the witnesses.
struct Round {
    number: u64,
    size: u64,
    signed: SignedCheckpoint,
    began: Instant,
    /// By place of the witness: whether it has cosigned; `None` while it has not answered.
    answers: Vec<Option<bool>>,
}

struct Shown {
    size: u64,
    note: Arc<str>,
    /// Whether the policy's quorum has cosigned it.
    is_met: bool,
}

#[derive(Default, Clone)]
struct WitnessState {
    /// The newest checkpoint that it has cosigned: size and seconds of UTC.
    cosigned: Option<(u64, u64)>,
    trouble: Option<String>,
}

/// A witness as the log sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessView {
    /// As the policy calls it.
    pub name: String,
    pub key: VerifierKey,
    /// The newest checkpoint that it has cosigned: size and seconds of UTC since 1970.
    pub cosigned: Option<(u64, u64)>,
    /// Why it has not cosigned the last one it was given.
    pub trouble: Option<String>,
}

/// Who has cosigned what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosigningView {
    /// The policy's text; empty when nobody cosigns.
    pub policy: String,
    /// The least number of witnesses that meets the policy.
    pub required: usize,
    pub wait: Duration,
    pub witnesses: Vec<WitnessView>,
    /// Whether what is shown now has its quorum.
    pub is_met: bool,
}

impl Cosigning {
    /// Nobody cosigns: every checkpoint is shown at once.
    pub fn none(log: VerifierKey) -> Result<Self, NotAPolicy> {
        Ok(Self::of(None, Policy::log_only(log)?, Duration::ZERO))
    }

    /// By the witnesses of `text`, those without a URL excepted: whoever runs them must come for the checkpoints.
    /// What is shown waits at most `wait` for a quorum.
    pub fn by(log: VerifierKey, text: PolicyText, wait: Span) -> Result<Self, NotAPolicy> {
        let policy = Policy::of(log, &text)?;
        Ok(Self::of(Some(text), policy, Duration::from_micros(wait.min(PUBLICATION_WAIT_MAX).get())))
    }

    fn of(text: Option<PolicyText>, policy: Policy, wait: Duration) -> Self {
        let witnesses = vec![WitnessState::default(); policy.witnesses().len()];
        let state = Mutex::new(State { witnesses, ..State::default() });
        let signal = Arc::new(Signal { state, changed: Condvar::new() });
        let shared = Collection { text, policy, wait, sequencer: OnceLock::new(), signal };
        let shared = Arc::new(shared);
        Self { _stop: Arc::new(StopOnDrop(Arc::clone(&shared))), shared }
    }

    /// What must hear of commits from the first one on.
    pub fn listener(&self) -> Arc<dyn Listener> {
        Arc::<Signal>::clone(&self.shared.signal) as _
    }

    /// Begins to collect. What was shown before a restart and had its quorum is shown until there is newer.
    pub fn start(&self, sequencer: Sequencer) -> std::io::Result<()> {
        let committed = sequencer.read(|committed| committed.size);
        let kept = newest_kept(&sequencer, &self.shared.policy);
        let _only_once = self.shared.sequencer.set(sequencer);
        if self.shared.lines().is_empty() {
            return Ok(());
        }
        {
            let mut state = self.shared.lock();
            state.committed = state.committed.max(committed);
            state.shown = kept;
        }
        let shared = Arc::clone(&self.shared);
        std::thread::Builder::new().name("cosigning".into()).spawn(move || shared.run())?;
        for (place, line) in self.shared.lines().iter().enumerate() {
            let Some(url) = line.url.clone() else { continue };
            let (shared, key) = (Arc::clone(&self.shared), line.key.clone());
            let run = move || Courier { shared, place, key, agent: agent(), url, known: 0 }.run();
            std::thread::Builder::new().name("courier".into()).spawn(run)?;
        }
        Ok(())
    }

    /// The newest checkpoint that may be shown.
    pub fn shown(&self) -> Arc<str> {
        let shown = self.shared.lock().shown.as_ref().map(|shown| Arc::clone(&shown.note));
        shown.unwrap_or_else(|| self.newest())
    }

    /// The newest checkpoint to prove entry `seq` under: the shown one, or for an entry that is newer than it the newest
    /// that the log has signed.
    pub fn over(&self, seq: u64) -> Arc<str> {
        let shown =
            self.shared.lock().shown.as_ref().filter(|shown| shown.size > seq).map(|shown| Arc::clone(&shown.note));
        shown.unwrap_or_else(|| self.newest())
    }

    fn newest(&self) -> Arc<str> {
        self.shared.sequencer.get().map_or_else(|| "".into(), Sequencer::checkpoint)
    }

    pub fn view(&self) -> CosigningView {
        let state = self.shared.lock();
        let witnesses = self.shared.lines().iter().zip(&state.witnesses).map(|(line, state)| WitnessView {
            name: line.name.clone(),
            key: line.key.clone(),
            cosigned: state.cosigned,
            trouble: state.trouble.clone(),
        });
        CosigningView {
            policy: self.shared.text.as_ref().map(PolicyText::public_text).unwrap_or_default(),
            required: self.shared.policy.quorum().least(),
            wait: self.shared.wait,
            witnesses: witnesses.collect(),
            is_met: state.shown.as_ref().is_some_and(|shown| shown.is_met),
        }
    }

    /// Waits until all that is committed is cosigned, at most as long as one answer may take. For a shutdown.
    pub fn drain(&self) {
        let deadline = Instant::now() + Duration::from_micros(WITNESS_ANSWER_MAX.get());
        let mut state = self.shared.lock();
        while !self.shared.lines().is_empty()
            && state.shown.as_ref().is_none_or(|shown| shown.size < state.committed || !shown.is_met)
        {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.shared.signal.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// The newest kept note, if its quorum has cosigned it.
fn newest_kept(sequencer: &Sequencer, policy: &Policy) -> Option<Shown> {
    let (size, note) = sequencer.reader().newest_checkpoint().ok()??;
    SignedCheckpoint::parse(&note).ok()?.verify(policy).ok()?;
    Some(Shown { size, note: note.into(), is_met: true })
}

fn agent() -> Agent {
    let wait = Duration::from_micros(WITNESS_ANSWER_MAX.get());
    Agent::config_builder().http_status_as_error(false).timeout_global(Some(wait)).build().into()
}

impl Listener for Signal {
    fn committed(&self, batch: &Arc<CommittedBatch>) {
        let Some(last) = batch.entries.last() else { return };
        self.state.lock().unwrap_or_else(PoisonError::into_inner).committed = last.seq + 1;
        self.changed.notify_all();
    }
}

impl Collection {
    fn lines(&self) -> &[WitnessLine] {
        self.text.as_ref().map_or(&[], |text| text.witnesses.as_slice())
    }

    /// Whether another node writes the ledger: then it may be ahead of what is known here.
    fn follows(&self) -> bool {
        self.sequencer.get().is_some_and(|sequencer| sequencer.leader().is_some())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.signal.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins rounds, and shows what waited long enough.
    fn run(&self) {
        let every = Duration::from_micros(COSIGN_EVERY.get());
        let mut state = self.lock();
        while !state.stopped {
            let due = state.rounds.back().is_none_or(|round| {
                let done = round.answers.iter().all(Option::is_some) || round.began.elapsed() >= every;
                done && round.size < state.committed
            });
            if due && state.committed > 0 {
                self.begin(&mut state);
            }
            self.show(&mut state);
            state = self.signal.changed.wait_timeout(state, every / 4).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn begin(&self, state: &mut State) {
        let Some(note) = self.sequencer.get().map(Sequencer::checkpoint) else { return };
        let Ok(signed) = SignedCheckpoint::parse(&note) else { return };
        state.begun += 1;
        let size = signed.unverified().size;
        // Who has no URL is not waited for.
        let answers = self.lines().iter().map(|line| if line.url.is_some() { None } else { Some(false) }).collect();
        state.rounds.push_back(Round { number: state.begun, size, signed, began: Instant::now(), answers });
        while state.rounds.len() > COSIGN_ROUNDS_KEPT {
            state.rounds.pop_front();
        }
        self.signal.changed.notify_all();
    }

    /// Shows the newest checkpoint that has its quorum, or that has waited for it as long as the policy wants.
    fn show(&self, state: &mut State) {
        let State { rounds, shown, .. } = state;
        let has = |round: &Round, place: usize| round.answers.get(place).copied().flatten() == Some(true);
        let ready = rounds.iter().rev().find_map(|round| {
            let is_met = self.policy.quorum().is_met(&|place| has(round, place));
            (is_met || round.began.elapsed() >= self.wait).then_some((round, is_met))
        });
        let Some((round, is_met)) = ready else { return };
        let note: Arc<str> = round.signed.to_string().into();
        // What is shown never grows smaller, and loses no signature.
        let better = shown
            .as_ref()
            .is_none_or(|shown| round.size > shown.size || round.size == shown.size && note.len() > shown.note.len());
        if better {
            if let Some(sequencer) = self.sequencer.get().filter(|_| is_met) {
                sequencer.keep_cosigned(round.size, &note);
            }
            *shown = Some(Shown { size: round.size, note, is_met });
            self.signal.changed.notify_all();
        }
    }

    /// A witness's answer to a round.
    fn answer(&self, number: u64, place: usize, answer: Result<(NoteSignature, u64), NoLine>) {
        let mut state = self.lock();
        let mut cosigned = None;
        if let Some(round) = state.rounds.iter_mut().find(|round| round.number == number) {
            let holds = match &answer {
                Ok((line, seconds)) => {
                    cosigned = Some((round.size, *seconds));
                    round.signed.add(line.clone()).is_ok()
                }
                Err(_) => false,
            };
            if let Some(slot) = round.answers.get_mut(place) {
                *slot = Some(holds);
            }
        }
        if let Some(witness) = state.witnesses.get_mut(place) {
            witness.cosigned = cosigned.or(witness.cosigned);
            match answer {
                Ok(_) => witness.trouble = None,
                Err(NoLine::Trouble(trouble)) => witness.trouble = Some(trouble),
                Err(NoLine::Overtaken) => {}
            }
        }
        self.show(&mut state);
        drop(state);
        self.signal.changed.notify_all();
    }
}

/// Why a witness gave no cosignature.
enum NoLine {
    /// It has cosigned a newer checkpoint already.
    Overtaken,
    Trouble(String),
}

/// Carries checkpoints to one witness, one after the other, the newest first.
struct Courier {
    shared: Arc<Collection>,
    place: usize,
    key: VerifierKey,
    agent: Agent,
    url: String,
    /// The size that the witness is believed to know.
    known: u64,
}

impl Courier {
    fn run(mut self) {
        let mut last = 0;
        while let Some((number, signed)) = self.next(last) {
            last = number;
            let answer = self.carry(&signed);
            let failed = matches!(answer, Err(NoLine::Trouble(_)));
            if let Err(NoLine::Trouble(error)) = &answer {
                tracing::warn!(witness = self.key.name(), error, "not cosigned");
            }
            self.shared.answer(number, self.place, answer);
            if failed {
                self.rest();
            }
        }
    }

    /// The newest round after `last`; `None` when all is over.
    fn next(&self, last: u64) -> Option<(u64, SignedCheckpoint)> {
        let mut state = self.shared.lock();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(round) = state.rounds.back().filter(|round| round.number > last) {
                return Some((round.number, round.signed.clone()));
            }
            state = self.shared.signal.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// After a failure: not at once again.
    fn rest(&self) {
        let until = Instant::now() + Duration::from_micros(COSIGN_RETRY_AFTER.get());
        let mut state = self.shared.lock();
        while !state.stopped && Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            state = self.shared.signal.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn carry(&mut self, signed: &SignedCheckpoint) -> Result<(NoteSignature, u64), NoLine> {
        let size = signed.unverified().size;
        // Once from what we believe, once from what the witness says.
        for _ in 0..2 {
            match self.submit(signed).map_err(NoLine::Trouble)? {
                Ok(line) => {
                    self.known = size;
                    return Ok(line);
                }
                Err(theirs) if theirs > size => {
                    let committed = self.shared.lock().committed;
                    self.known = theirs.min(committed);
                    // It came for a newer checkpoint by itself, or another node handed it one; but a ledger that was set
                    // back looks like this too.
                    let may_be_newer = theirs <= committed || self.shared.follows();
                    return Err(if may_be_newer {
                        NoLine::Overtaken
                    } else {
                        NoLine::Trouble(format!(
                            "it has cosigned {theirs} entries, more than the {committed} there are"
                        ))
                    });
                }
                Err(theirs) if theirs == self.known => {
                    return Err(NoLine::Trouble(format!("it has cosigned another history of {theirs} entries")));
                }
                Err(theirs) => self.known = theirs,
            }
        }
        Err(NoLine::Overtaken)
    }

    /// One `add-checkpoint`: the cosignature, or the size that the witness knows.
    fn submit(&self, signed: &SignedCheckpoint) -> Result<Result<(NoteSignature, u64), u64>, String> {
        let checkpoint = signed.unverified();
        let sequencer = self.shared.sequencer.get().ok_or("the ledger is not open")?;
        let (reader, old) = (sequencer.reader(), self.known.min(checkpoint.size));
        let tree = LedgerTree { reader: &*reader, size: checkpoint.size };
        let proof = consistency_proof(&tree, old, checkpoint.size).map_err(|error| error.to_string())?;
        let head = signed
            .note()
            .text()
            .parse()
            .map_err(|error: crate::ledger::checkpoint::CheckpointError| error.to_string())?;
        let body = AddCheckpoint { old, proof, note: signed.note().clone(), head }.to_string();
        let url = format!("{}/add-checkpoint", self.url.trim_end_matches('/'));
        let mut answer = self.agent.post(url).send(body).map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let limit = u64::try_from(NOTE_MAX_BYTES).unwrap_or(u64::MAX);
        let text = answer.body_mut().with_config().limit(limit).read_to_string().map_err(|error| error.to_string())?;
        match status {
            200 => self.read_cosignature(signed, &text).map(Ok),
            409 => text.trim_end().parse().map(Err).map_err(|_| "409 without a size".to_owned()),
            status => Err(format!("status {status}")),
        }
    }

    /// The line of the configured key; lines of others are passed over.
    fn read_cosignature(&self, signed: &SignedCheckpoint, text: &str) -> Result<(NoteSignature, u64), String> {
        let lines: Vec<NoteSignature> = text.lines().filter_map(|line| NoteSignature::parse(line).ok()).collect();
        let ours = |line: &&NoteSignature| line.name == self.key.name() && line.id == self.key.id();
        let line = lines.iter().find(ours).cloned().ok_or("its answer bears no signature of its key")?;
        let alone =
            Note::new(signed.note().text().to_owned(), vec![line.clone()]).map_err(|error| error.to_string())?;
        let seconds = cosignature::verify(&alone, &self.key).map_err(|error| error.to_string())?;
        Ok((line, seconds))
    }
}

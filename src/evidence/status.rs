//! How each camera is doing: for screens, for alarms, and for those who watch live.

use std::collections::VecDeque;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::journal::Recorded;
use super::live::Live;
use super::lock;
use super::rtsp::CameraError;
use crate::base::limits::{FROZEN_MAX, LIVE_SEGMENTS, SILENCE_LEVEL, SILENCE_MAX};
use crate::base::{Id, Micros, Span};
use crate::ledger::media::Cause;

/// A segment as it comes off the recorder.
pub struct Footage {
    pub recorded: Recorded,
    pub has_audio: bool,
}

/// What a camera does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Phase {
    Connecting,
    Recording,
    /// With what it ended, for people.
    Down {
        cause: Cause,
        what: String,
    },
}

/// A camera as of now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    pub phase: Phase,
    /// Since when it is so.
    pub since: Micros,
    /// Until when there is footage.
    pub until: Option<Micros>,
    pub uncertainty: Option<Span>,
    pub level: Option<i32>,
    pub has_audio: Option<bool>,
    /// Since when nothing was heard.
    pub silent_since: Option<Micros>,
    /// Since when the picture has not changed.
    pub frozen_since: Option<Micros>,
}

/// The mutable side of a camera's watch.
pub struct Watched(Mutex<Inner>);

struct Inner {
    status: Status,
    /// Up to where it is accounted for, by footage or by a gap.
    accounted: Option<Micros>,
    /// What the next gap is put down to.
    cause: Cause,
    run: Option<Id>,
    picture: Option<String>,
    changed: bool,
    latest: VecDeque<Recorded>,
    /// How many segments and runs have left `latest`.
    before: u64,
    runs_before: u64,
}

impl Watched {
    /// `accounted`: up to where the ledger knows of the camera; what is missing since then is the recorder's fault.
    pub fn new(accounted: Option<Micros>, now: Micros) -> Self {
        let status = Status {
            phase: Phase::Connecting,
            since: now,
            until: accounted,
            uncertainty: None,
            level: None,
            has_audio: None,
            silent_since: None,
            frozen_since: None,
        };
        let cause = Cause::RecorderRestarted;
        let (run, picture, latest) = (None, None, VecDeque::new());
        let (changed, before, runs_before) = (true, 0, 0);
        Self(Mutex::new(Inner { status, accounted, cause, run, picture, changed, latest, before, runs_before }))
    }

    pub fn status(&self) -> Status {
        lock(&self.0).status.clone()
    }

    /// Its last segments, of one run or of several.
    pub fn live(&self) -> Live {
        let inner = lock(&self.0);
        Live { segments: inner.latest.iter().cloned().collect(), before: inner.before, runs_before: inner.runs_before }
    }

    /// A key frame looks like this.
    pub fn picture(&self, hash: &str) {
        let mut inner = lock(&self.0);
        if inner.picture.as_deref() != Some(hash) {
            inner.picture = Some(hash.to_owned());
            inner.changed = true;
        }
    }

    /// Takes note of a segment; answers with the gap before it, if it is the first of its run.
    pub fn recorded(&self, footage: Footage, now: Micros) -> Option<(Cause, Micros, Micros)> {
        let Footage { recorded, has_audio } = footage;
        let mut inner = lock(&self.0);
        let (from, to) = (recorded.from, recorded.to());
        let begins = inner.run.replace(recorded.run) != Some(recorded.run);
        let gap = inner.accounted.filter(|_| begins).map(|accounted| (inner.cause, accounted, from));
        inner.accounted = inner.accounted.max(Some(to));
        let is_silent = recorded.segment.level.is_none_or(|level| level < SILENCE_LEVEL);
        let is_still = !std::mem::take(&mut inner.changed);
        let status = &mut inner.status;
        if !matches!(status.phase, Phase::Recording) {
            (status.phase, status.since) = (Phase::Recording, now);
        }
        (status.until, status.uncertainty) = (Some(to), Some(recorded.uncertainty));
        (status.level, status.has_audio) = (recorded.segment.level, Some(has_audio));
        status.silent_since = is_silent.then(|| status.silent_since.unwrap_or(from));
        status.frozen_since = is_still.then(|| status.frozen_since.unwrap_or(from));
        if inner.latest.len() >= LIVE_SEGMENTS {
            let gone = inner.latest.pop_front().map(|gone| gone.run);
            inner.before += 1;
            inner.runs_before += u64::from(gone != inner.latest.front().map(|first| first.run));
        }
        inner.latest.push_back(recorded);
        gap
    }

    /// The run is over; what ended it is told by [`Watched::down`].
    pub fn run_ended(&self) {
        lock(&self.0).run = None;
    }

    pub fn down(&self, error: CameraError, now: Micros) {
        let mut inner = lock(&self.0);
        inner.cause = error.cause;
        let status = &mut inner.status;
        if !matches!(status.phase, Phase::Down { .. }) {
            status.since = now;
        }
        status.phase = Phase::Down { cause: error.cause, what: error.what };
        (status.silent_since, status.frozen_since, status.level) = (None, None, None);
    }

    /// What is missing up to `now` from a camera that is down; from here on it is accounted for.
    pub fn missing(&self, now: Micros) -> Option<(Cause, Micros, Micros)> {
        let mut inner = lock(&self.0);
        if !matches!(inner.status.phase, Phase::Down { .. }) || inner.run.is_some() {
            return None;
        }
        let from = inner.accounted?;
        let is_worth = now.since(from) >= crate::base::limits::GAP_MIN;
        is_worth.then(|| {
            inner.accounted = Some(now);
            (inner.cause, from, now)
        })
    }
}

impl Status {
    pub fn is_silent(&self, now: Micros) -> bool {
        self.silent_since.is_some_and(|since| now.since(since) > SILENCE_MAX)
    }

    pub fn is_frozen(&self, now: Micros) -> bool {
        self.frozen_since.is_some_and(|since| now.since(since) > FROZEN_MAX)
    }
}

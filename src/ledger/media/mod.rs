//! Camera evidence in the ledger (`docs/ledger-format.md` §7): what a recorder announces, what a clip refers to, and how the
//! two hang together. Who writes these and who verifies them share this, so that neither can be more lenient.

mod clips;
mod segments;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

pub use clips::{Audio, ClipClock, ClipReferenced, ClipRequested, External, Interval, Part, playlist, write_part};
pub use segments::{FileName, Gap, Segment, SegmentsRecorded, Stretch, run_link, segment_link};

use super::jcs::{self, JcsError};
use crate::base::{Hash, Id, Micros, Span};

pub const SEGMENTS_RECORDED: &str = "evidence.segments_recorded";
pub const CLIP_REQUESTED: &str = "evidence.clip_requested";
pub const CLIP_REFERENCED: &str = "evidence.clip_referenced";
pub const FOOTAGE_DELETED: &str = "evidence.footage_deleted";
pub const HOLD_PLACED: &str = "evidence.hold_placed";
pub const HOLD_LIFTED: &str = "evidence.hold_lifted";
pub const ALARM_RAISED: &str = "evidence.alarm_raised";
pub const ALARM_CLEARED: &str = "evidence.alarm_cleared";
pub const VIEWED: &str = "evidence.viewed";

/// A named set of words that stand in the ledger.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident $word:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$of])* $variant,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|word| word.name() == text).ok_or(UnknownWord)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.name())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                std::borrow::Cow::<'de, str>::deserialize(d)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

/// The text is none of the words that stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a word that is known here")]
pub struct UnknownWord;

words! {
    /// Why there is no footage.
    Cause {
        /// The camera refused, hung up, or stopped sending pictures.
        CameraGone "camera_gone";
        /// It could not be reached, or nothing came through any more.
        Network "network";
        /// The recorder, or the process that it reads the camera with, was away.
        RecorderRestarted "recorder_restarted";
        DiskFull "disk_full";
        /// The recorder's clock was set; times before and after do not compare.
        ClockStep "clock_step";
        /// Footage was there, and the ledger did not take its digests in time: it proves nothing.
        NotCommitted "not_committed";
    }
}

words! {
    ClipStatus {
        /// Its last segment is not in yet.
        Pending "pending";
        /// The whole interval that was asked for is there.
        Complete "complete";
        /// Part of the interval is missing; the reference says where and why.
        Gap "gap";
        /// Retention deleted the footage; digests and tombstone remain.
        Expired "expired";
    }
}

words! {
    AlarmKind {
        CameraDown "camera_down";
        MicrophoneSilent "microphone_silent";
        PictureFrozen "picture_frozen";
        ClockUncertain "clock_uncertain";
        DiskNearlyFull "disk_nearly_full";
    }
}

words! {
    /// How long footage that no clip refers to is kept.
    Retention {
        Days7 "days_7";
        Days90 "days_90";
        /// 拍卖法 art. 55: at least five years; the platform's own rule for online auctions is ten.
        Years10 "years_10";
        /// 政府采购法 art. 42: files of procurement are kept for at least fifteen years.
        Years15 "years_15";
    }
}

impl Retention {
    pub const fn span(self) -> Span {
        match self {
            Self::Days7 => Span::days(7),
            Self::Days90 => Span::days(90),
            // Three leap days at most in ten years, four in fifteen.
            Self::Years10 => Span::days(3_653),
            Self::Years15 => Span::days(5_479),
        }
    }
}

/// `data` of [`FOOTAGE_DELETED`]: the tombstone of segments whose digests stay in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FootageDeleted {
    pub camera: Id,
    /// `retention`, or `space` when the disk was full.
    pub reason: String,
    pub runs: Vec<DeletedRun>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeletedRun {
    pub count: u64,
    pub first: u64,
    pub run: Id,
}

/// `data` of [`HOLD_PLACED`]: nothing of this interval is deleted until it is lifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldPlaced {
    pub camera: Id,
    pub from: Micros,
    pub hold: Id,
    pub reason: String,
    pub to: Micros,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldLifted {
    pub hold: Id,
    pub reason: String,
}

/// `data` of [`ALARM_RAISED`] and [`ALARM_CLEARED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    pub alarm: AlarmKind,
    /// Absent when it is about the recorder as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<Id>,
    /// For people.
    pub detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<Id>,
    pub since: Micros,
}

/// `data` of [`VIEWED`]: written before anything is shown. The actor says who.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Viewed {
    /// Absent when all clips of the lot were taken along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<Id>,
    /// The interval that may be looked at.
    pub from: Micros,
    /// SHA-256 of an export's manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Hash>,
    /// `live`, `clip`, `export`, or `case`: all clips of the lot in a case file.
    pub mode: String,
    pub reason: String,
    pub to: Micros,
}

/// `data` in the ledger's own JSON, as a record carries it.
pub fn to_data<T: Serialize>(data: &T) -> Result<serde_json::Value, JcsError> {
    jcs::to_value(data)
}

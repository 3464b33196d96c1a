//! What the tables of footage take out of entries, as the ledger's other tables do: all of it can be read again.

use crate::base::{Id, Micros};
use crate::ledger::Payload;
use crate::ledger::media::{SEGMENTS_RECORDED, SegmentsRecorded};
use crate::store::platform::footage::{self, GapRow, StretchRow};
use crate::store::{StoreError, Tx};

/// How the kinds of evidence begin.
pub const KINDS: &str = "evidence.";

/// Takes in one entry's payload, within the transaction that moves the tables on. What is no evidence is passed over; what
/// cannot be read of it is the verifier's business.
pub fn take(tx: &mut Tx, ledger: &str, seq: u64, payload: &[u8]) -> Result<(), StoreError> {
    let Ok(Payload { kind, data, .. }) = Payload::parse(payload) else { return Ok(()) };
    if kind == SEGMENTS_RECORDED
        && let Ok(data) = serde_json::from_value(data)
    {
        segments(tx, ledger, int(seq), &data)?;
    }
    Ok(())
}

fn segments(tx: &mut Tx, ledger: &str, seq: i64, data: &SegmentsRecorded) -> Result<(), StoreError> {
    for stretch in &data.stretches {
        footage::insert_stretch(
            tx,
            &StretchRow {
                ledger: ledger.to_owned(),
                seq,
                camera: text(stretch.camera),
                run: text(stretch.run),
                first: int(stretch.first),
                count: int(stretch.next() - stretch.first),
                starts_at: stretch.from.get(),
                ends_at: stretch.to().get(),
                deleted_at: None,
            },
        )?;
    }
    for gap in &data.gaps {
        footage::insert_gap(
            tx,
            &GapRow {
                ledger: ledger.to_owned(),
                seq,
                camera: text(gap.camera),
                starts_at: at(gap.from),
                ends_at: at(gap.to),
                cause: gap.cause.name().to_owned(),
            },
        )?;
    }
    Ok(())
}

fn text(id: Id) -> String {
    id.to_string()
}

fn at(time: Micros) -> i64 {
    time.get()
}

fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

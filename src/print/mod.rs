//! Lives here: the case's report on paper: a PDF with its own Chinese font, so that it looks the same on any computer.
//! Must never know: I/O, SQL, HTTP, what may be read by whom. It prints what a case says, and decides nothing.
//! Start reading at `story` (what stands in the report), then `paper` (how it is laid out).

mod face;
mod paper;
mod phrases;
mod story;

pub use phrases::kind_title;

use crate::review::case::{Printer, Summary};

/// Prints with the font that is built in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Press;

impl Printer for Press {
    fn print(&self, summary: &Summary<'_>) -> Result<Vec<u8>, String> {
        story::tell(summary)?.print()
    }
}

//! One input that is read in two places: the archive of a case, and within it the archive of its ledger, which lies there
//! uncompressed. So a ledger of gigabytes is verified without being held in memory.

use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

/// A stretch of an input that others read too.
#[derive(Debug)]
pub struct Part<R> {
    shared: Rc<RefCell<Shared<R>>>,
    start: u64,
    length: u64,
    /// Behind `start`.
    at: u64,
}

#[derive(Debug)]
struct Shared<R> {
    input: R,
    /// Where the input stands; a seek to where it stands already would empty its buffer.
    at: u64,
}

impl<R: Read + Seek> Part<R> {
    /// All of it.
    pub fn whole(mut input: R) -> io::Result<Self> {
        let length = input.seek(SeekFrom::End(0))?;
        Ok(Self { shared: Rc::new(RefCell::new(Shared { input, at: length })), start: 0, length, at: 0 })
    }

    /// `length` bytes from `start` on; fewer where this one ends.
    #[must_use]
    pub fn part(&self, start: u64, length: u64) -> Self {
        let start = start.min(self.length);
        let length = length.min(self.length - start);
        Self { shared: Rc::clone(&self.shared), start: self.start + start, length, at: 0 }
    }
}

impl<R: Read + Seek> Read for Part<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let Some(buffer) = buffer.get_mut(..wanted).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        let mut shared = self.shared.borrow_mut();
        let at = self.start + self.at;
        if shared.at != at {
            shared.at = shared.input.seek(SeekFrom::Start(at))?;
        }
        let count = shared.input.read(buffer)?;
        let read = u64::try_from(count).unwrap_or(0);
        shared.at += read;
        self.at += read;
        Ok(count)
    }
}

impl<R: Read + Seek> Seek for Part<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::End(by) => (self.length, by),
            SeekFrom::Current(by) => (self.at, by),
        };
        self.at = from.checked_add_signed(by).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

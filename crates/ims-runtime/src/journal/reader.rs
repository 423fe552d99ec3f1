//! Reading a file from its beginning to its end without having all of it in memory.

use super::record::{self, Entry};
use super::storage::{File, read};
use std::io;

/// Bytes read at a time, unless a record is longer.
const BLOCK: usize = 256 * 1024;

/// A file, and the block of it that was read last.
#[derive(Debug)]
pub(crate) struct Reader<F> {
    file: F,
    length: u64,
    block: Vec<u8>,
    /// Where in the file the block begins.
    start: u64,
}

impl<F: File> Reader<F> {
    pub(crate) fn new(file: F) -> io::Result<Self> {
        Ok(Self { length: file.length()?, file, block: Vec::new(), start: 0 })
    }

    pub(crate) const fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn into_file(self) -> F {
        self.file
    }

    /// So many bytes from `offset` on, or as many as there are.
    pub(crate) fn view(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let length = length.min(usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX));
        if self.held(offset, length).is_none() {
            let block = BLOCK.max(length) as u64;
            self.block = read(&self.file, offset, block.min(self.length.saturating_sub(offset)))?;
            self.start = offset;
        }
        Ok(self.held(offset, length).unwrap_or_default())
    }

    fn held(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let at = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.block.get(at..at.checked_add(length)?)
    }

    /// The record at this place; `None` if there is no whole one.
    pub(crate) fn entry(&mut self, offset: u64) -> io::Result<Option<Entry<'_>>> {
        let Some(length) = record::length_of(self.view(offset, record::FRAME)?) else { return Ok(None) };
        Ok(record::decode(self.view(offset, length)?))
    }

    /// How many bytes from `offset` on are no reserved space: behind them stand zeros alone.
    pub(crate) fn used_behind(&mut self, offset: u64) -> io::Result<usize> {
        let (mut at, mut used) = (offset, 0);
        while at < self.length {
            let block = self.view(at, BLOCK)?;
            if let Some(last) = block.iter().rposition(|byte| *byte != 0) {
                used = at - offset + last as u64 + 1;
            }
            at += block.len() as u64;
        }
        usize::try_from(used).map_err(|_| io::ErrorKind::FileTooLarge.into())
    }

    /// Everything from `offset` on.
    pub(crate) fn rest(&self, offset: u64) -> io::Result<Vec<u8>> {
        read(&self.file, offset, self.length.saturating_sub(offset))
    }
}

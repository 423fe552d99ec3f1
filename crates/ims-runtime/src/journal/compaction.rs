//! Copying the live records to a new file, a part at a time between batches.

use super::header::{HEADER, Header};
use super::log::{NEXT, STEP};
use super::reader::Reader;
use super::replay::{self, Contents, Index, Place};
use super::storage::{Directory, File, read, write_zeros};
use ims_node::Seq;
use std::collections::VecDeque;
use std::io;

/// Bytes copied between two batches.
const PART: u64 = 1024 * 1024;

/// How far it is.
pub(crate) enum Progress {
    /// There is more to copy.
    More,
    /// Everything is copied and synced.
    Copied,
}

/// A new file in the making: first the records that lived when it began, then all that was written since.
#[derive(Debug)]
pub(crate) struct Compaction<F> {
    file: F,
    header: Header,
    /// Live records of the old file still to be copied, in their order.
    places: VecDeque<Place>,
    /// Up to here the old file is copied otherwise.
    copied: u64,
    /// Where the next byte goes.
    end: u64,
}

impl<F: File> Compaction<F> {
    /// Begins with the records of `index`; `now` is the last number given and the end of the old file.
    pub(crate) fn start<D>(directory: &D, index: &Index, now: (Seq, u64)) -> io::Result<Self>
    where
        D: Directory<File = F>,
    {
        let mut places: Vec<Place> = index.values().copied().collect();
        places.sort_unstable_by_key(|place| place.offset);
        let snapshot = HEADER as u64 + places.iter().map(|place| place.length).sum::<u64>();
        let mut file = directory.create(NEXT)?;
        let mut header = Header::new(now.0, snapshot);
        write_zeros(&mut file, 0, HEADER)?;
        let (place, bytes) = header.advance(snapshot, now.0);
        file.write_at(place, &bytes)?;
        Ok(Self { file, header, places: places.into(), copied: now.1, end: HEADER as u64 })
    }

    /// Copies a part of `old`, whose last record ends at `old_end`, and syncs it.
    pub(crate) fn step(&mut self, old: &F, old_end: u64) -> io::Result<Progress> {
        let mut part = Vec::new();
        while (part.len() as u64) < PART {
            let Some(place) = self.places.pop_front() else { break };
            part.extend(read(old, place.offset, place.length)?);
        }
        let mut progress = Progress::More;
        if self.places.is_empty() && part.is_empty() {
            let left = old_end - self.copied;
            part = read(old, self.copied, left.min(PART))?;
            self.copied += part.len() as u64;
            if left <= PART {
                // Room ahead, so that the new file does not begin as a full one.
                let end = self.end + part.len() as u64;
                write_zeros(&mut self.file, end, STEP)?;
                let (place, bytes) = self.header.advance(end + STEP as u64, self.header.durable);
                self.file.write_at(place, &bytes)?;
                progress = Progress::Copied;
            }
        }
        self.file.write_at(self.end, &part)?;
        self.file.sync()?;
        self.end += part.len() as u64;
        Ok(progress)
    }

    /// The new file, and what a restart would find in it.
    pub(crate) fn finish(self) -> io::Result<(F, Contents)> {
        let mut reader = Reader::new(self.file)?;
        let contents = replay::contents(&mut reader).map_err(io::Error::other)?;
        Ok((reader.into_file(), contents))
    }
}

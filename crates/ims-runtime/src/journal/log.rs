//! The file that is written to.

use super::compaction::{Compaction, Progress};
use super::header::{HEADER, Header};
use super::reader::Reader;
use super::record;
use super::replay::{self, Contents, Index, Live, Place};
use super::storage::{Directory, File, write_zeros};
use super::{JournalError, Replay, Status};
use ims_node::{Record, Seq};
use std::io;

/// Name of the file in the state directory.
pub(crate) const NAME: &str = "journal";
/// Name of the file that will replace it.
pub(crate) const NEXT: &str = "journal.next";

/// Bytes reserved at a time.
pub(crate) const STEP: usize = 4 * 1024 * 1024;
/// More is reserved when less than this is left; also what a full journal can still take of state that was promised
/// before. More than [`super::MAX_BACKLOG`].
const LEFT: u64 = 2 * 1024 * 1024;
/// A file up to this long is never compacted.
pub(crate) const SMALL: u64 = 8 * 1024 * 1024;
/// A file is compacted when it is this many times as long as its live records.
const BLOAT: u64 = 4;

/// An open journal.
#[derive(Debug)]
pub(crate) struct Log<D: Directory> {
    directory: D,
    file: D::File,
    header: Header,
    /// Where the next record goes.
    end: u64,
    /// Length of the file; zeros stand between `end` and here.
    reserved: u64,
    index: Index,
    live: u64,
    status: Status,
    compaction: Option<Compaction<D::File>>,
    /// No compaction below this length: one has failed.
    compact_at: u64,
}

impl<D: Directory> Log<D> {
    /// Opens the journal of this directory, or begins one, and cuts a torn end off.
    pub(crate) fn open(directory: D) -> Result<(Self, Replay<D::File>), JournalError> {
        let file = match directory.open(NAME)? {
            Some(file) => file,
            None => begin(&directory)?,
        };
        let again = directory.open(NAME)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let mut reader = Reader::new(again)?;
        let reserved = reader.length();
        let Contents { index, last, end, torn, header } = replay::contents(&mut reader)?;
        let replay = Replay { live: Live::new(reader, &index), last, torn: (torn > 0).then_some(end) };
        let live = index.values().map(|place| place.length).sum();
        let mut log = Self {
            directory,
            file,
            header,
            end,
            reserved,
            index,
            live,
            status: Status { synced: last, ..Status::default() },
            compaction: None,
            compact_at: if header.is_outdated() { 0 } else { SMALL },
        };
        if torn > 0 {
            // Made reserved space again.
            write_zeros(&mut log.file, end, torn)?;
        }
        // A process that was killed may have written what it did not come to sync; what is read counts as durable from here on.
        log.file.sync()?;
        log.reserve();
        Ok((log, replay))
    }

    pub(crate) fn status(&self) -> Status {
        Status { file: self.end, live: self.live, ..self.status }
    }

    /// Writes a batch and makes it durable. After an error nothing is known about the file, and nothing more may be
    /// written.
    pub(crate) fn append(&mut self, batch: &[(Seq, Record)]) -> io::Result<()> {
        let Some((last, _)) = batch.last() else { return Ok(()) };
        let mut bytes = Vec::new();
        let mut places = Vec::with_capacity(batch.len());
        for (seq, record) in batch {
            let offset = self.end + bytes.len() as u64;
            let fits = record::encode(&mut bytes, *seq, self.status.synced, record);
            fits.ok_or(io::ErrorKind::InvalidInput)?;
            places.push(Place { offset, length: record::length(record) });
        }
        self.file.write_at(self.end, &bytes)?;
        self.file.sync()?;
        for ((_, record), place) in batch.iter().zip(places) {
            let before = match record.value {
                Some(_) => {
                    self.live += place.length;
                    self.index.insert(record.key.clone(), place)
                }
                None => self.index.remove(&record.key),
            };
            self.live -= before.map_or(0, |place| place.length);
        }
        self.end += bytes.len() as u64;
        self.reserved = self.reserved.max(self.end);
        self.status.bytes += bytes.len() as u64;
        self.status.synced = *last;
        Ok(())
    }

    /// Sees to it that there is room ahead; where there is none, the journal is full.
    pub(crate) fn reserve(&mut self) {
        if self.reserved - self.end >= LEFT {
            let is_noted = self.header.is_outdated() || self.header.reserved >= self.reserved;
            self.status.full = !is_noted && self.note_length().is_err();
            return;
        }
        let zeros = write_zeros(&mut self.file, self.reserved, STEP).and_then(|()| self.file.sync());
        let outcome = match zeros {
            Ok(()) => {
                self.reserved += STEP as u64;
                self.note_length()
            }
            Err(error) => {
                // What little it took is given back; where even that fails, the next try overwrites it.
                let _ = self.file.truncate(self.reserved);
                Err(error)
            }
        };
        if let Err(error) = &outcome
            && !self.status.full
        {
            tracing::error!(%error, "no room for the journal, new state is refused");
        }
        self.status.full = outcome.is_err();
    }

    /// Says in the header how long the file is. Records stand before that length only, so whatever cuts one off makes the file
    /// shorter than it says.
    fn note_length(&mut self) -> io::Result<()> {
        if self.header.is_outdated() {
            return Ok(());
        }
        let mut header = self.header;
        let (place, bytes) = header.advance(self.reserved, self.status.synced);
        self.file.write_at(place, &bytes)?;
        self.file.sync()?;
        // Only now: the next one must not go where the last whole one stands.
        self.header = header;
        Ok(())
    }

    /// Copies some more live records, if the file is worth replacing; whether there is more to do at once. Errors
    /// before the replacement leave the old file in use; one at the replacement is returned, because then nobody knows
    /// which file a restart would find.
    pub(crate) fn compact(&mut self) -> io::Result<bool> {
        let Some(compaction) = &mut self.compaction else {
            let is_bloated = self.end > self.live * BLOAT || self.header.is_outdated();
            if self.end <= self.compact_at || !is_bloated {
                return Ok(false);
            }
            return match Compaction::start(&self.directory, &self.index, (self.status.synced, self.end)) {
                Ok(compaction) => {
                    self.compaction = Some(compaction);
                    Ok(true)
                }
                Err(error) => Ok(self.give_up(&error)),
            };
        };
        match compaction.step(&self.file, self.end) {
            Ok(Progress::More) => Ok(true),
            Ok(Progress::Copied) => self.replace(),
            Err(error) => Ok(self.give_up(&error)),
        }
    }

    /// Goes on with the old file; nothing more to do at once.
    fn give_up(&mut self, error: &io::Error) -> bool {
        tracing::warn!(%error, "the journal could not be compacted");
        self.compaction = None;
        self.compact_at = self.end * 2;
        false
    }

    fn replace(&mut self) -> io::Result<bool> {
        let Some(compaction) = self.compaction.take() else { return Ok(false) };
        // Read back as a restart would, before the old file is given up.
        let (file, contents) = match compaction.finish() {
            Ok(whole) if whole.1.last == self.status.synced && whole.1.index.len() == self.index.len() => {
                whole
            }
            Ok(_) => return Ok(self.give_up(&io::ErrorKind::InvalidData.into())),
            Err(error) => return Ok(self.give_up(&error)),
        };
        self.directory.rename(NEXT, NAME)?;
        self.directory.sync()?;
        tracing::info!(before = self.end, after = contents.end, "journal compacted");
        self.reserved = file.length()?;
        self.file = file;
        self.header = contents.header;
        self.end = contents.end;
        self.index = contents.index;
        self.compact_at = SMALL;
        Ok(false)
    }
}

/// An empty journal, whole on disk before it has its name.
fn begin<D: Directory>(directory: &D) -> io::Result<D::File> {
    let mut file = directory.create(NEXT)?;
    let (place, bytes) = Header::new(Seq(0), HEADER as u64).advance(HEADER as u64, Seq(0));
    // The second place as well, of which there may be nothing yet.
    write_zeros(&mut file, 0, HEADER)?;
    file.write_at(place, &bytes)?;
    file.sync()?;
    directory.rename(NEXT, NAME)?;
    directory.sync()?;
    Ok(file)
}

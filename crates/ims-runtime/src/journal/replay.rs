//! From the bytes of a file to the records that live in it.

use super::JournalError;
use super::header::{HEADER, Header};
use super::reader::Reader;
use super::record::decode;
use super::storage::File;
use ims_node::{Record, Seq};
use std::collections::HashMap;
use std::io;

/// Where a live record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// The live records by key. Its size is that of the role's own state, which the role bounds.
pub(crate) type Index = HashMap<Box<[u8]>, Place>;

/// What a file holds.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) index: Index,
    /// The highest number given so far.
    pub(crate) last: Seq,
    /// Where the last whole record ends.
    pub(crate) end: u64,
    /// Bytes behind it up to the last that is no zero.
    pub(crate) torn: usize,
    pub(crate) header: Header,
}

/// Reads a whole file, a block at a time.
pub(crate) fn contents<F: File>(reader: &mut Reader<F>) -> Result<Contents, JournalError> {
    let header = Header::decode(reader.view(0, HEADER)?).ok_or(JournalError::Damaged { offset: 0 })?;
    let mut index = Index::new();
    let mut last = None;
    let mut end = header.end();
    if reader.length() < header.reserved {
        // Cut off. Nobody knows what stood there.
        return Err(JournalError::Damaged { offset: reader.length() });
    }
    while let Some(entry) = reader.entry(end)? {
        // Not ours: left over from another use of these blocks.
        if last.is_some_and(|last| entry.seq <= last) {
            break;
        }
        let length = entry.length as u64;
        match entry.value {
            Some(_) => {
                index.insert(entry.key.into(), Place { offset: end, length });
            }
            None => {
                index.remove(entry.key);
            }
        }
        last = Some(entry.seq);
        end += length;
    }
    let last = last.unwrap_or_default().max(header.base);
    let left = reader.used_behind(end)?;
    if end < header.snapshot
        || last < header.durable
        || (left > 0 && was_durable(&reader.rest(end)?, left, last))
    {
        return Err(JournalError::Damaged { offset: end });
    }
    Ok(Contents { index, last, end, torn: left, header })
}

/// Whether a record that begins in the first `left` bytes of the damaged `rest` tells that the one after `last` had been synced. The records of one batch are
/// not: any part of them may be missing after a crash, and nobody was told of them.
fn was_durable(rest: &[u8], left: usize, last: Seq) -> bool {
    (0..left).filter_map(|at| decode(rest.get(at..)?)).any(|later| later.seq > last && later.durable > last)
}

/// The live records, oldest first. Each is read when it is asked for: all of them together are as large as what the role
/// makes of them.
#[derive(Debug)]
pub(crate) struct Live<F> {
    reader: Reader<F>,
    places: std::vec::IntoIter<Place>,
}

impl<F: File> Live<F> {
    pub(crate) fn new(reader: Reader<F>, index: &Index) -> Self {
        let mut places: Vec<Place> = index.values().copied().collect();
        places.sort_unstable_by_key(|place| place.offset);
        Self { reader, places: places.into_iter() }
    }

    /// How many are still to come.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }
}

impl<F: File> Iterator for Live<F> {
    type Item = io::Result<Record>;

    fn next(&mut self) -> Option<io::Result<Record>> {
        let place = self.places.next()?;
        let read = self.reader.entry(place.offset).and_then(|entry| {
            let entry = entry.ok_or(io::ErrorKind::InvalidData)?;
            Ok(Record { key: entry.key.into(), value: entry.value.map(Into::into) })
        });
        Some(read)
    }
}

//! From the bytes of a file to the records that live in it.

use super::JournalError;
use super::record::{HEADER, Header, decode};
use ims_node::{Record, Seq};
use std::collections::HashMap;

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
    /// Something else than zeros stands behind it.
    pub(crate) torn: bool,
}

/// Reads a whole file.
pub(crate) fn contents(file: &[u8]) -> Result<Contents, JournalError> {
    let header = Header::decode(file).ok_or(JournalError::Damaged { offset: 0 })?;
    let mut index = Index::new();
    let mut last = None;
    let mut end = HEADER;
    while let Some(entry) = decode(file.get(end..).unwrap_or_default()) {
        // Not ours: left over from another use of these blocks.
        if last.is_some_and(|last| entry.seq <= last) {
            break;
        }
        match entry.value {
            Some(_) => {
                let place = Place { offset: end as u64, length: entry.length as u64 };
                index.insert(entry.key.into(), place);
            }
            None => {
                index.remove(entry.key);
            }
        }
        last = Some(entry.seq);
        end += entry.length;
    }
    let offset = end as u64;
    let last = last.unwrap_or_default().max(header.base);
    let rest = file.get(end..).unwrap_or_default();
    let left = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    if offset < header.snapshot || was_durable(rest, left, last) {
        return Err(JournalError::Damaged { offset });
    }
    Ok(Contents { index, last, end: offset, torn: left > 0 })
}

/// Whether a record that begins in the first `left` bytes of the damaged `rest` tells that the one after `last` had been synced. The records of one batch are
/// not: any part of them may be missing after a crash, and nobody was told of them.
fn was_durable(rest: &[u8], left: usize, last: Seq) -> bool {
    (0..left).filter_map(|at| decode(rest.get(at..)?)).any(|later| later.seq > last && later.durable > last)
}

/// The live records, oldest first.
pub(crate) fn live(file: &[u8], index: &Index) -> Vec<Record> {
    let mut places: Vec<Place> = index.values().copied().collect();
    places.sort_unstable_by_key(|place| place.offset);
    let entries = places.into_iter().filter_map(|place| {
        let offset = usize::try_from(place.offset).ok()?;
        decode(file.get(offset..)?)
    });
    entries.map(|entry| Record { key: entry.key.into(), value: entry.value.map(Into::into) }).collect()
}

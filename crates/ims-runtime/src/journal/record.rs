//! The bytes of a record of the journal. All numbers are big endian.
//!
//! ```text
//! record  u32 length of what follows the CRC · u32 CRC-32 of it · u64 number · u64 highest durable number at the time
//!         · u32 length of the key · key · u8 0 removed, 1 has a value · value
//! ```
//!
//! The first record stands behind the [header](super::header); behind the last one stand zeros: reserved space.

use ims_node::{Record, Seq};

/// Bytes of one record; a longer one cannot be kept and ends the process.
pub(crate) const MAX_RECORD: usize = 16 * 1024 * 1024;

/// Bytes before what the sum is of.
pub(crate) const FRAME: usize = 8;
const FIXED: usize = 8 + 8 + 4 + 1;

/// One record as it stands in the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// Its number.
    pub(crate) seq: Seq,
    /// The highest durable number when it was written.
    pub(crate) durable: Seq,
    pub(crate) key: &'a [u8],
    pub(crate) value: Option<&'a [u8]>,
    /// Bytes that it takes.
    pub(crate) length: usize,
}

/// Bytes that a record takes.
pub(crate) fn length(record: &Record) -> u64 {
    let value = record.value.as_ref().map_or(0, |value| value.len());
    (FRAME + FIXED + record.key.len() + value) as u64
}

/// Writes a record behind what stands in `out`; `None` if it is longer than [`MAX_RECORD`].
pub(crate) fn encode(out: &mut Vec<u8>, seq: Seq, durable: Seq, record: &Record) -> Option<()> {
    let value = record.value.as_deref().unwrap_or_default();
    let body = FIXED + record.key.len() + value.len();
    if body > MAX_RECORD {
        return None;
    }
    let start = out.len();
    out.extend_from_slice(&u32::try_from(body).ok()?.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&seq.0.to_be_bytes());
    out.extend_from_slice(&durable.0.to_be_bytes());
    out.extend_from_slice(&u32::try_from(record.key.len()).ok()?.to_be_bytes());
    out.extend_from_slice(&record.key);
    out.push(u8::from(record.value.is_some()));
    out.extend_from_slice(value);
    let crc = crc32fast::hash(out.get(start + FRAME..)?);
    out.get_mut(start + 4..start + FRAME)?.copy_from_slice(&crc.to_be_bytes());
    Some(())
}

/// How long the record is that begins so; `None` if none does.
pub(crate) fn length_of(frame: &[u8]) -> Option<usize> {
    let body_length = usize::try_from(u32_at(frame, 0)?).ok()?;
    (FIXED..=MAX_RECORD).contains(&body_length).then_some(FRAME + body_length)
}

/// Reads the record at the start of `bytes`; `None` if there is no whole one.
pub(crate) fn decode(bytes: &[u8]) -> Option<Entry<'_>> {
    let length = length_of(bytes)?;
    let body = bytes.get(FRAME..length)?;
    let (seq, durable) = (Seq(u64_at(body, 0)?), Seq(u64_at(body, 8)?));
    // Looked at before the sum, which makes the search behind a damaged place cheap.
    if durable >= seq || u32_at(bytes, 4)? != crc32fast::hash(body) {
        return None;
    }
    let key_length = usize::try_from(u32_at(body, 16)?).ok()?;
    let (key, rest) = body.get(20..)?.split_at_checked(key_length)?;
    let (tag, value) = rest.split_first()?;
    let value = (*tag == 1).then_some(value);
    Some(Entry { seq, durable, key, value, length })
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|chunk| u64::from_be_bytes(*chunk))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|chunk| u32::from_be_bytes(*chunk))
}

//! What the file begins with. All numbers are big endian.
//!
//! ```text
//! header  two places of 64 bytes, the newer one counts: the other is whole while one is written
//! place   "MUSTJRN2" · u64 base: the highest record number given before this file began
//!         · u64 length of header and snapshot, written and synced together
//!         · u64 length that the file had at least when this was written · u64 highest number durable then
//!         · u32 CRC-32 of the 40 bytes before
//! ```
//!
//! By length and number a file is known that was cut, or lost its end, where one record ends and the next begins. Version 1 had one
//! place of 28 bytes without them; such a file is read, and replaced as soon as possible.

use super::record::{u32_at, u64_at};
use ims_node::Seq;

/// Bytes of the header.
pub(crate) const HEADER: usize = 2 * PLACE;
/// Bytes of one place.
const PLACE: usize = 64;
/// Bytes of the header of version 1.
const HEADER_1: usize = 28;

const MAGIC: &[u8; 8] = b"MUSTJRN2";
const MAGIC_1: &[u8; 8] = b"MUSTJRN1";

/// What the file begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The highest number given before this file began.
    pub(crate) base: Seq,
    /// Up to here the file was synced before it came into use.
    pub(crate) snapshot: u64,
    /// The file is as long as this at least.
    pub(crate) reserved: u64,
    /// This number was durable.
    pub(crate) durable: Seq,
    /// The place where this was read; the next one goes to the other.
    place: usize,
    /// Bytes that it takes.
    size: usize,
}

impl Header {
    /// Of a file that begins with so many bytes of header and snapshot.
    pub(crate) const fn new(base: Seq, snapshot: u64) -> Self {
        Self { base, snapshot, reserved: snapshot, durable: base, place: 1, size: HEADER }
    }

    /// Where the first record stands.
    pub(crate) const fn end(&self) -> u64 {
        self.size as u64
    }

    /// Whether the file is of an earlier version.
    pub(crate) const fn is_outdated(&self) -> bool {
        self.size != HEADER
    }

    /// Notes how far the file is; gives what is to be written, and where.
    pub(crate) fn advance(&mut self, reserved: u64, durable: Seq) -> (u64, Vec<u8>) {
        (self.reserved, self.durable) = (reserved, durable);
        self.place = 1 - self.place;
        ((self.place * PLACE) as u64, self.encode())
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for number in [self.base.0, self.snapshot, self.reserved, self.durable.0] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
        bytes
    }

    /// From the start of the file; `None` if that is no header.
    pub(crate) fn decode(file: &[u8]) -> Option<Self> {
        let places = (0..2).filter_map(|place| Self::decode_place(file.get(place * PLACE..)?, place));
        places.max_by_key(|header| (header.reserved, header.durable)).or_else(|| Self::decode_1(file))
    }

    fn decode_place(bytes: &[u8], place: usize) -> Option<Self> {
        let rest = checked(bytes, 40)?.strip_prefix(MAGIC)?;
        let number = |at: usize| u64_at(rest, at * 8);
        let (base, snapshot) = (Seq(number(0)?), number(1)?);
        let (reserved, durable) = (number(2)?, Seq(number(3)?));
        Some(Self { base, snapshot, reserved, durable, place, size: HEADER })
    }

    fn decode_1(file: &[u8]) -> Option<Self> {
        let rest = checked(file, HEADER_1 - 4)?.strip_prefix(MAGIC_1)?;
        let (base, snapshot) = (Seq(u64_at(rest, 0)?), u64_at(rest, 8)?);
        Some(Self { size: HEADER_1, ..Self::new(base, snapshot) })
    }
}

/// So many bytes, if their sum stands behind them.
fn checked(bytes: &[u8], length: usize) -> Option<&[u8]> {
    let (bytes, rest) = bytes.split_at_checked(length)?;
    (u32_at(rest, 0)? == crc32fast::hash(bytes)).then_some(bytes)
}

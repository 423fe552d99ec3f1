//! CSeq numbers of our own requests in one dialog, reserved in the journal by the block.

use minicbor::decode::{Decoder, Error as DecodeError};
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Encode, Encoder};

/// CSeq numbers reserved by one journal record.
const BLOCK: u32 = 32;

/// The last number used, and the last one that the journal allows.
///
/// A CSeq must rise over a restart too, but a journal record for each NOTIFY would cost more than the NOTIFY. So the
/// journal holds a ceiling: all numbers up to it may have been used. Only a number above it raises the ceiling, by a
/// whole block, and that has to be on disk before the request leaves. After a restart numbering goes on above the
/// ceiling; the gap is legal (RFC 3261 section 12.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sequence {
    last: u32,
    ceiling: u32,
}

/// Whether the journal must take a new record before a request leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Reservation {
    /// The number lies below the journalled ceiling.
    Covered,
    /// The ceiling was raised; the dialog has to be journalled before the request is sent.
    Raised,
}

impl Sequence {
    /// Numbers above `last`, none reserved.
    pub(crate) const fn after(last: u32) -> Self {
        Self { last, ceiling: last }
    }

    /// Numbers from 1 on, of which the first record of the dialog reserves a part of a block: that record is written anyway.
    pub(crate) const fn spread(number: u64) -> Self {
        let first = match number.to_be_bytes() {
            [.., last] => last as u32 % BLOCK,
        };
        Self { last: 0, ceiling: first + 1 }
    }

    /// The next number.
    pub(crate) const fn take(&mut self) -> (u32, Reservation) {
        self.last = self.last.saturating_add(1);
        if self.last <= self.ceiling {
            return (self.last, Reservation::Covered);
        }
        self.ceiling = self.last.saturating_add(BLOCK - 1);
        (self.last, Reservation::Raised)
    }
}

impl<C> Encode<C> for Sequence {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.u32(self.ceiling)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Sequence {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        d.u32().map(Self::after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raised(sequence: &mut Sequence, count: u32) -> Vec<u32> {
        let numbers = (0..count).map(|_| sequence.take());
        numbers.filter(|(_, reservation)| *reservation == Reservation::Raised).map(|(n, _)| n).collect()
    }

    #[test]
    fn sub_n_21_the_journal_is_written_once_per_block() {
        let mut sequence = Sequence::after(0);
        assert_eq!(raised(&mut sequence, 65), [1, 33, 65]);
    }

    #[test]
    fn sub_n_21_dialogs_that_begin_together_write_apart() {
        let mut first = Vec::new();
        for number in 0..64 {
            let mut sequence = Sequence::spread(number);
            let raised = raised(&mut sequence, 65);
            assert_eq!(raised[1] - raised[0], 32, "{raised:?}");
            first.push(raised[0]);
        }
        first.sort();
        first.dedup();
        assert_eq!(first, (2..=33).collect::<Vec<_>>());
    }

    #[test]
    fn sub_n_21_a_restart_goes_on_above_every_number_used() {
        let mut sequence = Sequence::after(0);
        for used in 1..=100 {
            assert_eq!(sequence.take().0, used);
            let kept = minicbor::to_vec(sequence).unwrap();
            let mut restored: Sequence = minicbor::decode(&kept).unwrap();
            let (next, reservation) = restored.take();
            assert!(next > used && next <= used + BLOCK, "{next} after {used}");
            assert_eq!(reservation, Reservation::Raised);
        }
    }
}

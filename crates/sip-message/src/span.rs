//! A place in a message or URI, small enough to keep many.

use std::ops::Range;

/// From one byte up to another; [`crate::MAX_MESSAGE`] fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Span {
    start: u16,
    end: u16,
}

impl Span {
    #[expect(clippy::cast_possible_truncation, reason = "MAX_MESSAGE is u16::MAX")]
    pub(crate) const fn new(start: usize, end: usize) -> Self {
        Self { start: start as u16, end: end as u16 }
    }

    /// Where `part`, a slice of `whole`, stands in it.
    pub(crate) fn of(part: &str, whole: &[u8]) -> Self {
        let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
        Self::new(start, start + part.len())
    }

    pub(crate) fn start(self) -> usize {
        self.start.into()
    }

    pub(crate) fn end(self) -> usize {
        self.end.into()
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start()..self.end()
    }
}

//! The header lines of a message and where each name stands first.

use crate::charset::{self, TOKEN};
use crate::defect::Defect;
use crate::header_name::HeaderName;
use crate::raw::MAX_HEADER_LINES;
use crate::scan::{self, BLOCK};
use crate::span::Span;
use std::ops::Range;

/// One header line: its name, and where line and value stand. [`crate::MAX_MESSAGE`] fits the places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) name: HeaderName,
    start: u16,
    value: u16,
    value_end: u16,
    end: u16,
}

impl Line {
    /// The whole line with its end, folds included.
    pub(crate) fn place(&self) -> Range<usize> {
        self.start.into()..self.end.into()
    }

    pub(crate) fn value(&self) -> Span {
        Span::new(self.value.into(), self.value_end.into())
    }
}

/// Room for every [`HeaderName`].
const NAMES: usize = 64;
const _: () = assert!(MAX_HEADER_LINES <= 256);

/// All header lines, in order.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    lines: Vec<Line>,
    /// A bit for each name that stands here.
    present: u64,
    /// Where it stands first: a message is asked for a dozen names, and most walks over all lines would be for nothing.
    first: [u8; NAMES],
    /// The first name that may stand once and stands again.
    repeated: Option<HeaderName>,
}

impl Lines {
    pub(crate) fn new() -> Self {
        Self { lines: Vec::with_capacity(24), present: 0, first: [0; NAMES], repeated: None }
    }

    pub(crate) fn all(&self) -> &[Line] {
        &self.lines
    }

    /// The first line of this name.
    pub(crate) fn first(&self, name: HeaderName) -> Option<&Line> {
        if self.present & name.bit() == 0 {
            return None;
        }
        self.first.get(name as usize).and_then(|first| self.lines.get(usize::from(*first)))
    }

    /// The lines of this name, in order.
    pub(crate) fn named(&self, name: HeaderName) -> impl Iterator<Item = &Line> {
        let first = if self.present & name.bit() == 0 {
            self.lines.len()
        } else {
            self.first.get(name as usize).map_or(0, |first| usize::from(*first))
        };
        self.lines.get(first..).unwrap_or_default().iter().filter(move |line| line.name == name)
    }

    /// RFC 4475 section 3.3.8: fields that are no list stand once.
    pub(crate) const fn repeated(&self) -> Option<HeaderName> {
        self.repeated
    }

    #[expect(clippy::cast_possible_truncation, reason = "MAX_HEADER_LINES is 256")]
    fn push(&mut self, line: Line) {
        if self.present & line.name.bit() == 0 {
            self.present |= line.name.bit();
            if let Some(first) = self.first.get_mut(line.name as usize) {
                *first = self.lines.len() as u8;
            }
        } else if line.name.is_single() && self.repeated.is_none() {
            self.repeated = Some(line.name);
        }
        self.lines.push(line);
    }

    /// Reads the header lines from `at` on; gives where the body begins, or nothing when no blank line ends the head.
    pub(crate) fn read(&mut self, bytes: &[u8], at: usize, defect: &mut Option<Defect>) -> Option<usize> {
        match self.read_blocks(bytes, at, defect) {
            Ok(body) => Some(body),
            Err(at) => self.read_with_care(bytes, at, defect),
        }
    }

    /// Reads as far as every CR stands before an LF and every LF behind a CR: where the body begins, or as an error
    /// where the line begins that is no such line.
    #[inline(never)]
    fn read_blocks(
        &mut self,
        bytes: &[u8],
        start: usize,
        defect: &mut Option<Defect>,
    ) -> Result<usize, usize> {
        let mut at = start;
        let mut ends_in_cr = false;
        let (blocks, rest) = bytes.get(start..).unwrap_or_default().as_chunks::<BLOCK>();
        let mut last = [0; BLOCK];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        for (block, block_at) in blocks.iter().chain([&last]).zip((start..).step_by(BLOCK)) {
            let (returns, mut feeds) = scan::line_ends(block);
            if returns << 1 | u64::from(ends_in_cr) != feeds {
                return Err(at);
            }
            ends_in_cr = returns >> (BLOCK - 1) != 0;
            while feeds != 0 {
                let feed = block_at + feeds.trailing_zeros() as usize;
                let rest = bytes.get(at..).unwrap_or_default();
                let length = feed - 1 - at;
                match plain_line(rest, length, at) {
                    Some(line) if self.lines.len() < MAX_HEADER_LINES => self.push(line),
                    _ if length == 0 => return Ok(feed + 1),
                    _ => self.read_line(rest.get(..length).unwrap_or_default(), at, defect),
                }
                at = feed + 1;
                feeds &= feeds - 1;
            }
        }
        Err(at)
    }

    /// Reads what may be anything.
    #[cold]
    fn read_with_care(&mut self, bytes: &[u8], mut at: usize, defect: &mut Option<Defect>) -> Option<usize> {
        loop {
            let rest = bytes.get(at..)?;
            let length = memchr::memchr2(b'\r', b'\n', rest)?;
            let (line, end) = rest.split_at_checked(length)?;
            match *end {
                [b'\r', b'\n', ..] if line.is_empty() => return Some(at + 2),
                [b'\r', b'\n', ..] => {
                    self.read_line(line, at, defect);
                    at += length + 2;
                }
                [b'\r'] => return None,
                _ => {
                    defect.get_or_insert(Defect::HeaderLine);
                    at += length + 1;
                }
            }
        }
    }

    #[inline(never)]
    fn read_line(&mut self, line: &[u8], at: usize, defect: &mut Option<Defect>) {
        if matches!(*line, [b' ' | b'\t', ..]) {
            self.extend_fold(line, at, defect);
        } else if self.lines.len() == MAX_HEADER_LINES {
            defect.get_or_insert(Defect::TooManyHeaders);
        } else {
            match header_line(line, at) {
                Some(line) => self.push(line),
                None => {
                    defect.get_or_insert(Defect::HeaderLine);
                }
            }
        }
    }

    #[cold]
    #[expect(clippy::cast_possible_truncation, reason = "MAX_MESSAGE is u16::MAX")]
    fn extend_fold(&mut self, line: &[u8], at: usize, defect: &mut Option<Defect>) {
        let Some(last) = self.lines.last_mut() else {
            defect.get_or_insert(Defect::HeaderLine);
            return;
        };
        last.end = (at + line.len() + 2) as u16;
        let text = line.trim_ascii();
        if text.is_empty() {
            return;
        }
        let text_at = at + line.len() - line.trim_ascii_start().len();
        if last.value == last.value_end {
            last.value = text_at as u16;
        }
        last.value_end = (text_at + text.len()) as u16;
    }
}

/// The line of this length at the front of `rest`, if it is as nearly all are: a known name, a colon, a blank and a
/// value that needs no trimming. `None` says nothing.
#[inline]
fn plain_line(rest: &[u8], length: usize, at: usize) -> Option<Line> {
    let front = rest.first_chunk()?;
    let colon = scan::colon(front)?;
    let name = HeaderName::at_front(front, colon);
    let is_plain = matches!(
        rest.get(colon..length),
        Some([_, b' ', first, .., last]) if *first > b' ' && *last > b' '
    );
    let end = at + length;
    (is_plain && name != HeaderName::Other).then(|| line_of(name, at, at + colon + 2, end, end + 2))
}

/// Reads one line. White space may stand between name and colon.
fn header_line(line: &[u8], at: usize) -> Option<Line> {
    let colon = scan::find(line, b':')?;
    let name = name_of(line.get(..colon)?.trim_ascii_end())?;
    let value = line.get(colon + 1..)?;
    let text = value.trim_ascii_start();
    let start = at + line.len() - text.len();
    Some(line_of(name, at, start, start + value.trim_ascii().len(), at + line.len() + 2))
}

/// The name, if it is a token: a known one is.
fn name_of(name: &[u8]) -> Option<HeaderName> {
    let known = HeaderName::from_bytes(name);
    let fits = known != HeaderName::Other || (!name.is_empty() && charset::all(name, TOKEN));
    fits.then_some(known)
}

#[expect(clippy::cast_possible_truncation, reason = "MAX_MESSAGE is u16::MAX")]
const fn line_of(name: HeaderName, start: usize, value: usize, value_end: usize, end: usize) -> Line {
    Line { name, start: start as u16, value: value as u16, value_end: value_end as u16, end: end as u16 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Lines, Option<usize>, Option<Defect>) {
        let (mut lines, mut defect) = (Lines::new(), None);
        let end = lines.read(text.as_bytes(), 0, &mut defect);
        (lines, end, defect)
    }

    #[test]
    fn rfc3261_7_3_1_names_values_and_folds_are_found() {
        let text = "Via: a\r\nX-Y:b \r\nt : \r\n c\r\n  d\r\nv:\te\r\n\r\nbody";
        let (lines, end, defect) = read(text);
        assert_eq!((end, defect), (Some(text.len() - 4), None));
        let value = |line: &Line| &text[line.value().range()];
        let values = |name| lines.named(name).map(value).collect::<Vec<_>>();
        assert_eq!(values(HeaderName::Via), ["a", "e"]);
        assert_eq!(values(HeaderName::Other), ["b"]);
        assert_eq!(values(HeaderName::To), ["c\r\n  d"]);
        assert_eq!(values(HeaderName::From), [""; 0]);
        assert_eq!(lines.repeated(), None);
    }

    #[test]
    fn rfc4475_what_is_no_header_line() {
        for bad in
            ["Via\r\n\r\n", "V ia: a\r\n\r\n", ": a\r\n\r\n", " a\r\n\r\n", "Via: a\rb\r\n\r\n", "To: \n\r\n"]
        {
            assert_eq!(read(bad).2, Some(Defect::HeaderLine), "{bad:?}");
        }
        for open in ["", "To", "To:", "To: a\r", "To: a\r\n"] {
            assert_eq!(read(open).1, None, "{open:?}");
        }
    }

    #[test]
    fn the_first_name_that_stands_twice_is_told() {
        assert_eq!(
            read("Via: a\r\nVia: b\r\nTo: a\r\nFrom: b\r\nf: b\r\nt: c\r\n\r\n").0.repeated(),
            Some(HeaderName::From)
        );
    }
}

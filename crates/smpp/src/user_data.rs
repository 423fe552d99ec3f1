//! The header that a short message may have before its text (3GPP TS 23.040 section 9.2.3.24).

/// Which part of a long message this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Concatenation {
    /// What all parts of a message have in common.
    pub reference: u16,
    /// How many parts there are; at least one.
    pub total: u8,
    /// Which of them this is, from 1 on.
    pub number: u8,
}

/// The message ends before its header does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TruncatedHeader;

impl Concatenation {
    /// `None` if these numbers are of no part: then the text stands for itself (TS 23.040 section 9.2.3.24.1).
    #[must_use]
    pub const fn new(reference: u16, total: u8, number: u8) -> Option<Self> {
        if total > 0 && number > 0 && number <= total {
            Some(Self { reference, total, number })
        } else {
            None
        }
    }
}

/// Cuts the header off, and reads what it says of parts; everything else in it is passed over.
pub(crate) fn split(octets: &[u8]) -> Result<(Option<Concatenation>, &[u8]), TruncatedHeader> {
    let (length, rest) = octets.split_first().ok_or(TruncatedHeader)?;
    let (mut header, text) = rest.split_at_checked(usize::from(*length)).ok_or(TruncatedHeader)?;
    let mut concatenation = None;
    while let [identifier, length, elements @ ..] = header {
        let (element, more) = elements.split_at_checked(usize::from(*length)).ok_or(TruncatedHeader)?;
        match (identifier, element) {
            (0x00, [reference, total, number]) => {
                concatenation = Concatenation::new(u16::from(*reference), *total, *number);
            }
            (0x08, [high, low, total, number]) => {
                concatenation = Concatenation::new(u16::from_be_bytes([*high, *low]), *total, *number);
            }
            _ => {}
        }
        header = more;
    }
    if header.is_empty() { Ok((concatenation, text)) } else { Err(TruncatedHeader) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ts_23_040_9_2_3_24_a_header_names_the_part_and_is_no_text() {
        let part = |reference, total, number| Some(Concatenation { reference, total, number });
        type Row = (&'static [u8], Result<(Option<Concatenation>, &'static [u8]), TruncatedHeader>);
        let table: [Row; 11] = [
            (b"\x05\x00\x03\x2a\x02\x01busy", Ok((part(0x2a, 2, 1), b"busy"))),
            (b"\x06\x08\x04\x12\x34\x03\x03x", Ok((part(0x1234, 3, 3), b"x"))),
            (b"\x00busy", Ok((None, b"busy"))),
            (b"\x04\x24\x02\x01\x02busy", Ok((None, b"busy"))),
            (b"\x08\x24\x01\x01\x00\x03\x01\x02\x02y", Ok((part(1, 2, 2), b"y"))),
            (b"\x05\x00\x03\x2a\x00\x01a", Ok((None, b"a"))),
            (b"\x05\x00\x03\x2a\x02\x03a", Ok((None, b"a"))),
            (b"", Err(TruncatedHeader)),
            (b"\x05\x00\x03", Err(TruncatedHeader)),
            (b"\x03\x00\x05\x01a", Err(TruncatedHeader)),
            (b"\x01\x00a", Err(TruncatedHeader)),
        ];
        for (octets, expected) in table {
            assert_eq!(split(octets), expected, "{octets:02x?}");
        }
    }
}

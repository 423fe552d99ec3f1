//! How the octets of a short message are to be read (SMPP 3.4 section 5.2.19, 3GPP TS 23.038 section 4).

use crate::gsm7;
use rusmpp::values::DataCoding;

/// An alphabet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    /// GSM 7-bit, one character an octet.
    Gsm7,
    /// ASCII.
    Ascii,
    /// ISO 8859-1.
    Latin1,
    /// UCS-2, big endian. Phones send UTF-16 by it, and so it is read.
    Ucs2,
}

/// A data coding that names no alphabet of this crate; the number is the data coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownAlphabet(pub u8);

impl Alphabet {
    /// The alphabet of a data coding.
    ///
    /// # Errors
    /// [`UnknownAlphabet`] for binary data, and for an alphabet that this crate cannot read.
    pub fn of(coding: DataCoding) -> Result<Self, UnknownAlphabet> {
        let code = u8::from(coding);
        match code {
            0x01 => Ok(Self::Ascii),
            0x03 => Ok(Self::Latin1),
            // The groups of TS 23.038: uncompressed texts with and without a class; waiting messages.
            0x00 | 0x10..=0x13 | 0xc0..=0xdf | 0xf0..=0xf3 => Ok(Self::Gsm7),
            0x08 | 0x18..=0x1b | 0xe0..=0xef => Ok(Self::Ucs2),
            _ => Err(UnknownAlphabet(code)),
        }
    }

    /// The data coding that names this alphabet in a PDU.
    #[must_use]
    pub const fn coding(self) -> DataCoding {
        match self {
            Self::Gsm7 => DataCoding::McSpecific,
            Self::Ascii => DataCoding::Ia5,
            Self::Latin1 => DataCoding::Latin1,
            Self::Ucs2 => DataCoding::Ucs2,
        }
    }

    /// Reads a text, in units of UTF-16: a character may be cut in two by the parts of a long message. What is no character is read as
    /// one that says so.
    #[must_use]
    pub fn read(self, octets: &[u8]) -> Vec<u16> {
        match self {
            Self::Gsm7 => gsm7::decode(octets).encode_utf16().collect(),
            Self::Ascii => {
                octets.iter().map(|octet| if octet.is_ascii() { u16::from(*octet) } else { 0xfffd }).collect()
            }
            Self::Latin1 => octets.iter().map(|octet| u16::from(*octet)).collect(),
            Self::Ucs2 => {
                let pairs = octets.chunks(2);
                pairs.map(|pair| pair.try_into().map_or(0xfffd, u16::from_be_bytes)).collect()
            }
        }
    }

    /// The shortest alphabet that has all of a text: GSM 7-bit, or UCS-2.
    #[must_use]
    pub fn for_text(text: &str) -> Self {
        if text.chars().all(|character| gsm7::encode(character).is_some()) { Self::Gsm7 } else { Self::Ucs2 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(coding: u8, octets: &[u8]) -> Result<String, UnknownAlphabet> {
        let alphabet = Alphabet::of(DataCoding::from(coding))?;
        Ok(String::from_utf16_lossy(&alphabet.read(octets)))
    }

    #[test]
    fn a_text_is_read_by_its_data_coding() {
        let table: [(u8, &[u8], Result<&str, UnknownAlphabet>); 11] = [
            (0x00, b"\x00busy", Ok("@busy")),
            (0x01, b"busy\xe9", Ok("busy\u{fffd}")),
            (0x03, b"caf\xe9", Ok("café")),
            (0x08, b"\x20\xac\xd8\x3d\xde\x00", Ok("€😀")),
            (0x08, b"\x00a\x00", Ok("a\u{fffd}")),
            (0x18, b"\x00a", Ok("a")),
            (0xf1, b"a", Ok("a")),
            (0x02, b"a", Err(UnknownAlphabet(0x02))),
            (0x04, b"a", Err(UnknownAlphabet(0x04))),
            (0xf4, b"a", Err(UnknownAlphabet(0xf4))),
            (0x0d, b"a", Err(UnknownAlphabet(0x0d))),
        ];
        for (coding, octets, expected) in table {
            assert_eq!(read(coding, octets), expected.map(str::to_owned), "{coding:#x}");
        }
    }
}
